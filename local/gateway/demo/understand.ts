/** From a person's words to steps. Plain patterns in a fixed order; nothing here guesses or remembers. */
import { bare, clausesOf, HEAD_CHARS } from "./clauses.ts";
import {
  add,
  ask,
  type Before,
  BOTH,
  type Context,
  FILE_WORD,
  last,
  noteIn,
  pathsIn,
  type Reader,
} from "./context.ts";
import { edits } from "./edits.ts";
import { queryOf, rangeOf, withoutPlace } from "./extract.ts";
import { ATOM, atomsIn, looksLikeDirectory, mask, PATH } from "./mask.ts";
import type { Step, Understanding } from "./steps.ts";
import { times } from "./times.ts";
import { writes } from "./writes.ts";

export function understand(request: string, before: Before): Understanding {
  // What is to be said later may hold anything, so it is read before the request is taken apart.
  const later = times(request, before);
  if (later) return later;
  const { text, atoms } = mask(request);
  const context: Context = { atoms, steps: [], paths: [], before, question: "", previous: "" };
  for (const clause of clausesOf(text)) {
    const instruction = bare(clause);
    if (instruction !== "") read(instruction, context);
    context.previous = instruction;
  }
  return {
    steps: withoutIdleWrites(context.steps),
    question: context.steps.length > 0 ? "" : context.question,
  };
}

/** Reads one instruction. The order matters: the more particular wordings come first. */
function read(clause: string, context: Context): void {
  const readers = [names, shells, moves, lists, searches, edits, deletes, writes, looks];
  if (!readers.some((reader) => reader(clause, context)))
    for (const path of pathsIn(clause, context)) noteIn(context, path);
}

/** "Create a file with hello. Call it a.txt": the name belongs to the instruction before. */
const names: Reader = (clause, context) => {
  const name = new RegExp(`^(?:call|name)\\s+(?:it|that|the\\s+file)\\s+(${PATH})`, "i").exec(clause)?.[1];
  if (name === undefined) return false;
  if (!writes(`${context.previous} called ${name}`, context))
    for (const path of pathsIn(name, context)) noteIn(context, path);
  return true;
};

/** `echo hello > a.txt`, which is how some people say it. */
const shells: Reader = (clause, context) => {
  const match = new RegExp(`^echo\\s+(.*?)\\s*(>>?)\\s*(${PATH})$`, "is").exec(clause);
  return (
    match !== null && writes(`${match[2] === ">>" ? "append" : "write"} ${match[1]} to ${match[3]}`, context)
  );
};

const moves: Reader = (clause, context) => {
  const verb = /^(move|rename|copy|duplicate)\b/i.exec(clause)?.[1]?.toLowerCase();
  if (verb === undefined || !/\b(?:to|as|into|in|→|->)\s/i.test(clause)) return false;
  const named = pathsIn(clause, context);
  const from = named.length >= 2 ? named[0] : last(context);
  const to = named.length >= 2 ? named[1] : named[0];
  if (from === undefined || to === undefined) return false;
  const target = to.endsWith("/") ? to + (from.split("/").pop() ?? from) : to;
  const source = context.steps.length;
  add(context, { tool: "read", path: from, silent: true }, { tool: "write", path: target, source });
  if (verb === "move" || verb === "rename") context.steps.push({ tool: "delete", path: from });
  return true;
};

