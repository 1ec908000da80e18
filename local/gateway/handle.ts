/** One HTTP request to the gateway, from its first line to the end of its answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { parseJson, readBody } from "./body.ts";
import { answer as demoAnswer } from "./demo/index.ts";
import { answerHeaders, envelope, type GatewayError, gatewayErrors, ulid } from "./envelope.ts";
import { forward } from "./providers/forward.ts";
import type { KeyStore } from "./providers/keys.ts";
import { providerNames } from "./providers/keys.ts";
import { ANTHROPIC_VERSION } from "./providers/probe.ts";
import {
  DEMO_MODEL,
  type ServedProvider,
  servedProviders,
  type Target,
  targetOf,
} from "./providers/target.ts";
import type { RequestLog, RequestRecord, Script, Step } from "./script.ts";
import { eventStreamHeaders, jsonHeaders, sendWhole, streamFrames } from "./send.ts";
import { anthropic } from "./wire/anthropic.ts";
import {
  type Block,
  callIdOf,
  type ModelCall,
  type Reply,
  textTokens,
  tokenise,
  type Wire,
} from "./wire/call.ts";
import { openai } from "./wire/openai.ts";

/** Largest request body: what Anthropic's API takes (32 MB), the larger of the two providers' limits. */
const REQUEST_BYTES = 32 * 1024 * 1024;
/** Longest pause between tokens that a request may ask for: beyond this it is a stall, which scripts have. */
const MAX_PACE_MS = 60_000;

export interface Handling {
  keys: KeyStore;
  script: Script;
  log: RequestLog;
  paceMs: number;
  now(): number;
  /** A UUID. */
  id(): string;
  /** One line for the terminal; never holds a key or what was said. */
  note(line: string): void;
}

/** A model call on its way, with what every way of answering needs. */
interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  wire: Wire;
  /** `cf-aig-*` and the provider's own request id. */
  headers: Record<string, string>;
  requestId: string;
  signal: AbortSignal;
}

/** Answers `/v1/{account}/{gateway}/{provider}/{endpoint}`; anything else gets the gateway's 404. */
export async function handle(
  { script, log, ...own }: Handling,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const place = placeOf(request.url ?? "/");
  if (!place) return refuse(response, gatewayErrors.notFound);
  if (!isServed(place.provider)) return refuse(response, gatewayErrors.invalidProvider);
  const provider = place.provider;
  const requestId = `req_01${own.id().replaceAll("-", "").slice(0, 22)}`;
  const logId = ulid(own.now(), own.id());
  const asked = request.headers["cf-aig-event-id"];
  const wire = provider === "anthropic" ? anthropic : openai;
  const exchange: Exchange = {
    request,
    response,
    wire,
    requestId,
    signal,
    headers: {
      ...answerHeaders(logId, typeof asked === "string" ? asked : ulid(own.now(), own.id())),
      [provider === "anthropic" ? "request-id" : "x-request-id"]: requestId,
    },
  };

  const body = await readBody(request, REQUEST_BYTES);
  if (body === null) {
    response.setHeader("connection", "close");
    return refuseAs(exchange, 413, `Request exceeds the maximum size of ${REQUEST_BYTES} bytes`);
  }
  const chats = isChat(provider, place.endpoint) && request.method === "POST";
  const json = body.length > 0 ? parseJson(body.toString("utf8")) : { ok: true, value: undefined };
  if (chats && !json.ok) return refuseAs(exchange, 400, "The request body is not valid JSON.");
  const model = modelIn(json.value);
  const target = targetOf(own.keys, provider, place.endpoint, model);

  if (!chats) {
    if (target.kind === "forward") return void (await passOn(exchange, target, body, json.value, own.note));
    const unserved = `${request.method} /${place.endpoint.split("?")[0]} is not served without a connected model.`;
    return refuseAs(exchange, 404, unserved);
  }
  const parsed = wire.parse(json.value);
  if (!parsed.ok) return refuseAs(exchange, parsed.status, parsed.message);
  const call = parsed.call;
  if (provider === "compat" && !call.model.includes("/")) {
    return refuseAs(exchange, 400, "The model must be named as provider/model.");
  }
  const record = log.open({
    receivedAt: own.now(),
    provider,
    endpoint: place.endpoint,
    metadata: metadataOf(request),
    model: call.model,
    system: call.system,
    messages: call.messages,
    tools: call.tools,
    stream: call.stream,
  });
  try {
    const step = script.take(call);
    const paceMs = paceOf(request, own.paceMs);
    if (step) {
      record.answeredBy = "script";
      record.outcome = await playStep(exchange, call, step, record, paceMs, own);
    } else if (target.kind === "demo") {
      record.answeredBy = DEMO_MODEL;
      const answer = demoAnswer({ system: call.system, messages: call.messages, tools: call.tools });
      record.outcome = await speak(exchange, call, blocksOf(wire, call, answer), record, { paceMs }, own);
    } else {
      record.answeredBy = target.url.origin;
      record.outcome = await passOn(exchange, target, body, json.value, own.note);
    }
  } catch (error) {
    if (!signal.aborted) {
      record.outcome = "failed";
      throw error;
    }
    record.outcome = "aborted";
  } finally {
    record.status = response.statusCode;
    log.close(record, record.outcome);
  }
}

