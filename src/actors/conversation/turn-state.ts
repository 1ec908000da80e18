/** One turn as the fold knows it, and how its own entries change it. Pure. */
import type { AnswerPart } from "../../model/port.ts";
import type { Outcome, Usage } from "../../protocol/message.ts";
import type { Replay } from "../../tools/tool.ts";
import type {
  AnswerEntry,
  AskEntry,
  DecideEntry,
  FaultEntry,
  InputEntry,
  IntentEntry,
  ReplyAddress,
  ResultEntry,
  SaidBefore,
  Sender,
  StoredMessage,
} from "./entries.ts";

/** What became of one tool call. */
export interface ToolRun {
  id: string;
  name: string;
  input: string;
  replay: Replay;
  key: string;
  result: { output?: unknown; error?: { code: string; message: string }; interrupted?: true } | null;
}

/** A tool call that waits for a person, or did. */
export interface Ask {
  id: string;
  name: string;
  input: string;
  at: number;
  expiresAt: number;
  /** Null while nobody decided; `by` is null when it expired. */
  decision: { approved: boolean; by: Sender | null; comment: string } | null;
}

/** One model call's answer and the tools that it asked for. */
export interface Round {
  round: number;
  parts: readonly AnswerPart[];
  model: string;
  partial: boolean;
  /** Why the model ended, where that was not its own doing. */
  finish?: "length" | "filter";
  tools: readonly ToolRun[];
  asks: readonly Ask[];
}

/** A message that came while the turn ran. `round` is that of the first call that read it; null until then. */
export interface Joined {
  message: StoredMessage;
  sender: Sender;
  at: number;
  round: number | null;
}

/** One turn: an input (or several), the rounds that answer it, and how it ended. */
export interface Turn {
  id: string;
  request: string;
  source: string;
  sender: Sender;
  keys: readonly string[];
  messages: readonly StoredMessage[];
  joined: readonly Joined[];
  /** Until the turn begins: what a program says was said before. Then it is on the transcript. */
  history?: readonly SaidBefore[];
  /** Of a program, for this turn only. */
  instructions?: string;
  /** The most that one of its answers may have, where that is less than ours. */
  maxOutputTokens?: number;
  /** The user message whose answer this turn replaces. */
  regenerate: string | null;
  /** The user message that is said anew: it and all behind it are taken back. */
  replaces: string | null;
  reply: ReplyAddress | null;
  acceptedAt: number;
  /** It does not begin before: more of a burst may come. */
  holdUntil: number;
  /** When its first call was made; null while it waits. */
  startedAt: number | null;
  rounds: readonly Round[];
  /** A call without an answer yet. */
  open: { round: number; attempt: number; model: string } | null;
  /** Attempts and faults of the round that is being asked for. */
  attempts: number;
  faults: number;
  lastFault: { code: string; message: string } | null;
  retryAt: number;
  usage: Usage;
  priceMicros: number;
  outcome: Outcome | null;
  error: { code: string; message: string } | null;
  /** Nothing is left of it but its place. */
  erased?: true;
}

export const newTurn = (entry: InputEntry): Turn => ({
  id: entry.turn,
  request: entry.request,
  source: entry.source,
  sender: entry.sender,
  keys: entry.keys,
  messages: entry.messages,
  joined: [],
  ...(entry.history && { history: entry.history }),
  ...(entry.instructions !== undefined && { instructions: entry.instructions }),
  ...(entry.maxOutputTokens !== undefined && { maxOutputTokens: entry.maxOutputTokens }),
  regenerate: entry.regenerate ?? null,
  replaces: entry.replaces ?? null,
  reply: entry.reply ?? null,
  acceptedAt: entry.at,
  holdUntil: entry.holdUntil ?? 0,
  startedAt: null,
  rounds: [],
  open: null,
  attempts: 0,
  faults: 0,
  lastFault: null,
  retryAt: 0,
  usage: { inputTokens: 0, outputTokens: 0 },
  priceMicros: 0,
  outcome: null,
  error: null,
  ...(entry.erased && { erased: true as const }),
});

/** More of a burst: the messages are asked together. */
export const withBurst = (turn: Turn, entry: InputEntry): Turn => ({
  ...turn,
  keys: [...turn.keys, ...entry.keys],
  messages: [...turn.messages, ...entry.messages],
  holdUntil: Math.max(turn.holdUntil, entry.holdUntil ?? 0),
});

export const withJoined = (
  turn: Turn,
  joined: { messages: readonly StoredMessage[]; sender: Sender; at: number; keys: readonly string[] },
): Turn => ({
  ...turn,
  keys: [...turn.keys, ...joined.keys],
  joined: [
    ...turn.joined,
    ...joined.messages.map((message) => ({ message, sender: joined.sender, at: joined.at, round: null })),
  ],
});

