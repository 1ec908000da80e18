/**
 * The pure state of one chat as the server told it: settled messages, the answer that streams, what waits. Every
 * function takes a state and returns the next one. What was not sent yet is elsewhere (`unsent.ts`).
 */
import { limits } from "../../limits.ts";
import type { Chunk } from "./chunks.ts";
import { applyChunk, emptyAnswer } from "./chunks.ts";
import type { Message } from "./message.ts";
import { settled } from "./message.ts";

/** The answer that streams. */
export interface Live {
  /** Id of the request whose answer this is; the same in every frame of the stream. */
  stream: string;
  /** The last `seq` applied; -1 before the first. A resuming connection asks for what comes after it. */
  seq: number;
  message: Message | null;
  /** Id of the settled message that the answer stands behind, or `null` for the beginning. */
  after: string | null;
  /** The connection broke: the server decides whether the stream goes on, or is over. */
  suspended: boolean;
}

export interface Failure {
  /** The request that failed. */
  request: string;
  /** The server's sentence for the reader. */
  text: string;
}

export interface Transcript {
  /** The server's list has arrived at least once. */
  loaded: boolean;
  /** Oldest first. */
  messages: Message[];
  /** There are older messages than these. */
  hasOlder: boolean;
  live: Live | null;
  /** Requests that were accepted and whose turn has neither begun nor ended, with their messages. */
  awaiting: Readonly<Record<string, { messageIds: string[]; queued: boolean }>>;
  /** The newest turn failed before it said anything. */
  failure: Failure | null;
  /** The server rebuilds a turn that was cut off. */
  recovering: boolean;
  /** Streams that have ended on this connection: a late frame of theirs changes nothing. */
  ended: readonly string[];
  /** Turns of which every message was removed: an answer to them has nobody to stand behind. */
  gone: readonly string[];
}

/** How many ended streams are remembered: frames cannot be later than that. */
const ENDED_KEPT = 8;
/** How many turns without messages are remembered. More than can wait at once. */
const GONE_KEPT = 64;

export const emptyTranscript: Transcript = {
  loaded: false,
  messages: [],
  hasOlder: false,
  live: null,
  awaiting: {},
  failure: null,
  recovering: false,
  ended: [],
  gone: [],
};

const without = <T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> =>
  Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));

/**
 * The server's newest messages. They replace ours; older pages that the reader had loaded stay in front of them,
 * and a stream that runs stays until the server says that it is over.
 */
export function onMessages(state: Transcript, window: readonly Message[], connect: boolean): Transcript {
  const first = window[0];
  const full = window.length >= limits.transcriptMessages;
  const at = first && full ? state.messages.findIndex((message) => message.id === first.id) : -1;
  const known = new Map(state.messages.map((message) => [message.id, message]));
  const messages = [
    ...(at > 0 ? state.messages.slice(0, at) : []),
    // The same object for an unchanged message, so that nothing of it is rendered again.
    ...window.map((message) => sameOr(known.get(message.id), message)),
  ];
  return {
    ...state,
    loaded: true,
    messages,
    hasOlder: at > 0 ? state.hasOlder : full,
    live: state.live && connect ? { ...state.live, suspended: true } : state.live,
    failure: connect ? null : state.failure,
    ended: connect ? [] : state.ended,
  };
}

function sameOr(known: Message | undefined, next: Message): Message {
  return known && JSON.stringify(known) === JSON.stringify(next) ? known : next;
}

/** A page of older messages, asked for by the reader. */
export function onOlder(state: Transcript, page: readonly Message[], asked: number): Transcript {
  const known = new Set(state.messages.map((message) => message.id));
  const fresh = page.filter((message) => !known.has(message.id));
  return { ...state, messages: [...fresh, ...state.messages], hasOlder: page.length >= asked };
}

/** One message is new or has changed. A new answer takes the place that it has had while it streamed. */
export function onUpdated(state: Transcript, message: Message): Transcript {
  const at = state.messages.findIndex((known) => known.id === message.id);
  const { turn } = message.metadata;
  if (at < 0 && message.role === "assistant" && turn && state.gone.includes(turn)) return state;
  const messages = at < 0 ? inserted(state.messages, message, state.live) : state.messages.with(at, message);
  const next = { ...state, messages };
  // A message that has a turn and does not wait was read: nobody has to be told by its stream.
  const read = message.role === "user" && message.metadata.turn && !message.metadata.waiting;
  return read ? { ...next, awaiting: unqueued(state.awaiting, [message.id]) } : next;
}

