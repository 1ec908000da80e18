/** Splits a text at a platform's limit: at a paragraph, else a line, else a word. Code blocks stay code blocks. Pure. */

/** A fenced code block's first line: its marker, and what stands behind it. */
const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;
/** A part is not made shorter than this share of what would fit for the sake of a nicer cut. */
const LEAST_FILL = 0.4;
/** Of the language behind an opening fence this much is repeated: more is no language. */
const INFO_CHARS = 20;
/** How far a hard cut steps back so as not to tear a character from the marks that follow it. */
const CLUSTER_CHARS = 16;

interface Fence {
  marker: string;
  /** The line that opens the block again. */
  reopen: string;
}

/**
 * Parts of at most `maxChars` UTF-16 units, in order; one, even if empty, at least. No part ends inside a surrogate
 * pair. A code block that is cut is closed at the end of one part and opened again in the next.
 */
export function splitText(text: string, maxChars: number): string[] {
  const parts: string[] = [];
  let rest = text;
  let open: Fence | null = null;
  for (;;) {
    const head: string = open ? `${open.reopen}\n` : "";
    if (head.length + rest.length <= maxChars) {
      parts.push(head + rest);
      return parts;
    }
    const reserve = closingLength(rest.slice(0, maxChars), open);
    // With room for little but fences they are not worth keeping.
    const plain = head.length + reserve > maxChars / 2;
    const room = plain ? maxChars : maxChars - head.length - reserve;
    const cut = cutOf(rest, room, open);
    const piece = rest.slice(0, cut.at);
    const after: Fence | null = plain ? null : fenceAfter(piece, open);
    parts.push((plain ? "" : head) + piece + (after ? `\n${after.marker}` : ""));
    rest = rest.slice(cut.at + cut.skip);
    open = after;
    if (rest === "" || (rest.trim() === "" && open === null)) return parts;
    // The block ends right here: it is closed already, and would only be opened to be closed.
    const closing = open ? closesAtOnce(rest, open) : 0;
    if (closing > 0) {
      rest = rest.slice(closing).replace(/^\n+/, "");
      open = null;
      if (rest.trim() === "") return parts;
    }
  }
}

/** What a closing fence may need, its line break included, if the text has any fence that may be open at the cut. */
function closingLength(text: string, open: Fence | null): number {
  let longest = open ? open.marker.length + 1 : 0;
  for (const line of text.split("\n")) {
    const marker = line.match(FENCE)?.[1];
    if (marker) longest = Math.max(longest, marker.length + 1);
  }
  return longest;
}

function fenceAfter(piece: string, before: Fence | null): Fence | null {
  let open = before;
  for (const line of piece.split("\n")) {
    const [, marker = "", info = ""] = line.match(FENCE) ?? [];
    if (marker === "") continue;
    if (open === null) {
      if (marker.startsWith("`") && info.includes("`")) continue; // inline code, not a block
      const language = info.trim().split(/\s/)[0] ?? "";
      open = { marker, reopen: marker + (language.length <= INFO_CHARS ? language : "") };
    } else if (closes(open, marker, info)) open = null;
  }
  return open;
}

const closes = (open: Fence, marker: string, info: string): boolean =>
  marker[0] === open.marker[0] && marker.length >= open.marker.length && info.trim() === "";

/** Length of a first line that closes the block; 0 when it does not. */
function closesAtOnce(rest: string, open: Fence): number {
  const end = rest.indexOf("\n");
  const line = end < 0 ? rest : rest.slice(0, end);
  const [, marker = "", info = ""] = line.match(FENCE) ?? [];
  return marker !== "" && closes(open, marker, info) ? line.length : 0;
}

/** Where to cut, at most `room` units in, and how much white space is left out there. */
function cutOf(rest: string, room: number, open: Fence | null): { at: number; skip: number } {
  const window = rest.slice(0, room + 1);
  const least = Math.floor(room * LEAST_FILL);
  let paragraph = window.lastIndexOf("\n\n", room);
  while (paragraph > 0 && rest[paragraph - 1] === "\n") paragraph--;
  if (paragraph > least && fenceAfter(rest.slice(0, paragraph), open) === null) {
    return { at: paragraph, skip: rest.slice(paragraph).match(/^\n+/)?.[0].length ?? 0 };
  }
  // Of code only the one line break goes: blank lines and indentation are part of it.
  const line = window.lastIndexOf("\n", room);
  if (line > least) return { at: line, skip: 1 };
  const word = window.lastIndexOf(" ", room);
  if (word > least) {
    const inCode = fenceAfter(rest.slice(0, word), open) !== null;
    return inCode && word < room ? { at: word + 1, skip: 0 } : { at: word, skip: inCode ? 0 : 1 };
  }
  return { at: whole(rest, room), skip: 0 };
}

/** The nearest place before `at` that does not tear a character; `at` itself when there is none near. */
function whole(text: string, at: number): number {
  for (let i = at; i >= Math.max(1, at - CLUSTER_CHARS); i--) {
    if (isBoundary(text, i)) return i;
  }
  return isLow(text, at) && at > 1 ? at - 1 : at;
}

/** Not inside a surrogate pair, and not in front of (or behind) what joins characters to one. */
const isBoundary = (text: string, at: number): boolean =>
  !isLow(text, at) && !/^(?:\p{M}|\u200d)/u.test(text.slice(at, at + 2)) && text[at - 1] !== "\u200d";

const isLow = (text: string, at: number): boolean => {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff;
};
