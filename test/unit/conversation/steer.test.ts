/** What people say while a turn runs: joined to it, queued behind it, changed before its turn comes. */
import { describe, expect, it } from "vitest";
import { messageIn } from "../../../src/actors/conversation/transcript.ts";
import { hangs, plain, says, World } from "../../support/world.ts";

const textsOf = (request: { messages: readonly { role: string; content: unknown }[] }): string[] =>
  request.messages.map(({ role, content }) => {
    const parts = Array.isArray(content) ? content : [];
    return `${role}: ${parts.map((part: { type: string; text?: string; toolName?: string }) => part.text ?? part.toolName ?? part.type).join("|")}`;
  });

const steer = (world: World, text: string) =>
  world.drive.accept(world.input(text, { turn: world.state.active?.id ?? "", joins: "steer" }));

describe("a message that steers", () => {
  it("is read before the next call, after all results of the round", async () => {
    let finish = () => {};
    const world = new World({
      models: [says("looking ", [{ name: "look", input: {} }]), says("blue then")],
      tools: {
        look: { replay: "safe", run: () => new Promise((resolve) => (finish = () => resolve("seen"))) },
      },
    });
    world.drive.accept(world.input("which colour?"));
    await world.breathe();
    steer(world, "make it blue");
    expect(messageIn(world.state, "m2")?.metadata).toMatchObject({ waiting: "steering", joined: "turn1" });
    finish();
    await world.settle();
    expect(world.requests.map(textsOf)[1]).toEqual([
      "user: which colour?",
      "assistant: looking |look",
      "tool: look",
      "user: make it blue",
    ]);
    expect(world.ended.map((turn) => turn.outcome)).toEqual(["completed"]);
    expect(world.messages().map((message) => message.id)).toEqual(["m1", "m2", "a_turn1"]);
    expect(messageIn(world.state, "m2")?.metadata?.waiting).toBeUndefined();
    expect(world.messages()[2]?.parts.map((part) => part.type)).toEqual([
      "step-start",
      "text",
      "tool-look",
      "data-joined",
      "step-start",
      "text",
    ]);
  });

  it("that comes during the last answer is answered in the same turn", async () => {
    const world = new World({ models: [says("first"), says("second")] });
    world.drive.accept(world.input("one"));
    steer(world, "two");
    await world.settle();
    expect(world.requests.map(textsOf)[1]).toEqual(["user: one", "assistant: first", "user: two"]);
    expect(world.ended).toHaveLength(1);
    expect(world.streams).toHaveLength(1);
    expect(world.streams[0]?.chunks.map((chunk) => chunk.type)).toContain("data-joined");
  });

  it("is not lost by a crash, and is read by the call that is made again", async () => {
    const world = new World({ models: [hangs("so far"), says("both")] });
    world.drive.accept(world.input("one"));
    await world.breathe();
    steer(world, "two");
    world.crash();
    world.drive.kick();
    await world.settle();
    expect(world.requests.map(textsOf)[1]).toEqual(["user: one", "user: two"]);
    expect(plain(world.messages().at(-1))).toBe("both");
  });

  it("ends with the turn that is stopped", async () => {
    const world = new World({ models: [hangs("…")] });
    world.drive.accept(world.input("one"));
    await world.breathe();
    steer(world, "two");
    world.drive.cancel("turn1");
    await world.settle();
    expect(world.ended.map((turn) => turn.outcome)).toEqual(["cancelled"]);
    expect(world.state.seen.get("message:m2")).toBe("turn1");
  });

  it("is read once: the next turn sees it at its place", async () => {
    const world = new World({ models: [says("first"), says("second"), says("third")] });
    world.drive.accept(world.input("one"));
    steer(world, "two");
    await world.settle();
    await world.say("three");
    expect(world.requests.map(textsOf)[2]).toEqual([
      "user: one",
      "assistant: first",
      "user: two",
      "assistant: second",
      "user: three",
    ]);
  });
});

