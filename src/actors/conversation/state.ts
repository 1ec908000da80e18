/**
 * The fold of the journal. Pure: no clock, no randomness, no I/O, and total: an entry that makes no sense where it
 * stands changes nothing.
 */
import type { AnswerPart } from "../../model/port.ts";
import type { Outcome, Usage } from "../../protocol/message.ts";
import type { Replay } from "../../tools/tool.ts";
import type {
  AnswerEntry,
  CallEntry,
  EndEntry,
  Entry,
  InputEntry,
  IntentEntry,
  ResultEntry,
  Sender,
  StoredMessage,
  UndoEntry,
  UnknownEntry,
} from "./entries.ts";
import { Keys, Log } from "./persistent.ts";

/** What became of one tool call. */
export interface ToolRun {
  id: string;
  name: string;
  input: string;
  replay: Replay;
  key: string;
  result: { output?: unknown; error?: { code: string; message: string }; interrupted?: true } | null;
}

/** One model call's answer and the tools that it asked for. */
export interface Round {
  round: number;
  parts: readonly AnswerPart[];
  model: string;
  partial: boolean;
  tools: readonly ToolRun[];
}

/** One turn: an input (or several), the rounds that answer it, and how it ended. */
export interface Turn {
  id: string;
  request: string;
  sender: Sender;
  messages: readonly StoredMessage[];
  /** The user message whose answer this turn replaces. */
  regenerate: string | null;
  acceptedAt: number;
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
  outcome: Outcome | null;
  error: { code: string; message: string } | null;
}

/** One line of the transcript: what a person sent, or what the agent answered. */
export type Item = ItemContent & {
  /** Characters that a model would have to read of this item, and of all items before it. */
  weight: number;
  before: number;
};

type ItemContent =
  | { type: "user"; message: StoredMessage; sender: Sender; at: number; turn: string }
  | { type: "turn"; turn: Turn };

function pushItem(items: Log<Item>, content: ItemContent): Log<Item> {
  const last = items.at(items.length - 1);
  const weight = content.type === "user" ? messageWeight(content.message) : turnWeight(content.turn);
  return items.push({ ...content, weight, before: last ? last.before + last.weight : 0 });
}

function messageWeight(message: StoredMessage): number {
  return message.parts.reduce((sum, part) => sum + (part.type === "text" ? part.text.length : 100), 20);
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

export interface State {
  /** Sequence number of the newest entry; 0 for an empty journal. */
  seq: number;
  /** Ended turns and their inputs, oldest first. Taken off by `undo`. */
  items: Log<Item>;
  /** Dedupe key → turn. Never shrinks, also not by `undo`. */
  seen: Keys;
  /** The turn that is being answered. */
  active: Turn | null;
  /** Accepted and waiting, oldest first. */
  waiting: readonly Turn[];
  /** Hashes of the prompt and tool-list texts that notes hold. */
  noted: Keys;
  /** When the newest entry was written. */
  at: number;
}

export const emptyState: State = {
  seq: 0,
  items: Log.empty,
  seen: Keys.empty,
  active: null,
  waiting: [],
  noted: Keys.empty,
  at: 0,
};

/** The assistant message's id of a turn: the same for every attempt, so that a retried answer replaces the partial one. */
export const answerId = (turn: string): string => `a_${turn}`;

/** Whether there is anything left to do. */
export const hasWork = (state: State): boolean =>
  state.active !== null || state.waiting.some((turn) => turn.outcome === null);

/** Adds one entry. Never throws. */
export function reduce(state: State, entry: Entry | UnknownEntry): State {
  const next = fold(state, entry as Entry); // kinds that are not ours fall through to the default branch
  return {
    ...next,
    seq: state.seq + 1,
    at: "at" in entry && typeof entry.at === "number" ? entry.at : state.at,
  };
}

export const reduceAll = (state: State, entries: readonly Entry[]): State => entries.reduce(reduce, state);

function fold(state: State, entry: Entry): State {
  switch (entry.kind) {
    case "input":
      return onInput(state, entry);
    case "call":
      return onCall(state, entry);
    case "answer":
      return onAnswer(state, entry);
    case "fault":
      return withActive(state, entry.turn, (turn) =>
        turn.open?.round === entry.round && turn.open.attempt === entry.attempt
          ? {
              ...turn,
              open: null,
              faults: turn.faults + 1,
              lastFault: { code: entry.code, message: entry.message },
              retryAt: entry.retryAt ?? 0,
            }
          : turn,
      );
    case "intent":
      return withActive(state, entry.turn, (turn) => onIntent(turn, entry));
    case "result":
      return entry.late ? state : withActive(state, entry.turn, (turn) => onResult(turn, entry));
    case "end":
      return onEnd(state, entry);
    case "undo":
      return onUndo(state, entry);
    case "note":
      return entry.hash ? { ...state, noted: state.noted.set([entry.hash], entry.topic) } : state;
    default:
      return state; // `began`, and kinds of a later version: carried
  }
}

function withActive(state: State, turn: string, change: (turn: Turn) => Turn): State {
  return state.active?.id === turn ? { ...state, active: change(state.active) } : state;
}

function onInput(state: State, entry: InputEntry): State {
  const turn: Turn = {
    id: entry.turn,
    request: entry.request,
    sender: entry.sender,
    messages: entry.messages,
    regenerate: entry.regenerate ?? null,
    acceptedAt: entry.at,
    startedAt: null,
    rounds: [],
    open: null,
    attempts: 0,
    faults: 0,
    lastFault: null,
    retryAt: 0,
    usage: { inputTokens: 0, outputTokens: 0 },
    outcome: null,
    error: null,
  };
  return { ...state, waiting: [...state.waiting, turn], seen: state.seen.set(entry.keys, entry.turn) };
}

/** Takes a waiting turn to the front: its messages join the transcript, an answer that it replaces leaves it. */
function begin(state: State, turn: Turn, at: number): State {
  let items = state.items;
  if (turn.regenerate !== null) {
    const asked = findUserMessage(items, turn.regenerate);
    if (asked >= 0) items = items.take(asked + 1);
  }
  for (const message of turn.messages) {
    items = pushItem(items, {
      type: "user",
      message,
      sender: turn.sender,
      at: turn.acceptedAt,
      turn: turn.id,
    });
  }
  return {
    ...state,
    items,
    active: { ...turn, startedAt: at },
    waiting: state.waiting.filter((other) => other.id !== turn.id),
  };
}

/** A turn by its id: running, waiting, or the newest of that name on the transcript. */
export function findTurn(state: State, id: string): Turn | null {
  if (state.active?.id === id) return state.active;
  const waiting = state.waiting.find((turn) => turn.id === id);
  if (waiting) return waiting;
  for (let i = state.items.length - 1; i >= 0; i--) {
    const item = state.items.at(i);
    if (item?.type === "turn" && item.turn.id === id) return item.turn;
  }
  return null;
}

/** Index of a user message, newest first; -1 when it is not on the transcript. */
export function findUserMessage(items: Log<Item>, id: string): number {
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items.at(i);
    if (item?.type === "user" && item.message.id === id) return i;
  }
  return -1;
}

