import { describe, expect, it } from "vitest";
import { chatClient } from "../../../src/console/chat/client.ts";
import {
  connectWith,
  delta,
  freshEachTime,
  open,
  platform,
  reconnect,
  requestsOf,
  signedOut,
  spoken,
  start,
  storage,
  text,
  USER,
} from "./client-world.ts";
import { answerMessage, chunkFrame, doneFrame, FakePlatform, settle, userMessage } from "./fake-platform.ts";

freshEachTime();

describe("connecting", () => {
  it("speaks to its own thread, as our client, with an id of its own", () => {
    open();
    const url = new URL(platform.newest.path, "http://x");
    expect(url.pathname).toBe("/@alice/main");
    expect(url.searchParams.get("client")).toBe("holdfast");
    expect(url.searchParams.get("_pk")).toMatch(/^c_/);
  });

  it("shows what the server has", () => {
    const client = open();
    expect(client.snapshot().loaded).toBe(false);
    connectWith([userMessage("m1", "Hello"), answerMessage("a1", "Hi")]);
    expect(client.snapshot().loaded).toBe(true);
    expect(spoken(client)).toEqual(["user: Hello", "assistant: Hi"]);
  });

  it("gives the same snapshot until something changes", () => {
    const client = open();
    connectWith([userMessage("m1", "Hello")]);
    const before = client.snapshot();
    expect(client.snapshot()).toBe(before);
    platform.newest.frame({ type: "cf_agent_message_updated", message: answerMessage("a1", "Hi") });
    expect(client.snapshot()).not.toBe(before);
  });

  it("keeps the same object for a message that did not change", () => {
    const client = open();
    connectWith([userMessage("m1", "Hello")]);
    const before = client.snapshot().lines[0]?.message;
    platform.newest.frame({ type: "cf_agent_chat_messages", messages: [userMessage("m1", "Hello")] });
    expect(client.snapshot().lines[0]?.message).toBe(before);
  });

  it("reloads the page when nobody is signed in, and stops when the chat is not ours", async () => {
    platform.respond = () =>
      Response.json({ error: { code: "unauthenticated", message: "" } }, { status: 401 });
    const client = open();
    platform.newest.drop();
    await settle();
    expect(signedOut).toBe(1);
    platform.respond = () =>
      Response.json({ error: { code: "forbidden", message: "Not yours." } }, { status: 403 });
    await platform.advance(1_000);
    platform.newest.drop();
    await settle();
    expect(client.snapshot().connection).toEqual({ kind: "stopped", code: 403, reason: "Not yours." });
  });
});