const LISTS = [
  /^(?:ls|dir)\b/i,
  /^(?:list|browse|show|display|print|see|view|give|tell|get|check|present|enumerate)\b.*\b(?:files?|documents|notes|folders?|directory|directories|workspace|entries)\b/i,
  /^(?:list|browse)\b/i,
  /^(?:what|which|whats|what['’]s|how\s+many)\b.*\b(?:files|documents|folders?|directory|directories|workspace)\b/i,
  /^(?:what|whats|what['’]s)\b.*\b(?:stored|saved|do\s+i\s+have|have\s+i\s+got)\b/i,
  /^(?:do|are|is)\b.*\b(?:any|some|there)\b.*\b(?:files|documents|folders?)\b/i,
  /^(?:let|show|tell)\s+me\b.*\b(?:my|the|all)\s+(?:files|folders?|workspace)\b/i,
];

const lists: Reader = (whole, context) => {
  const clause = whole.slice(0, HEAD_CHARS);
  const named = pathsIn(clause, context);
  if (/\b(?:mention|contain|includ|say|about)\w*\s/i.test(clause) && !/\bcontents?\b/i.test(clause))
    return false;
  if (named.some((path) => !looksLikeDirectory(path))) return false;
  const directory = named[0];
  // "What's in notes/?" and "show me notes/": a directory cannot be read.
  const looksInto =
    directory?.endsWith("/") &&
    /^(?:what|whats|what['’]s|show|open|see|read|look|display|view|check)\b/i.test(clause);
  if (!looksInto && !LISTS.some((pattern) => pattern.test(clause))) return false;
  if (
    /^(?:show|display|print|see|view|give|tell|get|check)\b/i.test(clause) &&
    singleFile(clause) &&
    !directory
  )
    return false;
  const path = directory ?? folderIn(clause, context);
  context.steps.push({ tool: "list", path: path.replace(/^\.?\/+|\/+$/g, "") });
  return true;
};

/** "Show me the file", "what's in that file": one file that was spoken of, not the list of all. */
function singleFile(clause: string): boolean {
  return /\b(?:the|that|this|its)\s+(?:(?:contents?|text)\s+of\s+(?:the|that|this)\s+)?(?:file|note|document)\b(?!s)/i.test(
    clause,
  );
}

/** A folder that is named by a plain word: "the notes folder", "folder notes", "list notes". */
function folderIn(clause: string, context: Context): string {
  const quoted = new RegExp(
    `\\b(?:folder|directory)\\s+(?:called\\s+|named\\s+)?(${ATOM})|(${ATOM})\\s+(?:folder|directory)\\b`,
    "i",
  ).exec(clause);
  const name = atomsIn(quoted?.[1] ?? quoted?.[2] ?? "", context.atoms)[0]?.value;
  if (name !== undefined) return name;
  const patterns = [
    /\b(?:the|my|our)\s+([\p{L}\p{N}_-]+)\s+(?:folder|directory)\b/iu,
    /\b(?:folder|directory)\s+(?:called\s+|named\s+)?([\p{L}\p{N}_-]+)\b/iu,
    /\b(?:files|documents|everything)\s+(?:in|inside|under|within|of|from)\s+(?:the\s+|my\s+)?([\p{L}\p{N}_-]+)$/iu,
    /\bfiles\b.*\b(?:in|inside|under|within)\s+(?:the\s+|my\s+)?([\p{L}\p{N}_-]+)$/iu,
    /^(?:ls|dir|list|browse)\s+([\p{L}\p{N}_-]+)$/iu,
  ];
  const none =
    /^(?:all|every|everything|my|the|files?|workspace|root|top|home|here|it|them|me|current|this|that|of|in|is|has|there|now|main|listing|tree|structure)$/i;
  for (const pattern of patterns) {
    const word = pattern.exec(clause)?.[1];
    if (word !== undefined && !none.test(word)) return word;
  }
  return "";
}

const SEARCHES = [
  /^(?:search|grep|scan|hunt|look)\b.*\b(?:for|up)\s/i,
  /^(?:search|grep|locate|find)\b(?!\s+out\b)(?!.*\breplac)/i,
  /^(?:which|what|do|does|are|is|in\s+which|list|show|tell|give)\b.*\b(?:files?|notes?|documents?|lines?|anything|any)\b.*\b(?:mention|contain(?!s?\s*$)|includ|say(?!s?\s*$)|about|referenc|refer|talk|with\s+the\s+word)/i,
  /^(?:is|are|was|were)\s.*\s(?:mentioned|written|said|used|found|anywhere)\b.*\b(?:files?|notes?|documents?|workspace)\b/i,
  /^in\s+which\b.*\b(?:appear|occur|mention|used|found|written)/i,
  /^where\b.*\b(?:mention|appear|occur|say|said|writ|wrote|use|found|show\s+up|come\s+up)/i,
];

const searches: Reader = (clause, context) => {
  if (
    !SEARCHES.some((pattern) => pattern.test(clause.slice(0, HEAD_CHARS))) ||
    /\b(?:the\s+(?:web|internet|net)|online|google)\b/i.test(clause)
  )
    return false;
  const { text, paths: placed } = withoutPlace(clause, context.atoms);
  const path = placed[0] ?? (/^grep\b/i.test(text) ? pathsIn(text, context)[0] : undefined);
  const query = queryOf(text, context.atoms);
  const files = pathsIn(text, context);
  // "Find a.txt and read it": the search looks at names too.
  const file =
    /^(?:find|locate)\b/i.test(text) && atomsIn(text, context.atoms, "quote").length === 0
      ? files[0]
      : undefined;
  if (file !== undefined) {
    context.steps.push({ tool: "search", query: file, path: "" });
    noteIn(context, file);
    return true;
  }
  if (query === "") {
    context.question = "What should I search your files for?";
    return true;
  }
  const within = path ?? (/\b(?:folder|directory)\b/i.test(text) ? folderIn(text, context) : "");
  context.steps.push({ tool: "search", query: cleanQuery(query), path: within.replace(/\/+$/, "") });
  return true;
};

const cleanQuery = (query: string): string =>
  query.replace(/\s+(?:in|inside)\s+(?:the\s+)?[\w-]+\s+(?:folder|directory)$/i, "");

const deletes: Reader = (clause, context) => {
  if (
    !/^(?:delete|remove|erase|rm|trash|discard|unlink|drop|destroy|bin|get\s+rid\s+of|throw\s+(?:away|out)|clean\s+up)\b/i.test(
      clause,
    )
  )
    return false;
  const named = pathsIn(clause, context);
  const paths =
    named.length > 0
      ? named
      : BOTH.test(clause)
        ? context.paths
        : [last(context)].filter((path) => path !== undefined);
  const points =
    named.length > 0 ||
    BOTH.test(clause) ||
    /\b(?:it|that|this|(?:the|that|this)\s+(?:\w+\s+)?(?:file|note|document|original|copy))\b/i.test(clause);
  const original = /\b(?:original|old\s+(?:one|file))\b/i.test(clause) ? context.paths.at(-2) : undefined;
  if (paths.length === 0 || !points)
    return ask(context, "Which file should I delete? Give me its path, for example `notes/a.txt`.");
  if (named.length === 0 && original !== undefined) {
    add(context, { tool: "delete", path: original });
    return true;
  }
  add(context, ...paths.map((path): Step => ({ tool: "delete", path })));
  return true;
};

const READ_VERB =
  /^(?:first|top|lines?|re-?read|read|re-?open|open|show|display|print|cat|view|see|check|output|load|fetch|get|inspect|review|quote|recite|echo|look|have\s+a|take\s+a|peek|verify|confirm|retrieve|examine|reveal|present|list|tell|give|let|hand|send|return|what|whats|what['’]s|which|where|how|who|is|does|did|do|are|repeat|say|compare|summari[sz]e|explain|describe|analy[sz]e|count|proofread)\b/i;
const POINTS =
  /\b(?:it|its|it['’]s|there|back|inside|again|both|them|that|this|everything|wrote|written|(?:the|that|this)\s+(?:(?:new|whole|full|updated|resulting|edited|same)\s+)?(?:file|note|document|contents?|text|result|lines?))\b/i;
/** In a question "that" may be anything; a file is meant when it speaks of what is written somewhere. */
const QUESTION = /^(?:what|whats|what['’]s|which|where|how|who|is|does|did|do|are)\b/i;
const WRITTEN =
  /\b(?:says?|said|contains?|inside|in\s+(?:it|there|that|this)|there|reads?|written|wrote|write|saved?|exists?|file|note|document|contents?|text|lines?|looks?)\b/i;
const ALONE =
  /^(?:re-?read|read|open|show|display|print|cat|view|see|check|review|verify|list)(?:\s+(?:me|us))?$/i;
/** A question about the model, the person or the world; not one about a file. */
const OTHER =
  /^(?:how\s+are|who\s+are|what\s+are\s+you|what['’]?s?\s+(?:is\s+)?(?:your|up|the\s+(?:time|date|weather))|are\s+you|do\s+you|what\s+can|how\s+(?:do|can)\s+i|how\s+about|is\s+(?:this|that|it)\s+(?:a|the|real|possible)\b|is\s+there\s+(?:a|any)\s+way)/i;

const looks: Reader = (clause, context) => {
  const named = pathsIn(clause, context);
  const short = clause.replace(new RegExp(PATH, "g"), " ").trim().split(/\s+/).length <= 2;
  if (!READ_VERB.test(clause) && !(named.length > 0 && short)) return false;
  if (named.length === 0 && OTHER.test(clause)) return false;
  const pointed =
    (QUESTION.test(clause) ? WRITTEN.test(clause) : POINTS.test(clause)) ||
    (ALONE.test(clause) && context.steps.length > 0) ||
    /^(?:read|show)\s+back$/i.test(clause);
  const both = BOTH.test(clause) && context.paths.length > 1;
  const paths =
    named.length > 0 ? named : both ? context.paths : [last(context)].filter((path) => path !== undefined);
  if (named.length === 0 && !pointed) return unnamed(clause, context);
  if (paths.length === 0) {
    // "What is that?" is talk; "read it" wants a file.
    if (!/^(?:re-?read|read|open|cat|print)\b/i.test(clause) && !FILE_WORD.test(clause)) return false;
    return ask(context, "Which file do you mean? Give me its path, for example `notes/a.txt`.");
  }
  add(
    context,
    ...paths.map(
      (path): Step =>
        path.endsWith("/")
          ? { tool: "list", path: path.replace(/\/+$/, "") }
          : { tool: "read", path, ...rangeOf(clause) },
    ),
  );
  return true;
};

/** "Read the todo file": a file that was spoken of under a part of its name. */
function unnamed(clause: string, context: Context): boolean {
  const word = /\b(?:the|my)\s+([\p{L}\p{N}_-]+)\s+(?:file|note|document)\b/iu
    .exec(clause)?.[1]
    ?.toLowerCase();
  if (word === undefined) return false;
  const known = [...context.before.paths, ...context.paths].findLast((path) =>
    path.toLowerCase().split("/").pop()?.startsWith(word),
  );
  if (known === undefined)
    return ask(
      context,
      `I do not know which file you mean by “${word}”. Give me its path, for example \`notes/${word}.txt\`.`,
    );
  add(context, { tool: "read", path: known, ...rangeOf(clause) });
  return true;
}

/** "Create a.txt and write hello into it" is one write: the empty file would only be overwritten. */
function withoutIdleWrites(steps: Step[]): Step[] {
  const idle = steps.findIndex((step, i) => {
    const next = steps[i + 1];
    return (
      step.tool === "write" &&
      "text" in step &&
      step.bare === true &&
      next?.tool === "write" &&
      next.path === step.path &&
      "text" in next
    );
  });
  // A step that counts on another's position comes after its own read, and never right after an idle write.
  if (idle < 0) return steps;
  const kept = steps.filter((_step, i) => i !== idle);
  return withoutIdleWrites(
    kept.map((step) =>
      step.tool === "write" && "source" in step && step.source > idle
        ? { ...step, source: step.source - 1 }
        : step,
    ),
  );
}
