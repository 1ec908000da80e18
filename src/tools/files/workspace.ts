/**
 * One user's files on R2.
 *
 * What it promises: nothing that was ever the content of a file is lost within `limits.versionsKeptMs`. Every
 * overwrite and delete first copies what is there to a version, and then changes the file on condition that it is
 * still what was copied. Whoever is slower looks again. A call with an idempotency key has one effect however often
 * it runs: the key's digest travels with the content into its versions, where a repeated call finds it.
 */
import { AppError } from "../../errors.ts";
import type { Change, FileInfo, FileVersion, Workspace, WriteResult } from "../tool.ts";
import { type Content, contentOf, contentOfBytes, contentOfObject } from "./content.ts";
import { headOf, racing, replace, takeAway } from "./current.ts";
import { filesBelow, listDirectory, walkDirectory } from "./listing.ts";
import { mediaTypeFrom, mediaTypeOf } from "./media.ts";
import { conflictPath, normaliseDirectory, normalisePath } from "./paths.ts";
import {
  digest,
  fileUnknown,
  guarded,
  infoOf,
  keepsChanging,
  living,
  marksOf,
  type Store,
  shortId,
  VERSION_DAYS,
} from "./store.ts";
import {
  deletedFiles,
  findVersion,
  type KeptVersion,
  newestVersions,
  publicVersion,
  purgeAll,
  readVersion,
  versionsOf,
} from "./versions.ts";

/** Text of a file that `update` takes into memory. */
export const UPDATE_BYTES = 2 * 1024 * 1024;

