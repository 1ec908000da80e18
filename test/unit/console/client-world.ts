/** What the tests of the chat client share: one browser profile, one page, one socket at a time. */
import { beforeEach } from "vitest";
import type { ChatClient } from "../../../src/console/chat/chat.ts";
import { chatClient } from "../../../src/console/chat/client.ts";
import { textOf } from "../../../src/console/chat/message.ts";
import type { SentPart } from "../../../src/console/chat/unsent.ts";
import { chunkFrame, FakePlatform, type FakeSocket, SharedStorage } from "./fake-platform.ts";

export const USER = "uaaaaaaaaaaaaaaaaaaaa";
export const text = (words: string): SentPart[] => [{ type: "text", text: words }];

export let storage: SharedStorage;
export let platform: FakePlatform;
export let signedOut: number;

export function open(on = platform, thread = "main"): ChatClient {
  return chatClient({
    platform: on,
    userId: USER,
    handle: "alice",
    thread,
    signedOut: () => {
      signedOut += 1;
    },
  });
}

/** Opens the newest socket and sends the list that the server has. */
export function connectWith(messages: unknown[] = [], on = platform): FakeSocket {
  const socket = on.newest;
  socket.open();
  socket.frame({ type: "cf_agent_identity", name: "x", agent: "conversation" });
  socket.frame({ type: "cf_agent_chat_messages", messages, connect: true });
  return socket;
}

/** Loses the connection and waits for the next socket. */
export async function reconnect(on = platform): Promise<FakeSocket> {
  on.newest.drop();
  await on.advance(1_000);
  return on.newest;
}

export const requestsOf = (socket: FakeSocket) =>
  socket.sentOf("cf_agent_use_chat_request").map((frame) => {
    const init = frame.init as { body: string }; // written by the client under test, read back by its test
    return { id: String(frame.id), ...JSON.parse(init.body) };
  });

export const spoken = (client: ChatClient): string[] =>
  client.snapshot().lines.map(({ message }) => `${message.role}: ${textOf(message)}`);

export const liveText = (client: ChatClient): string => {
  const line = client.snapshot().lines.find((known) => known.live);
  return line ? textOf(line.message) : "";
};

export const delta = (stream: string, seq: number, words: string, replay = false) =>
  chunkFrame(stream, seq, { type: "text-delta", id: "1", delta: words }, replay);
export const start = (stream: string, messageId: string, seq = 0, replay = false) =>
  chunkFrame(stream, seq, { type: "start", messageId }, replay);

/** Every test begins with an empty profile. */
export const freshEachTime = () =>
  beforeEach(() => {
    storage = new SharedStorage();
    platform = new FakePlatform(storage);
    signedOut = 0;
  });

/** A page of its own, with nothing kept from before. */
export function freshPage(): void {
  platform = new FakePlatform();
}
