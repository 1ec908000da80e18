/** A request's single instructions: "write a to b, then read it back" are two. */
import { ATOM, PATH } from "./mask.ts";

/** Words that lead into an instruction and say nothing of it. */
const LEAD =
  /^(?:(?:hi|hello|hey)(?:\s+there)?[,!.]\s+|(?:ok(?:ay)?|alright|right|so|well|great|good|sure|now|yes|thanks|thank\s+you)\s*[,!.:]\s*|(?:and|then|afterwards?|next|finally|lastly|also|plus|but|so|now|first(?:ly)?(?!\s+(?:\d|lines?\b|few|two|three|five|ten))|secondly|second|third|once\s+more)\b[\s,:]*|(?:after|before|once|when)\s+(?:that|this|you(?:'re|’re|\s+are)?|it(?:'s|’s|\s+is)?|that(?:'s|’s|\s+is))(?:\s+(?:is|has\s+been|have))?(?:\s*(?:done|finished|written|saved|created|ready))?[\s,:]+|after\s*wards[\s,:]*|first\s+of\s+all[\s,:]*|(?:please|plz|pls)\b[\s,]*|kindly\s+|just\s+|simply\s+|quickly\s+|(?:would|do)\s+you\s+mind\s+|find\s+out\s+(?=wh|if\b|how\b|in\s+which)|step\s+\d+\s*[:.)-]\s*|(?:call|invoke|run|use)\s+(?:the\s+)?(?=(?:read|write|edit|list|search|delete)\b(?!\s+tool))|(?:could|can|may)\s+(?:i|we)\s+(?:please\s+)?|(?:could|can|would|will)\s+(?:you|u)\s+(?:please\s+|kindly\s+|also\s+|then\s+)*|followed\s+by\s+|(?:i\s+want|i(?:'d|’d|\s+would)\s+like|i\s+need)\s+you\s+to\s+|i(?:'d|’d|\s+would)\s+like\s+to\s+|i\s+(?:want|need|wish)\s+to\s+|let(?:'s|’s|\s+us)\s+|go\s+(?:ahead\s+)?and\s+|(?:you\s+)?(?:should|must)\s+|be\s+so\s+kind\s+(?:and|as\s+to)\s+|do\s+me\s+a\s+favou?r[\s,:]+(?:and\s+)?|help\s+me\s+(?:to\s+)?|make\s+sure\s+(?:to|you)\s+|try\s+to\s+|use\s+(?:the|your)\s+\S+\s+tools?\s+to\s+|my\s+task\s+for\s+you\s*:\s*)/i;

const LIST_MARK = /^\s*(?:\d{1,2}[.)]|[-*•])\s+/;
const POLITE_END =
  "(?:[\\s,]+(?:please|plz|pls|thanks|thx|thank\\s+you|for\\s+me|if\\s+you\\s+can|if\\s+possible|now|ok(?:ay)?))";
const TAIL = new RegExp(`${POLITE_END}*[\\s.!,;:]*$`, "i");
const WRITTEN_TAIL = new RegExp(`(?:${POLITE_END}+[\\s.!,;:]*|[\\s.,;:]*)$`, "i");

const WRITES =
  /^(?:write|create|make|save|store|put|add|append|jot|note|record|type|set|enter|place|insert|draft)\b/i;
/** As much of an end as can be politeness. */
const TAIL_CHARS = 200;
/** "Would you mind reading it back" asks for what "read it back" asks for. */
const GERUND: Record<string, string> = {
  reading: "read",
  showing: "show",
  opening: "open",
  printing: "print",
  displaying: "display",
  listing: "list",
  searching: "search",
  finding: "find",
  looking: "look",
  deleting: "delete",
  removing: "remove",
  erasing: "erase",
  writing: "write",
  creating: "create",
  making: "make",
  saving: "save",
  storing: "store",
  putting: "put",
  adding: "add",
  appending: "append",
  replacing: "replace",
  changing: "change",
  editing: "edit",
  telling: "tell",
};

