/** What the files' modules share: the bucket with its two prefixes, errors, and what is noted beside an object. */
import { createHash } from "node:crypto";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { FileInfo } from "../tool.ts";
import { mediaTypeOf } from "./media.ts";

/**
 * R2 takes one write a second for one key and answers a second one with this code. Waited for this often before a
 * write fails, so that two edits of a file in a row are no error.
 */
export const SAME_KEY_WAITS_MS: readonly number[] = [1_100, 2_200];
/** How often a write starts again because somebody else changed the file between our look and our put. */
export const RACES = 6;
/** How long versions are kept, for sentences. */
export const VERSION_DAYS = limits.versionsKeptMs / (24 * 60 * 60 * 1000);
/** Nobody still works on a deletion that began this long ago: what is left of it may be cleared away. */
export const TOMBSTONE_MS = 60_000;

export interface Store {
  bucket: R2Bucket;
  /** Prefix of the current files, with its slash. */
  files: string;
  /** Prefix of previous versions, with its slash. */
  versions: string;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Unique text, for instance a UUID. */
  id(): string;
  wait(ms: number): Promise<void>;
}

/** What a write notes beside the content. Read back from a stranger's object (a mount's), every field is empty. */
export interface Marks {
  /** Unique for each write: tells after a lost answer whether it arrived. */
  write: string;
  /** Digest of the idempotency key. */
  key: string;
  /** MD5 of the content, to compare it with; it protects nothing. */
  sum: string;
  made: "created" | "replaced" | "";
  /** What the caller wants to know again when the call is repeated. */
  note: string;
}

export function marksOf(object: R2Object): Marks {
  const { write = "", key = "", sum = "", made = "", note = "" } = object.customMetadata ?? {};
  return { write, key, sum, made: made === "created" || made === "replaced" ? made : "", note };
}

/**
 * Whether this object only says that its file is being deleted. R2 has no conditional delete: so a file is first
 * replaced, on condition that it is unchanged, by a tombstone, and then the tombstone is deleted.
 */
export const isTombstone = (object: R2Object): boolean => object.customMetadata?.deleted === "1";

/** The object unless it is a tombstone. */
export const living = <T extends R2Object>(object: T | null): T | null =>
  object !== null && !isTombstone(object) ? object : null;

export function infoOf(object: R2Object, path: string): FileInfo {
  return {
    path,
    sizeBytes: object.size,
    modifiedAt: object.uploaded.getTime(),
    etag: object.etag,
    mediaType: object.httpMetadata?.contentType ?? mediaTypeOf(path),
  };
}

/** Hex characters of a digest: ids and idempotency keys are as long as their makers like, and may begin alike. */
export const digest = (text: string, length: number): string =>
  createHash("sha256").update(text).digest("hex").slice(0, length);

/** A fresh id for names that people see. */
export const shortId = (store: Store): string => digest(store.id(), 8);
/** A fresh id for keys. */
export const longId = (store: Store): string => digest(store.id(), 24);

const NOTHING_CHANGED = "The file store did not answer as it should. Nothing was changed; try again.";

export const storageFailed = (cause: unknown, message = NOTHING_CHANGED): AppError =>
  new AppError("storage_failed", message, { cause });

export const fileUnknown = (path: string): AppError =>
  new AppError("file_unknown", `There is no file "${path}". List its directory to see what there is.`);

/** A stream of file content ended in an error after it had begun. */
export const readingFailed = (path: string, cause: unknown): AppError =>
  storageFailed(cause, `Reading "${path}" broke off. Nothing was changed; try again.`);

export const keepsChanging = (path: string): AppError =>
  new AppError(
    "file_conflict",
    `"${path}" keeps changing at the moment. Nothing was changed; read it and try again.`,
  );

/** Runs a step that changes no current file, so that a failure leaves everything as it was. */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof AppError ? error : storageFailed(error);
  }
}

const isSameKeyLimit = (error: unknown): boolean => error instanceof Error && /\(10058\)/.test(error.message);

/** Waits where R2 says that this key was written less than a second ago; throws what the last attempt threw. */
export async function atItsPace<T>(store: Store, work: () => Promise<T>): Promise<T> {
  for (const ms of SAME_KEY_WAITS_MS) {
    try {
      return await work();
    } catch (error) {
      if (!isSameKeyLimit(error)) throw error;
      await store.wait(ms);
    }
  }
  return await work();
}

/** Clears away what nobody needs any more. A failure costs storage, nothing else, so it is only noted. */
export async function sweep(store: Store, keys: string[]): Promise<void> {
  if (keys.length === 0) return;
  try {
    await atItsPace(store, () => store.bucket.delete(keys.slice(0, 1_000))); // R2 deletes 1,000 keys at once
  } catch (error) {
    console.warn("files: could not clear away old objects; the next call will try again", keys.length, error);
  }
}

/** Every page of a listing, one after another. */
export async function* pages(store: Store, options: R2ListOptions): AsyncGenerator<R2Objects> {
  let cursor: string | undefined;
  do {
    const at = cursor === undefined ? {} : { cursor };
    const page = await guarded(() => store.bucket.list({ ...options, ...at }));
    yield page;
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
}

/** Where an upload is staged while it is taken in: beside the versions, outside the workspace. */
export const uploadKey = (store: Store): string => `${store.versions}//upload/${longId(store)}`;
