/** Tools that a person has to approve first. */
import { describe, expect, it } from "vitest";
import { limits } from "../../../src/limits.ts";
import { hangs, plain, says, World } from "../../support/world.ts";

const alice = { id: "alice", name: "Alice" };
const bob = { id: "bob", name: "Bob" };

function asking(models = [says("may I? ", [{ name: "pay", input: { sum: 3 } }]), says("so be it")]) {
  const paid: unknown[] = [];
  const world = new World({
    models,
    tools: {
      pay: { replay: "unsafe", risk: "ask", run: async (input) => paid.push(input) },
      look: { replay: "safe", run: async () => "seen" },
      shell: { replay: "unsafe", risk: "deny", run: async () => paid.push("never") },
    },
  });
  return { world, paid, call: () => world.state.active?.rounds.at(-1)?.asks[0]?.id ?? "" };
}

describe("a tool that asks first", () => {
  it("parks the turn, with the question in the journal and on the screen", async () => {
    const { world, paid } = asking();
    await world.say("pay");
    expect(world.drive.running).toBe(false);
    expect(world.parked).toEqual([world.state.at + limits.approvalMs]);
    expect(paid).toEqual([]);
    expect(plain(world.messages().at(-1))).toBe("may I? [pay:approval-requested]");
    const chunks = world.streams[0]?.chunks.map((chunk) => chunk.type);
    expect(chunks?.slice(-3)).toEqual(["tool-approval-request", "finish-step", "finish"]);
    expect(world.ended).toEqual([]);
  });

  it("runs once it is approved, in a stream of its own", async () => {
    const { world, paid, call } = asking();
    await world.say("pay");
    expect(world.drive.decide(call(), bob, { approved: true, source: "http" })).toEqual({
      counted: true,
      approved: true,
      by: "Bob",
    });
    await world.settle();
    expect(paid).toEqual([{ sum: 3 }]);
    expect(plain(world.messages().at(-1))).toBe("may I? [pay:output-available]so be it");
    expect(world.streams).toHaveLength(2);
    expect(world.streams[1]?.id).toMatch(/^req1~0\.\d+$/);
    expect(world.entries.find((entry) => entry.kind === "decide")).toMatchObject({ by: bob, source: "http" });
  });

  it("is not made when refused; the model reads who said no, and why", async () => {
    const { world, paid, call } = asking();
    await world.say("pay");
    world.drive.decide(call(), alice, { approved: false, source: "chat", comment: "too much" });
    await world.settle();
    expect(paid).toEqual([]);
    expect(JSON.stringify(world.requests[1]?.messages.at(-1))).toContain("Alice did not approve");
    expect(JSON.stringify(world.requests[1]?.messages.at(-1))).toContain("too much");
    expect(plain(world.messages().at(-1))).toBe("may I? [pay:output-denied]so be it");
  });

  it("counts the first decision only, also after the turn has ended", async () => {
    const { world, paid, call } = asking();
    await world.say("pay");
    const id = call();
    world.drive.decide(id, bob, { approved: true, source: "chat" });
    expect(world.drive.decide(id, alice, { approved: false, source: "chat" })).toMatchObject({
      counted: false,
      approved: true,
      by: "Bob",
    });
    await world.settle();
    expect(world.drive.decide(id, alice, { approved: false, source: "chat" })).toMatchObject({
      counted: false,
    });
    expect(world.entries.filter((entry) => entry.kind === "decide")).toHaveLength(1);
    expect(paid).toHaveLength(1);
  });

  it("knows no other calls", () => {
    const { world } = asking();
    expect(world.drive.decide("nothing", alice, { approved: true, source: "chat" })).toBeNull();
  });

  it("expires: undecided counts as no, and a click after that too", async () => {
    const { world, paid, call } = asking();
    await world.say("pay");
    const id = call();
    world.now += limits.approvalMs;
    expect(world.drive.decide(id, alice, { approved: true, source: "chat" })).toMatchObject({
      counted: false,
      approved: false,
    });
    await world.settle();
    expect(paid).toEqual([]);
    expect(JSON.stringify(world.requests[1]?.messages.at(-1))).toContain("Nobody approved");
  });

  it("expires by itself when the wake comes", async () => {
    const { world } = asking();
    await world.say("pay");
    world.now += limits.approvalMs;
    world.drive.kick();
    await world.settle();
    expect(world.entries.some((entry) => entry.kind === "expire")).toBe(true);
    expect(world.ended.map((turn) => turn.outcome)).toEqual(["completed"]);
  });

  it("survives a crash while it waits, and one between the decision and the call", async () => {
    const { world, paid, call } = asking();
    await world.say("pay");
    world.crash();
    world.drive.kick();
    await world.settle();
    expect(world.drive.running).toBe(false);
    world.drive.decide(call(), alice, { approved: true, source: "chat" });
    world.crash();
    world.drive.kick();
    await world.settle();
    expect(world.ended.map((turn) => turn.outcome)).toEqual(["completed"]);
    // The intent was written in the same breath as the plan: cut off there, nobody knows whether it was paid.
    expect(paid.length).toBeLessThanOrEqual(1);
  });

  it("lets the round's other tools run meanwhile", async () => {
    const { world, call } = asking([
      says("", [
        { name: "look", input: {} },
        { name: "pay", input: {} },
      ]),
      says("done"),
    ]);
    await world.say("look and pay");
    expect(plain(world.messages().at(-1))).toBe("[look:output-available][pay:approval-requested]");
    world.drive.decide(call(), alice, { approved: true, source: "chat" });
    await world.settle();
    expect(plain(world.messages().at(-1))).toBe("[look:output-available][pay:output-available]done");
  });

  it("can be stopped: the question goes with the turn, and what waits behind it goes on", async () => {
    const { world, paid } = asking([says("", [{ name: "pay", input: {} }]), says("next")]);
    await world.say("pay");
    world.drive.accept(world.input("and then?"));
    expect(world.state.waiting).toHaveLength(1);
    world.drive.cancel("turn1");
    await world.settle();
    expect(paid).toEqual([]);
    expect(world.ended.map((turn) => turn.outcome)).toEqual(["cancelled", "completed"]);
    expect(plain(world.messages()[1])).toBe("[pay:output-denied]");
  });
});

