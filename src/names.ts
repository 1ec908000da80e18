/**
 * The only place where an actor's name or an R2 prefix is made, and only from validated parts. Names are opaque:
 * a user id is `u` and 20 characters of base32, a team id is `t` and 20 more; either owns an agent. A thread is a slug
 * that somebody chose.
 */
import { AppError } from "./errors.ts";

const USER_ID = /^u[a-z2-7]{20}$/;
const TEAM_ID = /^t[a-z2-7]{20}$/;
const THREAD = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;
const HANDLE = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
/** Numbers tried in order behind a handle that is taken, before random ones: `alice`, `alice-2`, ... */
const ORDERED_SUFFIXES = 9;
const RANDOM_SUFFIXES = 10;
const PROGRAM_THREAD = /^api-[es][a-z2-7]{20}$/;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** The thread behind `/@handle`. */
export const MAIN_THREAD = "main";

/** Thread slugs that routes use for themselves. */
const RESERVED_THREADS = new Set(["get-messages", "feed", "settings", "files", "models", "new"]);
/** Handles that would shadow a route, mislead, or be taken for staff. */
const RESERVED_HANDLES = new Set(
  "admin administrator root system holdfast support help api agents agent keyed channels healthz assets local cdn-cgi s me new www mail security abuse null undefined".split(
    " ",
  ),
);

export const isUserId = (text: string): boolean => USER_ID.test(text);
export const isTeamId = (text: string): boolean => TEAM_ID.test(text);
/** Whether an id can own an agent. */
export const isOwnerId = (text: string): boolean => isUserId(text) || isTeamId(text);
export const isHandle = (text: string): boolean => HANDLE.test(text) && !RESERVED_HANDLES.has(text);
export const isThread = (text: string): boolean => THREAD.test(text) && !RESERVED_THREADS.has(text);

/** A new user id from 20 random bytes. */
export const userIdFrom = (random: Uint8Array): string => `u${base32(random, 20)}`;

/** A new team id from 20 random bytes. */
export const teamIdFrom = (random: Uint8Array): string => `t${base32(random, 20)}`;

/** As many characters as asked for, five random bits each. */
export function base32(random: Uint8Array, chars: number): string {
  let text = "";
  for (let i = 0; i < chars; i++) text += BASE32[(random[i] ?? 0) & 31];
  return text;
}

/**
 * The thread of a call that brings its own history, from 20 random bytes (or a hash, so that the same call finds it
 * again). `stored`: its answer may be asked for later.
 */
export const programThreadFrom = (random: Uint8Array, stored: boolean): string =>
  `api-${stored ? "s" : "e"}${base32(random, 20)}`;

/** Whether a thread is one of those: it is not listed, and deleted when its time has come. */
export const isProgramThread = (thread: string): boolean => PROGRAM_THREAD.test(thread);
/** Whether answers in such a thread may be asked for later. */
export const isStoredThread = (thread: string): boolean => thread.startsWith("api-s");

/** Throws `thread_invalid`. */
export function threadOf(text: string): string {
  if (isThread(text)) return text;
  throw new AppError(
    "thread_invalid",
    "A chat's name has 1 to 64 lower-case letters, digits and hyphens, and is not one of the reserved words.",
  );
}

/** The name of a conversation actor. */
export const conversationName = (ownerId: string, thread: string): string =>
  `${ownerOf(ownerId)}.${threadOf(thread)}`;

/** The parts of a conversation's name, or `null` if nobody could have made it here. */
export function parseConversationName(name: string): { ownerId: string; thread: string } | null {
  const dot = name.indexOf(".");
  const ownerId = name.slice(0, Math.max(dot, 0));
  const thread = name.slice(dot + 1);
  return dot > 0 && isOwnerId(ownerId) && isThread(thread) ? { ownerId, thread } : null;
}

/** R2 prefix of an owner's workspace: fixed length, with its slash, so that no prefix begins another. */
export const filesPrefix = (ownerId: string): string => `s/${ownerOf(ownerId)}/`;

/** R2 prefix of the previous versions of an owner's files. Outside the workspace, so that no mount shows it. */
export const versionsPrefix = (ownerId: string): string => `v/${ownerOf(ownerId)}/`;

function ownerOf(id: string): string {
  if (isOwnerId(id)) return id;
  throw new AppError("bad_request", "That is not the id of a user or a team.");
}

/**
 * What a hasty eye sees of a handle: `a1ice` and `al-ice` look like `alice`. Two owners never have handles that look the
 * same. Written once more in SQL where the catalog's table was made.
 */
export const handleLook = (handle: string): string =>
  handle
    .replaceAll("-", "")
    .replaceAll("0", "o")
    .replaceAll("1", "l")
    .replaceAll("i", "l")
    .replaceAll("rn", "m")
    .replaceAll("vv", "w");

const RESERVED_LOOKS = new Set([...RESERVED_HANDLES].map(handleLook));

/** A handle that somebody chose. Throws `handle_invalid`. */
export function chosenHandle(text: string): string {
  if (isHandle(text) && text.length >= 2 && !RESERVED_LOOKS.has(handleLook(text))) return text;
  throw new AppError(
    "handle_invalid",
    "A handle has 2 to 32 lower-case letters, digits and hyphens, begins and ends with a letter or digit, and is not (and does not look like) one of the reserved words.",
  );
}

/** Handles to try when one is wanted that may be taken: itself, then numbered in order, then at random. */
export function* handleCandidates(wanted: string, random: (bytes: number) => Uint8Array): Generator<string> {
  yield wanted;
  for (let n = 2; n < 2 + ORDERED_SUFFIXES; n++) yield numbered(wanted, n);
  for (let i = 0; i < RANDOM_SUFFIXES; i++) {
    const [a = 0, b = 0, c = 0] = random(3);
    yield numbered(wanted, 100_000 + (((a << 16) | (b << 8) | c) % 900_000));
  }
}

/** A handle ends at 32 characters; the number stays whole. */
function numbered(handle: string, n: number): string {
  const suffix = `-${n}`;
  return handle.slice(0, 32 - suffix.length).replace(/-+$/, "") + suffix;
}

/** A handle from an e-mail address or a service's name; never empty, never reserved, perhaps taken. */
export function handleFrom(name: string): string {
  const local = (name.split("@")[0] ?? "").toLowerCase();
  const slug = local
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 28)
    .replace(/-+$/, "");
  if (isHandle(slug) && !RESERVED_LOOKS.has(handleLook(slug))) return slug;
  return isHandle(`${slug}-user`) ? `${slug}-user` : "user";
}
