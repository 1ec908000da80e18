import { describe, expect, it } from "vitest";
import type { Entry } from "../../../src/actors/conversation/entries.ts";
import {
  emptyPurse,
  foldPurse,
  keeping,
  leftOn,
  type Purse,
  releaseOf,
  reserve,
  statementOf,
} from "../../../src/actors/conversation/purse.ts";

const DAY = "2026-11-23";
const NEXT = "2026-11-24";
const AT = Date.UTC(2026, 10, 23, 12);
const where = { turn: "t1", round: 0, attempt: 1 };

const lease = (number: number, micros = 100, tokens = 1_000, day = DAY): Entry => ({
  kind: "lease",
  at: AT,
  day,
  number,
  micros,
  tokens,
});
const call = (
  micros: number,
  tokens?: number,
  more: Partial<typeof where> & { at?: number } = {},
): Entry => ({
  kind: "call",
  at: AT,
  ...where,
  model: "a/b",
  fingerprint: "",
  prompt: "",
  tools: "",
  maxOutputTokens: 50,
  windowTokens: 200,
  reservationMicros: micros,
  ...(tokens !== undefined && { reservationTokens: tokens }),
  ...more,
});
const answer = (priceMicros: number, tokens: number, more: object = {}): Entry => ({
  kind: "answer",
  at: AT,
  ...where,
  parts: [],
  usage: { inputTokens: tokens, outputTokens: 0 },
  finish: "stop",
  model: "b",
  priceMicros,
  ...more,
});
const fault = (more: object = {}): Entry => ({
  kind: "fault",
  at: AT,
  ...where,
  code: "model_failed",
  message: "",
  ...more,
});
const end = (turn = "t1"): Entry => ({ kind: "end", at: AT, turn, outcome: "completed" });
const kept = (turn = "t1"): Entry => ({ kind: "end", at: AT, turn, outcome: "completed", keeps: true });
const release = (number: number): Entry => ({ kind: "release", at: AT, number });
const fold = (...entries: Entry[]): Purse => entries.reduce(foldPurse, emptyPurse);
const amounts = ({ left, spent, open }: Purse) => ({
  left: [left.micros, left.tokens],
  spent: [spent.micros, spent.tokens],
  open: open ? [open.micros, open.tokens] : null,
});

