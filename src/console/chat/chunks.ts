/** The pure reducer of an answer's stream: one message and one chunk make the next message. */
import { z } from "zod";
import type { Message, Part, TextPart, ToolPart } from "./message.ts";
import { expiryOf, joinedSchema, metadataFrom, progressOf } from "./message.ts";

const id = z.string();
const toolCallId = z.string();

/** The chunks of AI SDK 7 that change what is shown. Others are read as `null` and change nothing. */
const chunkSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("start"),
    messageId: z.string().optional(),
    messageMetadata: z.unknown().optional(),
  }),
  z.object({ type: z.enum(["text-start", "reasoning-start"]), id }),
  z.object({ type: z.enum(["text-delta", "reasoning-delta"]), id, delta: z.string() }),
  z.object({ type: z.enum(["text-end", "reasoning-end"]), id }),
  z.object({ type: z.literal("tool-input-start"), toolCallId, toolName: z.string() }),
  z.object({ type: z.literal("tool-input-delta"), toolCallId, inputTextDelta: z.string() }),
  z.object({
    type: z.literal("tool-input-available"),
    toolCallId,
    toolName: z.string(),
    input: z.unknown().optional(),
  }),
  z.object({
    type: z.literal("tool-input-error"),
    toolCallId,
    toolName: z.string(),
    input: z.unknown().optional(),
    errorText: z.string(),
  }),
  z.object({
    type: z.literal("tool-output-available"),
    toolCallId,
    output: z.unknown().optional(),
    preliminary: z.boolean().optional(),
  }),
  z.object({ type: z.literal("tool-output-error"), toolCallId, errorText: z.string() }),
  z.object({ type: z.literal("tool-output-denied"), toolCallId }),
  z.object({
    type: z.literal("tool-approval-request"),
    toolCallId,
    approvalId: z.string(),
    reason: z.string().optional(),
    approvalDescriptor: z.unknown().optional(),
  }),
  z.object({
    type: z.literal("tool-approval-response"),
    approvalId: z.string(),
    approved: z.boolean(),
    reason: z.string().optional(),
  }),
  z.object({ type: z.literal("data-joined"), data: joinedSchema }),
  z.object({ type: z.literal("file"), url: z.string(), mediaType: z.string() }),
  z.object({ type: z.enum(["finish", "message-metadata"]), messageMetadata: z.unknown().optional() }),
  z.object({ type: z.literal("start-step") }),
  z.object({ type: z.literal("finish-step") }),
]);
export type Chunk = z.infer<typeof chunkSchema>;

/** A chunk from the body of a response frame, or `null` for one that shows nothing. */
export function chunkFrom(body: string): Chunk | null {
  if (!body) return null;
  try {
    const parsed = chunkSchema.safeParse(JSON.parse(body));
    return parsed.success ? parsed.data : null;
  } catch {
    return null; // not JSON: a frame of a newer server, which shows nothing here
  }
}

/** An answer before its first chunk. */
export function emptyAnswer(messageId: string): Message {
  return { id: messageId, role: "assistant", parts: [], metadata: {} };
}

// Blocks of one step have ids of their own, and a later step may use them again: the newest open one is meant.
function lastIndex(parts: readonly Part[], test: (part: Part) => boolean): number {
  for (let i = parts.length - 1; i >= 0; i--) {
    const part = parts[i];
    if (part && test(part)) return i;
  }
  return -1;
}

function replaced(message: Message, index: number, part: Part): Message {
  const parts = message.parts.slice();
  parts[index] = part;
  return { ...message, parts };
}

const added = (message: Message, part: Part): Message => ({ ...message, parts: [...message.parts, part] });

function onBlock(
  message: Message,
  type: TextPart["type"],
  blockId: string,
  change: Partial<TextPart>,
  delta = "",
) {
  const index = lastIndex(
    message.parts,
    (part) => part.type === type && part.streaming && part.key.slice(part.key.indexOf(":") + 1) === blockId,
  );
  const known = index < 0 ? undefined : message.parts[index];
  if (known && known.type === type) {
    return replaced(message, index, { ...known, ...change, text: known.text + delta });
  }
  // A delta without its start: the block begins here, so that no text is lost.
  if (delta === "" && change.streaming === false) return message;
  const key = `${message.parts.length}:${blockId}`;
  return added(message, { type, key, text: delta, streaming: true, ...change });
}

