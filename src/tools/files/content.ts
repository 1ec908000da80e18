/** A body that can be put more than once: bytes in memory, or an object that R2 already has. */
import { createHash } from "node:crypto";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { guarded, type Store, storageFailed, sweep, uploadKey } from "./store.ts";

/**
 * Part size of a staged upload, and so the memory that one takes. R2 wants parts of at least 5 MiB, all of one size
 * but the last.
 */
export const PART_BYTES = 8 * 1024 * 1024;

export type Body = string | ArrayBuffer | Uint8Array | ReadableStream<Uint8Array>;

export interface Content {
  sizeBytes: number;
  /** MD5 in hex; empty when unknown. */
  sum: string;
  /** A body of known length for one `put`. */
  open(): Promise<Uint8Array | ReadableStream>;
  /** Clears away what was staged for it. Never throws. */
  dispose(): Promise<void>;
}

const nothing = async (): Promise<void> => {};
const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");

function refuseTooLarge(): never {
  const most = Math.floor(limits.uploadBytes / (1024 * 1024));
  throw new AppError(
    "body_too_large",
    `A file may have at most ${most} MiB. Nothing was changed; split it up.`,
  );
}

export function contentOfBytes(bytes: Uint8Array): Content {
  if (bytes.byteLength > limits.uploadBytes) refuseTooLarge();
  return { sizeBytes: bytes.byteLength, sum: md5(bytes), open: async () => bytes, dispose: nothing };
}

/** The content of an object that stays as it is while it is read: a version, or a staged upload. */
export function contentOfObject(
  store: Store,
  key: string,
  object: { size: number; sum: string },
  dispose = nothing,
): Content {
  const open = async () => {
    const found = await guarded(() => store.bucket.get(key));
    if (!found) throw storageFailed(new Error(`The object to copy is gone: ${key}`));
    return found.body;
  };
  return { sizeBytes: object.size, sum: object.sum, open, dispose };
}

/**
 * Takes in a body. R2 accepts a stream only when its length is known, and a conditional put uses it up even when it
 * loses: so a stream of any length is read in parts; one part stays in memory, more are staged as a multipart
 * upload outside the workspace. Throws `body_too_large`, `storage_failed`, and what the stream throws.
 */
export async function contentOf(store: Store, body: Body): Promise<Content> {
  if (typeof body === "string") return contentOfBytes(new TextEncoder().encode(body));
  if (body instanceof Uint8Array) return contentOfBytes(body.slice()); // the caller may reuse the buffer while we wait
  if (body instanceof ArrayBuffer) return contentOfBytes(new Uint8Array(body.slice(0)));
  const reader = body.getReader();
  const parts = partsOf(reader);
  let finished = false;
  try {
    const first = (await parts.next()).value ?? new Uint8Array();
    const content = first.byteLength < PART_BYTES ? contentOfBytes(first) : await stage(store, first, parts);
    finished = true;
    return content;
  } finally {
    if (!finished) await reader.cancel().catch(() => {}); // the error that brought us here is the one that counts
    reader.releaseLock();
  }
}

/** The stream cut into parts of `PART_BYTES`; the last is shorter, and empty when the stream ends on a boundary. */
async function* partsOf(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array> {
  let part = new Uint8Array(PART_BYTES);
  let used = 0;
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    total += value.byteLength;
    if (total > limits.uploadBytes) refuseTooLarge();
    for (let from = 0; from < value.byteLength; ) {
      const piece = value.subarray(from, from + PART_BYTES - used);
      part.set(piece, used);
      used += piece.byteLength;
      from += piece.byteLength;
      if (used === PART_BYTES) {
        yield part;
        part = new Uint8Array(PART_BYTES);
        used = 0;
      }
    }
  }
  yield part.subarray(0, used);
}

async function stage(store: Store, first: Uint8Array, rest: AsyncGenerator<Uint8Array>): Promise<Content> {
  const key = uploadKey(store);
  const upload = await guarded(() => store.bucket.createMultipartUpload(key));
  try {
    const hash = createHash("md5").update(first);
    let size = first.byteLength;
    const done = [await guarded(() => upload.uploadPart(1, first))];
    for await (const part of rest) {
      if (part.byteLength === 0) continue;
      hash.update(part);
      size += part.byteLength;
      done.push(await guarded(() => upload.uploadPart(done.length + 1, part)));
    }
    await guarded(() => upload.complete(done));
    return contentOfObject(store, key, { size, sum: hash.digest("hex") }, () => sweep(store, [key]));
  } catch (error) {
    // R2 drops an upload that nobody completes after a week; to abort it now only saves storage.
    await upload.abort().catch((cause) => console.warn("files: could not abort an upload", cause));
    throw error;
  }
}
