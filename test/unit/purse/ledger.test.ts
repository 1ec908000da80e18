import { describe, expect, it } from "vitest";
import {
  type Account,
  type Accounts,
  type DayLimits,
  Ledger,
} from "../../../src/actors/user/purse-ledger.ts";
import { limits } from "../../../src/limits.ts";
import type { LeaseRequest, PurseDay, PurseStatement } from "../../../src/protocol/rpc.ts";

const DAY = "2026-11-23";
const NEXT = "2026-11-24";
const LIMITS: DayLimits = { micros: 1_000_000, tokens: 1_000_000 };

class Rows implements Accounts {
  readonly rows = new Map<string, Account>();
  writes = 0;
  get = (day: string, thread: string): Account | null => this.rows.get(`${day}/${thread}`) ?? null;
  of = (day: string): Account[] => [...this.rows.values()].filter((row) => row.day === day);
  put(account: Account): void {
    this.writes++;
    this.rows.set(`${account.day}/${account.thread}`, account);
  }
}

const ledger = () => new Ledger(new Rows());
const told = (more: Partial<PurseDay> = {}): PurseDay => ({
  day: DAY,
  spentMicros: 0,
  spentTokens: 0,
  heldMicros: 0,
  heldTokens: 0,
  ...more,
});
const statement = (seq: number, lease: number, ...days: PurseDay[]): PurseStatement => ({ seq, lease, days });
const ask = (thread: string, micros: number, more: Partial<LeaseRequest> = {}): LeaseRequest => ({
  thread,
  day: DAY,
  number: 1,
  micros,
  tokens: 100,
  leastMicros: micros,
  leastTokens: 100,
  statement: statement(1, (more.number ?? 1) - 1),
  ...more,
});

describe("a lease", () => {
  it("is at least a block, so that not every call asks", () => {
    expect(ledger().lease(ask("a", 10), LIMITS)).toEqual({
      type: "granted",
      number: 1,
      micros: limits.leaseMicros,
      tokens: limits.leaseTokens,
      short: false,
    });
  });

  it("is what was asked for when that is more, and a tenth of what the day has left besides", () => {
    expect(ledger().lease(ask("a", 400_000), LIMITS)).toMatchObject({ micros: 460_000, short: false });
  });

  it("has room for one call more where there is plenty, whatever the asker holds already", () => {
    const plenty = { micros: 1e9, tokens: null };
    expect(ledger().lease(ask("a", 400_000), plenty)).toMatchObject({ micros: 800_000 });
    const purse = ledger();
    purse.lease(ask("a", 100_000), plenty);
    const next = {
      number: 2,
      statement: statement(3, 1, told({ heldMicros: 100_000, spentMicros: 100_000 })),
    };
    expect(purse.lease(ask("a", 300_000, next), plenty)).toMatchObject({ micros: 700_000 });
  });

  it("comes back the same when it is asked for again", () => {
    const purse = ledger();
    const first = purse.lease(ask("a", 400_000), LIMITS);
    expect(purse.lease(ask("a", 400_000), LIMITS)).toEqual(first);
    expect(purse.lease(ask("a", 900_000), LIMITS)).toEqual(first);
    expect(purse.totals(DAY).reservedMicros).toBe(460_000);
  });

  it("is never more than what the day's limit leaves", () => {
    const purse = ledger();
    purse.lease(ask("a", 700_000), LIMITS);
    expect(purse.lease(ask("b", 400_000, { leastMicros: 100_000 }), LIMITS)).toMatchObject({
      micros: 270_000,
      short: true,
    });
    expect(purse.totals(DAY).reservedMicros).toBe(1_000_000);
  });

  it("goes to one of two that race for the last cents; the other hears why", () => {
    const purse = ledger();
    purse.tell("spent", statement(1, 1, told({ spentMicros: 940_000 })), DAY);
    expect(purse.lease(ask("a", 60_000), LIMITS)).toMatchObject({ type: "granted", micros: 60_000 });
    expect(purse.lease(ask("b", 60_000), LIMITS)).toEqual({
      type: "refused",
      refusal: { scope: "user-day", of: "money", limit: 1_000_000, spent: 940_000, reserved: 60_000 },
    });
  });

  it("is refused when the tokens are used up, whatever the money", () => {
    const purse = ledger();
    purse.lease(ask("a", 10, { tokens: 999_950, leastTokens: 999_950 }), LIMITS);
    expect(purse.lease(ask("b", 10), LIMITS)).toMatchObject({ type: "refused", refusal: { of: "tokens" } });
  });

  it("has no end where there is no limit", () => {
    const none = { micros: null, tokens: null };
    expect(ledger().lease(ask("a", 1e12), none)).toMatchObject({
      type: "granted",
      micros: 2e12,
      short: false,
    });
  });

  it("of yesterday is void today", () => {
    const purse = ledger();
    purse.lease(ask("a", 1_000_000), LIMITS);
    expect(purse.lease(ask("b", 1_000_000, { day: NEXT }), LIMITS)).toMatchObject({
      type: "granted",
      micros: 1_000_000,
    });
  });
});

