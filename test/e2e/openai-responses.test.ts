/** The official `openai` package against a running server: responses, and turns that fail. */
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
import { modelRequests, scriptModel, textOf } from "../support/e2e-server.ts";

let world: ProgramWorld;
let { server, alice, secret, client } = {} as ProgramWorld; // set before the first test

beforeAll(async () => {
  world = await programWorld();
  ({ server, alice, secret, client } = world);
  return () => server.stop();
});

describe("responses", () => {
  it("answer, are read again, and are followed up by their id", async () => {
    await says(world, "first question", "First answer.");
    await says(world, "follow up", "Second answer.");
    const first = await client.responses.create({
      model: alice.handle,
      input: "first question",
      instructions: "Be brief.",
      metadata: { job: "7" },
    });
    expect(first).toMatchObject({ object: "response", status: "completed", metadata: { job: "7" } });
    expect(first.output_text).toBe("First answer.");
    expect((await client.responses.retrieve(first.id)).output_text).toBe("First answer.");

    const second = await client.responses.create({
      model: alice.handle,
      input: "follow up",
      previous_response_id: first.id,
    });
    expect(second.output_text).toBe("Second answer.");
    const request = (await modelRequests(server)).at(-1);
    expect(JSON.stringify(request?.messages)).toContain("First answer.");
    expect(String(request?.system)).not.toContain("Be brief.");

    const stale = await refusal(
      client.responses.create({ model: alice.handle, input: "branch", previous_response_id: first.id }),
    );
    expect(stale).toBeInstanceOf(OpenAI.ConflictError);

    await client.responses.delete(first.id);
    expect(await refusal(client.responses.retrieve(second.id))).toBeInstanceOf(OpenAI.NotFoundError);
  });

  it("stream their events in the documented order", async () => {
    await says(world, "typed events", "One two three.");
    const stream = await client.responses.create({
      model: alice.handle,
      input: [{ role: "user", content: [{ type: "input_text", text: "typed events" }] }],
      stream: true,
    });
    const events = [];
    for await (const event of stream) events.push(event);
    const types = events.map(({ type }) => type);
    expect(types.filter((type, i) => type !== types[i - 1])).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, i) => i));
    const last = events.at(-1);
    expect(last?.type === "response.completed" && last.response.output).toMatchObject([
      { type: "message", content: [{ type: "output_text", text: "One two three." }] },
    ]);
  });

  it("are put together by the client's own reader of streams", async () => {
    await says(world, "read by the helper", "Put together.");
    const final = await client.responses
      .stream({ model: alice.handle, input: "read by the helper" })
      .finalResponse();
    expect(final.output_text).toBe("Put together.");
  });

  it("go on in the chat that `conversation` names", async () => {
    await says(world, "into the log", "Logged.");
    const response = await client.responses.create({
      model: alice.handle,
      input: "into the log",
      conversation: "log-of-jobs",
    });
    expect(response.conversation).toEqual({ id: "log-of-jobs" });
    expect((await alice.messages("log-of-jobs")).map(textOf)).toEqual(["into the log", "Logged."]);
    expect(await refusal(client.responses.delete(response.id))).toBeInstanceOf(OpenAI.BadRequestError);
  });

  it("run in the background, and are cancelled", async () => {
    await scriptModel(server, [
      { match: "take your time", steps: [{ text: "slow ".repeat(400), paceMs: 20 }] },
    ]);
    const started = await client.responses.create({
      model: alice.handle,
      input: "take your time",
      background: true,
    });
    expect(started.status).toBe("in_progress");
    expect((await client.responses.cancel(started.id)).status).toBe("cancelled");
    expect((await client.responses.retrieve(started.id)).status).toBe("cancelled");
  });

  it("that nobody wants kept cannot be read again", async () => {
    await says(world, "do not store", "Gone.");
    const response = await client.responses.create({
      model: alice.handle,
      input: "do not store",
      store: false,
    });
    expect(response.output_text).toBe("Gone.");
    expect(await refusal(client.responses.retrieve(response.id))).toBeInstanceOf(OpenAI.NotFoundError);
  });
});

describe("a turn that fails", () => {
  const broken = { steps: [{ status: 400, body: { error: { message: "no" } } }] };

  it("is an error of the client's, asked for once", async () => {
    await scriptModel(server, [{ match: "fail for me", ...broken }]);
    const retrying = clientOf(server, alice.handle, secret, { maxRetries: 2 });
    const error = await refusal(
      retrying.chat.completions.create({ model: alice.handle, messages: asks("fail for me") }),
    );
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(await requestsAbout(world, "fail for me")).toBe(1);
  });

  it("ends a stream with an error", async () => {
    await scriptModel(server, [{ match: "fail in the stream", ...broken }]);
    const reading = async () => {
      const stream = await client.chat.completions.create({
        model: alice.handle,
        messages: asks("fail in the stream"),
        stream: true,
      });
      for await (const _ of stream);
    };
    expect(await refusal(reading())).toBeInstanceOf(OpenAI.APIError);
  });

  it("never doubles text: what was said before the break is not said again in other words", async () => {
    const text = Array.from({ length: 80 }, (_, i) => `early${i}`).join(" ");
    await scriptModel(server, [
      {
        match: "break in the middle",
        steps: [{ cutAfterBytes: 6_000, text }, { text: "Quite another answer." }],
      },
    ]);
    let told = "";
    const reading = async () => {
      const stream = await client.chat.completions.create(
        { model: alice.handle, messages: asks("break in the middle"), stream: true },
        { headers: { "Idempotency-Key": "break-1" } },
      );
      for await (const chunk of stream) told += chunk.choices[0]?.delta.content ?? "";
    };
    const error = await refusal(reading());
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(String((error as Error).message)).toContain("Idempotency-Key");
    expect(told).not.toBe("");
    expect(text.startsWith(told)).toBe(true);
    const whole = await client.chat.completions.create(
      { model: alice.handle, messages: asks("break in the middle") },
      { headers: { "Idempotency-Key": "break-1" } },
    );
    expect(whole.choices[0]?.message.content).toBe("Quite another answer.");
  });
});
