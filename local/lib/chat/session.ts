/**
 * One chat over its WebSocket. A question is asked once and answered once, however often the connection breaks in
 * between: after every reconnect the same request is sent again, and the server counts it once. Several may be open:
 * the server answers them in turn, or reads a later one in the answer to an earlier.
 */

import { PING, requestOfStream } from "../../../src/protocol/frames.ts";
import { CommandError, EXIT } from "../command.ts";
import type { Asked, ChatEvent, Outcome } from "./events.ts";
import { type Frame, type Message, parseChunk, parseFrame } from "./frames.ts";
import { Pulse } from "./pulse.ts";
import { Transcript } from "./transcript.ts";

/** First wait before a lost connection is opened again; doubles up to the second figure. */
const RECONNECT_MS = 200;
const RECONNECT_MAX_MS = 3_000;
/** How long we go on trying: a restart takes seconds, and somebody is waiting. */
const RECONNECT_FOR_MS = 60_000;
/** What a browser reports for a connection that ended without a close frame. */
const ABNORMAL = 1006;
/** Close codes that mean "do not come back": policy, and the application's own. */
const isFinal = (code: number): boolean => code === 1008 || (code >= 4000 && code <= 4999);

/** The part of a WebSocket that we use. */
export interface Socket {
  send(text: string): void;
  close(code?: number): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  onerror: (() => void) | null;
}

export interface SessionOptions {
  /** Opens a socket to the chat. */
  connect(): Socket;
  /** Called when a socket closes without ever having opened: why. Null means that trying again may help. */
  whyRefused(): Promise<CommandError | null>;
  /** A fresh id. */
  id(): string;
  /** Milliseconds of a clock that never goes back. */
  elapsed(): number;
  /** Calls back after a time; returns how to take it back. */
  after(ms: number, run: () => void): () => void;
}

/** A person's decision; null leaves the call waiting. The signal says that it is not needed any more. */
export type Approve = (call: Asked, signal: AbortSignal) => Promise<boolean | null>;

export interface AskOptions {
  /** `steer` joins the running answer, if there is one. */
  mode?: "steer";
  /** Without it, an answer that needs a decision ends here as `waiting`. */
  approve?: Approve;
}

interface Question {
  /**
   * Request id; streams that answer it are named by it (`requestOfStream`). Null while an answer is waited for that
   * somebody else asked for: the next stream is its.
   */
  id: string | null;
  /** The user's message; null for a decision on a call, which is found by the call. */
  messageId: string | null;
  call: string | null;
  steers: boolean;
  frame: string;
  transcript: Transcript;
  /** The last number seen of each stream on this connection, to resume behind it. */
  seen: Map<string, number>;
  emit(event: ChatEvent): void;
  resolve(outcome: Outcome): void;
  reject(error: Error): void;
  refusal: { code: string; message: string } | null;
  approve: Approve | null;
  /** Open while a person is being asked. */
  asking: AbortController | null;
}

