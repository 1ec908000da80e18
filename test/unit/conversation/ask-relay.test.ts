/** An answer as a program is told it: from its beginning, each character once, whatever happens in between. */
import { describe, expect, it } from "vitest";
import { Relay, reportOf } from "../../../src/actors/conversation/ask-relay.ts";
import { newTurn, type Round, type Turn } from "../../../src/actors/conversation/turn-state.ts";
import type { AskEvent } from "../../../src/protocol/ask.ts";

const input = { kind: "input" as const, at: 5, turn: "t1", request: "q1", keys: ["api:k:1"], source: "api" };
const TURN = newTurn({ ...input, sender: { id: "u", name: "CI", kind: "key" }, messages: [] });
const round = (n: number, ...texts: string[]): Round => ({
  round: n,
  parts: texts.map((text) => ({ type: "text", text })),
  model: "demo",
  partial: false,
  tools: [],
  asks: [],
});
const ended = (...rounds: Round[]): Turn => ({ ...TURN, rounds, outcome: "completed" });

/** A relay, and what it told. */
function world(options: { whole?: boolean; turn?: () => Turn | null } = {}) {
  const told: AskEvent[] = [];
  let closed = 0;
  const relay = new Relay({
    turn: options.turn ?? (() => TURN),
    live: () => null,
    whole: options.whole ?? false,
    push: (event) => told.push(event),
    close: () => {
      closed++;
    },
  });
  const text = (): string => told.map((event) => (event.type === "text" ? event.delta : "")).join("");
  const says = (stream: string, ...blocks: string[]): void => {
    for (const block of blocks) {
      relay.chunk(stream, JSON.stringify({ type: "text-start", id: "b" }));
      for (const delta of block.match(/.{1,3}/gs) ?? [])
        relay.chunk(stream, JSON.stringify({ type: "text-delta", id: "b", delta }));
    }
  };
  return { relay, told, text, says, closed: () => closed };
}

describe("a relay", () => {
  it("tells texts as they come, a blank line apart, and how it ended", () => {
    const { relay, told, text, says, closed } = world();
    says("q1", "First part.", "Second part.");
    relay.ended(ended(round(0, "First part."), round(1, "Second part.")));
    expect(text()).toBe("First part.\n\nSecond part.");
    expect(told.at(-1)).toMatchObject({ type: "done", report: { status: "completed", text: text() } });
    expect(closed()).toBe(1);
  });

  it("leaves other turns and their streams alone", () => {
    const { relay, told, says } = world();
    says("q2", "not mine");
    relay.ended({ ...ended(round(0, "not mine")), id: "t2" });
    expect(told).toEqual([]);
  });

  it("adds what was not streamed", () => {
    const { relay, text, says } = world();
    says("q1", "Half of");
    relay.ended(ended(round(0, "Half of it.", "And more.")));
    expect(text()).toBe("Half of it.\n\nAnd more.");
  });

  it("goes on in a stream that begins anew without saying anything twice", () => {
    const { relay, text, says } = world();
    says("q1", "The same");
    says("q1~0.2", "The same words, and more.");
    relay.ended(ended(round(0, "The same words, and more.")));
    expect(text()).toBe("The same words, and more.");
  });

  it("ends where an answer is asked for again and says something else", () => {
    const { relay, told, text, says, closed } = world();
    says("q1", "The sea is blue");
    says("q1~0.2", "The sea is green");
    relay.ended(ended(round(0, "The sea is green")));
    expect(text()).toBe("The sea is blue");
    expect(told.at(-1)).toEqual({ type: "broken" });
    expect(closed()).toBe(1);
  });

  it("ends where the journal has something else than was said", () => {
    const { relay, told, says } = world();
    says("q1", "Said");
    relay.ended(ended(round(0, "Written")));
    expect(told.at(-1)).toEqual({ type: "broken" });
  });

  it("tells only the end to who wants the whole", () => {
    const { relay, told, says } = world({ whole: true });
    says("q1", "One");
    says("q1~0.2", "Two");
    relay.ended(ended(round(0, "Two")));
    expect(told).toMatchObject([{ type: "done", report: { text: "Two" } }]);
  });

  it("says at once how a turn that is over ended", () => {
    const over = ended(round(0, "Long ago."));
    const { relay, told } = world({ turn: () => over });
    relay.start();
    expect(told).toMatchObject([{ type: "text", delta: "Long ago." }, { type: "done" }]);
  });

  it("follows its message into another turn", () => {
    const other: Turn = { ...TURN, id: "t9", request: "q9" };
    const { relay, text, says, told } = world({ turn: () => other });
    says("q1", "not here");
    says("q9", "Here.");
    relay.ended({ ...other, rounds: [round(0, "Here.")], outcome: "completed" });
    expect(text()).toBe("Here.");
    expect(told.at(-1)).toMatchObject({ type: "done", report: { turn: "t9" } });
  });

  it("is over for a turn that is gone", () => {
    const { relay, told } = world({ turn: () => null });
    relay.start();
    expect(told).toEqual([{ type: "broken" }]);
  });
});

describe("a report", () => {
  it("names what waits for a person, until somebody decides", () => {
    const ask = { id: "c1", name: "delete", input: "{}", at: 1, expiresAt: 2 };
    const waiting: Turn = { ...TURN, rounds: [{ ...round(0), asks: [{ ...ask, decision: null }] }] };
    expect(reportOf(waiting)).toMatchObject({ status: "waiting", waits: [{ id: "c1", tool: "delete" }] });
    const decision = { approved: true, by: null, comment: "" };
    const decided: Turn = { ...TURN, rounds: [{ ...round(0), asks: [{ ...ask, decision }] }] };
    expect(reportOf(decided)).toMatchObject({ status: "running", waits: [] });
    expect(reportOf({ ...waiting, outcome: "cancelled" })).toMatchObject({ status: "cancelled", waits: [] });
  });

  it("says when an answer was cut at its length", () => {
    expect(reportOf(ended({ ...round(0, "x"), finish: "length" })).finish).toBe("length");
  });
});