describe("a statement", () => {
  it("gives back what a conversation did not spend", () => {
    const purse = ledger();
    purse.lease(ask("a", 400_000), LIMITS);
    purse.tell("a", statement(5, 2, told({ spentMicros: 1_000, spentTokens: 50 })), DAY);
    expect(purse.totals(DAY)).toEqual({
      spentMicros: 1_000,
      spentTokens: 50,
      reservedMicros: 0,
      reservedTokens: 0,
    });
  });

  it("may come twice or late: the newest counts", () => {
    const purse = ledger();
    purse.lease(ask("a", 400_000), LIMITS);
    purse.tell("a", statement(9, 4, told({ spentMicros: 3_000 })), DAY);
    purse.tell("a", statement(5, 2, told({ spentMicros: 1_000, heldMicros: 9 })), DAY);
    purse.tell("a", statement(9, 4, told({ spentMicros: 3_000 })), DAY);
    expect(purse.totals(DAY)).toMatchObject({ spentMicros: 3_000, reservedMicros: 0 });
  });

  it("that does not know of the newest grant leaves it reserved", () => {
    const purse = ledger();
    purse.lease(ask("a", 400_000), LIMITS);
    purse.lease(
      ask("a", 100_000, { number: 2, statement: statement(3, 1, told({ heldMicros: 400_000 })) }),
      LIMITS,
    );
    purse.tell("a", statement(4, 1, told({ spentMicros: 300_000, heldMicros: 100_000 })), DAY);
    // The second grant: what was asked for, and a tenth of what the day had left.
    expect(purse.totals(DAY)).toMatchObject({ spentMicros: 300_000, reservedMicros: 100_000 + 150_000 });
  });

  it("takes back a grant that the conversation gave up before it came", () => {
    const purse = ledger();
    purse.lease(ask("a", 400_000), LIMITS);
    purse.tell("a", statement(5, 1), DAY);
    expect(purse.totals(DAY).reservedMicros).toBe(0);
    expect(purse.lease(ask("a", 400_000), LIMITS)).toEqual({ type: "stale", number: 2, seq: 1 });
  });

  it("that says nothing new of an earlier day writes nothing about it", () => {
    const rows = new Rows();
    const purse = new Ledger(rows);
    purse.tell("a", statement(5, 1, told({ day: NEXT, spentMicros: 1 }), told({ spentMicros: 7 })), NEXT);
    const { writes } = rows;
    purse.tell("a", statement(6, 1, told({ day: NEXT, spentMicros: 2 }), told({ spentMicros: 7 })), NEXT);
    expect(rows.writes).toBe(writes + 1);
    expect([purse.totals(DAY).spentMicros, purse.totals(NEXT).spentMicros]).toEqual([7, 2]);
  });
});

describe("a journal that forgot", () => {
  it("by a restore: the late copy is told apart from the one who is alive, and nothing spent is forgotten", () => {
    const purse = ledger();
    purse.lease(ask("a", 400_000), LIMITS);
    purse.tell("a", statement(20, 2, told({ spentMicros: 300_000 })), DAY);
    const late = ask("a", 50_000, { number: 3, statement: statement(2, 2) });
    expect(purse.lease(late, LIMITS)).toEqual({ type: "stale", number: 3, seq: 20 });
    expect(purse.lease({ ...late, after: 20 }, LIMITS)).toMatchObject({ type: "granted", micros: 100_000 });
    purse.tell("a", statement(6, 4, told({ spentMicros: 10_000 })), DAY);
    expect(purse.totals(DAY)).toMatchObject({ spentMicros: 310_000, reservedMicros: 0 });
  });

  it("by a restore, and that went on till nobody could see it: it does not hold again what it spent since", () => {
    const purse = ledger();
    purse.lease(ask("a", 400_000), LIMITS);
    purse.tell("a", statement(5, 1, told({ heldMicros: 460_000 })), DAY);
    purse.tell("a", statement(20, 1, told({ spentMicros: 300_000, heldMicros: 160_000 })), DAY);
    const before = told({ heldMicros: 460_000 });
    const request = ask("a", 0, { number: 2, leastMicros: 0, statement: statement(21, 1, before) });
    expect(purse.lease(request, LIMITS)).toEqual({ type: "stale", number: 2, seq: 20 });
    purse.tell("a", statement(21, 1, before), DAY);
    expect(purse.totals(DAY)).toMatchObject({ spentMicros: 300_000, reservedMicros: 160_000 });
  });

  it("by a restore of the purse's own books: what they do not know was not granted", () => {
    const request = ask("a", 0, { number: 5, statement: statement(9, 4, told({ heldMicros: 1 })) });
    expect(ledger().lease(request, LIMITS)).toEqual({ type: "stale", number: 1, seq: 0 });
  });

  it("by erased payloads: what was spent before stays spent", () => {
    const purse = ledger();
    purse.tell("a", statement(20, 2, told({ spentMicros: 300_000 })), DAY);
    purse.tell("a", statement(21, 2, told({ spentMicros: 10_000 })), DAY);
    purse.tell("a", statement(22, 2, told({ spentMicros: 30_000 })), DAY);
    expect(purse.totals(DAY).spentMicros).toBe(320_000);
  });
});
