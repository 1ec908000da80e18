/**
 * Words as search sees them: one way to cut a text into terms for the index, for queries and for the marks in a
 * result, so that the three always agree. Pure.
 */

/** A term and where it stands in the text that it was cut from, in UTF-16 units. */
export interface Term {
  term: string;
  start: number;
  end: number;
}

/** One thing that is looked for: terms that follow each other. With `prefix`, the last may go on. */
export interface Wanted {
  terms: string[];
  prefix: boolean;
}

/** Scripts that put no spaces between words: each character is a term, and a word is a phrase of them. */
const UNSPACED =
  "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}" +
  "\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}";
const TERM = new RegExp(`[${UNSPACED}]\\p{M}*|(?:(?![${UNSPACED}])[\\p{L}\\p{N}\\p{M}])+`, "gu");
/** Longer runs are no words (encoded data, hashes); their beginning is enough to find them by. */
const TERM_CHARS = 64;
/** Letters that no normalisation takes apart. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  đ: "d",
  ð: "d",
  ł: "l",
  ı: "i",
  þ: "th",
};

/** Case, accents and typographic forms folded: `Straße`, `STRASSE` and `strasse` are one term. */
function fold(word: string): string {
  return word
    .toLowerCase()
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[ßæœøđðłıþ]/g, (letter) => LETTERS[letter] ?? letter)
    .replace(/[^\p{L}\p{N}\p{M}]/gu, "");
}

export function termsOf(text: string): Term[] {
  const terms: Term[] = [];
  for (const match of text.matchAll(TERM)) {
    const term = fold(match[0].slice(0, TERM_CHARS));
    if (term) terms.push({ term, start: match.index, end: match.index + match[0].length });
  }
  return terms;
}

/** Stands between the messages of one exchange, so that no phrase runs over from one into the next. No query has it. */
const BREAK = "\u241e";

/** What the index is given for an exchange. */
export const indexText = (texts: readonly string[]): string =>
  texts
    .map((text) =>
      termsOf(text)
        .map(({ term }) => term)
        .join(" "),
    )
    .join(` ${BREAK} `);

/** A thread's name as a single term. */
export const threadTerm = (thread: string): string => thread.replaceAll("-", "\u00b7");

/** Past this a query narrows nothing down any more. */
const MOST_WANTED = 12;
const MOST_TERMS = 40;
/** One letter begins too many words: all their places would have to be looked at. */
const PREFIX_CHARS = 2;

/**
 * What a query asks for: words, and phrases in quotes of any kind. All of them have to occur. The last word may be one
 * that is still being typed. Whatever was written there is a query: signs are passed over, and an empty list finds nothing.
 */
export function wantedOf(query: string): Wanted[] {
  const wanted: Wanted[] = [];
  let left = MOST_TERMS;
  for (const match of query.matchAll(/["“”„«»]([^"“”„«»]*)(?:["“”„«»]|$)|[^\s"“”„«»]+/g)) {
    const phrase = match[1];
    const terms = termsOf(phrase ?? match[0])
      .map(({ term }) => term)
      .slice(0, left);
    left -= terms.length;
    if (terms.length > 0 && wanted.length < MOST_WANTED) wanted.push({ terms, prefix: phrase === undefined });
  }
  return wanted.map((unit, i) => ({
    ...unit,
    prefix: unit.prefix && i === wanted.length - 1 && (unit.terms.at(-1) ?? "").length >= PREFIX_CHARS,
  }));
}

/** An FTS5 expression. Terms are letters and digits only and stand in quotes, so nothing in them is syntax. */
export function matchExpression(wanted: readonly Wanted[], thread?: string): string {
  const units = wanted.map(({ terms, prefix }) => `"${terms.join(" ")}"${prefix ? " *" : ""}`);
  const words = `{terms} : (${units.join(" AND ")})`;
  return thread === undefined ? words : `${words} AND ${threadExpression(thread)}`;
}

/** Every exchange of a thread. Throws for what is no thread's name. */
export function threadExpression(thread: string): string {
  if (!/^[a-z0-9-]+$/.test(thread)) throw new Error("That is not a thread's name.");
  return `{thread} : "${threadTerm(thread)}"`;
}

/** Where what is wanted stands in a text. */
export interface Found {
  ranges: { start: number; end: number }[];
  /** How many of the wanted things occur at all. */
  kinds: number;
}

export function find(text: string, wanted: readonly Wanted[]): Found {
  const terms = termsOf(text);
  const ranges: Found["ranges"] = [];
  let kinds = 0;
  for (const unit of wanted) {
    const before = ranges.length;
    for (let i = 0; i + unit.terms.length <= terms.length; i++) {
      const first = terms[i];
      const last = terms[i + unit.terms.length - 1];
      if (first && last && fits(terms, i, unit)) ranges.push({ start: first.start, end: last.end });
    }
    if (ranges.length > before) kinds++;
  }
  return { ranges: merged(ranges), kinds };
}

const fits = (terms: readonly Term[], at: number, { terms: wanted, prefix }: Wanted): boolean =>
  wanted.every((term, i) => {
    const here = terms[at + i]?.term ?? "";
    return prefix && i === wanted.length - 1 ? here.startsWith(term) : here === term;
  });

function merged(ranges: Found["ranges"]): Found["ranges"] {
  const out: Found["ranges"] = [];
  for (const range of ranges.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    const last = out.at(-1);
    if (last && range.start <= last.end) last.end = Math.max(last.end, range.end);
    else out.push({ ...range });
  }
  return out;
}

/** How much of a message a result shows, and how much of that stands before its first mark. */
const SNIPPET_CHARS = 180;
const LEAD_CHARS = 40;

/** A piece of a result's text; `mark` where it is what was looked for. */
export interface SnippetPiece {
  text: string;
  mark: boolean;
}

/** The part of a text around its first mark, in pieces. Joined they are the text, whitespace folded, dots where it is cut. */
export function snippetOf(text: string, ranges: Found["ranges"]): SnippetPiece[] {
  const from = beginning(text, ranges[0]?.start ?? 0);
  const to = ending(
    text,
    Math.max(from + SNIPPET_CHARS, Math.min(ranges[0]?.end ?? 0, from + SNIPPET_CHARS * 2)),
  );
  const pieces: SnippetPiece[] = [];
  const add = (piece: string, mark: boolean) => {
    const folded = piece.replace(/\s+/g, " ");
    if (folded) pieces.push({ text: folded, mark });
  };
  let at = from;
  if (from > 0) pieces.push({ text: "…", mark: false });
  for (const { start, end } of ranges) {
    if (start >= to) break;
    add(text.slice(at, start), false);
    add(text.slice(start, Math.min(end, to)), true);
    at = Math.min(end, to);
  }
  add(text.slice(at, to), false);
  if (to < text.length) pieces.push({ text: "…", mark: false });
  return pieces;
}

/** At a word's beginning, a little before the mark. */
function beginning(text: string, mark: number): number {
  if (mark <= LEAD_CHARS) return 0;
  const from = mark - LEAD_CHARS;
  const space = text.slice(from, mark).search(/\s\S/);
  return space >= 0 ? from + space + 1 : whole(text, from);
}

/** At a word's end where there is one near, and never inside a character. */
function ending(text: string, to: number): number {
  if (to >= text.length) return text.length;
  const space = text.slice(0, to).search(/\s\S{0,20}$/);
  return space > 0 ? space : whole(text, to);
}

const whole = (text: string, at: number): number => (/[\udc00-\udfff]/.test(text[at] ?? "") ? at - 1 : at);
