/** What must hold in the end, read from the disk, from what clients saw and from what the server shows. */
import type { Entry } from "../../../src/actors/conversation/entries.ts";
import type { Asked } from "./client.ts";
import type { JournalCopy } from "./journals.ts";
import { answerOf, effectsOf } from "./questions.ts";

export interface Verdict {
  /** Questions that a client was told are kept. */
  accepted: number;
  answered: number;
  failed: number;
  /** Of the failed, those that were given up after too many cuts: visible, but not what anybody hopes for. */
  givenUp: number;
  cancelled: number;
  /** Accepted, and in no journal. */
  lost: number;
  /** Twice in a journal: an input, an end, an answer of a round, an intent, a result. */
  doubled: number;
  /** Accepted turns without an outcome. */
  open: number;
  entries: number;
  violations: string[];
}

/** Judges the journals. `settled`: everything has had its time, so nothing may be open any more. */
export function judge(
  journals: readonly JournalCopy[],
  asked: readonly Asked[],
  options: { settled: boolean },
): Verdict {
  const verdict: Verdict = {
    accepted: 0,
    answered: 0,
    failed: 0,
    givenUp: 0,
    cancelled: 0,
    lost: 0,
    doubled: 0,
    open: 0,
    entries: 0,
    violations: [],
  };
  const turns = new Map<string, TurnRecord>();
  for (const journal of journals) {
    verdict.entries += journal.entries.length;
    if (journal.broken !== null)
      verdict.violations.push(`${journal.file}: the chain breaks at ${journal.broken}`);
    if (options.settled && journal.jobs > 0) verdict.violations.push(`${journal.file}: a wake is left`);
    readTurns(journal.entries, turns, verdict);
  }
  const byMessage = new Map<string, TurnRecord[]>();
  for (const turn of turns.values()) {
    for (const message of turn.messages) byMessage.set(message, [...(byMessage.get(message) ?? []), turn]);
  }
  for (const one of asked) {
    const found = byMessage.get(one.request.message) ?? [];
    if (one.accepted) verdict.accepted++;
    judgeQuestion(one, found, verdict, options.settled);
  }
  return verdict;
}

interface TurnRecord {
  id: string;
  messages: string[];
  ends: Extract<Entry, { kind: "end" }>[];
  answers: Extract<Entry, { kind: "answer" }>[];
  intents: Map<string, number>;
  results: Map<string, number>;
  failedTools: string[];
}

/** Folds one journal into turns, and says what its order forbids. */
function readTurns(entries: readonly Entry[], turns: Map<string, TurnRecord>, verdict: Verdict): void {
  const doubled = (what: string): void => {
    verdict.doubled++;
    verdict.violations.push(what);
  };
  for (const entry of entries) {
    if (!("turn" in entry)) continue;
    const known = turns.get(entry.turn);
    if (entry.kind === "input") {
      // What joins a turn is one more message of it.
      if (known && entry.joins) {
        known.messages.push(...entry.messages.map(({ id }) => id));
        continue;
      }
      if (known) doubled(`turn ${entry.turn} was accepted twice`);
      const messages = entry.messages.map(({ id }) => id);
      turns.set(entry.turn, {
        id: entry.turn,
        messages,
        ends: [],
        answers: [],
        intents: new Map(),
        results: new Map(),
        failedTools: [],
      });
      continue;
    }
    if (!known) {
      verdict.violations.push(`${entry.kind} of the unknown turn ${entry.turn}`);
      continue;
    }
    const late = entry.kind === "result" && entry.late === true;
    if (known.ends.length > 0 && entry.kind !== "end" && entry.kind !== "began" && !late) {
      verdict.violations.push(`${entry.kind} of turn ${entry.turn} comes after its end`);
    }
    if (entry.kind === "end") {
      if (known.ends.length > 0) doubled(`turn ${entry.turn} ended twice`);
      known.ends.push(entry);
    }
    if (entry.kind === "answer") {
      if (known.answers.some(({ round }) => round === entry.round))
        doubled(`round ${entry.round} of turn ${entry.turn} was answered twice`);
      known.answers.push(entry);
    }
    if (entry.kind === "intent") {
      if (known.intents.has(entry.id)) doubled(`the intent ${entry.id} was written twice`);
      known.intents.set(entry.id, 1);
    }
    if (entry.kind === "result" && !late) {
      if (known.results.has(entry.id)) doubled(`the result of ${entry.id} was written twice`);
      const refused = entry.error?.code === "denied" || entry.error?.code === "approval_expired";
      if (!known.intents.has(entry.id) && !refused)
        verdict.violations.push(`the result of ${entry.id} has no intent`);
      known.results.set(entry.id, 1);
      if (entry.error && !refused) known.failedTools.push(`${entry.id}: ${entry.error.code}`);
    }
  }
}

