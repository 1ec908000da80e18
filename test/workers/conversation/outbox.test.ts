/** Replies to channels, through the real object: rows beside the journal, the job, and a platform over HTTP. */
import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { limits } from "../../../src/limits.ts";
import type { ConversationRpc, Delivery, ThreadSummary, UserRpc } from "../../../src/protocol/rpc.ts";
import { ALICE, BY, scriptModel, stubOf } from "../../support/chat.ts";
import { countRows } from "../../support/rows.ts";
import { migrateCatalog } from "../router/support/app.ts";

interface Seen {
  messages: { id: string; key: string; to: Record<string, string>; texts: string[] }[];
  asked: { method: string; key: string; text: string; status: number }[];
}

const ROOMS = ["both", "keys", "edit", "plain"] as const;
type RoomName = (typeof ROOMS)[number];
/** A busy machine may take its time; nothing here waits for a clock. */
const WITHIN = { timeout: 10_000, interval: 20 };

const room = (name: RoomName, method: string, body?: unknown) =>
  fetch(`http://127.0.0.1:9/channels/_test/${name}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
const seen = async (name: RoomName): Promise<Seen> => (await room(name, "GET")).json();
const rpc = (thread: string) => stubOf(thread) as unknown as ConversationRpc; // the class implements it
const user = () => env.USER.get(env.USER.idFromName(ALICE.userId)) as unknown as UserRpc; // likewise

/** Asks in a thread, with the answer owed to a room. */
async function ask(thread: string, channel: RoomName, text: string, chat = "c1"): Promise<string> {
  const reply = { channel, to: { chat } };
  const { turn } = await rpc(thread).send(ALICE, { key: `k-${text}`, source: "http", text, reply });
  return turn;
}

const delivered = (thread: string) =>
  vi.waitFor(async () => expect(await rpc(thread).outbox()).toEqual([]), WITHIN);
const dead = (thread: string) =>
  vi.waitFor(async () => {
    const [letter] = await rpc(thread).outbox();
    expect(letter?.state).toBe("dead");
    return letter as Delivery; // `toBe` has just seen it
  }, WITHIN);

const jobs = (thread: string) =>
  runInDurableObject(stubOf(thread), (_instance, state) =>
    state.storage.sql
      .exec<{ id: string; time: number }>("SELECT id, time FROM cf_agents_jobs WHERE id = 'outbox'")
      .toArray(),
  );

/** The object dies in the middle of whatever it does; its storage stays. */
async function crash(thread: string): Promise<void> {
  const died = runInDurableObject(stubOf(thread), (_instance, state) => state.abort("crash"));
  await expect(died).rejects.toThrow();
}

beforeAll(() => migrateCatalog(env.CATALOG));
beforeEach(async () => {
  for (const name of ROOMS) await room(name, "DELETE");
});

describe("an answer that is owed to a channel", { timeout: 30_000 }, () => {
  it("is one message where it can be edited: a sign first, then the text", async () => {
    await scriptModel([{ match: "both ways", steps: [{ text: "The whole answer." }] }]);
    await ask("ob-both", "both", "both ways");
    await delivered("ob-both");
    const { messages } = await seen("both");
    expect(messages).toHaveLength(1);
    expect(messages[0]?.texts.at(-1)).toBe("The whole answer.");
    expect(messages[0]?.to).toEqual({ chat: "c1" });
    await vi.waitFor(async () => expect(await jobs("ob-both")).toEqual([]), WITHIN);
  });

  it("shows a sign while the model is still silent, and what was said while it speaks", async () => {
    await scriptModel([{ match: "take your time", steps: [{ text: "word ", tokens: 35, paceMs: 120 }] }]);
    await ask("ob-slow", "both", "take your time");
    await vi.waitFor(async () => {
      expect((await seen("both")).messages[0]?.texts[0]).toBe("…");
    }, WITHIN);
    expect((await rpc("ob-slow").outbox())[0]?.state).toBe("running");
    await delivered("ob-slow");
    const texts = (await seen("both")).messages[0]?.texts ?? [];
    expect(texts.length).toBeGreaterThanOrEqual(3);
    expect(texts[1]).toMatch(/^word .* …$/);
    expect(texts.at(-1)?.split(" ")).toHaveLength(35);
  });

  it("comes in parts, in order, where one message cannot hold it", async () => {
    const words = Array.from({ length: 120 }, (_, i) => `w${i}`);
    await scriptModel([{ match: "say much", steps: [{ text: words.join(" ") }] }]);
    await ask("ob-long", "plain", "say much");
    await delivered("ob-long");
    const { messages } = await seen("plain");
    expect(messages.length).toBeGreaterThan(1);
    expect(messages.every((message) => (message.texts[0]?.length ?? 0) <= 200)).toBe(true);
    expect(messages.map((message) => message.texts[0]).join(" ")).toBe(words.join(" "));
  });

  it("is the failure's sentence when the turn failed", async () => {
    const refusal = {
      status: 400,
      body: { type: "error", error: { type: "invalid_request_error", message: "no" } },
    };
    await scriptModel([{ match: "doomed", steps: [refusal] }]);
    await ask("ob-failed", "plain", "doomed");
    await delivered("ob-failed");
    const { messages } = await seen("plain");
    expect(messages).toHaveLength(1);
    expect(messages[0]?.texts[0]?.length).toBeGreaterThan(10);
  });

  it("stands or falls with the journal's commit", async () => {
    await rpc("ob-atomic").outbox(); // wakes it: the tables are made
    await runInDurableObject(stubOf("ob-atomic"), (_instance, state) => {
      state.storage.sql.exec("ALTER TABLE outbox RENAME TO outbox_away");
    });
    await expect(ask("ob-atomic", "plain", "nobody hears this")).rejects.toThrow();
    const kept = await runInDurableObject(stubOf("ob-atomic"), (_instance, state) => {
      state.storage.sql.exec("ALTER TABLE outbox_away RENAME TO outbox");
      return state.storage.sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM journal").one().n;
    });
    expect(kept).toBe(0);
  });

  it("costs a chat nothing that owes none", async () => {
    await scriptModel([{ match: "just here", steps: [{ text: "hello" }] }]);
    const rows = await countRows();
    await rpc("ob-none").send(ALICE, { key: "k", source: "http", text: "just here" });
    await vi.waitFor(() => expect(rows.byTarget.journal).toBeGreaterThanOrEqual(2), WITHIN);
    rows.stop();
    expect(Object.keys(rows.byTarget).filter((name) => name.startsWith("outbox"))).toEqual([]);
  });
});

describe("a turn that waits for a person", { timeout: 30_000 }, () => {
  it("says on the channel for what it waits", async () => {
    await user().changeSettings({ toolRisks: { write: "ask" } }, BY);
    const write = { name: "write", input: { path: "asked.txt", text: "x" } };
    await scriptModel([{ match: "ask first", steps: [{ text: "Let me see.", tools: [write] }] }]);
    await ask("ob-asks", "both", "ask first");
    await vi.waitFor(async () => {
      const texts = (await seen("both")).messages[0]?.texts ?? [];
      expect(texts.at(-1)).toBe("Let me see.\n\nWaiting for approval: write …");
    }, WITHIN);
    await rpc("ob-asks").stop();
    await delivered("ob-asks");
    expect((await seen("both")).messages[0]?.texts.at(-1)).toBe("Let me see.\n\nThis answer was stopped.");
    await user().changeSettings({ toolRisks: {} }, BY);
  });
});

describe("a platform that makes trouble", { timeout: 30_000 }, () => {
  it("is left alone for as long as it says", async () => {
    await scriptModel([{ match: "too fast", steps: [{ text: "later" }] }]);
    await room("plain", "POST", [{ status: 429, retryAfter: 7_200 }]);
    const before = Date.now();
    await ask("ob-429", "plain", "too fast");
    await vi.waitFor(async () => {
      const [delivery] = await rpc("ob-429").outbox();
      expect(delivery?.nextAt).toBeGreaterThanOrEqual(before + 7_200_000);
      expect(delivery).toMatchObject({ state: "owed", attempts: 0 });
    }, WITHIN);
    await vi.waitFor(async () => {
      const [job] = await jobs("ob-429");
      expect(job?.time).toBeGreaterThanOrEqual(before + 7_200_000);
    }, WITHIN);
    expect((await seen("plain")).asked).toHaveLength(1);
  });

  it("gets the message once for one key, although its answer was lost with the process", async () => {
    await scriptModel([{ match: "cut off", steps: [{ text: "exactly once" }] }]);
    await room("keys", "POST", [{ hang: true, effect: true }]);
    await ask("ob-cut", "keys", "cut off");
    await vi.waitFor(async () => expect((await seen("keys")).messages).toHaveLength(1), WITHIN);
    await crash("ob-cut");
    // No client, no drive: the job alone goes on with it.
    await runDurableObjectAlarm(stubOf("ob-cut"));
    await vi.waitFor(async () => expect((await seen("keys")).asked).toHaveLength(2), WITHIN);
    await delivered("ob-cut");
    const { messages, asked } = await seen("keys");
    expect(messages.map((message) => message.texts)).toEqual([["exactly once"]]);
    expect(new Set(asked.map((one) => one.key)).size).toBe(1);
  });

  it("that refuses for good makes a dead letter at once, and the list of chats shows it", async () => {
    await scriptModel([{ match: "unwanted", steps: [{ text: "never arrives" }] }]);
    await room("plain", "POST", [{ status: 403 }]);
    await ask("ob-dead", "plain", "unwanted");
    const letter = await dead("ob-dead");
    expect(letter).toMatchObject({
      text: "never arrives",
      attempts: 1,
      error: expect.stringContaining("403"),
    });
    expect((await seen("plain")).asked).toHaveLength(1);
    await listed("ob-dead", 1);

    await rpc("ob-dead").resendDelivery(letter.id);
    await delivered("ob-dead");
    expect((await seen("plain")).messages[0]?.texts).toEqual(["never arrives"]);
    await listed("ob-dead", undefined);
  });

  it("a dead letter can be dropped, and is then unknown", async () => {
    await scriptModel([{ match: "drop me", steps: [{ text: "gone" }] }]);
    await room("plain", "POST", [{ status: 400 }]);
    await ask("ob-drop", "plain", "drop me");
    const letter = await dead("ob-drop");
    await rpc("ob-drop").dropDelivery(letter.id);
    expect(await rpc("ob-drop").outbox()).toEqual([]);
    const again = async () => rpc("ob-drop").resendDelivery(letter.id);
    await expect(again()).rejects.toThrow(/no such delivery/);
    await listed("ob-drop", undefined);
  });

  it("fails, and is tried again after a pause that grows", async () => {
    await scriptModel([{ match: "flaky", steps: [{ text: "in the end" }] }]);
    await room("plain", "POST", [{ status: 500 }]);
    const before = Date.now();
    await ask("ob-500", "plain", "flaky");
    await vi.waitFor(async () => {
      const [delivery] = await rpc("ob-500").outbox();
      expect(delivery).toMatchObject({ attempts: 1, error: expect.stringContaining("500") });
      expect(delivery?.nextAt).toBeGreaterThanOrEqual(before + limits.deliveryBackoffMs / 2);
    }, WITHIN);
    await delivered("ob-500");
    expect((await seen("plain")).messages[0]?.texts).toEqual(["in the end"]);
  });
});

const listed = (thread: string, undelivered: number | undefined) =>
  vi.waitFor(async () => {
    const all: ThreadSummary[] = await user().threads({});
    const found = all.find((summary) => summary.id === thread);
    expect(found).toBeDefined();
    expect(found?.undelivered).toBe(undelivered);
  }, WITHIN);
