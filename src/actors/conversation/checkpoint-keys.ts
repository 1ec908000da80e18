/**
 * Maps of keys as checkpoints keep them. The newest keys are in the checkpoint itself; older ones are in runs that are
 * written once, each a filter and pages. A key that is new, as nearly all are, is found to be so from the filters; one
 * that is known costs one page. Pure.
 */
import { z } from "zod";
import { bytesOf, textOf } from "./bytes.ts";
import { type Blobs, blobRef } from "./checkpoint-blobs.ts";
import { keyHash, makeFilter, mayHold } from "./key-filter.ts";
import { type KeyRun, Keys } from "./persistent.ts";

/** Keys that a checkpoint holds itself, up to here; a run of its own is not worth its rows. */
const FRESH_KEYS = 256;
/** Keys in a page, on average. A look-up parses one page. */
const PAGE_KEYS = 512;
/** Runs are merged like a binary counter until they have this many keys: larger ones would hold up the object. */
const RUN_KEYS = 32_768;

const savedRun = z.object({
  size: z.number().int().min(1),
  filter: blobRef,
  pages: z.array(blobRef).min(1),
});
export const savedKeys = z.object({
  /** Oldest first. */
  runs: z.array(savedRun),
  fresh: z.array(z.tuple([z.string(), z.string()])),
});

type SavedRun = z.infer<typeof savedRun>;
export type SavedKeys = z.infer<typeof savedKeys>;

/** A run: which page a key is on follows from its hash. The filter stays in memory once it was needed. */
class PagedKeys implements KeyRun {
  readonly saved: SavedRun;
  readonly #blobs: Blobs;
  #filter: Uint8Array | null = null;

  constructor(saved: SavedRun, blobs: Blobs) {
    this.saved = saved;
    this.#blobs = blobs;
  }

  get size(): number {
    return this.saved.size;
  }

  get(key: string): string | undefined {
    this.#filter ??= this.#blobs.read(this.saved.filter, (bytes) => bytes);
    if (!mayHold(this.#filter, key)) return undefined;
    return this.#page(pageOf(key, this.saved.pages.length)).get(key);
  }

  all(): [string, string][] {
    return this.saved.pages.flatMap((_page, n) => [...this.#page(n)]);
  }

  #page(n: number): ReadonlyMap<string, string> {
    const ref = this.saved.pages[n];
    if (!ref) return new Map();
    return this.#blobs.read(ref, (bytes) => new Map(JSON.parse(textOf(bytes)) as [string, string][])); // its hash says that `writeRun` wrote it
  }
}

const pageOf = (key: string, pages: number): number => keyHash(key, 1) % pages;

/** Writes what has come to the keys since they were last kept. */
export function saveKeys(keys: Keys, blobs: Blobs): SavedKeys {
  const runs: SavedRun[] = [];
  const fresh = new Map<string, string>();
  for (const run of keys.runs) {
    if (run instanceof PagedKeys) runs.push(run.saved);
    else if (run instanceof Map) for (const [key, value] of run as Map<string, string>) fresh.set(key, value);
    else throw new Error("A run of keys is kept by somebody else.");
  }
  if (fresh.size <= FRESH_KEYS) return { runs, fresh: [...fresh] };
  const older: SavedRun[] = [];
  let size = fresh.size;
  for (let last = runs.at(-1); last && last.size <= size * 2 && last.size < RUN_KEYS; last = runs.at(-1)) {
    size += last.size;
    older.unshift(last);
    runs.pop();
  }
  const merged = new Map(older.flatMap((run) => new PagedKeys(run, blobs).all()));
  for (const [key, value] of fresh) merged.set(key, value);
  return { runs: [...runs, writeRun(merged, blobs)], fresh: [] };
}

/** The keys that `saveKeys` gave, with their older runs read when they are asked for. */
export const loadKeys = (saved: SavedKeys, blobs: Blobs): Keys =>
  Keys.of([...saved.runs.map((run) => new PagedKeys(run, blobs)), new Map(saved.fresh)]);

function writeRun(keys: ReadonlyMap<string, string>, blobs: Blobs): SavedRun {
  const pages = Array.from({ length: Math.ceil(keys.size / PAGE_KEYS) }, () => new Map<string, string>());
  for (const [key, value] of keys) pages[pageOf(key, pages.length)]?.set(key, value);
  const filter = makeFilter(keys.keys(), keys.size);
  return {
    size: keys.size,
    filter: blobs.write(filter, filter),
    pages: pages.map((page) => blobs.write(bytesOf(JSON.stringify([...page])), page)),
  };
}
