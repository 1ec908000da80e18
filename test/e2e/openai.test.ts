/** The official `openai` package against a running server, through the local edge: models and chat completions. */
import OpenAI from "openai";
import { beforeAll, describe, expect, it } from "vitest";
import {
  asks,
  clientOf,
  type ProgramWorld,
  programWorld,
  refusal,
  requestsAbout,
  says,
} from "../support/e2e-programs.ts";
import { eventually, modelRequests, scriptModel, textOf } from "../support/e2e-server.ts";

let world: ProgramWorld;
let { server, alice, secret, client } = {} as ProgramWorld; // set before the first test

beforeAll(async () => {
  world = await programWorld();
  ({ server, alice, secret, client } = world);
  return () => server.stop();
});

/** The top of the workspace, as its listing says it. */
const files = async (): Promise<string> => (await alice.fetch(`/api/agents/${alice.handle}/files`)).text();

describe("models", () => {
  it("there is one: the agent", async () => {
    const models = await client.models.list();
    expect(models.data).toMatchObject([{ id: alice.handle, object: "model", owned_by: "holdfast" }]);
    expect(await client.models.retrieve(alice.handle)).toEqual(models.data[0]);
  });

  it("another one is not found, and the error names the parameter", async () => {
    const error = await refusal(client.chat.completions.create({ model: "gpt-4o", messages: asks("hi") }));
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ status: 404, code: "model_not_found", param: "model" });
    expect(String((error as Error).message)).toContain(`'${alice.handle}'`);
  });
});