function onCall(state: State, entry: CallEntry): State {
  const waiting = state.active === null ? state.waiting.find((turn) => turn.id === entry.turn) : undefined;
  const started = waiting ? begin(state, waiting, entry.at) : state;
  return withActive(started, entry.turn, (turn) => ({
    ...turn,
    open: { round: entry.round, attempt: entry.attempt, model: entry.model },
    attempts: entry.attempt,
    retryAt: 0,
  }));
}

function onAnswer(state: State, entry: AnswerEntry): State {
  return withActive(state, entry.turn, (turn) => {
    if (turn.open?.round !== entry.round || turn.open.attempt !== entry.attempt) return turn;
    const round: Round = {
      round: entry.round,
      parts: entry.parts,
      model: entry.model,
      partial: entry.partial === true,
      tools: [],
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
    };
  });
}

function changeLastRound(turn: Turn, change: (round: Round) => Round): Turn {
  const last = turn.rounds.at(-1);
  return last ? { ...turn, rounds: [...turn.rounds.slice(0, -1), change(last)] } : turn;
}

function onIntent(turn: Turn, entry: IntentEntry): Turn {
  return changeLastRound(turn, (round) =>
    round.tools.some((tool) => tool.id === entry.id)
      ? round
      : {
          ...round,
          tools: [
            ...round.tools,
            {
              id: entry.id,
              name: entry.name,
              input: entry.input,
              replay: entry.replay,
              key: entry.key,
              result: null,
            },
          ],
        },
  );
}

function onResult(turn: Turn, entry: ResultEntry): Turn {
  return changeLastRound(turn, (round) => ({
    ...round,
    tools: round.tools.map((tool) =>
      tool.id === entry.id && tool.result === null
        ? {
            ...tool,
            result: {
              ...(entry.output !== undefined && { output: entry.output }),
              ...(entry.error && { error: entry.error }),
              ...(entry.interrupted && { interrupted: true as const }),
            },
          }
        : tool,
    ),
  }));
}

function onEnd(state: State, entry: EndEntry): State {
  const ended = (turn: Turn): Turn => ({
    ...turn,
    open: null,
    outcome: entry.outcome,
    error: entry.error ?? null,
  });
  if (state.active?.id === entry.turn) {
    const items = pushItem(state.items, { type: "turn", turn: ended(state.active) });
    return settle({ ...state, active: null, items });
  }
  // Ended before it began: it keeps its place in the line, so that its message shows up where it was said.
  return settle({
    ...state,
    waiting: state.waiting.map((turn) => (turn.id === entry.turn ? ended(turn) : turn)),
  });
}

/** Moves ended turns from the head of the line to the transcript. */
function settle(state: State): State {
  const first = state.waiting[0];
  if (state.active !== null || first === undefined || first.outcome === null) return state;
  const begun = begin(state, { ...first, regenerate: null }, first.acceptedAt);
  const items = pushItem(begun.items, { type: "turn", turn: first });
  return settle({ ...begun, active: null, items });
}

function onUndo(state: State, _entry: UndoEntry): State {
  return { ...state, items: Log.empty };
}
