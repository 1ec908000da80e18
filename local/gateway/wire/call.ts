/**
 * One model call, whichever provider's format it came in: what the demo model reads, what the script matches and
 * what the request log keeps.
 */
import { createHash } from "node:crypto";

export type WireName = "anthropic" | "openai";

export type Part =
  | { type: "text"; text: string }
  /** An attachment; only its name and type matter here. */
  | { type: "file"; name: string; mediaType: string }
  | { type: "call"; id: string; name: string; input: unknown }
  /** `failed` is what the wire says of the result; OpenAI's wire has no such flag. */
  | { type: "result"; id: string; text: string; failed: boolean };

export interface Message {
  role: "user" | "assistant";
  parts: Part[];
}

export interface ModelCall {
  wire: WireName;
  /** As the caller wrote it. */
  model: string;
  system: string;
  /** Tool results stand in user messages, in the order in which the wire has them. */
  messages: Message[];
  /** Names of the offered tools; empty when the caller forbade tools. */
  tools: string[];
  stream: boolean;
  /** OpenAI: whether a final chunk with usage was asked for. */
  includeUsage: boolean;
  /** Output tokens after which the answer is cut; `null` means no limit. */
  maxTokens: number | null;
  /** A quarter of the prompt's characters, rounded up. */
  inputTokens: number;
}

/** What a parser gives back: a call, or a refusal in the words of the provider whose format it is. */
export type Parsed = { ok: true; call: ModelCall } | { ok: false; status: number; message: string };

export type Block =
  | { type: "text"; text: string }
  /** `json` is the tool's input as written; scripts use that to send broken JSON. */
  | { type: "tool"; id: string; name: string; json: string };

/** A whole answer before it is cut into tokens. */
export interface Reply {
  /** The model that answered, as the answer names it. */
  model: string;
  /** The provider's id of the answer. */
  id: string;
  blocks: Block[];
}

/** A piece of a streamed answer. Only `token` frames are paced; `head` frames come before the first token. */
export interface Frame {
  kind: "head" | "token" | "tail";
  data: string;
}

/** What the stand-in needs to know of a wire format. */
export interface Wire {
  name: WireName;
  parse(body: unknown): Parsed;
  frames(reply: TokenisedReply, call: ModelCall, createdAtMs: number): Iterable<Frame>;
  body(reply: TokenisedReply, call: ModelCall, createdAtMs: number): unknown;
  error(status: number, message: string, requestId: string): unknown;
  /** Prefix of an answer's id, as the provider writes it. */
  idPrefix: string;
  /** Prefix of a tool call's id. */
  callPrefix: string;
}

export interface TokenisedReply {
  model: string;
  id: string;
  blocks: (Block & { pieces: string[] })[];
  outputTokens: number;
  stop: "end" | "tools" | "length";
}

/** Characters of a tool's input that count as one token; about what real tokenisers make of JSON. */
const JSON_PIECE_CHARS = 6;

/** Words, each with the white space before it. Joined they are the text again. */
export function textTokens(text: string): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? [];
}

function jsonPieces(json: string): string[] {
  const characters = Array.from(json);
  const pieces: string[] = [];
  for (let i = 0; i < characters.length; i += JSON_PIECE_CHARS) {
    pieces.push(characters.slice(i, i + JSON_PIECE_CHARS).join(""));
  }
  return pieces;
}

/** Cuts an answer into tokens and, at `maxTokens`, off: as a provider does, even in the middle of a tool's input. */
export function tokenise(reply: Reply, maxTokens: number | null): TokenisedReply {
  let left = maxTokens ?? Number.POSITIVE_INFINITY;
  let cut = false;
  const blocks: TokenisedReply["blocks"] = [];
  for (const block of reply.blocks) {
    if (left <= 0) {
      cut = true;
      break;
    }
    const all = block.type === "text" ? textTokens(block.text) : jsonPieces(block.json);
    const pieces = all.length > left ? all.slice(0, left) : all;
    cut ||= pieces.length < all.length;
    left -= pieces.length;
    blocks.push({ ...block, pieces });
  }
  const outputTokens = blocks.reduce((sum, block) => sum + block.pieces.length, 0);
  const tools = blocks.some((block) => block.type === "tool");
  return {
    model: reply.model,
    id: reply.id,
    blocks,
    outputTokens,
    stop: cut ? "length" : tools ? "tools" : "end",
  };
}

/** The text of the newest message that a person wrote; empty if there is none. */
export function lastUserText(messages: Message[]): string {
  for (let i = messages.length - 1; i >= 0; i--) {
    const message = messages[i];
    if (message?.role !== "user") continue;
    const texts = message.parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
    if (texts.length > 0) return texts.join("\n");
  }
  return "";
}

/** A quarter of the characters of everything that was sent. */
export function estimateTokens(...sent: unknown[]): number {
  return Math.ceil(
    sent.reduce(
      (sum: number, item) => sum + (typeof item === "string" ? item : JSON.stringify(item ?? "")).length,
      0,
    ) / 4,
  );
}

/**
 * An id that follows from the conversation alone, so that the same request always gives the same tool call, and
 * that no other call of the conversation has, because the earlier ids are part of what is hashed.
 */
export function callIdOf(prefix: string, call: ModelCall, index: number): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([call.system, call.messages, index]))
    .digest("base64url");
  return prefix + hash.replace(/[-_]/g, "x").slice(0, 22);
}
