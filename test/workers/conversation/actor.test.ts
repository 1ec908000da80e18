import { env, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { readExport } from "../../../src/actors/conversation/export.ts";
import { replay } from "../../../src/actors/conversation/replay.ts";
import { conversationStub, type Env } from "../../../src/env.ts";
import type { AppError } from "../../../src/errors.ts";
import { limits } from "../../../src/limits.ts";
import { conversationName } from "../../../src/names.ts";
import { forwardedHeaders } from "../../../src/protocol/forwarded.ts";
import type { ConversationRpc } from "../../../src/protocol/rpc.ts";
import { ALICE, AS_ALICE, connect, scriptModel, stubOf } from "../../support/chat.ts";
import { migrateCatalog } from "../router/support/app.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

describe("a conversation in workerd", () => {
  it("answers over its socket, and keeps what was said", async () => {
    await scriptModel([{ match: "hello actor", steps: [{ text: "hello from the model" }] }]);
    const chat = await connect("first");
    const connected = await chat.until((frame) => frame.type === "cf_agent_chat_messages");
    expect(connected).toMatchObject({ messages: [], connect: true });
    chat.ask("r1", "m1", "hello actor");
    const done = await chat.until((frame) => frame.done === true);
    expect(done).toMatchObject({ id: "r1", outcome: "completed", messageIds: ["m1"] });
    expect(chat.text("r1")).toBe("hello from the model");
    const response = await stubOf("first").fetch(chat.messagesRequest());
    const messages = await response.json<{ role: string; parts: { type: string; text?: string }[] }[]>();
    expect(messages.map((message) => message.parts.map((part) => part.text ?? "").join(""))).toEqual([
      "hello actor",
      "hello from the model",
    ]);
  });

  it("uses tools on the user's files", async () => {
    await scriptModel([
      {
        match: "please write",
        steps: [
          { tools: [{ name: "write", input: { path: "notes/a.txt", text: "hello tide" } }] },
          { text: "Written." },
        ],
      },
    ]);
    const chat = await connect("tools");
    chat.ask("r1", "m1", "please write");
    await chat.until((frame) => frame.done === true);
    const types = chat.chunks("r1").map((chunk) => chunk.type);
    expect(types).toContain("tool-input-available");
    expect(types).toContain("tool-output-available");
    const stored = await env.FILES.get(`s/${chat.userId}/notes/a.txt`);
    expect(await stored?.text()).toBe("hello tide");
  });

  it("lets so many messages wait, wherever they come from, and no more", async () => {
    await scriptModel([{ match: "hold on", steps: [{ stallAfterTokens: 3, text: "word ".repeat(50) }] }]);
    const rpc = conversationStub(env as Env, conversationName(ALICE.userId, "queue")); // bindings of wrangler.toml
    const send = (n: number) => rpc.send(ALICE, { key: `k${n}`, source: "http", text: `hold on ${n}` });
    for (let n = 0; n <= limits.queuedInputs; n++) await send(n);
    const refused = await runInDurableObject(stubOf("queue"), async (actor) => {
      const one = { key: "more", source: "http", text: "one more" };
      // The class behind the stub: an error that crosses to the test would be reported besides.
      return (actor as unknown as ConversationRpc).send(ALICE, one).catch((error: AppError) => error.code);
    });
    expect(refused).toBe("queue_full");
    expect(await send(3)).toMatchObject({ fresh: false });
  });

  it("stops what is about to run, when nothing runs yet", async () => {
    const rpc = conversationStub(env as Env, conversationName(ALICE.userId, "soon")); // bindings of wrangler.toml
    const soon = { key: "k1", source: "telegram", text: "wait", burst: true };
    const { turn } = await rpc.send(ALICE, soon);
    expect(await rpc.stop()).toBe(true);
    const chat = await connect("soon");
    const listed = await (await stubOf("soon").fetch(chat.messagesRequest())).json();
    expect(listed).toMatchObject([{ role: "user" }, { id: `a_${turn}`, metadata: { outcome: "cancelled" } }]);
  });

  it("exports its journal, and the export replays to the same requests and transcript", async () => {
    await scriptModel([
      {
        match: "export me",
        steps: [
          { tools: [{ name: "write", input: { path: "e.txt", text: "kept" } }] },
          { text: "Exported." },
        ],
      },
    ]);
    const chat = await connect("export");
    chat.ask("r1", "m1", "export me");
    await chat.until((frame) => frame.done === true);
    const response = await stubOf("export").fetch("https://actor.internal/journal", {
      headers: forwardedHeaders(AS_ALICE),
    });
    const result = replay(readExport(await response.text()));
    expect(result.differences).toEqual([]);
    expect(result.calls).toBe(2);
    const listed = await (await stubOf("export").fetch(chat.messagesRequest())).text();
    expect(JSON.stringify(result.messages)).toBe(listed);
  });
});
