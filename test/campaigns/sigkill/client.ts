/** One person's client in one chat: keeps what was not acknowledged, and sends it again when it is back. */
import { performance } from "node:perf_hooks";
import { z } from "zod";
import type { Outcome } from "../../../src/protocol/message.ts";
import { chatRequest, type Frame, frameOf, NodeWebSocket, streamedText } from "../../support/e2e-socket.ts";
import { type Question, textOfQuestion } from "./questions.ts";

/** A question on its way, as its asker knows it. */
export interface Asked {
  question: Question;
  thread: string;
  request: ReturnType<typeof chatRequest>;
  /** The server said that it keeps it. */
  accepted: boolean;
  /** The asker wanted it stopped. */
  stopped: boolean;
  /** What the asker saw of its end. */
  outcome: Outcome | null;
  /** How often a terminal frame came over one socket for one stream of it. */
  ends: number;
  /** It was sent again over this socket: that gets an answer of its own, even if the turn has just ended. */
  again: boolean;
  /** The text that had streamed over one socket when its terminal frame came; `null` before, or if it came otherwise. */
  seen: string | null;
}

/** Outcomes as terminal frames name them. */
const OUTCOMES: Record<string, Outcome> = { completed: "completed", error: "failed", aborted: "cancelled" };

const answerFrame = z.looseObject({ messageIds: z.array(z.string()).default([]) });
const acceptedFrame = z.looseObject({ messageIds: z.array(z.string()) });

const decidedFrame = z.looseObject({
  toolCallId: z.string(),
  counted: z.boolean(),
  approved: z.boolean(),
});
/** What became of a decision, as whoever made it is told. */
export type Decided = z.infer<typeof decidedFrame>;

const toolChunk = z.looseObject({
  type: z.string(),
  toolCallId: z.string().optional(),
  approvalId: z.string().optional(),
  input: z.looseObject({ path: z.string().optional() }).optional().catch(undefined),
});

export class ThreadClient {
  readonly thread: string;
  readonly asked: Asked[] = [];
  #socket: InstanceType<typeof NodeWebSocket> | null = null;
  #signs: ((at: number) => void)[] = [];
  #dropped: (() => void)[] = [];
  #ended: { one: Asked; resolve(): void }[] = [];
  /** What streamed over this socket, by stream. */
  readonly #streams = new Map<string, { text: string; next: number }>();
  /** Terminal frames over this socket, by stream. */
  readonly #dones = new Map<string, number>();
  /** Calls that wait for a person, and what they are for, as this client was shown them. */
  readonly asks = new Map<string, string>();
  /** Told of each of them once. */
  onAsk: (call: string, path: string) => void = () => {};
  /** Told of what became of a decision that was made over this socket. */
  onDecided: (decided: Decided) => void = () => {};
  readonly #calls = new Map<string, string>();
  /** Calls on which a stream over this socket told that nobody has decided yet. */
  readonly #waiting = new Map<string, Set<string>>();
  /** Sockets that closed while this client wanted them open. */
  drops = 0;

  constructor(thread: string) {
    this.thread = thread;
  }

  /** Whether something was sent whose end this client has not seen. */
  get open(): boolean {
    return this.asked.some((one) => one.outcome === null);
  }

  get unacknowledged(): boolean {
    return this.asked.some((one) => !one.accepted);
  }

