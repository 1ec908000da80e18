import { describe, expect, it } from "vitest";
import type { ChatClient } from "../../../src/console/chat/chat.ts";
import {
  connectWith,
  delta,
  freshEachTime,
  open,
  platform,
  reconnect,
  requestsOf,
  spoken,
  start,
  text,
} from "./client-world.ts";
import { answerMessage, chunkFrame, doneFrame, type FakeSocket, userMessage } from "./fake-platform.ts";

freshEachTime();

const waiting = (client: ChatClient) =>
  client.snapshot().lines.map(({ message, waiting: how }) => [message.id, how]);

const accepted = (request: { id: string; messages: { id: string }[] } | undefined, queued: boolean) => ({
  type: "holdfast_accepted",
  id: request?.id,
  messageIds: request?.messages.map((message) => message.id),
  queued,
});

/** A chat in which an answer to "first" streams; returns its socket and the stream's name. */
function answering(client: ChatClient): { socket: FakeSocket; stream: string } {
  const socket = connectWith();
  client.send(text("first"));
  const [request] = requestsOf(socket);
  socket.frame(accepted(request, false));
  socket.frame(start(request?.id ?? "", "a1"));
  socket.frame(delta(request?.id ?? "", 1, "Thinking about it"));
  return { socket, stream: request?.id ?? "" };
}

describe("a message that waits", () => {
  it("stands below the running answer until its turn begins", () => {
    const client = open();
    const { socket, stream } = answering(client);
    client.send(text("second"));
    const second = requestsOf(socket)[1];
    socket.frame(accepted(second, true));
    expect(waiting(client).at(-1)).toEqual([second?.messages[0].id, "queued"]);
    socket.frame(doneFrame(stream));
    expect(waiting(client).at(-1)?.[1]).toBe("queued");
    socket.frame(start(second?.id ?? "", "a2"));
    expect(waiting(client).map(([, how]) => how)).toEqual([null, null, null, null]);
  });

  it("waits in every other tab as the server says, and is read when the server says so", () => {
    const client = open();
    const socket = connectWith([userMessage("m1", "first"), answerMessage("a1", "Done")]);
    const queued = { ...userMessage("m2", "second"), metadata: { turn: "t2", waiting: "queued" } };
    socket.frame({ type: "cf_agent_message_updated", message: queued });
    expect(waiting(client)).toEqual([
      ["m1", null],
      ["a1", null],
      ["m2", "queued"],
    ]);
    socket.frame({ type: "cf_agent_message_updated", message: { ...queued, metadata: { turn: "t2" } } });
    expect(waiting(client).at(-1)).toEqual(["m2", null]);
  });

  it("is edited, deleted or sent at once by what the server is asked", () => {
    const client = open();
    const { socket } = answering(client);
    expect(client.amend("m2", { action: "edit", text: "other words" })).toBe(true);
    expect(client.amend("m2", { action: "steer" })).toBe(true);
    expect(client.amend("m2", { action: "delete" })).toBe(true);
    expect(socket.sentOf("holdfast_amend").map((frame) => [frame.messageId, frame.change])).toEqual([
      ["m2", { action: "edit", text: "other words" }],
      ["m2", { action: "steer" }],
      ["m2", { action: "delete" }],
    ]);
  });

  it("leaves when it was deleted, and no answer is waited for", () => {
    const client = open();
    const { socket, stream } = answering(client);
    client.send(text("second"));
    const second = requestsOf(socket)[1];
    socket.frame(accepted(second, true));
    socket.frame({ type: "holdfast_removed", messageIds: [second?.messages[0].id] });
    socket.frame(doneFrame(stream));
    expect(spoken(client)).toEqual(["user: first", "assistant: Thinking about it"]);
    expect(client.snapshot().working).toBe(false);
  });

  it("gets no answer when it was deleted, whatever its turn still says", () => {
    const client = open();
    const socket = connectWith([userMessage("m1", "first"), answerMessage("a1", "Done")]);
    const queued = { ...userMessage("m2", "second"), metadata: { turn: "t2", waiting: "queued" } };
    socket.frame({ type: "cf_agent_message_updated", message: queued });
    socket.frame({ type: "holdfast_removed", messageIds: ["m2"] });
    const nothing = {
      id: "a_t2",
      role: "assistant",
      parts: [],
      metadata: { turn: "t2", outcome: "cancelled" },
    };
    socket.frame({ type: "cf_agent_message_updated", message: nothing });
    expect(spoken(client)).toEqual(["user: first", "assistant: Done"]);
    const other = { ...nothing, id: "a_t3", metadata: { turn: "t3", outcome: "cancelled" } };
    socket.frame({ type: "cf_agent_message_updated", message: other });
    expect(client.snapshot().lines.at(-1)?.message.id).toBe("a_t3");
  });

  it("says why it could not be changed any more, until that is dismissed", () => {
    const client = open();
    const { socket } = answering(client);
    client.amend("m2", { action: "delete" });
    socket.frame({ type: "holdfast_refused", id: "m2", code: "message_begun", message: "It was read." });
    expect(client.snapshot().notice).toBe("It was read.");
    client.dismissNotice();
    expect(client.snapshot().notice).toBeNull();
    socket.frame({ type: "holdfast_error", code: "message_begun", message: "It was read too." });
    expect(client.snapshot().notice).toBe("It was read too.");
  });

  it("cannot be changed without a connection", () => {
    const client = open();
    answering(client).socket.drop();
    expect(client.amend("m2", { action: "delete" })).toBe(false);
  });
});

