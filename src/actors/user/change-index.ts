/**
 * Tells the catalog what was changed: the agent's own records and what its chats hand over. Owed from the transaction
 * that took it until the catalog has it; told twice it is there once. Days of spending are told along with it.
 */
import { z } from "zod";
import { type ChangeRow, changeRowSchema } from "../../protocol/log.ts";

/** Rows of one D1 batch, and changes of one row that is owed: a batch is one request, a row ends at 2 MB. */
const BATCH = 50;
const ROW_CHANGES = 500;

const owedRow = z.object({
  thread: z.string(),
  seq: z.number(),
  rows: z.string().transform((text) => z.array(changeRowSchema).parse(JSON.parse(text))),
});

export interface ChangeIndexOptions {
  sql: SqlStorage;
  catalog: D1Database;
  ownerId: string;
  /** What the owner spent, by day, newest first. It only grows. */
  spent(): readonly { day: string; micros: number; tokens: number }[];
  /** Calls back after a moment, so that what comes together is told together. Keeps the object alive until then. */
  soon(run: () => Promise<void>): void;
}

export class ChangeIndex {
  readonly #options: ChangeIndexOptions;
  /** Days as the catalog was told of them in this life. */
  readonly #days = new Map<string, string>();
  #running: Promise<void> | null = null;
  #planned = false;

  constructor(options: ChangeIndexOptions) {
    this.#options = options;
  }

  /** Owes rows to the catalog; to be called in the transaction that makes them. An empty thread is the agent itself. */
  owe(thread: string, rows: readonly ChangeRow[]): void {
    for (let from = 0; from < rows.length; from += ROW_CHANGES) {
      const some = rows.slice(from, from + ROW_CHANGES);
      this.#options.sql.exec(
        "INSERT OR REPLACE INTO log_owed (thread, seq, rows) VALUES (?, ?, ?)",
        thread,
        some.at(-1)?.seq ?? 0,
        JSON.stringify(some),
      );
    }
    if (rows.length > 0) this.soon();
  }

  get owing(): boolean {
    return this.#options.sql.exec("SELECT 1 FROM log_owed LIMIT 1").toArray().length > 0;
  }

  soon(): void {
    if (this.#planned) return;
    this.#planned = true;
    this.#options.soon(() => {
      this.#planned = false;
      return this.sync();
    });
  }

  /** Resolves when the catalog knows all; rejects when it could not be told. */
  async sync(): Promise<void> {
    if (this.#running) await this.#running.catch(() => {}); // it may have read before the newest was owed
    this.#running ??= this.#drain().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #drain(): Promise<void> {
    const { sql, catalog } = this.#options;
    const days = this.#newDays();
    if (days.length > 0) await catalog.batch(days.map(({ statement }) => statement));
    for (const { day, mark } of days) this.#days.set(day, mark);
    for (;;) {
      const [owed] = sql.exec("SELECT thread, seq, rows FROM log_owed LIMIT 1").toArray();
      if (!owed) return;
      const { thread, seq, rows } = owedRow.parse(owed);
      for (let from = 0; from < rows.length; from += BATCH)
        await catalog.batch(rows.slice(from, from + BATCH).map((row) => this.#insert(thread, row)));
      sql.exec("DELETE FROM log_owed WHERE thread = ? AND seq = ?", thread, seq);
    }
  }

  #insert(thread: string, row: ChangeRow): D1PreparedStatement {
    return this.#options.catalog
      .prepare(
        `INSERT OR IGNORE INTO changes (owner_id, thread, seq, at, kind, by_id, by_name, by_kind, request)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .bind(
        this.#options.ownerId,
        thread,
        row.seq,
        row.at,
        row.kind,
        row.byId,
        row.byName,
        row.byKind,
        row.request,
      );
  }

  /** Days that grew since they were told. What was spent only grows, so the sum tells the newer of two copies. */
  #newDays(): { day: string; mark: string; statement: D1PreparedStatement }[] {
    const { catalog, ownerId, spent } = this.#options;
    return spent().flatMap(({ day, micros, tokens }) => {
      const mark = `${micros}/${tokens}`;
      if (this.#days.get(day) === mark) return [];
      const statement = catalog
        .prepare(
          `INSERT INTO usage_days (owner_id, day, micros, tokens, seq) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (owner_id, day) DO UPDATE SET micros = excluded.micros, tokens = excluded.tokens,
             seq = excluded.seq WHERE excluded.seq > usage_days.seq`,
        )
        .bind(ownerId, day, micros, tokens, micros + tokens);
      return [{ day, mark, statement }];
    });
  }
}
