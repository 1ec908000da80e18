/**
 * The fold of the journal. Pure: no clock, no randomness, no I/O, and total: an entry that makes no sense where it
 * stands changes nothing.
 */
import type {
  AmendEntry,
  CallEntry,
  CompactEntry,
  EndEntry,
  Entry,
  InputEntry,
  UndoEntry,
  UnknownEntry,
} from "./entries.ts";
import { historyItems } from "./history.ts";
import { type Item, lastExchange, pushItem, weightOf } from "./items.ts";
import { Keys, Log } from "./persistent.ts";
import { findTurnItem, findUserMessage } from "./places.ts";
import { emptyPurse, foldPurse, type Purse } from "./purse.ts";
import {
  decisionOf,
  newTurn,
  type Turn,
  withAnswer,
  withAsk,
  withBurst,
  withCall,
  withDecision,
  withFault,
  withIntent,
  withJoined,
  withResult,
} from "./turn-state.ts";

export type { Item } from "./items.ts";
export { findUserMessage } from "./places.ts";
export { type Ask, type Joined, type Round, type ToolRun, type Turn, turnWeight } from "./turn-state.ts";

/** A summary that stands in for the first `covered` items. */
export interface Summary {
  covered: number;
  text: string;
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
  /** Newest last. */
  summaries: readonly Summary[];
  /** Weight of the transcript when a summary last could not be made; 0 for never. */
  compactFailedAt: number;
  /** What is leased, reserved and spent. */
  purse: Purse;
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
  summaries: [],
  compactFailedAt: 0,
  purse: emptyPurse,
  at: 0,
};

/** The assistant message's id of a turn: the same for every attempt, so that a retried answer replaces the partial one. */
export const answerId = (turn: string): string => `a_${turn}`;

/** The turn that is being answered, or that will be next. */
export const nextTurn = (state: State): Turn | null =>
  state.active ?? state.waiting.find((turn) => turn.outcome === null) ?? null;

/** Whether there is anything left to do. */
export const hasWork = (state: State): boolean => nextTurn(state) !== null;

/** Adds one entry. Never throws. */
export function reduce(state: State, entry: Entry | UnknownEntry): State {
  const next = fold(state, entry as Entry); // kinds that are not ours fall through to the default branch
  return {
    ...next,
    purse: foldPurse(state.purse, entry),
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
      return withActive(state, entry.turn, (turn) => withAnswer(turn, entry));
    case "fault":
      return withActive(state, entry.turn, (turn) => withFault(turn, entry));
    case "intent":
      return withActive(state, entry.turn, (turn) => withIntent(turn, entry));
    case "result":
      return entry.late ? state : withActive(state, entry.turn, (turn) => withResult(turn, entry));
    case "ask":
      return withActive(state, entry.turn, (turn) => withAsk(turn, entry));
    case "decide":
      return withActive(state, entry.turn, (turn) => withDecision(turn, entry.id, decisionOf(entry)));
    case "expire":
      return withActive(state, entry.turn, (turn) =>
        withDecision(turn, entry.id, { approved: false, by: null, comment: "" }),
      );
    case "amend":
      return onAmend(state, entry);
    case "compact":
      return onCompact(state, entry);
    case "end":
      return onEnd(state, entry);
    case "undo":
      return onUndo(state, entry);
    case "fork":
      return onFork(state);
    case "note":
      if (entry.topic === "compact-failed") return { ...state, compactFailedAt: weightOf(state.items) };
      return entry.hash ? { ...state, noted: state.noted.set([entry.hash], entry.topic) } : state;
    default:
      return state; // `began`, `erase`, and kinds of a later version: carried
  }
}

function withActive(state: State, turn: string, change: (turn: Turn) => Turn): State {
  return state.active?.id === turn ? { ...state, active: change(state.active) } : state;
}

function onInput(state: State, entry: InputEntry): State {
  const seen = state.seen.set(entry.keys, entry.turn);
  if (entry.joins === "steer" && state.active?.id === entry.turn) {
    return { ...join(state, state.active, entry), seen };
  }
  if (entry.joins === "burst" && state.waiting.some((turn) => turn.id === entry.turn)) {
    const waiting = state.waiting.map((turn) => (turn.id === entry.turn ? withBurst(turn, entry) : turn));
    return { ...state, waiting, seen };
  }
  return { ...state, waiting: [...state.waiting, newTurn(entry)], seen };
}

