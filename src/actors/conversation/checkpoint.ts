/**
 * A checkpoint: the fold of a journal's beginning in a form that can be kept, so that a wake folds the newest entries
 * only. What is small is kept whole; items and keys are kept in pieces that are written once and loaded when somebody
 * asks for them. It is a cache: the journal alone is the truth. Pure; where the pieces are is the caller's.
 */
import { z } from "zod";
import { bytesOf, textOf } from "./bytes.ts";
import { type BlobRef, type Blobs, blobRef } from "./checkpoint-blobs.ts";
import { loadKeys, type SavedKeys, savedKeys, saveKeys } from "./checkpoint-keys.ts";
import { Keys, Log, type StoredChunk } from "./persistent.ts";
import { itemName } from "./places.ts";
import { emptyState, type Item, type State } from "./state.ts";

/**
 * The version of `reduce` and of the shapes that it makes. Raise it with every change after which an old journal folds
 * to another state: checkpoints of another version are left aside and the journal is folded anew.
 */
export const REDUCER_VERSION = 1;

/** The version of this file's own format. */
const FORMAT = 1;

/** A chunk is closed at this many items, or at this many characters of JSON, whichever comes first. */
const CHUNK_ITEMS = 128;
const CHUNK_CHARS = 256 * 1024;

const savedChunk = z.object({ ref: blobRef, size: z.number().int().min(1), before: z.number() });
const savedLog = z.object({ chunks: z.array(savedChunk), tail: z.array(z.unknown()), index: savedKeys });
const savedState = z.object({
  format: z.literal(FORMAT),
  reducer: z.literal(REDUCER_VERSION),
  /** The newest entry that is folded in, and its hash in the chain. */
  seq: z.number().int().min(1),
  hash: z.string(),
  /** Fields of the state that are plain JSON, logs, and maps of keys; by name. */
  plain: z.record(z.string(), z.unknown()),
  logs: z.record(z.string(), savedLog),
  keys: z.record(z.string(), savedKeys),
});

type SavedLog = z.infer<typeof savedLog>;
export type SavedState = z.infer<typeof savedState>;

/**
 * Writes the pieces of a state that are not yet kept. Returns what the checkpoint itself has to hold, and the same
 * state with its items and keys read from there. Throws when a field of the state is not what can be kept.
 */
export function saveState(state: State, hash: string, blobs: Blobs): { saved: SavedState; state: State } {
  const plain: Record<string, unknown> = {};
  const logs: Record<string, SavedLog> = {};
  const keys: Record<string, SavedKeys> = {};
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(state) as [string, unknown][]) {
    if (value instanceof Log) {
      const items = value as Log<Item>; // the only kind of log that a state has
      logs[name] = saveLog(items, blobs);
      kept[name] = loadLog(logs[name], blobs, items.slice(items.length - logs[name].tail.length));
    } else if (value instanceof Keys) {
      keys[name] = saveKeys(value, blobs);
      kept[name] = loadKeys(keys[name], blobs);
    } else {
      plain[name] = value;
    }
  }
  assertPlain(plain);
  const saved: SavedState = {
    format: FORMAT,
    reducer: REDUCER_VERSION,
    seq: state.seq,
    hash,
    plain,
    logs,
    keys,
  };
  return { saved, state: { ...state, ...kept } };
}

/** What `saveState` gave, from JSON; null when another version wrote it. */
export function readSaved(json: unknown): SavedState | null {
  const parsed = savedState.safeParse(json);
  if (!parsed.success) return null;
  const { plain, logs, keys } = parsed.data;
  // A field that the state has by now and that had none then: the version was not raised, and still it cannot serve.
  const fits = Object.entries(emptyState).every(
    ([name, value]) => name in (value instanceof Log ? logs : value instanceof Keys ? keys : plain),
  );
  return fits ? parsed.data : null;
}

/** The state that was saved. Loads nothing yet but what the checkpoint itself holds. */
export function loadState(saved: SavedState, blobs: Blobs): State {
  const kept: Record<string, unknown> = { ...saved.plain };
  for (const [name, log] of Object.entries(saved.logs)) {
    kept[name] = loadLog(log, blobs, log.tail as Item[]); // the same version of this file wrote it
  }
  for (const [name, keys] of Object.entries(saved.keys)) kept[name] = loadKeys(keys, blobs);
  return { ...emptyState, ...kept };
}

/** Every piece that a checkpoint names. */
export function piecesOf(saved: SavedState): BlobRef[] {
  const ofKeys = (keys: SavedKeys) => keys.runs.flatMap((run) => [run.filter, ...run.pages]);
  return [
    ...Object.values(saved.logs).flatMap((log) => [
      ...log.chunks.map((chunk) => chunk.ref),
      ...ofKeys(log.index),
    ]),
    ...Object.values(saved.keys).flatMap(ofKeys),
  ];
}

function saveLog(items: Log<Item>, blobs: Blobs): SavedLog {
  const chunks = items.storedChunks.map((chunk) => {
    if (!(chunk instanceof ItemChunk)) throw new Error("A chunk of items is kept by somebody else.");
    return chunk.saved;
  });
  const places = new Map<string, string>();
  let values: Item[] = [];
  let texts: string[] = [];
  let chars = 0;
  for (let i = items.storedLength; i < items.length; i++) {
    const item = items.at(i);
    if (!item) continue;
    const text = JSON.stringify(item);
    values.push(item);
    texts.push(text);
    chars += text.length;
    if (values.length < CHUNK_ITEMS && chars < CHUNK_CHARS) continue;
    const first = i + 1 - values.length;
    for (const [n, value] of values.entries()) places.set(itemName(value), String(first + n));
    const ref = blobs.write(bytesOf(`[${texts.join(",")}]`), values);
    chunks.push({ ref, size: values.length, before: values[0]?.before ?? 0 });
    values = [];
    texts = [];
    chars = 0;
  }
  return { chunks, tail: values, index: saveKeys(Keys.of([...items.index.runs, places]), blobs) };
}

const loadLog = (saved: SavedLog, blobs: Blobs, tail: readonly Item[]): Log<Item> =>
  Log.of(
    saved.chunks.map((chunk) => new ItemChunk(chunk, blobs)),
    tail,
    loadKeys(saved.index, blobs),
  );

class ItemChunk implements StoredChunk<Item> {
  readonly saved: z.infer<typeof savedChunk>;
  readonly #blobs: Blobs;

  constructor(saved: z.infer<typeof savedChunk>, blobs: Blobs) {
    this.saved = saved;
    this.#blobs = blobs;
  }

  get size(): number {
    return this.saved.size;
  }

  get before(): number {
    return this.saved.before;
  }

  load(): readonly Item[] {
    return this.#blobs.read(this.saved.ref, (bytes) => JSON.parse(textOf(bytes)) as Item[]); // its hash says that `saveLog` wrote it
  }
}

/** JSON would lose a class, a `Map` or `NaN` without a word; then there had better be no checkpoint. */
function assertPlain(value: unknown): void {
  JSON.stringify(value, (name, inner: unknown) => {
    const proto =
      typeof inner === "object" && inner !== null ? Object.getPrototypeOf(inner) : Object.prototype;
    const known = proto === Object.prototype || proto === Array.prototype || proto === null;
    const finite = typeof inner !== "number" || Number.isFinite(inner);
    if (!known || !finite || ["bigint", "function", "symbol"].includes(typeof inner)) {
      throw new Error(`The state's field "${name}" holds what JSON cannot.`);
    }
    return inner;
  });
}
