/** A browser for tests: a clock that moves by hand, sockets that are scripted, storage that tabs share. */

import type { Platform, SocketLike, TextStore } from "../../../src/console/app/platform.ts";
import { PING, PONG } from "../../../src/protocol/frames.ts";

/** One socket as the server sees it. */
export class FakeSocket implements SocketLike {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly path: string;
  /** Everything that the client sent, as objects, without pings. */
  readonly sent: Record<string, unknown>[] = [];
  pings = 0;
  closedByClient = false;
  /** Answers pings by itself, like the platform does. */
  answersPings = true;

  constructor(path: string) {
    this.path = path;
  }
  send(text: string): void {
    if (text === PING) {
      this.pings += 1;
      if (this.answersPings) this.onmessage?.({ data: PONG });
      return;
    }
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.closedByClient = true;
  }
  // --- the server's side ---
  open(): void {
    this.onopen?.();
  }
  frame(frame: Record<string, unknown>): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  drop(code = 1006, reason = ""): void {
    this.onclose?.({ code, reason });
  }
  /** The frames of a type, oldest first. */
  sentOf(type: string): Record<string, unknown>[] {
    return this.sent.filter((frame) => frame.type === type);
  }
}

/** Storage that several tabs share: a change in one is heard by the others. */
export class SharedStorage {
  readonly values = new Map<string, string>();
  readonly #tabs = new Set<{ listeners: Set<(key: string, value: string | null) => void> }>();

  tab(): TextStore {
    const me = { listeners: new Set<(key: string, value: string | null) => void>() };
    this.#tabs.add(me);
    const tell = (key: string, value: string | null) => {
      for (const tab of this.#tabs)
        if (tab !== me) for (const listener of tab.listeners) listener(key, value);
    };
    return {
      get: (key) => this.values.get(key) ?? null,
      set: (key, value) => {
        this.values.set(key, value);
        tell(key, value);
      },
      remove: (key) => {
        if (this.values.delete(key)) tell(key, null);
      },
      keys: (prefix) => [...this.values.keys()].filter((key) => key.startsWith(prefix)),
      onChange: (listener) => {
        me.listeners.add(listener);
        return () => me.listeners.delete(listener);
      },
    };
  }
}

export class FakePlatform implements Platform {
  readonly sockets: FakeSocket[] = [];
  readonly storage: TextStore;
  /** Set by tests that call the HTTP API. */
  respond: (path: string, init?: RequestInit) => Response | Promise<Response> = () => {
    throw new Error("This test expects no HTTP call.");
  };
  readonly #prefix: string;
  #now = 1_700_000_000_000;
  #ids = 0;
  #timers: { at: number; order: number; run: () => void }[] = [];
  #timerOrder = 0;
  readonly #wakes = new Set<() => void>();
  readonly #offlines = new Set<() => void>();

  /** `name` tells the tabs' ids apart. */
  constructor(storage: SharedStorage = new SharedStorage(), name = "a") {
    this.storage = storage.tab();
    this.#prefix = name;
  }
  now(): number {
    return this.#now;
  }
  random(): number {
    return 0.5;
  }
  id(prefix: string): string {
    this.#ids += 1;
    return `${prefix}${this.#prefix}${String(this.#ids).padStart(4, "0")}`;
  }
  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, order: this.#timerOrder++, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((known) => known !== timer);
    };
  }
  onWake(callback: () => void): () => void {
    this.#wakes.add(callback);
    return () => this.#wakes.delete(callback);
  }
  onOffline(callback: () => void): () => void {
    this.#offlines.add(callback);
    return () => this.#offlines.delete(callback);
  }
  online(): boolean {
    return true;
  }
  socket(path: string): FakeSocket {
    const socket = new FakeSocket(path);
    this.sockets.push(socket);
    return socket;
  }
  fetch(path: string, init?: RequestInit): Promise<Response> {
    return Promise.resolve().then(() => this.respond(path, init));
  }
  // --- for the test ---
  /** Moves the clock and runs what is due, in order; microtasks run in between. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      const due = this.#timers
        .filter((timer) => timer.at <= until)
        .sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (!due) break;
      this.#now = due.at;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      due.run();
      await settle();
    }
    this.#now = until;
    await settle();
  }
  wake(): void {
    for (const callback of this.#wakes) callback();
  }
  goOffline(): void {
    for (const callback of this.#offlines) callback();
  }
  /** Callbacks that the browser still holds. */
  get listening(): number {
    return this.#wakes.size + this.#offlines.size;
  }
  /** Timers that are armed. */
  get pending(): number {
    return this.#timers.length;
  }
  get newest(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("No socket was opened.");
    return socket;
  }
}

/** Lets promises that are already settled run their continuations. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** A user message as the server lists it. */
export const userMessage = (id: string, text: string) => ({
  id,
  role: "user",
  parts: [{ type: "text", text }],
  metadata: { createdAt: 1 },
});

/** An answer as the server lists it. */
export const answerMessage = (id: string, text: string) => ({
  id,
  role: "assistant",
  parts: [{ type: "step-start" }, { type: "text", text, state: "done" }],
  metadata: { createdAt: 1, model: "demo", outcome: "completed" },
});

/** A live or replayed chunk of a stream. */
export const chunkFrame = (id: string, seq: number, chunk: Record<string, unknown>, replay = false) => ({
  type: "cf_agent_use_chat_response",
  id,
  body: JSON.stringify(chunk),
  done: false,
  seq,
  ...(replay && { replay: true }),
});

export const doneFrame = (id: string, outcome = "completed") => ({
  type: "cf_agent_use_chat_response",
  id,
  body: "",
  done: true,
  outcome,
});
