/**
 * The live side of one answer: deltas in, chunks out. Text is joined into at most one chunk per window (the first
 * goes at once), every chunk has a number, and all of them are kept, so that a client can resume behind any of them.
 */
import type { Answer, AnswerDelta, AnswerPart } from "../../model/port.ts";
import type { ChatChunk, ChatPart, MessageMetadata } from "../../protocol/message.ts";
import type { Ask, Round, ToolRun, Turn } from "./state.ts";
import { answerId } from "./state.ts";
import { failureText, inputOf, isRefusal, joinedAt, metadataOf } from "./transcript.ts";

export interface StreamOptions {
  windowMs: number;
  windowBytes: number;
  /** Calls back after a time, in milliseconds; returns how to take it back. */
  after(ms: number, run: () => void): () => void;
  /** A chunk is ready: its number and its JSON. */
  sink(seq: number, body: string): void;
}

type Block = { kind: "text" | "reasoning"; id: string } | { kind: "tool"; id: string };

export class LiveStream {
  /** What clients know the stream by: the request's id, with a suffix after a retry. */
  readonly id: string;
  readonly turn: string;
  readonly #options: StreamOptions;
  readonly #bodies: string[] = [];
  /** Parts of the round that is being said, as far as it got. */
  #parts: AnswerPart[] = [];
  #blocks = new Map<string, AnswerPart>();
  #openBlock: Block | null = null;
  #pending = "";
  #cancelWindow: (() => void) | null = null;
  #fresh = 0;
  #round = 0;
  #model = "";

  constructor(id: string, turn: Turn, options: StreamOptions) {
    this.id = id;
    this.turn = turn.id;
    this.#options = options;
    this.#send({ type: "start", messageId: answerId(turn.id), messageMetadata: metadataOf(turn) });
    for (const round of turn.rounds) {
      this.startRound(round.round, joinedAt(turn, round.round));
      this.#replay(round.parts);
      // One that was decided is told by what came of it: a client that knows no decisions would ask again.
      for (const ask of round.asks) if (!ask.decision) this.asked(ask);
      for (const tool of round.tools) if (!isUntold(round, turn, tool)) this.toolDone(tool);
    }
    this.#fresh = this.#bodies.length;
    for (const round of turn.rounds)
      for (const tool of round.tools) if (isUntold(round, turn, tool)) this.toolDone(tool);
  }

  /** Chunks from `from` on, as JSON. */
  bodies(from: number): readonly string[] {
    return this.#bodies.slice(from);
  }

  /** Number of the first chunk that is new to a client which saw the turn wait, and the decision. */
  get fresh(): number {
    return this.#fresh;
  }

  /** The model that is answering, as it named itself; empty until it began. */
  get model(): string {
    return this.#model;
  }

  /** Whether the running round has shown anything. */
  get hasPartial(): boolean {
    return this.#parts.length > 0;
  }

  /** `joined`: messages that came while the turn ran and that the round's call reads. */
  startRound(round: number, joined: readonly string[]): void {
    this.#round = round;
    this.#forgetRound();
    if (round > 0) this.#send({ type: "finish-step" });
    if (joined.length > 0) this.#send({ type: "data-joined", data: { messageIds: [...joined] } });
    this.#send({ type: "start-step" });
  }

