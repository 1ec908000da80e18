/** The pure part of `edit`: exact replacement, and errors from which a model can find the right text. */
import { AppError } from "../errors.ts";

/** Near lines and places that an error shows. */
const SHOWN = 3;
/** Characters of one shown line. */
const LINE_CHARS = 200;
/** Characters of a file that are compared with what was not found. */
const COMPARED_CHARS = 400_000;
/** Below this likeness (0 to 1) a line is no help. */
const LIKENESS = 0.35;

export interface Substitution {
  find: string;
  replace: string;
  all: boolean;
}

/** The text with its occurrences replaced. Throws `bad_request` when `find` is not there, or not only once. */
export function substitute(
  text: string,
  { find, replace, all }: Substitution,
): { text: string; replacements: number } {
  if (find === replace)
    throw new AppError("bad_request", "`find` and `replace` are the same. Nothing was changed.");
  const pieces = text.split(find); // literal; `$` in `replace` stays a dollar
  const count = pieces.length - 1;
  if (count === 0) throw new AppError("bad_request", notFound(text, find));
  if (count > 1 && !all) throw new AppError("bad_request", ambiguous(pieces, find, count));
  return { text: pieces.join(replace), replacements: count };
}

const shown = (line: string): string => (line.length > LINE_CHARS ? `${line.slice(0, LINE_CHARS)}…` : line);

function ambiguous(pieces: readonly string[], find: string, count: number): string {
  const lines: number[] = [];
  let line = 1;
  for (const piece of pieces.slice(0, SHOWN)) {
    line += newlines(piece);
    lines.push(line);
    line += newlines(find);
  }
  const where = lines.slice(0, count).join(", ") + (count > lines.length ? ", …" : "");
  return (
    `The text occurs ${count} times (lines ${where}). Nothing was changed. Give more of the lines around the ` +
    "one that you mean, or set `all` to true to replace every one."
  );
}

const newlines = (text: string): number => text.split("\n").length - 1;

function notFound(text: string, find: string): string {
  const said = "The text was not found. Nothing was changed.";
  if (text === "") return `${said} The file is empty.`;
  if (!find.includes("\r") && text.includes(find.replaceAll("\n", "\r\n"))) {
    return `${said} The lines of this file end in "\\r\\n": write the line ends in \`find\` and \`replace\` like that.`;
  }
  const near = nearLines(text, find);
  if (near.length === 0)
    return `${said} No line of the file is like it: read the file and copy the text from there.`;
  const list = near.map(({ number, line }) => `${number}: ${shown(line)}`).join("\n");
  return `${said} \`find\` has to match exactly, with spaces and line ends. Lines that are like its beginning:\n${list}`;
}

/** Lines that are most like the first line of `find` that says something. */
function nearLines(text: string, find: string): { number: number; line: string }[] {
  const wanted = pairs(find.split("\n").find((line) => line.trim() !== "") ?? find);
  const scored = text
    .slice(0, COMPARED_CHARS)
    .split("\n")
    .map((line, index) => ({
      number: index + 1,
      line: line.replace(/\r$/, ""),
      likeness: alike(wanted, line),
    }))
    .filter(({ likeness }) => likeness >= LIKENESS);
  return scored
    .sort((a, b) => b.likeness - a.likeness || a.number - b.number)
    .slice(0, SHOWN)
    .sort((a, b) => a.number - b.number);
}

/** Pairs of neighbouring characters, without white space and case: what a model most often gets wrong. */
function pairs(line: string): Set<string> {
  const plain = line.slice(0, LINE_CHARS).replace(/\s+/g, "").toLowerCase();
  const found = new Set<string>(plain.length === 1 ? [plain] : []);
  for (let i = 0; i + 1 < plain.length; i++) found.add(plain.slice(i, i + 2));
  return found;
}

/** Likeness from 0 to 1 (Dice's coefficient over pairs). */
function alike(wanted: ReadonlySet<string>, line: string): number {
  const have = pairs(line);
  let common = 0;
  for (const pair of have) if (wanted.has(pair)) common += 1;
  return have.size + wanted.size === 0 ? 0 : (2 * common) / (have.size + wanted.size);
}
