/** Instructions that put text into files: writing, creating, adding a line. */
import { bare } from "./clauses.ts";
import { add, ask, type Context, FILE_WORD, last, pathsIn, type Reader } from "./context.ts";
import { contentOf, isPlaceholder } from "./extract.ts";
import { atomsIn, PATH } from "./mask.ts";
import { generated } from "./prose.ts";

const WRITE_VERB =
  /^(?:(?:jot|note|write|set|put|type|take)\s+down|(?:make|take)\s+a\s+note(?=\s+(?:of|that|in|to))|write|create|make|save|store|put|add|append|jot|note|record|type|set|enter|place|insert|overwrite|fill|draft|log|dump|start|compose|generate|keep|populate|clear|empty|touch|remember(?:\s+that)?|new(?=\s+(?:text\s+)?(?:file|note|document)\b)|update|change|edit|replace|open(?=\s+(?:up\s+)?a\s+new\b)|(?:i\s+(?:want|need)|i['’]d\s+like|there\s+(?:should|must)\s+be)(?=\s+an?\s+(?:new\s+)?(?:text\s+)?(?:file|note)))\b\s*(?:(?:me|us)\s+(?=an?\b|the\b|some\b|\uE000))?/i;
const DETERMINER = "(?:(?:the|a|an|my|this|that|some|another)\\s+)?";
const ADJECTIVE =
  "(?:new|empty|blank|small|short|little|simple|fresh|text|plain|markdown|existing|brand)[\\s-]+";
const NOUN = "(?:file|note|document|doc|path|page)\\s*(?:(?:called|named|titled|at|path)\\s*)?:?\\s*";
/** What may stand between a preposition and a path: "the new file called". */
const FILE_INTRO = `${DETERMINER}(?:${ADJECTIVE})*(?:${NOUN})?`;
/** The file as a thing that is made: "a new file called". A bare "a" is text to be written, not a file. */
const FILE_OBJECT = `(?:${DETERMINER}(?:(?:${ADJECTIVE})*${NOUN}|(?:(?:new|empty|blank)\\s+)+))?`;
const TARGET = new RegExp(
  `(?:^|[\\s,]+)(?:as\\s+(?:the\\s+)?(?:contents?|text)\\s+(?:of|for)|to\\s+the\\s+(?:end|bottom)\\s+of|at\\s+the\\s+(?:end|bottom)\\s+of|to|into|in|inside|within|as|under|onto|on|at|called|named|with\\s+(?:the\\s+)?(?:file\\s+)?(?:path|name))\\s+${FILE_INTRO}$`,
  "i",
);
const OBJECT = new RegExp(
  `^(?:(?:two|three|four|\\d+)\\s+(?:new\\s+)?files\\s*:?\\s*)?(?:(?:the\\s+)?(?:contents?|text)\\s+of\\s+)?(?:up\\s+)?${FILE_OBJECT}$`,
  "i",
);
const SAYS =
  /^\s*,?\s*(?:and\s+)?(?:with|containing|contains?|(?:that|which|it)\s+(?:should\s+|must\s+)?(?:says?|contains?|reads?|has|have|holds?)|saying|reading|holding|having|whose\s+(?:contents?|text|body)\s+(?:is|are|should\s+be|reads?)|should\s+(?:say|contain|read|have|hold|be)|to\s+(?:say|contain|read|be|hold|have)|say|contain|have|hold|so\s+(?:that\s+)?it\s+(?:says|contains|reads)|(?:the\s+)?(?:text|contents?|body)|as|to|=|-|–|—)(?:\s*:\s*|\s+|(?=\uE000))|^\s*:\s*/i;
const NEXT_WRITE = new RegExp(
  `^\\s*(?:,\\s*(?:and\\s+)?|and\\s+)(?:also\\s+)?(?=(?:[^,]*?\\s)?(?:to|into|in|inside|as|under)\\s+${FILE_INTRO}${PATH}|${FILE_INTRO}${PATH}\\s*(?:with|containing|saying|that\\s+says|:))`,
  "i",
);
const SEPARATORS = /^(?:[\s,]|\band\b|\bboth\b)*$/i;
const PRONOUN_TARGET =
  /(\b(?:to|into|in|inside|within|onto)\s+)(?:it|there|that\s+one|(?:the|that|this|the\s+same|the\s+new)\s+(?:file|note|document))(?=\s*(?:$|:|,))|\s+there$/i;

export const writes: Reader = (clause, context) => {
  const leading = new RegExp(`^(?:in|into|inside|to)\\s+${FILE_INTRO}(${PATH})[\\s,:]+`, "i").exec(clause);
  const says = new RegExp(
    `^(?:(?:let\\s+)?(?:the\\s+)?(?:file\\s+)?${PATH}\\s+(?:should|must|to)|let\\s+(?:the\\s+)?(?:file\\s+)?${PATH})\\s+`,
    "i",
  ).test(clause);
  const verb =
    WRITE_VERB.exec(clause) ?? (leading ? WRITE_VERB.exec(bare(clause.slice(leading[0].length))) : null);
  if (!verb && !says) return false;
  let body = says && !verb ? clause.replace(/^let\s+/i, "") : clause.slice(verb?.[0].length ?? 0);
  if (leading?.[1] !== undefined)
    body = `${bare(clause.slice(leading[0].length)).slice(verb?.[0].length ?? 0)} into ${leading[1]}`;
  if (!new RegExp(PATH).test(body)) {
    const path = last(context);
    const pointed = PRONOUN_TARGET.exec(body);
    if (!pointed || path === undefined) {
      if (!pointed && !FILE_WORD.test(body)) return false;
      // "Open a new file" and "make a note" without a name.
      return ask(context, "What should the file be called? Give me a path, for example `notes/a.txt`.");
    }
    context.atoms.push({ kind: "path", raw: path, value: path });
    body = body.replace(
      PRONOUN_TARGET,
      (_all, preposition: string | undefined) =>
        `${preposition ?? " to "}\uE000p${context.atoms.length - 1}\uE001`,
    );
  }
  const next = [...body.matchAll(new RegExp(PATH, "g"))]
    .map((match) => match.index + match[0].length)
    .find((end) => NEXT_WRITE.test(body.slice(end)));
  const one = next === undefined ? body : body.slice(0, next);
  // "create a.txt with x and b.txt with y": the first file's text ends where the second file begins.
  const second =
    next === undefined
      ? new RegExp(
          `^(.*?${PATH}.+?),?\\s+and\\s+(${FILE_INTRO}${PATH}\\s*(?:with|containing|saying|that\\s+says|:).*)$`,
          "is",
        ).exec(body)
      : null;
  writeOne(second?.[1] ?? one, verb?.[0] ?? "write ", context);
  const more =
    second?.[2] ??
    (next === undefined
      ? undefined
      : body.slice(next).replace(/^\s*(?:,\s*(?:and\s+)?|and\s+)(?:also\s+)?/i, ""));
  if (more !== undefined) writes(`${(verb?.[0] ?? "write").trim()} ${more}`, context);
  return true;
};

/** One file and what goes into it: text before the path, after it, or after a colon. */
function writeOne(body: string, verb: string, context: Context): void {
  const matches = [...body.matchAll(new RegExp(PATH, "g"))];
  // What is written may name files too: the target is the last one that a preposition leads to, else the first.
  const target = matches.findLast((match) => TARGET.test(body.slice(0, match.index))) ?? matches[0];
  const path = target ? atomsIn(target[0], context.atoms)[0]?.value : undefined;
  if (!target || path === undefined) return;
  const before = body.slice(0, target.index);
  const after = body.slice(target.index + target[0].length);
  const appends =
    /^(?:append|add)\b/i.test(verb) &&
    !/^(?:an?|another)\s+(?:new\s+)?(?:text\s+)?(?:file|note|document)\b/i.test(before) &&
    !(SAYS.test(after) && OBJECT.test(before));
  const content = textBetween(before, after, context);
  if (content === null) {
    ask(context, `What should \`${path}\` say?`);
    return;
  }
  if ((appends || /\b(?:end|bottom)\s+of\s/i.test(before)) && content !== "") {
    const fresh = context.steps.findLast((step) => step.tool === "write" && step.path === path);
    if (fresh?.tool === "write" && "text" in fresh) {
      add(context, { tool: "write", path, text: fresh.bare ? content : `${fresh.text}\n${content}` });
      return;
    }
    const source = context.steps.length;
    add(context, { tool: "read", path, silent: true }, { tool: "write", path, source, append: content });
    return;
  }
  // "Write hello to a.txt and b.txt" fills both.
  const others =
    content !== "" && SEPARATORS.test(after.replace(new RegExp(PATH, "g"), ""))
      ? pathsIn(after, context)
      : [];
  for (const file of [path, ...others]) {
    add(context, { tool: "write", path: file, text: content, ...(content === "" ? { bare: true } : {}) });
  }
}

/** The text to write; empty for an empty file, `null` when it points at something that was never said. */
function textBetween(before: string, after: string, context: Context): string | null {
  const said = SAYS.exec(after);
  const rest = said ? after.slice(said[0].length) : after.replace(/^[\s,.]+/, "");
  const object = before.replace(TARGET, "").trim();
  const pointsBack = object !== "" && isPlaceholder(object);
  const isObject =
    !pointsBack &&
    (OBJECT.test(before.trim() === "" ? "" : `${before.trim()} `) ||
      OBJECT.test(object === "" ? "" : `${object} `));
  if (said && rest.trim() !== "" && (isObject || pointsBack || /^\s*:/.test(after)))
    return literal(rest, context);
  if (pointsBack) {
    if (rest.trim() !== "") return literal(rest, context);
    return (
      generated(context.previous) ?? saidIn(context.previous, context) ?? (context.before.answer || null)
    );
  }
  if (!isObject) return literal(object, context, false);
  return /^[\s.!]*$/.test(rest) || /^(?:there|again|now|in\s+my\s+workspace)$/i.test(rest.trim())
    ? ""
    : literal(rest, context);
}

/** "Take a note: buy milk. Save it to a.txt": what the instruction before gave, after a colon or in quotation marks. */
function saidIn(clause: string, context: Context): string | null {
  const quoted = atomsIn(clause, context.atoms, "quote")[0]?.value;
  const colon = /:\s+(\S[\s\S]*)$/.exec(clause)?.[1];
  return quoted ?? (colon === undefined ? null : contentOf(colon, context.atoms, true));
}

function literal(fragment: string, context: Context, endsSentence = true): string {
  return (
    (atomsIn(fragment, context.atoms).length === 0 ? generated(fragment) : null) ??
    contentOf(fragment, context.atoms, endsSentence)
  );
}
