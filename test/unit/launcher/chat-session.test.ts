import { describe, expect, it } from "vitest";
import { CommandError } from "../../../local/lib/command.ts";
import { chunk, end, setUp, textOf } from "../../support/chat-session.ts";

describe("a question", () => {
  it("is sent once the socket is open, in the frame that the protocol asks for, and ends with its outcome", async () => {
    const { session, socket, events, emit } = setUp();
    const asked = session.ask("hello", emit);
    expect(socket(0).sent).toEqual([]);
    socket(0).open();
    const [frame] = socket(0).sent;
    expect(frame).toMatchObject({ type: "cf_agent_use_chat_request", id: "id1", init: { method: "POST" } });
    expect(JSON.parse(frame?.init?.body ?? "")).toEqual({
      messages: [{ id: "id2", role: "user", parts: [{ type: "text", text: "hello" }] }],
      trigger: "submit-message",
    });
    socket(0).say({ type: "holdfast_accepted", id: "id1", messageIds: ["id2"], queued: true });
    socket(0).say(chunk("id1", 0, { type: "start", messageId: "a" }));
    socket(0).say(chunk("id1", 1, { type: "text-delta", id: "0", delta: "Hi" }));
    socket(0).say(end("id1", { outcome: "completed" }));
    expect(await asked).toBe("completed");
    expect(events).toEqual([
      { event: "accepted", queued: true },
      { event: "text", delta: "Hi" },
      { event: "done", outcome: "completed" },
    ]);
  });

  it("hears only what is meant for it", async () => {
    const { session, socket, events, emit } = setUp();
    const asked = session.ask("hello", emit);
    socket(0).open();
    socket(0).say("no json");
    socket(0).say({ type: "cf_agent_identity", name: "x", agent: "y" });
    socket(0).say(chunk("another", 0, { type: "text-delta", delta: "not mine" }));
    socket(0).say({ type: "cf_agent_stream_resuming", id: "another" });
    socket(0).say(end("another", { outcome: "completed" }));
    socket(0).say(end("id1", { outcome: "completed" }));
    await asked;
    expect(textOf(events)).toBe("");
    expect(socket(0).sent).toHaveLength(1);
  });

  it.each([
    [{ outcome: "error", error: true, body: "The model is away." }, "failed", "The model is away."],
    [{ outcome: "aborted" }, "cancelled", undefined],
    [{ outcome: "completed" }, "completed", undefined],
  ])("that ends with %j is %s", async (more, outcome, message) => {
    const { session, socket, events, emit } = setUp();
    const asked = session.ask("hello", emit);
    socket(0).open();
    socket(0).say(end("id1", more));
    expect(await asked).toBe(outcome);
    expect(events.at(-1)).toEqual({ event: "done", outcome, ...(message ? { message } : {}) });
  });

  it("that is refused says why, with its code", async () => {
    const { session, socket, events, emit } = setUp();
    const asked = session.ask("hello", emit);
    socket(0).open();
    socket(0).say({ type: "holdfast_refused", id: "id1", code: "queue_full", message: "Too many." });
    socket(0).say(end("id1", { outcome: "error", error: true, body: "Too many." }));
    expect(await asked).toBe("refused");
    expect(events).toEqual([{ event: "done", outcome: "refused", code: "queue_full", message: "Too many." }]);
  });

  it("can be stopped, and another one asked on the same socket", async () => {
    const { session, socket, sockets, emit } = setUp();
    expect(session.cancel()).toBe(false);
    const asked = session.ask("hello", emit);
    socket(0).open();
    expect(session.cancel()).toBe(true);
    expect(socket(0).sent.at(-1)).toEqual({ type: "cf_agent_chat_request_cancel", id: "id1" });
    socket(0).say(end("id1", { outcome: "aborted" }));
    expect(await asked).toBe("cancelled");
    const second = session.ask("more", emit);
    socket(0).say(end("id3", { outcome: "completed" }));
    expect(await second).toBe("completed");
    expect(sockets).toHaveLength(1);
    session.close();
    expect(socket(0).closedWith).toBe(1000);
  });
});

