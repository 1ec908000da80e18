import { env } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { readExport } from "../../../src/actors/conversation/export.ts";
import { replay } from "../../../src/actors/conversation/replay.ts";
import { forwardedHeaders } from "../../../src/protocol/forwarded.ts";
import { ALICE, connect, scriptModel, stubOf } from "../../support/chat.ts";
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
      headers: forwardedHeaders(ALICE, ALICE),
    });
    const result = replay(readExport(await response.text()));
    expect(result.differences).toEqual([]);
    expect(result.calls).toBe(2);
    const listed = await (await stubOf("export").fetch(chat.messagesRequest())).text();
    expect(JSON.stringify(result.messages)).toBe(listed);
  });
});