/** An instruction without politeness, connectives, list marks and closing punctuation. */
export function bare(clause: string): string {
  let text = clause.trim().replace(LIST_MARK, "");
  for (;;) {
    // An address: "Kelp, read it" or "@kelp read it".
    const shorter = text.replace(LEAD, "").replace(/^@[\w-]+[\s,:]+/, "");
    if (shorter === text) break;
    text = shorter;
  }
  text = text.replace(/^[a-z]+ing\b/i, (word) => GERUND[word.toLowerCase()] ?? word);
  // Lines of content keep their last full stop, and what is to be written keeps its exclamation mark.
  if (text.includes("\n")) return text.trimEnd();
  const end = Math.max(0, text.length - TAIL_CHARS);
  const tail = text.slice(end).replace(WRITES.test(text) ? WRITTEN_TAIL : TAIL, "");
  return (text.slice(0, end) + tail.replace(/\?+$/, "")).trim();
}

const THING = `(?:${ATOM}|it|that|this|them|both|there|back|again|the|its|their|what|whats|my|me|us|all|everything|every|each|file|contents?|text|result|out|up|how|whether|by|a|in|inside|line|lines)`;
const NAMES_IT = /^(?:call|name)\s+(?:it|that|the\s+file)\b/i;
const OPENERS = [
  new RegExp(
    `^(?:re-?read|read|re-?open|open|show|display|print|cat|view|see|check|output|load|fetch|get|inspect|review|quote|recite|echo|look|peek|verify|confirm|retrieve|examine|reveal|present|list)(?:\\s+${THING}\\b|\\s+${ATOM}|\\s+(?:at|into|through|over)\\s|\\s*$|\\s*[,.;!?])`,
    "i",
  ),
  /^(?:tell|give|let|hand|send|return)\s+(?:it\s+)?(?:me|us|it|back|to)\b/i,
  new RegExp(`^(?:read|write|save|look|open)\\s+${ATOM}`, "i"),
  /^(?:what|whats|what['’]s|which|where|how|who)\b/i,
  /^(?:have|take)\s+a(?:nother)?\s+(?:look|peek)\b/i,
  /^(?:is|does|did|do|are)\s+(?:it|there|that|this|the|any|\uE000)/i,
  new RegExp(
    `^(?:write|create|make|save|store|put|add|append|jot|note|record|type|set|enter|place|insert|overwrite|fill|draft|log|dump|start|compose|generate|keep|populate|clear|empty|touch|remember|new\\s+file)\\b[^.!?]*(?:${PATH}|\\b(?:to|into|in|inside|at)\\s+(?:it|there|that|this|the)\\b)`,
    "i",
  ),
  /^(?:replace|change|swap|substitute|turn|switch|update|correct|fix|edit|modify|rename|move|copy|duplicate)\b/i,
  NAMES_IT,
  /^(?:ls|dir|list|browse|search|find|grep|locate|scan|hunt)\b/i,
  new RegExp(
    `^(?:delete|remove|erase|rm|trash|discard|unlink|drop|destroy|get\\s+rid\\s+of|throw\\s+(?:away|out)|bin)\\s+(?:${ATOM}|it|that|this|them|both|the|all|my|away|every)`,
    "i",
  ),
  new RegExp(`^(?:in|into|inside|to|from)\\s+(?:the\\s+)?(?:file\\s+|folder\\s+)?${PATH}`, "i"),
];
const COURTESY =
  /^(?:thanks|thank\s+you|thx|cheers|many\s+thanks|that(?:'s|’s|\s+is)\s+(?:all|it)|please|ok(?:ay)?|great|bye)\b/i;

/** Whether a new instruction, or a courtesy, begins here. */
function opens(rest: string, bareRest: string): boolean {
  return COURTESY.test(rest.trim()) || OPENERS.some((opener) => opener.test(bareRest));
}

/** Where one instruction may end and the next begin; whether it does depends on what follows. */
const BOUNDARY =
  /[.!?;]+(?=\s|$)\s*|\s*,\s*|\s*\n+\s*|\s+(?=(?:and|then|afterwards?|before|plus|but|followed)\b)|\s+(?:->|=>|→|&&?)\s+|(?<=\uE001)\s+(?=(?:read|show|open|print|display|tell|cat|delete|list)\b)/gi;
/** "Write Hello! to a.txt": the place comes after what only looks like the end of a sentence. */
const PLACED_LATER = new RegExp(
  `^(?:to|into|in|inside|as|under)\\s+(?:the\\s+)?(?:file\\s+|note\\s+)?${PATH}`,
  "i",
);
/** What a block of lines can be the content of. */
const FILLS = new RegExp(`${WRITES.source}|^(?:in|into|to)\\s+(?:the\\s+)?(?:file\\s+)?${PATH}`, "i");
/** What stands for the thing that was spoken of just before. */
const SAVES_IT = /^(?:save|store|put|write|keep|record)\s+(?:it|that|this|them|the\s+\w+)\b/i;
/** "In a.txt, change ..." and "find x and replace it with ..." are one instruction each. */
const PLACE_ONLY = new RegExp(
  `^(?:in|into|inside|to|from)\\s+(?:the\\s+)?(?:file\\s+|note\\s+)?${PATH}$`,
  "i",
);
const SEEKS = /^(?:find|search|look)\b/i;
const SWAPS_IT = /^(?:replace|change|swap|substitute)\s+(?:it|them|that|each|every\s+one)\b/i;
const PATH_MARK = "\uE000p";
const POINTS_AT_END = /\b(?:it|there|that\s+file)$/i;
const QUOTED_END = new RegExp(`${ATOM}\\s*$`);
const CONNECTED = /^(?:and\s+)?(?:then|afterwards?|after\s+that|now|finally|next)\b/i;
const OPEN_END = /(?:following|below|contents?|text|these|this)\s*(?:text|lines?|words?)?\s*:\s*$|:\s*$/i;

/** What is looked at to tell whether an instruction begins: long enough for its verb and its object. */
export const HEAD_CHARS = 400;

/** Splits masked text into instructions, as they stood. Takes time in proportion to the text. */
export function clausesOf(text: string): string[] {
  const clauses: string[] = [];
  let start = 0;
  let seen = 0;
  /** Whether the instruction that is being read has named a file, and whether it has opened a block of lines. */
  let named = false;
  let block = false;
  for (const match of text.matchAll(BOUNDARY)) {
    const at = match.index;
    const after = at + match[0].length;
    named ||= text.slice(seen, at).includes(PATH_MARK);
    block ||= /:\s*\n/.test(text.slice(Math.max(start, seen - 2), at));
    seen = at;
    const soFar = text.slice(start, Math.min(at, start + HEAD_CHARS));
    const rest = text.slice(after, after + HEAD_CHARS);
    if (soFar.trim() === "" || rest.trim() === "") continue;
    const current = bare(soFar);
    const next = bare(rest);
    // "write bread and open sandwiches to a.txt": the thing to write has no place yet, so it goes on.
    const unplaced =
      WRITES.test(current) && !named && !POINTS_AT_END.test(text.slice(Math.max(start, at - 20), at));
    const goesOn = !/^[.!?;]/.test(match[0]) || PLACED_LATER.test(rest);
    if (unplaced && goesOn && !SAVES_IT.test(next) && !NAMES_IT.test(next)) continue;
    // After "write the following to a.txt:" all is content, until a blank line or until its quotation has ended.
    const ending = text.slice(Math.max(start, at - 40), at);
    const opening = match[0].includes("\n") && OPEN_END.test(ending);
    if (FILLS.test(current) && (opening || (block && !QUOTED_END.test(ending)))) {
      if (!(/\n\s*\n/.test(match[0]) && CONNECTED.test(rest))) continue;
    }
    if (PLACE_ONLY.test(current) || (SEEKS.test(current) && SWAPS_IT.test(next))) continue;
    if (!opens(rest, next)) continue;
    const own = FILLS.test(current) ? ((block ? /^[.!?;]*/ : /^!*/).exec(match[0])?.[0].length ?? 0) : 0;
    clauses.push(text.slice(start, at + own));
    start = after;
    seen = after;
    named = false;
    block = false;
  }
  clauses.push(text.slice(start));
  return clauses;
}
