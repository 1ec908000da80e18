import { describe, expect, it } from "vitest";
import { compactionDue } from "../../../src/actors/conversation/compact.ts";
import { compact } from "../../../src/actors/conversation/compaction.ts";
import { Existence } from "../../../src/actors/conversation/delete.ts";
import { limits } from "../../../src/limits.ts";
import { told } from "../../support/told.ts";

const never = <T>(): Promise<T> => new Promise<T>(() => {});

/** A clock whose timers fire when they are told to. */
function timers() {
  const waiting: { ms: number; run: () => void }[] = [];
  const after = (ms: number, run: () => void) => {
    const timer = { ms, run };
    waiting.push(timer);
    return () => void waiting.splice(waiting.indexOf(timer) >>> 0, 1);
  };
  return { waiting, after };
}

describe("an actor that takes a question and never answers", () => {
  it("does not hold up a summary: the conversation goes on without one", async () => {
    const clock = timers();
    const story = told(200, 400);
    const covered = compactionDue(story.state, 1_000)?.covered ?? 0;
    expect(covered).toBeGreaterThan(0);
    const done = compact(
      {
        model: { call: () => never() },
        now: () => story.at(),
        after: clock.after,
        state: () => story.state,
        settings: () => ({
          agent: { version: 1, name: "", instructions: "", model: "", timeZone: "UTC", toolRisks: {} },
          model: "fake/model",
          compactModel: "",
          userId: "u",
          thread: "t",
        }),
        price: () => 0,
        reserve: () => ({ ok: false, needs: "lease" }),
        lease: () => never(),
        commit: () => {},
      },
      covered,
      new AbortController(),
    );
    expect(clock.waiting.map(({ ms }) => ms)).toEqual([limits.askWithinMs]);
    clock.waiting[0]?.run();
    expect(await done).toMatchObject([{ kind: "note", topic: "compact-failed" }]);
  });

  it("does not hold up a new chat: whoever asked is told, and may ask again", async () => {
    const clock = timers();
    let hangs = true;
    const existence = new Existence({
      storage: { sql: { exec: () => ({ toArray: () => [] }) } } as unknown as DurableObjectStorage,
      start: async () => {},
      deleted: () => (hangs ? never() : Promise.resolve(false)),
      after: clock.after,
      copying: () => false,
      stop: () => {},
      disarm: async () => {},
    });
    const asked = existence.begin();
    clock.waiting[0]?.run();
    await expect(asked).rejects.toThrow("The list of chats did not answer");
    hangs = false;
    await existence.begin();
  });
});
