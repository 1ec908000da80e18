/** What becomes of outcomes that come late, twice, or too large. */
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../src/actors/conversation/entries.ts";
import { lateOrNot, shrunk, withOwnIds } from "../../../src/actors/conversation/outcome.ts";
import { says, World } from "../../support/world.ts";

const usage = { inputTokens: 1, outputTokens: 1 };
const answer = (turn: string, attempt: number): Entry => ({
  kind: "answer",
  at: 1,
  turn,
  round: 0,
  attempt,
  parts: [{ type: "text", text: "late" }],
  usage,
  finish: "stop",
  model: "m",
  priceMicros: 0,
});

describe("an outcome", () => {
  it("of a turn that has ended is kept as a remark, and changes nothing", async () => {
    const world = new World({ models: [says("done")] });
    await world.say("hi");
    expect(lateOrNot(world.state, answer("turn1", 1))).toMatchObject({ kind: "note", topic: "late" });
    expect(
      lateOrNot(world.state, { kind: "result", at: 1, turn: "turn1", id: "x", output: 1 }),
    ).toMatchObject({
      kind: "result",
      late: true,
    });
  });

  it("of an attempt that was given up is a remark too", async () => {
    const world = new World({ models: [() => new Promise(() => {})] });
    world.drive.accept(world.input("hi"));
    expect(lateOrNot(world.state, answer("turn1", 2))).toMatchObject({ kind: "note", topic: "late" });
    expect(lateOrNot(world.state, answer("turn1", 1)).kind).toBe("answer");
  });
});

describe("what is too large for the journal", () => {
  it("becomes a fault, or an error that says so", () => {
    const kept = shrunk([answer("t", 1), { kind: "result", at: 1, turn: "t", id: "c", output: "much" }]);
    expect(kept?.map((entry) => entry.kind)).toEqual(["fault", "result"]);
    expect(kept?.[0]).toMatchObject({ code: "message_too_large" });
    expect(kept?.[1]).toMatchObject({ error: { code: "message_too_large" } });
  });

  it("cannot be made smaller when it is a person's words", () => {
    expect(shrunk([{ kind: "undo", at: 1, scope: "all", by: { id: "a", name: "A" } }])).toBeNull();
  });
});

it("two calls with one id get two", () => {
  const call = { type: "tool" as const, id: "same", name: "look", input: "{}" };
  const own = withOwnIds(
    { parts: [call, call], usage, finish: "tools", model: "m", run: "" },
    (id) => `mine_${id}`,
  );
  expect(own.parts.map((part) => (part.type === "tool" ? part.id : ""))).toEqual(["mine_same", "mine_samex"]);
});
