/** The conversation's own database: the journal, the partial answer, and the count of wakes without progress. */
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { ChatPart } from "../../protocol/message.ts";
import { bytesOf } from "./bytes.ts";
import { Checkpoints } from "./checkpoint-store.ts";
import type { Entry, EraseEntry } from "./entries.ts";
import { type Folded, Journal } from "./journal.ts";
import { emptyState, reduceAll, type State } from "./state.ts";

export class Store {
  readonly #storage: DurableObjectStorage;
  readonly #journal: Journal;
  readonly #checkpoints: Checkpoints;
  /** Bytes of entries that the newest checkpoint does not hold. */
  #unkeptBytes = 0;
  /** Where a checkpoint last could not be written. */
  #failedAt = 0;
  /** A part of the state could not be read: it has to be folded anew. */
  #lost = false;
  #state: State = emptyState;
  #poison: { seq: number; reason: string } | null = null;

  constructor(storage: DurableObjectStorage, salt: () => string) {
    this.#storage = storage;
    this.#journal = new Journal(storage.sql, salt);
    this.#checkpoints = new Checkpoints(storage, () => {
      this.#lost = true;
    });
  }

  get state(): State {
    if (this.#lost) this.rebuild();
    return this.#state;
  }

  /** The journal could not be read to its end. */
  get readOnly(): boolean {
    return this.#poison !== null;
  }

  get journal(): Journal {
    return this.#journal;
  }

  /** Folds what the newest checkpoint does not hold. On the way, what is folded is kept, so that memory is bounded. */
  load(): void {
    const from = this.#checkpoints.load((seq, hash) => this.#journal.has(seq, hash));
    const loaded = this.#journal.load(from ?? undefined, (folded, bytes) =>
      this.#isDue(folded.state, bytes) ? this.#keep(folded) : null,
    );
    this.#state = loaded.state;
    this.#poison = loaded.poison;
    this.#unkeptBytes = loaded.bytes;
    if (loaded.poison) console.error("the journal cannot be read to its end", loaded.poison);
  }

  /** Forgets what was kept and folds the whole journal: it was changed (erased, copied), or a piece was lost. */
  rebuild(): void {
    this.#lost = false;
    this.#checkpoints.forget();
    this.load();
  }

  /**
   * One commit: one row, synchronous, then folded. Throws `storage_failed` when the row could not be written, and
   * then nothing has changed. `beside` writes what the entries owe, within the same transaction.
   */
  commit(entries: readonly Entry[], beside?: (after: State) => void): void {
    this.#requireWhole();
    const before = this.state;
    // Folded first: it may need a part of the state that cannot be read, and then nothing must be written.
    const after = reduceAll(before, entries);
    const written = this.#write(() => {
      const appended = this.#journal.append(entries, before.seq);
      beside?.(after);
      return appended;
    });
    written.commit();
    this.#state = after;
    this.#unkeptBytes += written.bytes;
  }

  /**
   * Keeps the fold, when enough came to it since it was last kept. Call it when a turn has ended and its readers know:
   * it costs some milliseconds. Never throws: without it the next wake folds more.
   */
  checkpoint(): void {
    if (this.#poison || this.#lost || !this.#isDue(this.#state, this.#unkeptBytes)) return;
    const kept = this.#keep({ state: this.#state, head: this.#journal.head });
    if (!kept) return;
    this.#state = kept;
    this.#unkeptBytes = 0;
  }

  /**
   * Takes payloads away for good and commits the entry that says so, in one transaction with whatever else is kept of
   * them: the fold, what streamed, and what `beside` removes. Throws `storage_failed`; then nothing has changed.
   */
  erase(lefts: ReadonlyMap<number, string>, entry: EraseEntry, beside: () => void): void {
    this.#requireWhole();
    const before = this.state;
    try {
      const written = this.#write(() => {
        this.#journal.erase(lefts);
        this.#checkpoints.forget();
        this.#storage.sql.exec("UPDATE live SET parts = zeroblob(length(CAST(parts AS BLOB)))");
        this.#storage.sql.exec("DELETE FROM live");
        beside();
        return this.#journal.append([entry], before.seq);
      });
      written.commit();
    } catch (error) {
      this.#lost = true; // the fold that was kept is out of memory, and still there
      throw error;
    }
    this.rebuild();
  }

  #isDue(state: State, bytes: number): boolean {
    const entries = state.seq - Math.max(this.#checkpoints.seq, this.#failedAt);
    // By size only between turns: a long turn would be written again and again while it runs.
    const large = bytes >= limits.checkpointBytes && entries > 0 && state.active === null;
    return large || entries >= limits.checkpointEntries;
  }

  #keep(folded: Folded): State | null {
    try {
      return this.#checkpoints.save(folded);
    } catch (error) {
      console.error("the fold could not be kept; the journal has it all", error);
      this.#failedAt = folded.state.seq;
      return null;
    }
  }

  #requireWhole(): void {
    if (!this.#poison) return;
    throw new AppError(
      "storage_failed",
      `This chat cannot be read past entry ${this.#poison.seq}. It is open for reading; start a new chat to go on.`,
    );
  }

  #write<T>(write: () => T): T {
    try {
      return this.#storage.transactionSync(write);
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError("storage_failed", "That could not be saved, and nothing was changed. Try again.", {
        cause: error,
      });
    }
  }

  /** A text that is too long for its row is not kept: readers who come after a restart see the one before it. */
  savePartial(turn: string, parts: readonly ChatPart[]): void {
    const text = JSON.stringify(parts);
    if (text.length * 3 > limits.rowBytes && bytesOf(text).length > limits.rowBytes) return;
    this.#storage.sql.exec(
      "INSERT INTO live (id, turn, parts) VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET turn = excluded.turn, parts = excluded.parts",
      turn,
      text,
    );
  }

  /** What had streamed of a turn before the object slept or died. */
  partial(turn: string): ChatPart[] {
    const row = this.#storage.sql
      .exec<{ parts: string }>("SELECT parts FROM live WHERE id = 1 AND turn = ?", turn)
      .toArray()[0];
    return row ? (JSON.parse(row.parts) as ChatPart[]) : []; // written by `savePartial`
  }

  /** Counts a wake with work: how many there were since the journal last moved forward, and since when. */
  countWake(now: number): { count: number; since: number } {
    const { sql } = this.#storage;
    const progress = this.#journal.lastProgress();
    const row = sql
      .exec<{ progress: number; count: number; since: number }>(
        "SELECT progress, count, since FROM wakes WHERE id = 1",
      )
      .toArray()[0];
    const known = row?.progress === progress ? row : { count: 0, since: now };
    const count = known.count + 1;
    sql.exec(
      "INSERT INTO wakes (id, progress, count, since) VALUES (1, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET progress = excluded.progress, count = excluded.count, since = excluded.since",
      progress,
      count,
      known.since,
    );
    return { count, since: known.since };
  }
}
