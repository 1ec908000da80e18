/** What may come in with a journal from outside: everything that this version writes, and nothing that breaks it. */
import { describe, expect, it } from "vitest";
import { ENTRY_VERSION, type Entry, type EntryKind } from "../../../src/actors/conversation/entries.ts";
import { payloadProblem } from "../../../src/actors/conversation/entry-schema.ts";

const at = 1_700_000_000_000;
const by = { id: "alice", name: "Alice" };
const usage = { inputTokens: 1, outputTokens: 2 };
const where = { turn: "t1", round: 0, attempt: 1 };
const parts = [{ type: "text" as const, text: "hi" }];
const tool = { turn: "t1", round: 0, id: "t1_0_0", name: "write", input: "{}" };

/** One entry of each kind, with everything that it may hold. */
const written: { [K in EntryKind]: Extract<Entry, { kind: K }> } = {
  input: {
    ...{ kind: "input", at, turn: "t1", request: "r1", keys: ["k"], source: "chat", sender: by },
    ...{ messages: [{ id: "m1", parts }], regenerate: "m0", replaces: "m0", joins: "steer", holdUntil: at },
    reply: { channel: "c", to: { chat: "1" } },
  },
  call: {
    ...{ kind: "call", at, ...where, model: "a/b", fingerprint: "f", prompt: "p", tools: "t" },
    ...{ maxOutputTokens: 1, windowTokens: 1, reservationMicros: 5, reservationTokens: 7 },
  },
  began: { kind: "began", at, ...where, run: "" },
  answer: {
    ...{ kind: "answer", at, ...where, parts, usage, finish: "stop", model: "a/b", priceMicros: 3 },
    partial: true,
  },
  fault: {
    ...{ kind: "fault", at, ...where, code: "model_failed", message: "no", retryAt: at, unbilled: true },
  },
  intent: { kind: "intent", at, ...tool, replay: "safe", key: "k" },
  result: { kind: "result", at, turn: "t1", id: "t1_0_0", interrupted: true, late: true },
  ask: { kind: "ask", at, ...tool, expiresAt: at },
  decide: { kind: "decide", at, turn: "t1", id: "t1_0_0", approved: true, by, source: "chat", comment: "" },
  expire: { kind: "expire", at, turn: "t1", id: "t1_0_0" },
  amend: { kind: "amend", at, turn: "t2", by, change: { action: "edit", message: "m2", parts } },
  compact: {
    kind: "compact",
    at,
    call: where,
    covered: 4,
    summary: "s",
    model: "a/b",
    usage,
    priceMicros: 1,
  },
  lease: { kind: "lease", at, day: "2026-11-23", number: 1, micros: 50_000, tokens: 20_000 },
  release: { kind: "release", at, number: 3 },
  end: {
    kind: "end",
    at,
    keeps: true,
    turn: "t1",
    outcome: "failed",
    error: { code: "model_failed", message: "no" },
  },
  undo: { kind: "undo", at, scope: "last", by },
  fork: { kind: "fork", at, from: "file", seq: 3, by },
  erase: { kind: "erase", at, entries: [1], by },
  note: { kind: "note", at, topic: "prompt", hash: "h", text: "t" },
};

const problemOf = ({ kind, ...payload }: Entry): string | null =>
  payloadProblem(kind, ENTRY_VERSION[kind], payload);

describe("an entry from outside", () => {
  it.each(Object.values(written).map((entry) => [entry.kind, entry] as const))(
    "of the kind %s is taken as this version writes it",
    (_kind, entry) => expect(problemOf(entry)).toBeNull(),
  );

  it("is refused with a time that no date can hold: summaries are dated", () => {
    expect(problemOf({ ...written.undo, at: 1e20 })).toContain("at");
    expect(problemOf({ ...written.undo, at: 8.64e15 })).toBeNull();
  });

  it("is refused with a number where money is no number", () => {
    expect(payloadProblem("lease", 1, { ...written.lease, micros: "much" })).toContain("micros");
    expect(payloadProblem("call", 1, { ...written.call, reservationTokens: -1 })).toContain(
      "reservationTokens",
    );
  });
});
