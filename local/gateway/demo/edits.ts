/** Instructions that change words inside a file, or take them out. */
import { bare } from "./clauses.ts";
import { add, ask, type Context, last, noteIn, pathsIn, type Reader } from "./context.ts";
import { contentOf, replacementOf, withoutPlace } from "./extract.ts";
import { PATH } from "./mask.ts";
import type { Step } from "./steps.ts";

/** "In a.txt, ..." and "a.txt: ...". */
const LEADING = new RegExp(`^(?:in\\s+(?:the\\s+)?(?:file\\s+)?)?${PATH}[\\s,:]+`, "i");
/** "Edit a.txt: ...", "update a.txt so that ...". */
const DIRECT = new RegExp(
  `^(?:edit|update|modify|fix|correct|change)\\s+(?:the\\s+)?(?:file\\s+|note\\s+)?(${PATH})\\s*(?:[,:]|by|so\\s+that|such\\s+that)?\\s*`,
  "i",
);
const CHANGES =
  /^(?:find\b.*\breplac|replace|change|swap|substitute|turn|switch|update|correct|fix|edit|modify|rename|exchange|(?:use|put|say|write)\b.*\binstead)/i;
const ERASES =
  /^(?:delete|remove|erase|strike|cut|drop|take\s+out)\s+(?:the\s+|all\s+|every\s+)*(?:(?:(?:word|words|line|text|phrase|string|sentence)(?!\s+files?\b)|occurrences?\s+of)\s+(.+)|(\uE000q\d+\uE001)\s*(?:from|in|out\s+of)\b.*)$/is;
/** The whole text is meant, which is writing and not editing. */
const WHOLE =
  /^(?:replace|change|set|update)\s+(?:the\s+)?(?:whole\s+|entire\s+|full\s+)?(?:contents?|text|everything|file)\s/i;
const IN_IT = /\s+(?:from|in|inside|of|out\s+of)\s+(?:it|there|the\s+file|that\s+file|this\s+file)$/i;

export const edits: Reader = (clause, context) => {
  const leading = LEADING.exec(clause);
  const inner = leading ? bare(clause.slice(leading[0].length)) : clause;
  const erased = ERASES.exec(inner);
  if (!erased && !CHANGES.test(inner)) return false;

  const place = placeOf(leading?.[0], inner, context);
  if (place.text === "") {
    // "Edit a.txt" and nothing more: what to change follows in the next instruction.
    for (const path of place.paths) noteIn(context, path);
    return true;
  }
  // "Change a.txt to say hello", "replace the contents of a.txt with hello".
  const given = place.direct && /^(?:to|with|into|=)\b/i.test(place.text);
  if (given || (WHOLE.test(place.text) && place.paths.length > 0)) return false;

  const found = erased
    ? { find: erasedText(erased, context), replace: "", all: /\b(?:all|every)\b/i.test(clause) }
    : replacementOf(place.text.replace(IN_IT, ""), context.atoms);
  if (!found || found.find === "") return false;
  const known = last(context);
  const paths = place.paths.length > 0 ? place.paths : known === undefined ? [] : [known];
  if (paths.length === 0) {
    return ask(context, "In which file should I change that? Give me its path, for example `notes/a.txt`.");
  }
  add(context, ...paths.map((path): Step => ({ tool: "edit", path, ...found })));
  return true;
};

interface Place {
  paths: string[];
  /** The instruction without its place. */
  text: string;
  /** The file is the verb's own object: "change a.txt to ...". */
  direct: boolean;
}

function placeOf(leading: string | undefined, inner: string, context: Context): Place {
  if (leading !== undefined) return { paths: pathsIn(leading, context), text: inner, direct: false };
  const placed = withoutPlace(inner, context.atoms);
  // "Change a.txt to b.txt in list.md": both names are words in a third file.
  const names = placed.paths.length > 0 && pathsIn(placed.text, context).length >= 2;
  const direct = names ? null : DIRECT.exec(inner);
  if (direct?.[1] === undefined) return { ...placed, direct: false };
  return { paths: pathsIn(direct[1], context), text: inner.slice(direct[0].length), direct: true };
}

function erasedText(erased: RegExpExecArray, context: Context): string {
  const object = withoutPlace((erased[2] ?? erased[1] ?? "").trim(), context.atoms).text;
  return contentOf(object.replace(IN_IT, ""), context.atoms, true);
}