/** Messages that join the running turn: on the transcript at once, in front of its answer. */
function join(
  state: State,
  active: Turn,
  joined: Pick<Turn, "keys" | "messages" | "sender" | "source"> & { at: number },
): State {
  let items = state.items;
  for (const message of joined.messages) {
    const { sender, at, source } = joined;
    items = pushItem(items, {
      type: "user",
      message,
      sender,
      at,
      source,
      turn: active.id,
      joined: active.id,
    });
  }
  return { ...state, items, active: withJoined(active, joined) };
}

function onAmend(state: State, entry: AmendEntry): State {
  const target = state.waiting.find((turn) => turn.id === entry.turn && turn.outcome === null);
  if (!target) return state;
  const { change } = entry;
  if (change.action === "steer") {
    if (state.active?.id !== change.into) return state;
    const joined = join(state, state.active, { ...target, at: target.acceptedAt });
    return {
      ...joined,
      waiting: state.waiting.filter((turn) => turn !== target),
      seen: state.seen.set(target.keys, change.into),
    };
  }
  const messages =
    change.action === "delete"
      ? target.messages.filter((message) => message.id !== change.message)
      : target.messages.map((message) =>
          message.id === change.message ? { id: message.id, parts: change.parts } : message,
        );
  return { ...state, waiting: state.waiting.map((turn) => (turn === target ? { ...turn, messages } : turn)) };
}

/** The transcript up to `length` items; summaries of what is gone go with it. */
function cut(state: State, length: number): State {
  if (length >= state.items.length) return state;
  const items = state.items.take(length);
  return {
    ...state,
    items,
    summaries: state.summaries.filter((summary) => summary.covered <= length),
    compactFailedAt: weightOf(items) < state.compactFailedAt ? 0 : state.compactFailedAt,
  };
}

/** Takes a waiting turn to the front: its messages join the transcript, what it replaces leaves it. */
function begin(state: State, turn: Turn, at: number): State {
  let next = state;
  const replaced = turn.replaces ?? turn.regenerate;
  if (replaced !== null) {
    const asked = findUserMessage(state.items, replaced);
    if (asked >= 0) next = cut(state, turn.replaces === null ? asked + 1 : asked);
  }
  const { history, ...rest } = turn;
  let items = historyItems(turn, history ?? []).reduce(pushItem, next.items);
  for (const message of turn.messages) {
    const { sender, source, acceptedAt, id } = turn;
    items = pushItem(items, { type: "user", message, sender, at: acceptedAt, source, turn: id });
  }
  return {
    ...next,
    items,
    active: { ...rest, startedAt: at },
    waiting: state.waiting.filter((other) => other.id !== turn.id),
  };
}

/** A turn by its id: running, waiting, or the newest of that name on the transcript. */
export function findTurn(state: State, id: string): Turn | null {
  if (state.active?.id === id) return state.active;
  const waiting = state.waiting.find((turn) => turn.id === id);
  if (waiting) return waiting;
  const item = state.items.at(findTurnItem(state.items, id));
  return item?.type === "turn" ? item.turn : null;
}

function onCall(state: State, entry: CallEntry): State {
  const waiting = state.active === null ? state.waiting.find((turn) => turn.id === entry.turn) : undefined;
  const started = waiting ? begin(state, waiting, entry.at) : state;
  return withActive(started, entry.turn, (turn) => withCall(turn, entry));
}

function onCompact(state: State, entry: CompactEntry): State {
  if (entry.covered > state.items.length) return state;
  const summary = { covered: entry.covered, text: entry.summary };
  return { ...state, summaries: [...state.summaries, summary], compactFailedAt: 0 };
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
  // Nothing is left of a message that was deleted while it waited.
  if (first.messages.length === 0) return settle({ ...state, waiting: state.waiting.slice(1) });
  const begun = begin(state, { ...first, regenerate: null, replaces: null }, first.acceptedAt);
  const items = pushItem(begun.items, { type: "turn", turn: first });
  return settle({ ...begun, active: null, items });
}

function onUndo(state: State, entry: UndoEntry): State {
  return cut(state, entry.scope === "all" ? 0 : lastExchange(state.items));
}

/** What ran or waited in the other journal is not gone on with. */
function onFork(state: State): State {
  const { active } = state;
  if (!active) return { ...state, waiting: [] };
  let length = state.items.length;
  for (let item = state.items.at(length - 1); item?.type === "user" && item.turn === active.id; ) {
    length--;
    item = state.items.at(length - 1);
  }
  return { ...cut(state, length), active: null, waiting: [] };
}
