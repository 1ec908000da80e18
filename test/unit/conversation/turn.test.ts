import { describe, expect, it } from "vitest";
import { hasWork } from "../../../src/actors/conversation/state.ts";
import { limits } from "../../../src/limits.ts";
import { answer, hangs, type ModelScript, plain, says, World } from "../../support/world.ts";

describe("a turn", () => {
  it("takes two commits: the input with its call, the answer with its end", async () => {
    const world = new World({ models: [says("hello tide")] });
    await world.say("hi");
    expect(world.kinds).toEqual([
      ["input", "note", "note", "call"],
      ["began", "answer", "end"],
    ]);
    expect(world.messages().map(plain)).toEqual(["hi", "hello tide"]);
    expect(world.messages()[1]?.metadata).toMatchObject({ outcome: "completed", model: "fake" });
    expect(world.settledCount).toBe(1);
  });

  it("notes a prompt once, and shows the model the whole conversation", async () => {
    const world = new World({ models: [says("one"), says("two")] });
    await world.say("first");
    await world.say("second");
    expect(world.kinds[2]).toEqual(["input", "call"]);
    expect(world.requests[1]?.messages.map((message) => message.role)).toEqual(["user", "assistant", "user"]);
  });

  it("fetches settings first when it does not know them, and loses nothing meanwhile", async () => {
    const world = new World({ models: [says("ok")] });
    world.settingsKnown = false;
    await world.say("hi");
    expect(world.kinds[0]).toEqual(["input"]);
    expect(world.messages().map(plain)).toEqual(["hi", "ok"]);
  });

  it("does not wait for ever for an actor that hangs: the wake tries again", async () => {
    const world = new World({ models: [says("ok")] });
    world.settingsKnown = false;
    world.settingsHang = true;
    await world.say("hi");
    expect(world.drive.running).toBe(false);
    expect(String(world.broken[0])).toContain("did not answer within");
    world.settingsHang = false;
    world.drive.kick();
    await world.settle();
    expect(world.messages().map(plain)).toEqual(["hi", "ok"]);
  });

  it("fails visibly when the model gives nothing", async () => {
    const world = new World({ models: [async () => answer("")] });
    await world.say("hi");
    expect(world.ended[0]).toMatchObject({ outcome: "failed", error: { code: "model_garbage" } });
  });

  it("that is given up says of a tool that ran that its outcome is unknown", async () => {
    const never = () => new Promise<never>(() => {});
    const world = new World({
      models: [says("working ", [{ name: "work", input: {} }])],
      tools: { work: { replay: "safe", run: never } },
    });
    world.drive.accept(world.input("hi"));
    await world.breathe();
    world.crash();
    world.drive.giveUp({ code: "turn_stalled", message: "again and again" });
    expect(world.ended[0]).toMatchObject({ outcome: "failed", error: { code: "turn_stalled" } });
    expect(world.messages().map(plain)).toEqual(["hi", "working [work:output-error]"]);
  });

  it("does not accept what could not be written", async () => {
    const world = new World({ models: [says("ok")] });
    world.failCommits = 1;
    expect(() => world.drive.accept(world.input("hi"))).toThrow("disk is full");
    expect(hasWork(world.state)).toBe(false);
    expect(world.state.seen.get("message:m1")).toBeUndefined();
    await world.say("again");
    expect(world.messages().map(plain)).toEqual(["again", "ok"]);
  });

  it("answers what arrived while it ran, in order", async () => {
    let release: (() => void) | undefined;
    const slow: ModelScript = async (request, emit, signal) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return says("one")(request, emit, signal);
    };
    const world = new World({ models: [slow, says("two"), says("three")] });
    world.drive.accept(world.input("a"));
    await world.breathe();
    world.drive.accept(world.input("b"));
    world.drive.accept(world.input("c"));
    expect(world.messages().map(plain)).toEqual(["a", "b", "c"]);
    release?.();
    await world.settle();
    expect(world.messages().map(plain)).toEqual(["a", "one", "b", "two", "c", "three"]);
    expect(world.requests.map((request) => request.messages.length)).toEqual([1, 3, 5]);
  });
});

