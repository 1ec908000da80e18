/** The user's purse on disk, and what its owner may see of it. */
import { z } from "zod";
import { limits } from "../../limits.ts";
import { dayEnd, dayOf } from "../../model/prices.ts";
import type { PurseStatement } from "../../protocol/rpc.ts";
import type { UsageReport } from "../../protocol/usage.ts";
import type { Spending } from "../../spending.ts";
import { type Account, type Accounts, type DayLimits, Ledger, oldestDay } from "./purse-ledger.ts";
import type { Books } from "./recall.ts";

const accountRow = z
  .object({
    day: z.string(),
    thread: z.string(),
    seq: z.number(),
    told: z.number(),
    lease: z.number(),
    grant_micros: z.number(),
    grant_tokens: z.number(),
    spent_micros: z.number(),
    spent_tokens: z.number(),
    lost_micros: z.number(),
    lost_tokens: z.number(),
    held_micros: z.number(),
    held_tokens: z.number(),
  })
  .transform(
    (row): Account => ({
      day: row.day,
      thread: row.thread,
      seq: row.seq,
      told: row.told,
      lease: row.lease,
      grantMicros: row.grant_micros,
      grantTokens: row.grant_tokens,
      spentMicros: row.spent_micros,
      spentTokens: row.spent_tokens,
      lostMicros: row.lost_micros,
      lostTokens: row.lost_tokens,
      heldMicros: row.held_micros,
      heldTokens: row.held_tokens,
    }),
  );

const dayRow = z.object({ day: z.string(), micros: z.number(), tokens: z.number() });

/** The table `purse`. One row is written for a grant, and one for a statement that says something new. */
class PurseTable implements Accounts {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  get(day: string, thread: string): Account | null {
    const [row] = this.#sql.exec("SELECT * FROM purse WHERE day = ? AND thread = ?", day, thread).toArray();
    return row ? accountRow.parse(row) : null;
  }

  of(day: string): Account[] {
    const rows = this.#sql.exec("SELECT * FROM purse WHERE day = ?", day).toArray();
    return rows.map((row) => accountRow.parse(row));
  }

  put(account: Account): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO purse (day, thread, seq, told, lease, grant_micros, grant_tokens, spent_micros,
         spent_tokens, lost_micros, lost_tokens, held_micros, held_tokens)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      account.day,
      account.thread,
      account.seq,
      account.told,
      account.lease,
      account.grantMicros,
      account.grantTokens,
      account.spentMicros,
      account.spentTokens,
      account.lostMicros,
      account.lostTokens,
      account.heldMicros,
      account.heldTokens,
    );
  }

  /** Spending by day, newest first. Days without any are left out. */
  days(since: string, count: number): UsageReport["days"] {
    const rows = this.#sql.exec(
      `SELECT day, SUM(spent_micros + lost_micros) AS micros, SUM(spent_tokens + lost_tokens) AS tokens FROM purse WHERE day >= ?
         GROUP BY day HAVING tokens > 0 OR micros > 0 ORDER BY day DESC LIMIT ?`,
      since,
      count,
    );
    return rows.toArray().map((row) => dayRow.parse(row));
  }

  forget(before: string): void {
    this.#sql.exec("DELETE FROM purse WHERE day < ?", before);
  }
}

export class UserPurse {
  readonly #table: PurseTable;
  readonly #ledger: Ledger;

  constructor(sql: SqlStorage) {
    this.#table = new PurseTable(sql);
    this.#ledger = new Ledger(this.#table);
  }

  /** What leases are granted from. Idempotent by thread and number. */
  books(spending: () => Spending, now: () => number): Books {
    const dayLimits = (): DayLimits => {
      const { limitMicros, limitTokens } = spending();
      return { micros: limitMicros, tokens: limitTokens };
    };
    return {
      lease: (request, whole) => {
        if (this.#table.of(request.day).length === 0) this.#table.forget(oldestDay(request.day));
        return this.#ledger.lease(request, dayLimits(), whole);
      },
      missing: (request) => this.#ledger.missing(request, dayLimits()),
      holders: (day, except) => this.#ledger.holders(day, except),
      tell: (thread, statement) => this.tell(thread, statement, now()),
      bury: (thread, day) => this.#ledger.bury(thread, day),
    };
  }

  tell(thread: string, statement: PurseStatement, now: number): void {
    this.#ledger.tell(thread, statement, dayOf(now));
  }

  /** The two newest days: what may still have grown since the catalog was told. */
  newestDays(): UsageReport["days"] {
    return this.#table.days("", 2);
  }

  /** `connected`: whether a model is connected that costs something. */
  usage(spending: Spending, connected: boolean, now: number): UsageReport {
    const day = dayOf(now);
    const today = this.#ledger.totals(day);
    const { limitMicros, limitTokens } = spending;
    return {
      day,
      limitMicros,
      limitTokens,
      spentMicros: today.spentMicros,
      reservedMicros: today.reservedMicros,
      tokens: today.spentTokens,
      on: connected && (limitMicros !== null || limitTokens !== null),
      resetsAt: dayEnd(day),
      days: this.#table.days(oldestDay(day), limits.usageDays),
    };
  }
}