describe("what a conversation knows of its money", () => {
  it.each<[string, Entry[], ReturnType<typeof amounts>]>([
    ["nothing, at first", [], { left: [0, 0], spent: [0, 0], open: null }],
    ["a lease is there to spend", [lease(1)], { left: [100, 1_000], spent: [0, 0], open: null }],
    ["leases of a day add up", [lease(1), lease(2)], { left: [200, 2_000], spent: [0, 0], open: null }],
    ["the same lease counts once", [lease(1), lease(1)], { left: [100, 1_000], spent: [0, 0], open: null }],
    [
      "a call reserves its worst case",
      [lease(1), call(60, 400)],
      { left: [40, 600], spent: [0, 0], open: [60, 400] },
    ],
    [
      "an answer settles at its price",
      [lease(1), call(60, 400), answer(10, 30)],
      { left: [90, 970], spent: [10, 30], open: null },
    ],
    [
      "a dearer answer than was reserved is counted as it is",
      [lease(1), call(60, 400), answer(110, 430)],
      { left: [-10, 570], spent: [110, 430], open: null },
    ],
    [
      "an answer without usage costs its reservation",
      [lease(1), call(60, 400), answer(0, 0)],
      { left: [40, 600], spent: [60, 400], open: null },
    ],
    [
      "a partial answer costs its reservation",
      [lease(1), call(60, 400), answer(5, 10, { partial: true })],
      { left: [40, 600], spent: [60, 400], open: null },
    ],
    [
      "an answer of another attempt changes nothing",
      [lease(1), call(60, 400), answer(0, 30, { attempt: 2 })],
      { left: [40, 600], spent: [0, 0], open: [60, 400] },
    ],
    [
      "a call that broke off costs its reservation",
      [lease(1), call(60, 400), fault()],
      { left: [40, 600], spent: [60, 400], open: null },
    ],
    [
      "a call that was refused costs nothing",
      [lease(1), call(60, 400), fault({ unbilled: true })],
      { left: [100, 1_000], spent: [0, 0], open: null },
    ],
    [
      "a call that was cut by a crash costs its reservation once the next is made",
      [lease(1), call(60, 400), call(40, 300, { attempt: 2 })],
      { left: [0, 300], spent: [60, 400], open: [40, 300] },
    ],
    [
      "a second answer to the same call is not counted",
      [lease(1), call(60, 400), answer(10, 30), answer(0, 30)],
      { left: [90, 970], spent: [10, 30], open: null },
    ],
    [
      "the end of an earlier journal's turn gives back what is left, and costs an open call in full",
      [lease(1), call(60, 400), end()],
      { left: [0, 0], spent: [60, 400], open: null },
    ],
    [
      "the end of a turn keeps what is left, and costs an open call in full",
      [lease(1), call(60, 400), kept()],
      { left: [40, 600], spent: [60, 400], open: null },
    ],
    [
      "what is kept pays for the next turn",
      [lease(1), call(60, 400), answer(10, 30), kept(), call(60, 400, { turn: "t2" })],
      { left: [30, 570], spent: [10, 30], open: [60, 400] },
    ],
    [
      "what was overdrawn is not owed by the next turn",
      [lease(1), call(60, 400), answer(110, 430), kept()],
      { left: [0, 570], spent: [110, 430], open: null },
    ],
    [
      "what the purse wanted back is gone, but for what an open call may cost",
      [lease(1), call(60, 400), release(2)],
      { left: [0, 0], spent: [0, 0], open: [60, 400] },
    ],
    [
      "of a call that was open then, what it did not cost stays",
      [lease(1), call(60, 400), release(2), answer(10, 30)],
      { left: [50, 370], spent: [10, 30], open: null },
    ],
    [
      "a lease that was on its way when the purse wanted it back counts for nothing",
      [lease(1), release(2), lease(2)],
      { left: [0, 0], spent: [0, 0], open: null },
    ],
    [
      "the next one counts",
      [lease(1), release(2), lease(3)],
      { left: [100, 1_000], spent: [0, 0], open: null },
    ],
    [
      "the end of another turn does not touch a running call",
      [lease(1), call(60, 400), end("t2")],
      { left: [40, 600], spent: [0, 0], open: [60, 400] },
    ],
    [
      "a lease that comes after its turn has ended counts for nothing",
      [end(), lease(1)],
      { left: [0, 0], spent: [0, 0], open: null },
    ],
    ["a free call reserves nothing", [call(0), answer(0, 30)], { left: [0, 0], spent: [0, 0], open: null }],
    [
      "a call of an old journal reserves the tokens of its whole window",
      [lease(1), call(60)],
      { left: [40, 750], spent: [0, 0], open: [60, 250] },
    ],
    [
      "without a limit there is no lease, and spending is counted all the same",
      [call(60, 400), answer(10, 30)],
      { left: [-10, -30], spent: [10, 30], open: null },
    ],
    [
      "a free call that somebody else answered is counted",
      [call(0), answer(10, 30)],
      { left: [0, 0], spent: [10, 30], open: null },
    ],
  ])("%s", (_case, entries, expected) => {
    expect(amounts(fold(...entries))).toEqual(expected);
  });

  it("a summary is paid like an answer, and gives back what is left", () => {
    const compact: Entry = {
      kind: "compact",
      at: AT,
      call: where,
      covered: 3,
      summary: "",
      model: "b",
      usage: { inputTokens: 30, outputTokens: 0 },
      priceMicros: 10,
    };
    expect(amounts(fold(lease(1), call(60, 400), compact))).toEqual({
      left: [0, 0],
      spent: [10, 30],
      open: null,
    });
  });

  it("entries that have nothing to do with money give the same object back", () => {
    const purse = fold(lease(1));
    expect(foldPurse(purse, { kind: "undo", at: AT, scope: "all", by: { id: "u", name: "u" } })).toBe(purse);
    expect(foldPurse(purse, { kind: "something of a later version" })).toBe(purse);
  });

  it("a fork begins with an empty purse: what came before it was another's", () => {
    const fork: Entry = { kind: "fork", at: AT, from: "x", seq: 3, by: { id: "u", name: "u" } };
    expect(fold(lease(1), call(60, 400), fork)).toEqual(emptyPurse);
  });

  it("keeps what is left when a summary was made, or could not be", () => {
    const note = { kind: "note", at: AT, topic: "compact-failed", text: "no model" } as const;
    const [written] = keeping(fold(lease(1)), [note]);
    expect(written).toEqual({ ...note, keeps: true });
    expect(amounts(fold(lease(1), note)).left).toEqual([0, 0]);
    expect(amounts(fold(lease(1), written ?? note)).left).toEqual([100, 1_000]);
  });

  it("marks an end only where something is left to keep", () => {
    expect(keeping(emptyPurse, [end()])).toEqual([end()]);
    expect(keeping(fold(lease(1), call(60, 400)), [answer(10, 30), end()])).toEqual([answer(10, 30), kept()]);
    const all = fold(lease(1), call(100, 1_000));
    expect(keeping(all, [answer(100, 1_000), end()])).toEqual([answer(100, 1_000), end()]);
    const other = { kind: "note", at: AT, topic: "late", text: "" } as const;
    expect(keeping(fold(lease(1)), [other])).toEqual([other]);
  });

  it("has nothing to write when it is asked for money that it does not hold", () => {
    expect(releaseOf(fold(lease(3)), 3, AT)).toEqual(release(4));
    expect(releaseOf(fold(lease(3), call(100, 1_000)), 3, AT)).toBeNull();
    expect(releaseOf(fold(lease(3), end()), 3, AT)).toBeNull();
    // The purse has granted more than ever came here.
    expect(releaseOf(fold(lease(3), end()), 7, AT)).toEqual(release(7));
  });

  it("knows whether what is leased covers a call", () => {
    const purse = fold(lease(1));
    expect(reserve(purse, DAY, 100, 1_000)).toBe("ok");
    expect(reserve(purse, DAY, 101, 1_000)).toBe("needs-lease");
    expect(reserve(purse, DAY, 100, 1_001)).toBe("needs-lease");
    expect(reserve(purse, NEXT, 1, 1)).toBe("needs-lease");
  });
});

