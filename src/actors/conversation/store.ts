/** The conversation's own database: the journal, the partial answer, and the count of wakes without progress. */
import { AppError } from "../../errors.ts";
import type { ChatPart } from "../../protocol/message.ts";
import type { Entry } from "./entries.ts";
import { Journal } from "./journal.ts";
import { emptyState, reduceAll, type State } from "./state.ts";

export class Store {
  readonly #storage: DurableObjectStorage;
  readonly #journal: Journal;
  #state: State = emptyState;
  #poison: { seq: number; reason: string } | null = null;

  constructor(storage: DurableObjectStorage, salt: () => string) {
    this.#storage = storage;
    this.#journal = new Journal(storage.sql, salt);
  }

  get state(): State {
    return this.#state;
  }

  /** The journal could not be read to its end. */
  get readOnly(): boolean {
    return this.#poison !== null;
  }

  get journal(): Journal {
    return this.#journal;
  }

  load(): void {
    const loaded = this.#journal.load();
    this.#state = loaded.state;
    this.#poison = loaded.poison;
    if (loaded.poison) console.error("the journal cannot be read to its end", loaded.poison);
  }

  /**
   * One commit: one row, synchronous, then folded. Throws `storage_failed` when the row could not be written, and
   * then nothing has changed.
   */
  commit(entries: readonly Entry[]): void {
    if (this.#poison) {
      throw new AppError(
        "storage_failed",
        `This chat cannot be read past entry ${this.#poison.seq}. It is open for reading; start a new chat to go on.`,
      );
    }
    const written = this.#write(() => this.#journal.append(entries, this.#state.seq));
    written.commit();
    this.#state = reduceAll(this.#state, entries);
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

  savePartial(turn: string, parts: readonly ChatPart[]): void {
    this.#storage.sql.exec(
      "INSERT INTO live (id, turn, parts) VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET turn = excluded.turn, parts = excluded.parts",
      turn,
      JSON.stringify(parts),
    );
  }

  /** What had streamed of a turn before the object slept or died. */
  partial(turn: string): ChatPart[] {
    const row = this.#storage.sql
      .exec<{ parts: string }>("SELECT parts FROM live WHERE id = 1 AND turn = ?", turn)
      .toArray()[0];
    return row ? (JSON.parse(row.parts) as ChatPart[]) : []; // written by `savePartial`
  }

  /** Counts a wake with work; returns how many there were since the journal last moved forward. */
  countWake(): number {
    const { sql } = this.#storage;
    const progress = this.#journal.lastProgress();
    const row = sql
      .exec<{ progress: number; count: number }>("SELECT progress, count FROM wakes WHERE id = 1")
      .toArray()[0];
    const count = row?.progress === progress ? row.count + 1 : 1;
    sql.exec(
      "INSERT INTO wakes (id, progress, count) VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET progress = excluded.progress, count = excluded.count",
      progress,
      count,
    );
    return count;
  }
}