  /** A call waits for a person. */
  asked(ask: Ask): void {
    this.#send({
      type: "tool-approval-request",
      approvalId: ask.id,
      toolCallId: ask.id,
      approvalDescriptor: { expiresAt: ask.expiresAt },
    });
  }

  /** A person decided on a call while others of its round ran. */
  decided(ask: Ask): void {
    if (!ask.decision) return;
    const { approved, comment } = ask.decision;
    const reason = comment ? { reason: comment } : {};
    this.#send({ type: "tool-approval-response", approvalId: ask.id, approved, ...reason });
  }

  delta(delta: AnswerDelta): void {
    switch (delta.type) {
      case "text":
      case "reasoning":
        return this.#say({ kind: delta.type, id: delta.id }, delta.delta);
      case "tool-input":
        return this.#toolInput(delta.id, delta.name, delta.delta);
      case "block-end":
        return this.#closeBlock();
      case "began":
        this.#model = delta.model;
        return;
    }
  }

  /** The round's answer is whole: what was not streamed is sent now, and the tool calls with their inputs. */
  answered(answer: Answer): void {
    this.#closeBlock();
    const streamed = this.#parts.some((part) => part.type === "text" && part.text !== "");
    for (const [i, part] of answer.parts.entries()) {
      if (part.type === "tool") this.#toolAsked(part);
      else if (part.type === "text" && !streamed) this.#sayWhole(`whole${i}`, part.text);
    }
  }

  /** Progress of a running tool: shown on its card, not kept. */
  progress(toolCallId: string, text: string): void {
    this.#send({ type: "tool-output-available", toolCallId, output: { progress: text }, preliminary: true });
  }

  toolDone(tool: Pick<ToolRun, "id" | "result">): void {
    if (!tool.result) return;
    if (isRefusal(tool.result)) this.#send({ type: "tool-output-denied", toolCallId: tool.id });
    else if (tool.result.error || tool.result.interrupted) {
      this.#send({ type: "tool-output-error", toolCallId: tool.id, errorText: failureText(tool.result) });
    } else {
      this.#send({ type: "tool-output-available", toolCallId: tool.id, output: tool.result.output ?? null });
    }
  }

  /** The last chunks. Afterwards nothing more is sent. */
  finish(metadata: MessageMetadata): void {
    this.#closeBlock();
    this.#send({ type: "finish-step" });
    this.#send({ type: "finish", messageMetadata: metadata });
  }

  /** Stops the timer; for a stream that is given up. */
  close(): void {
    this.#cancelWindow?.();
    this.#cancelWindow = null;
  }

  /** What was said of the running round, without tool calls: those have no intent yet. */
  said(): AnswerPart[] {
    this.#flush();
    return this.#parts.filter((part) => part.type !== "tool").map((part) => ({ ...part }));
  }

  /** The same, as parts of a message that is still being written. */
  partial(): ChatPart[] {
    return this.said().flatMap((part): ChatPart[] =>
      part.type === "text" || part.type === "reasoning"
        ? [{ type: part.type, text: part.text, state: "streaming" }]
        : [],
    );
  }

  #send(chunk: ChatChunk): void {
    const body = JSON.stringify(chunk);
    this.#bodies.push(body);
    this.#options.sink(this.#bodies.length - 1, body);
  }

  #forgetRound(): void {
    this.#closeBlock();
    this.#parts = [];
    this.#blocks = new Map();
  }

  #say(block: Extract<Block, { kind: "text" | "reasoning" }>, delta: string): void {
    if (delta === "") return;
    if (this.#openBlock?.kind !== block.kind || this.#openBlock.id !== block.id) {
      this.#closeBlock();
      this.#openBlock = block;
      const part: AnswerPart = { type: block.kind, text: "" };
      this.#parts.push(part);
      this.#blocks.set(blockKey(block), part);
      this.#send({ type: `${block.kind}-start`, id: this.#chunkId(block) });
    }
    const part = this.#blocks.get(blockKey(block));
    if (part && part.type !== "tool") part.text += delta;
    this.#queue(delta);
  }

  #toolInput(id: string, name: string, delta: string): void {
    if (this.#openBlock?.kind !== "tool" || this.#openBlock.id !== id) {
      this.#closeBlock();
      this.#openBlock = { kind: "tool", id };
      if (!this.#blocks.has(`tool:${id}`)) {
        const part: AnswerPart = { type: "tool", id, name, input: "" };
        this.#parts.push(part);
        this.#blocks.set(`tool:${id}`, part);
        this.#send({ type: "tool-input-start", toolCallId: id, toolName: name });
      }
    }
    if (delta !== "") this.#queue(delta);
  }

  /** Joins a delta to the waiting text. The first one after a pause goes at once and opens a window. */
  #queue(delta: string): void {
    this.#pending += delta;
    if (this.#cancelWindow === null || this.#pending.length >= this.#options.windowBytes) this.#flush();
    if (this.#cancelWindow === null) this.#openWindow();
  }

  #openWindow(): void {
    this.#cancelWindow = this.#options.after(this.#options.windowMs, () => {
      this.#cancelWindow = null;
      if (this.#pending === "") return;
      this.#flush();
      this.#openWindow();
    });
  }

  #flush(): void {
    const block = this.#openBlock;
    const text = this.#pending;
    if (text === "" || !block) return;
    this.#pending = "";
    if (block.kind === "tool") {
      this.#send({ type: "tool-input-delta", toolCallId: block.id, inputTextDelta: text });
    } else {
      this.#send({ type: `${block.kind}-delta`, id: this.#chunkId(block), delta: text });
    }
  }

  #closeBlock(): void {
    this.#flush();
    const block = this.#openBlock;
    this.#openBlock = null;
    if (block && block.kind !== "tool") this.#send({ type: `${block.kind}-end`, id: this.#chunkId(block) });
  }

  #chunkId(block: Extract<Block, { kind: "text" | "reasoning" }>): string {
    return `${this.#round}-${block.kind}-${block.id}`;
  }

  #sayWhole(id: string, text: string): void {
    if (text === "") return;
    this.#say({ kind: "text", id }, text);
    this.#closeBlock();
  }

  #toolAsked(part: Extract<AnswerPart, { type: "tool" }>): void {
    if (!this.#blocks.has(`tool:${part.id}`)) this.#toolInput(part.id, part.name, "");
    this.#closeBlock();
    this.#send({
      type: "tool-input-available",
      toolCallId: part.id,
      toolName: part.name,
      input: inputOf(part.input),
    });
  }

  /** A round that is already in the journal, for a stream that begins in the middle of a turn. */
  #replay(parts: readonly AnswerPart[]): void {
    for (const [i, part] of parts.entries()) {
      if (part.type === "tool") this.#toolAsked(part);
      else if (part.text !== "") {
        this.#say({ kind: part.type, id: `kept${i}` }, part.text);
        this.#closeBlock();
      }
    }
  }
}

/** A refusal is written when the turn goes on: who saw it wait knows the decision, and not yet what came of it. */
const isUntold = (round: Round, turn: Turn, tool: ToolRun): boolean =>
  round === turn.rounds.at(-1) && tool.result !== null && isRefusal(tool.result);

const blockKey = (block: Block): string => `${block.kind}:${block.id}`;
