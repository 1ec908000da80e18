/** Approvals, steering and taking back in workerd: over sockets, over RPC, and through hibernation. */
import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { conversationStub, type Env, userStub } from "../../../src/env.ts";
import type { AppError } from "../../../src/errors.ts";
import { limits } from "../../../src/limits.ts";
import { conversationName } from "../../../src/names.ts";
import type { ConversationRpc, Principal } from "../../../src/protocol/rpc.ts";
import {
  ALICE,
  BY,
  connect,
  type Frame,
  isDone,
  isText,
  messagesOf,
  scriptModel,
  stubOf,
} from "../../support/chat.ts";
import { migrateCatalog } from "../router/support/app.ts";

beforeAll(() => migrateCatalog(env.CATALOG));
beforeEach(async () => {
  await alice().changeSettings({ toolRisks: { write: "ask" } }, BY);
});

const alice = () => userStub(env as Env, ALICE.userId); // the pool's bindings are those of wrangler.toml
const rpc = (thread: string) => conversationStub(env as Env, conversationName(ALICE.userId, thread));
const BOB: Principal = { ...ALICE, name: "bob@example.com" };
const writes = (path: string) => ({ tools: [{ name: "write", input: { path, text: "hello" } }] });

const toolPart = (messages: Frame[]): Frame =>
  messages.at(-1)?.parts.find((part: Frame) => String(part.type).startsWith("tool-"));

/** A chat whose agent wants to write a file, and waits. */
async function asking(thread: string, options: { console?: boolean } = {}) {
  await scriptModel([{ match: thread, steps: [writes(`${thread}.txt`), { text: "so it is" }] }]);
  const chat = await connect(thread, options);
  chat.ask("r1", "m1", thread);
  await chat.until(isDone("r1"));
  const part = toolPart(await messagesOf(thread, chat));
  return { chat, part, call: String(part?.toolCallId) };
}

const fileOf = async (path: string) => {
  const found = await env.FILES.get(`s/${ALICE.userId}/${path}`);
  return found ? found.text() : null;
};

