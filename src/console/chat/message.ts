/**
 * Messages as the console shows them, and how they are read from the wire. The wire's messages are AI SDK
 * `UIMessage`s; here a tool call is one kind of part whatever its name, and parts that nobody shows are left out.
 */
import { z } from "zod";
import type { MessageMetadata } from "../../protocol/message.ts";

/**
 * `writing`: its input is still being streamed. `asking`: it waits for a person's approval. `denied`: a person refused
 * it. `stopped`: the turn ended without an outcome of this call.
 */
export type ToolState = "writing" | "asking" | "running" | "done" | "failed" | "denied" | "stopped";

export interface TextPart {
  type: "text" | "reasoning";
  /** Tells blocks apart within one message. */
  key: string;
  text: string;
  streaming: boolean;
}

export interface ToolPart {
  type: "tool";
  /** The tool call's id. */
  key: string;
  name: string;
  state: ToolState;
  /** Raw JSON so far, while the input is being streamed. */
  inputText: string;
  input: unknown;
  output: unknown;
  /** The newest line of progress, while it runs. */
  progress: string;
  error: string;
  /** Why the agent asks, or what was said with a refusal; may be empty. */
  reason: string;
  /** Until when an approval is waited for, in milliseconds since the epoch; `null` when that was not said. */
  expiresAt: number | null;
}

/** From here on the model had read these messages, which were sent while it worked. */
export interface JoinedPart {
  type: "joined";
  key: string;
  messageIds: string[];
}

export interface FilePart {
  type: "file";
  key: string;
  mediaType: string;
  filename: string;
  /** `workspace:<path>` or a data URL. */
  url: string;
}

export type Part = TextPart | ToolPart | FilePart | JoinedPart;

export interface Message {
  id: string;
  role: "user" | "assistant" | "system";
  parts: Part[];
  metadata: MessageMetadata;
}

const usage = z.object({ inputTokens: z.number(), outputTokens: z.number() });

/** Metadata is advice: a field that does not fit is left out, the message stays. */
const optional = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);

export const metadataSchema = z
  .object({
    createdAt: optional(z.number()),
    turn: optional(z.string()),
    model: optional(z.string()),
    usage: optional(usage),
    outcome: optional(z.enum(["completed", "failed", "cancelled"])),
    error: optional(z.object({ code: z.string(), message: z.string() })),
    priceMicros: optional(z.number()),
    waiting: optional(z.enum(["queued", "steering"])),
    joined: optional(z.string()),
    source: optional(z.string()),
    sender: optional(z.object({ id: z.string(), name: z.string() })),
  })
  .catch({});

/** Drops the keys that hold `undefined`, which `exactOptionalPropertyTypes` tells from absent ones. */
export function metadataFrom(value: unknown): MessageMetadata {
  const parsed = metadataSchema.parse(value ?? {});
  return Object.fromEntries(Object.entries(parsed).filter(([, entry]) => entry !== undefined));
}

const wirePart = z.looseObject({
  type: z.string(),
  text: z.string().optional().catch(undefined),
  state: z.string().optional().catch(undefined),
  mediaType: z.string().optional().catch(undefined),
  filename: z.string().optional().catch(undefined),
  url: z.string().optional().catch(undefined),
  toolCallId: z.string().optional().catch(undefined),
  toolName: z.string().optional().catch(undefined),
  input: z.unknown().optional(),
  output: z.unknown().optional(),
  errorText: z.string().optional().catch(undefined),
  preliminary: z.boolean().optional().catch(undefined),
  approval: z
    .looseObject({
      approved: z.boolean().optional().catch(undefined),
      reason: z.string().optional().catch(undefined),
      requestReason: z.string().optional().catch(undefined),
      descriptor: z.unknown().optional(),
    })
    .optional()
    .catch(undefined),
  data: z.unknown().optional(),
});

const wireMessage = z.looseObject({
  id: z.string(),
  role: z.enum(["user", "assistant", "system"]),
  parts: z.array(z.unknown()),
  metadata: z.unknown().optional(),
});

const descriptorSchema = z.object({ expiresAt: z.number() });

/** Until when an approval is waited for, from what travels with the request; `null` when it does not say. */
export function expiryOf(descriptor: unknown): number | null {
  const parsed = descriptorSchema.safeParse(descriptor);
  return parsed.success ? parsed.data.expiresAt : null;
}