describe("tools", () => {
  it("run side by side, and their results go with the next call into one commit", async () => {
    const order: string[] = [];
    const tool = (name: string) => ({
      replay: "safe" as const,
      run: async () => {
        order.push(`${name} starts`);
        await Promise.resolve();
        order.push(`${name} ends`);
        return name;
      },
    });
    const world = new World({
      models: [
        says("", [
          { name: "read", input: { path: "a" } },
          { name: "list", input: {}, id: "x" },
        ]),
        says("done"),
      ],
      tools: { read: tool("read"), list: tool("list") },
    });
    await world.say("look");
    expect(order.slice(0, 2)).toEqual(["read starts", "list starts"]);
    expect(world.kinds).toEqual([
      ["input", "note", "note", "call"],
      ["began", "answer", "intent", "intent"],
      ["result", "result", "call"],
      ["began", "answer", "end"],
    ]);
    expect(plain(world.messages()[1])).toBe("[read:output-available][list:output-available]done");
    const kinds = world.streams[0]?.chunks.map((chunk) => chunk.type);
    expect(kinds).toEqual([
      "start",
      "start-step",
      "tool-input-start",
      "tool-input-available",
      "tool-input-start",
      "tool-input-available",
      "tool-output-available",
      "tool-output-available",
      "finish-step",
      "start-step",
      "text-start",
      "text-delta",
      "text-end",
      "finish-step",
      "finish",
    ]);
  });

  it("have ids that are unique in the thread and keys that contain it", async () => {
    const keys: string[] = [];
    const tool = {
      replay: "safe" as const,
      run: async (_input: unknown, key: string) => {
        keys.push(key);
        return 1;
      },
    };
    const round = () => says("", [{ name: "read", input: {}, id: "same" }]);
    const world = new World({ models: [round(), round(), says("ok")], tools: { read: tool } });
    await world.say("go");
    expect(keys).toEqual(["alice.main:turn1_0_0", "alice.main:turn1_1_0"]);
  });

  it("are bounded: the last round gets none, so that the model has to answer", async () => {
    const rounds = Array.from({ length: limits.roundsPerTurn - 1 }, () =>
      says("", [{ name: "read", input: {} }]),
    );
    const world = new World({
      models: [...rounds, says("enough")],
      tools: { read: { replay: "safe", run: async () => 1 } },
    });
    await world.say("loop");
    expect(world.ended[0]).toMatchObject({ outcome: "completed" });
    expect(world.requests.map((request) => request.tools.length)).toEqual([
      ...Array.from({ length: limits.roundsPerTurn - 1 }, () => 1),
      0,
    ]);
  });
});

describe("a crash", () => {
  it("during a call: it is made again under the same message id", async () => {
    const world = new World({ models: [hangs("half an ans"), says("a whole answer")] });
    world.drive.accept(world.input("hi"));
    await world.breathe();
    world.crash();
    world.drive.kick();
    await world.settle();
    expect(world.messages().map(plain)).toEqual(["hi", "a whole answer"]);
    const starts = world.streams.map((stream) => stream.chunks[0]);
    expect(starts).toMatchObject([{ messageId: "a_turn1" }, { messageId: "a_turn1" }]);
    expect(world.streams.map((stream) => stream.id)).toEqual(["req1", "req1~0.2"]);
    expect(world.entries.filter((entry) => entry.kind === "end")).toHaveLength(1);
  });

  it("during a safe tool: it runs again with the same key", async () => {
    const keys: string[] = [];
    const world = new World({
      models: [says("", [{ name: "read", input: {} }]), says("ok")],
      tools: {
        read: {
          replay: "safe",
          run: (_input, key) => {
            keys.push(key);
            return keys.length === 1 ? new Promise(() => {}) : Promise.resolve("text");
          },
        },
      },
    });
    world.drive.accept(world.input("hi"));
    await world.breathe();
    world.crash();
    world.drive.kick();
    await world.settle();
    expect(keys).toEqual(["alice.main:turn1_0_0", "alice.main:turn1_0_0"]);
    expect(world.ended[0]).toMatchObject({ outcome: "completed" });
  });

  it("during an unsafe tool: it never runs again, and the model and the reader are told", async () => {
    let runs = 0;
    const world = new World({
      models: [says("", [{ name: "pay", input: {} }]), says("I do not know whether it was paid.")],
      tools: {
        pay: {
          replay: "unsafe",
          run: () => {
            runs++;
            return new Promise(() => {});
          },
        },
      },
    });
    world.drive.accept(world.input("pay"));
    await world.breathe();
    world.crash();
    world.drive.kick();
    await world.settle();
    expect(runs).toBe(1);
    expect(plain(world.messages()[1])).toBe("[pay:output-error]I do not know whether it was paid.");
    const told = JSON.stringify(world.requests[1]?.messages.at(-1));
    expect(told).toContain("outcome is unknown");
  });

  it("after an answer with tools: the tools run, the model is not asked twice", async () => {
    const world = new World({
      models: [says("", [{ name: "read", input: {} }]), says("ok")],
      tools: { read: { replay: "safe", run: async () => 1 } },
    });
    world.drive.accept(world.input("hi"));
    await world.settle();
    const cut = world.commits.findIndex((commit) => commit.some((entry) => entry.kind === "intent"));
    world.commits.splice(cut + 1);
    const again = new World({
      models: [says("ok")],
      tools: { read: { replay: "safe", run: async () => 1 } },
    });
    again.commits.push(...world.commits);
    again.crash();
    again.drive.kick();
    await again.settle();
    expect(again.ended[0]).toMatchObject({ outcome: "completed" });
    expect(again.requests).toHaveLength(1);
  });
});

