import { describe, expect, it } from "vitest";
import type { ChatClient } from "../../../src/console/chat/chat.ts";
import type { Message } from "../../../src/console/chat/message.ts";
import {
  connectWith,
  delta,
  freshEachTime,
  freshPage,
  liveText,
  open,
  platform,
  reconnect,
  requestsOf,
  spoken,
  start,
  text,
} from "./client-world.ts";
import { answerMessage, doneFrame, userMessage } from "./fake-platform.ts";

freshEachTime();

describe("streaming", () => {
  const list = [userMessage("m1", "Hello")];

  it("applies each chunk once, whatever comes twice", () => {
    const client = open();
    const socket = connectWith(list);
    socket.frame(start("r1", "a1"));
    socket.frame(delta("r1", 1, "one "));
    socket.frame(delta("r1", 2, "two "));
    socket.frame(delta("r1", 1, "one "));
    socket.frame(delta("r1", 2, "two "));
    socket.frame(delta("r1", 3, "three"));
    expect(liveText(client)).toBe("one two three");
    expect(client.snapshot().working).toBe(true);
  });

  it("resumes at its cursor, with nothing missing and nothing doubled, at every possible cut", async () => {
    const words = ["Call ", "me ", "Ishmael. ", "Some ", "years ", "ago"];
    const frames = [start("r1", "a1"), ...words.map((word, at) => delta("r1", at + 1, word))];
    for (let cut = 0; cut <= frames.length; cut++) {
      freshPage();
      const client = open();
      const socket = connectWith(list);
      for (const frame of frames.slice(0, cut)) socket.frame(frame);
      await reconnect();
      const next = connectWith(list);
      next.frame({ type: "cf_agent_stream_resuming", id: "r1" });
      const ack = next.sentOf("cf_agent_stream_resume_ack")[0];
      expect(ack).toEqual({
        type: "cf_agent_stream_resume_ack",
        id: "r1",
        ...(cut > 0 && { after: cut - 1 }),
      });
      // Some servers replay from the beginning whatever the cursor says: that must not double anything either.
      for (const frame of frames.slice(Math.max(0, cut - 2))) {
        if (JSON.parse(frame.body).type !== "start" || cut === 0) next.frame({ ...frame, replay: true });
      }
      next.frame({ ...doneFrame("r1"), done: false, replay: true, replayComplete: true });
      expect(liveText(client)).toBe(words.join(""));
      client.close();
    }
  });

  it("answers one offer once, and asks only when it does not know", async () => {
    const client = open();
    const socket = connectWith(list);
    expect(socket.sentOf("cf_agent_stream_resume_request")).toEqual([]);
    socket.frame(start("r1", "a1"));
    await reconnect();
    const next = connectWith(list);
    const [probe] = next.sentOf("cf_agent_stream_resume_request");
    next.frame({ type: "cf_agent_stream_resuming", id: "r1" });
    next.frame({ type: "cf_agent_stream_resuming", id: "r1", probeId: probe?.probeId });
    expect(next.sentOf("cf_agent_stream_resume_ack")).toHaveLength(1);
    client.close();
  });

  it("takes the transcript's word when the turn ended while it was away", async () => {
    const client = open();
    connectWith(list).frame(start("r1", "a1"));
    platform.newest.frame(delta("r1", 1, "Half of"));
    await reconnect();
    const next = connectWith([...list, answerMessage("a1", "The whole answer")]);
    const [probe] = next.sentOf("cf_agent_stream_resume_request");
    next.frame({ type: "cf_agent_stream_resume_none", reason: "idle", probeId: probe?.probeId });
    expect(spoken(client)).toEqual(["user: Hello", "assistant: The whole answer"]);
    expect(client.snapshot().working).toBe(false);
  });

  it("stops waiting for an accepted request whose turn is over", async () => {
    const client = open();
    client.send(text("Hi"));
    const socket = connectWith();
    const [request] = requestsOf(socket);
    const messageId = request?.messages[0].id;
    socket.frame({ type: "holdfast_accepted", id: request?.id, messageIds: [messageId], queued: false });
    expect(client.snapshot().working).toBe(true);
    await reconnect();
    const next = connectWith([userMessage(messageId, "Hi"), answerMessage("a1", "Done")]);
    const [probe] = next.sentOf("cf_agent_stream_resume_request");
    next.frame({ type: "cf_agent_stream_resume_none", reason: "idle", probeId: probe?.probeId });
    expect(client.snapshot().working).toBe(false);
  });

  it("replaces the partial answer when it is given again under the same message", () => {
    const client = open();
    const socket = connectWith(list);
    socket.frame(start("r1", "a1"));
    socket.frame(delta("r1", 1, "A beginning that will not"));
    socket.frame(start("r1", "a1"));
    socket.frame(delta("r1", 1, "The answer"));
    expect(spoken(client)).toEqual(["user: Hello", "assistant: The answer"]);
  });

  it("replaces it as well when the new stream has another id", async () => {
    const client = open();
    const socket = connectWith(list);
    socket.frame(start("r1", "a1"));
    socket.frame(delta("r1", 1, "Partial"));
    await reconnect();
    const next = connectWith(list);
    next.frame({ type: "cf_agent_stream_resuming", id: "r1~2" });
    expect(next.sentOf("cf_agent_stream_resume_ack")).toEqual([
      { type: "cf_agent_stream_resume_ack", id: "r1~2" },
    ]);
    expect(liveText(client)).toBe("Partial");
    next.frame(start("r1~2", "a1", 0, true));
    next.frame(delta("r1~2", 1, "Whole", true));
    expect(spoken(client)).toEqual(["user: Hello", "assistant: Whole"]);
    next.frame(doneFrame("r1~2"));
    expect(spoken(client)).toEqual(["user: Hello", "assistant: Whole"]);
    expect(client.snapshot().working).toBe(false);
  });

  it("lets the transcript win at the end, and shows nothing twice", () => {
    const client = open();
    const socket = connectWith(list);
    socket.frame(start("r1", "a1"));
    socket.frame(delta("r1", 1, "Draft"));
    socket.frame({ type: "cf_agent_chat_messages", messages: [...list, answerMessage("a1", "Final")] });
    socket.frame(doneFrame("r1"));
    expect(spoken(client)).toEqual(["user: Hello", "assistant: Final"]);
    socket.frame(delta("r1", 2, " and late"));
    expect(spoken(client)).toEqual(["user: Hello", "assistant: Final"]);
    expect(client.snapshot().working).toBe(false);
  });

  it("keeps an answer that the transcript did not bring", () => {
    const client = open();
    const socket = connectWith(list);
    socket.frame(start("r1", "a1"));
    socket.frame(delta("r1", 1, "Answer"));
    socket.frame(doneFrame("r1"));
    expect(spoken(client)).toEqual(["user: Hello", "assistant: Answer"]);
    expect(client.snapshot().lines.at(-1)?.live).toBe(false);
  });

  it("shows the reason of a turn that failed before it said anything, until the next one", () => {
    const client = open();
    const socket = connectWith(list);
    socket.frame({ ...doneFrame("r1", "error"), error: true, body: "The model did not answer." });
    expect(client.snapshot().failure).toEqual({ request: "r1", text: "The model did not answer." });
    socket.frame(start("r2", "a1"));
    expect(client.snapshot().failure).toBeNull();
  });

  it("keeps the partial text while the server rebuilds the turn", () => {
    const client = open();
    const socket = connectWith(list);
    socket.frame(start("r1", "a1"));
    socket.frame(delta("r1", 1, "Partial"));
    socket.frame({ type: "cf_agent_chat_recovering", recovering: true, id: "r1" });
    socket.frame(doneFrame("r1", "recovering"));
    expect(client.snapshot()).toMatchObject({ recovering: true, working: true });
    expect(spoken(client)).toEqual(["user: Hello", "assistant: Partial"]);
    socket.frame(start("r1~2", "a1"));
    socket.frame(delta("r1~2", 1, "Whole"));
    expect(client.snapshot().recovering).toBe(false);
    expect(spoken(client)).toEqual(["user: Hello", "assistant: Whole"]);
  });

  it("stops the turn that runs, by the id of its stream, or of its request before it has one", () => {
    const client = open();
    const socket = connectWith();
    client.stop();
    expect(socket.sentOf("cf_agent_chat_request_cancel")).toEqual([]);
    client.send(text("Hi"));
    const id = requestsOf(socket)[0]?.id ?? "";
    socket.frame({
      type: "holdfast_accepted",
      id,
      messageIds: [requestsOf(socket)[0]?.messages[0].id],
      queued: false,
    });
    client.stop();
    socket.frame(start(`${id}~2`, "a1"));
    client.stop();
    expect(socket.sentOf("cf_agent_chat_request_cancel").map((frame) => frame.id)).toEqual([id, `${id}~2`]);
  });

  it("stops a turn that still runs when the connection is back, and no other", async () => {
    const client = open();
    connectWith(list).frame(start("r1", "a1"));
    platform.newest.drop();
    client.stop();
    await platform.advance(1_000);
    const next = connectWith(list);
    next.frame({ type: "cf_agent_stream_resuming", id: "r1~2" });
    expect(next.sentOf("cf_agent_chat_request_cancel").map((frame) => frame.id)).toEqual(["r1~2"]);
    await reconnect();
    const later = connectWith(list);
    later.frame({ type: "cf_agent_stream_resuming", id: "r1~2" });
    expect(later.sentOf("cf_agent_chat_request_cancel")).toEqual([]);
    client.close();
  });

  it("asks for an answer again, and says why it will not be given", () => {
    const client = open();
    const socket = connectWith([...list, answerMessage("a1", "Meh")]);
    client.regenerate("a1");
    const [request] = requestsOf(socket);
    expect(request).toMatchObject({ trigger: "regenerate-message", messageId: "a1", messages: [] });
    expect(client.snapshot().working).toBe(true);
    socket.frame({
      type: "holdfast_refused",
      id: request?.id,
      code: "bad_request",
      message: "Only the newest.",
    });
    socket.frame({ ...doneFrame(request?.id ?? "", "error"), error: true, body: "Only the newest." });
    expect(client.snapshot()).toMatchObject({ working: false, notice: "Only the newest.", failure: null });
    client.dismissNotice();
    expect(client.snapshot().notice).toBeNull();
  });

  it("forgets everything when the conversation is cleared, but not what is unsent", () => {
    const client = open();
    const socket = connectWith(list);
    client.send(text("Kept"));
    socket.frame({ type: "cf_agent_chat_clear" });
    expect(spoken(client)).toEqual([]);
    expect(client.snapshot().unsent).toHaveLength(1);
  });

  it("reads past frames that it does not know", () => {
    const client = open();
    const socket = connectWith(list);
    const before = client.snapshot();
    socket.frame({ type: "cf_agent_state", state: {} });
    socket.onmessage?.({ data: "not json" });
    socket.onmessage?.({ data: new ArrayBuffer(2) });
    expect(client.snapshot()).toBe(before);
  });
});

