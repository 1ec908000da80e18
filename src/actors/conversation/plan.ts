/**
 * What to do next. A pure function of the state: waking up is the same as going on, so there is no recovery path.
 * It is asked only when nothing is in flight, so an open call or intent in the state is one that was cut off.
 */
import type { AnswerPart } from "../../model/port.ts";
import type { Risk } from "../../tools/tool.ts";
import { compactionDue } from "./compact.ts";
import { type Ask, nextTurn, type State, type ToolRun, type Turn } from "./state.ts";

export interface PlanLimits {
  roundsPerTurn: number;
  callAttempts: number;
  windowTokens: number;
}

/** What has to happen before a tool runs. Asked for calls without an intent only. */
export type RiskOf = (name: string, call: string) => Risk;

export type Step =
  /** Call the model. `withTools: false` in the last round, so that the model has to answer. */
  | { type: "call"; turn: string; round: number; attempt: number; withTools: boolean }
  /** Write intents for what the answer asks, and run them. */
  | { type: "tools"; turn: string; round: number; calls: readonly AskedTool[] }
  /** Ask a person about these calls, before any of their round runs. */
  | { type: "ask"; turn: string; round: number; calls: readonly AskedTool[] }
  /** Nobody decided on these in time. */
  | { type: "expire"; turn: string; asks: readonly Ask[] }
  /** Calls that may not run, and why. */
  | { type: "refuse"; turn: string; calls: readonly Refusal[] }
  /** Tools whose outcome nobody knows, and which may not run twice. */
  | { type: "interrupt"; turn: string; tools: readonly ToolRun[] }
  | { type: "end"; turn: string; outcome: "completed" }
  | { type: "end"; turn: string; outcome: "failed"; error: { code: string; message: string } }
  /** Nothing to do before `until`. */
  | { type: "wait"; until: number }
  /** A person has to decide first; the object may sleep. */
  | { type: "park"; turn: string; until: number }
  /** Nothing is owed to anyone: time to sum up the oldest items. */
  | { type: "compact"; covered: number }
  | { type: "idle" };

/** A tool call that an answer asked for. `known` when its intent is already in the journal. */
export interface AskedTool {
  id: string;
  name: string;
  input: string;
  known: boolean;
}

export interface Refusal {
  id: string;
  error: { code: string; message: string };
}

export function plan(state: State, limits: PlanLimits, now: number, riskOf: RiskOf): Step {
  const turn = nextTurn(state);
  if (!turn) return whenIdle(state, limits);
  if (turn.startedAt === null && turn.holdUntil > now) return { type: "wait", until: turn.holdUntil };
  const last = turn.rounds.at(-1);
  if (turn.open || !last) return callAgain(turn, limits, now);

  const asked = last.parts.filter(
    (part): part is Extract<AnswerPart, { type: "tool" }> => part.type === "tool",
  );
  if (asked.length === 0) {
    // Someone spoke while the answer was being given: it is not the last word.
    if (turn.joined.some((joined) => joined.round === null)) return callAgain(turn, limits, now);
    return last.parts.some((part) => part.type === "text" && part.text !== "")
      ? { type: "end", turn: turn.id, outcome: "completed" }
      : emptyAnswer(turn);
  }
  const open = asked.filter((part) => !last.tools.find((tool) => tool.id === part.id)?.result);
  if (open.length === 0) return callAgain(turn, limits, now);
  const lost = last.tools.filter((tool) => tool.result === null && tool.replay === "unsafe");
  if (lost.length > 0) return { type: "interrupt", turn: turn.id, tools: lost };
  return toolStep(turn, open, now, riskOf);
}

/** Questions first, then what may run, and a person's decision last: nobody waits for a click that need not. */
function toolStep(
  turn: Turn,
  open: readonly { id: string; name: string; input: string }[],
  now: number,
  riskOf: RiskOf,
): Step {
  const last = turn.rounds.at(-1);
  const run: AskedTool[] = [];
  const question: AskedTool[] = [];
  const refused: Refusal[] = [];
  const undecided: Ask[] = [];
  for (const { id, name, input } of open) {
    const known = last?.tools.some((tool) => tool.id === id) === true;
    const ask = last?.asks.find((candidate) => candidate.id === id);
    const call = { id, name, input, known };
    if (known) run.push(call);
    else if (ask?.decision === null) undecided.push(ask);
    else if (ask?.decision) {
      if (ask.decision.approved) run.push(call);
      else refused.push(refusal(ask));
    } else {
      const risk = riskOf(name, id);
      if (risk === "ask") question.push(call);
      else if (risk === "deny") refused.push({ id, error: { code: "denied", message: NEVER } });
      else run.push(call);
    }
  }
  const round = last?.round ?? 0;
  const expired = undecided.filter((ask) => ask.expiresAt <= now);
  if (question.length > 0) return { type: "ask", turn: turn.id, round, calls: question };
  if (expired.length > 0) return { type: "expire", turn: turn.id, asks: expired };
  if (refused.length > 0) return { type: "refuse", turn: turn.id, calls: refused };
  if (run.length > 0) return { type: "tools", turn: turn.id, round, calls: run };
  return { type: "park", turn: turn.id, until: Math.min(...undecided.map((ask) => ask.expiresAt)) };
}

const NEVER = "The owner of this agent does not allow this tool. Do without it, and say so.";

function refusal(ask: Ask): Refusal {
  const { decision } = ask;
  const message =
    decision?.by === null
      ? "Nobody approved this call in time, so it was not made."
      : `${decision?.by.name ?? "Someone"} did not approve this call, so it was not made.${decision?.comment ? ` They said: ${decision.comment}` : ""}`;
  return { id: ask.id, error: { code: decision?.by === null ? "approval_expired" : "denied", message } };
}

function callAgain(turn: Turn, limits: PlanLimits, now: number): Step {
  // With a call open, the newest attempt was cut off, not refused: it is made again.
  if (turn.open === null && turn.faults > 0 && turn.lastFault) {
    if (turn.faults >= limits.callAttempts || turn.retryAt === 0) {
      return { type: "end", turn: turn.id, outcome: "failed", error: turn.lastFault };
    }
    if (turn.retryAt > now) return { type: "wait", until: turn.retryAt };
  }
  const round = turn.rounds.length;
  return {
    type: "call",
    turn: turn.id,
    round,
    attempt: turn.attempts + 1,
    // What people say in between is a reason to go on for as long.
    withTools: round < limits.roundsPerTurn + turn.joined.length - 1,
  };
}

/** A model that stops without a word has answered only if an earlier round said something. */
function emptyAnswer(turn: Turn): Step {
  const said = turn.rounds.some((round) =>
    round.parts.some((part) => part.type === "text" && part.text !== ""),
  );
  if (said) return { type: "end", turn: turn.id, outcome: "completed" };
  return {
    type: "end",
    turn: turn.id,
    outcome: "failed",
    error: {
      code: "model_garbage",
      message: "The model stopped without an answer. Try again, or choose another model.",
    },
  };
}

function whenIdle(state: State, limits: PlanLimits): Step {
  const due = compactionDue(state, limits.windowTokens);
  return due ? { type: "compact", covered: due.covered } : { type: "idle" };
}

/** Until when nothing can be done unless a person decides; null when there is something to do, or nothing at all. */
export function restsUntil(state: State, limits: PlanLimits, now: number): number | null {
  if (state.active === null) return null;
  const step = plan(state, limits, now, () => "ask");
  return step.type === "park" ? step.until : null;
}
