/** What the API says when a conversation answers in ways that clients seldom see. The conversation is a stand-in. */
import { beforeAll, describe, expect, it } from "vitest";
import type { AnswerReport, AskEvent } from "../../../src/protocol/ask.ts";
import { madeKeySchema } from "../../../src/protocol/keys.ts";
import { createWorld, signIn, type World } from "./support/app.ts";

let world: World;
let handle = "";
let secret = "";

beforeAll(async () => {
  world = await createWorld();
  const alice = await signIn(world, "api-alice");
  handle = alice.handle;
  const made = await world.ask(`/api/agents/${handle}/keys`, {
    method: "POST",
    token: alice.token,
    body: JSON.stringify({ name: "CI", scopes: ["chat", "read"] }),
  });
  secret = madeKeySchema.parse(await made.json()).secret;
});

const REPORT: AnswerReport = {
  ...{
    turn: "t0123456789abcdef",
    at: 5_000,
    status: "completed",
    text: "Hello.",
    reasoning: "",
    finish: "stop",
  },
  ...{ usage: { inputTokens: 3, outputTokens: 2 }, error: null, waits: [] },
};
const ACCEPTED: AskEvent = { type: "accepted", turn: REPORT.turn, at: REPORT.at, fresh: true };

/** The conversation says these lines, then ends, or breaks off. */
const answers = (events: readonly AskEvent[], breaks = false): void => {
  world.answer = () => {
    const lines = events.map((event) => `${JSON.stringify(event)}\n`);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (const line of lines) controller.enqueue(new TextEncoder().encode(line));
        if (!breaks) controller.close();
      },
      pull: (controller) => {
        if (breaks) controller.error(new Error("the actor was reset"));
      },
    });
    return new Response(body);
  };
};
const post = (path: string, body: object): Promise<Response> =>
  world.ask(`/keyed/${handle}/v1${path}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${secret}`, Origin: "none" },
    body: JSON.stringify({ model: handle, ...body }),
  });
const chat = (more: object = {}): Promise<Response> =>
  post("/chat/completions", { messages: [{ role: "user", content: "hi" }], ...more });

describe("an answer that breaks off", () => {
  it.each([
    ["by the actor's end", true],
    ["without its last line", false],
  ])("%s ends a stream with an error that says how to go on", async (_, breaks) => {
    answers([ACCEPTED, { type: "text", delta: "Hel" }], breaks);
    const text = await (await chat({ stream: true })).text();
    expect(text).toContain('"content":"Hel"');
    expect(text).toContain("Idempotency-Key");
    expect(text).not.toContain("[DONE]");
  });

  it("whose text cannot go on ends the same way, in the words of each API", async () => {
    answers([ACCEPTED, { type: "text", delta: "Hel" }, { type: "broken" }]);
    const text = await (await post("/responses", { input: "hi", stream: true })).text();
    expect(text).toContain("event: error\n");
    expect(text).not.toContain("response.completed");
  });

  it("is a 503 to who waits for the whole", async () => {
    answers([ACCEPTED], true);
    const response = await chat();
    expect([response.status, (await response.json<{ error: { type: string } }>()).error.type]).toEqual([
      503,
      "server_error",
    ]);
  });
});