describe("a tool that asks first", () => {
  it("waits, and says until when; nothing is written", async () => {
    const { part } = await asking("wait");
    expect(part).toMatchObject({ type: "tool-write", state: "approval-requested" });
    expect(part?.approval.descriptor.expiresAt).toBeGreaterThan(Date.now());
    expect(await fileOf("wait.txt")).toBeNull();
  });

  it("runs when a client approves, and the answer goes on in a stream that is offered", async () => {
    const { chat, call } = await asking("approve", { console: true });
    chat.send({ type: "cf_agent_tool_approval", toolCallId: call, approved: true });
    expect(await chat.until((frame) => frame.type === "holdfast_decided")).toMatchObject({
      counted: true,
      approved: true,
    });
    const offer = await chat.until((frame) => frame.type === "cf_agent_stream_resuming");
    chat.send({ type: "cf_agent_stream_resume_ack", id: offer.id });
    await chat.until(isDone(offer.id));
    const messages = await messagesOf("approve", chat);
    expect(toolPart(messages)).toMatchObject({ state: "output-available", approval: { approved: true } });
    expect(messages.at(-1)?.metadata.outcome).toBe("completed");
    expect(await fileOf("approve.txt")).toBe("hello");
  });

  it("is decided once, whoever clicks: socket and HTTP", async () => {
    const { call } = await asking("once");
    expect(await rpc("once").decide(BOB, call, { approved: false, source: "http", comment: "no" })).toEqual({
      counted: true,
      approved: false,
      by: "bob@example.com",
    });
    expect(await rpc("once").decide(ALICE, call, { approved: true, source: "http" })).toEqual({
      counted: false,
      approved: false,
      by: "bob@example.com",
    });
    expect(await fileOf("once.txt")).toBeNull();
  });

  it("an unknown call is refused with a sentence", async () => {
    const { chat } = await asking("unknown");
    chat.send({ type: "cf_agent_tool_approval", toolCallId: "nope", approved: true });
    expect(await chat.until((frame) => frame.type === "holdfast_error")).toMatchObject({
      code: "approval_unknown",
    });
  });

  it("lets the object sleep: one wake, when the question expires; the decision wakes it", async () => {
    const { chat, call } = await asking("sleepy");
    const due = await runInDurableObject(stubOf("sleepy"), (_instance, state) => state.storage.getAlarm());
    expect((due ?? 0) - Date.now()).toBeGreaterThan(limits.approvalMs - 60_000);
    await evictDurableObject(stubOf("sleepy"));
    expect(toolPart(await messagesOf("sleepy", chat))).toMatchObject({ state: "approval-requested" });
    await rpc("sleepy").decide(ALICE, call, { approved: true, source: "http" });
    await expect.poll(() => fileOf("sleepy.txt")).toBe("hello");
    const messages = () => messagesOf("sleepy", chat);
    await expect.poll(async () => (await messages()).at(-1)?.metadata.outcome).toBe("completed");
  });

  it("has its wake brought forward by the decision: what follows must not stay silent for a day", async () => {
    await scriptModel([
      {
        match: "forward",
        steps: [writes("forward.txt"), { stallAfterTokens: 2, text: "word ".repeat(20) }],
      },
    ]);
    const chat = await connect("forward", { console: true });
    chat.ask("r1", "m1", "forward");
    await chat.until(isDone("r1"));
    const call = String(toolPart(await messagesOf("forward", chat))?.toolCallId);
    await rpc("forward").decide(ALICE, call, { approved: true, source: "http" });
    const due = await runInDurableObject(stubOf("forward"), (_instance, state) => state.storage.getAlarm());
    expect((due ?? Number.POSITIVE_INFINITY) - Date.now()).toBeLessThanOrEqual(limits.wakeMs);
    await rpc("forward").stop();
  });

  it("is not given up by waking often while it waits", async () => {
    const { chat, call } = await asking("often");
    for (let i = 0; i < limits.wakesWithoutProgress + 2; i++) {
      // As if each of them came minutes after the last.
      await runInDurableObject(stubOf("often"), (_instance, state) => {
        state.storage.sql.exec("UPDATE wakes SET since = since - ?", limits.stalledMs);
      });
      await evictDurableObject(stubOf("often"));
      await messagesOf("often", chat);
      await runDurableObjectAlarm(stubOf("often"));
    }
    expect(toolPart(await messagesOf("often", chat))).toMatchObject({ state: "approval-requested" });
    expect(await rpc("often").decide(ALICE, call, { approved: true, source: "http" })).toMatchObject({
      counted: true,
    });
  });

  it("the list of chats shows that it asks", async () => {
    await asking("listed");
    const user = alice();
    await expect
      .poll(async () => (await user.threads({})).find((thread) => thread.id === "listed")?.status)
      .toBe("asking");
  });

  it("the list of chats shows that it goes on as soon as somebody approved", async () => {
    const step = { stallAfterTokens: 3, text: "word ".repeat(50) };
    await scriptModel([{ match: "goes on", steps: [writes("on.txt"), step] }]);
    const chat = await connect("goes-on");
    chat.ask("r1", "m1", "goes on");
    await chat.until(isDone("r1"));
    const status = async () => (await alice().threads({})).find((thread) => thread.id === "goes-on")?.status;
    await expect.poll(status).toBe("asking");
    const call = String(toolPart(await messagesOf("goes-on", chat))?.toolCallId);
    await rpc("goes-on").decide(ALICE, call, { approved: true, source: "http" });
    await expect.poll(status).toBe("working");
    await rpc("goes-on").stop();
  });

  it("what its owner wants counts at once, also in a chat that was open before", async () => {
    await alice().changeSettings({ toolRisks: {} }, BY);
    await scriptModel([{ match: "changed mind", steps: [writes("mind.txt"), { text: "well" }] }]);
    const chat = await connect("mind", { console: true });
    await chat.until((frame) => frame.type === "cf_agent_chat_messages");
    await alice().changeSettings({ toolRisks: { write: "ask" } }, BY);
    chat.ask("r1", "m1", "changed mind");
    await chat.until(isDone("r1"));
    expect(toolPart(await messagesOf("mind", chat))).toMatchObject({ state: "approval-requested" });
    expect(await fileOf("mind.txt")).toBeNull();
  });

  it("a tool that is never allowed is not even offered", async () => {
    await alice().changeSettings({ toolRisks: { write: "deny" } }, BY);
    await scriptModel([{ match: "forbidden", steps: [writes("forbidden.txt"), { text: "I may not" }] }]);
    const chat = await connect("forbidden");
    chat.ask("r1", "m1", "forbidden");
    await chat.until(isDone("r1"));
    expect(toolPart(await messagesOf("forbidden", chat))).toMatchObject({ state: "output-denied" });
    expect(await fileOf("forbidden.txt")).toBeNull();
  });
});

