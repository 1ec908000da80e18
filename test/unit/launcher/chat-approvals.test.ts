import { describe, expect, it } from "vitest";
import type { ChatEvent } from "../../../local/lib/chat/events.ts";
import { chunk, end, type FakeSocket, setUp, textOf } from "../../support/chat-session.ts";

describe("an answer that waits for approval", () => {
  const call = { id: "c1", name: "write", input: { path: "a.txt" } };
  const asking = (socket: FakeSocket, id = "id1"): void => {
    socket.say(chunk(id, 0, { type: "start", messageId: "a" }));
    socket.say(chunk(id, 1, { type: "text-delta", delta: "I write. " }));
    socket.say(
      chunk(id, 2, { type: "tool-input-available", toolCallId: "c1", toolName: "write", input: call.input }),
    );
    socket.say(chunk(id, 3, { type: "tool-approval-request", approvalId: "c1", toolCallId: "c1" }));
    socket.say(end(id, { outcome: "completed" }));
  };
  /** What follows a decision: everything again, under another name. */
  const goesOn = (socket: FakeSocket): void => {
    socket.say({ type: "cf_agent_stream_resuming", id: "id1~0.7" });
    expect(socket.sent.at(-1)).toMatchObject({ type: "cf_agent_stream_resume_ack", id: "id1~0.7" });
    socket.say(chunk("id1~0.7", 0, { type: "start", messageId: "a" }, { replay: true }));
    socket.say(chunk("id1~0.7", 1, { type: "text-delta", delta: "I write. " }, { replay: true }));
    socket.say(
      chunk("id1~0.7", 2, { type: "tool-output-available", toolCallId: "c1", output: { created: true } }),
    );
    socket.say(chunk("id1~0.7", 3, { type: "text-delta", delta: "Done." }));
    socket.say(end("id1~0.7", { outcome: "completed" }));
  };

  it("ends as waiting where nobody can decide", async () => {
    const { session, socket, events, emit } = setUp();
    const asked = session.ask("write", emit);
    socket(0).open();
    asking(socket(0));
    expect(await asked).toBe("waiting");
    expect(events.slice(-2)).toEqual([
      { event: "approval", ...call },
      { event: "done", outcome: "waiting" },
    ]);
  });

  it.each([true, false])("goes on when the person says %j", async (approved) => {
    const { session, socket, events, emit } = setUp();
    const seen: unknown[] = [];
    const asked = session.ask("write", emit, {
      approve: async (one) => {
        seen.push(one);
        return approved;
      },
    });
    socket(0).open();
    asking(socket(0));
    await new Promise(setImmediate);
    expect(seen).toEqual([call]);
    expect(socket(0).sent.at(-1)).toEqual({ type: "cf_agent_tool_approval", toolCallId: "c1", approved });
    goesOn(socket(0));
    expect(await asked).toBe("completed");
    expect(textOf(events)).toBe("I write. Done.");
    expect(events.filter(({ event }) => event === "tool" || event === "approval")).toHaveLength(2);
  });

  it("asks nobody any more when somebody else decided", async () => {
    const { session, socket, emit } = setUp();
    const signals: AbortSignal[] = [];
    const asked = session.ask("write", emit, {
      approve: (_call, signal) => {
        signals.push(signal);
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve(null)));
      },
    });
    socket(0).open();
    asking(socket(0));
    expect(signals.map((signal) => signal.aborted)).toEqual([false]);
    goesOn(socket(0));
    expect(signals.map((signal) => signal.aborted)).toEqual([true]);
    expect(await asked).toBe("completed");
    expect(socket(0).sent.some(({ type }) => type === "cf_agent_tool_approval")).toBe(false);
  });

  it("is found waiting after a reconnect", async () => {
    const { session, socket, wait, emit } = setUp();
    const asked = session.ask("write", emit);
    socket(0).open();
    socket(0).drop();
    await wait();
    socket(1).open();
    const parts = [{ type: "tool-write", toolCallId: "c1", state: "approval-requested", input: call.input }];
    const messages = [
      { id: "id2", role: "user", parts: [] },
      { id: "a", role: "assistant", parts },
    ];
    socket(1).say({ type: "cf_agent_chat_messages", messages });
    socket(1).say({ type: "cf_agent_stream_pending", id: "id1" });
    expect(await asked).toBe("waiting");
  });

  it("is decided by another run, which shows only what follows", async () => {
    const { session, socket, events, emit } = setUp();
    const decided = session.decide("c1", true, emit);
    socket(0).open();
    expect(socket(0).sent).toEqual([{ type: "cf_agent_tool_approval", toolCallId: "c1", approved: true }]);
    const parts = [
      { type: "text", text: "I write. " },
      { type: "tool-write", toolCallId: "c1", state: "approval-requested", input: call.input },
    ];
    socket(0).say({ type: "cf_agent_chat_messages", messages: [{ id: "a", role: "assistant", parts }] });
    socket(0).say({ type: "holdfast_decided", toolCallId: "c1", counted: true, approved: true, by: "alice" });
    goesOn(socket(0));
    expect(await decided).toBe("completed");
    expect(events).toEqual([
      { event: "result", id: "c1", name: "write", output: { created: true } },
      { event: "text", delta: "Done." },
      { event: "done", outcome: "completed" },
    ]);
  });

  it("says who was faster", async () => {
    const { session, socket, events, emit } = setUp();
    const decided = session.decide("c1", true, emit);
    socket(0).open();
    socket(0).say({ type: "holdfast_decided", toolCallId: "c1", counted: false, approved: false, by: "bob" });
    expect(await decided).toBe("refused");
    expect(events).toEqual([
      { event: "done", outcome: "refused", message: "That call was denied already, by bob." },
    ]);
  });

  it("that ended while the deciding run was away is shown to its end", async () => {
    const { session, socket, wait, events, emit } = setUp();
    const decided = session.decide("c1", true, emit);
    socket(0).open();
    socket(0).say({ type: "cf_agent_stream_resuming", id: "id1~0.7" });
    socket(0).drop();
    await wait();
    socket(1).open();
    socket(1).say({
      type: "cf_agent_chat_messages",
      messages: [
        {
          id: "a",
          role: "assistant",
          metadata: { outcome: "completed" },
          parts: [
            {
              type: "tool-write",
              toolCallId: "c1",
              state: "output-available",
              input: call.input,
              output: {},
            },
            { type: "text", text: "Done." },
          ],
        },
      ],
    });
    expect(await decided).toBe("completed");
    expect(textOf(events)).toBe("Done.");
  });
});

describe("several questions", () => {
  it("are open at once, and each gets its own answer", async () => {
    const { session, socket, emit } = setUp();
    const first: ChatEvent[] = [];
    const one = session.ask("one", (event) => first.push(event));
    socket(0).open();
    socket(0).say(chunk("id1", 0, { type: "start", messageId: "a" }));
    const two = session.ask("two", emit, { mode: "steer" });
    expect(JSON.parse(socket(0).sent[1]?.init?.body ?? "")).toMatchObject({ mode: "steer" });
    socket(0).say({ type: "holdfast_accepted", id: "id3", messageIds: ["id4"], queued: true });
    socket(0).say(chunk("id1", 1, { type: "data-joined", data: { messageIds: ["id4"] } }));
    socket(0).say(chunk("id1", 2, { type: "text-delta", delta: "Both." }));
    socket(0).say(end("id1", { outcome: "completed" }));
    socket(0).say(end("id3", { outcome: "completed" }));
    expect(await Promise.all([one, two])).toEqual(["completed", "completed"]);
    expect(first).toEqual([
      { event: "joined", messages: ["id4"] },
      { event: "text", delta: "Both." },
      { event: "done", outcome: "completed" },
    ]);
  });
});
