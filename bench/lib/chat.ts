/**
 * One chat client: a stock one, which posts its whole list of messages, or the raw object's. Reads as little of a
 * frame as it needs while the clock runs.
 */
import { z } from "zod";

/** How long a turn may take before the bench gives up on a peer. */
const TURN_TIMEOUT_MS = 120_000;

const response = z.object({
  id: z.string(),
  body: z.string(),
  done: z.boolean(),
  error: z.boolean().optional(),
});
const chunk = z.object({
  type: z.string(),
  delta: z.string().optional(),
  messageId: z.string().optional(),
  errorText: z.string().optional(),
});

interface Message {
  id: string;
  role: string;
  parts: { type: "text"; text: string }[];
}

interface Running {
  id: string;
  startedAt: number;
  firstAt: number;
  frames: string[];
  done(endedAt: number): void;
  failed(error: Error): void;
}

export class Chat {
  readonly #socket: WebSocket;
  readonly #raw: boolean;
  #messages: Message[] = [];
  #running: Running | null = null;
  #serial = 0;
  #sawTranscript: () => void = () => {};
  /** Resolves when the actor has sent its transcript. */
  readonly transcript: Promise<void>;

  private constructor(socket: WebSocket, raw: boolean) {
    this.#socket = socket;
    this.#raw = raw;
    this.transcript = new Promise((resolve) => {
      this.#sawTranscript = resolve;
    });
    socket.addEventListener("message", (event) => this.#frame(String(event.data)));
    socket.addEventListener("close", () =>
      this.#running?.failed(new Error("the socket was closed in a turn")),
    );
  }

  static open(url: string, raw: boolean): Promise<Chat> {
    const socket = new WebSocket(url);
    const chat = new Chat(socket, raw);
    return new Promise((resolve, reject) => {
      socket.addEventListener("open", () => resolve(chat), { once: true });
      socket.addEventListener("error", () => reject(new Error(`no socket at ${url}`)), { once: true });
    });
  }

  close(): void {
    this.#socket.close(1000);
  }

  /** Asks and waits for the end. `startedAt` lets a cold start count from before the connection. */
  async turn(text: string, window: boolean, startedAt?: number): Promise<{ first: number; whole: number }> {
    const id = `r${crypto.randomUUID().slice(0, 12)}-${this.#serial++}`;
    const question: Message = { id: `m${id}`, role: "user", parts: [{ type: "text", text }] };
    this.#messages = window ? [question] : [...this.#messages, question];
    const frame = this.#raw
      ? JSON.stringify({ id, text })
      : JSON.stringify({
          type: "cf_agent_use_chat_request",
          id,
          init: {
            method: "POST",
            body: JSON.stringify({ messages: this.#messages, trigger: "submit-message" }),
          },
        });
    const asked = performance.now();
    const running: Running = {
      id,
      startedAt: startedAt ?? asked,
      firstAt: 0,
      frames: [],
      done: () => {},
      failed: () => {},
    };
    const ended = new Promise<number>((resolve, reject) => {
      running.done = resolve;
      running.failed = reject;
    });
    this.#running = running;
    const timer = setTimeout(() => running.failed(new Error("a turn did not end")), TURN_TIMEOUT_MS);
    this.#socket.send(frame);
    const endedAt = await ended.finally(() => {
      clearTimeout(timer);
      this.#running = null;
    });
    this.#remember(running, text);
    return { first: running.firstAt - running.startedAt, whole: endedAt - running.startedAt };
  }

  #frame(data: string): void {
    const running = this.#running;
    if (
      running &&
      data.includes(running.id) &&
      /"type":"(?:text-delta|end|cf_agent_use_chat_response)"/.test(data)
    ) {
      if (running.firstAt === 0 && data.includes("text-delta")) running.firstAt = performance.now();
      running.frames.push(data);
      if (data.includes('"done":true')) running.done(performance.now());
      return;
    }
    if (data.includes('"cf_agent_chat_messages"')) this.#sawTranscript();
  }

  /** Checks that the whole answer came, and keeps it as a stock client does. */
  #remember(running: Running, question: string): void {
    const tokens = Number(question.split(":")[1]);
    let text = "";
    let id = `a${running.id}`;
    for (const data of running.frames) {
      const frame: unknown = JSON.parse(data);
      const parsed = this.#raw ? null : response.parse(frame);
      if (parsed?.error) throw new Error(`the turn failed: ${parsed.body}`);
      if (parsed && parsed.body === "") continue;
      const part = chunk.parse(parsed ? JSON.parse(parsed.body) : frame);
      if (part.type === "error") throw new Error(`the turn failed: ${part.errorText}`);
      if (part.type === "text-delta") text += part.delta ?? "";
      if (part.messageId) id = part.messageId;
    }
    const words = text.split(" ").length - 1;
    if (words !== tokens) throw new Error(`${words} of ${tokens} tokens came`);
    this.#messages = [...this.#messages, { id, role: "assistant", parts: [{ type: "text", text }] }];
  }
}
