/**
 * One chat over its WebSocket. A question is asked once and answered once, however often the connection breaks in
 * between: after every reconnect the same request is sent again, and the server counts it once.
 */

import { requestOfStream } from "../../../src/protocol/frames.ts";
import { CommandError, EXIT } from "../command.ts";
import type { ChatEvent, Outcome } from "./events.ts";
import { type Frame, type Message, parseChunk, parseFrame } from "./frames.ts";
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

interface Question {
  /** Request id; streams that answer it are named by it (`requestOfStream`). */
  id: string;
  messageId: string;
  frame: string;
  transcript: Transcript;
  /** The last number seen of each stream on this connection, to resume behind it. */
  seen: Map<string, number>;
  emit(event: ChatEvent): void;
  resolve(outcome: Outcome): void;
  reject(error: Error): void;
  refusal: { code: string; message: string } | null;
}

export class ChatSession {
  readonly #options: SessionOptions;
  #socket: Socket | null = null;
  #open = false;
  #question: Question | null = null;
  #lostAt: number | null = null;
  #waitMs = RECONNECT_MS;
  #stopWaiting: (() => void) | null = null;
  #closed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /**
   * Asks and resolves with the outcome, after the `done` event. Rejects when the server cannot be reached or will not
   * talk to us. One question at a time.
   */
  ask(text: string, emit: (event: ChatEvent) => void): Promise<Outcome> {
    if (this.#question) throw new Error("A question is being answered already.");
    const id = this.#options.id();
    const messageId = this.#options.id();
    const message = { id: messageId, role: "user", parts: [{ type: "text", text }] };
    const body = JSON.stringify({ messages: [message], trigger: "submit-message" });
    const frame = JSON.stringify({ type: "cf_agent_use_chat_request", id, init: { method: "POST", body } });
    return new Promise((resolve, reject) => {
      const transcript = new Transcript(emit);
      this.#question = {
        id,
        messageId,
        frame,
        transcript,
        seen: new Map(),
        emit,
        resolve,
        reject,
        refusal: null,
      };
      if (this.#open) this.#socket?.send(frame);
      else if (!this.#socket) this.#connect();
    });
  }

  /** Stops the answer that is being made; `ask` then resolves with `cancelled`. False when there is none. */
  cancel(): boolean {
    if (!this.#question || !this.#open) return false;
    this.#socket?.send(JSON.stringify({ type: "cf_agent_chat_request_cancel", id: this.#question.id }));
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#stopWaiting?.();
    this.#socket?.close(1000);
  }

  #connect(): void {
    const socket = this.#options.connect();
    this.#socket = socket;
    socket.onopen = () => {
      this.#open = true;
      this.#lostAt = null;
      this.#waitMs = RECONNECT_MS;
      if (this.#question) socket.send(this.#question.frame);
    };
    socket.onmessage = ({ data }) => {
      const frame = typeof data === "string" ? parseFrame(data) : null;
      if (frame && this.#question) this.#receive(frame, this.#question);
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
    this.#socket = null;
    this.#open = false;
    const question = this.#question;
    if (this.#closed || !question) return;
    // A server that was started again numbers its streams from the beginning: ask for everything, print what is new.
    question.seen.clear();
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
    if (hadOpened) question.emit({ event: "reconnecting" });
    this.#stopWaiting = this.#options.after(this.#waitMs, () => {
      if (!this.#closed) this.#connect();
    });
    this.#waitMs = Math.min(this.#waitMs * 2, RECONNECT_MAX_MS);
  }

  #receive(frame: Frame, question: Question): void {
    switch (frame.type) {
      case "holdfast_accepted":
        if (frame.id === question.id) question.emit({ event: "accepted", queued: frame.queued });
        return;
      case "holdfast_refused":
        if (frame.id === question.id) question.refusal = frame;
        return;
      case "holdfast_error":
        return this.#finish("failed", frame);
      case "cf_agent_stream_resuming":
        if (!isOurs(frame.id, question)) return;
        this.#socket?.send(
          JSON.stringify({
            type: "cf_agent_stream_resume_ack",
            id: frame.id,
            after: question.seen.get(frame.id) ?? -1,
          }),
        );
        return;
      case "cf_agent_chat_messages": {
        const answer = answerTo(question.messageId, frame.messages);
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
    if (question.refusal) return this.#finish("refused", question.refusal);
    if (frame.error || frame.outcome === "error") return this.#finish("failed", { message: frame.body });
    this.#finish(frame.outcome === "aborted" ? "cancelled" : "completed");
  }

  #finish(outcome: Outcome, reason: { code?: string; message?: string } = {}): void {
    const question = this.#question;
    if (!question) return;
    this.#question = null;
    question.emit({
      event: "done",
      outcome,
      ...(reason.code ? { code: reason.code } : {}),
      ...(reason.message ? { message: reason.message } : {}),
    });
    question.resolve(outcome);
  }

  #fail(error: Error): void {
    const question = this.#question;
    this.#question = null;
    question?.reject(error);
  }
}

const isOurs = (stream: string, question: Question): boolean => requestOfStream(stream) === question.id;

/** The assistant's message behind a user's message, if it is there. */
function answerTo(userMessageId: string, messages: readonly Message[]): Message | null {
  const asked = messages.findIndex((message) => message.id === userMessageId);
  const answer = asked < 0 ? undefined : messages.slice(asked + 1).find((message) => message.role !== "user");
  return answer ?? null;
}
