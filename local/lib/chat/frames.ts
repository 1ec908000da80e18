/** The server's frames as a client reads them: leniently, because a newer server may say more. */
import { z } from "zod";

const part = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  state: z.string().optional(),
  toolCallId: z.string().optional(),
  toolName: z.string().optional(),
  input: z.unknown().optional(),
  output: z.unknown().optional(),
  errorText: z.string().optional(),
  approval: z.looseObject({ reason: z.string().optional() }).optional(),
  data: z.unknown().optional(),
});
const metadata = z.looseObject({ outcome: z.string().optional() });
const message = z.looseObject({
  id: z.string(),
  role: z.string(),
  parts: z.array(part),
  metadata: metadata.optional(),
});
export type Message = z.infer<typeof message>;
export type MessagePart = z.infer<typeof part>;

const frame = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("cf_agent_use_chat_response"),
    id: z.string(),
    body: z.string().default(""),
    done: z.boolean().default(false),
    error: z.boolean().optional(),
    replay: z.boolean().optional(),
    seq: z.number().optional(),
    outcome: z.string().optional(),
  }),
  z.object({ type: z.literal("cf_agent_stream_resuming"), id: z.string() }),
  z.object({ type: z.literal("cf_agent_stream_pending"), id: z.string().optional() }),
  z.object({ type: z.literal("cf_agent_chat_messages"), messages: z.array(message) }),
  z.object({ type: z.literal("cf_agent_message_updated"), message }),
  z.object({ type: z.literal("holdfast_accepted"), id: z.string(), queued: z.boolean().default(false) }),
  z.object({ type: z.literal("holdfast_refused"), id: z.string(), code: z.string(), message: z.string() }),
  z.object({
    type: z.literal("holdfast_decided"),
    toolCallId: z.string(),
    counted: z.boolean(),
    approved: z.boolean(),
    by: z.string(),
  }),
  z.object({ type: z.literal("holdfast_error"), code: z.string(), message: z.string() }),
]);
export type Frame = z.infer<typeof frame>;

const chunk = z.looseObject({
  type: z.string(),
  messageId: z.string().optional(),
  delta: z.string().optional(),
  toolCallId: z.string().optional(),
  toolName: z.string().optional(),
  input: z.unknown().optional(),
  output: z.unknown().optional(),
  preliminary: z.boolean().optional(),
  errorText: z.string().optional(),
  data: z.unknown().optional(),
});
/** One `UIMessageChunk` of the AI SDK, as far as a terminal shows it. */
export type Chunk = z.infer<typeof chunk>;

const joined = z.looseObject({ messageIds: z.array(z.string()) });
/** The messages that a `data-joined` part or chunk names. */
export const joinedIds = (data: unknown): string[] => joined.safeParse(data).data?.messageIds ?? [];

/** The frame, or `null` for one that this client has no use for. */
export const parseFrame = (text: string): Frame | null => parse(text, frame);

/** The chunk in a response frame, or `null`. */
export const parseChunk = (text: string): Chunk | null => (text === "" ? null : parse(text, chunk));

function parse<S extends z.ZodType>(text: string, schema: S): z.output<S> | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
