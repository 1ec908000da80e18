/** The transcript as clients see it: a view of the state, as AI SDK messages. Pure; memoised by item. */
import type { ChatMessage, ChatPart, MessageMetadata } from "../../protocol/message.ts";
import type { Sender, StoredMessage } from "./entries.ts";
import { isErased } from "./items.ts";
import { findTurnItem } from "./places.ts";
import {
  type Ask,
  answerId,
  findUserMessage,
  type Item,
  type Round,
  type State,
  type ToolRun,
  type Turn,
} from "./state.ts";

const views = new WeakMap<object, ChatMessage>();
const texts = new WeakMap<ChatMessage, string>();

function memo(key: object, make: () => ChatMessage): ChatMessage {
  const known = views.get(key) ?? make();
  views.set(key, known);
  return known;
}

/** A message as JSON, made once: the same messages are sent to every client after every turn. */
export function messageJson(message: ChatMessage): string {
  const known = texts.get(message);
  if (known !== undefined) return known;
  const json = JSON.stringify(message);
  texts.set(message, json);
  return json;
}

/** `before`: only what stands before this message. `until`: only what stands before it, and itself. */
export interface TranscriptWindow {
  limit: number;
  before?: string;
  until?: string;
}

/** The newest `limit` messages of a window; none when a message that it names is not there. Oldest first. */
export function transcript(
  state: State,
  options: TranscriptWindow & { partial?: readonly ChatPart[] },
): ChatMessage[] {
  const tail = tailOf(state, options.partial ?? []);
  let end = tail.length + state.items.length;
  for (const [id, beyond] of [
    [options.before, 0],
    [options.until, 1],
  ] as const) {
    if (id === undefined) continue;
    const at = indexOf(state, tail, id);
    if (at < 0) return [];
    end = Math.min(end, at + beyond);
  }
  const out: ChatMessage[] = [];
  for (let i = end - 1; i >= 0 && out.length < options.limit; i--) {
    const item = state.items.at(i);
    if (item && isErased(item)) continue;
    const message = item ? viewIn(state, item) : tail[i - state.items.length];
    if (message && (message.parts.length > 0 || message.metadata?.outcome)) out.push(message);
  }
  return out.reverse();
}

function indexOf(state: State, tail: readonly ChatMessage[], id: string): number {
  const late = tail.findIndex((message) => message.id === id);
  if (late >= 0) return state.items.length + late;
  return id.startsWith("a_") ? findTurnItem(state.items, id.slice(2)) : findUserMessage(state.items, id);
}

/** What is not yet an item: the running answer, and the messages that wait or were stopped while they did. */
function tailOf(state: State, partial: readonly ChatPart[]): ChatMessage[] {
  const tail: ChatMessage[] = [];
  if (state.active) tail.push(answerMessage(state.active, partial));
  for (const turn of state.waiting) {
    tail.push(...userMessages(turn));
    // Stopped before its turn came: whoever connects now was not there when its end was told.
    if (turn.outcome !== null && !turn.erased) tail.push(answerMessage(turn, []));
  }
  return tail;
}

/** A turn's user messages, before they are items. */
export function userMessages(turn: Turn): ChatMessage[] {
  const waits = turn.startedAt === null && turn.outcome === null;
  return turn.messages.map((message) => {
    const said = { message, sender: turn.sender, at: turn.acceptedAt, turn: turn.id, source: turn.source };
    return waits ? marked(userMessage(said), "queued") : memo(message, () => userMessage(said));
  });
}

export function viewOf(item: Item): ChatMessage {
  if (item.type === "turn") return memo(item.turn, () => answerMessage(item.turn, []));
  return memo(item.message, () => userMessage(item));
}

/** A message that joined the running turn and was not read yet says so. */
function viewIn(state: State, item: Item): ChatMessage {
  if (item.type === "turn" || item.joined === undefined || item.joined !== state.active?.id)
    return viewOf(item);
  const joined = state.active.joined.find((one) => one.message.id === item.message.id);
  return joined?.round === null ? marked(viewOf(item), "steering") : viewOf(item);
}

/** A user message on the transcript or in the line, as it stands; null when it is in neither. */
export function messageIn(state: State, id: string): ChatMessage | null {
  for (const turn of state.waiting) {
    const waiting = userMessages(turn).find((message) => message.id === id);
    if (waiting) return waiting;
  }
  const at = findUserMessage(state.items, id);
  const item = at >= 0 ? state.items.at(at) : undefined;
  return item ? viewIn(state, item) : null;
}

const marked = (message: ChatMessage, waiting: "queued" | "steering"): ChatMessage => ({
  ...message,
  metadata: { ...message.metadata, waiting },
});

const userMessage = (said: {
  message: StoredMessage;
  sender: Sender;
  at: number;
  turn: string;
  source: string;
  joined?: string;
}): ChatMessage => ({
  id: said.message.id,
  role: "user",
  metadata: {
    createdAt: said.at,
    turn: said.turn,
    sender: said.sender,
    ...(said.source !== "chat" && { source: said.source }),
    ...(said.joined !== undefined && { joined: said.joined }),
  },
  parts: said.message.parts,
});

