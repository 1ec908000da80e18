import { describe, expect, it } from "vitest";
import {
  type Account,
  type Accounts,
  type DayLimits,
  Ledger,
} from "../../../src/actors/user/purse-ledger.ts";
import { Recall } from "../../../src/actors/user/recall.ts";
import { limits } from "../../../src/limits.ts";
import type { LeaseRequest, PurseStatement } from "../../../src/protocol/rpc.ts";

const DAY = "2026-11-23";
const LIMITS: DayLimits = { micros: 1_000_000, tokens: 1_000_000 };

class Rows implements Accounts {
  readonly rows = new Map<string, Account>();
  get = (day: string, thread: string): Account | null => this.rows.get(`${day}/${thread}`) ?? null;
  of = (day: string): Account[] => [...this.rows.values()].filter((row) => row.day === day);
  put = (account: Account): void => void this.rows.set(`${account.day}/${account.thread}`, account);
}

const ask = (thread: string, micros: number, more: Partial<LeaseRequest> = {}): LeaseRequest => ({
  thread,
  day: DAY,
  number: 1,
  micros,
  tokens: 0,
  leastMicros: micros,
  leastTokens: 0,
  statement: { seq: 1, lease: 0, days: [] },
  ...more,
});

/** What a chat answers that gives everything back, or keeps what its open call may cost. */
const says = (spentMicros: number, heldMicros = 0, seq = 9): PurseStatement => ({
  seq,
  lease: 9,
  days: [{ day: DAY, spentMicros, spentTokens: 0, heldMicros, heldTokens: 0 }],
});

type Answer = () => PurseStatement | null | Promise<PurseStatement | null>;

function world(chats: Record<string, Answer>) {
  const ledger = new Ledger(new Rows());
  const asked: string[] = [];
  const failures: string[] = [];
  const timers: { ms: number; run: () => void }[] = [];
  const clock = { now: 0 };
  const recall = new Recall({
    books: {
      lease: (request, whole) => ledger.lease(request, LIMITS, whole),
      missing: (request) => ledger.missing(request, LIMITS),
      holders: (day, except) => ledger.holders(day, except),
      tell: (thread, statement) => ledger.tell(thread, statement, DAY),
      bury: (thread, day) => ledger.bury(thread, day),
    },
    ask: async (thread) => {
      asked.push(thread);
      return (chats[thread] ?? (() => null))();
    },
    now: () => clock.now,
    after: (ms, run) => {
      const timer = { ms, run };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer) >>> 0, 1);
    },
    failed: (thread) => failures.push(thread),
  });
  /** A chat holds so much from the beginning. */
  const holds = (thread: string, micros: number) => {
    ledger.lease(ask(thread, micros), { micros: null, tokens: null });
    // As much as was asked for, whatever the size of a block.
    ledger.tell(thread, { ...says(0, micros, 2), lease: 1 }, DAY);
  };
  return { ledger, recall, asked, failures, timers, clock, holds };
}

const REFUSED = { type: "refused" };
const never = (): Promise<never> => new Promise(() => {});
const breathe = () => new Promise((resolve) => setImmediate(resolve));

