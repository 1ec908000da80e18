/** Writing answers: paced, with respect for a slow reader, and stopped at once when the reader has gone. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as delay, setImmediate as nextTick } from "node:timers/promises";
import type { Frame } from "./wire/call.ts";

/** Tokens that are written between two turns of the event loop when nothing paces them. */
const TOKENS_PER_TICK = 32;

export interface StreamOptions {
  /** Milliseconds between two tokens; 0 writes as fast as the socket takes it. */
  paceMs: number;
  /** Aborted when the client has gone or the gateway closes. */
  signal: AbortSignal;
  /** Ends the connection in the middle of the body, after exactly so many bytes of it. */
  cutAfterBytes?: number;
  /** Falls silent after so many tokens, at most as many as there are, until the client gives up. */
  stallAfterTokens?: number;
  /** Told of every token that was handed to the socket. */
  onToken?: () => void;
}

/** How an answer ended. Rejects with the signal's reason when the client goes away meanwhile. */
export type Sent = "completed" | "cut";

export const jsonHeaders = { "content-type": "application/json" };
export const eventStreamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
};

/** Streams frames as a body of server-sent events. Headers must have been set with `writeHead`. */
export async function streamFrames(
  response: ServerResponse,
  frames: Iterable<Frame>,
  options: StreamOptions,
): Promise<Sent> {
  const { signal } = options;
  const stallAt = options.stallAfterTokens ?? null;
  response.flushHeaders();
  let tokens = 0;
  let bytes = 0;
  for (const frame of frames) {
    if (stallAt !== null && tokens >= stallAt && frame.kind !== "head") await untilAborted(signal);
    if (frame.kind === "token") {
      if (options.paceMs > 0 && tokens > 0) await delay(options.paceMs, undefined, { signal });
      else if (tokens % TOKENS_PER_TICK === 1) await nextTick(undefined, { signal });
    }
    const chunk = Buffer.from(frame.data);
    if (options.cutAfterBytes !== undefined && bytes + chunk.length > options.cutAfterBytes) {
      return cut(response, chunk.subarray(0, options.cutAfterBytes - bytes));
    }
    await write(response, chunk, signal);
    bytes += chunk.length;
    if (frame.kind === "token") {
      tokens++;
      options.onToken?.();
    }
  }
  if (options.cutAfterBytes !== undefined) return cut(response, Buffer.alloc(0));
  response.end();
  return "completed";
}

/** Sends a whole body, or its first bytes, or nothing until the client gives up. */
export async function sendWhole(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: string,
  options?: Pick<StreamOptions, "signal" | "cutAfterBytes" | "stallAfterTokens">,
): Promise<Sent> {
  if (options?.stallAfterTokens !== undefined) await untilAborted(options.signal);
  const bytes = Buffer.from(body);
  response.writeHead(status, { ...headers, "content-length": String(bytes.length) });
  if (options?.cutAfterBytes !== undefined) {
    response.flushHeaders();
    return cut(response, bytes.subarray(0, options.cutAfterBytes));
  }
  response.end(bytes);
  return "completed";
}

/** Writes and, if the socket's buffer is full, waits until it is not. */
export async function write(response: ServerResponse, chunk: Uint8Array, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!response.write(chunk)) await once(response, "drain", { signal });
}

/** The bytes still go out; then the connection ends without the end of the body. */
function cut(response: ServerResponse, rest: Uint8Array): Sent {
  if (rest.length > 0) response.write(rest);
  response.socket?.destroySoon();
  return "cut";
}

async function untilAborted(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  await once(signal, "abort");
  throw signal.reason;
}