describe("chat completions", () => {
  it("answer as a whole, with usage and the request's id", async () => {
    await says(world, "tea or coffee", "Tea, always.");
    const { data, response } = await client.chat.completions
      .create({ model: alice.handle, messages: asks("tea or coffee?"), temperature: 0, seed: 1, user: "u1" })
      .withResponse();
    expect(data).toMatchObject({
      object: "chat.completion",
      model: alice.handle,
      choices: [{ index: 0, message: { role: "assistant", content: "Tea, always." }, finish_reason: "stop" }],
    });
    expect(data.usage?.total_tokens).toBe(
      (data.usage?.prompt_tokens ?? 0) + (data.usage?.completion_tokens ?? 0),
    );
    expect(data.usage?.completion_tokens).toBeGreaterThan(0);
    expect(response.headers.get("x-request-id")).toBeTruthy();
  });

  it("stream, and end with usage when that is asked for", async () => {
    const text = Array.from({ length: 60 }, (_, i) => `word${i}`).join(" ");
    await says(world, "stream sixty words", text);
    const stream = await client.chat.completions.create({
      model: alice.handle,
      messages: asks("stream sixty words"),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe(text);
    expect(chunks[0]?.choices[0]?.delta.role).toBe("assistant");
    expect(chunks.length).toBeGreaterThan(4);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.filter((chunk) => chunk.choices[0]?.finish_reason === "stop")).toHaveLength(1);
    expect(chunks.at(-1)).toMatchObject({ choices: [] });
    expect(chunks.at(-1)?.usage?.completion_tokens).toBeGreaterThan(0);
  });

  it("take the whole history, and instructions for this answer only", async () => {
    await says(world, "and the third", "Gamma.");
    await client.chat.completions.create({
      model: alice.handle,
      messages: [
        { role: "system", content: "Answer with Greek letters." },
        { role: "user", content: "the first?" },
        { role: "assistant", content: "Alpha." },
        { role: "user", content: "the second?" },
        { role: "assistant", content: "Beta." },
        { role: "user", content: "and the third?" },
      ],
    });
    const request = (await modelRequests(server)).at(-1);
    expect(String(request?.system)).toContain("Answer with Greek letters.");
    const sent = JSON.stringify(request?.messages);
    expect(sent.indexOf("the first?")).toBeLessThan(sent.indexOf("Alpha."));
    expect(sent.indexOf("Beta.")).toBeLessThan(sent.indexOf("and the third?"));
  });

  it("run in chats that the list does not show", async () => {
    await says(world, "leave no trace", "None.");
    const { response } = await client.chat.completions
      .create({ model: alice.handle, messages: asks("leave no trace") })
      .withResponse();
    const thread = response.headers.get("holdfast-thread") ?? "";
    expect(thread).toMatch(/^api-e/);
    const { threads } = (await (await alice.fetch(`/api/agents/${alice.handle}/threads`)).json()) as {
      threads: { id: string }[];
    };
    expect(threads.map(({ id }) => id).filter((id) => id.startsWith("api-"))).toEqual([]);
    // For whoever knows its address, it is a chat.
    expect((await alice.messages(thread)).map(textOf)).toEqual(["leave no trace", "None."]);
  });

  it("go on in a chat that the header names: then only the newest message counts", async () => {
    const headers = { "Holdfast-Thread": "from-a-program" };
    await says(world, "remember 17", "Noted.");
    await says(world, "which number", "17.");
    const ask = (messages: ReturnType<typeof asks>) =>
      client.chat.completions.create({ model: alice.handle, messages }, { headers });
    await ask(asks("remember 17"));
    const answer = await ask([...asks("something else entirely"), ...asks("which number?")]);
    expect(answer.choices[0]?.message.content).toBe("17.");
    expect((await alice.messages("from-a-program")).map(textOf)).toEqual([
      "remember 17",
      "Noted.",
      "which number?",
      "17.",
    ]);
  });

  it("use the agent's tools, and keep its texts apart", async () => {
    await scriptModel(server, [
      {
        match: "write the note",
        steps: [
          { tools: [{ name: "write", input: { path: "note.txt", text: "written" } }], text: "Writing." },
          { text: "Written." },
        ],
      },
    ]);
    const stream = await client.chat.completions.create({
      model: alice.handle,
      messages: asks("write the note"),
      stream: true,
    });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    expect(text).toBe("Writing.\n\nWritten.");
    expect(await files()).toContain("note.txt");
  });

  it("say what waits for approval; the turn goes on when somebody decides", async () => {
    await alice.fetch(`/api/agents/${alice.handle}/files/content?path=old.txt`, {
      method: "PUT",
      body: "old",
    });
    await alice.fetch(`/api/agents/${alice.handle}/settings`, {
      method: "PATCH",
      body: JSON.stringify({ toolRisks: { delete: "ask" } }),
    });
    await scriptModel(server, [
      {
        match: "delete the old file",
        steps: [{ tools: [{ name: "delete", input: { path: "old.txt" } }] }, { text: "Deleted." }],
      },
    ]);
    const asked = { model: alice.handle, messages: asks("delete the old file") };
    const headers = { "Idempotency-Key": "delete-1" };
    const { data, response } = await client.chat.completions.create(asked, { headers }).withResponse();
    const thread = response.headers.get("holdfast-thread") ?? "";
    expect(data.choices[0]?.finish_reason).toBe("stop");
    expect(data.choices[0]?.message.content).toContain("Waiting for approval: delete.");
    expect(data.choices[0]?.message.content).toContain(`/@${alice.handle}/${thread}`);
    expect(await files()).toContain("old.txt");

    const waiting = (await alice.messages(thread)).at(-1);
    const call = waiting?.parts.find((part) => part.type === "tool-delete") as { toolCallId?: string };
    const decided = await alice.fetch(
      `/api/agents/${alice.handle}/threads/${thread}/approvals/${call.toolCallId}`,
      { method: "POST", body: JSON.stringify({ approved: true }) },
    );
    expect(decided.status).toBe(200);
    await eventually("the file is gone", async () => !(await files()).includes("old.txt"));
    const again = await client.chat.completions.create(asked, { headers });
    expect(again.choices[0]?.message.content).toBe("Deleted.");
  });

  it.each([
    ["tools", { tools: [{ type: "function", function: { name: "f", parameters: {} } }] }],
    ["n", { n: 2 }],
    ["logprobs", { logprobs: true }],
    ["response_format", { response_format: { type: "json_object" } }],
    ["audio", { audio: { voice: "alloy", format: "mp3" } }],
    ["made_up", { made_up: 1 }],
    ["messages[0].role", { messages: [{ role: "tool", tool_call_id: "x", content: "y" }] }],
    ["messages", { messages: [] }],
    ["max_tokens", { max_tokens: -1 }],
  ])("refuse %s by name", async (param, more) => {
    const body = { model: alice.handle, messages: asks("hi"), ...more };
    const error = await refusal(client.post("/chat/completions", { body }));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ status: 400, param, type: "invalid_request_error" });
  });
});

describe("a request that is sent again", () => {
  it("runs once, and both get its answer", async () => {
    await says(world, "count me once", "Once.");
    let cut = 0;
    const flaky = clientOf(server, alice.handle, secret, {
      maxRetries: 2,
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        if (cut++ > 0) return response;
        await response.body?.cancel();
        throw new TypeError("the connection was cut");
      },
    });
    const answer = await flaky.chat.completions.create(
      { model: alice.handle, messages: asks("count me once") },
      { headers: { "Idempotency-Key": "once-1" } },
    );
    expect(cut).toBe(2);
    expect(answer.choices[0]?.message.content).toBe("Once.");
    expect(await requestsAbout(world, "count me once")).toBe(1);
  });

  it("goes on while nobody listens, and is told whole to who asks again", async () => {
    const text = Array.from({ length: 120 }, (_, i) => `step${i}`).join(" ");
    await scriptModel(server, [{ match: "long walk", steps: [{ text, paceMs: 5 }] }]);
    const ask = () =>
      client.chat.completions.create(
        { model: alice.handle, messages: asks("a long walk"), stream: true },
        { headers: { "Idempotency-Key": "walk-1" } },
      );
    for await (const chunk of await ask()) if (chunk.choices[0]?.delta.content) break;
    let told = "";
    for await (const chunk of await ask()) told += chunk.choices[0]?.delta.content ?? "";
    expect(told).toBe(text);
    expect(await requestsAbout(world, "a long walk")).toBe(1);
  });
});
