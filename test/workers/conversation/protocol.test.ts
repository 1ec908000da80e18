import { env } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { limits } from "../../../src/limits.ts";
import {
  connect,
  type Frame,
  isDone,
  isText,
  messagesOf,
  scriptModel,
  stubOf,
  textOf,
} from "../../support/chat.ts";
import { migrateCatalog } from "../router/support/app.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

describe("resume", () => {
  it("a client that comes in the middle gets every chunk once, by its number", async () => {
    await scriptModel([{ match: "slow story", steps: [{ text: "word ".repeat(300).trim(), paceMs: 4 }] }]);
    const first = await connect("resume");
    first.ask("r1", "m1", "slow story");
    await first.until(isText("r1"));

    const second = await connect("resume");
    const offer = await second.until((frame) => frame.type === "cf_agent_stream_resuming");
    expect(offer.id).toBe("r1");
    second.send({ type: "cf_agent_stream_resume_ack", id: "r1" });
    await second.until((frame) => frame.replayComplete === true);
    await second.until(isDone("r1"));
    await first.until(isDone("r1"));

    const seqs = second.frames.filter((frame) => frame.seq !== undefined).map((frame) => frame.seq);
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, i) => i));
    expect(second.text("r1")).toBe(first.text("r1"));
    expect(second.text("r1")).toBe("word ".repeat(300).trim());
  });

  it("a client that has the beginning gets the rest from its cursor", async () => {
    await scriptModel([{ match: "cursor", steps: [{ text: "word ".repeat(200).trim(), paceMs: 4 }] }]);
    const first = await connect("cursor", { console: true });
    first.ask("r1", "m1", "cursor");
    await first.until(isText("r1"));
    first.close();
    const seen = first.frames.filter((frame) => frame.seq !== undefined);
    const last = Math.max(...seen.map((frame) => frame.seq));

    const again = await connect("cursor", { console: true });
    await again.until((frame) => frame.type === "cf_agent_stream_resuming");
    again.send({ type: "cf_agent_stream_resume_ack", id: "r1", after: last });
    await again.until(isDone("r1"));
    const seqs = again.frames.filter((frame) => frame.seq !== undefined).map((frame) => frame.seq);
    expect(seqs[0]).toBe(last + 1);
    expect(first.text("r1") + again.text("r1")).toBe("word ".repeat(200).trim());
  });

  it("a probe is always answered, and with its own id", async () => {
    const chat = await connect("probe");
    chat.send({ type: "cf_agent_stream_resume_request", probeId: "p1" });
    const none = await chat.until((frame) => frame.type === "cf_agent_stream_resume_none");
    expect(none).toEqual({ type: "cf_agent_stream_resume_none", reason: "idle", probeId: "p1" });
  });

  it("live chunks are held back from a client that has not acknowledged", async () => {
    await scriptModel([{ match: "held", steps: [{ text: "word ".repeat(100).trim(), paceMs: 4 }] }]);
    const first = await connect("held");
    first.ask("r1", "m1", "held");
    await first.until(isText("r1"));
    const second = await connect("held");
    await second.until(isDone("r1"));
    expect(second.frames.filter((frame) => frame.seq !== undefined)).toEqual([]);
    const transcript = second.frames.findLast((frame) => frame.type === "cf_agent_chat_messages");
    expect(textOf(transcript?.messages.at(-1))).toBe("word ".repeat(100).trim());
  });
});

describe("two tabs", () => {
  it("see the same messages and the same answer", async () => {
    await scriptModel([{ match: "both", steps: [{ text: "seen by both" }] }]);
    const one = await connect("tabs");
    const two = await connect("tabs");
    await two.until((frame) => frame.type === "cf_agent_chat_messages");
    one.ask("r1", "m1", "both");
    await Promise.all([one.until(isDone("r1")), two.until(isDone("r1"))]);
    expect(two.text("r1")).toBe("seen by both");
    const order = two.frames.map((frame) => frame.type);
    const shown = two.frames.findIndex(
      (frame) => frame.type === "cf_agent_chat_messages" && frame.messages.some((m: Frame) => m.id === "m1"),
    );
    expect(shown).toBeGreaterThan(0);
    expect(shown).toBeLessThan(order.indexOf("cf_agent_use_chat_response"));
    const last = (chat: typeof one) =>
      chat.frames.findLast((frame) => frame.type === "cf_agent_chat_messages")?.messages;
    expect(last(one)).toEqual(last(two));
  });

  it("the transcript goes out before the terminal frame", async () => {
    await scriptModel([{ match: "order", steps: [{ text: "fine" }] }]);
    const chat = await connect("order");
    chat.ask("r1", "m1", "order");
    await chat.until(isDone("r1"));
    const done = chat.frames.findIndex(isDone("r1"));
    const before = chat.frames.slice(0, done).findLast((frame) => frame.type === "cf_agent_chat_messages");
    expect(textOf(before?.messages.at(-1))).toBe("fine");
    expect(chat.chunks("r1").filter((chunk) => chunk.type === "start")).toHaveLength(1);
  });
});

