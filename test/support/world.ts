/**
 * A conversation without a platform: the real state, plan, turn and stream over a virtual clock, a scripted model and
 * scripted tools. A crash throws everything away but the journal.
 */
import type { Entry, InputEntry } from "../../src/actors/conversation/entries.ts";
import type { TurnPorts } from "../../src/actors/conversation/ports.ts";
import { emptyState, reduceAll, type State, type Turn } from "../../src/actors/conversation/state.ts";
import { LiveStream } from "../../src/actors/conversation/stream.ts";
import { transcript } from "../../src/actors/conversation/transcript.ts";
import { Drive } from "../../src/actors/conversation/turn.ts";
import { AppError } from "../../src/errors.ts";
import type { Answer, AnswerDelta, ModelRequest } from "../../src/model/port.ts";
import type { ChatChunk, ChatMessage, ChatPart } from "../../src/protocol/message.ts";
import type { Replay, Risk } from "../../src/tools/tool.ts";

export type ModelScript = (
  request: ModelRequest,
  emit: (delta: AnswerDelta) => void,
  signal: AbortSignal,
) => Promise<Answer>;

export interface FakeTool {
  replay: Replay;
  risk?: Risk;
  run(input: unknown, key: string, signal: AbortSignal): Promise<unknown>;
}

export const answer = (
  text: string,
  tools: { name: string; input: unknown; id?: string }[] = [],
): Answer => ({
  parts: [
    ...(text ? [{ type: "text" as const, text }] : []),
    ...tools.map((tool, i) => ({
      type: "tool" as const,
      id: tool.id ?? `call${i}`,
      name: tool.name,
      input: JSON.stringify(tool.input),
    })),
  ],
  usage: { inputTokens: 10, outputTokens: 5 },
  finish: tools.length > 0 ? "tools" : "stop",
  model: "fake",
  run: "run",
});

/** Says a text word by word, then whatever tools it is given. */
export const says =
  (text: string, tools: Parameters<typeof answer>[1] = []): ModelScript =>
  async (_request, emit) => {
    emit({ type: "began", model: "fake", run: "run" });
    for (const word of text.split(/(?<= )/)) if (word) emit({ type: "text", id: "t", delta: word });
    emit({ type: "block-end", id: "t" });
    return answer(text, tools);
  };

/** A model call that never ends by itself. */
export const hangs = (text = ""): ModelScript => {
  return (_request, emit, signal) =>
    new Promise((_resolve, reject) => {
      if (text) emit({ type: "text", id: "t", delta: text });
      signal.addEventListener("abort", () => reject(new Error("aborted")));
    });
};

interface Timer {
  at: number;
  run: () => void;
  order: number;
}

export class World {
  readonly commits: Entry[][] = [];
  readonly requests: ModelRequest[] = [];
  readonly ended: Turn[] = [];
  readonly streams: { id: string; chunks: ChatChunk[] }[] = [];
  readonly replaced: string[] = [];
  readonly rested: string[] = [];
  readonly parked: number[] = [];
  partial: { turn: string; parts: readonly ChatPart[] } | null = null;
  broken: unknown[] = [];
  settledCount = 0;
  now = 1_700_000_000_000;
  failCommits = 0;
  /** Commits that do not fit into a row. */
  tooLarge: (entries: readonly Entry[]) => boolean = () => false;
  settingsKnown = true;
  /** How many looks at the settings find them older than the tool calls that they should decide on. */
  settingsStale = 0;
  /** The user actor takes the question and never answers. */
  settingsHang = false;
  #models: ModelScript[];
  #tools: Record<string, FakeTool>;
  #state: State = emptyState;
  #timers: Timer[] = [];
  #order = 0;
  #ids = 0;
  #generation = 0;
  drive: Drive;