  /** Opens the socket and sends again what was not acknowledged. Resolves when it is open, or when that failed. */
  connect(url: string, headers: Record<string, string>): Promise<boolean> {
    const address = `${url.replace(/^http/, "ws")}?client=holdfast`;
    const socket = new NodeWebSocket(address, { headers });
    this.#socket = socket;
    this.#streams.clear();
    this.#dones.clear();
    this.#waiting.clear();
    for (const one of this.asked) {
      one.ends = 0;
      one.again = !one.accepted;
    }
    const opened = Promise.withResolvers<boolean>();
    socket.addEventListener("open", () => {
      for (const one of this.asked) if (!one.accepted) this.#send(one.request.frame);
      opened.resolve(true);
    });
    socket.addEventListener("message", (event) =>
      this.#heard(frameOf(z.object({ data: z.unknown() }).parse(event).data)),
    );
    // The server dies under its clients all the time: that is what this is about.
    socket.addEventListener("error", () => opened.resolve(false));
    socket.addEventListener("close", () => {
      if (this.#socket === socket) {
        this.#socket = null;
        this.drops++;
        for (const told of this.#dropped.splice(0)) told();
      }
      opened.resolve(false);
    });
    return opened.promise;
  }

  ask(question: Question): Asked {
    const request = chatRequest(textOfQuestion(question));
    const one: Asked = {
      question,
      thread: this.thread,
      request,
      accepted: false,
      stopped: false,
      outcome: null,
      ends: 0,
      again: false,
      seen: null,
    };
    this.asked.push(one);
    this.#send(request.frame);
    return one;
  }

  /** Looks on while somebody else's question is answered. Returns what this client sees of it. */
  follow(other: Asked): Asked {
    const one: Asked = { ...other, accepted: true, outcome: null, ends: 0, again: false, seen: null };
    this.asked.push(one);
    return one;
  }

  /** Resolves when this client knows how a question ended. */
  ended(one: Asked): Promise<void> {
    if (one.outcome !== null) return Promise.resolve();
    return new Promise((resolve) => this.#ended.push({ one, resolve }));
  }

  /** Resolves when the socket closes without this client's wish, or has closed. */
  dropped(): Promise<void> {
    if (!this.#socket) return Promise.resolve();
    return new Promise((resolve) => this.#dropped.push(resolve));
  }

  /** Does nothing once the client has left. */
  stop(one: Asked): void {
    if (!this.#socket) return;
    one.stopped = true;
    this.#send({ type: "cf_agent_chat_request_cancel", id: one.request.id });
  }

  /** Decides over this socket on a call that waits. False when the client has left. */
  decide(call: string, approved: boolean, comment: string): boolean {
    if (!this.#socket) return false;
    this.#send({ type: "cf_agent_tool_approval", toolCallId: call, approved, comment });
    return true;
  }

  /** Calls back with the time of the next frame that shows how an unanswered question stands. */
  onSign(told: (at: number) => void): void {
    this.#signs.push(told);
  }

  /** The client goes away: a closed tab, or the server's death. */
  leave(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#signs = [];
  }

  #send(frame: unknown): void {
    try {
      this.#socket?.send(JSON.stringify(frame));
    } catch {
      // The socket is already closing; what was not acknowledged is sent again.
    }
  }

  #heard(frame: Frame): void {
    if (frame.type === "holdfast_accepted") {
      const { messageIds } = acceptedFrame.parse(frame);
      for (const one of this.asked) if (messageIds.includes(one.request.message)) one.accepted = true;
      return;
    }
    if (frame.type === "holdfast_decided") return this.onDecided(decidedFrame.parse(frame));
    if (frame.type === "cf_agent_identity") return;
    if (frame.type === "cf_agent_chat_messages") {
      this.#readTranscript(frame);
      return;
    }
    if (frame.type.startsWith("cf_agent_") || frame.type === "holdfast_refused") this.#sign();
    if (frame.id === undefined) return;
    if (frame.type === "cf_agent_stream_resuming") {
      // Whoever sends a question again may be offered its stream twice: the cursor makes the second offer harmless.
      const after = (this.#streams.get(frame.id)?.next ?? 0) - 1;
      this.#send({ type: "cf_agent_stream_resume_ack", id: frame.id, after });
    }
    if (frame.type !== "cf_agent_use_chat_response") return;
    if (frame.body?.includes('"tool-')) this.#readTool(frame.id, frame.body);
    const { text } = this.#take(frame, frame.id);
    if (frame.done !== true || frame.outcome === "recovering") return;
    // A person has to decide: the stream is over, the turn is not.
    if (this.#waiting.get(frame.id)?.size) return;
    const { messageIds } = answerFrame.parse(frame);
    const times = (this.#dones.get(frame.id) ?? 0) + 1;
    this.#dones.set(frame.id, times);
    for (const one of this.asked) {
      if (!messageIds.includes(one.request.message)) continue;
      // Every request that a turn answers gets a terminal frame of its own; the first is of the stream that ended.
      one.seen ??= text;
      one.ends = Math.max(one.ends, times);
      this.#end(one, OUTCOMES[frame.outcome ?? ""] ?? null);
    }
  }

  /** What has streamed so far, in the order of the stream; what came before is not taken twice. */
  #take(frame: Frame, id: string): { text: string; next: number } {
    const known = this.#streams.get(id) ?? { text: "", next: 0 };
    if (frame.seq === undefined || frame.seq < known.next) return known;
    const hole = frame.seq > known.next ? `[${frame.seq - known.next} frames are missing]` : "";
    const now = { text: known.text + hole + streamedText([frame], id), next: frame.seq + 1 };
    this.#streams.set(id, now);
    return now;
  }

  /** A chunk about a tool call: its arguments, or that it waits for a person. */
  #readTool(stream: string, body: string): void {
    const { type, toolCallId, approvalId, input } = toolChunk.parse(JSON.parse(body));
    const waiting = this.#waiting.get(stream) ?? new Set<string>();
    this.#waiting.set(stream, waiting);
    if (type === "tool-approval-response" && approvalId !== undefined) waiting.delete(approvalId);
    if (toolCallId === undefined) return;
    if (type === "tool-approval-request") waiting.add(toolCallId);
    else waiting.delete(toolCallId);
    if (type === "tool-input-available" && input?.path !== undefined) this.#calls.set(toolCallId, input.path);
    if (type === "tool-approval-request") this.#waits(toolCallId, this.#calls.get(toolCallId));
  }

  #waits(call: string, path: string | undefined): void {
    if (path === undefined || this.asks.has(call)) return;
    this.asks.set(call, path);
    this.onAsk(call, path);
  }

  #end(one: Asked, outcome: Outcome | null): void {
    one.outcome = outcome;
    if (outcome === null) return;
    const over = this.#ended.filter((waiting) => waiting.one === one);
    this.#ended = this.#ended.filter((waiting) => waiting.one !== one);
    for (const { resolve } of over) resolve();
  }

  /** The transcript that a client gets when it connects says what ended while it was away. */
  #readTranscript(frame: Frame): void {
    const { messages } = transcript.parse(frame);
    for (const part of messages.flatMap(({ parts }) => parts)) {
      if (part.state === "approval-requested" && part.toolCallId !== undefined)
        this.#waits(part.toolCallId, part.input?.path);
    }
    messages.forEach((message, i) => {
      const one = this.asked.find(({ request }) => request.message === message.id);
      const outcome = messages[i + 1]?.metadata?.outcome;
      if (one && one.outcome === null && outcome !== undefined) {
        this.#end(one, outcome);
        this.#sign();
      }
      if (one) one.accepted = true;
    });
  }

  #sign(): void {
    const at = performance.now();
    for (const told of this.#signs.splice(0)) told(at);
  }
}

const transcript = z.looseObject({
  messages: z.array(
    z.looseObject({
      id: z.string(),
      parts: z.array(
        z.looseObject({
          state: z.string().optional(),
          toolCallId: z.string().optional(),
          input: z.looseObject({ path: z.string().optional() }).optional().catch(undefined),
        }),
      ),
      metadata: z
        .looseObject({ outcome: z.enum(["completed", "failed", "cancelled"]).optional() })
        .optional(),
    }),
  ),
});
