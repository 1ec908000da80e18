/** What must hold of calls that wait for a person: read from the journals, from what deciders were told, and outside. */
import type { Entry } from "../../../src/actors/conversation/entries.ts";
import type { Decision } from "./approvals.ts";
import type { JournalCopy } from "./journals.ts";
import { GATED_TOOL } from "./worker/shape.ts";

export interface GateVerdict {
  /** Calls that waited for a person, and what became of them. */
  asked: number;
  approved: number;
  refused: number;
  expired: number;
  /** Effects of which nobody knows whether they happened, and was told so. */
  interrupted: number;
  /** Decisions whose maker was told that they count, and that no journal has. */
  lost: number;
  /** Decided twice, or an effect that happened twice. */
  doubled: number;
  violations: string[];
}

type Of<Kind extends Entry["kind"]> = Extract<Entry, { kind: Kind }>;

/** One call, as its journal tells it. */
interface Gate {
  ask: Of<"ask">;
  path: string;
  settled: Of<"decide"> | Of<"expire"> | null;
  intent: boolean;
  result: Of<"result"> | null;
}

/** `effects`: how often what a call is for happened outside. */
export function judgeGates(
  journals: readonly JournalCopy[],
  decisions: readonly Decision[],
  effects: (path: string) => number,
  options: { settled: boolean },
): GateVerdict {
  const verdict: GateVerdict = {
    ...{ asked: 0, approved: 0, refused: 0, expired: 0, interrupted: 0, lost: 0, doubled: 0 },
    violations: [],
  };
  const gates = new Map<string, Gate>();
  for (const { entries } of journals) readGates(entries, gates, verdict);
  for (const [call, gate] of gates) judgeGate(call, gate, effects(gate.path), verdict);
  for (const decision of decisions) judgeDecision(decision, gates.get(decision.call), verdict);
  if (!options.settled) return verdict;
  const ended = new Set(
    journals.flatMap(({ entries }) => entries.flatMap((entry) => (entry.kind === "end" ? [entry.turn] : []))),
  );
  for (const [call, { ask, settled }] of gates) {
    if (!ended.has(ask.turn))
      verdict.violations.push(`call ${call}: its turn did not end, though it was ${settled?.kind ?? "left"}`);
  }
  return verdict;
}

function readGates(entries: readonly Entry[], gates: Map<string, Gate>, verdict: GateVerdict): void {
  const say = (id: string, text: string): void => void verdict.violations.push(`call ${id}: ${text}`);
  for (const entry of entries) {
    if (entry.kind === "ask") {
      const { path } = JSON.parse(entry.input) as { path: string }; // the campaign's own model wrote it
      if (gates.has(entry.id)) say(entry.id, "was asked about twice");
      gates.set(entry.id, { ask: entry, path, settled: null, intent: false, result: null });
      verdict.asked++;
    } else if (entry.kind === "decide" || entry.kind === "expire") {
      const gate = gates.get(entry.id);
      if (!gate) say(entry.id, `${entry.kind} comes without a question`);
      else if (gate.settled) {
        verdict.doubled++;
        say(entry.id, `${entry.kind} comes after ${gate.settled.kind}`);
      } else gate.settled = entry;
      if (gate && entry.kind === "expire" && entry.at < gate.ask.expiresAt) say(entry.id, "expired too soon");
      if (gate && entry.kind === "decide" && entry.at >= gate.ask.expiresAt)
        say(entry.id, "was decided too late");
    } else if (entry.kind === "intent" && entry.name === GATED_TOOL) {
      const gate = gates.get(entry.id);
      if (gate) gate.intent = true;
      if (gate?.settled?.kind !== "decide" || !gate.settled.approved)
        say(entry.id, "is about to run, and nobody had approved it");
    } else if (entry.kind === "result") {
      const gate = gates.get(entry.id);
      if (gate && (!gate.result || !entry.late)) gate.result = entry;
    }
  }
}

function judgeGate(call: string, gate: Gate, times: number, verdict: GateVerdict): void {
  const { settled, intent, result } = gate;
  const say = (text: string): void => void verdict.violations.push(`call ${call} (${gate.path}): ${text}`);
  const approved = settled?.kind === "decide" && settled.approved;
  if (approved) verdict.approved++;
  else if (settled?.kind === "decide") verdict.refused++;
  else if (settled) verdict.expired++;
  if (times > 1) {
    verdict.doubled++;
    say(`its effect happened ${times} times`);
  }
  if (times > 0 && !(approved && intent)) say("its effect happened without an approval in the journal");
  if (!result) return;
  if (result.interrupted) verdict.interrupted++;
  else if (result.output !== undefined && times === 0)
    say("its result says that it happened, and it did not");
  else if (approved && result.error && !result.late) say(`was approved, and failed: ${result.error.code}`);
  if (!approved && !result.error && !result.interrupted) say("has a result, and nobody had approved it");
}

/** Whoever was told something about a decision was told the truth, for good. */
function judgeDecision(decision: Decision, gate: Gate | undefined, verdict: GateVerdict): void {
  const { answer, comment, approved } = decision;
  if (answer === null || answer === "unknown") return;
  const say = (text: string): void => void verdict.violations.push(`decision ${comment}: ${text}`);
  const settled = gate?.settled;
  if (!settled) {
    verdict.lost++;
    return say("was answered, and is in no journal");
  }
  const counts = settled.kind === "decide" && settled.comment === comment;
  if (answer.counted && !counts) say("its maker was told that it counts, and another one does");
  if (answer.counted && answer.approved !== approved) say("its maker was told the opposite of it");
  if (answer.approved !== (settled.kind === "decide" && settled.approved))
    say("its maker was told another outcome than the journal has");
  if (counts && settled.approved !== approved) say("the journal has the opposite of it");
}
