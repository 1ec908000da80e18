/**
 * Running a journal again, with the outcomes that it recorded. Pure: every decision in it (which call, which tools,
 * which question, which end) is planned anew and every request is built anew, and both must come out as they were
 * written.
 */
import { createHash } from "node:crypto";
import { limits } from "../../limits.ts";
import type { ChatMessage } from "../../protocol/message.ts";
import { sha256 } from "../chain.ts";
import { compactionRequest } from "./compact.ts";
import type { CallEntry, EndEntry, Entry, IntentEntry, ResultEntry, UnknownEntry } from "./entries.ts";
import { type ExportedJournal, type MessageHash, verifyChain } from "./export.ts";
import { windowOf } from "./memory.ts";
import { plan, type RiskOf, type Step } from "./plan.ts";
import { fingerprintOf } from "./request.ts";
import { emptyState, reduce, type State } from "./state.ts";
import { eachMessage } from "./walk.ts";

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
  /** Differences behind an erased payload: what it said cannot be taken into account. */
  unverified: Difference[];
  /** Entries whose payload was erased. */
  erased: number[];
  /** Kinds and versions that this code does not know; carried. */
  unknown: string[];
  /** Every decision and every message as a line, as written and as replayed. */
  lines: { written: string[]; replayed: string[] };
}

/** One thing that was written and is worked out again. */
type Check = Omit<Difference, "seq">;

export function replay(journal: ExportedJournal): Replayed {
  const found: Difference[] = verifyChain(journal).map((broken) => ({
    seq: broken.seq,
    what: "hash chain",
    written: broken.written,
    replayed: broken.computed,
  }));
  const chain = found.length;
  const lines: Replayed["lines"] = { written: [], replayed: [] };
  const add = (seq: number, check: Check) => {
    lines.written.push(`${seq || "file"} ${check.what}: ${check.written}`);
    lines.replayed.push(`${seq || "file"} ${check.what}: ${check.replayed}`);
    if (check.written !== check.replayed) found.push({ seq, ...check });
  };
  const knowledge: Knowledge = { notes: new Map(), riskOf: risksIn(journal) };
  let state = emptyState;
  let calls = 0;
  let decisions = 0;
  for (const { seq, entry } of journal.entries) {
    const checks = decide(state, entry as Entry, knowledge); // kinds of a later version fall through
    if (checks !== null) decisions++;
    for (const check of checks ?? []) add(seq, check);
    if (entry.kind === "call") calls++;
    state = reduce(state, entry);
  }
  const messages = [...eachMessage(state)];
  for (const check of checkTranscript(journal, messages)) add(0, check);
  const erased = journal.entries.filter((one) => one.payload === null).map((one) => one.seq);
  const excused = (one: Difference) => erased.length > 0 && one.seq > (erased[0] ?? 0);
  return {
    entries: journal.entries.length,
    calls,
    decisions,
    messages,
    differences: found.filter((one, i) => i < chain || !excused(one)),
    unverified: found.filter((one, i) => i >= chain && excused(one)),
    erased,
    unknown: unknownIn(journal),
    lines,
  };
}

const messageHash = (message: ChatMessage): string => sha256(JSON.stringify(message));

export const hashesOf = (messages: Iterable<ChatMessage>): MessageHash[] =>
  Array.from(messages, (message) => [message.id, messageHash(message)] as const);

/** The SHA-256 of the messages as one JSON array, whatever their number. */
export function transcriptHash(messages: Iterable<ChatMessage>): string {
  const hash = createHash("sha256");
  let between = "[";
  for (const message of messages) {
    hash.update(between + JSON.stringify(message));
    between = ",";
  }
  return hash.update(between === "[" ? "[]" : "]").digest("base64url");
}

function checkTranscript(journal: ExportedJournal, messages: readonly ChatMessage[]): Check[] {
  const checks: Check[] = [];
  const written = journal.messages ?? [];
  if (journal.messages) {
    for (let i = 0; i < Math.max(written.length, messages.length); i++) {
      const [id, hash] = written[i] ?? ["nothing", ""];
      const now = messages[i];
      const replayed = now ? `${now.id} ${messageHash(now)}` : "nothing ";
      checks.push({ what: `message ${i + 1}`, written: `${id} ${hash}`, replayed });
    }
  }
  checks.push({ what: "transcript", written: journal.transcript, replayed: transcriptHash(messages) });
  return checks;
}

function unknownIn(journal: ExportedJournal): string[] {
  const kinds = new Map<string, number>();
  for (const { kind, v, entry } of journal.entries) {
    if (entry.kind.startsWith("unknown.")) kinds.set(`${kind} ${v}`, (kinds.get(`${kind} ${v}`) ?? 0) + 1);
  }
  return [...kinds].map(([kind, count]) => `${count} of ${kind}`);
}

interface Knowledge {
  /** Texts by their hash. */
  notes: Map<string, string>;
  /** What had to happen before a call ran: the owner's settings of then are not in the journal, their effects are. */
  riskOf: RiskOf;
}

