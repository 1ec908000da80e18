/** What the outbox decides, piece by piece; `outbox-campaign.test.ts` runs the whole of it. */
import { describe, expect, it } from "vitest";
import type { Entry, InputEntry } from "../../../src/actors/conversation/entries.ts";
import {
  beginAttempt,
  type Change,
  failed,
  inOrder,
  type OutboxRow,
  owe,
  placeOf,
  progressText,
  stepOf,
} from "../../../src/actors/conversation/outbox-plan.ts";
import { emptyState, reduceAll } from "../../../src/actors/conversation/state.ts";
import { limits } from "../../../src/limits.ts";
import { type ChannelTraits, DeliveryError } from "../../../src/protocol/channel.ts";

const both: ChannelTraits = { maxChars: 100, canEdit: true, idempotent: true };
const keys: ChannelTraits = { ...both, canEdit: false };
const edits: ChannelTraits = { ...both, idempotent: false };
const plain: ChannelTraits = { ...both, canEdit: false, idempotent: false };

const input = (turn: string, extra: Partial<InputEntry> = {}): InputEntry => ({
  kind: "input",
  at: 1,
  turn,
  request: `r${turn}`,
  keys: [`k${turn}`],
  source: "http",
  sender: { id: "alice", name: "Alice" },
  messages: [{ id: `m${turn}`, parts: [{ type: "text", text: "hi" }] }],
  reply: { channel: "c", to: { chat: "1" } },
  ...extra,
});
const call = (turn: string, attempt = 1): Entry => ({
  kind: "call",
  at: 2,
  turn,
  round: 0,
  attempt,
  model: "m",
  fingerprint: "",
  prompt: "",
  tools: "",
  maxOutputTokens: 1,
  windowTokens: 1,
  reservationMicros: 0,
});
const answer = (turn: string, text: string): Entry => ({
  kind: "answer",
  at: 3,
  turn,
  round: 0,
  attempt: 1,
  parts: [{ type: "text", text }],
  usage: { inputTokens: 1, outputTokens: 1 },
  finish: "stop",
  model: "m",
  priceMicros: 0,
});
const end = (turn: string, outcome: "completed" | "failed" | "cancelled" = "completed"): Entry => ({
  kind: "end",
  at: 4,
  turn,
  outcome,
  ...(outcome === "failed" && { error: { code: "model_failed", message: "The model is down." } }),
});

/** A journal and its outbox: commits one after the other, each with what it owes. */
function ledger(traits: ChannelTraits | null) {
  const rows = new Map<string, OutboxRow>();
  let state = emptyState;
  return {
    rows,
    commit(...entries: Entry[]): Change[] {
      state = reduceAll(state, entries);
      const changes = owe(entries, {
        next: state,
        rowsOf: (turn) => [...rows.values()].filter((row) => row.turn === turn),
        traits: () => traits,
        now: 1_000,
        conversation: "u.main",
      });
      for (const change of changes) {
        if ("put" in change) rows.set(change.put.id, change.put);
        if ("remove" in change) rows.delete(change.remove);
      }
      return changes;
    },
  };
}
const sole = (rows: Map<string, OutboxRow>): OutboxRow => {
  const [row, ...others] = rows.values();
  if (!row || others.length > 0) throw new Error(`there are ${rows.size} rows`);
  return row;
};