describe("steering", () => {
  it("asks to join the running answer, and is marked until it was read", () => {
    const client = open();
    const { socket, stream } = answering(client);
    client.send(text("in euros"), { steer: true });
    const request = requestsOf(socket)[1];
    expect(request?.mode).toBe("steer");
    const id = request?.messages[0].id;
    socket.frame(accepted(request, true));
    expect(waiting(client).at(-1)).toEqual([id, "steering"]);

    socket.frame(chunkFrame(stream, 2, { type: "text-end", id: "1" }));
    socket.frame(chunkFrame(stream, 3, { type: "data-joined", data: { messageIds: [id] } }));
    socket.frame(delta(stream, 4, "In euros, then."));
    // Inside of the answer, where it was read, and nowhere else.
    expect(waiting(client).map(([message]) => message)).not.toContain(id);
    expect(client.snapshot().joined.get(id)?.metadata.waiting).toBeUndefined();
    const answer = client.snapshot().lines.at(-1)?.message;
    expect(answer?.parts.map((part) => part.type)).toEqual(["text", "joined", "text"]);
    socket.frame(doneFrame(stream));
    expect(client.snapshot().working).toBe(false);
    expect(waiting(client).map(([, how]) => how)).toEqual([null, null]);
  });

  it("keeps its mode when it is sent again after a lost connection", async () => {
    const client = open();
    const { socket } = answering(client);
    socket.drop();
    client.send(text("in euros"), { steer: true });
    await platform.advance(1_000);
    const again = connectWith([userMessage("m1", "first")]);
    expect(requestsOf(again)[0]).toMatchObject({ mode: "steer", messages: [{ parts: text("in euros") }] });
  });

  it("shows a message that the server lists before the answer once, in the answer", () => {
    const client = open();
    const joined = { ...userMessage("m2", "in euros"), metadata: { turn: "t1", joined: "t1" } };
    const answer = {
      ...answerMessage("a1", "x"),
      parts: [
        { type: "text", text: "Adding up." },
        { type: "data-joined", data: { messageIds: ["m2"] } },
        { type: "text", text: "In euros." },
      ],
    };
    connectWith([userMessage("m1", "add up"), joined, answer]);
    expect(waiting(client).map(([id]) => id)).toEqual(["m1", "a1"]);
    expect([...client.snapshot().joined.keys()]).toEqual(["m2"]);
  });

  it("shows a joined message in its own place when the answer that read it is gone", () => {
    const client = open();
    const joined = { ...userMessage("m2", "in euros"), metadata: { turn: "t1", joined: "t1" } };
    connectWith([userMessage("m1", "add up"), joined]);
    expect(waiting(client).map(([id]) => id)).toEqual(["m1", "m2"]);
  });

  it("keeps the map of joined messages while other words stream", () => {
    const client = open();
    const { socket, stream } = answering(client);
    client.send(text("in euros"), { steer: true });
    const request = requestsOf(socket)[1];
    socket.frame(accepted(request, true));
    const part = { type: "data-joined", data: { messageIds: [request?.messages[0].id] } };
    socket.frame(chunkFrame(stream, 2, part));
    const before = client.snapshot().joined;
    socket.frame(delta(stream, 3, "more"));
    expect(client.snapshot().joined).toBe(before);
  });
});

