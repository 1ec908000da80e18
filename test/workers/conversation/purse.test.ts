import { env, runInDurableObject } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { userStub } from "../../../src/env.ts";
import { limits } from "../../../src/limits.ts";
import { ALICE, connect, isDone, scriptModel, stubOf } from "../../support/chat.ts";
import { migrateCatalog } from "../router/support/app.ts";

/** Priced by the tests' deployment: 3 dollars a million tokens of input, 250 of output. */
const PRICED = "demo/priced";
/** 16,000 tokens at 250 dollars a million. */
const FULL_ANSWER_MICROS = 4_000_000;

beforeAll(() => migrateCatalog(env.CATALOG));

const user = () => userStub(env, ALICE.userId);
const entriesOf = (thread: string, kind: string) =>
  runInDurableObject(stubOf(thread), (_instance, state) =>
    state.storage.sql
      .exec<{ heads: string; bodies: string }>("SELECT heads, bodies FROM journal ORDER BY seq")
      .toArray()
      .flatMap(({ heads, bodies }) => {
        const payloads = JSON.parse(bodies) as [string, string][];
        return (JSON.parse(heads) as [number, string][]).flatMap((head, i) =>
          head[1] === kind ? [JSON.parse(payloads[i]?.[1] ?? "{}")] : [],
        );
      }),
  );

/** Says something and waits for the turn's end. */
async function say(thread: string, id: string, text: string) {
  const chat = await connect(thread);
  chat.ask(`r${id}`, `m${id}`, text);
  await chat.until(isDone(`r${id}`));
  return chat;
}

describe("a model that costs something", () => {
  beforeEach(() => user().changeSettings({ model: PRICED }));

  it("is paid by a lease, and what was not spent comes back with the end of the turn", async () => {
    await scriptModel([{ match: "one cheap question", steps: [{ text: "one two three" }] }]);
    const chat = await say("paid", "1", "one cheap question");
    expect(chat.text("r1")).toBe("one two three");
    const [lease] = await entriesOf("paid", "lease");
    const [call] = await entriesOf("paid", "call");
    const [answer] = await entriesOf("paid", "answer");
    expect(lease.micros).toBe(call.reservationMicros);
    expect(call.reservationMicros).toBeGreaterThan(FULL_ANSWER_MICROS);
    expect(answer.priceMicros).toBe(
      Math.ceil(answer.usage.inputTokens * 3 + answer.usage.outputTokens * 250),
    );
    await vi.waitFor(async () =>
      expect(await user().usage()).toMatchObject({ spentMicros: answer.priceMicros, reservedMicros: 0 }),
    );
  });

  it("ends a turn visibly when the limit is reached in its middle", async () => {
    // Each stream breaks off: nobody knows what it cost, so each costs all that was reserved for it.
    await scriptModel([
      {
        match: "a costly question",
        steps: Array.from({ length: 6 }, () => ({ cutAfterBytes: 200, text: "no end" })),
      },
    ]);
    const chat = await say("costly", "2", "a costly question");
    const calls = await entriesOf("costly", "call");
    expect(calls.length).toBeGreaterThanOrEqual(2);
    expect(calls[1].maxOutputTokens).toBeLessThan(limits.maxOutputTokens);
    const [end] = await entriesOf("costly", "end");
    expect(end).toMatchObject({ outcome: "failed", error: { code: "budget_exceeded" } });
    expect(JSON.stringify(chat.frames)).toContain("Today's limit of $5.00");
    await vi.waitFor(async () => {
      const { spentMicros, reservedMicros, limitMicros } = await user().usage();
      expect(reservedMicros).toBe(0);
      expect(spentMicros).toBeGreaterThan(FULL_ANSWER_MICROS);
      expect(spentMicros).toBeLessThanOrEqual(limitMicros ?? 0);
    });
  });

  it("refuses the next question in another chat too, before a call is made", async () => {
    await say("another", "3", "may I ask");
    expect(await entriesOf("another", "call")).toEqual([]);
    expect((await entriesOf("another", "end"))[0]).toMatchObject({ error: { code: "budget_exceeded" } });
  });
});

describe("a user without a real model", () => {
  it("is answered by the demo model, limit or not, and nothing is counted", async () => {
    await user().changeSettings({ model: "" });
    const before = await user().usage();
    await scriptModel([{ match: "a free question", steps: [{ text: "free" }] }]);
    const chat = await say("free", "4", "a free question");
    expect(chat.text("r4")).toBe("free");
    expect(await entriesOf("free", "lease")).toEqual([]);
    expect((await entriesOf("free", "call"))[0]).toMatchObject({ reservationMicros: 0 });
    const after = await user().usage();
    expect([after.spentMicros, after.tokens]).toEqual([before.spentMicros, before.tokens]);
  });
});