describe("a connection that breaks", () => {
  it("is opened again, the same request is sent again, and nothing is said twice", async () => {
    const { session, socket, wait, events, emit } = setUp();
    const asked = session.ask("hello", emit);
    socket(0).open();
    socket(0).say(chunk("id1", 0, { type: "start", messageId: "a" }));
    socket(0).say(chunk("id1", 1, { type: "text-delta", delta: "Hello " }));
    socket(0).drop();
    await wait();
    socket(1).open();
    expect(socket(1).sent).toEqual(socket(0).sent);
    socket(1).say({ type: "cf_agent_stream_resuming", id: "id1" });
    expect(socket(1).sent.at(-1)).toEqual({ type: "cf_agent_stream_resume_ack", id: "id1", after: -1 });
    socket(1).say(chunk("id1", 0, { type: "start", messageId: "a" }, { replay: true }));
    socket(1).say(chunk("id1", 1, { type: "text-delta", delta: "Hello wor" }, { replay: true }));
    socket(1).say(chunk("id1", 2, { type: "text-delta", delta: "ld" }));
    socket(1).say({ type: "cf_agent_stream_resuming", id: "id1" });
    expect(socket(1).sent.at(-1)).toMatchObject({ after: 2 });
    socket(1).say(chunk("id1", 2, { type: "text-delta", delta: "ld" }, { replay: true }));
    socket(1).say(end("id1", { outcome: "completed" }));
    expect(await asked).toBe("completed");
    expect(textOf(events)).toBe("Hello world");
    expect(events.filter((event) => event.event === "reconnecting")).toHaveLength(1);
  });

  it("does not matter if the answer was finished meanwhile: the transcript tells it", async () => {
    const { session, socket, wait, events, emit } = setUp();
    const asked = session.ask("hello", emit);
    socket(0).open();
    socket(0).drop();
    await wait();
    socket(1).open();
    socket(1).say({
      type: "cf_agent_chat_messages",
      messages: [
        { id: "old", role: "user", parts: [] },
        { id: "a0", role: "assistant", parts: [{ type: "text", text: "Something else" }] },
        { id: "id2", role: "user", parts: [] },
        { id: "a1", role: "assistant", parts: [{ type: "text", text: "The answer" }] },
      ],
    });
    socket(1).say(end("id1", { replay: true }));
    socket(1).say(end("id1", { outcome: "completed" }));
    expect(await asked).toBe("completed");
    expect(textOf(events)).toBe("The answer");
  });

  it("goes on with the stream that takes the place of one that a crash cut off", async () => {
    const { session, socket, events, emit } = setUp();
    const asked = session.ask("hello", emit);
    socket(0).open();
    socket(0).say(chunk("id1", 0, { type: "text-delta", delta: "Hel" }));
    socket(0).say(end("id1", { outcome: "recovering" }));
    socket(0).say({ type: "cf_agent_stream_resuming", id: "id1~0.2" });
    expect(socket(0).sent.at(-1)).toEqual({ type: "cf_agent_stream_resume_ack", id: "id1~0.2", after: -1 });
    socket(0).say(chunk("id1~0.2", 0, { type: "start", messageId: "a" }));
    socket(0).say(chunk("id1~0.2", 1, { type: "text-delta", delta: "Hello" }));
    socket(0).say(end("id1~0.2", { outcome: "completed" }));
    await asked;
    expect(textOf(events)).toBe("Hello");
  });

  it("is tried again with growing pauses, and given up after a minute with exit code 3", async () => {
    const { session, sockets, socket, wait, emit } = setUp();
    const asked = session.ask("hello", emit);
    asked.catch(() => {});
    socket(0).open();
    socket(0).drop();
    const pauses: number[] = [];
    for (let waited = 0; waited <= 60_000; waited += pauses.at(-1) ?? 0) {
      pauses.push(await wait());
      sockets.at(-1)?.onerror?.();
    }
    await expect(asked).rejects.toMatchObject({ exitCode: 3 });
    expect(pauses.slice(0, 6)).toEqual([200, 400, 800, 1600, 3000, 3000]);
  });

  it("is not tried again when the server says for good that it will not", async () => {
    const refused = setUp(async () => new CommandError("That is no name for a chat."));
    const asked = refused.session.ask("hello", refused.emit);
    refused.socket(0).onerror?.();
    await expect(asked).rejects.toThrow("That is no name for a chat.");

    for (const code of [1008, 4001]) {
      const closed = setUp();
      const again = closed.session.ask("hello", closed.emit);
      closed.socket(0).open();
      closed.socket(0).drop(code);
      await expect(again).rejects.toThrow(`(${code})`);
      expect(closed.timers).toEqual([]);
    }
  });

  it("between two questions is opened for the next one", async () => {
    const { session, socket, sockets, emit } = setUp();
    const first = session.ask("one", emit);
    socket(0).open();
    socket(0).say(end("id1", { outcome: "completed" }));
    await first;
    socket(0).drop();
    const second = session.ask("two", emit);
    expect(sockets).toHaveLength(2);
    socket(1).open();
    socket(1).say(end("id3", { outcome: "completed" }));
    expect(await second).toBe("completed");
  });
});
