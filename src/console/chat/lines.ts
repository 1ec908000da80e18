/** The order in which a chat is read: what stands where, what streams, what waits. Pure. */
import type { Message } from "./message.ts";
import type { Transcript } from "./transcript.ts";
import { anchorFor } from "./transcript.ts";

/** One line of the chat, in reading order. */
export interface Line {
  message: Message;
  /** This answer streams now. */
  live: boolean;
  /** This message waits: for a turn of its own, or to be read by the running one. */
  waiting: "queued" | "steering" | null;
}

const NONE_JOINED: ReadonlyMap<string, Message> = new Map();

/** The messages that stand inside of an answer, at the place where it had read them, by their id. */
export function joinedOf(state: Transcript): ReadonlyMap<string, Message> {
  const answers = state.live?.message ? [...state.messages, state.live.message] : state.messages;
  const ids = new Set(
    answers.flatMap((message) =>
      message.parts.flatMap((part) => (part.type === "joined" ? part.messageIds : [])),
    ),
  );
  if (ids.size === 0) return NONE_JOINED;
  return new Map(
    state.messages.flatMap((message) => (ids.has(message.id) ? [[message.id, message] as const] : [])),
  );
}

/** The messages in reading order: the live answer in its place, what waits behind it. `joined`: see `joinedOf`. */
export function linesOf(state: Transcript, joined = joinedOf(state)): Line[] {
  const queued = new Set(
    Object.values(state.awaiting).flatMap((request) => (request.queued ? request.messageIds : [])),
  );
  const waitingOf = (message: Message): Line["waiting"] =>
    message.metadata.waiting ?? (queued.has(message.id) ? "queued" : null);
  const { live } = state;
  const messages = state.messages.filter((message) => !joined.has(message.id));
  const answer = live?.message ?? null;
  const listed = answer !== null && messages.some((message) => message.id === answer.id);
  const anchor = answer && anchorFor(messages, answer, live);
  const lines: Line[] = [];
  const placeAfter = (id: string | null): void => {
    if (answer && !listed && anchor === id) lines.push({ message: answer, live: true, waiting: null });
  };
  placeAfter(null);
  for (const message of messages) {
    if (message.id === answer?.id) lines.push({ message: answer, live: true, waiting: null });
    else if (!waitingOf(message)) lines.push({ message, live: false, waiting: null });
    placeAfter(message.id);
  }
  // Its anchor is gone, with an older page or an undone message: the answer is the newest thing said.
  if (answer && !lines.some((line) => line.live)) lines.push({ message: answer, live: true, waiting: null });
  for (const message of messages) {
    const waiting = waitingOf(message);
    if (waiting) lines.push({ message, live: false, waiting });
  }
  return lines;
}