describe("how a turn ended", () => {
  const failed = (code: string): AskEvent => ({
    type: "done",
    report: { ...REPORT, status: "failed", text: "", error: { code, message: `${code} happened` } },
  });

  it.each([
    ["budget_exceeded", 429, "insufficient_quota"],
    ["model_unreachable", 502, "model_unreachable"],
    ["model_unknown", 400, "model_unknown"],
    ["something_new", 500, "internal"],
  ])("%s", async (code, status, said) => {
    answers([ACCEPTED, failed(code)]);
    const response = await chat();
    expect([response.status, (await response.json<{ error: { code: string } }>()).error.code]).toEqual([
      status,
      said,
    ]);
    expect(response.headers.get("x-should-retry")).toBe("false");
  });

  it("stopped by somebody", async () => {
    answers([ACCEPTED, { type: "done", report: { ...REPORT, status: "cancelled" } }]);
    const response = await chat();
    expect([response.status, response.headers.get("x-should-retry")]).toEqual([409, "false"]);
  });

  it("at its length", async () => {
    answers([ACCEPTED, { type: "done", report: { ...REPORT, finish: "length" } }]);
    const whole = await (await chat()).json<{ choices: { finish_reason: string }[] }>();
    expect(whole.choices[0]?.finish_reason).toBe("length");
    const response = await (await post("/responses", { input: "hi" })).json<object>();
    expect(response).toMatchObject({
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
    });
    const stream = await (await post("/responses", { input: "hi", stream: true })).text();
    expect(stream).toContain("event: response.incomplete\n");
  });
});

describe("reasoning", () => {
  const events: AskEvent[] = [
    ACCEPTED,
    { type: "reasoning", delta: "Hmm. " },
    { type: "text", delta: "Hello." },
    { type: "done", report: { ...REPORT, reasoning: "Hmm. " } },
  ];

  it("is apart from the text in chat completions", async () => {
    answers(events);
    const { choices } = await (await chat()).json<{ choices: { message: object }[] }>();
    expect(choices[0]?.message).toMatchObject({ content: "Hello.", reasoning_content: "Hmm. " });
    answers(events);
    expect(await (await chat({ stream: true })).text()).toContain('"delta":{"reasoning_content":"Hmm. "}');
  });

  it("is an item of its own in responses, closed before the message opens", async () => {
    answers(events);
    const text = await (await post("/responses", { input: "hi", stream: true })).text();
    const types = [...text.matchAll(/^event: (.*)$/gm)].map((match) => match[1]);
    expect(types).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.reasoning_text.delta",
      "response.reasoning_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
  });
});

describe("a body", () => {
  it.each([
    ["no JSON", "{", 400],
    ["a list", "[]", 400],
    ["too large", JSON.stringify({ messages: "x".repeat(1_100_000) }), 413],
  ])("that is %s is refused", async (_, body, status) => {
    const response = await world.ask(`/keyed/${handle}/v1/chat/completions`, {
      method: "POST",
      headers: { Authorization: `Bearer ${secret}`, Origin: "none" },
      body,
    });
    expect(response.status).toBe(status);
  });

  it("goes on as the journal takes it: instructions, history and question apart", async () => {
    answers([ACCEPTED, { type: "done", report: REPORT }]);
    const image = "data:image/png;base64,iVBORw0KGgo=";
    await chat({
      max_completion_tokens: 9,
      messages: [
        { role: "developer", content: [{ type: "text", text: "Be kind." }] },
        { role: "user", content: "before" },
        { role: "assistant", content: "earlier" },
        {
          role: "user",
          content: [
            { type: "text", text: "look" },
            { type: "image_url", image_url: { url: image } },
          ],
        },
      ],
    });
    const request = world.reached.at(-1)?.request;
    expect(await request?.json()).toMatchObject({
      parts: [
        { type: "text", text: "look" },
        { type: "file", mediaType: "image/png", url: image },
      ],
      history: [
        { role: "user", parts: [{ type: "text", text: "before" }] },
        { role: "assistant", parts: [{ type: "text", text: "earlier" }] },
      ],
      instructions: "Be kind.",
      maxOutputTokens: 9,
      tell: "whole",
    });
    expect(request?.headers.get("authorization")).toBeNull();
  });

  it.each([
    [
      "messages[0].content[0].image_url.url",
      [{ type: "image_url", image_url: { url: "https://example.com/a.png" } }],
    ],
    ["messages[0].content[0].type", [{ type: "input_audio", input_audio: { data: "", format: "mp3" } }]],
  ])("names %s", async (param, content) => {
    const response = await chat({ messages: [{ role: "user", content }] });
    expect(await response.json()).toMatchObject({ error: { param, type: "invalid_request_error" } });
  });
});
