/** What the gateway refuses, in whose words. */
import { describe, expect, it } from "vitest";
import { withGateway } from "./support.ts";

describe("refusals", () => {
  const post = (url: string, body: string, headers: Record<string, string> = {}) =>
    fetch(url, { method: "POST", body, headers: { "content-type": "application/json", ...headers } });
  const call = { model: "claude-x", max_tokens: 5 };
  const user = { role: "user", content: "hi" };
  const use = (id: string) => ({
    role: "assistant",
    content: [{ type: "tool_use", id, name: "read", input: {} }],
  });
  const result = (id: string) => ({
    role: "user",
    content: [{ type: "tool_result", tool_use_id: id, content: "x" }],
  });

  it.each([
    ["no JSON", "{", "not valid JSON"],
    ["no limit", { model: "m", messages: [user] }, "max_tokens: Field required"],
    ["no messages", { ...call, messages: [] }, "at least one message"],
    [
      "an empty text",
      { ...call, messages: [{ role: "user", content: [{ type: "text", text: "" }] }] },
      "must be non-empty",
    ],
    [
      "a prefilled answer",
      { ...call, messages: [user, { role: "assistant", content: "Well" }] },
      "must end with a user message",
    ],
    [
      "a call without its result",
      { ...call, messages: [user, use("a"), user] },
      "without `tool_result` blocks immediately after: a",
    ],
    ["a result without its call", { ...call, messages: [user, result("b")] }, "unexpected `tool_use_id`"],
    [
      "an id used twice",
      { ...call, messages: [user, use("a"), result("a"), use("a"), result("a")] },
      "ids must be unique",
    ],
    ["an id with a dot", { ...call, messages: [user, use("a.b"), result("a.b")] }, "should match pattern"],
  ])("refuses %s as Anthropic does", async (_what, body, message) => {
    await withGateway(async ({ url }) => {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const response = await post(`${url}/v1/a/g/anthropic/v1/messages`, text);
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({
        type: "error",
        error: { type: "invalid_request_error", message: expect.stringContaining(message) },
        request_id: expect.stringMatching(/^req_/),
      });
    });
  });

  it.each([
    ["no JSON", "nope", "not valid JSON"],
    ["no model", { messages: [user] }, "model"],
    [
      "unanswered calls",
      {
        model: "m",
        messages: [
          user,
          {
            role: "assistant",
            content: null,
            tool_calls: [{ id: "c", type: "function", function: { name: "read", arguments: "{}" } }],
          },
          user,
        ],
      },
      "did not have response messages: c",
    ],
    [
      "a stray result",
      { model: "m", messages: [user, { role: "tool", tool_call_id: "x", content: "y" }] },
      "must be a response to",
    ],
  ])("refuses %s as OpenAI does", async (_what, body, message) => {
    await withGateway(async ({ url }) => {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const response = await post(`${url}/v1/a/g/openai/chat/completions`, text);
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({
        error: {
          message: expect.stringContaining(message),
          type: "invalid_request_error",
          param: null,
          code: null,
        },
      });
    });
  });

  it("refuses what is too large, announced or not", async () => {
    await withGateway(async ({ url }) => {
      const huge = Buffer.alloc(33 * 1024 * 1024, 32);
      const announced = await fetch(`${url}/v1/a/g/anthropic/v1/messages`, { method: "POST", body: huge });
      expect(announced.status).toBe(413);
      expect(await announced.json()).toMatchObject({ error: { type: "request_too_large" } });
      const chunks = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let i = 0; i < 33; i++) controller.enqueue(new Uint8Array(1024 * 1024));
          controller.close();
        },
      });
      const init = { method: "POST", body: chunks, duplex: "half" };
      const streamed = await fetch(`${url}/v1/a/g/anthropic/v1/messages`, init);
      expect(streamed.status).toBe(413);
    });
  });

  it.each([
    ["/v1/a/g/groq/chat/completions", 400, "Invalid provider"],
    ["/v1/a/g", 404, "nothing here"],
    ["/other", 404, "nothing here"],
    ["/_test/requests", 404, "nothing here"],
  ])("answers %s in the gateway's own envelope", async (path, status, message) => {
    await withGateway(async ({ url }) => {
      const response = await post(url + path, "{}");
      expect(response.status).toBe(status);
      expect(await response.json()).toEqual({
        success: false,
        result: [],
        messages: [],
        error: [{ code: expect.any(Number), message: expect.stringContaining(message) }],
      });
    });
  });

  it("lets no web page in, which would spend the key behind it", async () => {
    await withGateway(async ({ url }) => {
      const body = JSON.stringify({ ...call, messages: [user] });
      for (const headers of [
        { origin: "http://evil.example" },
        { origin: url },
        { "sec-fetch-site": "cross-site" },
      ]) {
        const response = await post(`${url}/v1/a/g/anthropic/v1/messages`, body, headers);
        expect(response.status).toBe(403);
      }
    });
  });
});
