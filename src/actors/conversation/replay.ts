/**
 * Running a journal again, with the outcomes that it recorded. Pure: every decision in it (which call, which tools,
 * which end) is planned anew and every request is built anew, and both must come out as they were written.
 */
import { limits } from "../../limits.ts";
import type { ChatMessage } from "../../protocol/message.ts";
import { sha256 } from "./chain.ts";
import type { CallEntry, EndEntry, Entry, IntentEntry } from "./entries.ts";
import { type ExportedJournal, verifyChain } from "./export.ts";
import { windowOf } from "./memory.ts";
import { plan, type Step } from "./plan.ts";
import { fingerprintOf } from "./request.ts";
import { emptyState, reduce, type State } from "./state.ts";
import { transcript } from "./transcript.ts";

/** Where a replay parted ways with the journal. */
export interface Difference {
  /** The entry's sequence number; 0 for the file as a whole. */
  seq: number;
  what: string;
  written: string;
  replayed: string;
}

export interface Replayed {
  entries: number;
  calls: number;
  decisions: number;
  messages: ChatMessage[];
  differences: Difference[];
}

export function replay(journal: ExportedJournal): Replayed {
  const differences: Difference[] = verifyChain(journal).map((broken) => ({
    seq: broken.seq,
    what: "hash chain",
    written: broken.written,
    replayed: broken.computed,
  }));
  const notes = new Map<string, string>();
  let state = emptyState;
  let calls = 0;
  let decisions = 0;
  for (const { seq, entry } of journal.entries) {
    const found = decide(state, entry as Entry, notes); // kinds of a later version fall through
    if (found !== null) decisions++;
    for (const difference of found ?? []) differences.push({ seq, ...difference });
    if (entry.kind === "call") calls++;
    state = reduce(state, entry);
  }
  const messages = transcript(state, { limit: Number.POSITIVE_INFINITY });
  const hash = transcriptHash(messages);
  if (journal.transcript !== hash) {
    differences.push({ seq: 0, what: "transcript", written: journal.transcript, replayed: hash });
  }
  return { entries: journal.entries.length, calls, decisions, messages, differences };
}

export const transcriptHash = (messages: readonly ChatMessage[]): string => sha256(JSON.stringify(messages));

type Found = Omit<Difference, "seq">[];

/** The differences of one entry; null when the entry is no decision of ours. */
function decide(state: State, entry: Entry, notes: Map<string, string>): Found | null {
  switch (entry.kind) {
    case "note":
      return entry.hash ? onNote(entry.hash, entry.text, notes) : null;
    case "call":
      return onCall(state, entry, notes);
    case "intent":
      return onIntent(state, entry);
    case "end":
      return onEnd(state, entry);
    default:
      return null;
  }
}

function onNote(hash: string, text: string, notes: Map<string, string>): Found {
  notes.set(hash, text);
  return differing("hash of a note", hash, sha256(text));
}

function onCall(state: State, call: CallEntry, notes: Map<string, string>): Found {
  const step = plan(state, limits, call.at);
  const found = differing(
    "next step",
    `call ${call.turn} round ${call.round} attempt ${call.attempt}`,
    step.type === "call" ? `call ${step.turn} round ${step.round} attempt ${step.attempt}` : wordsOf(step),
  );
  for (const [what, hash] of [
    ["prompt", call.prompt],
    ["tool list", call.tools],
  ] as const) {
    if (!notes.has(hash))
      found.push({ what: `text of the ${what}`, written: hash, replayed: "not in the journal" });
  }
  const window = windowOf(reduce(state, call), call.windowTokens);
  return [
    ...found,
    ...differing("fingerprint of the request", call.fingerprint, fingerprintOf(call, window)),
  ];
}

function onIntent(state: State, intent: IntentEntry): Found {
  const asked = state.active?.rounds
    .at(-1)
    ?.parts.find((part) => part.type === "tool" && part.id === intent.id);
  const said = asked?.type === "tool" ? `${asked.name} ${asked.input}` : "nothing";
  return differing("tool call", `${intent.name} ${intent.input}`, said);
}

function onEnd(state: State, end: EndEntry): Found | null {
  // People stop turns, and the shell gives up those that cannot be finished: no plan says so.
  if (end.outcome === "cancelled" || end.error?.code === "turn_stalled") return null;
  const step = plan(state, limits, end.at);
  const replayed = step.type === "end" ? `end ${step.turn} ${step.outcome}` : wordsOf(step);
  return differing("next step", `end ${end.turn} ${end.outcome}`, replayed);
}

const wordsOf = (step: Step): string => ("turn" in step ? `${step.type} ${step.turn}` : step.type);

const differing = (what: string, written: string, replayed: string): Found =>
  written === replayed ? [] : [{ what, written, replayed }];
