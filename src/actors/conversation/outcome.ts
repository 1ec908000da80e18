/** From what a port gave back to journal entries. Pure. */
import { limits } from "../../limits.ts";
import { ModelError } from "../../model/errors.ts";
import type { Answer, AnswerPart } from "../../model/port.ts";
import type { Entry, FaultEntry, Sender } from "./entries.ts";
import { isOpen } from "./purse.ts";
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

/** The answer with ids of ours. A provider that gives two calls one id gets two ids: each is a call of its own. */
export function withOwnIds(answer: Answer, toolIds: (id: string) => string): Answer {
  const used = new Set<string>();
  const parts = answer.parts.map((part): AnswerPart => {
    if (part.type !== "tool") return part;
    let id = toolIds(part.id);
    while (used.has(id)) id = `${id}x`;
    used.add(id);
    return { ...part, id };
  });
  return { ...answer, parts };
}

/** `answer` has ids of ours. */
export function answerEntries(
  answer: Answer,
  call: CallId,
  run: string,
  at: number,
  priceMicros: number,
): Entry[] {
  const { parts, usage, finish, model } = answer;
  return [
    { kind: "began", at, ...call, run },
    { kind: "answer", at, ...call, parts, usage, finish, model, priceMicros },
  ];
}

/** What can be kept of entries that are too large for the journal; null when they cannot be made smaller. */
export function shrunk(entries: readonly Entry[]): Entry[] | null {
  const kept = entries.map(smaller);
  return kept.some((entry, i) => entry !== entries[i]) ? kept : null;
}

/** The entry itself when there is nothing smaller to say. */
function smaller(entry: Entry): Entry {
  const { at } = entry;
  const code = "message_too_large";
  if (entry.kind === "answer") {
    const { turn, round, attempt } = entry;
    return { kind: "fault", at, turn, round, attempt, code, message: ANSWER_TOO_LARGE };
  }
  const called = entry.kind === "intent" || entry.kind === "ask";
  if (!called && (entry.kind !== "result" || entry.error)) return entry;
  const message = called ? INPUT_TOO_LARGE : RESULT_TOO_LARGE;
  return { kind: "result", at, turn: entry.turn, id: entry.id, error: { code, message } };
}

const ANSWER_TOO_LARGE =
  "The answer is too large to be kept. Ask for less at a time, or for the text to be written into a file.";
const RESULT_TOO_LARGE = "The result is too large to be kept. Ask for less of it.";
const INPUT_TOO_LARGE =
  "The arguments are too large to be kept, so the call was not made. Use smaller pieces.";

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
    ...(known.unbilled && { unbilled: true as const }),
  };
}

/**
 * What has to be written when a person stops a turn: what was said so far, tools cut off, and the end.
 * `reservedMicros`: what its open call may cost.
 */
export function cancelEntries(
  turn: Turn,
  live: LiveStream | null,
  at: number,
  reservedMicros = 0,
  by?: Sender,
): Entry[] {
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
      // What it cost nobody says any more: its worst case counts.
      priceMicros: reservedMicros,
      partial: true,
    });
  }
  return [
    ...entries,
    ...cutOff(turn, at),
    { kind: "end", at, turn: turn.id, outcome: "cancelled", ...(by && { by }) },
  ];
}

/** Tools of a turn that ends before they did: nobody knows what became of them. */
export const cutOff = (turn: Turn, at: number): Entry[] =>
  (turn.rounds.at(-1)?.tools ?? [])
    .filter((tool) => tool.result === null)
    .map((tool) => ({ kind: "result", at, turn: turn.id, id: tool.id, interrupted: true }));

/** An outcome that nobody waits for any more is kept, marked, and changes nothing. */
export function lateOrNot(state: State, entry: Entry): Entry {
  const turn = state.active;
  if (entry.kind === "result") {
    const round = turn?.id === entry.turn ? turn.rounds.at(-1) : undefined;
    const known = round?.tools.find((tool) => tool.id === entry.id);
    // A call that was refused has no intent.
    const asked = round?.parts.some((part) => part.type === "tool" && part.id === entry.id);
    return (known ? known.result === null : asked) ? entry : { ...entry, late: true };
  }
  if (entry.kind === "answer" || entry.kind === "fault") {
    const open = turn?.id === entry.turn ? turn.open : null;
    if (open?.round === entry.round && open.attempt === entry.attempt) return entry;
    // A summary is asked for beside all turns: how that ended is waited for by whoever counts the money.
    if (entry.kind === "fault" && isOpen(state.purse, entry)) return entry;
    return { kind: "note", at: entry.at, topic: "late", text: `${entry.kind} of ${entry.turn}` };
  }
  return entry;
}
