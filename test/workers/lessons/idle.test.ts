/** A chat in which nobody says anything costs nothing, and a run that kills its process costs a bounded number of calls. */
import { env, evictDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { limits } from "../../../src/limits.ts";
import { PING, PONG } from "../../../src/protocol/frames.ts";
import { countOf, crash, deliver, kept, settled } from "../../campaigns/alarms/story.ts";
import { connect, isDone, messagesOf, scriptModel, stubOf, textOf } from "../../support/chat.ts";
import {
  add,
  comes,
  EVERY_FIVE,
  list,
  PATIENCE,
  realTime,
  silent,
  WITHIN_MS,
} from "../../support/schedules.ts";
import { migrateCatalog } from "../router/support/app.ts";

beforeAll(() => migrateCatalog(env.CATALOG));
afterEach(realTime);

/** How often the model was asked in a chat. */
async function callsIn(thread: string): Promise<number> {
  const response = await fetch("http://127.0.0.1:9/_test/requests");
  const { requests } = (await response.json()) as { requests: { metadata: { thread?: string } }[] }; // the gateway's log
  return requests.filter(({ metadata }) => metadata.thread === thread).length;
}

const DAY_MS = 24 * 60 * 60 * 1000;

describe("a chat that is looked at for weeks", { timeout: WITHIN_MS }, () => {
  it("asks the model nothing, writes nothing and sets no alarm", async () => {
    await scriptModel([{ match: "the only question", steps: [{ text: "the only answer" }] }]);
    const chat = await connect("idle", { console: true });
    chat.ask("r1", "m1", "the only question");
    await chat.until(isDone("r1"));
    const after = await settled("idle");
    expect(await callsIn("idle")).toBe(1);
    const start = Date.now();
    for (let day = 1; day <= 28; day++) {
      vi.useFakeTimers({ toFake: ["Date"], now: start + day * DAY_MS });
      const heard = chat.frames.length;
      chat.send(PING);
      await vi.waitFor(() => expect(chat.frames.slice(heard)).toContainEqual(JSON.parse(PONG)), PATIENCE);
      if (day % 7 === 0) {
        // It is reloaded, its object starts anew, and an alarm comes that nobody set.
        await evictDurableObject(stubOf("idle"));
        const again = await connect("idle", { console: true });
        expect((await messagesOf("idle", again)).map(textOf)).toEqual([
          "the only question",
          "the only answer",
        ]);
        again.close();
        await deliver("idle");
      }
    }
    const now = await settled("idle");
    expect(now.entries).toEqual(after.entries);
    expect(await callsIn("idle")).toBe(1);
  });
});

describe("a recurring run that kills its process each time", { timeout: WITHIN_MS * 3 }, () => {
  it("is one run and a bounded number of calls, and the next one waits for its time", async () => {
    const most = limits.wakesWithoutProgress + 2;
    await scriptModel([{ match: "look again", steps: Array.from({ length: 3 * most }, () => silent) }]);
    const made = await add("deadly", EVERY_FIVE);
    const first = await comes("deadly");
    const began = Date.now();
    let wakes = 0;
    const ends = async () => countOf(await kept("deadly"), "end");
    while ((await ends()) === 0 && wakes < 50) {
      await vi.waitFor(async () => expect(countOf(await kept("deadly"), "call")).toBe(wakes + 1), PATIENCE);
      await crash("deadly");
      wakes++;
      vi.setSystemTime(began + wakes * limits.wakeMs);
      await deliver("deadly");
      // Either it was asked again, or it was given up.
      await vi.waitFor(async () => {
        const now = await kept("deadly");
        expect(countOf(now, "call") + countOf(now, "end")).toBeGreaterThan(wakes);
      }, PATIENCE);
    }
    const given = await kept("deadly");
    expect(given.entries.find(({ kind }) => kind === "end")).toMatchObject({
      outcome: "failed",
      error: { code: "turn_stalled" },
    });
    expect(countOf(given, "call")).toBeLessThanOrEqual(most);
    expect(countOf(given, "input")).toBe(1);

    // However often it is started again before the next occurrence, nothing more is asked.
    const [known] = await list("deadly");
    expect(known?.id).toBe(made.id);
    expect(known?.nextAt).toBeGreaterThan(first);
    expect(known?.nextAt).toBeGreaterThan(Date.now());
    for (let start = 0; start < 20; start++) {
      await crash("deadly");
      await deliver("deadly");
    }
    const after = await kept("deadly");
    expect([countOf(after, "input"), countOf(after, "call")]).toEqual([1, countOf(given, "call")]);
    await crash("deadly");
  });
});
