/**
 * Previous versions of files.
 *
 * A version of `notes/a.txt` is the object `<versions>notes/a.txt//<time>-<reason>-<id>`. No path has an empty
 * segment, so `//` ends the path without any encoding, and the versions of `a` are never those of `a/b`. The time
 * counts down, so that a listing begins with the newest. Keys below `<versions>//upload/` are uploads that are
 * still being taken in.
 */
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { FileInfo, FileVersion } from "../tool.ts";
import type { Content } from "./content.ts";
import { guarded, infoOf, longId, marksOf, pages, type Store, storageFailed, sweep } from "./store.ts";

/** Versions that are looked through for an idempotency key: a call that is run again is never this far back. */
const NEWEST = 50;
/** Expired versions of one file that one write clears away. */
const PURGE = 100;
/** An upload that is still staged after a day belongs to nobody. */
const UPLOAD_MS = 24 * 60 * 60 * 1000;

const LAST_MS = 9_999_999_999_999;
const LEAF = /^(\d{13})-([do])-([0-9a-f]{24})$/;

/** A version with what the other modules need to know of it. */
export interface KeptVersion extends FileVersion {
  object: R2Object;
  /** R2's own name of the object that this is a copy of; unique for each upload. */
  of: string;
  /** Digest of the key of the call that replaced or deleted it. */
  by: string;
  /** Etag and time of the file while this was its content. */
  etag: string;
  modifiedAt: number;
}

const countdown = (ms: number): string => String(LAST_MS - ms).padStart(13, "0");
const prefixOf = (store: Store, path: string): string => `${store.versions}${path}//`;

/** Whether a version is older than versions are kept. */
const isExpired = (store: Store, replacedAt: number): boolean =>
  replacedAt < store.now() - limits.versionsKeptMs;

/** What a version's key alone says; `null` for any other key. */
function parseKey(store: Store, object: R2Object): FileVersion | null {
  const rest = object.key.slice(store.versions.length);
  const end = rest.lastIndexOf("//");
  const [, time, reason] = LEAF.exec(rest.slice(end + 2)) ?? [];
  if (end <= 0 || time === undefined) return null;
  return {
    id: rest.slice(end + 2),
    path: rest.slice(0, end),
    sizeBytes: object.size,
    replacedAt: LAST_MS - Number(time),
    reason: reason === "d" ? "deleted" : "overwritten",
  };
}

function parseVersion(store: Store, object: R2Object): KeptVersion | null {
  const version = parseKey(store, object);
  if (!version) return null;
  const { of = "", by = "", etag = "", modifiedAt = "" } = object.customMetadata ?? {};
  return {
    ...version,
    object,
    of,
    by,
    etag: etag || object.etag,
    modifiedAt: Number(modifiedAt) || version.replacedAt,
  };
}

/** A version as the outside knows it. */
export const publicVersion = ({ id, path, sizeBytes, replacedAt, reason }: FileVersion): FileVersion => ({
  id,
  path,
  sizeBytes,
  replacedAt,
  reason,
});

interface Keeping {
  reason: FileVersion["reason"];
  /** Digest of the caller's idempotency key, or empty. */
  by: string;
}

/**
 * Copies the file `was` to a version before it is replaced. `null` when it is no longer the current one. Throws
 * `storage_failed` when the copy is not there in full: then the file may not be touched.
 */
export async function keep(
  store: Store,
  path: string,
  was: R2Object,
  why: Keeping,
): Promise<KeptVersion | null> {
  return await guarded(async () => {
    const source = await store.bucket.get(`${store.files}${path}`, { onlyIf: { etagMatches: was.etag } });
    if (!source || !("body" in source)) return null;
    if (source.version !== was.version) {
      // Somebody wrote the same bytes again. Their write counts as one, so it is looked at like any other.
      await source.body.cancel();
      return null;
    }
    const marks = { ...marksOf(source), ...identityOf(source) };
    const object = await putVersion(store, path, source.body, source, why, marks);
    if (object.size !== was.size) {
      throw storageFailed(new Error(`A version of ${was.size} bytes was kept with ${object.size}.`));
    }
    return parseVersion(store, object);
  });
}

const identityOf = (source: R2Object): Record<string, string> => ({
  of: source.version,
  etag: source.etag,
  modifiedAt: String(source.uploaded.getTime()),
});

/**
 * Keeps a content that is about to be written where a deletion is still under way, whose end might take it along.
 * It carries no key, because it does not prove that the write happened.
 */
export async function keepAhead(
  store: Store,
  path: string,
  content: Content,
  mediaType: string,
): Promise<void> {
  await guarded(async () => {
    const body = await content.open();
    const like = { httpMetadata: { contentType: mediaType } };
    await putVersion(store, path, body, like, { reason: "deleted", by: "" }, { sum: content.sum });
  });
}