function judgeQuestion(one: Asked, found: readonly TurnRecord[], verdict: Verdict, settled: boolean): void {
  const { question, accepted } = one;
  const say = (text: string): void => void verdict.violations.push(`question ${question.tag}: ${text}`);
  const [turn] = found;
  if (!turn) {
    if (!accepted) return;
    verdict.lost++;
    return say("accepted and lost");
  }
  if (found.length > 1) {
    verdict.doubled++;
    say(`is in ${found.length} turns`);
  }
  const end = turn.ends[0];
  if (!end) {
    if (!settled) return;
    verdict.open++;
    return say("has not ended");
  }
  if (one.outcome !== null && one.outcome !== end.outcome)
    say(`its asker saw ${one.outcome}, the journal says ${end.outcome}`);
  if (one.ends > (one.again ? 2 : 1)) say(`its asker saw ${one.ends} ends`);
  if (end.outcome === "cancelled") {
    verdict.cancelled++;
    if (!one.stopped) say("was cancelled, and nobody asked for it");
    judgePrefix(turn, answerOf(question), say);
  } else if (end.outcome === "failed") {
    verdict.failed++;
    if (end.error?.code === "turn_stalled") verdict.givenUp++;
    else if (question.kind !== "refused") say(`failed with ${end.error?.code}`);
  } else {
    verdict.answered++;
    if (question.kind === "refused") say("was answered, and the model had refused it");
    // Of what ended without streaming again nothing was seen; what was seen is the answer, whole and once.
    if (one.seen && one.seen !== answerOf(question)) say(`its asker saw the text: ${one.seen.slice(0, 200)}`);
    judgeAnswer(turn, one, say);
  }
}

const TOOLS = { text: 0, shaky: 0, refused: 0, files: 4, gated: 0, plan: 1 } as const;

/** What the model said for good, as the journal has it. */
const saidIn = (turn: TurnRecord): string =>
  turn.answers
    .flatMap(({ parts }) => parts)
    .map((part) => (part.type === "text" ? part.text : ""))
    .join("");

function judgeAnswer(turn: TurnRecord, { question }: Asked, say: (text: string) => void): void {
  const said = saidIn(turn);
  if (said !== answerOf(question)) say(`its answer is not whole: ${said.slice(0, 200)}`);
  const asks = effectsOf(question).length;
  const tools = TOOLS[question.kind] + asks;
  // What nobody approved has a result and no intent: the judgement of the gates sees to it that it did not run.
  const begun = asks > 0 ? Math.min(turn.intents.size, tools) : tools;
  if (turn.intents.size !== begun || turn.results.size !== tools)
    say(`${turn.intents.size} intents and ${turn.results.size} results instead of ${tools}`);
  for (const failed of turn.failedTools) say(`a tool failed: ${failed}`);
}

function judgePrefix(turn: TurnRecord, whole: string, say: (text: string) => void): void {
  const said = saidIn(turn);
  if (!whole.startsWith(said))
    say(`what was said before it was stopped is not its answer's beginning: ${said}`);
}
