/**
 * What was changed at an agent, by whom and why: one row a change, chained by hashes, written in the transaction of the
 * effect, so that neither is there without the other.
 */
import { z } from "zod";
import type { ChangeLine, ChangeRow } from "../../protocol/log.ts";
import type { Sender } from "../../protocol/rpc.ts";
import { CHANGES_GENESIS, entryHash, payloadHash } from "../chain.ts";

/** Of the payload's shape. */
export const CHANGES_VERSION = 1;

/** Records that are read at once. */
const PAGE = 500;

const headRow = z.object({ seq: z.number(), hash: z.string() });
const lineRow = z.object({
  seq: z.number(),
  at: z.number(),
  kind: z.string(),
  hash: z.string(),
  inner: z.string(),
  salt: z.string().nullable(),
  payload: z.string().nullable(),
});
const payloadShape = z.record(z.string(), z.unknown());

export interface ChangeLogOptions {
  storage: DurableObjectStorage;
  now(): number;
  /** Random text that nobody can guess: what is erased cannot be found again by trying. */
  salt(): string;
  /** The catalog's index has to learn of it. Called in the transaction. */
  index(row: ChangeRow): void;
}

export class ChangeLog {
  readonly #options: ChangeLogOptions;

  constructor(options: ChangeLogOptions) {
    this.#options = options;
  }

  /** The newest change; `seq` 0 when there is none. */
  head(): { seq: number; hash: string } {
    const { sql } = this.#options.storage;
    const [row] = sql.exec("SELECT seq, hash FROM changes ORDER BY seq DESC LIMIT 1").toArray();
    return row ? headRow.parse(row) : { seq: 0, hash: CHANGES_GENESIS };
  }

  /**
   * Makes a change and its record. What `effect` throws undoes both. It is given the record's number, which only grows,
   * so that rows can be told apart by age. `detail` holds no secret: it is shown, and kept.
   */
  commit<T>(by: Sender, kind: string, detail: Record<string, unknown>, effect: (seq: number) => T): T {
    const { storage, now, salt: fresh, index } = this.#options;
    return storage.transactionSync(() => {
      const { seq: last, hash: prev } = this.head();
      const seq = last + 1;
      const at = now();
      const salt = fresh();
      const payload = JSON.stringify({ by, ...detail });
      const inner = payloadHash(salt, payload);
      storage.sql.exec(
        "INSERT INTO changes (seq, at, kind, hash, inner, salt, payload) VALUES (?, ?, ?, ?, ?, ?, ?)",
        seq,
        at,
        kind,
        entryHash(prev, seq, kind, CHANGES_VERSION, inner),
        inner,
        salt,
        payload,
      );
      const { id: byId, name: byName, kind: byKind = "person", request = "" } = by;
      index({ seq, at, kind, byId, byName, byKind, request });
      return effect(seq);
    });
  }

  /** Records behind `after`, oldest first, some at a time; empty at the end. */
  lines(after: number): ChangeLine[] {
    return this.#options.storage.sql
      .exec(
        "SELECT seq, at, kind, hash, inner, salt, payload FROM changes WHERE seq > ? ORDER BY seq LIMIT ?",
        after,
        PAGE,
      )
      .toArray()
      .map((row) => ({ ...lineRow.parse(row), v: CHANGES_VERSION }));
  }

  /** What a record says; null where it was erased, undefined where there is none. */
  detail(seq: number): Record<string, unknown> | null | undefined {
    const [row] = this.#options.storage.sql
      .exec<{ payload: string | null }>("SELECT payload FROM changes WHERE seq = ?", seq)
      .toArray();
    if (!row) return undefined;
    return row.payload === null ? null : payloadShape.parse(JSON.parse(row.payload));
  }

  /** Takes away for good what records of these kinds say, where it fits. Their hashes stay. Within a transaction. */
  erase(kinds: readonly string[], fits: (detail: Record<string, unknown>) => boolean): number[] {
    const { sql } = this.#options.storage;
    const rows = sql
      .exec<{ seq: number; payload: string }>(
        "SELECT seq, payload FROM changes WHERE payload IS NOT NULL AND kind IN (SELECT value FROM json_each(?))",
        JSON.stringify(kinds),
      )
      .toArray();
    const gone = rows
      .filter(({ payload }) => fits(payloadShape.parse(JSON.parse(payload))))
      .map(({ seq }) => seq);
    for (const seq of gone) {
      // Written over before it is let go: a freed place keeps its bytes until it is used again.
      sql.exec("UPDATE changes SET payload = zeroblob(length(CAST(payload AS BLOB))) WHERE seq = ?", seq);
      sql.exec("UPDATE changes SET salt = NULL, payload = NULL WHERE seq = ?", seq);
    }
    return gone;
  }

  /** Every record of a kind, newest first. */
  *of(kind: string): Generator<Record<string, unknown>> {
    const rows = this.#options.storage.sql.exec<{ payload: string }>(
      "SELECT payload FROM changes WHERE kind = ? AND payload IS NOT NULL ORDER BY seq DESC",
      kind,
    );
    for (const { payload } of rows.toArray()) yield payloadShape.parse(JSON.parse(payload));
  }
}
