import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { User } from "../../../src/actors/user/actor.ts";
import { conversationStub, userStub } from "../../../src/env.ts";
import { limits } from "../../../src/limits.ts";
import { conversationName } from "../../../src/names.ts";
import { ALICE, BY, connect, isDone, scriptModel, stubOf } from "../../support/chat.ts";
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

/** Kinds of the journal's entries, commit by commit. */
const commitsOf = (thread: string) =>
  runInDurableObject(stubOf(thread), (_instance, state) =>
    state.storage.sql
      .exec<{ heads: string }>("SELECT heads FROM journal ORDER BY seq")
      .toArray()
      .map(({ heads }) => (JSON.parse(heads) as [number, string][]).map(([, kind]) => kind)),
  );
const stub = (thread: string) => conversationStub(env, conversationName(ALICE.userId, thread));
const tablesOf = (state: DurableObjectState): unknown[] =>
  state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'journal'").toArray();

/** Says something and waits for the turn's end. */
async function say(thread: string, id: string, text: string) {
  const chat = await connect(thread);
  chat.ask(`r${id}`, `m${id}`, text);
  await chat.until(isDone(`r${id}`));
  return chat;
}

describe("a model that costs something", () => {
  beforeEach(() => user().changeSettings({ model: PRICED }, BY));

  it("is paid by a lease, and what was not spent stays with the chat for its next turn", async () => {
    await scriptModel([{ match: "one cheap question", steps: [{ text: "one two three" }] }]);
    const chat = await say("paid", "1", "one cheap question");
    expect(chat.text("r1")).toBe("one two three");
    const [lease] = await entriesOf("paid", "lease");
    const [call] = await entriesOf("paid", "call");
    const [answer] = await entriesOf("paid", "answer");
    expect(lease.micros).toBeGreaterThan(call.reservationMicros);
    expect(call.reservationMicros).toBeGreaterThan(FULL_ANSWER_MICROS);
    expect(answer.priceMicros).toBe(
      Math.ceil(answer.usage.inputTokens * 3 + answer.usage.outputTokens * 250),
    );
    await vi.waitFor(async () =>
      expect(await user().usage()).toMatchObject({
        spentMicros: answer.priceMicros,
        reservedMicros: lease.micros - answer.priceMicros,
      }),
    );
  });

  it("is paid out of it from the second turn on, and the user's purse is not asked", async () => {
    const leases = vi.spyOn(User.prototype, "lease");
    await scriptModel([{ match: "another cheap question", steps: [{ text: "four" }] }]);
    expect((await say("paid", "1b", "another cheap question")).text("r1b")).toBe("four");
    expect(leases).not.toHaveBeenCalled();
    expect(await entriesOf("paid", "lease")).toHaveLength(1);
    const journal = await commitsOf("paid");
    expect(journal.slice(-2)).toEqual([
      ["input", "call"],
      ["began", "answer", "end"],
    ]);
    expect((await entriesOf("paid", "end")).map(({ keeps }) => keeps)).toEqual([true, true]);
    leases.mockRestore();
  });

  it("asks once more after it slept, and finds what it holds", async () => {
    await evictDurableObject(stubOf("paid"));
    const leases = vi.spyOn(User.prototype, "lease");
    await scriptModel([{ match: "a question in the morning", steps: [{ text: "five" }] }]);
    expect((await say("paid", "1c", "a question in the morning")).text("r1c")).toBe("five");
    expect(leases).toHaveBeenCalledTimes(1);
    expect(leases.mock.calls[0]?.[0]).toMatchObject({ micros: 0, tokens: 0 });
    expect(await entriesOf("paid", "lease")).toHaveLength(1);
    leases.mockRestore();
  });

  it("gives it to another chat that would be refused, but not what a running call may cost", async () => {
    const held = (await user().usage()).reservedMicros;
    expect(held).toBeGreaterThan(FULL_ANSWER_MICROS);
    await scriptModel([{ match: "a question elsewhere", steps: [{ text: "six" }] }]);
    const chat = await say("elsewhere", "1d", "a question elsewhere");
    expect(chat.text("r1d")).toBe("six");
    expect((await entriesOf("elsewhere", "call"))[0]).toMatchObject({
      maxOutputTokens: limits.maxOutputTokens,
    });
    const [release] = await entriesOf("paid", "release");
    expect(release).toMatchObject({ number: 2 });
    await vi.waitFor(async () => {
      const { spentMicros, reservedMicros, limitMicros } = await user().usage();
      expect(spentMicros + reservedMicros).toBeLessThanOrEqual(limitMicros ?? 0);
      expect(reservedMicros).toBeLessThan(held + 100_000);
    });
    // A chat that holds nothing has nothing to write, and one that never was is not made by being asked.
    const before = await commitsOf("paid");
    expect(await stub("paid").returnLease(1)).toMatchObject({ days: [{ heldMicros: 0, heldTokens: 0 }] });
    expect(await commitsOf("paid")).toEqual(before);
    expect(await stub("nobody").returnLease(1)).toBeNull();
    expect(await runInDurableObject(stubOf("nobody"), (_it, state) => tablesOf(state))).toEqual([]);
  });

  it("gives back what is free while a call runs; the call keeps its own", async () => {
    await scriptModel([{ match: "a long question", steps: [{ text: "seven ", tokens: 400, paceMs: 5 }] }]);
    const chat = await connect("elsewhere");
    chat.ask("r1e", "m1e", "a long question");
    await chat.until((frame) => JSON.stringify(frame).includes("seven"));
    const [call] = (await entriesOf("elsewhere", "call")).slice(-1);
    const answer = await stub("elsewhere").returnLease(1);
    expect(answer?.days[0]?.heldMicros).toBe(call.reservationMicros);
    await chat.until(isDone("r1e"));
    const [said] = (await entriesOf("elsewhere", "answer")).slice(-1);
    expect(said.priceMicros).toBeGreaterThan(0);
    const after = await stub("elsewhere").returnLease(1);
    expect(after?.days[0]?.heldMicros).toBe(0);
  });

  it("gives it back before it is deleted", async () => {
    await scriptModel([{ match: "a last question", steps: [{ text: "eight" }] }]);
    await say("short-lived", "1f", "a last question");
    await vi.waitFor(async () => expect((await user().usage()).reservedMicros).toBeGreaterThan(0));
    await user().deleteThread("short-lived", BY);
    expect((await user().usage()).reservedMicros).toBe(0);
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
      // What the chat has left pays for no answer.
      expect(reservedMicros).toBeLessThan(limits.leastOutputTokens * 250);
      expect(spentMicros).toBeGreaterThan(FULL_ANSWER_MICROS);
      expect(spentMicros + reservedMicros).toBeLessThanOrEqual(limitMicros ?? 0);
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
    await user().changeSettings({ model: "" }, BY);
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
