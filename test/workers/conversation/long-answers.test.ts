import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { limits } from "../../../src/limits.ts";
import { connect, isDone, messagesOf, scriptModel, stubOf, textOf } from "../../support/chat.ts";
import { migrateCatalog } from "../router/support/app.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

const entriesOf = (thread: string) =>
  runInDurableObject(stubOf(thread), (_instance, { storage }) =>
    storage.sql
      .exec<{ heads: string }>("SELECT heads FROM journal ORDER BY seq")
      .toArray()
      .flatMap((row) => (JSON.parse(row.heads) as [number, string][]).map(([, kind]) => kind)),
  );

/** Asks, waits for the end, and asks something small behind it: whatever came of the first, the chat goes on. */
async function asked(thread: string, text: string) {
  const chat = await connect(thread);
  chat.ask("r1", "m1", text);
  const done = await chat.until(isDone("r1"));
  chat.ask("r2", "m2", "and now something small");
  const next = await chat.until(isDone("r2"));
  await evictDurableObject(stubOf(thread));
  const messages = await messagesOf(thread, chat);
  return { done, next, first: messages[1], last: messages.at(-1), kinds: await entriesOf(thread) };
}

const small = { match: "something small", steps: [{ text: "small" }] };

describe("an answer that is too long", () => {
  it("of 3 MB of text ends the turn at once, as failed, with the reason; it is not asked for again", async () => {
    await scriptModel([{ match: "a book", steps: [{ text: "x".repeat(3_000_000) }] }, small]);
    const { done, next, first, last, kinds } = await asked("long-text", "write a book");
    expect(done).toMatchObject({ outcome: "error" });
    expect(done.body).toContain("one megabyte");
    expect(first?.metadata).toMatchObject({ outcome: "failed", error: { code: "model_failed" } });
    expect(kinds.slice(0, kinds.indexOf("end")).filter((kind) => kind === "call")).toHaveLength(1);
    expect(next.outcome).toBe("completed");
    expect(textOf(last)).toBe("small");
  }, 60_000);

  it("with a tool input of 3 MB ends the turn in one way or the other, without asking again and again", async () => {
    const input = { path: "big.txt", text: "y".repeat(3_000_000) };
    await scriptModel([
      { match: "a large file", steps: [{ tools: [{ name: "write", input }] }, { text: "It is written." }] },
      small,
    ]);
    const { done, next, first, kinds } = await asked("long-input", "write a large file");
    const answers = kinds.slice(0, kinds.indexOf("end")).filter((kind) => kind === "answer").length;
    // Refused by the model's port, or committed and run: never an answer that nobody can write down.
    expect([done.outcome, answers, first?.metadata?.outcome]).toEqual(
      done.outcome === "error" ? ["error", 0, "failed"] : ["completed", 2, "completed"],
    );
    expect(next.outcome).toBe("completed");
  }, 60_000);

  it("of half the length that is allowed is kept and read again, in its worst spelling", async () => {
    // Each of these is seven bytes in a row of the journal: the row could not hold them.
    const text = "\u0001".repeat(limits.answerBytes / 2);
    await scriptModel([{ match: "control characters", steps: [{ text }] }, small]);
    const { done, first, next } = await asked("long-controls", "send control characters");
    expect(done).toMatchObject({ outcome: "completed" });
    expect(textOf(first) === text).toBe(true);
    expect(next.outcome).toBe("completed");
  }, 60_000);
});

describe("a request that is too much", () => {
  const submit = (messages: { id: string; role: string; parts: unknown[] }[]) => ({
    type: "cf_agent_use_chat_request",
    id: "many",
    init: { method: "POST", body: JSON.stringify({ messages, trigger: "submit-message" }) },
  });
  const messages = (count: number, chars: number) =>
    Array.from({ length: count }, (_, i) => ({
      id: `m${i}`,
      role: "user",
      parts: [{ type: "text", text: `${"z".repeat(chars)} number ${i}` }],
    }));

  it("is refused before it is accepted: thirty new messages of 250 KB each in one request", async () => {
    await scriptModel([small]);
    const chat = await connect("long-request", { console: true });
    chat.send(submit(messages(30, 250_000)));
    expect(await chat.until((frame) => frame.type === "holdfast_refused")).toMatchObject({
      id: "many",
      code: "message_too_large",
    });
    expect(await chat.until(isDone("many"))).toMatchObject({ outcome: "error" });
    expect(await entriesOf("long-request")).toEqual([]);
    chat.ask("r2", "m-small", "something small");
    expect((await chat.until(isDone("r2"))).outcome).toBe("completed");
  }, 60_000);

  it("is accepted when it is just not too much", async () => {
    await scriptModel([{ match: "number 2", steps: [{ text: "read all three" }] }]);
    const chat = await connect("long-enough");
    chat.send(submit(messages(3, 80_000)));
    expect(await chat.until(isDone("many"))).toMatchObject({ outcome: "completed", body: "" });
    await evictDurableObject(stubOf("long-enough"));
    const kept = await messagesOf("long-enough", chat);
    expect(kept.map((message) => textOf(message).length > 80_000)).toEqual([true, true, true, false]);
  }, 60_000);
});
