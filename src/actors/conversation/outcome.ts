/** From what a port gave back to journal entries. Pure. */
import { limits } from "../../limits.ts";
import { ModelError } from "../../model/errors.ts";
import type { Answer } from "../../model/port.ts";
import type { Entry, FaultEntry } from "./entries.ts";
import type { State, Turn } from "./state.ts";
import type { LiveStream } from "./stream.ts";

/** Which call an outcome belongs to. */
export interface CallId {
  turn: string;
  round: number;
  attempt: number;
}

/** Maps a provider's tool call ids to ones that are unique in the thread: approvals carry nothing else. */
export function toolIdsOf(call: CallId): (id: string) => string {
  const known = new Map<string, string>();
  return (id) => {
    const mine = known.get(id) ?? `${call.turn}_${call.round}_${known.size}`;
    known.set(id, mine);
    return mine;
  };
}

export function answerEntries(
  answer: Answer,
  call: CallId,
  toolIds: (id: string) => string,
  run: string,
  at: number,
): Entry[] {
  const parts = answer.parts.map((part) => (part.type === "tool" ? { ...part, id: toolIds(part.id) } : part));
  const { usage, finish, model } = answer;
  return [
    { kind: "began", at, ...call, run },
    { kind: "answer", at, ...call, parts, usage, finish, model, priceMicros: 0 },
  ];
}

/** `faults`: earlier ones of this round. `random`: 0 to 1, for jitter. */
export function faultEntry(
  error: unknown,
  call: CallId,
  options: { faults: number; random: number; stalled: boolean; at: number },
): FaultEntry {
  const known = options.stalled
    ? new ModelError("model_failed", "The model went silent. It was asked again, without success.", {
        retryable: true,
      })
    : error instanceof ModelError
      ? error
      : new ModelError("model_failed", "The call to the model broke off. Try again.", { retryable: true });
  const backoff = limits.callBackoffMs * 2 ** options.faults * (0.5 + options.random);
  const wait = Math.max(1, Math.round(Math.max(known.retryAfterMs, backoff)));
  // A provider that wants a longer pause is not waited for in silence: the turn fails and says so.
  const retry = known.retryable && options.faults + 1 < limits.callAttempts && wait <= limits.retryWaitMs;
  return {
    kind: "fault",
    at: options.at,
    ...call,
    code: known.code,
    message: known.message,
    ...(retry && { retryAt: options.at + wait }),
  };
}

/** What has to be written when a person stops a turn: what was said so far, tools cut off, and the end. */
export function cancelEntries(turn: Turn, live: LiveStream | null, at: number): Entry[] {
  const entries: Entry[] = [];
  const said = live?.turn === turn.id ? live.said() : [];
  if (turn.open && said.length > 0) {
    entries.push({
      kind: "answer",
      at,
      turn: turn.id,
      round: turn.open.round,
      attempt: turn.open.attempt,
      parts: said,
      usage: { inputTokens: 0, outputTokens: 0 },
      finish: "cancelled",
      model: live?.model || turn.open.model,
      priceMicros: 0,
      partial: true,
    });
  }
  for (const tool of turn.rounds.at(-1)?.tools ?? []) {
    if (tool.result === null)
      entries.push({ kind: "result", at, turn: turn.id, id: tool.id, interrupted: true });
  }
  entries.push({ kind: "end", at, turn: turn.id, outcome: "cancelled" });
  return entries;
}

/** An outcome that nobody waits for any more is kept, marked, and changes nothing. */
export function lateOrNot(state: State, entry: Entry): Entry {
  const turn = state.active;
  if (entry.kind === "result") {
    const tools = turn?.id === entry.turn ? turn.rounds.at(-1)?.tools : undefined;
    return tools?.some((tool) => tool.id === entry.id && !tool.result) ? entry : { ...entry, late: true };
  }
  if (entry.kind === "answer" || entry.kind === "fault") {
    const open = turn?.id === entry.turn ? turn.open : null;
    if (open?.round === entry.round && open.attempt === entry.attempt) return entry;
    return { kind: "note", at: entry.at, topic: "late", text: `${entry.kind} of ${entry.turn}` };
  }
  return entry;
}