export class ChatSession {
  readonly #options: SessionOptions;
  readonly #pulse: Pulse;
  #socket: Socket | null = null;
  #open = false;
  #questions: Question[] = [];
  #lostAt: number | null = null;
  #waitMs = RECONNECT_MS;
  #stopWaiting: (() => void) | null = null;
  #closed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#pulse = new Pulse({
      after: options.after,
      ask: () => this.#socket?.send(PING),
      dead: () => {
        const socket = this.#socket;
        void this.#lost(ABNORMAL);
        socket?.close(); // nobody listens to it any more, whatever it still says
      },
    });
  }

  /**
   * Asks and resolves with the outcome, after the `done` event. Rejects when the server cannot be reached or will not
   * talk to us.
   */
  ask(text: string, emit: (event: ChatEvent) => void, options: AskOptions = {}): Promise<Outcome> {
    const id = this.#options.id();
    const messageId = this.#options.id();
    const message = { id: messageId, role: "user", parts: [{ type: "text", text }] };
    const mode = options.mode ? { mode: options.mode } : {};
    const body = JSON.stringify({ messages: [message], trigger: "submit-message", ...mode });
    const frame = JSON.stringify({ type: "cf_agent_use_chat_request", id, init: { method: "POST", body } });
    const steers = options.mode === "steer";
    return this.#begin({ id, messageId, call: null, steers, frame, emit, approve: options.approve ?? null });
  }

  /** Decides on a call that waits and resolves with the outcome of what follows. What was said before is not repeated. */
  decide(
    call: string,
    approved: boolean,
    emit: (event: ChatEvent) => void,
    options: Pick<AskOptions, "approve"> = {},
  ): Promise<Outcome> {
    const frame = JSON.stringify({ type: "cf_agent_tool_approval", toolCallId: call, approved });
    const approve = options.approve ?? null;
    return this.#begin({ id: null, messageId: null, call, steers: false, frame, emit, approve });
  }

  #begin(
    question: Pick<Question, "id" | "messageId" | "call" | "steers" | "frame" | "emit" | "approve">,
  ): Promise<Outcome> {
    const { emit, frame } = question;
    return new Promise((resolve, reject) => {
      this.#questions.push({
        ...question,
        transcript: new Transcript(emit),
        seen: new Map(),
        resolve,
        reject,
        refusal: null,
        asking: null,
      });
      if (this.#open) this.#socket?.send(frame);
      else if (!this.#socket) this.#connect();
    });
  }

  /** Stops the answer that is being made; `ask` then resolves with `cancelled`. False when there is none. */
  cancel(): boolean {
    const id = this.#questions.find((question) => question.id !== null)?.id;
    if (!id || !this.#open) return false;
    this.#socket?.send(JSON.stringify({ type: "cf_agent_chat_request_cancel", id }));
    return true;
  }

  close(): void {
    this.#closed = true;
    for (const question of this.#questions) question.asking?.abort();
    this.#stopWaiting?.();
    this.#pulse.stop();
    this.#socket?.close(1000);
  }

  #connect(): void {
    const socket = this.#options.connect();
    this.#socket = socket;
    this.#pulse.opening();
    socket.onopen = () => {
      if (this.#socket !== socket) return;
      this.#pulse.heard();
      this.#open = true;
      this.#lostAt = null;
      this.#waitMs = RECONNECT_MS;
      for (const question of this.#questions) socket.send(question.frame);
    };
    socket.onmessage = ({ data }) => {
      if (this.#socket !== socket) return;
      if (!this.#closed) this.#pulse.heard();
      const frame = typeof data === "string" ? parseFrame(data) : null;
      if (frame) for (const question of [...this.#questions]) this.#receive(frame, question);
    };
    // A handshake that fails is an error in Node, without a `close` behind it; anything later has one.
    socket.onerror = () => {
      if (this.#socket === socket && !this.#open) void this.#lost(ABNORMAL);
    };
    socket.onclose = ({ code }) => {
      if (this.#socket === socket) void this.#lost(code);
    };
  }

  async #lost(code: number): Promise<void> {
    const hadOpened = this.#open;
    this.#pulse.stop();
    this.#socket = null;
    this.#open = false;
    if (this.#closed || this.#questions.length === 0) return;
    // A server that was started again numbers its streams from the beginning: ask for everything, print what is new.
    for (const question of this.#questions) question.seen.clear();
    if (isFinal(code)) return this.#fail(new CommandError(`The server closed the chat (${code}).`));
    if (!hadOpened) {
      const reason = await this.#options.whyRefused();
      if (reason) return this.#fail(reason);
    }
    this.#lostAt ??= this.#options.elapsed();
    if (this.#options.elapsed() - this.#lostAt > RECONNECT_FOR_MS) {
      return this.#fail(
        new CommandError("The connection was lost and the server did not come back.", EXIT.unreachable),
      );
    }
    if (hadOpened) this.#questions[0]?.emit({ event: "reconnecting" });
    this.#stopWaiting = this.#options.after(this.#waitMs, () => {
      if (!this.#closed) this.#connect();
    });
    this.#waitMs = Math.min(this.#waitMs * 2, RECONNECT_MAX_MS);
  }

  #receive(frame: Frame, question: Question): void {
    switch (frame.type) {
      case "holdfast_accepted":
        if (frame.id === question.id) {
          const { queued } = frame;
          question.emit({ event: "accepted", queued, ...(queued && question.steers && { joins: true }) });
        }
        return;
      case "holdfast_refused":
        if (frame.id === question.id) question.refusal = frame;
        return;
      case "holdfast_error":
        // It names no request: the oldest that is open is what we wait for.
        if (question === this.#questions[0]) this.#finish(question, "failed", frame);
        return;
      case "holdfast_decided":
        // With its stream known, this answers the decision that was sent again after a lost connection.
        if (question.call === frame.toolCallId && question.id === null && !frame.counted)
          this.#tooLate(question, frame);
        return;
      case "cf_agent_stream_pending":
        if (frame.id === question.id && question.transcript.asked.length > 0) this.#rest(question);
        return;
      case "cf_agent_stream_resuming":
        if (question.id === null) question.id = requestOfStream(frame.id);
        if (!isOurs(frame.id, question)) return;
        question.asking?.abort(); // somebody else decided
        this.#socket?.send(
          JSON.stringify({
            type: "cf_agent_stream_resume_ack",
            id: frame.id,
            after: question.seen.get(frame.id) ?? -1,
          }),
        );
        return;
      case "cf_agent_chat_messages": {
        const { call, messageId } = question;
        if (call !== null) return this.#decidedBefore(question, call, frame.messages);
        const answer = messageId === null ? null : answerTo(messageId, frame.messages);
        // Sent on connecting, and when the answer was finished while we were away. Behind chunks it says nothing new.
        if (answer && question.seen.size === 0) question.transcript.message(answer);
        return;
      }
      case "cf_agent_message_updated":
        if (frame.message.id === question.transcript.messageId) question.transcript.message(frame.message);
        return;
      case "cf_agent_use_chat_response":
        if (isOurs(frame.id, question)) this.#response(frame, question);
        return;
    }
  }

  #response(frame: Extract<Frame, { type: "cf_agent_use_chat_response" }>, question: Question): void {
    if (!frame.done) {
      const seen = question.seen.get(frame.id) ?? -1;
      if (frame.seq !== undefined) {
        if (frame.seq <= seen) return;
        question.seen.set(frame.id, frame.seq);
      }
      const chunk = parseChunk(frame.body);
      if (chunk) question.transcript.chunk(chunk);
      return;
    }
    // After a crash the answer goes on as another stream, which is offered next.
    if (frame.outcome === "recovering") return;
    // The end of a replay of a stream that is over: the request, sent again, tells how it ended.
    if (frame.replay && frame.outcome === undefined) return;
    if (question.refusal) return this.#finish(question, "refused", question.refusal);
    if (frame.error || frame.outcome === "error")
      return this.#finish(question, "failed", { message: frame.body });
    if (frame.outcome === "aborted") return this.#finish(question, "cancelled");
    if (question.transcript.asked.length > 0) return this.#rest(question);
    this.#finish(question, "completed");
  }

  /** The answer waits for a person: the one at this terminal, if there is one. All are asked before any is told. */
  #rest(question: Question): void {
    const { approve, transcript } = question;
    if (question.asking) return;
    if (!approve) return this.#finish(question, "waiting");
    const asking = new AbortController();
    question.asking = asking;
    void (async () => {
      const said: { id: string; approved: boolean }[] = [];
      for (const call of transcript.asked) {
        const approved = await approve(call, asking.signal);
        if (asking.signal.aborted) break;
        if (approved === null) return this.#finish(question, "waiting");
        said.push({ id: call.id, approved });
      }
      question.asking = null;
      if (asking.signal.aborted) return;
      for (const { id, approved } of said) {
        transcript.decided(id);
        this.#socket?.send(JSON.stringify({ type: "cf_agent_tool_approval", toolCallId: id, approved }));
      }
    })().catch((error: unknown) => this.#fail(error instanceof Error ? error : new Error(String(error))));
  }

  /**
   * What was said before the decision is known already: only what follows is shown. After a lost connection the answer
   * may be over.
   */
  #decidedBefore(question: Question, call: string, messages: readonly Message[]): void {
    const answer = messages.find((message) => message.parts.some((part) => part.toolCallId === call));
    if (!answer) return;
    if (question.id !== null) {
      const outcome = outcomeOf(answer);
      if (outcome === null) return;
      question.transcript.message(answer);
      return this.#finish(question, outcome);
    }
    const { emit } = question;
    let silent = true;
    question.transcript = new Transcript((event) => {
      if (!silent) emit(event);
    });
    question.transcript.message(answer);
    question.transcript.decided(call);
    silent = false;
  }

  /** Somebody decided before us. */
  #tooLate(question: Question, decided: { approved: boolean; by: string }): void {
    const how = decided.approved ? "approved" : "denied";
    this.#finish(question, "refused", { message: `That call was ${how} already, by ${decided.by}.` });
  }

  #finish(question: Question, outcome: Outcome, reason: { code?: string; message?: string } = {}): void {
    if (!this.#questions.includes(question)) return;
    this.#questions = this.#questions.filter((other) => other !== question);
    question.asking?.abort();
    question.emit({
      event: "done",
      outcome,
      ...(reason.code ? { code: reason.code } : {}),
      ...(reason.message ? { message: reason.message } : {}),
    });
    question.resolve(outcome);
  }

  #fail(error: Error): void {
    const lost = this.#questions;
    this.#questions = [];
    for (const question of lost) {
      question.asking?.abort();
      question.reject(error);
    }
  }
}

const isOurs = (stream: string, question: Question): boolean =>
  question.id !== null && requestOfStream(stream) === question.id;

/** How an answer ended; null while it has not. */
function outcomeOf(answer: Message): Outcome | null {
  const outcome = answer.metadata?.outcome;
  return outcome === "completed" || outcome === "failed" || outcome === "cancelled" ? outcome : null;
}

/** The assistant's message behind a user's message, if it is there. */
function answerTo(userMessageId: string, messages: readonly Message[]): Message | null {
  const asked = messages.findIndex((message) => message.id === userMessageId);
  const answer = asked < 0 ? undefined : messages.slice(asked + 1).find((message) => message.role !== "user");
  return answer ?? null;
}
