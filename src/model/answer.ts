/** From the parts that a provider package streams to one answer, told delta by delta. */
import type { LanguageModelV4StreamPart, SharedV4ProviderMetadata } from "@ai-sdk/provider";
import { limits } from "../limits.ts";
import { ModelError } from "./errors.ts";
import type { Answer, AnswerDelta, AnswerPart, ModelRequest } from "./port.ts";

/** Reads the parts of one answer, telling each to `emit` as it comes. Once the signal aborts, nothing is told. */
export async function readAnswer(
  stream: ReadableStream<LanguageModelV4StreamPart>,
  request: ModelRequest,
  emit: (delta: AnswerDelta) => void,
  signal: AbortSignal,
): Promise<Answer> {
  const reading = new AnswerReader(request.model, emit);
  for await (const part of stream) {
    signal.throwIfAborted();
    reading.add(part);
  }
  return reading.done();
}

class AnswerReader {
  readonly #emit: (delta: AnswerDelta) => void;
  readonly #answer: Answer;
  readonly #blocks = new Map<string, Extract<AnswerPart, { type: "text" | "reasoning" }>>();
  readonly #toolIds = new Map<string, number>();
  readonly #toolNames = new Map<string, string>();
  #bytes = 0;
  #began = false;
  #finished = false;

  constructor(model: string, emit: (delta: AnswerDelta) => void) {
    this.#emit = emit;
    this.#answer = { parts: [], usage: { inputTokens: 0, outputTokens: 0 }, finish: "other", model, run: "" };
  }

  add(part: LanguageModelV4StreamPart): void {
    switch (part.type) {
      case "response-metadata":
        if (part.modelId) this.#answer.model = part.modelId;
        if (part.id) this.#answer.run = part.id;
        return this.#begin();
      case "reasoning-start":
        return this.#sign(part);
      case "text-delta":
        return this.#say("text", part.id, part.delta);
      case "reasoning-delta":
        this.#say("reasoning", part.id, part.delta);
        return this.#sign(part);
      case "text-end":
      case "reasoning-end":
        return this.#endBlock(part);
      case "tool-input-start":
        this.#begin();
        this.#toolNames.set(part.id, part.toolName);
        return this.#emit({ type: "tool-input", id: part.id, name: part.toolName, delta: "" });
      case "tool-input-delta":
        this.#grow(part.delta.length);
        return this.#emit({
          type: "tool-input",
          id: part.id,
          name: this.#toolNames.get(part.id) ?? "",
          delta: part.delta,
        });
      case "tool-call":
        return this.#tool(part.toolCallId, part.toolName, part.input);
      case "finish":
        return this.#finish(part);
      case "error":
        throw part.error;
      default:
        return;
    }
  }

  #begin(): void {
    if (this.#began) return;
    this.#began = true;
    this.#emit({ type: "began", model: this.#answer.model, run: this.#answer.run });
  }

  #grow(chars: number): void {
    this.#bytes += chars;
    if (this.#bytes > limits.answerBytes) {
      throw new ModelError("model_failed", "The model's answer grew past one megabyte and was stopped.", {
        retryable: false,
      });
    }
  }

  #say(type: "text" | "reasoning", id: string, delta: string): void {
    if (delta === "") return;
    this.#begin();
    this.#grow(delta.length);
    this.#block(type, id).text += delta;
    this.#emit({ type, id, delta });
  }

  #block(type: "text" | "reasoning", id: string): Extract<AnswerPart, { type: "text" | "reasoning" }> {
    const key = `${type}:${id}`;
    const known = this.#blocks.get(key);
    if (known) return known;
    const block = { type, text: "" };
    this.#blocks.set(key, block);
    this.#answer.parts.push(block);
    return block;
  }

  /**
   * Keeps what a provider needs to see again with its reasoning. Anthropic sends a signature as a delta without text,
   * and redacted reasoning as the start of a block that never has any.
   */
  #sign(part: { id: string; providerMetadata?: SharedV4ProviderMetadata | undefined }): void {
    if (!part.providerMetadata) return;
    const block = this.#block("reasoning", part.id);
    if (block.type === "reasoning") this.#signed(block, part.providerMetadata);
  }

  #signed(block: Extract<AnswerPart, { type: "reasoning" }>, metadata?: SharedV4ProviderMetadata): void {
    if (metadata) block.providerMetadata = { ...block.providerMetadata, ...metadata };
  }

  #endBlock(part: Extract<LanguageModelV4StreamPart, { type: "text-end" | "reasoning-end" }>): void {
    const key = `${part.type === "text-end" ? "text" : "reasoning"}:${part.id}`;
    const block = this.#blocks.get(key);
    this.#blocks.delete(key);
    if (block?.type === "reasoning") this.#signed(block, part.providerMetadata);
    this.#emit({ type: "block-end", id: part.id });
  }

  /** Two calls of one answer may carry the same id; the journal needs them apart. */
  #tool(id: string, name: string, input: string): void {
    this.#begin();
    const times = this.#toolIds.get(id) ?? 0;
    this.#toolIds.set(id, times + 1);
    this.#answer.parts.push({ type: "tool", id: times === 0 ? id : `${id}.${times}`, name, input });
  }

  #finish(part: Extract<LanguageModelV4StreamPart, { type: "finish" }>): void {
    const { unified } = part.finishReason;
    if (unified === "interrupted" || unified === "error") return;
    this.#finished = true;
    this.#answer.finish = FINISH[unified];
    const { cacheRead, cacheWrite } = part.usage.inputTokens;
    this.#answer.usage = {
      inputTokens: part.usage.inputTokens.total ?? 0,
      outputTokens: part.usage.outputTokens.total ?? 0,
      ...(cacheRead && { cachedInputTokens: cacheRead }),
      ...(cacheWrite && { cacheWriteTokens: cacheWrite }),
    };
    const gateway = part.providerMetadata?.cloudflare;
    const run = gateway?.runId ?? gateway?.logId;
    if (typeof run === "string") this.#answer.run = run;
  }

  /** A stream that ends without saying so was cut. */
  done(): Answer {
    if (!this.#finished && !this.#began) {
      throw new ModelError(
        "model_garbage",
        "The model's provider answered something that is not an answer. Try again, or choose another model.",
        { retryable: true },
      );
    }
    if (!this.#finished) {
      throw new ModelError("model_failed", "The model's answer broke off before its end. Try again.", {
        retryable: true,
      });
    }
    return this.#answer;
  }
}

const FINISH = {
  stop: "stop",
  length: "length",
  "tool-calls": "tools",
  "content-filter": "filter",
  other: "other",
} as const;