function onTool(
  message: Message,
  call: string,
  name: string,
  change: Partial<ToolPart>,
  delta = "",
): Message {
  const index = lastIndex(message.parts, (part) => part.type === "tool" && part.key === call);
  const known = index < 0 ? undefined : message.parts[index];
  if (known && known.type === "tool") {
    return replaced(message, index, { ...known, ...change, inputText: known.inputText + delta });
  }
  return added(message, {
    type: "tool",
    key: call,
    name,
    state: "writing",
    inputText: delta,
    input: undefined,
    output: undefined,
    progress: "",
    error: "",
    reason: "",
    expiresAt: null,
    ...change,
  });
}

// A decision names the request, not the call. The server's requests have the call's id, and one waits at a time
// otherwise: so an unknown request is the newest one that waits.
function onDecision(message: Message, request: string, approved: boolean, reason: string): Message {
  const named = lastIndex(message.parts, (part) => part.type === "tool" && part.key === request);
  const index =
    named >= 0 ? named : lastIndex(message.parts, (part) => part.type === "tool" && part.state === "asking");
  const known = index < 0 ? undefined : message.parts[index];
  if (known?.type !== "tool" || known.state !== "asking") return message;
  return replaced(message, index, { ...known, state: approved ? "running" : "denied", reason });
}

// The same messages joined twice, by a frame that came twice, stand once.
function onJoined(message: Message, messageIds: string[]): Message {
  const known = message.parts.some(
    (part) => part.type === "joined" && messageIds.every((joined) => part.messageIds.includes(joined)),
  );
  return known
    ? message
    : added(message, { type: "joined", key: `joined-${message.parts.length}`, messageIds });
}

/** The message after one chunk. Never throws; a chunk that does not fit makes the best of it. */
export function applyChunk(message: Message, chunk: Chunk): Message {
  switch (chunk.type) {
    case "start":
    case "finish":
    case "message-metadata":
      return { ...message, metadata: { ...message.metadata, ...metadataFrom(chunk.messageMetadata) } };
    case "text-start":
    case "reasoning-start":
      return added(message, {
        type: chunk.type === "text-start" ? "text" : "reasoning",
        key: `${message.parts.length}:${chunk.id}`,
        text: "",
        streaming: true,
      });
    case "text-delta":
      return onBlock(message, "text", chunk.id, {}, chunk.delta);
    case "reasoning-delta":
      return onBlock(message, "reasoning", chunk.id, {}, chunk.delta);
    case "text-end":
      return onBlock(message, "text", chunk.id, { streaming: false });
    case "reasoning-end":
      return onBlock(message, "reasoning", chunk.id, { streaming: false });
    case "tool-input-start":
      return onTool(message, chunk.toolCallId, chunk.toolName, {
        state: "writing",
        inputText: "",
        output: undefined,
        progress: "",
        error: "",
      });
    case "tool-input-delta":
      return onTool(message, chunk.toolCallId, "", {}, chunk.inputTextDelta);
    case "tool-input-available":
      return onTool(message, chunk.toolCallId, chunk.toolName, { state: "running", input: chunk.input });
    case "tool-input-error":
      return onTool(message, chunk.toolCallId, chunk.toolName, {
        state: "failed",
        input: chunk.input,
        error: chunk.errorText,
      });
    case "tool-output-available":
      return chunk.preliminary
        ? onTool(message, chunk.toolCallId, "", { state: "running", progress: progressOf(chunk.output) })
        : onTool(message, chunk.toolCallId, "", { state: "done", output: chunk.output, progress: "" });
    case "tool-output-error":
      return onTool(message, chunk.toolCallId, "", { state: "failed", error: chunk.errorText, progress: "" });
    case "tool-output-denied":
      return onTool(message, chunk.toolCallId, "", { state: "denied", error: "", progress: "" });
    case "tool-approval-request":
      return onTool(message, chunk.toolCallId, "", {
        state: "asking",
        reason: chunk.reason ?? "",
        expiresAt: expiryOf(chunk.approvalDescriptor),
      });
    case "tool-approval-response":
      return onDecision(message, chunk.approvalId, chunk.approved, chunk.reason ?? "");
    case "data-joined":
      return onJoined(message, chunk.data.messageIds);
    case "file":
      return added(message, {
        type: "file",
        key: `file-${message.parts.length}`,
        mediaType: chunk.mediaType,
        filename: "",
        url: chunk.url,
      });
    case "start-step":
    case "finish-step":
      return message;
  }
}
