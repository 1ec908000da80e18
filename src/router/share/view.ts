/**
 * A chat as somebody sees it who was given a link: what was said, and nothing that was meant for its people alone (who
 * they are, what it cost, files, what went wrong inside). What is not named here does not leave. Pure.
 */
import { z } from "zod";
import type { SharedMessage, SharedPart } from "../../protocol/shares.ts";

const part = z.looseObject({ type: z.string() });
const textPart = z.object({ type: z.literal("text"), text: z.string() });
const reasoningPart = z.object({ type: z.literal("reasoning"), text: z.string() });
const toolPart = z.object({
  type: z.string().regex(/^tool-/),
  state: z.string(),
  input: z.unknown().optional(),
  output: z.unknown().optional(),
  errorText: z.string().optional(),
});
const message = z.object({
  id: z.string(),
  role: z.enum(["user", "assistant"]),
  parts: z.array(part),
  metadata: z
    .object({
      createdAt: z.number().optional(),
      outcome: z.enum(["completed", "failed", "cancelled"]).optional(),
      waiting: z.string().optional(),
      sender: z.object({ name: z.string() }).optional(),
    })
    .default({}),
});
/** What a conversation answers to `get-messages`. */
export const transcriptSchema = z.array(message);
export type TranscriptMessage = z.infer<typeof message>;

const STATES: Readonly<Record<string, Extract<SharedPart, { type: "tool" }>["state"]>> = {
  "approval-requested": "asking",
  "output-available": "done",
  "output-error": "failed",
  "output-denied": "denied",
};

export interface Shown {
  names: boolean;
  details: boolean;
}

/** Null for what nobody was answered to yet. */
export function sharedMessage(given: TranscriptMessage, shown: Shown): SharedMessage | null {
  const { createdAt, outcome, waiting, sender } = given.metadata;
  if (waiting !== undefined) return null;
  const attachments = given.parts.filter(({ type }) => type === "file").length;
  const by = given.role === "user" && shown.names ? sender?.name.split("@")[0] : undefined;
  return {
    id: given.id,
    role: given.role,
    parts: given.parts.flatMap((one) => sharedPart(one, shown) ?? []),
    ...(createdAt !== undefined && { at: createdAt }),
    ...(by && { by }),
    ...(outcome && { outcome }),
    ...(given.role === "assistant" && !outcome && { writing: true }),
    ...(attachments > 0 && { attachments }),
  };
}

function sharedPart(one: z.infer<typeof part>, { details }: Shown): SharedPart | null {
  const text = textPart.safeParse(one);
  if (text.success) return text.data.text === "" ? null : { type: "text", text: text.data.text };
  const reasoning = reasoningPart.safeParse(one);
  if (reasoning.success) return details ? { type: "reasoning", text: reasoning.data.text } : null;
  const tool = toolPart.safeParse(one);
  if (!tool.success) return null;
  const { type, state, input, output, errorText } = tool.data;
  return {
    type: "tool",
    name: type.slice("tool-".length),
    state: STATES[state] ?? "running",
    ...(details && input !== undefined && { input }),
    ...(details && output !== undefined && { output }),
    ...(details && errorText !== undefined && { error: errorText }),
  };
}
