/** What a turn sees of the world. The shell builds these; tests and replay build others. */
import type { LanguageModelV4FunctionTool } from "@ai-sdk/provider";
import type { ModelPort, ModelRequest } from "../../model/port.ts";
import type { ChatPart, Usage } from "../../protocol/message.ts";
import type { AgentSettings } from "../../protocol/rpc.ts";
import type { Replay, Risk } from "../../tools/tool.ts";
import type { Entry, LeaseEntry, ReleaseEntry } from "./entries.ts";
import type { State, Turn } from "./state.ts";
import type { LiveStream } from "./stream.ts";

/** What a turn has to know besides the journal. */
export interface TurnSettings {
  agent: AgentSettings;
  /** `provider/model` that this turn uses. */
  model: string;
  /** The deployment's choice for summaries; without one the agent's own model writes them. */
  compactModel: string;
  userId: string;
  thread: string;
}

export type ToolAnswer = { output: unknown } | { error: { code: string; message: string } };

/** Whether a call may be paid for, and how much of its output. Money in micro-dollars. */
export type Reserved =
  | { ok: true; micros: number; tokens?: number; maxOutputTokens: number }
  | { ok: false; needs: "lease" }
  | { ok: false; needs: "refusal"; error: { code: string; message: string } };

export interface ToolsPort {
  /** What the model is offered, in a stable order: all but those that the owner denies. */
  definitions(agent: AgentSettings): readonly LanguageModelV4FunctionTool[];
  /** What has to happen before a tool runs. */
  risk(name: string, agent: AgentSettings): Risk;
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

  /** The chat is made for one question and not gone on with: it is not summed up, and keeps no money. */
  readonly transient?: boolean;
  state(): State;
  /** Writes one commit and folds it. Throws when storage does; then nothing changed. */
  commit(entries: readonly Entry[]): void;

  /** Null while they are unknown, too old, or were fetched before `since`; then `loadSettings` is awaited. */
  settings(since?: number): TurnSettings | null;
  loadSettings(): Promise<void>;
  model: ModelPort;
  tools: ToolsPort;
  /** The idempotency key of a tool call. Contains the thread, so that a fork's call is another one. */
  toolKey(id: string): string;

  /** Whether what is leased covers a call's worst case. Synchronous: the call's entry holds the reservation. */
  reserve(state: State, request: ModelRequest): Reserved;
  /**
   * Asks the user's purse. Null when it refused; then `reserve` says why. A `release` when the purse knows better what
   * the chat holds: then it is asked again.
   */
  lease(request: ModelRequest): Promise<LeaseEntry | ReleaseEntry | null>;
  /** What a finished call cost, in micro-dollars; 0 for a free model. `answeredBy`: the model that the answer names. */
  price(model: string, usage: Usage, answeredBy?: string): number;

  /** Opens the live side of an answer. `again`: readers knew an earlier stream of the turn, which is gone. */
  openStream(id: string, turn: Turn, again: boolean): LiveStream;
  /** A stream is given up because its answer is asked for again; `next`, opened right after, takes its place. */
  streamReplaced(old: string, next: string): void;
  /** Keeps the partial answer for readers who come after a restart. */
  savePartial(turn: string, parts: readonly ChatPart[]): void;

  /** A turn has its terminal outcome. `stream` is null when it ended before it began. */
  ended(turn: Turn, stream: LiveStream | null): void;
  /** A turn waits for a person's decision, and its stream is over for now. */
  rested(turn: Turn, stream: LiveStream): void;
  /** Nothing can be done before `until` unless somebody decides; the object may sleep. */
  parked(until: number): void;
  /** There is nothing left to do. */
  settled(): void;
  /** The drive stopped on an error that is not the model's or a tool's. The wake will start it again. */
  broke(error: unknown): void;
}
