/** The scripted runs behind the golden journals: one for each thing that a journal can tell. */
import { ModelError } from "../../src/model/errors.ts";
import { hangs, says, World } from "../support/world.ts";

const BOB = { id: "bob", name: "bob@example.com" };

const files = {
  read: { replay: "safe" as const, run: async () => ({ text: "high tide at 06:12" }) },
  write: { replay: "unsafe" as const, run: async () => ({ path: "notes.txt", bytes: 12 }) },
};
const asking = {
  ...files,
  write: { ...files.write, risk: "ask" as const },
  delete: { replay: "unsafe" as const, risk: "deny" as const, run: async () => ({}) },
};

const failing = async () => {
  throw new ModelError("model_failed", "The provider is down.", { retryable: true });
};

const refusing = async () => {
  throw new ModelError("model_unknown", "There is no such model.", { retryable: false });
};

/** The id of the tool call that waits for a person. */
const waiting = (world: World): string =>
  world.state.active?.rounds.at(-1)?.asks.find((ask) => ask.decision === null)?.id ?? "";

export const STORIES: Readonly<Record<string, () => Promise<World>>> = {
  async plain() {
    const world = new World({ models: [says("High tide is at 06:12."), says("And low tide at 12:31.")] });
    await world.say("When is high tide?");
    await world.say("And low tide?");
    return world;
  },

  async tools() {
    const world = new World({
      models: [
        says("I look. ", [
          { name: "read", input: { path: "tides.txt" }, id: "a" },
          { name: "read", input: { path: "more.txt" }, id: "b" },
        ]),
        says("I note it down. ", [{ name: "write", input: { path: "notes.txt", text: "06:12" } }]),
        says("Done: 06:12."),
      ],
      tools: files,
    });
    await world.say("Look up the tide and note it down.");
    return world;
  },

  async failure() {
    const world = new World({
      models: [
        failing,
        says("Here I am again."),
        refusing,
        says("", [{ name: "nothing", input: {} }]),
        says("There is no such tool."),
      ],
      tools: files,
    });
    await world.say("Are you there?");
    await world.say("And now?");
    await world.say("Use a tool that does not exist.");
    return world;
  },

  async interrupted() {
    const world = new World({
      models: [
        says("I write. ", [{ name: "write", input: { path: "a", text: "b" } }]),
        says("I cannot tell whether it was written."),
      ],
      tools: { write: { replay: "unsafe", run: () => new Promise(() => {}) } },
    });
    world.drive.accept(world.input("Write it."));
    await world.breathe();
    world.crash();
    world.drive.kick();
    await world.settle();
    return world;
  },

  async cancel() {
    const world = new World({ models: [hangs("I think that "), says("Yes.")] });
    world.drive.accept(world.input("Think for long."));
    await world.breathe();
    world.drive.accept(world.input("This waits, and is taken back."));
    world.drive.cancel("turn2");
    world.drive.cancel("turn1");
    await world.settle();
    await world.say("Are you done?");
    return world;
  },

  async queue() {
    const world = new World({ models: [hangs("one"), says("two"), says("three")] });
    world.drive.accept(world.input("First."));
    await world.breathe();
    world.drive.accept(world.input("Secnod."));
    world.drive.accept(world.input("Third."));
    world.drive.accept(world.input("Fourth, never asked."));
    const by = { id: "alice", name: "alice@example.com" };
    world.drive.amend("m2", by, { action: "edit", parts: [{ type: "text", text: "Second." }] });
    world.drive.amend("m4", by, { action: "delete" });
    world.drive.cancel("turn1");
    await world.settle();
    return world;
  },

  async regenerate() {
    const world = new World({ models: [says("A guess."), says("A better answer."), says("Thank you.")] });
    await world.say("What is it?");
    await world.say("", { messages: [], keys: ["request:again"], regenerate: "m1" });
    await world.say("Good.");
    return world;
  },

  async resend() {
    const world = new World({ models: [says("Mon."), says("One more."), says("Tuesday.")] });
    await world.say("Which day?");
    await world.say("Another?");
    await world.say("Which day, in full?", { replaces: "m1" });
    return world;
  },

  async undo() {
    const world = new World({ models: [says("One."), says("Two."), says("Three.")] });
    const by = { id: "alice", name: "alice@example.com" };
    await world.say("First?");
    await world.say("Second?");
    world.commit([{ kind: "undo", at: world.now, scope: "last", by }]);
    await world.say("Third?");
    world.commit([{ kind: "undo", at: world.now, scope: "all", by }]);
    return world;
  },

  async approvals() {
    const world = new World({
      models: [
        says("May I? ", [
          { name: "write", input: { path: "a" }, id: "w" },
          { name: "delete", input: { path: "b" }, id: "d" },
        ]),
        says("Once more? ", [{ name: "write", input: { path: "c" }, id: "w" }]),
        says("And this? ", [{ name: "write", input: { path: "e" }, id: "w" }]),
        says("I did what I may."),
      ],
      tools: asking,
    });
    await world.say("Change some files.");
    world.drive.decide(waiting(world), BOB, { approved: true, source: "chat" });
    await world.settle();
    world.drive.decide(waiting(world), BOB, { approved: false, source: "http", comment: "not this one" });
    await world.settle();
    world.now += 25 * 60 * 60 * 1000;
    world.drive.kick();
    await world.settle();
    return world;
  },

  async steer() {
    const world = new World({
      models: [
        async (request, emit, signal) => {
          world.drive.accept(
            world.input("By train, please.", { turn: world.state.active?.id ?? "", joins: "steer" }),
          );
          return says("I look for flights. ", [{ name: "read", input: { path: "flights" } }])(
            request,
            emit,
            signal,
          );
        },
        says("There is a train at 9."),
      ],
      tools: files,
    });
    await world.say("How do I get to the sea?");
    return world;
  },

  async burst() {
    const world = new World({ models: [says("Hello to both.")] });
    const until = world.now + 600;
    world.drive.accept(world.input("Hello", { source: "telegram", holdUntil: until }));
    world.drive.accept(
      world.input("again", { source: "telegram", turn: "turn1", joins: "burst", holdUntil: until }),
    );
    await world.settle();
    return world;
  },

  async compaction() {
    const long = "The sea is wide and the tide is slow. ".repeat(1_500);
    const world = new World({
      models: [
        ...Array.from({ length: 6 }, () => says("Noted.")),
        says("They talked about the sea."),
        says("About the sea."),
      ],
    });
    for (let i = 1; i <= 6; i++) await world.say(`${i}: ${long}`);
    await world.say("What did we talk about?");
    return world;
  },

  async fork() {
    const world = new World({ models: [says("One."), hangs("Two"), says("Elsewhere.")], tools: files });
    await world.say("First?");
    world.drive.accept(world.input("Second?"));
    await world.breathe();
    world.drive.accept(world.input("Third?"));
    // The copy: memory is another's, and what ran is not gone on with.
    world.commit([{ kind: "fork", at: world.now, from: "alice.other", seq: world.state.seq, by: BOB }]);
    world.crash();
    await world.say("Where are we?");
    return world;
  },
};