describe("midnight in the middle of a turn", () => {
  it("voids yesterday's money and starts a new account", () => {
    const purse = fold(lease(1), call(60, 400), answer(10, 30), lease(2, 50, 500, NEXT));
    expect(leftOn(purse, NEXT)).toEqual({ micros: 50, tokens: 500 });
    expect(leftOn(purse, DAY)).toEqual({ micros: 0, tokens: 0 });
    expect(statementOf(purse, 4)).toEqual({
      seq: 4,
      lease: 2,
      days: [
        { day: NEXT, spentMicros: 0, spentTokens: 0, heldMicros: 50, heldTokens: 500 },
        { day: DAY, spentMicros: 10, spentTokens: 30, heldMicros: 0, heldTokens: 0 },
      ],
    });
  });

  it("a call that began before it costs the day on which it began", () => {
    const purse = fold(lease(1), call(60, 400), lease(2, 50, 500, NEXT));
    expect(statementOf(purse, 3).days).toEqual([
      { day: NEXT, spentMicros: 0, spentTokens: 0, heldMicros: 50, heldTokens: 500 },
      { day: DAY, spentMicros: 0, spentTokens: 0, heldMicros: 60, heldTokens: 400 },
    ]);
    expect(statementOf(foldPurse(purse, answer(10, 30)), 4).days).toEqual([
      { day: NEXT, spentMicros: 0, spentTokens: 0, heldMicros: 50, heldTokens: 500 },
      { day: DAY, spentMicros: 10, spentTokens: 30, heldMicros: 0, heldTokens: 0 },
    ]);
  });

  it("without a lease a call counts for the day of its entry", () => {
    const later = { at: Date.UTC(2026, 10, 24, 0, 1), attempt: 2 };
    const purse = fold(call(60, 400), fault(), call(60, 400, later), fault({ attempt: 2 }));
    expect(statementOf(purse, 4).days.map(({ day, spentMicros }) => [day, spentMicros])).toEqual([
      [NEXT, 60],
      [DAY, 60],
    ]);
  });
});

describe("the statement", () => {
  it("is empty while nothing was priced", () => {
    expect(statementOf(fold(call(0), answer(0, 30), end()), 3)).toEqual({ seq: 3, lease: 1, days: [] });
  });

  it("never holds less than nothing", () => {
    const [day] = statementOf(fold(call(60, 400), answer(10, 30)), 2).days;
    expect(day).toEqual({ day: DAY, spentMicros: 10, spentTokens: 30, heldMicros: 0, heldTokens: 0 });
  });
});
