/** What a turn sees of the world. The shell builds these; tests and replay build others. */
import type { LanguageModelV4FunctionTool } from "@ai-sdk/provider";
import type { ModelPort } from "../../model/port.ts";
import type { ChatPart } from "../../protocol/message.ts";
import type { AgentSettings } from "../../protocol/rpc.ts";
import type { Replay } from "../../tools/tool.ts";
import type { Entry } from "./entries.ts";
import type { State, Turn } from "./state.ts";
import type { LiveStream } from "./stream.ts";

/** What a turn has to know besides the journal. */
export interface TurnSettings {
  agent: AgentSettings;
  /** `provider/model` that this turn uses. */
  model: string;
  userId: string;
  thread: string;
}

export type ToolAnswer = { output: unknown } | { error: { code: string; message: string } };

export interface ToolsPort {
  /** What the model is offered, in a stable order. */
  definitions(): LanguageModelV4FunctionTool[];
  replay(name: string): Replay;
  run(
    call: { id: string; name: string; input: string; key: string },
    signal: AbortSignal,
    progress: (text: string) => void,
  ): Promise<ToolAnswer>;
}

export interface TurnPorts {
  now(): number;
  /** A short id, unique in the thread. */
  id(): string;
  /** 0 to 1, for jitter. */
  random(): number;
  after(ms: number, run: () => void): () => void;

  state(): State;
  /** Writes one commit and folds it. Throws when storage does; then nothing changed. */
  commit(entries: readonly Entry[]): void;

  /** Null while they are unknown or too old; then `loadSettings` is awaited. */
  settings(): TurnSettings | null;
  loadSettings(): Promise<void>;
  model: ModelPort;
  tools: ToolsPort;
  /** The idempotency key of a tool call. Contains the thread, so that a fork's call is another one. */
  toolKey(id: string): string;

  /** Opens the live side of an answer. */
  openStream(id: string, turn: Turn): LiveStream;
  /** A stream is given up because its answer is asked for again; `next` takes its place. */
  streamReplaced(old: LiveStream, next: LiveStream): void;
  /** Keeps the partial answer for readers who come after a restart. */
  savePartial(turn: string, parts: readonly ChatPart[]): void;

  /** A turn has its terminal outcome. `stream` is null when it ended before it began. */
  ended(turn: Turn, stream: LiveStream | null): void;
  /** There is nothing left to do. */
  settled(): void;
  /** The drive stopped on an error that is not the model's or a tool's. The wake will start it again. */
  broke(error: unknown): void;
}