describe("sending", () => {
  it("sends only the new message, under ids of its own, and forgets it once it is accepted", () => {
    const client = open();
    const socket = connectWith([userMessage("m0", "Before")]);
    client.send(text("Hello"));
    const [request] = requestsOf(socket);
    expect(request).toMatchObject({
      trigger: "submit-message",
      messages: [{ role: "user", parts: text("Hello") }],
    });
    expect(request?.messages).toHaveLength(1);
    expect(client.snapshot().unsent).toHaveLength(1);
    expect(storage.values.size).toBe(1);
    const messageId = request?.messages[0].id;
    socket.frame({ type: "holdfast_accepted", id: request?.id, messageIds: [messageId], queued: false });
    expect(client.snapshot().unsent).toEqual([]);
    expect(storage.values.size).toBe(0);
    expect(spoken(client)).toEqual(["user: Before", "user: Hello"]);
    expect(client.snapshot().working).toBe(true);
  });

  it("keeps what is written without a connection, and sends it in order when there is one", () => {
    const client = open();
    client.send(text("one"));
    client.send(text("two"));
    expect(client.snapshot().sending.size).toBe(0);
    const socket = connectWith();
    expect(requestsOf(socket).map((request) => request.messages[0].parts[0].text)).toEqual(["one", "two"]);
    expect(client.snapshot().sending.size).toBe(2);
  });

  it("sends the same frame with the same ids after every reconnect, until it is accepted", async () => {
    const client = open();
    client.send(text("Hello"));
    const first = requestsOf(connectWith());
    await reconnect();
    const second = requestsOf(connectWith());
    expect(second).toEqual(first);
    platform.newest.frame({
      type: "holdfast_accepted",
      id: first[0]?.id,
      messageIds: [first[0]?.messages[0].id],
    });
    await reconnect();
    const message = { ...userMessage(first[0]?.messages[0].id, "Hello") };
    expect(requestsOf(connectWith([message]))).toEqual([]);
    expect(spoken(client)).toEqual(["user: Hello"]);
  });

  it("does not send again what the transcript has, even when the acknowledgement was lost", async () => {
    const client = open();
    client.send(text("Hello"));
    const [request] = requestsOf(connectWith());
    await reconnect();
    const socket = connectWith([userMessage(request?.messages[0].id, "Hello")]);
    expect(requestsOf(socket)).toEqual([]);
    expect(client.snapshot().unsent).toEqual([]);
    expect(spoken(client)).toEqual(["user: Hello"]);
  });

  it("survives a reload: another page sends the same frame", () => {
    const before = open();
    before.send(text("Hello"));
    const [request] = requestsOf(connectWith());
    before.close();
    const reloaded = new FakePlatform(storage, "b");
    const client = open(reloaded);
    expect(client.snapshot().unsent).toHaveLength(1);
    expect(requestsOf(connectWith([], reloaded))).toEqual([request]);
  });

  it("keeps the queues of threads and of users apart", () => {
    const client = open();
    client.send(text("Hello"));
    expect(open(new FakePlatform(storage, "b"), "other").snapshot().unsent).toEqual([]);
    const other = chatClient({
      platform: new FakePlatform(storage, "c"),
      userId: "ubbbbbbbbbbbbbbbbbbbb",
      handle: "alice",
      thread: "main",
      signedOut: () => {},
    });
    expect(other.snapshot().unsent).toEqual([]);
  });

  it("lets two tabs share the queue: what one gets accepted, the other forgets", () => {
    const first = open();
    first.send(text("Hello"));
    const second = new FakePlatform(storage, "b");
    const other = open(second);
    let told = 0;
    other.subscribe(() => {
      told += 1;
    });
    expect(other.snapshot().unsent).toHaveLength(1);
    const [request] = requestsOf(connectWith());
    platform.newest.frame({
      type: "holdfast_accepted",
      id: request?.id,
      messageIds: [request?.messages[0].id],
    });
    expect(other.snapshot().unsent).toEqual([]);
    expect(told).toBe(1);
    expect(requestsOf(connectWith([], second))).toEqual([]);
  });

  it("does not send what another tab has just begun to send", () => {
    const second = new FakePlatform(storage, "b");
    const other = open(second);
    const socket = connectWith([], second);
    open().send(text("Hello"));
    expect(other.snapshot().unsent).toEqual([]);
    socket.frame({ type: "cf_agent_chat_messages", messages: [] });
    expect(requestsOf(socket)).toEqual([]);
  });

  it("shows a message that waits for its turn behind the answer that runs", () => {
    const client = open();
    const socket = connectWith();
    client.send(text("first"));
    const [first] = requestsOf(socket);
    socket.frame({
      type: "holdfast_accepted",
      id: first?.id,
      messageIds: [first?.messages[0].id],
      queued: false,
    });
    socket.frame(start(first?.id ?? "", "a1"));
    socket.frame(delta(first?.id ?? "", 1, "Answer"));
    client.send(text("second"));
    const second = requestsOf(socket)[1];
    socket.frame({
      type: "holdfast_accepted",
      id: second?.id,
      messageIds: [second?.messages[0].id],
      queued: true,
    });
    expect(spoken(client)).toEqual(["user: first", "assistant: Answer", "user: second"]);
    expect(client.snapshot().lines.map((line) => line.waiting)).toEqual([null, null, "queued"]);
    socket.frame(doneFrame(first?.id ?? ""));
    socket.frame(start(second?.id ?? "", "a2"));
    socket.frame(delta(second?.id ?? "", 1, "More"));
    expect(spoken(client)).toEqual(["user: first", "assistant: Answer", "user: second", "assistant: More"]);
    expect(client.snapshot().lines.some((line) => line.waiting)).toBe(false);
  });

  it("keeps question and answer together when the stream begins before the acknowledgement", () => {
    const client = open();
    const socket = connectWith([userMessage("m0", "before"), answerMessage("a0", "earlier")]);
    client.send(text("first"));
    const [first] = requestsOf(socket);
    socket.frame(start(first?.id ?? "", "a1"));
    expect(spoken(client)).toEqual(["user: before", "assistant: earlier", "assistant: "]);
    socket.frame({
      type: "holdfast_accepted",
      id: first?.id,
      messageIds: [first?.messages[0].id],
      queued: false,
    });
    socket.frame(delta(first?.id ?? "", 1, "one"));
    expect(spoken(client)).toEqual(["user: before", "assistant: earlier", "user: first", "assistant: one"]);
    client.send(text("second"));
    const second = requestsOf(socket)[1];
    socket.frame({
      type: "holdfast_accepted",
      id: second?.id,
      messageIds: [second?.messages[0].id],
      queued: true,
    });
    // The answer comes as one message before its stream ends, while another question waits already.
    socket.frame({ type: "cf_agent_message_updated", message: answerMessage("a1", "one.") });
    socket.frame(doneFrame(first?.id ?? ""));
    socket.frame(start(second?.id ?? "", "a2"));
    socket.frame(delta(second?.id ?? "", 1, "two"));
    socket.frame({ type: "cf_agent_message_updated", message: answerMessage("a2", "two.") });
    socket.frame(doneFrame(second?.id ?? ""));
    expect(spoken(client).slice(2)).toEqual([
      "user: first",
      "assistant: one.",
      "user: second",
      "assistant: two.",
    ]);
  });

  it("keeps them together in a tab that only watches", () => {
    const client = open();
    const socket = connectWith();
    const ofTurn = <T extends { metadata: object }>(message: T, turn: string) => ({
      ...message,
      metadata: { ...message.metadata, turn },
    });
    socket.frame(chunkFrame("r1", 0, { type: "start", messageId: "a1", messageMetadata: { turn: "t1" } }));
    socket.frame({ type: "cf_agent_message_updated", message: ofTurn(userMessage("m1", "first"), "t1") });
    socket.frame({ type: "cf_agent_message_updated", message: ofTurn(userMessage("m2", "second"), "t2") });
    socket.frame(delta("r1", 1, "one"));
    expect(spoken(client)).toEqual(["user: first", "assistant: one", "user: second"]);
    socket.frame({ type: "cf_agent_message_updated", message: ofTurn(answerMessage("a1", "one."), "t1") });
    socket.frame(doneFrame("r1"));
    socket.frame({ type: "cf_agent_message_updated", message: ofTurn(answerMessage("a2", "two."), "t2") });
    expect(spoken(client)).toEqual(["user: first", "assistant: one.", "user: second", "assistant: two."]);
  });

  it("shows why a message was refused, and lets it be edited, discarded or sent again", () => {
    const client = open();
    const socket = connectWith();
    client.send(text("too much"));
    const [request] = requestsOf(socket);
    const refuse = () => {
      socket.frame({
        type: "holdfast_refused",
        id: request?.id,
        code: "queue_full",
        message: "Wait a little.",
      });
      socket.frame({ ...doneFrame(request?.id ?? "", "error"), error: true, body: "Wait a little." });
    };
    refuse();
    expect(client.snapshot().unsent[0]?.refused).toEqual({ code: "queue_full", message: "Wait a little." });
    expect(client.snapshot().failure).toBeNull();
    expect(client.snapshot().working).toBe(false);
    client.sendAgain(request?.id ?? "");
    expect(requestsOf(socket)[1]).toEqual(request);
    refuse();
    expect(client.discard(request?.id ?? "")?.message.parts).toEqual(text("too much"));
    expect(client.snapshot().unsent).toEqual([]);
    expect(storage.values.size).toBe(0);
  });

  it("does not send a refused message by itself, not even after a reload", async () => {
    const client = open();
    client.send(text("no"));
    const [request] = requestsOf(connectWith());
    platform.newest.frame({
      type: "holdfast_refused",
      id: request?.id,
      code: "message_too_large",
      message: "Too long.",
    });
    await reconnect();
    expect(requestsOf(connectWith())).toEqual([]);
    const reloaded = new FakePlatform(storage, "b");
    const again = open(reloaded);
    expect(again.snapshot().unsent[0]?.refused?.message).toBe("Too long.");
    expect(requestsOf(connectWith([], reloaded))).toEqual([]);
    expect(client.snapshot().unsent).toHaveLength(1);
  });

  it("reads past a queue entry that something else has written", () => {
    storage.values.set(`holdfast:unsent:${USER}:main:x`, "{");
    storage.values.set(`holdfast:unsent:${USER}:main:y`, '{"id":1}');
    expect(open().snapshot().unsent).toEqual([]);
  });
});