describe("money that lies with chats at rest", () => {
  it("is left where it is while there is enough", async () => {
    const it = world({});
    it.holds("idle", 500_000);
    expect(await it.recall.lease(ask("a", 400_000))).toMatchObject({ type: "granted", short: false });
    expect(it.asked).toEqual([]);
  });

  it("comes back before another chat is refused, from as few as can have enough", async () => {
    const it = world({ small: () => says(0), large: () => says(50_000), other: () => says(0) });
    it.holds("small", 100_000);
    it.holds("large", 500_000);
    it.holds("other", 300_000);
    expect(await it.recall.lease(ask("a", 400_000))).toMatchObject({ micros: 415_000, short: false });
    expect(it.asked).toEqual(["large"]);
    expect(it.ledger.totals(DAY)).toMatchObject({ spentMicros: 50_000, reservedMicros: 815_000 });
  });

  it("is asked of all others when the first are in the middle of a call", async () => {
    const it = world({ busy: () => says(0, 600_000), small: () => says(0), other: () => says(10_000) });
    it.holds("busy", 600_000);
    it.holds("small", 150_000);
    it.holds("other", 250_000);
    expect(await it.recall.lease(ask("a", 300_000))).toMatchObject({ type: "granted", short: false });
    expect(it.asked).toEqual(["busy", "other", "small"]);
  });

  it("is asked for before a grant is cut short, and nothing is written till then", async () => {
    const it = world({ idle: () => says(0) });
    it.holds("idle", 500_000);
    const request = ask("a", 800_000, { leastMicros: 100_000 });
    const answer = it.recall.lease(request);
    expect(it.ledger.totals(DAY).reservedMicros).toBe(500_000);
    expect(await answer).toMatchObject({ micros: 820_000, short: false });
    expect(await it.recall.lease(request)).toEqual(await answer);
    expect(it.ledger.totals(DAY).reservedMicros).toBe(820_000);
  });

  it("counts as spent when its chat is gone", async () => {
    const it = world({ gone: () => null });
    it.holds("gone", 500_000);
    expect(await it.recall.lease(ask("a", 600_000))).toMatchObject({
      ...REFUSED,
      refusal: { spent: 500_000, reserved: 0 },
    });
    it.ledger.tell("gone", says(400_000), DAY);
    expect(it.ledger.totals(DAY)).toMatchObject({ spentMicros: 500_000, reservedMicros: 0 });
  });

  it("stays there when the chat cannot be asked, and the others are asked in its stead", async () => {
    const it = world({
      broken: () => Promise.reject(new Error("away")),
      idle: () => says(0),
    });
    it.holds("broken", 500_000);
    it.holds("idle", 400_000);
    expect(await it.recall.lease(ask("a", 300_000))).toMatchObject({ type: "granted", short: false });
    expect(it.failures).toEqual(["broken"]);
    expect(it.ledger.totals(DAY).reservedMicros).toBe(820_000);
  });

  it("is not waited for longer than the asker can wait; an answer that comes late is booked", async () => {
    let late: (statement: PurseStatement) => void = () => {};
    const it = world({ slow: () => new Promise((resolve) => (late = resolve)) });
    it.holds("slow", 900_000);
    const answer = it.recall.lease(ask("a", 300_000));
    await breathe();
    expect(it.timers.map(({ ms }) => ms)).toEqual([limits.recallWithinMs]);
    expect(limits.recallWithinMs * 2).toBeLessThan(limits.askWithinMs / 2);
    it.timers[0]?.run();
    expect(await answer).toMatchObject(REFUSED);
    late(says(0));
    await breathe();
    expect(await it.recall.lease(ask("a", 300_000))).toMatchObject({ type: "granted" });
  });

  it("is asked for once by two who want it at the same time, and goes to one of them", async () => {
    const it = world({ idle: () => says(0) });
    it.holds("idle", 900_000);
    const answers = await Promise.all([
      it.recall.lease(ask("a", 600_000)),
      it.recall.lease(ask("b", 600_000)),
    ]);
    expect(answers.map(({ type }) => type).sort()).toEqual(["granted", "refused"]);
    expect(it.asked.filter((thread) => thread === "idle")).toHaveLength(1);
    expect(it.ledger.totals(DAY).reservedMicros).toBeLessThanOrEqual(1_000_000);
  });

  it("leaves in peace, for a while, who was asked in vain and did nothing since", async () => {
    const it = world({ busy: () => says(0, 900_000) });
    it.holds("busy", 900_000);
    expect(await it.recall.lease(ask("a", 300_000))).toMatchObject(REFUSED);
    expect(await it.recall.lease(ask("b", 300_000))).toMatchObject(REFUSED);
    expect(it.asked).toEqual(["busy"]);
    it.clock.now += limits.recallAgainMs;
    expect(await it.recall.lease(ask("a", 300_000))).toMatchObject(REFUSED);
    expect(it.asked).toEqual(["busy", "busy"]);
  });

  it("asks again at once when the chat has said something since", async () => {
    const it = world({ busy: () => says(0, 900_000) });
    it.holds("busy", 900_000);
    await it.recall.lease(ask("a", 300_000));
    it.ledger.tell("busy", says(1_000, 800_000, 12), DAY);
    await it.recall.lease(ask("a", 300_000));
    expect(it.asked).toEqual(["busy", "busy"]);
  });

  it("is asked of a bounded number of chats", async () => {
    const names = Array.from({ length: limits.recallChats + 5 }, (_, i) => `c${i}`);
    const it = world(Object.fromEntries(names.map((name) => [name, () => says(0, 10_000)])));
    for (const name of names) it.holds(name, 10_000);
    expect(await it.recall.lease(ask("a", 990_000))).toMatchObject(REFUSED);
    expect(it.asked).toHaveLength(limits.recallChats);
  });

  it("comes back before a chat is deleted; one that does not answer does not hold that up", async () => {
    const it = world({ idle: () => says(20_000), hangs: never });
    it.holds("idle", 100_000);
    it.holds("hangs", 100_000);
    await it.recall.settle("idle", DAY);
    await it.recall.settle("never heard of", DAY);
    expect(it.ledger.totals(DAY)).toMatchObject({ spentMicros: 20_000, reservedMicros: 100_000 });
    const settling = it.recall.settle("hangs", DAY);
    it.timers[0]?.run();
    await settling;
    expect(it.asked).toEqual(["idle", "hangs"]);
  });
});