describe("stop", () => {
  it("ends a turn at once, keeps what was said, and lets nothing late in", async () => {
    const world = new World({ models: [hangs("as far as I "), says("next")] });
    world.drive.accept(world.input("hi"));
    await world.breathe();
    expect(world.drive.cancel("req1")).toBe(true);
    expect(world.ended[0]).toMatchObject({ id: "turn1", outcome: "cancelled" });
    await world.settle();
    expect(world.messages().map(plain)).toEqual(["hi", "as far as I "]);
    expect(world.drive.cancel("req1")).toBe(false);
    await world.say("go on");
    expect(world.messages().map(plain)).toEqual(["hi", "as far as I ", "go on", "next"]);
  });

  it("of a message that waits takes it out of the line and leaves it readable", async () => {
    const world = new World({ models: [hangs("one"), says("three")] });
    world.drive.accept(world.input("a"));
    await world.breathe();
    world.drive.accept(world.input("b"));
    world.drive.accept(world.input("c"));
    world.drive.cancel("req2");
    world.drive.cancel("req1");
    await world.settle();
    expect(world.messages().map(plain)).toEqual(["a", "one", "b", "", "c", "three"]);
    expect(world.messages()[3]?.metadata?.outcome).toBe("cancelled");
  });

  it("during a tool: its late result is kept and changes nothing", async () => {
    let finish: ((value: string) => void) | undefined;
    const world = new World({
      models: [says("", [{ name: "slow", input: {} }])],
      tools: {
        slow: {
          replay: "safe",
          run: () =>
            new Promise((resolve) => {
              finish = resolve;
            }),
        },
      },
    });
    world.drive.accept(world.input("hi"));
    await world.breathe();
    world.drive.cancel("turn1");
    finish?.("late");
    await world.settle();
    expect(plain(world.messages()[1])).toBe("[slow:output-error]");
    expect(world.entries.at(-1)).toMatchObject({ kind: "result", late: true, output: "late" });
    expect(world.ended).toHaveLength(1);
  });
});

describe("regenerate", () => {
  it("replaces the answer, and the model does not see the old one", async () => {
    const world = new World({ models: [says("one"), says("two"), says("better")] });
    await world.say("a");
    await world.say("b");
    await world.say("", { messages: [], keys: ["request:r"], regenerate: "m1" });
    expect(world.messages().map(plain)).toEqual(["a", "better"]);
    expect(world.requests[2]?.messages).toHaveLength(1);
    expect(world.entries.filter((entry) => entry.kind === "answer")).toHaveLength(3);
  });
});

describe("what streams", () => {
  it("the first words go at once, the rest at most once a window, every byte exactly once", async () => {
    const words = Array.from({ length: 500 }, (_, i) => `word${i} `).join("");
    const world = new World({ models: [says(words)] });
    await world.say("hi");
    const deltas = world.streams[0]?.chunks.filter((chunk) => chunk.type === "text-delta") ?? [];
    expect(deltas[0]).toMatchObject({ delta: "word0 " });
    expect(deltas.length).toBeLessThan(5);
    expect(deltas.map((chunk) => ("delta" in chunk ? chunk.delta : "")).join("")).toBe(words);
  });

  it("a long answer is flushed for readers who come after a restart", async () => {
    const world = new World({ models: [hangs("so far")] });
    world.drive.accept(world.input("hi"));
    await world.breathe();
    await world.advance(limits.flushAfterMs - 1);
    expect(world.partial).toBeNull();
    await world.advance(1);
    expect(world.partial).toMatchObject({ turn: "turn1", parts: [{ type: "text", text: "so far" }] });
  });
});