describe("what a commit owes", () => {
  it("is nothing without a reply address", () => {
    const { reply: _, ...bare } = input("t1");
    const { commit } = ledger(both);
    expect(commit(bare, call("t1"))).toEqual([]);
    expect(commit(answer("t1", "hello"), end("t1"))).toEqual([]);
  });

  it("is a placeholder with the first call where the channel can edit, and one write for both", () => {
    const { commit, rows } = ledger(both);
    expect(commit(input("t1"), call("t1"))).toHaveLength(1);
    expect(sole(rows)).toMatchObject({ phase: "begun", text: "", due: 2, key: "u.main:t1-0.0" });
  });

  it("is nothing to send before the end where the channel cannot", () => {
    const { commit, rows } = ledger(keys);
    commit(input("t1"), call("t1"));
    expect(stepOf(sole(rows), keys)).toBeNull();
  });

  it("is not a second placeholder when the call is made again", () => {
    const { commit } = ledger(both);
    commit(input("t1"), call("t1"));
    expect(commit(call("t1", 2))).toEqual([]);
  });

  it("is the text at the end, in parts with keys of their own", () => {
    const { commit, rows } = ledger(keys);
    commit(input("t1"), call("t1"));
    commit(answer("t1", "word ".repeat(50)), end("t1"));
    const all = [...rows.values()].sort(inOrder);
    expect(all.map((row) => row.key)).toEqual(["u.main:t1-0.0", "u.main:t1-0.1", "u.main:t1-0.2"]);
    expect(all.every((row) => row.phase === "owed" && row.parts === 3 && row.text.length <= 100)).toBe(true);
  });

  it("is a sentence when there is no text: why it failed, or that it was stopped", () => {
    for (const [outcome, said] of [
      ["failed", "The model is down."],
      ["cancelled", "This answer was stopped."],
    ] as const) {
      const { commit, rows } = ledger(plain);
      commit(input("t1"), call("t1"), end("t1", outcome));
      expect(sole(rows).text).toBe(said);
    }
  });

  it("goes to each place once, also where a message joined the turn from elsewhere", () => {
    const { commit, rows } = ledger(both);
    commit(input("t1"), call("t1"));
    commit({ ...input("t1", { joins: "steer" }), keys: ["k2"] });
    expect(rows.size).toBe(1);
    commit({ ...input("t1", { joins: "steer", reply: { channel: "d", to: {} } }), keys: ["k3"] });
    expect([...rows.values()].map((row) => [row.channel, row.phase])).toEqual([
      ["c", "begun"],
      ["d", "begun"],
    ]);
  });

  it("moves with a message that was taken into the running turn", () => {
    const { commit, rows } = ledger(both);
    commit(input("t1"), call("t1"), input("t2", { reply: { channel: "d", to: {} } }));
    const by = { id: "alice", name: "Alice" };
    commit({ kind: "amend", at: 3, turn: "t2", by, change: { action: "steer", into: "t1" } });
    commit(answer("t1", "for both"), end("t1"));
    expect([...rows.values()].map((row) => [row.turn, row.channel, row.text])).toEqual([
      ["t1", "c", "for both"],
      ["t1", "d", "for both"],
    ]);
  });

  it("names a place the same whatever the order of its parts", () => {
    expect(placeOf({ channel: "c", to: { a: "1", b: "2" } })).toBe(
      placeOf({ channel: "c", to: { b: "2", a: "1" } }),
    );
    expect(placeOf({ channel: "c", to: { a: "1" } })).not.toBe(placeOf({ channel: "d", to: { a: "1" } }));
  });
});

/** A text that is owed, with changes. */
function owed(change: Partial<OutboxRow> = {}): OutboxRow {
  const { commit, rows } = ledger(both);
  commit(input("t1"), call("t1"));
  commit(answer("t1", "hello"), end("t1"));
  return { ...sole(rows), ...change };
}

describe("the next attempt", () => {
  it("sends a text at once where nothing of it can be out there", () => {
    for (const traits of [both, keys, plain]) expect(stepOf(owed(), traits)).toMatchObject({ type: "send" });
  });

  it("changes the message that is out there", () => {
    expect(stepOf(owed({ placed: "m1" }), both)).toEqual({ type: "edit", id: "m1" });
  });

  it("finds a placeholder again by its key before it is changed", () => {
    expect(stepOf(owed({ unsure: true }), both)).toEqual({ type: "placeholder", key: "u.main:t1-0.0" });
  });

  it("places a message first where only an edit can be repeated safely", () => {
    expect(stepOf(owed(), edits)).toMatchObject({ type: "placeholder" });
  });

  it("takes a new key for a text whose placeholder the channel can no longer edit", () => {
    expect(stepOf(owed({ placed: "m1" }), keys)).toEqual({ type: "send", key: "u.main:t1-0.0~text" });
  });
});