/** Messages that a round's call was the first to read, besides the turn's own. */
export const joinedAt = (turn: Turn, round: number): string[] =>
  turn.joined.filter((joined) => joined.round === round).map((joined) => joined.message.id);

/** The assistant's message of a turn. `partial`: what has streamed of the round that is not committed. */
export function answerMessage(turn: Turn, partial: readonly ChatPart[]): ChatMessage {
  const parts: ChatPart[] = [];
  for (const round of turn.rounds) parts.push(...joinedPart(turn, round.round), ...roundParts(round, turn));
  parts.push(...joinedPart(turn, turn.rounds.length), ...partial);
  return { id: answerId(turn.id), role: "assistant", metadata: metadataOf(turn), parts };
}

export function metadataOf(turn: Turn): MessageMetadata {
  const model = turn.rounds.at(-1)?.model;
  return {
    createdAt: turn.startedAt ?? turn.acceptedAt,
    turn: turn.id,
    ...(model && { model }),
    ...(turn.rounds.length > 0 && { usage: turn.usage }),
    ...(turn.priceMicros > 0 && { priceMicros: turn.priceMicros }),
    ...(turn.outcome && { outcome: turn.outcome }),
    ...(turn.error && { error: turn.error }),
  };
}

function joinedPart(turn: Turn, round: number): ChatPart[] {
  const messageIds = joinedAt(turn, round);
  return messageIds.length > 0 ? [{ type: "data-joined", data: { messageIds } }] : [];
}

function roundParts(round: Round, turn: Turn): ChatPart[] {
  const parts: ChatPart[] = [{ type: "step-start" }];
  for (const part of round.parts) {
    if (part.type === "text") {
      if (part.text) parts.push({ type: "text", text: part.text, state: "done" });
    } else if (part.type === "reasoning") {
      if (part.text) parts.push({ type: "reasoning", text: part.text, state: "done" });
    } else {
      const run = round.tools.find((tool) => tool.id === part.id);
      const ask = round.asks.find((one) => one.id === part.id);
      if (run) parts.push(toolPart(run, ask));
      else if (ask) parts.push(askPart(ask, turn));
    }
  }
  return parts;
}

/** Tool input as JSON where it parses, else as the text that the model wrote. */
export function inputOf(raw: string): unknown {
  try {
    return raw.trim() === "" ? {} : JSON.parse(raw);
  } catch {
    return raw;
  }
}

/** Why a tool has no output, in words for the reader and the model. */
export function failureText(result: NonNullable<ToolRun["result"]>): string {
  if (result.interrupted) {
    return "interrupted: this call was cut off and its outcome is unknown. It was not run again.";
  }
  return result.error ? `${result.error.code}: ${result.error.message}` : "";
}

/** Whether a call was not made because a person, or the owner's settings, did not want it. */
export const isRefusal = (result: NonNullable<ToolRun["result"]>): boolean =>
  result.error?.code === "denied" || result.error?.code === "approval_expired";

function toolPart(run: ToolRun, ask: Ask | undefined): ChatPart {
  const base = { type: `tool-${run.name}` as const, toolCallId: run.id, input: inputOf(run.input) };
  const approval = ask ? { ...approvalOf(ask), approved: true as const } : undefined;
  if (run.result === null) {
    if (!approval) return { ...base, state: "input-available" };
    return { ...base, state: "approval-responded", approval };
  }
  if (isRefusal(run.result)) {
    const reason = run.result.error?.message ?? "";
    return { ...base, state: "output-denied", approval: { id: run.id, approved: false, reason } };
  }
  const by = approval && { approval };
  if (run.result.error || run.result.interrupted) {
    return { ...base, ...by, state: "output-error", errorText: failureText(run.result) };
  }
  return { ...base, ...by, state: "output-available", output: run.result.output ?? null };
}

const approvalOf = (ask: Ask) => ({
  id: ask.id,
  descriptor: { expiresAt: ask.expiresAt },
  ...(ask.decision?.comment && { reason: ask.decision.comment }),
});

/** A call without an intent: it waits for a person, was just decided on, or its turn ended over it. */
function askPart(ask: Ask, turn: Turn): ChatPart {
  const base = { type: `tool-${ask.name}` as const, toolCallId: ask.id, input: inputOf(ask.input) };
  if (ask.decision) {
    const approval = { ...approvalOf(ask), approved: ask.decision.approved };
    return { ...base, state: "approval-responded", approval };
  }
  if (turn.outcome !== null) {
    const reason = "The answer was stopped before anyone decided.";
    return { ...base, state: "output-denied", approval: { id: ask.id, approved: false, reason } };
  }
  const { id, descriptor } = approvalOf(ask);
  return { ...base, state: "approval-requested", approval: { id, descriptor } };
}