describe("settings that are not fresh enough to decide on a call", () => {
  it("are fetched first: nobody is asked by mistake, whichever look finds them stale", async () => {
    for (const stale of [1, 2, 3]) {
      const { world } = asking([
        says("", [
          { name: "look", input: {} },
          { name: "look", input: {} },
        ]),
        says("seen twice"),
      ]);
      world.settingsStale = stale;
      await world.say("look twice");
      expect(world.entries.some((entry) => entry.kind === "ask")).toBe(false);
      expect(world.ended.map((turn) => turn.outcome)).toEqual(["completed"]);
    }
  });
});

describe("a tool that the owner never allows", () => {
  it("is refused without a question", async () => {
    const { world, paid } = asking([says("", [{ name: "shell", input: {} }]), says("then not")]);
    await world.say("run it");
    expect(paid).toEqual([]);
    expect(plain(world.messages().at(-1))).toBe("[shell:output-denied]then not");
    expect(world.entries.some((entry) => entry.kind === "intent")).toBe(false);
  });
});

describe("a provider that gives two calls one id", () => {
  it("gets both made", async () => {
    const { world } = asking([
      says("", [
        { name: "look", input: { a: 1 }, id: "same" },
        { name: "look", input: { a: 2 }, id: "same" },
      ]),
      says("two"),
    ]);
    await world.say("look twice");
    expect(world.entries.filter((entry) => entry.kind === "intent")).toHaveLength(2);
    expect(plain(world.messages().at(-1))).toBe("[look:output-available][look:output-available]two");
  });
});

describe("an answer that storage does not take", () => {
  it("ends the turn, visibly, instead of being asked for for ever", async () => {
    const world = new World({ models: [says("too much"), hangs()] });
    world.tooLarge = (entries) => entries.some((entry) => entry.kind === "answer");
    await world.say("write a lot");
    expect(world.ended.map((turn) => [turn.outcome, turn.error?.code])).toEqual([
      ["failed", "message_too_large"],
    ]);
    expect(world.requests).toHaveLength(1);
  });
});