describe("a failed attempt", () => {
  const step = { type: "send", key: "k" } as const;
  const fail = (tried: OutboxRow, error: DeliveryError, row = beginAttempt(tried, step, 1_000, 0.5)) =>
    failed({ row, tried, step, now: 2_000, siblings: [] }, error);
  const put = (changes: Change[]): OutboxRow => {
    const [first] = changes.flatMap((change) => ("put" in change ? [change.put] : []));
    if (!first) throw new Error("nothing was put");
    return first;
  };

  it("pauses three times as long each time, with jitter, up to an hour", () => {
    const pause = (attempts: number, random: number) =>
      beginAttempt(owed({ attempts }), step, 0, random).nextAt;
    expect([0, 1, 2].map((attempts) => pause(attempts, 1))).toEqual([2_000, 6_000, 18_000]);
    expect(pause(0, 0)).toBe(1_000);
    expect(pause(11, 1)).toBe(limits.deliveryBackoffMaxMs);
  });

  it("is a dead letter at once when the channel refuses, else after the last attempt", () => {
    expect(put(fail(owed(), new DeliveryError("refused", "no")))).toMatchObject({
      phase: "dead",
      error: "no",
    });
    expect(put(fail(owed(), new DeliveryError("failed", "oh")))).toMatchObject({
      phase: "owed",
      attempts: 1,
    });
    const last = owed({ attempts: limits.deliveryAttempts - 1 });
    expect(put(fail(last, new DeliveryError("failed", "oh")))).toMatchObject({ phase: "dead" });
  });

  it("does not count when the platform says when to come again, however far off", () => {
    const month = 31 * 24 * 3_600_000;
    const changes = fail(
      owed({ attempts: 11 }),
      new DeliveryError("limited", "wait", { retryAfterMs: month }),
    );
    expect(put(changes)).toMatchObject({ phase: "owed", attempts: 11, nextAt: 2_000 + month });
    expect(changes).toContainEqual({ wait: owed().place, until: 2_000 + month });
  });

  it("counts when the platform asks for a short pause again and again: tries grow rarer, and end", () => {
    const soon = new DeliveryError("limited", "wait", { retryAfterMs: 0 });
    let row = owed();
    let tries = 0;
    const pauses: number[] = [];
    for (let now = row.nextAt; row.phase === "owed" && tries < 100; now = row.nextAt) {
      const begun = beginAttempt(row, step, now, 1);
      const changes = failed({ row: begun, tried: row, step, now, siblings: [] }, soon);
      expect(changes).toContainEqual({ wait: row.place, until: now });
      row = put(changes);
      pauses.push(row.nextAt - now);
      tries++;
    }
    expect(row.phase).toBe("dead");
    expect(tries).toBe(limits.deliveryAttempts);
    expect(pauses.slice(0, 3)).toEqual([2_000, 6_000, 18_000]);
  });

  it("takes the parts behind it along when it is the last", () => {
    const tried = owed({ parts: 2 });
    const behind = owed({ id: "t1-0.1", part: 1, parts: 2 });
    const changes = failed(
      { row: tried, tried, step, now: 2_000, siblings: [behind] },
      new DeliveryError("refused", "no"),
    );
    expect(changes.map((change) => "put" in change && [change.put.part, change.put.phase])).toEqual([
      [0, "dead"],
      [1, "dead"],
    ]);
  });

  it("begins a message anew whose reader took it away, once", () => {
    const edit = { type: "edit", id: "m1" } as const;
    const gone = new DeliveryError("gone", "not there");
    const tried = owed({ placed: "m1" });
    const next = put(failed({ row: tried, tried, step: edit, now: 1, siblings: [] }, gone));
    expect(next).toMatchObject({ phase: "owed", placed: null, renewed: 1 });
    expect(stepOf(next, both)).toEqual({ type: "send", key: "u.main:t1-0.0~1" });
    const again = { ...next, placed: "m2" };
    expect(put(failed({ row: again, tried: again, step: edit, now: 1, siblings: [] }, gone)).phase).toBe(
      "dead",
    );
  });

  it("of a placeholder is no dead letter: the text is owed anyway", () => {
    const begun = owed({ phase: "begun", text: "" });
    const changes = failed(
      { row: begun, tried: begun, step: { type: "placeholder", key: "k" }, now: 1, siblings: [] },
      new DeliveryError("refused", "no"),
    );
    expect(put(changes).phase).toBe("waiting");
  });
});

describe("what readers see while an answer streams", () => {
  it("goes on visibly, and never outgrows one message", () => {
    expect(progressText("", 100)).toBe("…");
    expect(progressText("so far", 100)).toBe("so far …");
    const long = progressText("word ".repeat(100), 100);
    expect(long.length).toBeLessThanOrEqual(100);
    expect(long.endsWith(" …")).toBe(true);
  });
});
