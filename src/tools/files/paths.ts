/**
 * The one place where a workspace path is made of text that a person or a model wrote. Pure: text in, path out, or
 * `path_invalid`. What comes out has no empty, `.` or `..` segment, so a prefix put before it can never be left.
 */
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";

/** Longest name of one file or directory: what every file system that may mount the workspace allows. */
export const SEGMENT_BYTES = 255;

/** Text longer than this is refused before any other work is done with it. */
const TEXT_CHARS = limits.pathBytes * 4;
/** How often percent-encoding is undone when we look for something hidden under it. */
const DECODE_ROUNDS = 6;

/** Control characters, and the marks that turn the direction of text, with which a name lies about itself. */
const FORBIDDEN = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const LONE_SURROGATE = /\p{Surrogate}/u;
/** White space and characters without a width: not part of what a reader takes for dots. */
const INVISIBLE = /[\s\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;

const bytes = new TextEncoder();
const byteLength = (text: string): number => bytes.encode(text).length;

function refuse(why: string): never {
  throw new AppError(
    "path_invalid",
    `${why} A path looks like "notes/today.md": names separated by "/", relative to the workspace, at most ` +
      `${limits.pathBytes} bytes in all and ${SEGMENT_BYTES} bytes a name, without "..".`,
  );
}

/**
 * One step of undoing percent-encoding: `%2e`, `%u002e`, and the overlong UTF-8 spellings of `.`, `/` and `\`, which
 * careless decoders accept. Anything else that is not valid stays as it is.
 */
function decodeOnce(text: string): string {
  return text
    .replace(/%c0%ae|%e0%80%ae|%f0%80%80%ae/gi, ".")
    .replace(/%c0%af|%e0%80%af|%f0%80%80%af/gi, "/")
    .replace(/%c1%9c|%e0%81%9c|%f0%80%81%9c/gi, "\\")
    .replace(/%u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
      const values = new Uint8Array(
        run
          .split("%")
          .slice(1)
          .map((hex) => Number.parseInt(hex, 16)),
      );
      return new TextDecoder().decode(values);
    });
}

/** Whether a segment reads as `.` or `..` once everything invisible and every look-alike is taken away. */
function isDots(segment: string): boolean {
  const plain = segment.normalize("NFKC").replace(INVISIBLE, "");
  return plain === "." || plain === "..";
}

const SEPARATOR = /[/\\]/;
/** Slashes of mathematics, which some converters write as plain ones. */
const LOOKS_LIKE_SEPARATOR = /[/\\\u2044\u2215\u2216\u29f5\u29f8\u29f9]/;
const namesIn = (text: string): string[] =>
  text.split(SEPARATOR).filter((segment) => segment !== "" && segment !== ".");

/**
 * Refuses what could mean "one directory up" or hide a control character to whoever decodes the path once more:
 * a browser, a proxy, a tool inside a container. Each decoding is looked at, because nobody says how often.
 */
function refuseHidden(text: string): void {
  // Plain `.` and empty names mean "here" and are dropped; every other spelling of dots is a disguise.
  let seen = namesIn(text).join("/");
  for (let round = 0; round < DECODE_ROUNDS; round++) {
    if (FORBIDDEN.test(seen)) refuse("The path has a control character in it.");
    if (seen.normalize("NFKC").split(LOOKS_LIKE_SEPARATOR).some(isDots)) {
      refuse('The path has a ".." in it, or something that looks like it.');
    }
    const decoded = decodeOnce(seen);
    if (decoded === seen) return;
    seen = decoded;
  }
  refuse("The path is percent-encoded too many times.");
}

function normalise(text: string): string[] {
  if (text.length > TEXT_CHARS) refuse("The path is too long.");
  if (LONE_SURROGATE.test(text)) refuse("The path is not valid Unicode.");
  refuseHidden(text);
  const segments = namesIn(text.normalize("NFC"));
  for (const segment of segments) {
    if (segment.replace(INVISIBLE, "") === "") refuse("The path has a name in it that cannot be seen.");
    if (byteLength(segment) > SEGMENT_BYTES) refuse(`The name "${segment.slice(0, 40)}…" is too long.`);
  }
  if (byteLength(segments.join("/")) > limits.pathBytes) refuse("The path is too long.");
  return segments;
}

/**
 * The path of a file: NFC, `/` between names, no leading slash, no `.`, `..` or empty name. Accepts `/notes/a.txt`,
 * `./notes//a.txt` and `notes\a.txt`. Normalising twice changes nothing. Throws `path_invalid`; the message says
 * what is allowed.
 */
export function normalisePath(text: string): string {
  const segments = normalise(text);
  if (segments.length === 0) refuse("The path is empty.");
  if (/(?:^|[/\\])\.?$/.test(text)) refuse("The path names a directory, not a file.");
  return segments.join("/");
}

/** The path of a directory, without a slash at its end; the workspace itself is `""`. Throws `path_invalid`. */
export function normaliseDirectory(text: string): string {
  return normalise(text).join("/");
}

/**
 * The path beside `path` where a text goes that lost a conflict: `notes/plan (conflict 1a2b3c4d).md`. The name is
 * cut where it would become too long, and at the end of a directory that leaves no room at all, the copy goes to the
 * top of the workspace.
 */
export function conflictPath(path: string, id: string): string {
  const slash = path.lastIndexOf("/") + 1;
  const name = path.slice(slash);
  const dot = name.lastIndexOf(".");
  // ".env" is a name without an extension, and an "extension" of more than 20 characters is part of the name.
  const extension = dot > 0 && name.length - dot <= 20 ? name.slice(dot) : "";
  const mark = ` (conflict ${id})`;
  let base = name.slice(0, name.length - extension.length);
  const tooLong = () =>
    byteLength(base + mark + extension) > SEGMENT_BYTES ||
    byteLength(path.slice(0, slash) + base + mark + extension) > limits.pathBytes;
  while (base !== "" && tooLong()) base = [...base].slice(0, -1).join("");
  if (slash > 0 && tooLong()) return conflictPath(name, id);
  return path.slice(0, slash) + base + mark + extension;
}
