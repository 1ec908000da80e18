/** One case: a fake gateway that answers in some way, one call of the real port, and what came of it. */
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { ModelError } from "../../../src/model/errors.ts";
import { createModelPort } from "../../../src/model/gateway.ts";
import type { Answer, AnswerDelta, AnswerPart } from "../../../src/model/port.ts";
import type { Recording } from "./recordings.ts";

/** What a case must come to. `any`: an answer if it is the whole one, else a `ModelError`. */
export type Expected =
  | { type: "answer" }
  | { type: "any" }
  | { type: "error"; code?: string; retryable?: boolean; retryAfterMs?: number };

export interface Case {
  name: string;
  recording: Recording;
  /** What the gateway answers; may throw or wait, as `fetch` does. */
  respond(signal: AbortSignal | undefined): Response | Promise<Response>;
  expected: Expected;
  /** When the caller gives up: before the request goes out, when it has, or when it heard something. Absent: never. */
  abort?: "at once" | "when asked" | "at the first delta";
}

export interface Settled {
  /** `hang` is what must never be. */
  outcome: "answer" | "error" | "hang";
  /** The whole answer, but for the usage that was cut off behind it. */
  unmetered: boolean;
  wrong: string[];
}

/** A case that has not settled by then never will: everything in it is in memory. */
const HANGS_AFTER_MS = 4_000;

/** Plays a case. `create` makes the port that is judged; another one than ours shows whether the judge is awake. */
export async function run(one: Case, create: typeof createModelPort = createModelPort): Promise<Settled> {
  const deltas: AnswerDelta[] = [];
  const abort = new AbortController();
  let requests = 0;
  const binding = {
    async fetch(_input: string, init?: RequestInit): Promise<Response> {
      requests++;
      if (one.abort === "when asked") setImmediate(() => abort.abort());
      return one.respond(init?.signal ?? undefined);
    },
  };
  const port = create({
    binding: binding as unknown as Ai, // the vendors' own formats need nothing but `fetch`
    localUrl: "",
    gatewayId: "default",
    loadFile: async () => null,
  });
  const call = port.call(
    {
      model: one.recording.model,
      system: "You are helpful.",
      messages: [{ role: "user", content: [{ type: "text", text: "How high is the tide?" }] }],
      tools: [],
      maxOutputTokens: 1_000,
      metadata: { user: "u", thread: "t", turn: "1" },
    },
    (delta) => {
      deltas.push(delta);
      if (one.abort === "at the first delta") abort.abort();
    },
    abort.signal,
  );
  if (one.abort === "at once") abort.abort();
  const late = new AbortController();
  const hang = delay(HANGS_AFTER_MS, "hang" as const, { signal: late.signal }).catch(() => "hang" as const);
  const result = await Promise.race([
    hang,
    call.then(
      (answer) => ({ answer }),
      (error: unknown) => ({ error }),
    ),
  ]);
  late.abort();
  return judge(one, result, deltas, requests);
}

function judge(
  one: Case,
  result: "hang" | { answer: Answer } | { error: unknown },
  deltas: readonly AnswerDelta[],
  requests: number,
): Settled {
  const wrong: string[] = [];
  const say = (text: string): void => void wrong.push(`${one.recording.name}, ${one.name}: ${text}`);
  const { answer: whole } = one.recording;
  if (requests > 1) say(`one call made ${requests} requests`);
  if (deltas.filter(({ type }) => type === "began").length > 1) say("it began twice");
  if (result === "hang") {
    say("it never settled");
    return { outcome: "hang", unmetered: false, wrong };
  }
  const same = "answer" in result;
  for (const [key, said] of saidBy(deltas)) {
    const full = fullText(whole.parts, key);
    if (same ? said !== full : !full.startsWith(said)) say(`${key} was told as ${JSON.stringify(said)}`);
  }
  if ("error" in result) {
    judgeError(result.error, one.expected, say);
    return { outcome: "error", unmetered: false, wrong };
  }
  if (one.expected.type === "error") say("it was taken for an answer");
  const { run: _run, usage, ...answer } = result.answer;
  const { usage: fullUsage, ...full } = whole;
  if (!isDeepStrictEqual(answer, full)) say(`the answer is not whole: ${JSON.stringify(answer)}`);
  const told = new Set(saidBy(deltas).keys());
  for (const part of whole.parts) if (!told.has(keyOf(part))) say(`${keyOf(part)} was never told`);
  const unmetered = !isDeepStrictEqual(usage, fullUsage);
  if (unmetered && one.expected.type === "answer") say(`its usage is ${JSON.stringify(usage)}`);
  return { outcome: "answer", unmetered, wrong };
}

function judgeError(error: unknown, expected: Expected, say: (text: string) => void): void {
  if (!(error instanceof ModelError)) return say(`it threw ${String(error)}`);
  if (expected.type === "answer") return say(`it failed: ${error.code} (${String(error.cause)})`);
  if (expected.type !== "error") return;
  if (expected.code !== undefined && error.code !== expected.code) say(`its code is ${error.code}`);
  if (expected.retryable !== undefined && error.retryable !== expected.retryable)
    say(`${error.code} has retryable: ${error.retryable}`);
  if (expected.retryAfterMs !== undefined && error.retryAfterMs !== expected.retryAfterMs)
    say(`it asks to wait ${error.retryAfterMs} ms`);
}

/** Texts by kind and, for tools, by id: what a reader of the deltas has put together. */
function saidBy(deltas: readonly AnswerDelta[]): Map<string, string> {
  const said = new Map<string, string>();
  for (const delta of deltas) {
    if (delta.type === "began" || delta.type === "block-end") continue;
    const key = delta.type === "tool-input" ? `tool ${delta.id}` : delta.type;
    said.set(key, (said.get(key) ?? "") + delta.delta);
  }
  return said;
}

const keyOf = (part: AnswerPart): string => (part.type === "tool" ? `tool ${part.id}` : part.type);

function fullText(parts: readonly AnswerPart[], key: string): string {
  return parts
    .filter((part) => keyOf(part) === key)
    .map((part) => (part.type === "tool" ? part.input : part.text))
    .join("");
}

/** A body that gives these reads one by one. `end`: it closes, breaks off as a lost connection does, or goes silent. */
export function bodyOf(
  reads: readonly Uint8Array[],
  end: "close" | "reset" | "silent",
  signal?: AbortSignal,
): ReadableStream<Uint8Array> {
  let next = 0;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      onAbort(signal, (reason) => controller.error(reason));
    },
    pull(controller) {
      const read = reads[next++];
      if (read) return controller.enqueue(read);
      if (end === "close") return controller.close();
      if (end === "reset") return controller.error(new TypeError("terminated"));
      return new Promise(() => {}); // nothing ever comes
    },
  });
}

/** Calls back when the signal aborts, at once if it has: as `fetch` heeds it. */
export function onAbort(signal: AbortSignal | undefined, run: (reason: unknown) => void): void {
  if (signal?.aborted) run(signal.reason);
  else signal?.addEventListener("abort", () => run(signal.reason), { once: true });
}

export const eventStream = (body: ReadableStream<Uint8Array> | string): Response =>
  new Response(body, { status: 200, headers: { "content-type": "text/event-stream; charset=utf-8" } });
