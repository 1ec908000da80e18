/** The current content of a file: looked at, replaced and taken away, each on condition that nobody was faster. */
import { type Content, contentOfBytes } from "./content.ts";
import { atItsPace, guarded, isTombstone, type Marks, RACES, type Store, storageFailed } from "./store.ts";
import { type KeptVersion, keep, keepAhead, purge } from "./versions.ts";

export const headOf = (store: Store, path: string): Promise<R2Object | null> =>
  guarded(() => store.bucket.head(`${store.files}${path}`));

/**
 * Puts an object where `was` is, or where nothing is. `null`: somebody was faster. A put whose answer was lost may
 * have arrived, so after an error we look before we say that nothing was changed.
 */
async function putWhere(
  store: Store,
  path: string,
  was: R2Object | null,
  content: Content,
  write: string,
  options: R2PutOptions,
): Promise<R2Object | null> {
  const key = `${store.files}${path}`;
  const onlyIf = was ? { etagMatches: was.etag } : { etagDoesNotMatch: "*" };
  try {
    return await atItsPace(store, async () =>
      store.bucket.put(key, await content.open(), { ...options, onlyIf }),
    );
  } catch (error) {
    let there: R2Object | null;
    try {
      there = await store.bucket.head(key);
    } catch {
      const message =
        "The file store broke off in the middle, so the change may have happened or not. Nothing is lost: " +
        "read the file, then try again.";
      throw storageFailed(error, message);
    }
    if (there?.customMetadata?.write === write) return there;
    throw storageFailed(error);
  }
}

export interface Replacement {
  content: Content;
  mediaType: string;
  /** Digest of the idempotency key, or empty. */
  key: string;
  note: string;
}

/**
 * Makes `next` the content of a file whose present state is `was`. What was there is kept as a version first.
 * `null`: the file is not in that state any more, nothing was changed. Throws `storage_failed`.
 */
export async function replace(
  store: Store,
  path: string,
  was: R2Object | null,
  next: Replacement,
): Promise<R2Object | null> {
  const current = was !== null && !isTombstone(was) ? was : null;
  if (current && !(await keep(store, path, current, { reason: "overwritten", by: next.key }))) return null;
  if (was !== null && !current) await keepAhead(store, path, next.content, next.mediaType);
  const marks: Marks = {
    write: store.id(),
    key: next.key,
    sum: next.content.sum,
    made: current ? "replaced" : "created",
    note: next.note,
  };
  const customMetadata = Object.fromEntries(Object.entries(marks).filter(([, value]) => value !== ""));
  const options = { customMetadata, httpMetadata: { contentType: next.mediaType } };
  const put = putWhere(store, path, was, next.content, marks.write, options);
  // Beside the put, so that it costs no time; it never throws.
  const [object] = await Promise.all([put, current ? purge(store, path) : undefined]);
  return object;
}

/**
 * Takes a file away whose present state is `was`; `kept` is its version if an earlier run of this call made it
 * already. `null`: the file is not in that state any more. Throws `storage_failed`.
 */
export async function takeAway(
  store: Store,
  path: string,
  was: R2Object,
  by: string,
  kept: KeptVersion | null,
): Promise<KeptVersion | null> {
  const version = kept ?? (await keep(store, path, was, { reason: "deleted", by }));
  if (!version) return null;
  const write = store.id();
  const content = contentOfBytes(new TextEncoder().encode(write)); // unlike any other tombstone, so its etag is too
  const tombstone = await putWhere(store, path, was, content, write, {
    customMetadata: { deleted: "1", write },
  });
  if (!tombstone) return null;
  try {
    await atItsPace(store, () => store.bucket.delete(`${store.files}${path}`));
  } catch (error) {
    console.warn("files: a deleted file's tombstone stays until a listing clears it away", error);
  }
  return version;
}

/** Repeats an attempt that answers `null` while others are faster; `null` when they always are. */
export async function racing<T>(attempt: () => Promise<T | null>): Promise<T | null> {
  for (let n = 0; n < RACES; n++) {
    const done = await attempt();
    if (done !== null) return done;
  }
  return null;
}