/** The next call reads what joined since the last. */
export const withCall = (turn: Turn, call: { round: number; attempt: number; model: string }): Turn => ({
  ...turn,
  open: { round: call.round, attempt: call.attempt, model: call.model },
  attempts: call.attempt,
  retryAt: 0,
  joined: turn.joined.some((joined) => joined.round === null)
    ? turn.joined.map((joined) => (joined.round === null ? { ...joined, round: call.round } : joined))
    : turn.joined,
});

export function withAnswer(turn: Turn, entry: AnswerEntry): Turn {
  if (turn.open?.round !== entry.round || turn.open.attempt !== entry.attempt) return turn;
  const round: Round = {
    round: entry.round,
    parts: entry.parts,
    model: entry.model,
    partial: entry.partial === true,
    ...((entry.finish === "length" || entry.finish === "filter") && { finish: entry.finish }),
    tools: [],
    asks: [],
  };
  return {
    ...turn,
    open: null,
    attempts: 0,
    faults: 0,
    lastFault: null,
    rounds: [...turn.rounds, round],
    usage: {
      inputTokens: turn.usage.inputTokens + entry.usage.inputTokens,
      outputTokens: turn.usage.outputTokens + entry.usage.outputTokens,
    },
    priceMicros: turn.priceMicros + (entry.priceMicros || 0),
  };
}

export const withFault = (turn: Turn, entry: FaultEntry): Turn =>
  turn.open?.round === entry.round && turn.open.attempt === entry.attempt
    ? {
        ...turn,
        open: null,
        faults: turn.faults + 1,
        lastFault: { code: entry.code, message: entry.message },
        retryAt: entry.retryAt ?? 0,
      }
    : turn;

function changeLastRound(turn: Turn, change: (round: Round) => Round): Turn {
  const last = turn.rounds.at(-1);
  return last ? { ...turn, rounds: [...turn.rounds.slice(0, -1), change(last)] } : turn;
}

export const withIntent = (turn: Turn, entry: IntentEntry): Turn =>
  changeLastRound(turn, (round) => {
    if (round.tools.some((tool) => tool.id === entry.id)) return round;
    const { id, name, input, replay, key } = entry;
    return { ...round, tools: [...round.tools, { id, name, input, replay, key, result: null }] };
  });

/** A result closes its call. One without an intent belongs to a call that was refused: it never ran. */
export const withResult = (turn: Turn, entry: ResultEntry): Turn =>
  changeLastRound(turn, (round) => {
    const result = {
      ...(entry.output !== undefined && { output: entry.output }),
      ...(entry.error && { error: entry.error }),
      ...(entry.interrupted && { interrupted: true as const }),
    };
    if (round.tools.some((tool) => tool.id === entry.id)) {
      const tools = round.tools.map((tool) =>
        tool.id === entry.id && tool.result === null ? { ...tool, result } : tool,
      );
      return { ...round, tools };
    }
    const asked = round.parts.find((part) => part.type === "tool" && part.id === entry.id);
    if (asked?.type !== "tool") return round;
    const refused: ToolRun = {
      id: asked.id,
      name: asked.name,
      input: asked.input,
      replay: "safe",
      key: "",
      result,
    };
    return { ...round, tools: [...round.tools, refused] };
  });

export const withAsk = (turn: Turn, entry: AskEntry): Turn =>
  changeLastRound(turn, (round) => {
    if (round.asks.some((ask) => ask.id === entry.id)) return round;
    const { id, name, input, at, expiresAt } = entry;
    return { ...round, asks: [...round.asks, { id, name, input, at, expiresAt, decision: null }] };
  });

/** The first decision counts, and so does time that ran out before it. */
export const withDecision = (turn: Turn, id: string, decision: NonNullable<Ask["decision"]>): Turn =>
  changeLastRound(turn, (round) => ({
    ...round,
    asks: round.asks.map((ask) => (ask.id === id && ask.decision === null ? { ...ask, decision } : ask)),
  }));

export const decisionOf = (entry: DecideEntry): NonNullable<Ask["decision"]> => ({
  approved: entry.approved,
  by: entry.by,
  comment: entry.comment ?? "",
});

/** A call of the turn that waits, or waited, for a person. */
export function findAsk(turn: Turn | null, id: string): Ask | null {
  for (let i = (turn?.rounds.length ?? 0) - 1; i >= 0; i--) {
    const ask = turn?.rounds[i]?.asks.find((candidate) => candidate.id === id);
    if (ask) return ask;
  }
  return null;
}

/** Characters of a turn's answers, tool calls and results. */
export function turnWeight(turn: Turn): number {
  let weight = 20;
  for (const round of turn.rounds) {
    for (const part of round.parts)
      weight += part.type === "tool" ? part.input.length + 40 : part.text.length;
    for (const tool of round.tools) weight += JSON.stringify(tool.result?.output ?? "").length + 40;
  }
  return weight;
}