describe("a message that waits", () => {
  const busy = async () => {
    const world = new World({ models: [hangs("…"), says("done"), says("done too")] });
    world.drive.accept(world.input("one"));
    await world.breathe();
    world.drive.accept(world.input("two"));
    return world;
  };
  const by = { id: "alice", name: "Alice" };

  it("is marked as queued, and loses the mark when its turn comes", async () => {
    const world = await busy();
    expect(messageIn(world.state, "m2")?.metadata?.waiting).toBe("queued");
    world.drive.cancel("turn1");
    await world.settle();
    expect(messageIn(world.state, "m2")?.metadata?.waiting).toBeUndefined();
  });

  it("can be said in other words", async () => {
    const world = await busy();
    world.drive.amend("m2", by, { action: "edit", parts: [{ type: "text", text: "TWO" }] });
    world.drive.cancel("turn1");
    await world.settle();
    expect(textsOf(world.requests[1] ?? { messages: [] }).at(-1)).toBe("user: TWO");
  });

  it("keeps the files that came with it, whatever the words", async () => {
    const world = await busy();
    const file = { type: "file" as const, mediaType: "text/plain", url: "workspace:notes.txt" };
    const said = world.input("read this");
    world.drive.accept({ ...said, messages: [{ id: "m3", parts: [{ type: "text", text: "read" }, file] }] });
    world.drive.amend("m3", by, { action: "edit", parts: [{ type: "text", text: "read it twice" }] });
    expect(messageIn(world.state, "m3")?.parts).toEqual([{ type: "text", text: "read it twice" }, file]);
  });

  it("can be taken away: it is cancelled and leaves no line", async () => {
    const world = await busy();
    world.drive.amend("m2", by, { action: "delete" });
    world.drive.cancel("turn1");
    await world.settle();
    expect(world.ended.map((turn) => [turn.id, turn.outcome])).toEqual([
      ["turn2", "cancelled"],
      ["turn1", "cancelled"],
    ]);
    expect(world.messages().map((message) => message.id)).toEqual(["m1", "a_turn1"]);
    expect(world.requests).toHaveLength(1);
  });

  it("can join the running turn after all", async () => {
    const world = await busy();
    world.drive.amend("m2", by, { action: "steer" });
    expect(world.state.waiting).toEqual([]);
    expect(world.state.seen.get("message:m2")).toBe("turn1");
    expect(messageIn(world.state, "m2")?.metadata?.waiting).toBe("steering");
  });

  it("cannot be changed once it is being answered", async () => {
    const world = await busy();
    expect(() => world.drive.amend("m1", by, { action: "delete" })).toThrow("does not wait any more");
  });
});

describe("a burst", () => {
  it("is answered as one question, when nothing more came for a while", async () => {
    const world = new World({ models: [says("hello to you")] });
    world.drive.accept(world.input("hi", { source: "telegram", holdUntil: world.now + 600 }));
    await world.breathe();
    expect(world.requests).toHaveLength(0);
    await world.advance(500);
    world.drive.accept(
      world.input("are you there?", { turn: "turn1", joins: "burst", holdUntil: world.now + 600 }),
    );
    await world.advance(300);
    expect(world.requests).toHaveLength(0);
    await world.settle();
    expect(world.requests.map(textsOf)).toEqual([["user: hi", "user: are you there?"]]);
    expect(world.ended).toHaveLength(1);
  });
});

describe("a message that replaces another", () => {
  it("takes it back with all behind it", async () => {
    const world = new World({ models: [says("one"), says("two"), says("new one")] });
    await world.say("first");
    await world.say("second");
    await world.say("first, better", { replaces: "m1" });
    expect(world.requests.map(textsOf)[2]).toEqual(["user: first, better"]);
    expect(world.messages().map(plain)).toEqual(["first, better", "new one"]);
  });
});
