/** What the router may ask of a conversation by HTTP: its socket, its messages, and what other files bring here. */
import { AppError, toWire } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { ACTOR_PATHS, forwardedFrom } from "../../protocol/forwarded.ts";
import type { ChatMessage } from "../../protocol/message.ts";
import type { Asks } from "./ask.ts";
import { exportStream } from "./export.ts";
import type { Lifetime } from "./lifetime.ts";
import { markdownStream } from "./markdown.ts";
import type { Presence } from "./presence.ts";
import { hashesOf, transcriptHash } from "./replay.ts";
import type { Store } from "./store.ts";
import type { TranscriptWindow } from "./transcript.ts";
import { eachMessage } from "./walk.ts";

export interface EndpointHost {
  name: string;
  store: Store;
  /** Starts the object, if it is not yet. */
  start(): Promise<void>;
  lifetime: Pick<Lifetime, "importFile">;
  asks: Pick<Asks, "answer">;
  presence: Pick<Presence, "announced">;
  /** Takes the chat's WebSocket upgrade. */
  upgrade(request: Request): Promise<Response>;
  window(options: TranscriptWindow): ChatMessage[];
}

type Endpoint = (host: EndpointHost, request: Request, url: URL) => Response | Promise<Response>;

const MOST_MESSAGES = 500;

const socket: Endpoint = async (host, request) => {
  const response = await host.upgrade(await host.presence.announced(request, forwardedFrom(request.headers)));
  // The SDK answers an uncaught error with its stack.
  if (response.status >= 500) throw new Error(`the upgrade failed: ${await response.text()}`);
  return response;
};

const messages: Endpoint = (host, _request, url) => {
  const before = url.searchParams.get("before");
  const until = url.searchParams.get("until");
  const limit = Math.min(Number(url.searchParams.get("limit")) || limits.transcriptMessages, MOST_MESSAGES);
  const window = { limit, ...(before !== null && { before }), ...(until !== null && { until }) };
  return Response.json(host.window(window));
};

const journal: Endpoint = (host) => {
  const { state } = host.store;
  const stream = exportStream({
    conversation: host.name,
    until: state.seq,
    page: (after, until) => host.store.journal.page(after, until),
    transcript: transcriptHash(eachMessage(state)),
    messages: hashesOf(eachMessage(state)),
  });
  return new Response(stream, { headers: { "content-type": "application/jsonl; charset=utf-8" } });
};

const readable: Endpoint = (host) =>
  new Response(markdownStream(host.name, host.store.state), {
    headers: { "content-type": "text/markdown; charset=utf-8" },
  });

const importJournal: Endpoint = async (host, request) => {
  const { principal } = forwardedFrom(request.headers);
  if (request.method !== "POST" || !request.body)
    throw new AppError("bad_request", "Send the file as the body.");
  await host.lifetime.importFile(principal, request.body);
  return Response.json({});
};

const ask: Endpoint = (host, request) => host.asks.answer(request);

const ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map([
  [ACTOR_PATHS.socket, socket],
  [ACTOR_PATHS.messages, messages],
  [ACTOR_PATHS.journal, journal],
  [ACTOR_PATHS.transcript, readable],
  [ACTOR_PATHS.import, importJournal],
  [ACTOR_PATHS.ask, ask],
]);

/** Answers a request of the router. Never throws: what was not foreseen is logged and leaves as a generic error. */
export async function answerRequest(host: EndpointHost, request: Request): Promise<Response> {
  try {
    forwardedFrom(request.headers); // throws unless the router made this request
    const url = new URL(request.url);
    const endpoint = ENDPOINTS.get(url.pathname);
    if (!endpoint) throw new AppError("not_found", "A conversation has nothing at this address.");
    await host.start();
    return await endpoint(host, request, url);
  } catch (error) {
    const wire = toWire(error);
    if (wire.code === "internal") console.error("conversation request failed", error);
    const status = error instanceof AppError ? error.status : 500;
    return Response.json({ error: wire }, { status });
  }
}
