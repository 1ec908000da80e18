/** What a conversation believes of its user's settings, and when it asks. */
import { describe, expect, it } from "vitest";
import { SettingsCache } from "../../../src/actors/conversation/settings.ts";
import type { AgentSettings } from "../../../src/protocol/rpc.ts";

const settings = (version: number, name = "Tide"): AgentSettings => ({
  ...{ name, instructions: "", model: "", timeZone: "UTC", toolRisks: {}, version },
});

function cache(answers: AgentSettings[]) {
  const clock = { now: 1_000 };
  let asked = 0;
  const made = new SettingsCache({
    load: async () => {
      const answer = answers[asked++];
      if (!answer) throw new Error("the user actor does not answer");
      return answer;
    },
    now: () => clock.now,
    after: () => () => {},
    ttlMs: 60_000,
  });
  return { made, clock, asked: () => asked };
}

describe("the settings that a conversation knows", () => {
  it("are believed for a while, then asked for again", async () => {
    const { made, clock } = cache([settings(1)]);
    expect(made.current()).toBeNull();
    await made.load();
    expect(made.current()?.version).toBe(1);
    clock.now += 60_000;
    expect(made.current()).toBeNull();
  });

  it("are not taken from a copy that comes late", async () => {
    const { made } = cache([settings(2, "new")]);
    await made.load();
    made.put(settings(1, "old"));
    expect(made.current()?.name).toBe("new");
  });

  it("serve on when they cannot be fetched", async () => {
    const { made, clock } = cache([settings(1)]);
    await made.load();
    clock.now += 60_000;
    await made.load();
    expect(made.current()?.version).toBe(1);
  });

  it("that were restored to an older state are asked for once, not without an end", async () => {
    const { made, clock, asked } = cache([settings(5), settings(3)]);
    await made.load();
    clock.now += 1_000;
    const since = clock.now;
    await made.load();
    expect(asked()).toBe(2);
    // What plans a tool call wants settings that are no older than the call.
    expect(made.current(since)).not.toBeNull();
  });
});

it("a fetch that hangs is given up, and the next one is a new one", async () => {
  let ring = () => {};
  let asked = 0;
  const made = new SettingsCache({
    load: () => (++asked === 1 ? new Promise(() => {}) : Promise.resolve(settings(2))),
    now: () => 1_000,
    after: (_ms, run) => {
      ring = run;
      return () => {};
    },
    ttlMs: 60_000,
  });
  const first = made.load();
  ring();
  await expect(first).rejects.toThrow("did not answer within");
  await made.load();
  expect(made.current()?.version).toBe(2);
});
