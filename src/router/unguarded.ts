/**
 * The paths that Access does not guard: one list. Access is set up from it (these bypass, all others are guarded),
 * the local edge enforces it, and a test compares it with the routes of the app.
 *
 * Keyed routes (`/keyed`), webhooks (`/channels`) and shared transcripts (`/s`) join it when they are built: Access
 * would stop their callers at the edge, so each of them checks a key or a signature of its own.
 */
export const UNGUARDED: readonly string[] = ["/healthz"];

/** Whether a path is on the list: the entry itself, or anything below it. `/healthzzz` is not. */
export const isUnguarded = (pathname: string): boolean =>
  UNGUARDED.some((prefix) => pathname === prefix || pathname.startsWith(`${prefix}/`));
