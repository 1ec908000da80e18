/**
 * Messages as clients see them: AI SDK `UIMessage`s, so that `useAgentChat` renders them unchanged.
 * Types only; this file has no code at run time.
 */
import type { UIMessage, UIMessageChunk } from "ai";

/** How a turn ended. `completed`: answered. `failed`: with a visible reason. `cancelled`: someone stopped it. */
export type Outcome = "completed" | "failed" | "cancelled";

/** Tokens as the provider counted them; zero where it did not say. */
export interface Usage {
  inputTokens: number;
  outputTokens: number;
}

/** What travels beside a message's parts. All optional, so that a stock client's messages fit too. */
export interface MessageMetadata {
  /** Milliseconds since the epoch at which the journal accepted or began the message. */
  createdAt?: number;
  /** The turn that the message belongs to. */
  turn?: string;
  /** The model that answered, as the provider names it. */
  model?: string;
  usage?: Usage;
  outcome?: Outcome;
  /** Present when the turn failed: a stable code and a sentence that says what to do. */
  error?: { code: string; message: string };
  /** Who sent a user message, for threads with several people. */
  sender?: { id: string; name: string };
}

export type ChatMessage = UIMessage<MessageMetadata>;
export type ChatChunk = UIMessageChunk<MessageMetadata>;
export type ChatPart = ChatMessage["parts"][number];
