/** Sockets of end-to-end tests: real WebSockets to a running server, with the header that programs sign in by. */
import { randomUUID } from "node:crypto";
import { request } from "node:http";
import type { Duplex } from "node:stream";
import { z } from "zod";

const frame = z.looseObject({
  type: z.string(),
  id: z.string().optional(),
  body: z.string().optional(),
  done: z.boolean().optional(),
  seq: z.number().optional(),
  replay: z.boolean().optional(),
  outcome: z.string().optional(),
});
export type Frame = z.infer<typeof frame>;

/** A frame from a socket's message, which is always JSON text. */
export const frameOf = (data: unknown): Frame => frame.parse(JSON.parse(z.string().parse(data)));

const chunk = z.looseObject({ type: z.string(), delta: z.string().optional() });
export type Chunk = z.infer<typeof chunk>;

/** The part of Node's WebSocket that tests use; the type in scope is workerd's, which takes no headers. */
interface NodeSocket extends EventTarget {
  send(text: string): void;
  close(code?: number, reason?: string): void;
}
type SocketInit = { headers: Record<string, string>; protocols?: string | string[] };
export const NodeWebSocket = WebSocket as unknown as new (url: string | URL, init: SocketInit) => NodeSocket; // see above

export interface TestSocket {
  /** Everything that came, in order. */
  frames: Frame[];
  send(value: unknown): void;
  /** The first frame that fits, whether it came already or is still to come. Rejects when the socket closes first. */
  until(fits: (frame: Frame) => boolean): Promise<Frame>;
  /** Resolves when the socket has closed. */
  closed: Promise<{ code: number }>;
  close(): Promise<void>;
}

/** Opens a socket and resolves when it is open. Rejects when the handshake is refused. */
export async function openSocket(url: string, token: string): Promise<TestSocket> {
  const socket = new NodeWebSocket(url.replace(/^http/, "ws"), { headers: { "cf-access-token": token } });
  const frames: Frame[] = [];
  const waiting = new Set<{
    fits: (frame: Frame) => boolean;
    resolve(frame: Frame): void;
    reject(error: Error): void;
  }>();
  const closing = Promise.withResolvers<{ code: number }>();
  const opening = Promise.withResolvers<void>();
  let over = false;

  socket.addEventListener("open", () => opening.resolve());
  socket.addEventListener("message", (event) => {
    const received = frameOf(z.object({ data: z.unknown() }).parse(event).data);
    frames.push(received);
    for (const waiter of waiting) {
      if (!waiter.fits(received)) continue;
      waiting.delete(waiter);
      waiter.resolve(received);
    }
  });
  const ended = (code: number): void => {
    over = true;
    opening.reject(new Error(`The handshake was refused: ${url}`));
    closing.resolve({ code });
    for (const waiter of waiting) waiter.reject(new Error(`The socket closed with ${code}.`));
    waiting.clear();
  };
  socket.addEventListener("error", () => opening.reject(new Error(`The handshake was refused: ${url}`)));
  socket.addEventListener("close", (event) => ended(z.object({ code: z.number() }).parse(event).code));
  await opening.promise;

  return {
    frames,
    send: (value) => socket.send(JSON.stringify(value)),
    until(fits) {
      const known = frames.find(fits);
      if (known) return Promise.resolve(known);
      if (over) return Promise.reject(new Error("The socket is closed."));
      return new Promise((resolve, reject) => waiting.add({ fits, resolve, reject }));
    },
    closed: closing.promise,
    async close() {
      if (!over) socket.close(1000, "bye");
      await closing.promise;
    },
  };
}

export const isDone = (id: string) => (received: Frame) =>
  received.type === "cf_agent_use_chat_response" && received.id === id && received.done === true;

/** The chunks of an answer, as they came. */
export const chunksOf = (frames: readonly Frame[], id: string): Chunk[] =>
  frames
    .filter(
      (received) => received.type === "cf_agent_use_chat_response" && received.id === id && received.body,
    )
    .flatMap((received) => (received.done ? [] : [chunk.parse(JSON.parse(received.body ?? ""))]));

/** The text that an answer's chunks make. */
export const streamedText = (frames: readonly Frame[], id: string): string =>
  chunksOf(frames, id)
    .map((one) => (one.type === "text-delta" ? (one.delta ?? "") : ""))
    .join("");

/** A request that posts a user message, as chat clients send it. */
export function chatRequest(text: string, ids = { request: randomUUID(), message: randomUUID() }) {
  return {
    id: ids.request,
    message: ids.message,
    frame: {
      type: "cf_agent_use_chat_request",
      id: ids.request,
      init: {
        method: "POST",
        body: JSON.stringify({
          messages: [{ id: ids.message, role: "user", parts: [{ type: "text", text }] }],
          trigger: "submit-message",
        }),
      },
    },
  };
}

/** How a server answers a WebSocket handshake with the headers given: 101, or why not. The socket is dropped. */
export function handshake(
  url: string,
  headers: Record<string, string>,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      headers: {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": Buffer.from(randomUUID().slice(0, 16)).toString("base64"),
        ...headers,
      },
    });
    asked.on("upgrade", (answer, socket: Duplex) => {
      socket.destroy();
      resolve({ status: answer.statusCode ?? 0, body: "" });
    });
    asked.on("response", async (answer) => {
      let body = "";
      for await (const part of answer.setEncoding("utf8")) body += part;
      resolve({ status: answer.statusCode ?? 0, body });
    });
    asked.on("error", reject);
    asked.end();
  });
}