async function putVersion(
  store: Store,
  path: string,
  body: Uint8Array | ReadableStream,
  like: { httpMetadata?: R2HTTPMetadata },
  why: Keeping,
  marks: Record<string, string>,
): Promise<R2Object> {
  const replacedAt = store.now();
  const id = `${countdown(replacedAt)}-${why.reason === "deleted" ? "d" : "o"}-${longId(store)}`;
  const mediaType = like.httpMetadata?.contentType ?? "";
  const noted = { ...marks, by: why.by, reason: why.reason, replacedAt: String(replacedAt), mediaType };
  return await store.bucket.put(prefixOf(store, path) + id, body, {
    customMetadata: Object.fromEntries(Object.entries(noted).filter(([, value]) => value !== "")),
    ...(like.httpMetadata ? { httpMetadata: like.httpMetadata } : {}),
  });
}

/** One version's object, or `null` when there is none of this id or its time is over. */
export async function findVersion(store: Store, path: string, id: string): Promise<R2Object | null> {
  if (!LEAF.test(id)) return null; // an id comes from outside, and becomes part of a key here
  const object = await guarded(() => store.bucket.head(prefixOf(store, path) + id));
  const version = object && parseKey(store, object);
  return version && !isExpired(store, version.replacedAt) ? object : null;
}

/** One version's content. Throws `version_unknown`. */
export async function readVersion(
  store: Store,
  path: string,
  id: string,
): Promise<{ info: FileInfo; body: ReadableStream<Uint8Array> }> {
  const kept = await findVersion(store, path, id);
  const object = kept && (await guarded(() => store.bucket.get(kept.key)));
  if (!object) {
    throw new AppError("version_unknown", "There is no such version any more. List the versions again.");
  }
  return { info: infoOf(object, path), body: object.body };
}

/** The newest versions of a file, for finding what a call with some idempotency key has done. */
export async function newestVersions(store: Store, path: string): Promise<KeptVersion[]> {
  const options: R2ListOptions = {
    prefix: prefixOf(store, path),
    limit: NEWEST,
    include: ["customMetadata"],
  };
  const page = await guarded(() => store.bucket.list(options));
  return page.objects.flatMap((object) => parseVersion(store, object) ?? []);
}

/** Clears away versions of this file that are past their time; a bounded number, the next write goes on. */
export async function purge(store: Store, path: string): Promise<void> {
  const startAfter = `${prefixOf(store, path)}${countdown(store.now() - limits.versionsKeptMs)}-~`;
  try {
    const page = await store.bucket.list({ prefix: prefixOf(store, path), startAfter, limit: PURGE });
    await sweep(
      store,
      page.objects.map((object) => object.key),
    );
  } catch (error) {
    console.warn("files: could not look for expired versions; the next write will", error);
  }
}

/** Removes every version of this file, whatever its age. Throws `storage_failed`. */
export async function purgeAll(store: Store, path: string): Promise<void> {
  for await (const page of pages(store, { prefix: prefixOf(store, path) })) {
    const keys = page.objects.map((object) => object.key);
    if (keys.length > 0) await guarded(() => store.bucket.delete(keys));
  }
}

/** Versions of one file, newest first. Copies of one and the same content, made in a race, are listed once. */
export async function versionsOf(store: Store, path: string): Promise<FileVersion[]> {
  const found: FileVersion[] = [];
  const seen = new Set<string>();
  const expired: string[] = [];
  for await (const page of pages(store, { prefix: prefixOf(store, path), include: ["customMetadata"] })) {
    for (const object of page.objects) {
      const version = parseVersion(store, object);
      if (!version) continue;
      if (isExpired(store, version.replacedAt)) expired.push(object.key);
      else if (!seen.has(version.of)) found.push(publicVersion(version));
      if (version.of !== "") seen.add(version.of);
    }
    if (expired.length > 0) break; // what follows is older still
  }
  await sweep(store, expired);
  return found;
}

/**
 * For each path below `versions` that `exists` does not know, the version that brings it back: the newest one that
 * was kept by a deletion, or the newest of all when the file went without one. Newest first.
 */
export async function deletedFiles(store: Store, exists: ReadonlySet<string>): Promise<FileVersion[]> {
  const gone = new Map<string, FileVersion>();
  const expired: string[] = [];
  for await (const page of pages(store, { prefix: store.versions })) {
    for (const object of page.objects) {
      const version = parseKey(store, object);
      if (!version) {
        const isUpload = object.key.startsWith(`${store.versions}//upload/`);
        if (isUpload && object.uploaded.getTime() < store.now() - UPLOAD_MS) expired.push(object.key);
      } else if (isExpired(store, version.replacedAt)) expired.push(object.key);
      else if (!exists.has(version.path)) {
        const known = gone.get(version.path);
        if (!known || (known.reason === "overwritten" && version.reason === "deleted"))
          gone.set(version.path, version);
      }
    }
  }
  await sweep(store, expired);
  return [...gone.values()].sort((a, b) => b.replacedAt - a.replacedAt || (a.path < b.path ? -1 : 1));
}
