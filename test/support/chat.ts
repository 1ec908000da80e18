/** A chat client for tests in workerd: the frames as they are on the wire. */
import { env } from "cloudflare:test";
import { conversationName } from "../../src/names.ts";
import { ALL_RIGHTS, type Forwarded, forwardedHeaders } from "../../src/protocol/forwarded.ts";
import type { Principal, Sender } from "../../src/protocol/rpc.ts";
import { senderOf } from "../../src/protocol/sender.ts";

export const ALICE: Principal = {
  kind: "person",
  userId: "ualice222222222222222",
  handle: "alice",
  name: "alice@example.com",
  role: "member",
  request: "",
};
/** What is written down of her. */
export const BY: Sender = senderOf(ALICE);
/** As the router hands Alice's requests over. */
export const AS_ALICE: Forwarded = {
  principal: ALICE,
  agent: { ownerId: ALICE.userId, handle: ALICE.handle },
  rights: ALL_RIGHTS,
};

// biome-ignore lint/suspicious/noExplicitAny: frames are looked at as they came, whatever their shape
export type Frame = Record<string, any>;

export const stubOf = (thread: string) =>
  env.CONVERSATION.get(env.CONVERSATION.idFromName(conversationName(ALICE.userId, thread)));

export async function scriptModel(entries: unknown[]): Promise<void> {
  const response = await fetch("http://127.0.0.1:9/_test/script", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(entries),
  });
  if (!response.ok) throw new Error(`the script was refused: ${await response.text()}`);
}

export async function connect(thread: string, options: { console?: boolean; pk?: string } = {}) {
  const pk = options.pk ?? crypto.randomUUID();
  const query = `_pk=${pk}${options.console ? "&client=holdfast" : ""}`;
  const response = await stubOf(thread).fetch(`https://actor.internal/socket?${query}`, {
    headers: { upgrade: "websocket", ...forwardedHeaders(AS_ALICE) },
  });
  const socket = response.webSocket;
  if (!socket) throw new Error(`no socket: ${response.status} ${await response.text()}`);
  const frames: Frame[] = [];
  const waiting: { test: (frame: Frame) => boolean; resolve: (frame: Frame) => void }[] = [];
  socket.addEventListener("message", (event) => {
    const frame = JSON.parse(String(event.data)) as Frame; // every frame of ours is JSON
    frames.push(frame);
    for (const waiter of waiting.filter((candidate) => candidate.test(frame))) {
      waiting.splice(waiting.indexOf(waiter), 1);
      waiter.resolve(frame);
    }
  });
  socket.accept();
  const send = (frame: unknown) => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  const chunks = (id: string): Frame[] =>
    frames
      .filter(
        (frame) =>
          frame.type === "cf_agent_use_chat_response" && frame.id === id && frame.body && !frame.error,
      )
      .map((frame) => JSON.parse(frame.body) as Frame);
  return {
    userId: ALICE.userId,
    frames,
    send,
    close: () => socket.close(1000, "bye"),
    ask: (id: string, message: string, text: string) =>
      send({
        type: "cf_agent_use_chat_request",
        id,
        init: {
          method: "POST",
          body: JSON.stringify({
            messages: [{ id: message, role: "user", parts: [{ type: "text", text }] }],
            trigger: "submit-message",
          }),
        },
      }),
    /** The first frame that fits, whether it came already or is still to come. */
    until: (test: (frame: Frame) => boolean): Promise<Frame> => {
      const known = frames.find(test);
      return known ? Promise.resolve(known) : new Promise((resolve) => waiting.push({ test, resolve }));
    },
    chunks,
    text: (id: string) =>
      chunks(id)
        .filter((chunk) => chunk.type === "text-delta")
        .map((chunk) => chunk.delta)
        .join(""),
    messagesRequest: () =>
      new Request("https://actor.internal/get-messages", { headers: forwardedHeaders(AS_ALICE) }),
  };
}

export const isDone = (id: string) => (frame: Frame) =>
  frame.type === "cf_agent_use_chat_response" && frame.id === id && frame.done === true;
export const isText = (id: string) => (frame: Frame) =>
  frame.type === "cf_agent_use_chat_response" && frame.id === id && String(frame.body).includes("text-delta");

export async function messagesOf(
  thread: string,
  chat: Awaited<ReturnType<typeof connect>>,
): Promise<Frame[]> {
  return (await stubOf(thread).fetch(chat.messagesRequest())).json();
}
export const textOf = (message: Frame | undefined): string =>
  (message?.parts ?? []).map((part: Frame) => part.text ?? "").join("");
