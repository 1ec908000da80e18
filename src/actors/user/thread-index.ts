/** Tells the catalog which threads exist. The debt is in the rows themselves, so a crash only delays it. */
import type { IndexRow, ThreadList } from "./thread-list.ts";

/** Rows of one D1 batch. */
const BATCH = 50;

// An older copy that arrives late changes nothing.
const UPSERT = `INSERT INTO threads (user_id, thread, title, created_at, archived, seq) VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (user_id, thread) DO UPDATE SET title = excluded.title, archived = excluded.archived, seq = excluded.seq
  WHERE excluded.seq > threads.seq`;

export class ThreadIndex {
  readonly #catalog: D1Database;
  readonly #userId: string;
  readonly #threads: ThreadList;
  #running: Promise<void> | null = null;

  constructor(catalog: D1Database, userId: string, threads: ThreadList) {
    this.#catalog = catalog;
    this.#userId = userId;
    this.#threads = threads;
  }

  /**
   * Resolves when the catalog knows everything that is owed; rejects when it could not be told. Single-flight: what
   * becomes owed while it runs is taken along.
   */
  sync(): Promise<void> {
    this.#running ??= this.#drain().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Deletes a thread that is not on the list any more from the catalog. Rejects when that could not be done. */
  async remove(thread: string): Promise<void> {
    // A batch that is on its way may still hold the row, and would bring it back.
    await this.sync();
    await this.#catalog
      .prepare("DELETE FROM threads WHERE user_id = ? AND thread = ?")
      .bind(this.#userId, thread)
      .run();
  }

  async #drain(): Promise<void> {
    for (let rows = this.#threads.owed(BATCH); rows.length > 0; rows = this.#threads.owed(BATCH)) {
      await this.#catalog.batch(rows.map((row) => this.#upsert(row)));
      this.#threads.indexed(rows);
    }
  }

  #upsert(row: IndexRow): D1PreparedStatement {
    return this.#catalog
      .prepare(UPSERT)
      .bind(this.#userId, row.thread, row.title, row.createdAt, row.archived ? 1 : 0, row.seq);
  }
}
