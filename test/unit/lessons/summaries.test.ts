/** A summary never takes anything away, and what is taken back while it is being made is not in it. */
import { describe, expect, it } from "vitest";
import { limits } from "../../../src/limits.ts";
import { answer, type ModelScript, plain, says, World } from "../../support/world.ts";

/** Three of these outweigh what may stand without a summary. */
const LONG = Math.ceil((limits.windowTokens * 4 * limits.compactAtShare) / 3);
const text = (n: number): string => `question ${n}: `.padEnd(LONG, "lorem ");
const SUMMARY = "The summary of what was asked.";
const BY = { id: "alice", name: "alice@example.com" };

/** A model that has heard of no signal: it says its summary when it is let, whatever happened meanwhile. */
function deaf() {
  let say = () => {};
  const script: ModelScript = () => new Promise((resolve) => (say = () => resolve(answer(SUMMARY))));
  return { script, say: () => say() };
}
/** One that stops when it is told to. */
const obedient: ModelScript = (_request, _emit, signal) =>
  new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));

/** Three long exchanges, and the summary of the oldest under way. */
async function summingUp(model: ModelScript, ...then: ModelScript[]): Promise<World> {
  const world = new World({ models: [says("one"), says("two"), says("three"), model, ...then] });
  await world.say(text(1));
  await world.say(text(2));
  world.drive.accept(world.input(text(3)));
  for (let i = 0; i < 20 && world.requests.length < 4; i++) await world.breathe();
  expect(JSON.stringify(world.requests[3]?.messages)).toContain("Write the summary.");
  expect(world.drive.running).toBe(true);
  return world;
}
const asked = (world: World): string => JSON.stringify(world.requests.at(-1)?.messages);

describe("a summary", () => {
  it("leaves every entry and every message as they were", async () => {
    const model = deaf();
    const world = await summingUp(model.script);
    const before = { entries: [...world.entries], messages: world.messages().map(plain) };
    model.say();
    await world.settle();
    expect(world.entries.map(({ kind }) => kind).slice(before.entries.length)).toEqual(["compact"]);
    expect(world.entries.slice(0, before.entries.length)).toEqual(before.entries);
    expect(world.messages().map(plain)).toEqual(before.messages);
    world.crash();
    expect(world.messages().map(plain)).toEqual(before.messages);
  });
});

describe("what is taken back while it is being summed up", () => {
  it.each(["obedient", "deaf"])(
    "the newest exchange is gone, and the rest is whole (%s model)",
    async (kind) => {
      const model = deaf();
      const world = await summingUp(kind === "deaf" ? model.script : obedient, says("four"));
      world.commit([{ kind: "undo", at: world.now, scope: "last", by: BY }]);
      world.drive.dropSpare();
      model.say();
      await world.breathe();
      expect(world.drive.running).toBe(false);
      expect(world.messages().map(plain)).toEqual([text(1), "one", text(2), "two"]);
      await world.say("and now?");
      expect(asked(world)).toContain("and now?");
      expect(asked(world)).not.toContain("question 3");
      expect(world.ended.at(-1)?.outcome).toBe("completed");
    },
  );

  it.each(["obedient", "deaf"])("everything is gone, the summary too (%s model)", async (kind) => {
    const model = deaf();
    const world = await summingUp(kind === "deaf" ? model.script : obedient, says("fresh"));
    world.commit([{ kind: "undo", at: world.now, scope: "all", by: BY }]);
    world.drive.accept(world.input("hello again"));
    model.say();
    await world.settle();
    expect(world.messages().map(plain)).toEqual(["hello again", "fresh"]);
    expect(asked(world)).not.toContain(SUMMARY);
    expect(asked(world)).not.toContain("question");
  });

  it.each(["obedient", "deaf"])(
    "a message that is said differently takes its summary along (%s model)",
    async (kind) => {
      const model = deaf();
      const world = await summingUp(kind === "deaf" ? model.script : obedient, says("better"));
      world.drive.accept(world.input("another first question", { replaces: "m1" }));
      model.say();
      await world.settle();
      expect(world.messages().map(plain)).toEqual(["another first question", "better"]);
      expect(asked(world)).not.toContain(SUMMARY);
      expect(asked(world)).not.toContain("question 1");
      world.crash();
      expect(world.messages().map(plain)).toEqual(["another first question", "better"]);
    },
  );
});
