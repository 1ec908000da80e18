/** A stock chat client, as far as a campaign needs one: it asks, comes back, resumes, and reads the transcript. */
import { performance } from "node:perf_hooks";
import { z } from "zod";
import { chatRequest, type Frame, frameOf, NodeWebSocket } from "../../support/e2e-socket.ts";
import { lastWordOf, type Question, textOf } from "./schedule.ts";

/** Frames that show a person how the answer stands. What only says "connected" or "nothing" does not. */
const SIGNS = new Set([
  "cf_agent_use_chat_response",
  "cf_agent_stream_resuming",
  "cf_agent_stream_pending",
  "cf_agent_chat_recovering",
]);

const list = z.looseObject({
  messages: z.array(
    z.looseObject({
      role: z.string(),
      parts: z.array(z.looseObject({ type: z.string(), text: z.string().optional() })).default([]),
      metadata: z.looseObject({ outcome: z.string().optional() }).optional(),
    }),
  ),
});

export class PeerClient {
  readonly question: Question;
  readonly #url: string;
  readonly #request: ReturnType<typeof chatRequest>;
  #socket: InstanceType<typeof NodeWebSocket> | null = null;
  #onSign: ((at: number) => void) | null = null;
  readonly #transcript = Promise.withResolvers<void>();
  /** The message left this client. */
  asked = false;
  /** It is kept: its first frame came, or it was seen in the transcript. */
  accepted = false;
  /** The newest transcript holds it. */
  kept = false;
  answered = false;
  /** Somebody was shown that it failed. */
  failed = false;

  constructor(question: Question, url: string) {
    this.question = question;
    this.#url = url;
    this.#request = chatRequest(textOf(question));
  }

  get open(): boolean {
    return this.accepted && !this.answered && !this.failed;
  }

  /** Resolves when it is open, or when that failed. A server that dies while it is asked is no surprise. */
  connect(url = this.#url): Promise<boolean> {
    const socket = new NodeWebSocket(url, { headers: {} });
    this.#socket = socket;
    const opened = Promise.withResolvers<boolean>();
    socket.addEventListener("open", () => {
      this.#send({ type: "cf_agent_stream_resume_request" });
      opened.resolve(true);
    });
    socket.addEventListener("message", (event) =>
      this.#heard(frameOf(z.object({ data: z.unknown() }).parse(event).data)),
    );
    socket.addEventListener("error", () => opened.resolve(false));
    socket.addEventListener("close", () => opened.resolve(false));
    return opened.promise;
  }

  ask(): void {
    if (!this.#socket) return;
    this.asked = true;
    this.#send(this.#request.frame);
  }

  onSign(told: (at: number) => void): void {
    this.#onSign = told;
  }

  leave(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#onSign = null;
    socket?.close();
  }

  /** Resolves when a transcript has come over a socket. */
  get transcript(): Promise<void> {
    return this.#transcript.promise;
  }

  /** Takes a transcript, however it came. */
  read(transcript: unknown): void {
    const { messages } = list.parse(transcript);
    const asked = textOf(this.question);
    this.kept = messages.some(
      ({ role, parts }) => role === "user" && parts.some(({ text }) => text?.includes(asked)),
    );
    if (this.kept) this.accepted = true;
    const replies = messages.filter(({ role }) => role === "assistant");
    const word = lastWordOf(this.question);
    if (replies.some(({ parts }) => parts.some(({ text }) => text?.includes(word)))) this.answered = true;
    if (replies.some(({ metadata }) => metadata?.outcome === "failed")) this.failed = true;
  }

  #send(frame: unknown): void {
    try {
      this.#socket?.send(JSON.stringify(frame));
    } catch {
      // The socket is already closing.
    }
  }

  #heard(frame: Frame): void {
    if (frame.type === "cf_agent_chat_messages") {
      this.read(frame);
      this.#transcript.resolve();
    }
    if (frame.type === "cf_agent_stream_resuming" && frame.id !== undefined)
      this.#send({ type: "cf_agent_stream_resume_ack", id: frame.id });
    if (SIGNS.has(frame.type) && frame.recovering !== false) {
      if (frame.id === this.#request.id) this.accepted = true;
      this.#onSign?.(performance.now());
      this.#onSign = null;
    }
    if (frame.type === "cf_agent_use_chat_response" && (frame.error === true || saysError(frame.body)))
      this.failed = true;
  }
}

const saysError = (body: string | undefined): boolean => body?.startsWith('{"type":"error"') === true;
