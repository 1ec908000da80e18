/**
 * Chats that are deleted for good. The tombstone is written first and everything else follows from it, so that a crash
 * at any point leaves something that is gone on with: by the next request, or by the alarm.
 */
import { z } from "zod";
import { isProgramThread, MAIN_THREAD, threadOf } from "../../names.ts";

export interface DeletionOptions {
  storage: DurableObjectStorage;
  now(): number;
  /** Takes the thread out of the user's own tables and off the feed. Called within a transaction. */
  forget(thread: string): void;
  /** Asks the conversation for the money that it holds. Never rejects. */
  settle(thread: string): Promise<void>;
  /** Deletes what the conversation's actor holds. Breaks off when it did, and resolves when there is nothing left. */
  destroy(thread: string): Promise<void>;
  /** Deletes the thread from the catalog. */
  unindex(thread: string): Promise<void>;
}

const row = z.object({ thread: z.string() });

export class Deletions {
  readonly #options: DeletionOptions;

  constructor(options: DeletionOptions) {
    this.#options = options;
  }

  /** Whether the name was deleted for good. Throws `thread_invalid`. */
  has(thread: string): boolean {
    const { sql } = this.#options.storage;
    return sql.exec("SELECT 1 FROM deletions WHERE thread = ?", threadOf(thread)).toArray().length > 0;
  }

  /** From here on there is no such chat for anybody; what is left of it goes with `finish`. Throws `thread_invalid`. */
  begin(thread: string): void {
    const name = threadOf(thread);
    this.#options.storage.transactionSync(() => {
      this.#options.storage.sql.exec(
        `INSERT INTO deletions (thread, deleted_at, done) VALUES (?, ?, 0)
           ON CONFLICT (thread) DO UPDATE SET done = 0`,
        name,
        this.#options.now(),
      );
      this.#options.forget(name);
    });
  }

  /**
   * Deletes what is left. Rejects when a part could not be reached; then the chat stays on the list of what is owed.
   * The agent's own address is emptied and can be used again: refused, it would be of no use to anybody.
   */
  async finish(thread: string): Promise<void> {
    const { settle, destroy, unindex } = this.#options;
    await settle(thread);
    await destroy(thread).catch(() => destroy(thread));
    await settle(thread); // now that nobody can say how a call ended that ran, it is booked
    await unindex(thread);
    const { sql } = this.#options.storage;
    // Nor are names of programs' chats kept: there is no end to them, and nobody comes back to one.
    if (thread === MAIN_THREAD || isProgramThread(thread))
      sql.exec("DELETE FROM deletions WHERE thread = ?", thread);
    else sql.exec("UPDATE deletions SET done = 1 WHERE thread = ?", thread);
  }

  /** Chats of which something may still be left. */
  owed(): string[] {
    const { sql } = this.#options.storage;
    return sql
      .exec("SELECT thread FROM deletions WHERE done = 0")
      .toArray()
      .map((found) => row.parse(found).thread);
  }
}
