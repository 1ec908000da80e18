/** What an instruction is about: the text to write, the words to look for, what to put in whose place. */
import { ATOM, type Atom, atomsIn, PATH, unmask } from "./mask.ts";

const NOUN = "(?:text|words?|contents?|lines?|sentence|phrase|string|message|body|title|value)";
const LEADING_NOUN = new RegExp(
  `^(?:(?:the|this|these|those|my|its)\\s+)?(?:following|exact|single|one|simple|short)?\\s*(?:${NOUN}(?:\\s+of)?\\s*:?\\s+(?=\\S)|following\\s*:?\\s*(?=\\S)|${NOUN}\\s*:\\s*)`,
  "i",
);
const LEADING_SAY =
  /^(?:(?:a|the)\s+)?(?:note|file|document|message|reminder)\s+(?:of|that\s+says|saying|which\s+says|with|containing|to\s+say)\s*:?\s+/i;
const TRAILING =
  /\s*(?:,?\s*(?:in|inside|into|within)\s+(?:it|there)|,?\s*inside|,?\s*as\s+(?:its\s+|the\s+|an?\s+)?(?:(?:new|last|first)\s+)?(?:contents?|text|body|line)|,?\s*please)\s*$/i;
const NOISE =
  /\b(?:the|this|these|following|exact|exactly|only|just|a|an|single|simple|short|new|one|word|words|text|contents?|line|lines|sentence|phrase|string|message|body|saying|says|that|with|containing|of|note|it|in|inside|there|as|its|file|and|nothing|else|to)\b|[\s:,.;-]+/gi;

/**
 * The text that a fragment stands for: a quotation's inside, or the words themselves. At the end of an instruction
 * a full stop belongs to the sentence and not to the text.
 */
export function contentOf(fragment: string, atoms: Atom[], endsSentence: boolean): string {
  let text = fragment.trim().replace(/^:\s*/, "");
  const quotes = atomsIn(text, atoms);
  const only = quotes[0];
  if (only && quotes.length === 1 && text.replace(new RegExp(ATOM), "").replace(NOISE, "") === "")
    return only.value;
  text = text.replace(LEADING_SAY, "");
  text = text.replace(LEADING_NOUN, "").replace(TRAILING, "");
  const said = unmask(text, atoms).trim();
  return endsSentence && !said.includes("\n") ? said.replace(/(?<!\.)\.$/, "") : said;
}

/** Words that point at something said before, or at what comes after a colon, instead of being the text itself. */
export function isPlaceholder(fragment: string): boolean {
  return /^(?:this|that|it|them|these|the\s+following|following|your\s+(?:last\s+)?(?:answer|reply|response)|(?:this|that|the|these|your)\s+(?:text|words?|contents?|lines?|story|poem|haiku|answer|reply|response|last\s+answer))?\s*:?$/i.test(
    fragment.trim(),
  );
}

/** The slot in "replace SLOT with": without determiners, a quotation's inside. */
function slot(fragment: string, atoms: Atom[]): string {
  const text = fragment
    .trim()
    .replace(
      /^(?:(?:all|every|each|any|both)\s+(?:of\s+)?)?(?:the\s+)?(?:(?:occurrences?|instances?|mentions?|uses?)\s+(?:of\s+)?)?(?:the\s+)?(?:(?:first|old|new|misspelt|misspelled|wrong)\s+)?(?:(?:word|words|text|phrase|line|string|name|typo|term)\s+)?/i,
      "",
    )
    .replace(/\s+(?:everywhere|throughout|each\s+time|in\s+all\s+places)$/i, "");
  const inside = atomsIn(text, atoms);
  const only = inside[0];
  if (only && inside.length === 1 && new RegExp(`^${ATOM}$`).test(text)) return only.value;
  return unmask(text, atoms).trim();
}

export interface Replacement {
  find: string;
  replace: string;
  all: boolean;
}

const EVERYWHERE = /\b(?:all|every|each|everywhere|throughout|wherever)\b/i;
const SWAPS = [
  /^(?:fix|correct)\s+(.+?)\s*,?\s+(?:(?:it|which|that)\s+)?(?:should|must)\s+(?:be|read|say)\s+(.+)$/is,
  /\b(?:find|search\s+for|look\s+for)\s+(.+?)\s*,?\s+and\s+(?:replace|change|swap|substitute)\s+(?:it|them|that|each|every\s+one)\s+(?:with|by|for|to)\s+(.+)$/is,
  /\b(?:find\s+and\s+)?(?:replac(?:e|ing)|swap(?:ping)?(?:\s+out)?|exchang(?:e|ing))\s+(.+?)\s+(?:with|by|for|against)\s+(.+)$/is,
  /\b(?:chang(?:e|ing)|turn(?:ing)?|switch(?:ing)?|updat(?:e|ing)|correct(?:ing)?|fix(?:ing)?|edit(?:ing)?|modify(?:ing)?|renam(?:e|ing))\s+(.+?)\s+(?:in)?to\s+(?:say\s+|read\s+|be\s+)?(.+)$/is,
  /^\s*(.+?)\s*(?:→|->|=>)\s*(.+)$/is,
  /^\s*(.+?)\s+(?:should\s+(?:be|read|say)|must\s+be|becomes?|is\s+now)\s+(.+)$/is,
];
const BACKWARDS =
  /\b(?:substitut(?:e|ing)|us(?:e|ing)|put(?:ting)?|writ(?:e|ing)|say)\s+(.+?)\s+(?:for|instead\s+of|in\s+place\s+of|rather\s+than)\s+(.+)$/is;