  constructor(options: { models?: ModelScript[]; tools?: Record<string, FakeTool> } = {}) {
    this.#models = options.models ?? [];
    this.#tools = options.tools ?? {};
    this.drive = new Drive(this.#ports());
  }

  get state(): State {
    return this.#state;
  }

  get entries(): Entry[] {
    return this.commits.flat();
  }

  get kinds(): string[][] {
    return this.commits.map((commit) => commit.map((entry) => entry.kind));
  }

  messages(): ChatMessage[] {
    return transcript(this.#state, { limit: 1000 });
  }

  input(text: string, extra: Partial<InputEntry> = {}): InputEntry {
    const n = ++this.#ids;
    return {
      kind: "input",
      at: this.now,
      turn: `turn${n}`,
      request: `req${n}`,
      keys: [`message:m${n}`],
      source: "chat",
      sender: { id: "alice", name: "alice@example.com" },
      messages: [{ id: `m${n}`, parts: [{ type: "text", text }] }],
      ...extra,
    };
  }

  /** Writes entries that no drive writes. */
  commit(entries: readonly Entry[]): void {
    this.commits.push([...entries]);
    this.#state = reduceAll(this.#state, entries);
  }

  /** Sends a text and lets the world run until nothing is left to do. */
  async say(text: string, extra: Partial<InputEntry> = {}): Promise<void> {
    this.drive.accept(this.input(text, extra));
    await this.settle();
  }

  /** Runs timers and promises until the drive rests. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 20; ) {
      await Promise.resolve();
      await new Promise((resolve) => setImmediate(resolve));
      const timer = this.drive.running ? this.#next() : undefined;
      if (timer) {
        this.now = Math.max(this.now, timer.at);
        timer.run();
        quiet = 0;
      } else quiet++;
      if (!this.drive.running && quiet > 2) return;
    }
  }

  /** Lets the next timer fire, and what follows from it. */
  async settleOnce(): Promise<void> {
    const timer = this.#next();
    if (timer) {
      this.now = Math.max(this.now, timer.at);
      timer.run();
    }
    await this.breathe();
  }

  /** Lets time pass. */
  async advance(ms: number): Promise<void> {
    const until = this.now + ms;
    for (;;) {
      const timer = this.#next();
      if (!timer) break;
      if (timer.at > until) {
        this.#timers.push(timer);
        break;
      }
      this.now = Math.max(this.now, timer.at);
      timer.run();
      await this.breathe();
    }
    this.now = until;
  }

  /** Lets promises run, but no time pass. */
  async breathe(): Promise<void> {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** The process dies: memory is gone, the journal stays. */
  crash(): void {
    this.#generation++;
    this.#timers = [];
    this.#state = reduceAll(emptyState, this.entries);
    this.drive = new Drive(this.#ports());
  }

  #next(): Timer | undefined {
    this.#timers.sort((a, b) => a.at - b.at || a.order - b.order);
    return this.#timers.shift();
  }

  #ports(): TurnPorts {
    const generation = this.#generation;
    const alive = () => generation === this.#generation;
    const world = this;
    return {
      now: () => this.now,
      id: () => `id${++this.#ids}`,
      random: () => 0.5,
      after: (ms, run) => {
        const timer: Timer = { at: this.now + ms, run: () => alive() && run(), order: this.#order++ };
        this.#timers.push(timer);
        return () => {
          this.#timers = this.#timers.filter((other) => other !== timer);
        };
      },
      state: () => this.#state,
      commit: (entries) => {
        if (!alive()) throw new Error("a dead process cannot write");
        if (this.failCommits > 0) {
          this.failCommits--;
          throw new Error("the disk is full");
        }
        if (this.tooLarge(entries)) throw new AppError("message_too_large", "too large");
        this.commits.push([...entries]);
        this.#state = reduceAll(this.#state, entries);
      },
      settings: (since) =>
        this.settingsKnown && !(since !== undefined && this.settingsStale-- > 0)
          ? {
              agent: {
                name: "Tide",
                instructions: "",
                model: "",
                timeZone: "UTC",
                toolRisks: {},
                version: 1,
              },
              model: "fake/model",
              compactModel: "",
              userId: "alice",
              thread: "main",
            }
          : null,
      loadSettings: async () => {
        if (this.settingsHang) await new Promise(() => {});
        this.settingsKnown = true;
      },
      model: {
        async call(request, emit, signal) {
          world.requests.push(request);
          const script = world.#models.shift();
          if (!script) throw new Error("the model's script is at its end");
          return script(request, (delta) => alive() && emit(delta), signal);
        },
      },
      tools: {
        risk: (name) => this.#tools[name]?.risk ?? "auto",
        definitions: () =>
          Object.keys(this.#tools).map((name) => ({
            type: "function",
            name,
            inputSchema: { type: "object" },
          })),
        replay: (name) => this.#tools[name]?.replay ?? "safe",
        run: async (call, signal) => {
          const tool = this.#tools[call.name];
          if (!tool) return { error: { code: "not_found", message: `no tool ${call.name}` } };
          try {
            return { output: await tool.run(JSON.parse(call.input), call.key, signal) };
          } catch (error) {
            return { error: { code: "internal", message: String(error) } };
          }
        },
      },
      reserve: (_state, request) => ({ ok: true, micros: 0, maxOutputTokens: request.maxOutputTokens }),
      lease: async () => null,
      price: () => 0,
      toolKey: (id) => `alice.main:${id}`,
      openStream: (id, turn) => {
        const stream: { id: string; chunks: ChatChunk[] } = { id, chunks: [] };
        this.streams.push(stream);
        return new LiveStream(id, turn, {
          windowMs: 33,
          windowBytes: 16_384,
          after: (ms, run) => {
            const timer: Timer = { at: this.now + ms, run: () => alive() && run(), order: this.#order++ };
            this.#timers.push(timer);
            return () => {
              this.#timers = this.#timers.filter((other) => other !== timer);
            };
          },
          sink: (_seq, body) => alive() && stream.chunks.push(JSON.parse(body) as ChatChunk),
        });
      },
      streamReplaced: (old, next) => this.replaced.push(`${old} → ${next}`),
      savePartial: (turn, parts) => {
        this.partial = { turn, parts };
      },
      ended: (turn) => this.ended.push(turn),
      rested: (turn) => this.rested.push(turn.id),
      parked: (until) => this.parked.push(until),
      settled: () => {
        this.settledCount++;
      },
      broke: (error) => alive() && this.broken.push(error),
    };
  }
}

/** The text of a message's parts, tool parts as `[name:state]`. */
export function plain(message: ChatMessage | undefined): string {
  if (!message) return "(none)";
  return message.parts
    .map((part) => {
      if (part.type === "text") return part.text;
      if (part.type.startsWith("tool-") && "state" in part) return `[${part.type.slice(5)}:${part.state}]`;
      return "";
    })
    .join("");
}