/** Messages left the transcript: they were taken back, or deleted while they waited. */
export function onRemoved(state: Transcript, messageIds: readonly string[]): Transcript {
  const gone = new Set(messageIds);
  const { live } = state;
  const left = state.messages.filter((message) => !gone.has(message.id));
  const turnsLeft = new Set(left.map((message) => message.metadata.turn));
  const turnsGone = state.messages.flatMap(({ id, metadata: { turn } }) =>
    gone.has(id) && turn && !turnsLeft.has(turn) ? [turn] : [],
  );
  const answerGone = live?.message != null && gone.has(live.message.id);
  return {
    ...state,
    messages: left,
    gone: [...state.gone, ...turnsGone].slice(-GONE_KEPT),
    live: answerGone ? null : live,
    // What is still on its way of an answer that was taken back must not bring it back.
    ended: live && answerGone ? [...state.ended, live.stream].slice(-ENDED_KEPT) : state.ended,
    awaiting: Object.fromEntries(
      Object.entries(state.awaiting).filter(
        ([, request]) =>
          request.messageIds.length === 0 || request.messageIds.some((messageId) => !gone.has(messageId)),
      ),
    ),
    failure: null,
  };
}

// Requests of which no message waits any more.
const unqueued = (awaiting: Transcript["awaiting"], read: readonly string[]): Transcript["awaiting"] =>
  Object.fromEntries(
    Object.entries(awaiting).filter(
      ([, request]) =>
        !request.queued ||
        request.messageIds.length === 0 ||
        request.messageIds.some((messageId) => !read.includes(messageId)),
    ),
  );

// Our own copies of messages say that they wait until the server's word for them arrives, or their turn begins.
function nowRead(messages: Message[], read: readonly string[]): Message[] {
  if (!messages.some((message) => read.includes(message.id) && message.metadata.waiting)) return messages;
  return messages.map((message) => {
    if (!read.includes(message.id) || !message.metadata.waiting) return message;
    const { waiting: _, ...metadata } = message.metadata;
    return { ...message, metadata };
  });
}

/**
 * An answer stands behind the messages of its turn. Where those do not say their turn, it stands where its stream
 * began; an answer whose stream we have not seen (`undefined`) is the newest thing said.
 */
export function anchorFor(
  messages: readonly Message[],
  answer: Message,
  live: Live | null,
): string | null | undefined {
  const { turn } = answer.metadata;
  const asked =
    turn &&
    messages.findLast(
      // What joined later stands inside of the answer, or waits to.
      ({ role, metadata }) =>
        role === "user" && metadata.turn === turn && !metadata.waiting && metadata.joined === undefined,
    );
  if (asked) return asked.id;
  return live?.message?.id === answer.id ? live.after : undefined;
}

function inserted(messages: readonly Message[], message: Message, live: Live | null): Message[] {
  const anchor = message.role === "assistant" ? anchorFor(messages, message, live) : undefined;
  if (anchor === null) return [message, ...messages];
  const at = anchor === undefined ? -1 : messages.findIndex((known) => known.id === anchor);
  return at < 0 ? [...messages, message] : messages.toSpliced(at + 1, 0, message);
}

/** The whole conversation was cleared. */
export function onCleared(state: Transcript): Transcript {
  return { ...emptyTranscript, loaded: state.loaded };
}

/** The connection broke: the stream may go on, or may be over when we are back. */
export function onDisconnected(state: Transcript): Transcript {
  return state.live ? { ...state, live: { ...state.live, suspended: true } } : state;
}

/** The server offers to go on with a stream. What is new of it comes behind `live.seq`. */
export function onResuming(state: Transcript, stream: string): Transcript {
  if (state.live?.stream === stream) {
    return { ...state, live: { ...state.live, suspended: false }, recovering: false };
  }
  return { ...begun(state, stream), recovering: false };
}

/** Nothing runs: a stream that we thought to be running is over, and the transcript has what it said. */
export function onIdle(state: Transcript): Transcript {
  const running = Object.entries(state.awaiting).filter(([, request]) => request.queued);
  const next = state.live ? kept(state, state.live) : state;
  return { ...next, live: null, recovering: false, awaiting: Object.fromEntries(running) };
}

// The answer of a stream that is over joins the messages, unless the transcript already has it.
function kept(state: Transcript, live: Live): Transcript {
  const { message } = live;
  if (!message || message.parts.length === 0) return state;
  if (state.messages.some((known) => known.id === message.id)) return state;
  return { ...state, messages: inserted(state.messages, settled(message), live) };
}

// A stream is known by its request's id, with a suffix when the server had to begin it again.
const requestOf = (state: Transcript, stream: string): string | undefined =>
  Object.keys(state.awaiting).find((request) => stream.startsWith(request));

// What waits once a stream has begun: one turn runs at a time, so whatever was not queued is this one.
const stillWaiting = (state: Transcript, stream: string): Transcript["awaiting"] =>
  Object.fromEntries(
    Object.entries(state.awaiting).filter(([id, request]) => request.queued && !stream.startsWith(id)),
  );