describe("a tool call that waits for approval", () => {
  const request = { type: "tool-approval-request", approvalId: "c1", toolCallId: "c1" };
  function asking(client: ChatClient) {
    const { socket, stream } = answering(client);
    const input = { path: "a.txt" };
    socket.frame(
      chunkFrame(stream, 2, { type: "tool-input-available", toolCallId: "c1", toolName: "write", input }),
    );
    socket.frame(chunkFrame(stream, 3, { ...request, approvalDescriptor: { expiresAt: 42 } }));
    return { socket, stream };
  }
  const tool = (client: ChatClient) =>
    client
      .snapshot()
      .lines.flatMap(({ message }) => message.parts)
      .find((part) => part.type === "tool");

  it("asks, with what it will do and until when", () => {
    const client = open();
    asking(client);
    expect(tool(client)).toMatchObject({ state: "asking", input: { path: "a.txt" }, expiresAt: 42 });
    expect(client.snapshot().asking).toBe(true);
  });

  it("is decided on, once: the button waits for the server", () => {
    const client = open();
    const { socket, stream } = asking(client);
    expect(client.decide("c1", false, "  not that file ")).toBe(true);
    expect(socket.sentOf("cf_agent_tool_approval")).toEqual([
      { type: "cf_agent_tool_approval", toolCallId: "c1", approved: false, comment: "not that file" },
    ]);
    expect(client.snapshot().deciding).toEqual({ c1: false });
    socket.frame({ type: "holdfast_decided", toolCallId: "c1", counted: true, approved: false, by: "alice" });
    expect(client.snapshot().deciding).toEqual({});
    socket.frame(chunkFrame(stream, 4, { type: "tool-output-denied", toolCallId: "c1" }));
    expect(tool(client)?.state).toBe("denied");
    expect(client.snapshot().asking).toBe(false);
  });

  it("says nothing beside an approval that needs no words", () => {
    const client = open();
    const { socket } = asking(client);
    client.decide("c1", true, "  ");
    expect(socket.sentOf("cf_agent_tool_approval")).toEqual([
      { type: "cf_agent_tool_approval", toolCallId: "c1", approved: true },
    ]);
  });

  it("says whose decision counted when ours came second", () => {
    const client = open();
    const { socket } = asking(client);
    client.decide("c1", true);
    socket.frame({ type: "holdfast_decided", toolCallId: "c1", counted: false, approved: false, by: "ben" });
    expect(client.snapshot().decided).toEqual({ c1: { counted: false, approved: false, by: "ben" } });
  });

  it("can be decided on again after a refusal or a lost connection", async () => {
    const client = open();
    const { socket } = asking(client);
    client.decide("c1", true);
    socket.frame({ type: "holdfast_error", code: "approval_unknown", message: "It waits no more." });
    expect(client.snapshot().deciding).toEqual({});
    client.decide("c1", true);
    await reconnect();
    expect(client.snapshot().deciding).toEqual({});
  });

  it("goes on asking after the stream has ended, until the turn has an outcome", () => {
    const client = open();
    const { socket, stream } = asking(client);
    socket.frame(doneFrame(stream));
    expect(tool(client)?.state).toBe("asking");
    const over = {
      id: "a1",
      role: "assistant",
      metadata: { outcome: "cancelled" },
      parts: [{ type: "tool-write", toolCallId: "c1", state: "approval-requested", input: {} }],
    };
    socket.frame({ type: "cf_agent_message_updated", message: over });
    expect(tool(client)?.state).toBe("stopped");
  });
});

describe("what is taken back", () => {
  it("leaves, and late words of its answer do not bring it back", () => {
    const client = open();
    const { socket, stream } = answering(client);
    const mine = client.snapshot().lines[0]?.message.id;
    socket.frame({ type: "holdfast_removed", messageIds: [mine, "a1"] });
    socket.frame(delta(stream, 2, "too late"));
    expect(spoken(client)).toEqual([]);
    expect(client.snapshot().working).toBe(false);
  });

  it("is said again in other words by a message that names it", () => {
    const client = open();
    const socket = connectWith([userMessage("m1", "wrong"), answerMessage("a1", "Answer")]);
    client.send(text("right"), { replaces: "m1" });
    const [request] = requestsOf(socket);
    expect(request).toMatchObject({ replaces: "m1", messages: [{ parts: text("right") }] });
    socket.frame({ type: "cf_agent_chat_messages", messages: [] });
    socket.frame(accepted(request, false));
    socket.frame(start(request?.id ?? "", "a2"));
    socket.frame(delta(request?.id ?? "", 1, "Better"));
    expect(spoken(client)).toEqual(["user: right", "assistant: Better"]);
  });
});

describe("a message that was searched for", () => {
  const page = (from: number) =>
    Array.from({ length: 50 }, (_, i) => userMessage(`m${from + i}`, `message ${from + i}`));
  const newest = Array.from({ length: 100 }, (_, i) => userMessage(`m${200 + i}`, `message ${200 + i}`));

  it("is reached by loading older pages until it is there, and no further", async () => {
    const client = open();
    connectWith(newest);
    const asked: string[] = [];
    platform.respond = (path) => {
      const before = new URL(path, "http://x").searchParams.get("before") ?? "";
      asked.push(before);
      return Response.json(page(Number(before.slice(1)) - 50));
    };
    expect(await client.reach("m120")).toBe(true);
    expect(asked).toEqual(["m200", "m150"]);
    expect(await client.reach("m250")).toBe(true);
    expect(asked).toHaveLength(2);
  });

  it("is given up when no page has it", async () => {
    const client = open();
    connectWith(newest);
    platform.respond = () => Response.json([userMessage("m199", "the first")]);
    expect(await client.reach("gone")).toBe(false);
    expect(client.snapshot().hasOlder).toBe(false);
  });
});
