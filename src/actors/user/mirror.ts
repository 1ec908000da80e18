/**
 * Copies rows of the actor into the catalog. A row is owed from the transaction that made it until the catalog took it,
 * so a crash only delays it; an older copy that arrives late changes nothing.
 */
import { z } from "zod";

/** Tables of the catalog that an actor fills, by their keys and what else is in them. */
const TABLES = {
  teams: { key: ["id"], rest: ["name", "created_at", "deleted_at"] },
  user_state: { key: ["user_id"], rest: ["role", "disabled_at"] },
  members: { key: ["team_id", "user_id"], rest: ["role", "since", "removed_at"] },
  api_keys: {
    key: ["id"],
    rest: [
      "owner_id",
      "hash",
      "old_hash",
      "name",
      "scopes",
      "created_by",
      "created_at",
      "expires_at",
      "revoked_at",
    ],
  },
  hooks: { key: ["id"], rest: ["owner_id", "name", "created_by", "created_at", "revoked_at"] },
  shares: {
    key: ["id"],
    rest: ["owner_id", "thread", "created_by", "created_at", "expires_at", "revoked_at"],
  },
  usage_days: { key: ["owner_id", "day"], rest: ["micros", "tokens"] },
} as const;
export type MirrorTable = keyof typeof TABLES;
export type MirrorRow = Record<string, string | number | null>;

/** Rows of one D1 batch. */
const BATCH = 50;

const value = z.union([z.string(), z.number(), z.null()]);
const owedRow = z.object({
  table: z.custom<MirrorTable>((name) => typeof name === "string" && Object.hasOwn(TABLES, name)),
  id: z.string(),
  seq: z.number(),
  row: z.string().transform((text) => z.record(z.string(), value).parse(JSON.parse(text))),
});

export class Mirror {
  readonly #sql: SqlStorage;
  readonly #catalog: D1Database;
  #running: Promise<void> | null = null;

  constructor(sql: SqlStorage, catalog: D1Database) {
    this.#sql = sql;
    this.#catalog = catalog;
  }

  /** Owes a row to the catalog; to be called in the transaction that makes it. `seq` grows with each version of it. */
  put(table: MirrorTable, row: MirrorRow, seq: number): void {
    const id = JSON.stringify(TABLES[table].key.map((column) => row[column]));
    this.#sql.exec(
      `INSERT INTO catalog_owed ("table", id, seq, "row") VALUES (?, ?, ?, ?)
         ON CONFLICT ("table", id) DO UPDATE SET seq = excluded.seq, "row" = excluded."row"`,
      table,
      id,
      seq,
      JSON.stringify(row),
    );
  }

  /** Whether anything is owed. */
  get owing(): boolean {
    return this.#sql.exec("SELECT 1 FROM catalog_owed LIMIT 1").toArray().length > 0;
  }

  /** Resolves when the catalog has all that was owed when it was called; rejects when it could not be told. */
  async sync(): Promise<void> {
    // One that runs may have read before the newest row was put.
    if (this.#running) await this.#running.catch(() => {});
    this.#running ??= this.#drain().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #drain(): Promise<void> {
    for (;;) {
      const owed = this.#sql
        .exec(`SELECT "table", id, seq, "row" FROM catalog_owed LIMIT ?`, BATCH)
        .toArray()
        .map((row) => owedRow.parse(row));
      if (owed.length === 0) return;
      await this.#catalog.batch(owed.map(({ table, row, seq }) => this.#upsert(table, row, seq)));
      for (const { table, id, seq } of owed)
        this.#sql.exec(`DELETE FROM catalog_owed WHERE "table" = ? AND id = ? AND seq = ?`, table, id, seq);
    }
  }

  #upsert(table: MirrorTable, row: MirrorRow, seq: number): D1PreparedStatement {
    const { key, rest } = TABLES[table];
    const columns = [...key, ...rest, "seq"];
    const changed = [...rest, "seq"].map((column) => `${column} = excluded.${column}`).join(", ");
    return this.#catalog
      .prepare(
        `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})
           ON CONFLICT (${key.join(", ")}) DO UPDATE SET ${changed} WHERE excluded.seq > ${table}.seq`,
      )
      .bind(...[...key, ...rest].map((column) => row[column] ?? null), seq);
  }
}