/** The script's next step, in the caller's wire format. */
async function playStep(
  exchange: Exchange,
  call: ModelCall,
  step: Step,
  record: RequestRecord,
  defaultPaceMs: number,
  own: Pick<Handling, "now" | "id">,
): Promise<RequestRecord["outcome"]> {
  const { response, headers, wire } = exchange;
  if ("garbage" in step) {
    const type = call.stream ? eventStreamHeaders : jsonHeaders;
    return sendWhole(response, 200, { ...headers, ...type }, step.garbage);
  }
  if ("status" in step) {
    const text = typeof step.body === "string" ? step.body : JSON.stringify(step.body ?? null);
    return sendWhole(response, step.status, { ...headers, ...jsonHeaders, ...step.headers }, text);
  }
  const options = {
    paceMs: step.paceMs ?? defaultPaceMs,
    ...("cutAfterBytes" in step ? { cutAfterBytes: step.cutAfterBytes } : {}),
    ...("stallAfterTokens" in step ? { stallAfterTokens: step.stallAfterTokens } : {}),
  };
  const blocks: Block[] = [];
  if (step.text !== undefined) {
    const tokens = "tokens" in step ? step.tokens : undefined;
    blocks.push({ type: "text", text: tokens === undefined ? step.text : repeatedTo(step.text, tokens) });
  }
  if ("tools" in step) {
    for (const [i, tool] of step.tools.entries()) {
      const json = tool.rawInput ?? JSON.stringify(tool.input ?? {});
      blocks.push({ type: "tool", id: callIdOf(wire.callPrefix, call, i), name: tool.name, json });
    }
  }
  return speak(exchange, call, blocks, record, options, own);
}

/** The text's words over and over, or cut, so that there are exactly so many. */
function repeatedTo(text: string, tokens: number): string {
  const words = textTokens(text.trim() || "word");
  let out = "";
  for (let i = 0; i < tokens; i++) {
    const word = words[i % words.length] ?? "";
    out += i > 0 && i % words.length === 0 ? ` ${word.trimStart()}` : word;
  }
  return out;
}

function blocksOf(wire: Wire, call: ModelCall, answer: ReturnType<typeof demoAnswer>): Block[] {
  let calls = 0;
  return answer.map((part): Block => {
    if (part.type === "text") return part;
    const id = callIdOf(wire.callPrefix, call, calls++);
    return { type: "tool", id, name: part.name, json: JSON.stringify(part.input) };
  });
}

/** Sends an answer of our own, streamed or whole, as the caller asked. */
async function speak(
  exchange: Exchange,
  call: ModelCall,
  blocks: Block[],
  record: RequestRecord,
  options: { paceMs: number; cutAfterBytes?: number; stallAfterTokens?: number },
  own: Pick<Handling, "now" | "id">,
): Promise<RequestRecord["outcome"]> {
  const { wire, response, headers, signal } = exchange;
  const id = wire.idPrefix + own.id().replaceAll("-", "").slice(0, 24);
  const reply: Reply = { model: DEMO_MODEL, id, blocks };
  const tokenised = tokenise(reply, call.maxTokens);
  if (!call.stream) {
    const text = JSON.stringify(wire.body(tokenised, call, own.now()));
    const sent = await sendWhole(response, 200, { ...headers, ...jsonHeaders }, text, { ...options, signal });
    record.tokensSent = tokenised.outputTokens;
    return sent;
  }
  response.writeHead(200, { ...headers, ...eventStreamHeaders });
  const onToken = () => {
    record.tokensSent++;
  };
  const stall = options.stallAfterTokens;
  return streamFrames(response, wire.frames(tokenised, call, own.now()), {
    ...options,
    ...(stall === undefined ? {} : { stallAfterTokens: Math.min(stall, tokenised.outputTokens) }),
    signal,
    onToken,
  });
}

