/** The outbox's rows in the conversation's own database. Every call is synchronous. */
import { z } from "zod";
import type { OutboxStore } from "./outbox.ts";
import type { Change, OutboxRow } from "./outbox-plan.ts";

const flag = z.union([z.literal(0), z.literal(1)]).transform((value) => value === 1);

const storedRow = z.object({
  id: z.string(),
  delivery: z.string(),
  turn: z.string(),
  place: z.string(),
  channel: z.string(),
  address: z.string().transform((text) => z.record(z.string(), z.string()).parse(JSON.parse(text))),
  part: z.number(),
  parts: z.number(),
  phase: z.enum(["waiting", "begun", "owed", "dead"]),
  text: z.string(),
  due: z.number(),
  key: z.string(),
  placed: z.string().nullable(),
  unsure: flag,
  renewed: z.number(),
  attempts: z.number(),
  next_at: z.number(),
  error: z.string(),
  at: z.number(),
});

function rowOf(stored: Record<string, SqlStorageValue>): OutboxRow {
  const { address, next_at, ...row } = storedRow.parse(stored);
  return { ...row, to: address, nextAt: next_at };
}

export class OutboxTable implements OutboxStore {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  pending(): OutboxRow[] {
    return this.#rows("SELECT * FROM outbox WHERE phase <> 'dead'");
  }

  /** Dead letters with all else, in the order in which they became due. */
  all(): OutboxRow[] {
    return this.#rows("SELECT * FROM outbox ORDER BY due, delivery, part");
  }

  rowsOfTurn(turn: string): OutboxRow[] {
    return this.#rows(
      "SELECT * FROM outbox WHERE turn = ? AND phase <> 'dead' ORDER BY delivery, part",
      turn,
    );
  }

  waitOf(place: string): number {
    const row = this.#storage.sql
      .exec<{ until: number }>("SELECT until FROM outbox_waits WHERE place = ?", place)
      .toArray()[0];
    return row?.until ?? 0;
  }

  deadCount(): number {
    return this.#count("SELECT COUNT(DISTINCT delivery) AS count FROM outbox WHERE phase = 'dead'");
  }

  told(): number {
    return this.#count("SELECT COALESCE(SUM(count), 0) AS count FROM outbox_told");
  }

  write(changes: readonly Change[]): void {
    this.#storage.transactionSync(() => this.writeInside(changes));
  }

  /** The same within a transaction that runs already: with the journal's commit. */
  writeInside(changes: readonly Change[]): void {
    for (const change of changes) this.#apply(change);
  }

  /** Texts are written over before they are let go. */
  erase(turns: readonly string[]): void {
    const { sql } = this.#storage;
    const list = JSON.stringify(turns);
    for (const column of ["text", "address", "error"]) {
      sql.exec(
        `UPDATE outbox SET ${column} = zeroblob(length(CAST(${column} AS BLOB)))
           WHERE turn IN (SELECT value FROM json_each(?))`,
        list,
      );
    }
    sql.exec("DELETE FROM outbox WHERE turn IN (SELECT value FROM json_each(?))", list);
  }

  #apply(change: Change): void {
    const { sql } = this.#storage;
    if ("remove" in change) sql.exec("DELETE FROM outbox WHERE id = ?", change.remove);
    else if ("told" in change) {
      sql.exec("INSERT OR REPLACE INTO outbox_told (id, count) VALUES (1, ?)", change.told);
    } else if ("wait" in change) {
      if (change.until === 0) sql.exec("DELETE FROM outbox_waits WHERE place = ?", change.wait);
      else {
        sql.exec(
          "INSERT OR REPLACE INTO outbox_waits (place, until) VALUES (?, ?)",
          change.wait,
          change.until,
        );
      }
    } else this.#put(change.put);
  }

  #put(row: OutboxRow): void {
    this.#storage.sql.exec(
      `INSERT OR REPLACE INTO outbox (id, delivery, turn, place, channel, address, part, parts, phase, text, due, key,
         placed, unsure, renewed, attempts, next_at, error, at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      row.id,
      row.delivery,
      row.turn,
      row.place,
      row.channel,
      JSON.stringify(row.to),
      row.part,
      row.parts,
      row.phase,
      row.text,
      row.due,
      row.key,
      row.placed,
      row.unsure ? 1 : 0,
      row.renewed,
      row.attempts,
      row.nextAt,
      row.error,
      row.at,
    );
  }

  #rows(query: string, ...bindings: string[]): OutboxRow[] {
    return this.#storage.sql
      .exec(query, ...bindings)
      .toArray()
      .map(rowOf);
  }

  #count(query: string): number {
    return this.#storage.sql.exec<{ count: number }>(query).one().count;
  }
}