describe("sending", () => {
  it("the same message twice counts once, whole lists too", async () => {
    await scriptModel([{ match: "once only", steps: [{ text: "answered once" }] }]);
    const chat = await connect("once", { console: true });
    chat.ask("r1", "m1", "once only");
    await chat.until(isDone("r1"));
    chat.ask("r2", "m1", "once only");
    const done = await chat.until(isDone("r2"));
    expect(done.outcome).toBe("completed");
    expect(
      chat.frames.filter((frame) => frame.type === "holdfast_accepted").map((frame) => frame.id),
    ).toEqual(["r1", "r2"]);
    expect(await messagesOf("once", chat)).toHaveLength(2);
  });

  it("our console is told that a message is kept, and whether it waits", async () => {
    await scriptModel([
      { match: "first one", steps: [{ text: "word ".repeat(50), paceMs: 5 }] },
      { match: "second one", steps: [{ text: "second answer" }] },
    ]);
    const chat = await connect("queue", { console: true });
    chat.ask("r1", "m1", "first one");
    chat.ask("r2", "m2", "second one");
    await chat.until(isDone("r2"));
    const accepted = chat.frames.filter((frame) => frame.type === "holdfast_accepted");
    expect(accepted).toMatchObject([
      { id: "r1", messageIds: ["m1"], queued: false },
      { id: "r2", messageIds: ["m2"], queued: true },
    ]);
    const texts = (await messagesOf("queue", chat)).map(textOf);
    expect(texts[2]).toBe("second one");
    expect(texts[3]).toBe("second answer");
  });

  it("stock clients never see frames of ours", async () => {
    await scriptModel([{ match: "stock", steps: [{ text: "ok" }] }]);
    const chat = await connect("stock");
    chat.ask("r1", "m1", "stock");
    await chat.until(isDone("r1"));
    expect(chat.frames.filter((frame) => String(frame.type).startsWith("holdfast_"))).toEqual([]);
  });

  it("a client's transcript is never taken; ours comes back", async () => {
    const chat = await connect("taken");
    await chat.until((frame) => frame.connect === true);
    chat.send({ type: "cf_agent_chat_messages", messages: [{ id: "x", role: "user", parts: [] }] });
    const back = await chat.until((frame) => frame.type === "cf_agent_chat_messages" && !frame.connect);
    expect(back.messages).toEqual([]);
  });

  it("an answer can be made again: the old one leaves every tab", async () => {
    await scriptModel([{ match: "again", steps: [{ text: "first try" }, { text: "second try" }] }]);
    const chat = await connect("again", { console: true });
    chat.ask("r1", "m1", "again");
    await chat.until(isDone("r1"));
    chat.send({
      type: "cf_agent_use_chat_request",
      id: "r2",
      init: { body: JSON.stringify({ messages: [], trigger: "regenerate-message" }) },
    });
    await chat.until(isDone("r2"));
    expect((await messagesOf("again", chat)).map(textOf)).toEqual(["again", "second try"]);
  });

  it("clear empties the chat for everybody", async () => {
    await scriptModel([{ match: "clear me", steps: [{ text: "gone soon" }] }]);
    const one = await connect("clear");
    const two = await connect("clear");
    one.ask("r1", "m1", "clear me");
    await one.until(isDone("r1"));
    one.send({ type: "cf_agent_chat_clear" });
    await two.until((frame) => frame.type === "cf_agent_chat_clear");
    expect(await messagesOf("clear", one)).toEqual([]);
  });
});

describe("stop", () => {
  it("ends the answer at once and keeps what was said", async () => {
    await scriptModel([{ match: "stop me", steps: [{ text: "word ".repeat(2000), paceMs: 3 }] }]);
    const chat = await connect("stop");
    chat.ask("r1", "m1", "stop me");
    await chat.until(isText("r1"));
    chat.send({ type: "cf_agent_chat_request_cancel", id: "r1" });
    const done = await chat.until(isDone("r1"));
    expect(done.outcome).toBe("aborted");
    const kept = textOf((await messagesOf("stop", chat)).at(-1));
    expect(kept).toMatch(/^word\b/);
    expect(kept.length).toBeLessThan(5000);
  });
});

