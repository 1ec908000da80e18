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
  /** Of the input tokens: read from the provider's cache, and written to it. */
  cachedInputTokens?: number;
  cacheWriteTokens?: number;
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
  /** What the answer cost, in micro-dollars; absent where the model has no price. */
  priceMicros?: number;
  /** A user message that is accepted and not yet read: `queued` for a turn of its own, `steering` for the running one. */
  waiting?: "queued" | "steering";
  /** The turn of a `steering` message, kept after it was read: its place in the answer is a `data-joined` part. */
  joined?: string;
  /** Where it came from, when not typed into a chat: `schedule`, `http`, a channel. */
  source?: string;
  /** Who sent a user message, for threads with several people. */
  sender?: { id: string; name: string };
}

/** Data parts of an answer. `joined`: from here on the model had read these messages, sent while it worked. */
export interface DataParts extends Record<string, unknown> {
  joined: { messageIds: string[] };
}

export type ChatMessage = UIMessage<MessageMetadata, DataParts & Record<string, unknown>>;
export type ChatChunk = UIMessageChunk<MessageMetadata, DataParts & Record<string, unknown>>;
export type ChatPart = ChatMessage["parts"][number];