describe("older messages", () => {
  const window = Array.from({ length: 100 }, (_, at) => userMessage(`m${at + 50}`, String(at + 50)));
  const page = Array.from({ length: 50 }, (_, at) => userMessage(`m${at}`, String(at)));
  const first = (client: ChatClient): Message | undefined => client.snapshot().lines[0]?.message;

  it("puts a page in front, once, and knows when there is no more", async () => {
    const client = open();
    connectWith(window);
    expect(client.snapshot().hasOlder).toBe(true);
    const paths: string[] = [];
    platform.respond = (path) => {
      paths.push(path);
      return Response.json(paths.length === 1 ? page : []);
    };
    const loading = client.loadOlder();
    expect(client.snapshot().loadingOlder).toBe(true);
    await Promise.all([loading, client.loadOlder()]);
    expect(paths).toEqual(["/@alice/main/get-messages?before=m50&limit=50"]);
    expect(client.snapshot().lines).toHaveLength(150);
    expect(first(client)?.id).toBe("m0");
    await client.loadOlder();
    expect(client.snapshot().hasOlder).toBe(false);
    expect(client.snapshot().lines).toHaveLength(150);
  });

  it("keeps the older ones when the server sends its newest again", async () => {
    const client = open();
    const socket = connectWith(window);
    platform.respond = () => Response.json(page);
    await client.loadOlder();
    socket.frame({
      type: "cf_agent_chat_messages",
      messages: [...window.slice(1), answerMessage("a", "New")],
    });
    expect(client.snapshot().lines).toHaveLength(151);
    expect(client.snapshot().lines.at(-1)?.message.id).toBe("a");
    expect(client.snapshot().hasOlder).toBe(true);
  });

  it("replaces everything when the server's list is shorter than a window", async () => {
    const client = open();
    const socket = connectWith(window);
    socket.frame({ type: "cf_agent_chat_messages", messages: window.slice(0, 3) });
    expect(client.snapshot().lines).toHaveLength(3);
    expect(client.snapshot().hasOlder).toBe(false);
  });

  it("can be asked again after a failure", async () => {
    const client = open();
    connectWith(window);
    platform.respond = () => new Response("", { status: 500 });
    await expect(client.loadOlder()).rejects.toThrow("500");
    expect(client.snapshot()).toMatchObject({ loadingOlder: false, hasOlder: true });
  });
});
