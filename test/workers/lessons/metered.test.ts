/** Every call of a model that costs something is counted, whoever or whatever asked for it. */
import { env } from "cloudflare:test";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Entry } from "../../../src/actors/conversation/entries.ts";
import { limits } from "../../../src/limits.ts";
import { countOf, deliver, kept, send } from "../../campaigns/alarms/story.ts";
import { BY, connect, isDone, scriptModel } from "../../support/chat.ts";
import { add, chatOf, ended, PATIENCE, passed, realTime, user, WITHIN_MS } from "../../support/schedules.ts";
import { migrateCatalog } from "../router/support/app.ts";

/** Priced by the tests' deployment: 3 dollars a million tokens of input, 250 of output. */
const PRICED = "demo/priced";

beforeAll(() => migrateCatalog(env.CATALOG));
beforeEach(() => user().changeSettings({ model: PRICED }, BY));
afterEach(realTime);

type Priced = Extract<Entry, { priceMicros: number }>;
const priceOf = async (thread: string): Promise<number> =>
  (await kept(thread)).entries.reduce(
    (sum, entry) => sum + ((entry as unknown as Priced).priceMicros ?? 0),
    0,
  ); // entries of the journal

/** What a chat did since was paid for, to the last micro-dollar. */
async function paid(before: number, micros: number): Promise<void> {
  expect(micros).toBeGreaterThan(0);
  await vi.waitFor(async () => expect((await user().usage()).spentMicros - before).toBe(micros), PATIENCE);
}
const spent = async () => (await user().usage()).spentMicros;

describe("a turn that nobody watches", { timeout: WITHIN_MS }, () => {
  it("is counted when a schedule asked for it", async () => {
    const before = await spent();
    await scriptModel([{ match: "water the plants", steps: [{ text: "Water them." }] }]);
    const made = await add("metered-schedule", { text: "water the plants", in: "1 minute" });
    await passed("metered-schedule", made.id, 0);
    await deliver("metered-schedule");
    await ended("metered-schedule", 1);
    await paid(before, await priceOf("metered-schedule"));
  });

  it("is counted when a program sent it", async () => {
    const before = await spent();
    await scriptModel([{ match: "from a program", steps: [{ text: "Noted." }] }]);
    await send("metered-program", "from a program");
    await ended("metered-program", 1);
    await paid(before, await priceOf("metered-program"));
  });

  it("is counted for each of its calls, those of tool rounds too", async () => {
    const before = await spent();
    const look = { name: "list", input: { path: "" } };
    await scriptModel([
      { match: "look around", steps: [{ text: "", tools: [look] }, { text: "All there." }] },
    ]);
    await send("metered-tools", "look around");
    await ended("metered-tools", 1);
    const { entries } = await kept("metered-tools");
    const answers = entries.filter(({ kind }) => kind === "answer");
    expect(answers).toHaveLength(2);
    for (const answer of answers) expect(answer.priceMicros).toBeGreaterThan(0);
    await paid(before, await priceOf("metered-tools"));
  });

  it("is counted when it made a summary", async () => {
    const before = await spent();
    const long = Math.ceil((limits.windowTokens * 4 * limits.compactAtShare) / 3);
    await scriptModel([{ match: "Write the summary.", steps: [{ text: "Much was said." }] }]);
    for (const n of [1, 2, 3]) {
      await scriptModel([{ match: `metered ${n}:`, steps: [{ text: `noted ${n}` }] }]);
      await send("metered-summary", `metered ${n}: `.padEnd(long, "lorem "));
      await ended("metered-summary", n);
    }
    await vi.waitFor(async () => expect(countOf(await kept("metered-summary"), "compact")).toBe(1), PATIENCE);
    const { entries } = await kept("metered-summary");
    expect(entries.find(({ kind }) => kind === "compact")?.priceMicros).toBeGreaterThan(0);
    await paid(before, await priceOf("metered-summary"));
  });
});

describe("a call whose price nobody says any more", { timeout: WITHIN_MS }, () => {
  it("costs all that it could have cost, when a person stopped it", async () => {
    const before = await spent();
    await scriptModel([{ match: "stop me", steps: [{ stallAfterTokens: 3, text: "word ".repeat(50) }] }]);
    const chat = await connect("metered-stop");
    chat.ask("r1", "m1", "stop me");
    await chat.until((frame) => JSON.stringify(frame).includes("text-delta"));
    const call = (await kept("metered-stop")).entries.find(({ kind }) => kind === "call");
    expect(await chatOf("metered-stop").stop()).toBe(true);
    await chat.until(isDone("r1"));
    await paid(before, Number(call?.reservationMicros));
    chat.close();
  });

  it("costs nothing when the provider refused it, a summary too", async () => {
    const before = await spent();
    const long = Math.ceil((limits.windowTokens * 4 * limits.compactAtShare) / 3);
    await scriptModel([
      { match: "Write the summary.", steps: [{ status: 400, body: { error: { message: "no" } } }] },
    ]);
    for (const n of [1, 2, 3]) {
      await scriptModel([{ match: `refused ${n}:`, steps: [{ text: `noted ${n}` }] }]);
      await send("metered-refused", `refused ${n}: `.padEnd(long, "lorem "));
      await ended("metered-refused", n);
    }
    const fault = async () =>
      (await kept("metered-refused")).entries.find(
        ({ kind, turn }) => kind === "fault" && String(turn).startsWith("compact-"),
      );
    await vi.waitFor(async () => expect(await fault()).toMatchObject({ unbilled: true }), PATIENCE);
    await paid(before, await priceOf("metered-refused"));
  });
});