export const joinedSchema = z.object({ messageIds: z.array(z.string()) });

const progressSchema = z.object({ progress: z.string() });

/** The text of a preliminary tool output, or an empty string. */
export function progressOf(output: unknown): string {
  const parsed = progressSchema.safeParse(output);
  return parsed.success ? parsed.data.progress : "";
}

function toolState(part: z.infer<typeof wirePart>): ToolState {
  if (part.state === "output-error") return "failed";
  if (part.state === "output-denied") return "denied";
  if (part.state === "approval-requested") return "asking";
  if (part.state === "approval-responded") return part.approval?.approved === false ? "denied" : "running";
  if (part.state === "output-available") return part.preliminary ? "running" : "done";
  return part.state === "input-streaming" ? "writing" : "running";
}

function partFrom(value: unknown, index: number): Part | null {
  const parsed = wirePart.safeParse(value);
  if (!parsed.success) return null;
  const part = parsed.data;
  if (part.type === "text" || part.type === "reasoning") {
    return {
      type: part.type,
      key: `${part.type}-${index}`,
      text: part.text ?? "",
      streaming: part.state === "streaming",
    };
  }
  if (part.type === "file") {
    if (!part.url || !part.mediaType) return null;
    return {
      type: "file",
      key: `file-${index}`,
      mediaType: part.mediaType,
      filename: part.filename ?? "",
      url: part.url,
    };
  }
  if (part.type === "data-joined") {
    const joined = joinedSchema.safeParse(part.data);
    return joined.success
      ? { type: "joined", key: `joined-${index}`, messageIds: joined.data.messageIds }
      : null;
  }
  const name = part.type === "dynamic-tool" ? part.toolName : part.type.match(/^tool-(.+)$/)?.[1];
  if (!name || !part.toolCallId) return null;
  const state = toolState(part);
  return {
    type: "tool",
    key: part.toolCallId,
    name,
    state,
    inputText: "",
    input: part.input,
    output: state === "done" ? part.output : undefined,
    progress: state === "running" ? progressOf(part.output) : "",
    error: part.errorText ?? "",
    reason: part.approval?.reason ?? part.approval?.requestReason ?? "",
    expiresAt: expiryOf(part.approval?.descriptor),
  };
}

/** A message from the wire, or `null` for something that is none. Unknown parts are left out. */
export function messageFrom(value: unknown): Message | null {
  const parsed = wireMessage.safeParse(value);
  if (!parsed.success) return null;
  const { id, role, parts, metadata } = parsed.data;
  const message = {
    id,
    role,
    parts: parts.map(partFrom).filter((part) => part !== null),
    metadata: metadataFrom(metadata),
  };
  // A turn that has ended leaves no call running, whatever state its last record was in.
  return message.metadata.outcome ? settled(message) : message;
}

/** The messages of a list that can be read, in its order. */
export function messagesFrom(values: readonly unknown[]): Message[] {
  return values.map(messageFrom).filter((message) => message !== null);
}

/** Everything that was said in a message, as Markdown: what "Copy" copies. */
export function textOf(message: Message): string {
  return message.parts
    .map((part) => (part.type === "text" ? part.text.trim() : ""))
    .filter(Boolean)
    .join("\n\n");
}

const OPEN: ReadonlySet<ToolState> = new Set(["writing", "asking", "running"]);

function isOpen(part: Part, over: boolean): boolean {
  if (part.type === "tool") return OPEN.has(part.state) && (over || part.state !== "asking");
  return (part.type === "text" || part.type === "reasoning") && part.streaming;
}

/**
 * The message as it is when nothing more will come: no part streams, no tool runs. A call that waits for an approval
 * does so beyond the end of a stream, until the turn has an outcome.
 */
export function settled(message: Message): Message {
  const over = message.metadata.outcome !== undefined;
  if (!message.parts.some((part) => isOpen(part, over))) return message;
  return {
    ...message,
    parts: message.parts.map((part) => {
      if (!isOpen(part, over)) return part;
      if (part.type === "tool") return { ...part, state: "stopped" };
      return part.type === "text" || part.type === "reasoning" ? { ...part, streaming: false } : part;
    }),
  };
}

/** Whether an answer stands still until a person decides on a tool call. */
export const isAsking = (message: Message): boolean =>
  message.parts.some((part) => part.type === "tool" && part.state === "asking");