/** What to find and what to put there. `null` when the words say no such thing. */
export function replacementOf(text: string, atoms: Atom[]): Replacement | null {
  const all = EVERYWHERE.test(text);
  const backwards = BACKWARDS.exec(text);
  if (backwards?.[1] !== undefined && backwards[2] !== undefined) {
    return { find: slot(backwards[2], atoms), replace: slot(backwards[1], atoms), all };
  }
  const [first, second, ...more] = atomsIn(text, atoms, "quote");
  if (first && second && more.length === 0) return { find: first.value, replace: second.value, all };
  for (const pattern of SWAPS) {
    const match = pattern.exec(text);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    const find = slot(match[1], atoms);
    if (find !== "") return { find, replace: slot(match[2], atoms), all };
  }
  return null;
}

const PLACE = new RegExp(
  `\\s*\\b(?:in|inside|within|of|from|on|at|throughout|across|under)\\s+(?:(?:the|my|a)\\s+)?(?:(?:file|note|document|folder|directory)\\s+(?:called\\s+|named\\s+)?)?(${PATH}(?:\\s*(?:,|,?\\s*and|,?\\s*as\\s+well\\s+as)\\s*${PATH})*)(?:\\s+(?:folder|directory|file))?`,
  "i",
);

/** Takes "in <path>" out of a text. No paths when there is none. */
export function withoutPlace(text: string, atoms: Atom[]): { text: string; paths: string[] } {
  const match = PLACE.exec(text);
  const paths = atomsIn(match?.[1] ?? "", atoms).map(({ value }) => value);
  if (!match || paths.length === 0) return { text, paths };
  return {
    text: `${text.slice(0, match.index)} ${text.slice(match.index + match[0].length)}`.trim(),
    paths,
  };
}

/** Words to search for, from the object of "search for", "which files mention", "where does ... appear". */
export function queryOf(text: string, atoms: Atom[]): string {
  const quoted = atomsIn(text, atoms, "quote")[0];
  if (quoted) return quoted.value;
  const patterns = [
    /^(?:is|are|was|were)\s+(.+?)\s+(?:mentioned|written|said|used|found|anywhere)\b/is,
    /\bwith\s+(?:the\s+)?(?:word|text|phrase)s?\s+(.+)$/is,
    /^in\s+which\s+.*?\b(?:does|do|is|are)\s+(.+?)\s+(?:appears?|occurs?|mentioned|used|found|written)\b/is,
    /^where\s+(?:does|do|did|is|are|was|have|has)\s+(?!i\b|we\b|you\b)(.+?)\s+(?:appears?|mentioned|mention|occurs?|written|write|used|use|found|show\s+up|come\s+up|said|say)\b/is,
    /^where\s+(?:do|did|does|have)\s+(?:i|we|you|it)\s+(?:say|said|mention|mentioned|write|written|wrote|use|used)\s+(?:about\s+|of\s+)?(.+)$/is,
    /\b(?:mention(?:ed|ing|s)?|contain(?:ed|ing|s)?|include|including|say(?:ing|s)?|about|referenc(?:e|es|ing)|refer(?:s|ring)?\s+to|talks?\s+about)\s+(?:of\s+)?(.+)$/is,
    /\bfor\s+(.+)$/is,
    /^(?:search|find|grep|locate|look\s+up|scan|hunt(?:\s+down)?|where\s+is|where\s+are)\s+(?:out\s+)?(.+)$/is,
  ];
  for (const pattern of patterns) {
    const object = pattern.exec(text)?.[1];
    if (object === undefined) continue;
    const query = unmask(object, atoms)
      .replace(
        /\s*\b(?:in|within|across|through|inside|from|among)\s+(?:all\s+|any\s+)?(?:of\s+)?(?:the\s+|my\s+|our\s+)?(?:files?|notes?|documents?|workspace|folders?|everything|them)\b.*$/is,
        "",
      )
      .replace(/\s+(?:anywhere|everywhere|somewhere)$/i, "")
      .replace(
        /^(?:(?:any|all|every|each)\s+(?:of\s+)?)?(?:(?:the|a|an)\s+)?(?:(?:occurrences?|mentions?|instances?|lines?)\s+(?:of|with|containing|that\s+say)\s+)?(?:the\s+)?(?:(?:word|words|phrase|text|string|term)\s+)?/i,
        "",
      )
      .replace(/[.?!]+$/, "")
      .trim();
    if (query !== "") return query;
  }
  return "";
}

/** "lines 3 to 10", "the first 5 lines", "line 7", "from line 20" as the `read` tool takes them. */
export function rangeOf(text: string): { from?: number; lines?: number } {
  const between = /\blines?\s+(\d{1,6})\s*(?:to|-|–|through|until|and)\s*(\d{1,6})\b/i.exec(text);
  if (between) {
    const from = Number(between[1]);
    return { from, lines: Math.max(1, Number(between[2]) - from + 1) };
  }
  const first = /\b(?:first|top)\s+(\d{1,6}|one|two|three|five|ten|few)?\s*lines?\b/i.exec(text);
  if (first) return { from: 1, lines: NUMBERS[first[1]?.toLowerCase() ?? "one"] ?? Number(first[1]) };
  const onwards = /\bfrom\s+line\s+(\d{1,6})\b/i.exec(text);
  if (onwards) return { from: Number(onwards[1]) };
  const single = /\bline\s+(\d{1,6})\b/i.exec(text);
  return single ? { from: Number(single[1]), lines: 1 } : {};
}

const NUMBERS: Record<string, number> = { one: 1, two: 2, three: 3, few: 3, five: 5, ten: 10 };
