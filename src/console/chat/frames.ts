/** Frames of the chat socket as the console reads them. Shapes: `protocol/frames.ts`, `ServerFrame`. */
import { z } from "zod";

const id = z.string();
const messages = z.array(z.unknown());

const frameSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("cf_agent_identity"), name: z.string(), agent: z.string() }),
  z.object({ type: z.literal("cf_agent_chat_messages"), messages, connect: z.boolean().optional() }),
  z.object({
    type: z.literal("cf_agent_use_chat_response"),
    id,
    body: z.string().default(""),
    done: z.boolean(),
    error: z.boolean().optional(),
    replayComplete: z.boolean().optional(),
    seq: z.number().int().optional(),
    outcome: z.string().optional(),
  }),
  z.object({ type: z.literal("cf_agent_message_updated"), message: z.unknown().optional() }),
  z.object({ type: z.literal("cf_agent_chat_clear") }),
  z.object({ type: z.literal("cf_agent_chat_recovering"), recovering: z.boolean(), id: id.optional() }),
  z.object({ type: z.literal("cf_agent_stream_resuming"), id, probeId: z.string().optional() }),
  z.object({ type: z.literal("cf_agent_stream_pending"), id: id.optional(), probeId: z.string().optional() }),
  z.object({ type: z.literal("cf_agent_stream_resume_none"), probeId: z.string().optional() }),
  z.object({
    type: z.literal("holdfast_accepted"),
    id,
    messageIds: z.array(z.string()),
    queued: z.boolean().default(false),
  }),
  z.object({ type: z.literal("holdfast_refused"), id, code: z.string(), message: z.string() }),
  z.object({ type: z.literal("holdfast_removed"), messageIds: z.array(z.string()) }),
  z.object({
    type: z.literal("holdfast_decided"),
    toolCallId: z.string(),
    counted: z.boolean(),
    approved: z.boolean(),
    by: z.string().default(""),
  }),
  z.object({ type: z.literal("holdfast_error"), code: z.string(), message: z.string() }),
]);
export type Frame = z.infer<typeof frameSchema>;
export type ResponseFrame = Extract<Frame, { type: "cf_agent_use_chat_response" }>;

/** A frame, or `null` for one that the console does not know: newer servers may send more. */
export function frameFrom(text: string): Frame | null {
  try {
    const parsed = frameSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null; // not JSON, so nothing that this protocol sends
  }
}