async function passOn(
  exchange: Exchange,
  target: Extract<Target, { kind: "forward" }>,
  body: Buffer,
  json: unknown,
  note: (line: string) => void,
): Promise<RequestRecord["outcome"]> {
  const { request, response, headers, signal } = exchange;
  const version = request.headers["anthropic-version"] ?? ANTHROPIC_VERSION;
  const renamed =
    target.model !== undefined && typeof json === "object" && json !== null
      ? Buffer.from(JSON.stringify({ ...json, model: target.model }))
      : body;
  const add =
    target.provider === "anthropic"
      ? { ...target.headers, "anthropic-version": String(version) }
      : target.headers;
  const forwarded = await forward(
    {
      url: target.url,
      method: request.method ?? "POST",
      headers: request.headers,
      add,
      body: renamed,
      timeoutMs: timeoutOf(request),
      signal,
    },
    response,
    headers,
  );
  if (forwarded.kind === "answered") {
    if (forwarded.status >= 400)
      note(`${providerNames[target.provider]} answered with status ${forwarded.status}`);
    return forwarded.outcome;
  }
  note(`${providerNames[target.provider]} was not reached at ${target.url.origin}: ${forwarded.detail}`);
  if (forwarded.reason === "timeout") refuse(response, gatewayErrors.timeout, headers);
  else refuse(response, unreachable(target), headers);
  return "failed";
}

function unreachable(target: Extract<Target, { kind: "forward" }>): GatewayError {
  const name = providerNames[target.provider];
  const todo =
    target.provider === "ollama" ? "Start it with `ollama serve`." : "Check the network and try again.";
  return { status: 502, code: 502, message: `${name} does not answer at ${target.url.origin}. ${todo}` };
}

export function refuse(
  response: ServerResponse,
  error: GatewayError,
  headers: Record<string, string> = {},
): void {
  response.writeHead(error.status, { ...headers, ...jsonHeaders }).end(JSON.stringify(envelope(error)));
}

/** A refusal in the provider's own words and shape. */
function refuseAs(exchange: Exchange, status: number, message: string): void {
  const { wire, requestId, response, headers } = exchange;
  response
    .writeHead(status, { ...headers, ...jsonHeaders })
    .end(JSON.stringify(wire.error(status, message, requestId)));
}

function placeOf(url: string): { provider: string; endpoint: string } | null {
  const match = /^\/v1\/[^/?]+\/[^/?]+\/([^/?]+)\/+([^?].*)$/.exec(url);
  return match?.[1] !== undefined && match[2] !== undefined
    ? { provider: match[1], endpoint: match[2] }
    : null;
}

function isServed(provider: string): provider is ServedProvider {
  return servedProviders.some((served) => served === provider);
}

function isChat(provider: ServedProvider, endpoint: string): boolean {
  const path = endpoint.split("?")[0];
  if (provider === "anthropic") return path === "v1/messages";
  return path === "chat/completions" || path === "v1/chat/completions";
}

function modelIn(json: unknown): string {
  const model = typeof json === "object" && json !== null && "model" in json ? json.model : undefined;
  return typeof model === "string" ? model : "";
}

function metadataOf(request: IncomingMessage): unknown {
  const header = request.headers["cf-aig-metadata"];
  return typeof header === "string" ? (parseJson(header).value ?? null) : null;
}

function timeoutOf(request: IncomingMessage): number | null {
  const limit = Number(request.headers["cf-aig-request-timeout"]);
  return Number.isFinite(limit) && limit > 0 ? limit : null;
}

function paceOf(request: IncomingMessage, paceMs: number): number {
  const header = request.headers["x-demo-pace-ms"];
  const asked = typeof header === "string" && header.trim() !== "" ? Number(header) : Number.NaN;
  return Number.isFinite(asked) && asked >= 0 ? Math.min(asked, MAX_PACE_MS) : paceMs;
}