export interface WorkspaceOptions {
  bucket: R2Bucket;
  /** Prefix of the current files: `filesPrefix` of names.ts. */
  files: string;
  /** Prefix of previous versions: `versionsPrefix` of names.ts. */
  versions: string;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Unique text, for instance a UUID. */
  id: () => string;
  /** How to wait for R2's one write a second for one key; tests count instead. */
  wait?: (ms: number) => Promise<void>;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

// Object metadata ends at 2 KiB, and a key is as long as its maker likes.
const digestOf = (key: string | undefined): string =>
  key === undefined || key === "" ? "" : digest(key, 40);

/** Opens the workspace at two prefixes of a bucket. Makes no request. */
export function openWorkspace(options: WorkspaceOptions): Workspace {
  const store: Store = { ...options, wait: options.wait ?? sleep };
  // Without its slash a prefix would include every longer one: `s/u1` begins `s/u10/a.txt`.
  if (![store.files, store.versions].every((prefix) => /^(?:[^/]+\/)+$/.test(prefix))) {
    throw new Error("A workspace's prefixes end in a slash and have no empty part.");
  }
  if (store.files.startsWith(store.versions) || store.versions.startsWith(store.files)) {
    throw new Error("Files and versions live apart.");
  }
  const inTurn = turnstile();
  return {
    async read(text, range) {
      const path = normalisePath(text);
      const key = `${store.files}${path}`;
      const object = living(await guarded(() => store.bucket.get(key, range ? { range } : {})));
      if (!object) throw fileUnknown(path);
      return { info: infoOf(object, path), body: object.body };
    },
    async stat(text) {
      const path = normalisePath(text);
      const object = living(await headOf(store, path));
      return object && infoOf(object, path);
    },
    async write(text, body, { ifEtag, mediaType, key } = {}) {
      const path = normalisePath(text);
      const content = await contentOf(store, body);
      const writing = { content, mediaType: mediaTypeFrom(mediaType, path), key: digestOf(key), note: "" };
      try {
        return await inTurn(path, () => writeFile(store, path, writing, ifEtag));
      } finally {
        await content.dispose();
      }
    },
    async update(text, change, { key } = {}) {
      const path = normalisePath(text);
      return await inTurn(path, () => updateFile(store, path, change, digestOf(key)));
    },
    async delete(text, { key } = {}) {
      const path = normalisePath(text);
      return await inTurn(path, () => removeFile(store, path, digestOf(key)));
    },
    list: async (text) => await listDirectory(store, normaliseDirectory(text)),
    walk: async (text) => await walkDirectory(store, normaliseDirectory(text)),
    versions: async (text) => await versionsOf(store, normalisePath(text)),
    readVersion: async (text, version) => await readVersion(store, normalisePath(text), version),
    async deleted() {
      const exists = new Set<string>();
      for await (const file of filesBelow(store, "")) exists.add(file.path);
      return await deletedFiles(store, exists);
    },
    async restore(text, version) {
      const path = normalisePath(text);
      return await inTurn(path, () => restoreFile(store, path, version));
    },
    async purge(text) {
      const path = normalisePath(text);
      await inTurn(path, async () => {
        await guarded(() => store.bucket.delete(`${store.files}${path}`));
        await purgeAll(store, path);
      });
    },
  };
}

/**
 * Work on one path, one after another. Races inside this object would only cost attempts; those with other objects
 * are settled by etags.
 */
function turnstile(): <T>(path: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (path, work) => {
    const before = last.get(path);
    const mine = before ? before.then(work, work) : work();
    last.set(path, mine);
    try {
      return await mine;
    } finally {
      if (last.get(path) === mine) last.delete(path);
    }
  };
}

interface Writing {
  content: Content;
  mediaType: string;
  /** Digest, or empty. */
  key: string;
  note: string;
}

interface Earlier {
  file: FileInfo;
  sum: string;
  created: boolean;
  note: string;
}

interface Look {
  /** The object that is there now, perhaps a tombstone. */
  was: R2Object | null;
  /** What an earlier run of the call with this key has made of the file: still current, or a version by now. */
  earlier: Earlier | null;
  versions: KeptVersion[];
}

/**
 * What is there before a change. Looked at again after every lost race: what was faster may have been an earlier run
 * of this very call, whose last request arrived late.
 */
async function look(store: Store, path: string, key: string): Promise<Look> {
  if (key === "") return { was: await headOf(store, path), earlier: null, versions: [] };
  const [was, versions] = await Promise.all([headOf(store, path), newestVersions(store, path)]);
  const outcome = (marked: R2Object, file: FileInfo): Earlier => {
    const { sum, made, note } = marksOf(marked);
    return { file, sum, created: made === "created", note };
  };
  const current = living(was);
  if (current && marksOf(current).key === key) {
    return { was, versions, earlier: outcome(current, infoOf(current, path)) };
  }
  const kept = versions.find((version) => marksOf(version.object).key === key);
  if (!kept) return { was, versions, earlier: null };
  const { sizeBytes, etag, modifiedAt } = kept;
  const mediaType = kept.object.customMetadata?.mediaType ?? mediaTypeOf(path);
  return { was, versions, earlier: outcome(kept.object, { path, sizeBytes, etag, modifiedAt, mediaType }) };
}

async function writeFile(
  store: Store,
  path: string,
  writing: Writing,
  ifEtag: string | null | undefined,
): Promise<WriteResult> {
  const written = await racing(async (): Promise<WriteResult | null> => {
    const { was, earlier } = await look(store, path, writing.key);
    if (earlier?.sum === writing.content.sum) return { file: earlier.file, created: earlier.created };
    if (ifEtag !== undefined && ifEtag !== (living(was)?.etag ?? null)) {
      return await writeBeside(store, path, writing);
    }
    const object = await replace(store, path, was, writing);
    return object && { file: infoOf(object, path), created: marksOf(object).made === "created" };
  });
  if (!written) throw keepsChanging(path);
  return written;
}

/** Ours goes next to a file that somebody else has changed. A repeated call finds it there by its name and key. */
async function writeBeside(store: Store, path: string, writing: Writing): Promise<WriteResult> {
  let name = writing.key === "" ? shortId(store) : writing.key.slice(0, 8);
  const written = await racing(async (): Promise<WriteResult | null> => {
    const keptAs = conflictPath(path, name);
    name = shortId(store);
    const was = await headOf(store, keptAs);
    if (was !== null) {
      const { key, sum } = marksOf(was);
      const isOurs = writing.key !== "" && key === writing.key && sum === writing.content.sum;
      return isOurs ? { file: infoOf(was, keptAs), created: true, conflict: { keptAs } } : null;
    }
    const object = await replace(store, keptAs, null, writing);
    return object && { file: infoOf(object, keptAs), created: true, conflict: { keptAs } };
  });
  if (!written) throw keepsChanging(path);
  return written;
}

async function updateFile(
  store: Store,
  path: string,
  change: (text: string) => Change,
  key: string,
): Promise<{ file: FileInfo; note: string }> {
  const updated = await racing(async () => {
    const { was, earlier } = await look(store, path, key);
    if (earlier) return { file: earlier.file, note: earlier.note };
    const current = living(was);
    if (!current) throw fileUnknown(path);
    const before = await textOf(store, path, current);
    if (before === null) return null;
    const { text, note } = change(before);
    const content = contentOfBytes(new TextEncoder().encode(text));
    const { mediaType } = infoOf(current, path);
    const object = await replace(store, path, current, { content, mediaType, key, note: note.slice(0, 200) });
    return object && { file: infoOf(object, path), note };
  });
  if (!updated) throw keepsChanging(path);
  return updated;
}

/** The text of the file while it is `current`; `null` when it is not any more. */
async function textOf(store: Store, path: string, current: R2Object): Promise<string | null> {
  if (current.size > UPDATE_BYTES) {
    throw new AppError(
      "body_too_large",
      `"${path}" is too large to change in place: the limit is ${UPDATE_BYTES} bytes.`,
    );
  }
  const bytes = await guarded(async () => {
    const found = await store.bucket.get(`${store.files}${path}`, { onlyIf: { etagMatches: current.etag } });
    return found && "body" in found ? await found.arrayBuffer() : null;
  });
  if (!bytes) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new AppError("bad_request", `"${path}" is not a text file, so it cannot be changed as text.`);
  }
}

async function removeFile(store: Store, path: string, by: string): Promise<FileVersion> {
  const removed = await racing(async () => {
    const { was, versions } = await look(store, path, by);
    const current = living(was);
    const isEarlier = (version: KeptVersion) => version.by === by && version.reason === "deleted";
    const earlier = by === "" ? undefined : versions.find(isEarlier);
    // Kept by an earlier run whose file is still there: that run was cut off in between, and we go on from it.
    const unfinished = earlier !== undefined && current?.version === earlier.of;
    if (earlier && !unfinished) return earlier;
    if (!current) throw fileUnknown(path);
    return await takeAway(store, path, current, by, earlier ?? null);
  });
  if (!removed) throw keepsChanging(path);
  return publicVersion(removed);
}

async function restoreFile(store: Store, path: string, id: string): Promise<FileInfo> {
  const unknown = () =>
    new AppError(
      "version_unknown",
      `"${path}" has no such version. Versions are kept for ${VERSION_DAYS} days; list them again.`,
    );
  const version = await findVersion(store, path, id);
  if (!version) throw unknown();
  const content = contentOfObject(store, version.key, { size: version.size, sum: marksOf(version).sum });
  const mediaType = version.httpMetadata?.contentType ?? mediaTypeOf(path);
  const restored = await racing(async () => {
    const was = await headOf(store, path);
    return await replace(store, path, was, { content, mediaType, key: "", note: "" });
  });
  if (!restored) throw keepsChanging(path);
  return infoOf(restored, path);
}
