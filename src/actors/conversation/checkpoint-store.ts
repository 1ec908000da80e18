/** Checkpoints in the conversation's own database, and the pieces of them that were read of late. */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { bytesOf, joined, slices, sumOf, textOf } from "./bytes.ts";
import { loadState, piecesOf, readSaved, type SavedState, saveState } from "./checkpoint.ts";
import { type BlobRef, type Blobs, blobRef } from "./checkpoint-blobs.ts";
import type { Folded } from "./journal.ts";
import type { State } from "./state.ts";

interface Body extends Record<string, SqlStorageValue> {
  body: ArrayBuffer;
}

export class Checkpoints implements Blobs {
  readonly #storage: DurableObjectStorage;
  readonly #onLost: () => void;
  /** What was read or written of late, oldest first, by first row. */
  readonly #cache = new Map<number, { value: unknown; bytes: number }>();
  #cachedBytes = 0;
  #saved: SavedState | null = null;
  /** Pieces that the newest checkpoint named no more; they go with the next one. */
  #garbage: readonly BlobRef[] = [];
  #nextRow = 1;

  /** `onLost`: a piece could not be read; the state that names it is of no more use, and everything has to be folded. */
  constructor(storage: DurableObjectStorage, onLost: () => void) {
    this.#storage = storage;
    this.#onLost = onLost;
  }

  /** The newest entry that the newest checkpoint holds; 0 without one. */
  get seq(): number {
    return this.#saved?.seq ?? 0;
  }

  /**
   * What the newest checkpoint holds; null when there is none that fits this version and this journal. `isOurs` says
   * whether the journal has an entry with this number and hash.
   */
  load(isOurs: (seq: number, hash: string) => boolean): Folded | null {
    this.#reset();
    const rows = this.#storage.sql
      .exec<Body & { hash: string }>("SELECT hash, body FROM checkpoint ORDER BY part")
      .toArray();
    const [first] = rows;
    if (!first) return null;
    const bytes = joined(rows.map((row) => row.body));
    const head = sumOf(bytes) === first.hash ? readHead(bytes) : null;
    if (!head || !isOurs(head.saved.seq, head.saved.hash)) {
      console.warn("a checkpoint of another version, or one that is damaged, is left aside");
      this.forget();
      return null;
    }
    this.#saved = head.saved;
    this.#garbage = head.garbage;
    this.#nextRow = head.nextRow;
    return { state: loadState(head.saved, this), head: head.saved.hash };
  }

  /**
   * Keeps a state, in one transaction. Returns the same state with its older parts read from storage when they are
   * asked for. Throws when it could not be kept; then nothing has changed.
   */
  save(folded: Folded): State {
    const nextRow = this.#nextRow;
    try {
      const { saved, garbage, state } = this.#storage.transactionSync(() => this.#write(folded));
      this.#saved = saved;
      this.#garbage = garbage;
      return state;
    } catch (error) {
      // Rows with these numbers will hold other pieces.
      this.#nextRow = nextRow;
      this.#clearCache();
      throw error;
    }
  }

  #write(folded: Folded): { saved: SavedState; garbage: readonly BlobRef[]; state: State } {
    const { sql } = this.#storage;
    for (const [row, rows] of this.#garbage) {
      sql.exec("DELETE FROM checkpoint_pieces WHERE row >= ? AND row < ?", row, row + rows);
    }
    const { saved, state } = saveState(folded.state, folded.head, this);
    const named = new Set(piecesOf(saved).map(([row]) => row));
    const garbage = this.#saved ? piecesOf(this.#saved).filter(([row]) => !named.has(row)) : [];
    const bytes = bytesOf(JSON.stringify({ saved, garbage, nextRow: this.#nextRow }));
    const parts = slices(bytes);
    const hash = sumOf(bytes);
    for (const [part, body] of parts.entries()) {
      sql.exec("INSERT OR REPLACE INTO checkpoint (part, hash, body) VALUES (?, ?, ?)", part, hash, body);
    }
    sql.exec("DELETE FROM checkpoint WHERE part >= ?", parts.length);
    return { saved, garbage, state };
  }

  /** Removes all of it. States that were saved or loaded before are of no more use. */
  forget(): void {
    this.#storage.transactionSync(() => {
      const { sql } = this.#storage;
      // Written over first: a freed place in the database keeps its bytes until it is used again.
      for (const table of ["checkpoint", "checkpoint_pieces"]) {
        sql.exec(`UPDATE ${table} SET body = zeroblob(length(body))`);
        sql.exec(`DELETE FROM ${table}`);
      }
    });
    this.#reset();
  }

  // --- pieces ---------------------------------------------------------------------------------------------

  write(bytes: Uint8Array, value: unknown): BlobRef {
    const row = this.#nextRow;
    const parts = slices(bytes);
    for (const [n, body] of parts.entries()) {
      this.#storage.sql.exec("INSERT INTO checkpoint_pieces (row, body) VALUES (?, ?)", row + n, body);
    }
    this.#nextRow += parts.length;
    this.#keep(row, value, bytes.length);
    return [row, parts.length, bytes.length, sumOf(bytes)];
  }

  read<T>(ref: BlobRef, decode: (bytes: Uint8Array) => T): T {
    const [row, rows, length, sum] = ref;
    const known = this.#cache.get(row);
    if (known) {
      this.#cache.delete(row);
      this.#cache.set(row, known);
      return known.value as T; // a piece is always read as what it was written as
    }
    const bytes = joined(
      this.#storage.sql
        .exec<Body>(
          "SELECT body FROM checkpoint_pieces WHERE row >= ? AND row < ? ORDER BY row",
          row,
          row + rows,
        )
        .toArray()
        .map((found) => found.body),
    );
    if (bytes.length !== length || sumOf(bytes) !== sum) {
      this.#onLost();
      throw new AppError(
        "storage_failed",
        "A part of this chat's index is damaged and is made anew from its journal. Nothing is lost; try again.",
      );
    }
    const value = decode(bytes);
    this.#keep(row, value, length);
    return value;
  }

  #keep(row: number, value: unknown, bytes: number): void {
    this.#cache.set(row, { value, bytes });
    this.#cachedBytes += bytes;
    for (const [oldest, { bytes: freed }] of this.#cache) {
      if (this.#cachedBytes <= limits.checkpointCacheBytes || oldest === row) return;
      this.#cache.delete(oldest);
      this.#cachedBytes -= freed;
    }
  }

  #clearCache(): void {
    this.#cache.clear();
    this.#cachedBytes = 0;
  }

  #reset(): void {
    this.#clearCache();
    this.#saved = null;
    this.#garbage = [];
    this.#nextRow = 1;
  }
}

const head = z.object({ saved: z.unknown(), garbage: z.array(blobRef), nextRow: z.number().int().min(1) });

/** The checkpoint's own row, parsed; null when another version wrote it. */
function readHead(bytes: Uint8Array): { saved: SavedState; garbage: BlobRef[]; nextRow: number } | null {
  const parsed = head.safeParse(JSON.parse(textOf(bytes)));
  const saved = parsed.success ? readSaved(parsed.data.saved) : null;
  return parsed.success && saved ? { ...parsed.data, saved } : null;
}
