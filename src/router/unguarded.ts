/**
 * The paths that Access does not guard: one list. Access is set up from it (these bypass, all others are guarded),
 * the local edge enforces it, and a test compares it with the routes of the app. Access would stop the callers of
 * these at the edge, so each checks a key, a signature or a link of its own.
 */
export const UNGUARDED: readonly string[] = [
  /** Liveness. */
  "/healthz",
  /** Programs, with a key of an agent. */
  "/keyed",
  /** Webhooks of messaging platforms. */
  "/channels",
  /** Shared transcripts. */
  "/s",
];

/** Whether a path is on the list: the entry itself, or anything below it. `/healthzzz` is not. */
export const isUnguarded = (pathname: string): boolean =>
  UNGUARDED.some((prefix) => pathname === prefix || pathname.startsWith(`${prefix}/`));

/**
 * The path of a request, the one that all decide on: the router, this list, requirements. A Worker sees the address as
 * the client wrote it. This is it with `.` and `..` resolved in every spelling and `\` read as `/`, as a browser would;
 * nothing is decoded and no case changed, so that a letter in disguise (`/%73`, `/S`, `/ｓ`) is not that letter.
 */
export const pathOf = (url: string): string => PLAIN.exec(url)?.[1] || new URL(url).pathname;

/** What nearly every address is, and what parsing would leave as it is: no dots at the head of a name, nothing encoded. */
const PLAIN = /^https?:\/\/[\w.:[\]-]+((?:\/[\w@~-][\w@~.-]*)+\/?)(?:\?|$)/;
