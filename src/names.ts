/**
 * The only place where an actor's name or an R2 prefix is made, and only from validated parts. Names are opaque:
 * a user id is `u` and 20 characters of base32, a thread is a slug that its owner chose.
 */
import { AppError } from "./errors.ts";

const USER_ID = /^u[a-z2-7]{20}$/;
const THREAD = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;
const HANDLE = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
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
export const isHandle = (text: string): boolean => HANDLE.test(text) && !RESERVED_HANDLES.has(text);
export const isThread = (text: string): boolean => THREAD.test(text) && !RESERVED_THREADS.has(text);

/** A new user id from 20 random bytes. */
export function userIdFrom(random: Uint8Array): string {
  let id = "u";
  for (let i = 0; i < 20; i++) id += BASE32[(random[i] ?? 0) & 31];
  return id;
}

/** Throws `thread_invalid`. */
export function threadOf(text: string): string {
  if (isThread(text)) return text;
  throw new AppError(
    "thread_invalid",
    "A chat's name has 1 to 64 lower-case letters, digits and hyphens, and is not one of the reserved words.",
  );
}

/** The name of a conversation actor. */
export function conversationName(userId: string, thread: string): string {
  if (!isUserId(userId)) throw new AppError("bad_request", "That is not a user id.");
  return `${userId}.${threadOf(thread)}`;
}

/** The parts of a conversation's name, or `null` if nobody could have made it here. */
export function parseConversationName(name: string): { userId: string; thread: string } | null {
  const dot = name.indexOf(".");
  const userId = name.slice(0, Math.max(dot, 0));
  const thread = name.slice(dot + 1);
  return dot > 0 && isUserId(userId) && isThread(thread) ? { userId, thread } : null;
}

/** R2 prefix of a user's workspace: fixed length, with its slash, so that no prefix begins another. */
export function filesPrefix(userId: string): string {
  if (!isUserId(userId)) throw new AppError("bad_request", "That is not a user id.");
  return `s/${userId}/`;
}

/** R2 prefix of the previous versions of a user's files. Outside the workspace, so that no mount shows it. */
export function versionsPrefix(userId: string): string {
  if (!isUserId(userId)) throw new AppError("bad_request", "That is not a user id.");
  return `v/${userId}/`;
}

/** A handle from an e-mail address or a service's name; never empty, never reserved, perhaps taken. */
export function handleFrom(name: string): string {
  const local = (name.split("@")[0] ?? "").toLowerCase();
  const slug = local
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 28)
    .replace(/-+$/, "");
  if (isHandle(slug)) return slug;
  return isHandle(`${slug}-user`) ? `${slug}-user` : "user";
}
