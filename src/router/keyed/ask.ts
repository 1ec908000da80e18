/** From a program's question to the conversation that answers it, and its events back. */
import { createHash } from "node:crypto";
import { conversationStub, userStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import {
  conversationName,
  isProgramThread,
  isStoredThread,
  isThread,
  programThreadFrom,
} from "../../names.ts";
import {
  type AnswerReport,
  type AskEvent,
  type AskPart,
  type AskRequest,
  askEventSchema,
} from "../../protocol/ask.ts";
import { ACTOR_PATHS, forwardedHeaders } from "../../protocol/forwarded.ts";
import { wireErrorFrom } from "../respond.ts";
import type { KeyedCall } from "./call.ts";
import { ParamError } from "./errors.ts";

const KEY_CHARS = 255;
/** A key writes; what a tool may do is a person's to decide. */
const RIGHTS = { write: true, decide: false };

/** What was said, as all of the API's ways to say it come down to. */
export interface Question {
  parts: AskPart[];
  history: AskRequest["history"];
  instructions: string;
  maxOutputTokens: number | null;
}

/** Where a question goes. `after`: behind this turn. */
export interface Place {
  thread: string;
  after: string | null;
}

export interface Asked {
  thread: string;
  turn: string;
  /** When it was accepted, in milliseconds since the epoch. */
  at: number;
  /** What follows; ends with `done`, or throws when the answer broke off. */
  events: AsyncIterableIterator<AskEvent>;
  /** Nobody listens any more. The turn goes on. */
  cancel(): Promise<void>;
}

/** A chat that a request names, or that its key is for; null when it names none. Throws `ParamError`. */
export function namedThread(call: KeyedCall, param: string, named: string | undefined): string | null {
  if (named !== undefined && !isThread(named))
    throw new ParamError(param, "That is no name of a chat: 1 to 64 lower-case letters, digits and hyphens.");
  if (call.keyThread === null) return named ?? null;
  if (named === undefined || named === call.keyThread) return call.keyThread;
  throw new ParamError(param, `This key is for the chat "${call.keyThread}" only.`, { code: "forbidden" });
}

/** The header `Idempotency-Key`: a question that is sent again with it counts once. */
export function idempotencyKey(call: KeyedCall): string | undefined {
  const key = call.c.req.header("Idempotency-Key");
  if (key === undefined || (key.length > 0 && key.length <= KEY_CHARS)) return key;
  throw new ParamError("Idempotency-Key", `An idempotency key has 1 to ${KEY_CHARS} characters.`);
}

/** A chat of its own for a question that brings its history. Asked again with the same key, it is the same one. */
export function ownThread(call: KeyedCall, stored: boolean): string {
  const key = idempotencyKey(call);
  if (key === undefined) return programThreadFrom(call.deps.random(20), stored);
  const hash = createHash("sha256")
    .update(JSON.stringify([call.agent.ownerId, call.keyId, key]))
    .digest();
  return programThreadFrom(hash, stored);
}

/** Asks, and resolves once the question is accepted for good. Throws what the conversation refuses it with. */
export async function ask(
  call: KeyedCall,
  { thread, after }: Place,
  question: Question,
  tell: AskRequest["tell"],
): Promise<Asked> {
  const { principal, agent, deps } = call;
  if (isProgramThread(thread)) {
    const kept = isStoredThread(thread) ? limits.programStoredMs : limits.programThreadKeptMs;
    await userStub(call.c.env, agent.ownerId).keys.openThread(thread, kept);
  }
  const { parts, instructions, maxOutputTokens } = question;
  // A chat with a name has its own history.
  const history = after === null && isProgramThread(thread) ? question.history : [];
  const key = idempotencyKey(call) ?? `once:${deps.id()}`;
  const body: AskRequest = { key, parts, history, instructions, maxOutputTokens, after, tell };
  const response = await conversationStub(call.c.env, conversationName(agent.ownerId, thread)).fetch(
    new Request(new URL(ACTOR_PATHS.ask, "https://actor.internal"), {
      method: "POST",
      headers: {
        ...forwardedHeaders({ principal, agent, rights: RIGHTS }),
        "content-type": "application/json",
      },
      body: JSON.stringify(body),
    }),
  );
  if (response.status !== 200 || !response.body) {
    const wire = wireErrorFrom(await response.json().catch(() => null));
    if (wire) throw new AppError(wire.code, wire.message);
    throw new Error(`The actor answered ${response.status} to a question.`);
  }
  const reader = response.body.getReader();
  const events = eventsOf(reader);
  const first = await events.next();
  if (first.done || first.value.type !== "accepted") throw interrupted();
  const { turn, at } = first.value;
  return { thread, turn, at, events, cancel: () => reader.cancel("nobody listens").catch(() => {}) };
}

/** The whole answer. Throws when it broke off. */
export async function reportOf(asked: Asked): Promise<AnswerReport> {
  for await (const event of asked.events) if (event.type === "done") return event.report;
  throw interrupted();
}

async function* eventsOf(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): AsyncGenerator<AskEvent, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw interrupted(cause);
    });
    if (done) throw interrupted();
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = askEventSchema.parse(JSON.parse(line));
      if (event.type === "broken") throw interrupted();
      // zod says `undefined` where our types say that a key is absent; the values are the same.
      yield event as AskEvent;
      if (event.type === "done") return;
    }
  }
}

/** Also what a client is told in the middle of a stream, where what it was sent cannot be taken back. */
export const interrupted = (cause?: unknown): AppError =>
  new AppError(
    "storage_failed",
    "The answer was interrupted here, and the agent goes on with it. Ask again with the same Idempotency-Key to get all of it.",
    { cause },
  );

/** What a turn that waits for a person says instead of the rest of its answer. */
export function waitingText(call: KeyedCall, thread: string, report: AnswerReport): string {
  if (report.status !== "waiting") return "";
  const tools = [...new Set(report.waits.map(({ tool }) => tool))].join(", ");
  const where = `${call.settings.publicOrigin}/@${call.agent.handle}/${thread}`;
  return `[Waiting for approval: ${tools}. Somebody has to decide at ${where}; the answer goes on then.]`;
}
