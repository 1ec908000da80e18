import { describe, expect, it } from "vitest";
import { systemPrompt, windowOf } from "../../../src/actors/conversation/memory.ts";
import { says, World } from "../../support/world.ts";

async function conversation(turns: number, chars: number): Promise<World> {
  const world = new World({
    models: Array.from({ length: turns }, (_, i) => says(`answer ${i} ${"x".repeat(chars)}`)),
  });
  for (let i = 0; i < turns; i++) await world.say(`question ${i}`);
  return world;
}

describe("the window", () => {
  it("holds everything while it fits", async () => {
    const world = await conversation(10, 10);
    expect(windowOf(world.state, 10_000).messages).toHaveLength(20);
  });

  it("begins with a question and stays within its budget", async () => {
    const world = await conversation(60, 400);
    const window = windowOf(world.state, 2_000);
    expect(window.messages[0]?.role).toBe("user");
    expect(JSON.stringify(window.messages.map((message) => message.content)).length).toBeLessThan(
      2_000 * 4 * 1.5,
    );
    expect(JSON.stringify(window.messages.at(-1))).toContain("answer 59");
  });

  it("moves its beginning in steps, so that a prompt cache survives most turns", async () => {
    const world = new World({
      models: Array.from({ length: 80 }, (_, i) => says(`answer ${i} ${"x".repeat(400)}`)),
    });
    const firsts = new Set<string>();
    for (let i = 0; i < 80; i++) {
      await world.say(`question ${i}`);
      firsts.add(JSON.stringify(windowOf(world.state, 2_000).messages[0]));
    }
    expect(firsts.size).toBeGreaterThan(2);
    expect(firsts.size).toBeLessThan(25);
  });

  it("is the same for the same journal, and another for another", async () => {
    const one = await conversation(5, 10);
    const same = await conversation(5, 10);
    const other = await conversation(5, 11);
    expect(windowOf(one.state, 10_000).hash).toBe(windowOf(same.state, 10_000).hash);
    expect(windowOf(one.state, 10_000).hash).not.toBe(windowOf(other.state, 10_000).hash);
    const calls = (world: World) =>
      world.entries.flatMap((entry) => (entry.kind === "call" ? [entry.fingerprint] : []));
    expect(calls(one)).toEqual(calls(same));
    expect(calls(one)[1]).not.toBe(calls(other)[1]);
  });

  it("costs for a new turn the same after many turns as after few", async () => {
    const world = await conversation(300, 50);
    const before = windowOf(world.state, 1_000).messages.length;
    expect(before).toBeLessThan(120);
  });
});

describe("the system prompt", () => {
  it("names the agent and its owner, holds the instructions, and changes once a day", () => {
    const settings = { name: "Nori", instructions: "Be brief.", model: "", version: 1 };
    const morning = systemPrompt(settings, "alice@example.com", Date.UTC(2026, 10, 23, 8));
    const evening = systemPrompt(settings, "alice@example.com", Date.UTC(2026, 10, 23, 20));
    expect(morning).toBe(evening);
    expect(morning).toContain("You are Nori");
    expect(morning).toContain("alice@example.com");
    expect(morning).toContain("Be brief.");
    expect(systemPrompt(settings, "alice@example.com", Date.UTC(2026, 10, 24, 8))).not.toBe(morning);
  });
});
