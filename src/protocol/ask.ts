/** What a program asks of a conversation, and what it is told of the answer while it comes. */
import { z } from "zod";
import type { Outcome, Usage } from "./message.ts";

const part = z.union([
  z.strictObject({ type: z.literal("text"), text: z.string() }),
  z.strictObject({
    type: z.literal("file"),
    mediaType: z.string(),
    url: z.string(),
    filename: z.string().optional(),
  }),
]);
export type AskPart = z.infer<typeof part>;

/** The body of `ACTOR_PATHS.ask`. */
export const askRequestSchema = z.strictObject({
  /** Deduplication key: asked again with it, the same turn answers. */
  key: z.string().min(1),
  parts: z.array(part),
  /** What was said before, elsewhere. Only for a conversation that has not begun. */
  history: z.array(z.strictObject({ role: z.enum(["user", "assistant"]), parts: z.array(part) })),
  /** For this turn only. */
  instructions: z.string(),
  maxOutputTokens: z.int().min(1).nullable(),
  /** The turn that this one follows: refused when something else was said since. */
  after: z.string().nullable(),
  /** `stream`: as it comes. `whole`: only how it ended. `accept`: only that it is accepted. */
  tell: z.enum(["stream", "whole", "accept"]),
});
export type AskRequest = z.infer<typeof askRequestSchema>;

/** How a turn stands. `waiting`: for a person, who has to approve of what `waits` names. */
export interface AnswerReport {
  turn: string;
  /** When it was accepted, in milliseconds since the epoch. */
  at: number;
  status: "running" | "waiting" | Outcome;
  text: string;
  reasoning: string;
  usage: Usage;
  finish: "stop" | "length" | "filter";
  error: { code: string; message: string } | null;
  waits: { id: string; tool: string }[];
}

/** A line of the answer to `ACTOR_PATHS.ask`, as JSON. `done` is the last one; without it, the answer broke off. */
export type AskEvent =
  | { type: "accepted"; turn: string; at: number; fresh: boolean }
  | { type: "reasoning"; delta: string }
  | { type: "text"; delta: string }
  | { type: "done"; report: AnswerReport }
  /** What was sent is not how the answer goes on: it was asked for again after a failure. */
  | { type: "broken" };

const reportSchema = z.object({
  turn: z.string(),
  at: z.number(),
  status: z.enum(["running", "waiting", "completed", "failed", "cancelled"]),
  text: z.string(),
  reasoning: z.string(),
  usage: z.object({
    inputTokens: z.number(),
    outputTokens: z.number(),
    cachedInputTokens: z.number().optional(),
    cacheWriteTokens: z.number().optional(),
  }),
  finish: z.enum(["stop", "length", "filter"]),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  waits: z.array(z.object({ id: z.string(), tool: z.string() })),
});
export const askEventSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("accepted"), turn: z.string(), at: z.number(), fresh: z.boolean() }),
  z.object({ type: z.literal("reasoning"), delta: z.string() }),
  z.object({ type: z.literal("text"), delta: z.string() }),
  z.object({ type: z.literal("done"), report: reportSchema }),
  z.object({ type: z.literal("broken") }),
]);
