/** Sums up the oldest part of a conversation while nobody waits. Whatever goes wrong, the conversation goes on. */
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { ModelError } from "../../model/errors.ts";
import type { ModelRequest } from "../../model/port.ts";
import { sha256 } from "../chain.ts";
import { watchSilence } from "./calls.ts";
import { compactionRequest } from "./compact.ts";
import type { CallEntry, Entry } from "./entries.ts";
import type { TurnPorts } from "./ports.ts";
import { within } from "./within.ts";

type CompactPorts = Pick<
  TurnPorts,
  "model" | "now" | "after" | "state" | "settings" | "price" | "reserve" | "lease" | "commit"
>;

/** Never rejects. Without a summary or a remark when something more urgent came: then it will be tried again. */
export async function compact(
  ports: CompactPorts,
  covered: number,
  abort: AbortController,
): Promise<Entry[]> {
  const settings = ports.settings();
  if (!settings) return [];
  const state = ports.state();
  const turn = `compact-${covered}`;
  const wanted: ModelRequest = {
    ...compactionRequest(state, { covered }, settings),
    tools: [],
    metadata: { user: settings.userId, thread: settings.thread, turn },
  };
  const failed = (text: string): Entry => ({ kind: "note", at: ports.now(), topic: "compact-failed", text });
  let reserved = ports.reserve(state, wanted);
  if (!reserved.ok && reserved.needs === "lease") {
    let lease = await asked(ports, wanted);
    // The purse knows better what the chat holds: then it is asked again.
    if (lease?.kind === "release") {
      ports.commit([lease]);
      lease = await asked(ports, wanted);
    }
    if (lease) ports.commit([lease]);
    if (abort.signal.aborted) return [];
    reserved = ports.reserve(ports.state(), wanted);
  }
  if (!reserved.ok) return [failed("There is no money left for a summary today.")];
  const request = { ...wanted, maxOutputTokens: reserved.maxOutputTokens };
  // Numbered by the journal: what an earlier try may have cost stays counted beside this one.
  const where = { turn, round: 0, attempt: ports.state().seq + 1 };
  ports.commit([callEntry(request, where, reserved, ports.now())]);
  const silence = watchSilence(ports, abort);
  try {
    const answer = await ports.model.call(request, silence.heard, abort.signal);
    const at = ports.now();
    const summary = answer.parts
      .map((part) => (part.type === "text" ? part.text : ""))
      .join("")
      .trim();
    const priceMicros = ports.price(request.model, answer.usage, answer.model);
    const { model, usage } = answer;
    if (!summary)
      return [fault(where, "The summary is empty.", at), failed("The model gave an empty summary.")];
    return [{ kind: "compact", at, covered, summary, model, usage, priceMicros, call: where }];
  } catch (error) {
    const why = error instanceof AppError ? error.message : "The call broke off.";
    const unbilled = error instanceof ModelError && error.unbilled;
    const ended = fault(where, why, ports.now(), unbilled);
    return abort.signal.aborted && !silence.stalled() ? [ended] : [ended, failed(why)];
  } finally {
    silence.stop();
  }
}

/** What the user's purse says; null when it says nothing in time. */
const asked = (ports: CompactPorts, wanted: ModelRequest) =>
  within(ports.after, limits.askWithinMs, "The purse", ports.lease(wanted)).catch(() => null);

const callEntry = (
  request: ModelRequest,
  where: { turn: string; round: number; attempt: number },
  reserved: { micros: number; tokens?: number },
  at: number,
): CallEntry => ({
  kind: "call",
  at,
  ...where,
  model: request.model,
  fingerprint: sha256(request.system, JSON.stringify(request.messages)),
  prompt: sha256(request.system),
  tools: sha256("[]"),
  maxOutputTokens: request.maxOutputTokens,
  windowTokens: 0,
  reservationMicros: reserved.micros,
  ...(reserved.tokens !== undefined && { reservationTokens: reserved.tokens }),
});

const fault = (
  where: { turn: string; round: number; attempt: number },
  message: string,
  at: number,
  unbilled = false,
): Entry => ({
  kind: "fault",
  at,
  ...where,
  code: "model_failed",
  message,
  ...(unbilled && { unbilled: true as const }),
});