describe("taking back", () => {
  it("the newest exchange leaves every tab, and what stays in the world is listed", async () => {
    await alice().changeSettings({ toolRisks: {} }, BY);
    await scriptModel([{ match: "undo me", steps: [writes("undone.txt"), { text: "written" }] }]);
    const chat = await connect("undo", { console: true });
    const stock = await connect("undo");
    chat.ask("r1", "m1", "undo me");
    await chat.until(isDone("r1"));
    const undone = await rpc("undo").undo(ALICE);
    expect(undone).toMatchObject({
      text: "undo me",
      effects: [{ tool: "write", what: "write undone.txt", certain: true }],
    });
    expect(undone.effects[0]?.remedy).toContain("30 days");
    await chat.until((frame) => frame.type === "holdfast_removed" && frame.messageIds.includes("m1"));
    await stock.until(
      (frame) => frame.type === "cf_agent_chat_messages" && frame.messages.length === 0 && !frame.connect,
    );
    expect(await messagesOf("undo", chat)).toEqual([]);
    const again = await runInDurableObject(stubOf("undo"), async (actor) => {
      const undoing = (actor as unknown as ConversationRpc).undo(ALICE); // the class behind the stub
      return undoing.catch((error: AppError) => error.code);
    });
    expect(again).toBe("nothing_to_undo");
  });

  it("stops an answer that still runs", async () => {
    await scriptModel([{ match: "endless", steps: [{ stallAfterTokens: 3, text: "word ".repeat(50) }] }]);
    const chat = await connect("undo-running");
    chat.ask("r1", "m1", "endless");
    await chat.until(isText("r1"));
    expect(await rpc("undo-running").undo(ALICE)).toMatchObject({ text: "endless", effects: [] });
    expect(await chat.until(isDone("r1"))).toMatchObject({ outcome: "aborted" });
  });
});

describe("steering over the socket", () => {
  it("joins the running answer; both requests are told when it ends", async () => {
    await scriptModel([
      { match: "first wish", steps: [{ text: "word ".repeat(60), paceMs: 5 }] },
      { match: "second wish", steps: [{ text: "both done" }] },
    ]);
    const chat = await connect("steer", { console: true });
    chat.ask("r1", "m1", "first wish");
    await chat.until(isText("r1"));
    chat.send({
      type: "cf_agent_use_chat_request",
      id: "r2",
      init: {
        method: "POST",
        body: JSON.stringify({
          messages: [{ id: "m2", role: "user", parts: [{ type: "text", text: "second wish" }] }],
          mode: "steer",
        }),
      },
    });
    await chat.until(
      (frame) => frame.type === "cf_agent_message_updated" && frame.message.metadata?.waiting === "steering",
    );
    await chat.until(isDone("r1"));
    await chat.until(isDone("r2"));
    const messages = await messagesOf("steer", chat);
    expect(messages.map((message) => message.role)).toEqual(["user", "user", "assistant"]);
    expect(messages[2]?.parts.map((part: Frame) => part.type)).toContain("data-joined");
  });
});
