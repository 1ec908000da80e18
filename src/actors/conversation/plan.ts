/**
 * What to do next. A pure function of the state: waking up is the same as going on, so there is no recovery path.
 * It is asked only when nothing is in flight, so an open call or intent in the state is one that was cut off.
 */
import type { AnswerPart } from "../../model/port.ts";
import type { State, ToolRun, Turn } from "./state.ts";

export interface PlanLimits {
  roundsPerTurn: number;
  callAttempts: number;
}

export type Step =
  /** Call the model. `withTools: false` in the last round, so that the model has to answer. */
  | { type: "call"; turn: string; round: number; attempt: number; withTools: boolean }
  /** Write intents for what the answer asks, and run them. */
  | { type: "tools"; turn: string; round: number; calls: readonly AskedTool[] }
  /** Tools whose outcome nobody knows, and which may not run twice. */
  | { type: "interrupt"; turn: string; tools: readonly ToolRun[] }
  | { type: "end"; turn: string; outcome: "completed" }
  | { type: "end"; turn: string; outcome: "failed"; error: { code: string; message: string } }
  /** Nothing to do before `until`. */
  | { type: "wait"; until: number }
  | { type: "idle" };

/** A tool call that an answer asked for. `known` when its intent is already in the journal. */
export interface AskedTool {
  id: string;
  name: string;
  input: string;
  known: boolean;
}

export function plan(state: State, limits: PlanLimits, now: number): Step {
  const turn = state.active ?? state.waiting.find((waiting) => waiting.outcome === null);
  if (!turn) return { type: "idle" };
  const last = turn.rounds.at(-1);
  if (turn.open || !last) return callAgain(turn, limits, now);

  const asked = last.parts.filter(
    (part): part is Extract<AnswerPart, { type: "tool" }> => part.type === "tool",
  );
  if (asked.length === 0) {
    // A fault after an answer without tools cannot be; the round is whole.
    return last.parts.some((part) => part.type === "text" && part.text !== "")
      ? { type: "end", turn: turn.id, outcome: "completed" }
      : emptyAnswer(turn);
  }
  const open = asked.flatMap((part): AskedTool[] => {
    const run = last.tools.find((tool) => tool.id === part.id);
    if (run?.result) return [];
    return [{ id: part.id, name: part.name, input: part.input, known: run !== undefined }];
  });
  if (open.length === 0) return callAgain(turn, limits, now);
  const lost = last.tools.filter((tool) => tool.result === null && tool.replay === "unsafe");
  if (lost.length > 0) return { type: "interrupt", turn: turn.id, tools: lost };
  return { type: "tools", turn: turn.id, round: last.round, calls: open };
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
    withTools: round < limits.roundsPerTurn - 1,
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