describe("bad input", () => {
  const cases: [string, string | Record<string, unknown>, string][] = [
    ["what is not JSON", "{nope", "frame_invalid"],
    ["an unknown type", { type: "cf_agent_unknown" }, "frame_invalid"],
    ["a frame without its fields", { type: "cf_agent_chat_request_cancel" }, "frame_invalid"],
    [
      "a tool answer that nobody asked for",
      { type: "cf_agent_tool_result", toolCallId: "x" },
      "frame_invalid",
    ],
  ];
  it.each(cases)("%s: an error with a code, and the chat goes on", async (name, frame, code) => {
    const chat = await connect(`bad-${slug(name)}`);
    chat.send(frame);
    const error = await chat.until((candidate) => candidate.type === "holdfast_error");
    expect(error.code).toBe(code);
    chat.send({ type: "cf_agent_stream_resume_request", probeId: "still" });
    await chat.until((candidate) => candidate.probeId === "still");
  });

  const requests: [string, unknown, string][] = [
    ["a body that is not JSON", "{", "frame_invalid"],
    ["no messages", JSON.stringify({ messages: [] }), "message_empty"],
    ["an empty text", body([{ type: "text", text: "  " }]), "message_empty"],
    ["parts of no known kind", body([{ type: "program" }]), "frame_invalid"],
    [
      "a foreign URL",
      body([{ type: "file", mediaType: "image/png", url: "https://x/y.png" }]),
      "frame_invalid",
    ],
    [
      "too much text",
      body([{ type: "text", text: "x".repeat(limits.messageBytes + 1) }]),
      "message_too_large",
    ],
  ];
  it.each(requests)("a request with %s is refused, and nothing is kept", async (name, requestBody, code) => {
    const thread = `refuse-${slug(name)}`;
    const chat = await connect(thread, { console: true });
    chat.send({ type: "cf_agent_use_chat_request", id: "r1", init: { method: "POST", body: requestBody } });
    const refused = await chat.until((frame) => frame.type === "holdfast_refused");
    expect(refused).toMatchObject({ id: "r1", code });
    const done = await chat.until(isDone("r1"));
    expect(done).toMatchObject({ error: true, outcome: "error" });
    expect(JSON.stringify(chat.frames)).not.toMatch(/\.ts:\d+|at Object|node_modules/);
    expect(await messagesOf(thread, chat)).toEqual([]);
  });

  it("an rpc call is answered, not left to time out", async () => {
    const chat = await connect("rpc");
    chat.send({ type: "rpc", id: "1", method: "destroy", args: [] });
    const answer = await chat.until((frame) => frame.type === "rpc");
    expect(answer).toMatchObject({ id: "1", success: false });
  });

  it("a request that did not come through the router is refused", async () => {
    const response = await stubOf("router").fetch("https://actor.internal/get-messages");
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("router");
  });
});

describe("a failing provider", () => {
  const failures: [string, unknown, string][] = [
    [
      "refuses the key",
      {
        status: 401,
        body: { type: "error", error: { type: "authentication_error", message: "bad key sk-secret" } },
      },
      "model_failed",
    ],
    [
      "does not know the model",
      { status: 404, body: { type: "error", error: { type: "not_found_error", message: "no" } } },
      "model_unknown",
    ],
    ["answers garbage", { garbage: "<html>this is not an answer</html>" }, "model_garbage"],
  ];
  it.each(failures)(
    "that %s: the turn fails with a code and a way on, and the next one works",
    async (name, step, code) => {
      const thread = `model-${slug(name)}`;
      await scriptModel([
        { match: `fail ${name}`, steps: Array.from({ length: limits.callAttempts }, () => step) },
      ]);
      await scriptModel([{ match: `after ${name}`, steps: [{ text: "works again" }] }]);
      const chat = await connect(thread);
      chat.ask("r1", "m1", `fail ${name}`);
      const done = await chat.until(isDone("r1"));
      expect(done).toMatchObject({ error: true, outcome: "error" });
      expect(JSON.stringify(chat.frames)).not.toContain("sk-secret");
      const failed = (await messagesOf(thread, chat)).at(-1);
      expect(failed?.metadata).toMatchObject({ outcome: "failed", error: { code } });
      chat.ask("r2", "m2", `after ${name}`);
      await chat.until(isDone("r2"));
      expect(chat.text("r2")).toBe("works again");
    },
    20_000,
  );

  it("that breaks off in the middle is asked again: the partial text is replaced", async () => {
    await scriptModel([
      {
        match: "cut short",
        steps: [{ cutAfterBytes: 900, text: "word ".repeat(100) }, { text: "a whole answer" }],
      },
    ]);
    const chat = await connect("cutshort");
    chat.ask("r1", "m1", "cut short");
    const recovering = await chat.until((frame) => frame.outcome === "recovering");
    expect(recovering.id).toBe("r1");
    const offer = await chat.until((frame) => frame.type === "cf_agent_stream_resuming");
    chat.send({ type: "cf_agent_stream_resume_ack", id: offer.id });
    await chat.until(isDone(offer.id));
    expect(textOf((await messagesOf("cutshort", chat)).at(-1))).toBe("a whole answer");
  });
});

function body(parts: unknown[]): string {
  return JSON.stringify({ messages: [{ id: "m1", role: "user", parts }], trigger: "submit-message" });
}

function slug(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}