function anchorOf(state: Transcript, stream: string): string | null {
  const request = requestOf(state, stream);
  const mine = request ? state.awaiting[request]?.messageIds.at(-1) : undefined;
  if (mine) return mine;
  const waiting = new Set(Object.values(stillWaiting(state, stream)).flatMap((entry) => entry.messageIds));
  const read = state.messages.findLast((message) => !waiting.has(message.id) && !message.metadata.waiting);
  return read?.id ?? null;
}

function begun(state: Transcript, stream: string): Transcript {
  const request = requestOf(state, stream);
  return {
    ...state,
    messages: nowRead(state.messages, (request && state.awaiting[request]?.messageIds) || []),
    live: {
      stream,
      seq: -1,
      // The partial text of a stream that was cut off stays on the screen until its successor's first chunk.
      message: state.live?.message ?? null,
      after: anchorOf(state, stream),
      suspended: false,
    },
    awaiting: stillWaiting(state, stream),
    failure: null,
    recovering: false,
  };
}

/** One chunk of an answer. What was applied before is dropped; a `start` with `seq` 0 begins the answer again. */
export function onChunk(
  state: Transcript,
  stream: string,
  chunk: Chunk | null,
  seq: number | undefined,
): Transcript {
  if (state.ended.includes(stream)) return state;
  const opened = state.live?.stream === stream ? state : begun(state, stream);
  if (!opened.live) return opened;
  const restart = chunk?.type === "start" && (seq === 0 || seq === undefined);
  if (!restart && seq !== undefined && seq <= opened.live.seq) return opened;
  const fresh = restart || !opened.live.message ? emptyAnswer(messageIdOf(chunk, opened.live)) : null;
  // Another turn's answer: what was left of the one before it joins the messages.
  const next = fresh && opened.live.message?.id !== fresh.id ? kept(opened, opened.live) : opened;
  const base = fresh ?? opened.live.message;
  const message = chunk && base ? applyChunk(base, chunk) : opened.live.message;
  const read = chunk?.type === "data-joined" ? chunk.data.messageIds : [];
  return {
    ...next,
    messages: nowRead(next.messages, read),
    awaiting: read.length > 0 ? unqueued(next.awaiting, read) : next.awaiting,
    live: { ...opened.live, seq: seq ?? opened.live.seq, message, suspended: false },
  };
}

// A stream whose `start` names no message gets an id of its own, so that its parts have somewhere to be.
const messageIdOf = (chunk: Chunk | null, live: Live): string =>
  (chunk?.type === "start" && chunk.messageId) || live.message?.id || `answer-${live.stream}`;

/** A stream has ended. `failure`: the server's sentence when the turn failed. */
export function onDone(state: Transcript, stream: string, failure: string | null): Transcript {
  const mine = state.live?.stream === stream ? state.live : null;
  const next = mine ? kept(state, mine) : state;
  return {
    ...next,
    live: mine ? null : state.live,
    recovering: false,
    awaiting: without(state.awaiting, requestOf(state, stream) ?? stream),
    failure: failure === null ? next.failure : { request: stream, text: failure },
    ended: [...state.ended, stream].slice(-ENDED_KEPT),
  };
}

/** A turn is being rebuilt after a crash, or has been. */
export function onRecovering(state: Transcript, recovering: boolean): Transcript {
  return { ...state, recovering };
}

/** The journal has these messages of ours. */
export function onAccepted(
  state: Transcript,
  request: string,
  messages: readonly Message[],
  queued: boolean,
): Transcript {
  const known = new Set(state.messages.map((message) => message.id));
  const fresh = messages.filter((message) => !known.has(message.id));
  const messageIds = messages.map((message) => message.id);
  const over = [state.live?.stream ?? "", ...state.ended].some((stream) => stream.startsWith(request));
  // The stream may begin before we are told that its message was accepted: the message stands in front of it.
  const mine = state.live?.stream.startsWith(request) ? messageIds.at(-1) : undefined;
  return {
    ...state,
    messages: [...state.messages, ...fresh],
    live: state.live && mine ? { ...state.live, after: mine } : state.live,
    awaiting: over ? state.awaiting : { ...state.awaiting, [request]: { messageIds, queued } },
    failure: null,
  };
}

/** A request will not be answered: nothing waits for it any more. */
export function onRefused(state: Transcript, request: string): Transcript {
  return { ...state, awaiting: without(state.awaiting, request) };
}

/** Whether a turn runs or is about to, as far as this client knows. */
export function isWorking(state: Transcript): boolean {
  return (
    state.live !== null ||
    state.recovering ||
    Object.values(state.awaiting).some((request) => !request.queued)
  );
}

/** The request that a stop would end: the one whose answer streams, else the one that is about to begin. */
export function runningRequest(state: Transcript): string | null {
  return (
    state.live?.stream ?? Object.entries(state.awaiting).find(([, request]) => !request.queued)?.[0] ?? null
  );
}
