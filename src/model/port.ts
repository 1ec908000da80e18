/** What a turn asks of a model, and what it gets back. The implementation is `model/gateway.ts`. */
import type { LanguageModelV4FunctionTool, LanguageModelV4Prompt } from "@ai-sdk/provider";
import type { Usage } from "../protocol/message.ts";

export interface ModelRequest {
  /** `provider/model`. */
  model: string;
  system: string;
  /** Without the system message. File parts may name workspace files as `workspace:<path>`. */
  messages: LanguageModelV4Prompt;
  tools: LanguageModelV4FunctionTool[];
  maxOutputTokens: number;
  /** Sent to AI Gateway for its logs. */
  metadata: { user: string; thread: string; turn: string };
}

/** Parts of an answer in the order in which they were said. */
export type AnswerPart =
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string; providerMetadata?: Record<string, unknown> }
  | { type: "tool"; id: string; name: string /** Raw JSON as the model wrote it. */; input: string };

export interface Answer {
  parts: AnswerPart[];
  usage: Usage;
  finish: "stop" | "length" | "tools" | "filter" | "other";
  /** As the provider names it. */
  model: string;
  /** Gateway log or run id, for finding the call again. Empty when there was none. */
  run: string;
}

/** Live parts of an answer. `id` tells blocks apart within one call. */
export type AnswerDelta =
  | { type: "began"; model: string; run: string }
  | { type: "text"; id: string; delta: string }
  | { type: "reasoning"; id: string; delta: string }
  | { type: "block-end"; id: string }
  | { type: "tool-input"; id: string; name: string; delta: string };

export interface ModelPort {
  /**
   * Makes one call and streams it. Rejects with an `AppError` (`model_failed`, `model_garbage`,
   * `model_unreachable`, `model_rate_limited`, `model_unknown`); `retryable` and `retryAfterMs` hang on it.
   */
  call(request: ModelRequest, emit: (delta: AnswerDelta) => void, signal: AbortSignal): Promise<Answer>;
}