function risksIn(journal: ExportedJournal): RiskOf {
  const asked = new Set<string>();
  const ran = new Set<string>();
  const denied = new Set<string>();
  for (const { entry } of journal.entries as { entry: Entry | UnknownEntry }[]) {
    const known = entry as Entry; // other kinds fit none of the tests
    if (known.kind === "ask") asked.add(known.id);
    if (known.kind === "intent") ran.add(known.id);
    if (known.kind === "result" && known.error?.code === "denied") denied.add(known.id);
  }
  return (_name, call) => {
    if (asked.has(call)) return "ask";
    return denied.has(call) && !ran.has(call) ? "deny" : "auto";
  };
}

/** What is worked out again for an entry; null when the entry is no decision of ours. */
function decide(state: State, entry: Entry, knowledge: Knowledge): Check[] | null {
  const planned = () => plan(state, limits, entry.at, knowledge.riskOf);
  switch (entry.kind) {
    case "note":
      return entry.hash ? onNote(entry.hash, entry.text, knowledge.notes) : null;
    case "call":
      return onCall(state, entry, planned(), knowledge.notes);
    case "intent":
      return onIntent(state, entry, planned());
    case "ask":
      return [nextStep(`ask ${entry.id}`, planned())];
    case "expire":
      return [nextStep(`expire ${entry.id}`, planned())];
    case "result":
      return onResult(entry, planned);
    case "compact":
      return null; // its call was checked, and what it says is the model's
    case "end":
      return onEnd(entry, planned);
    case "fork":
      return [
        { what: "length of the copied journal", written: String(entry.seq), replayed: String(state.seq) },
      ];
    default:
      return null;
  }
}

function onNote(hash: string, text: string, notes: Map<string, string>): Check[] {
  notes.set(hash, text);
  return [{ what: "hash of a note", written: hash, replayed: sha256(text) }];
}

function onCall(state: State, call: CallEntry, step: Step, notes: ReadonlyMap<string, string>): Check[] {
  if (step.type === "compact") return onCompaction(state, call, step.covered);
  const missing = [
    ["prompt", call.prompt],
    ["tool list", call.tools],
  ].filter(([, hash]) => !notes.has(hash ?? ""));
  const window = windowOf(reduce(state, call), call.windowTokens);
  return [
    nextStep(`call ${call.turn} round ${call.round} attempt ${call.attempt}`, step),
    ...missing.map(([what, hash]) => ({
      what: `text of the ${what}`,
      written: hash ?? "",
      replayed: "not in the journal",
    })),
    { what: "fingerprint of the request", written: call.fingerprint, replayed: fingerprintOf(call, window) },
  ];
}

function onCompaction(state: State, call: CallEntry, covered: number): Check[] {
  const { system, messages } = compactionRequest(state, { covered }, { model: call.model });
  return [
    { what: "next step", written: `call ${call.turn}`, replayed: `call compact-${covered}` },
    {
      what: "fingerprint of the request",
      written: call.fingerprint,
      replayed: sha256(system, JSON.stringify(messages)),
    },
  ];
}

function onIntent(state: State, intent: IntentEntry, step: Step): Check[] {
  const asked = state.active?.rounds
    .at(-1)
    ?.parts.find((part) => part.type === "tool" && part.id === intent.id);
  const said = asked?.type === "tool" ? `${asked.name} ${asked.input}` : "nothing";
  return [
    { what: "tool call", written: `${intent.name} ${intent.input}`, replayed: said },
    nextStep(`run ${intent.id}`, step),
  ];
}

/** Of results only those are ours that say why a call was not made. */
function onResult(result: ResultEntry, planned: () => Step): Check[] | null {
  const code = result.error?.code;
  if (result.late || (code !== "denied" && code !== "approval_expired")) return null;
  const step = planned();
  // A tool may fail with such a code as well: then it ran.
  return step.type === "tools" ? null : [nextStep(`refuse ${result.id}`, step)];
}

/** Ends that no plan says: people stop turns, and the shell ends those that it cannot go on with or pay for. */
const UNPLANNED = new Set(["turn_stalled", "budget_exceeded", "model_unpriced"]);

function onEnd(end: EndEntry, planned: () => Step): Check[] | null {
  if (end.outcome === "cancelled" || UNPLANNED.has(end.error?.code ?? "")) return null;
  return [nextStep(`end ${end.turn} ${end.outcome}`, planned())];
}

/** The step that was written beside those that the plan has now: a step can be about several calls at once. */
function nextStep(written: string, step: Step): Check {
  const possible = stepsOf(step);
  return { what: "next step", written, replayed: possible.includes(written) ? written : possible.join(", ") };
}

function stepsOf(step: Step): string[] {
  switch (step.type) {
    case "call":
      return [`call ${step.turn} round ${step.round} attempt ${step.attempt}`];
    case "tools":
      return step.calls.map((call) => `run ${call.id}`);
    case "ask":
      return step.calls.map((call) => `ask ${call.id}`);
    case "expire":
      return step.asks.map((ask) => `expire ${ask.id}`);
    case "refuse":
      return step.calls.map((call) => `refuse ${call.id}`);
    case "end":
      return [`end ${step.turn} ${step.outcome}`];
    case "interrupt":
      return step.tools.map((tool) => `interrupt ${tool.id}`);
    default:
      return [step.type];
  }
}
