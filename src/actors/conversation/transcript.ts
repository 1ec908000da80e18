/** The transcript as clients see it: a view of the state, as AI SDK messages. Pure; memoised by item. */
import type { ChatMessage, ChatPart, MessageMetadata } from "../../protocol/message.ts";
import type { Sender, StoredMessage } from "./entries.ts";
import { answerId, type Item, type Round, type State, type ToolRun, type Turn } from "./state.ts";

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

/** The newest `limit` messages, or those before a message id. Oldest first. */
export function transcript(
  state: State,
  options: { limit: number; before?: string; partial?: readonly ChatPart[] },
): ChatMessage[] {
  const tail = tailOf(state, options.partial ?? []);
  const all = tail.length + state.items.length;
  let end = all;
  if (options.before !== undefined) {
    end = indexOf(state, tail, options.before);
    if (end < 0) return [];
  }
  const out: ChatMessage[] = [];
  for (let i = end - 1; i >= 0 && out.length < options.limit; i--) {
    const item = state.items.at(i);
    const message = item ? viewOf(item) : tail[i - state.items.length];
    if (message && (message.parts.length > 0 || message.metadata?.outcome)) out.push(message);
  }
  return out.reverse();
}

function indexOf(state: State, tail: readonly ChatMessage[], id: string): number {
  const late = tail.findIndex((message) => message.id === id);
  if (late >= 0) return state.items.length + late;
  for (let i = state.items.length - 1; i >= 0; i--) {
    const item = state.items.at(i);
    if (item && viewOf(item).id === id) return i;
  }
  return -1;
}

/** What is not yet an item: the running answer, and the messages that wait or were stopped while they did. */
function tailOf(state: State, partial: readonly ChatPart[]): ChatMessage[] {
  const tail: ChatMessage[] = [];
  if (state.active) tail.push(answerMessage(state.active, partial));
  for (const turn of state.waiting) {
    tail.push(...userMessages(turn));
    // Stopped before its turn came: whoever connects now was not there when its end was told.
    if (turn.outcome !== null) tail.push(answerMessage(turn, []));
  }
  return tail;
}

/** A turn's user messages, before they are items. */
export function userMessages(turn: Turn): ChatMessage[] {
  return turn.messages.map((message) => userMessage(message, turn.sender, turn.acceptedAt, turn.id));
}

export function viewOf(item: Item): ChatMessage {
  if (item.type === "user") return userMessage(item.message, item.sender, item.at, item.turn);
  return memo(item.turn, () => answerMessage(item.turn, []));
}

const userMessage = (message: StoredMessage, sender: Sender, createdAt: number, turn: string): ChatMessage =>
  memo(message, () => ({
    id: message.id,
    role: "user",
    metadata: { createdAt, turn, sender },
    parts: message.parts,
  }));

/** The assistant's message of a turn. `partial`: what has streamed of the round that is not committed. */
export function answerMessage(turn: Turn, partial: readonly ChatPart[]): ChatMessage {
  const parts: ChatPart[] = [];
  for (const round of turn.rounds) parts.push(...roundParts(round));
  parts.push(...partial);
  return { id: answerId(turn.id), role: "assistant", metadata: metadataOf(turn), parts };
}

export function metadataOf(turn: Turn): MessageMetadata {
  const model = turn.rounds.at(-1)?.model;
  return {
    createdAt: turn.startedAt ?? turn.acceptedAt,
    turn: turn.id,
    ...(model && { model }),
    ...(turn.rounds.length > 0 && { usage: turn.usage }),
    ...(turn.outcome && { outcome: turn.outcome }),
    ...(turn.error && { error: turn.error }),
  };
}

function roundParts(round: Round): ChatPart[] {
  const parts: ChatPart[] = [{ type: "step-start" }];
  for (const part of round.parts) {
    if (part.type === "text") {
      if (part.text) parts.push({ type: "text", text: part.text, state: "done" });
    } else if (part.type === "reasoning") {
      if (part.text) parts.push({ type: "reasoning", text: part.text, state: "done" });
    } else {
      const run = round.tools.find((tool) => tool.id === part.id);
      if (run) parts.push(toolPart(run));
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

function toolPart(run: ToolRun): ChatPart {
  const base = { type: `tool-${run.name}` as const, toolCallId: run.id, input: inputOf(run.input) };
  if (run.result === null) return { ...base, state: "input-available" };
  if (run.result.error || run.result.interrupted) {
    return { ...base, state: "output-error", errorText: failureText(run.result) };
  }
  return { ...base, state: "output-available", output: run.result.output ?? null };
}
