/**
 * The model's provider, in a process of its own: Anthropic's Messages API on a loopback port. The newest question
 * says how the answer streams: `bench:<tokens>:<milliseconds between tokens>`, 0 for as fast as the socket takes it.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const WORDS = ["the ", "quick ", "brown ", "fox ", "jumps ", "over ", "a ", "lazy ", "dog, ", "again "];
/** What workerd reads of a body at a time. */
const PIECE_BYTES = 4096;
let requestBytes = 0;

const event = (type: string, data: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;

const HEAD =
  event("message_start", {
    message: {
      id: "msg_bench",
      type: "message",
      role: "assistant",
      model: "claude-sonnet-4-6",
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 20, output_tokens: 1 },
    },
  }) + event("content_block_start", { index: 0, content_block: { type: "text", text: "" } });
const TOKENS = WORDS.map((text) =>
  event("content_block_delta", { index: 0, delta: { type: "text_delta", text } }),
);
const tail = (tokens: number): string =>
  event("content_block_stop", { index: 0 }) +
  event("message_delta", {
    delta: { stop_reason: "end_turn", stop_sequence: null },
    usage: { output_tokens: tokens },
  }) +
  event("message_stop", {});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  const body = Buffer.concat(pieces);
  if (!request.url?.endsWith("/messages")) {
    response.writeHead(request.url === "/stats" ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify({ requestBytes }));
    return;
  }
  requestBytes = body.length;
  const asked = /^bench:(\d+):(\d+)/.exec(
    body.toString("latin1", Math.max(0, body.lastIndexOf("bench:")), body.lastIndexOf("bench:") + 40),
  );
  if (!asked) {
    response.writeHead(400).end("The newest question says no bench:<tokens>:<pace>.");
    return;
  }
  const tokens = Number(asked[1]);
  const paceMs = Number(asked[2]);
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  response.write(HEAD);
  if (paceMs > 0) await paced(response, tokens, paceMs);
  else await unpaced(response, tokens);
  response.end(tail(tokens));
}

/** One token, one write: the reader sees each on its own. */
async function paced(response: ServerResponse, tokens: number, paceMs: number): Promise<void> {
  const startedAt = performance.now();
  for (let i = 0; i < tokens && !response.destroyed; i++) {
    await until(startedAt + (i + 1) * paceMs);
    response.write(tokenAt(i));
  }
}

/** As much as there is, in pieces cut anywhere, as a socket delivers what was sent faster than it is read. */
async function unpaced(response: ServerResponse, tokens: number): Promise<void> {
  let waiting = "";
  for (let i = 0; i < tokens && !response.destroyed; i++) {
    waiting += tokenAt(i);
    if (waiting.length < PIECE_BYTES) continue;
    const room = response.write(waiting.slice(0, PIECE_BYTES));
    waiting = waiting.slice(PIECE_BYTES);
    if (!room) await once(response, "drain");
  }
  response.write(waiting);
}

const tokenAt = (i: number): string => TOKENS[i % TOKENS.length] ?? "";

const until = (at: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, at - performance.now())));

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    console.error("the bench's provider failed", error);
    response.destroy();
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port })); // a TCP server has one
process.once("disconnect", () => process.exit(0));
