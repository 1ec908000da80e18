/** Links to read one chat: what may be asked of them, and what whoever follows one is shown. */
import { z } from "zod";
import type { Sender } from "./rpc.ts";

/** How long a link lives, in days, unless its maker says otherwise; and the most. */
export const SHARE_DAYS = 7;
export const SHARE_DAYS_MAX = 90;
const MESSAGE_ID_CHARS = 200;

export const createShareSchema = z
  .strictObject({
    expiresInDays: z.number().int().min(1).max(SHARE_DAYS_MAX).default(SHARE_DAYS),
    /** `true`: the page follows the chat as it grows. `false`: it ends where the chat ends now. */
    live: z.boolean().optional(),
    /** The last message that is shown. */
    upTo: z.string().min(1).max(MESSAGE_ID_CHARS).optional(),
    /** Whether people are named: by what stands before the @ of their address. */
    names: z.enum(["show", "hide"]).default("hide"),
    /** Whether the arguments and results of tools are shown, and what the model thought. */
    details: z.enum(["show", "hide"]).default("hide"),
  })
  .refine(
    ({ live, upTo }) => !(live && upTo !== undefined),
    "a link that follows the chat has no last message",
  );
export type CreateShare = z.infer<typeof createShareSchema>;

/** A link as its owner sees it. Times are milliseconds since the epoch. The address itself is shown once, when made. */
export const shareInfoSchema = z.object({
  id: z.string(),
  thread: z.string(),
  live: z.boolean(),
  names: z.boolean(),
  details: z.boolean(),
  createdBy: z.string(),
  createdAt: z.number(),
  expiresAt: z.number(),
  revokedAt: z.number().nullable(),
});
export type ShareInfo = z.infer<typeof shareInfoSchema>;

export const sharesSchema = z.object({ shares: z.array(shareInfoSchema) });
export const createdShareSchema = z.object({ share: shareInfoSchema, url: z.string() });

const text = z.object({ type: z.literal("text"), text: z.string() });
const reasoning = z.object({ type: z.literal("reasoning"), text: z.string() });
const tool = z.object({
  type: z.literal("tool"),
  name: z.string(),
  state: z.enum(["running", "asking", "done", "failed", "denied"]),
  /** Only where details are shown. */
  input: z.unknown().optional(),
  output: z.unknown().optional(),
  error: z.string().optional(),
});
export const sharedPartSchema = z.discriminatedUnion("type", [text, reasoning, tool]);
export type SharedPart = z.infer<typeof sharedPartSchema>;

export const sharedMessageSchema = z.object({
  /** Of no use but to tell messages of this answer apart. */
  id: z.string(),
  role: z.enum(["user", "assistant"]),
  at: z.number().optional(),
  /** Who wrote it, where names are shown. */
  by: z.string().optional(),
  outcome: z.enum(["completed", "failed", "cancelled"]).optional(),
  /** It is still being written. */
  writing: z.boolean().optional(),
  parts: z.array(sharedPartSchema),
  /** Files that came with it and are not shown. */
  attachments: z.number().optional(),
});
export type SharedMessage = z.infer<typeof sharedMessageSchema>;

/** What `/s/{token}/messages` answers. */
export const sharedPageSchema = z.object({
  title: z.string(),
  /** What the agent is called, where names are shown. */
  agent: z.string(),
  live: z.boolean(),
  expiresAt: z.number(),
  /** Oldest first. */
  messages: z.array(sharedMessageSchema),
  /** Present when there are older ones: `before` of the page with them. */
  older: z.string().optional(),
});
export type SharedPage = z.infer<typeof sharedPageSchema>;

/** A link that stands, for who shows what is behind it. */
export interface OpenShare extends ShareInfo {
  /** The last message that is shown; null for a link that follows the chat. */
  upTo: string | null;
  /** Id of who made it. */
  makerId: string;
  title: string;
  agent: string;
}

/** The links of a user or a team. */
export interface SharesRpc {
  /** Of one chat or of all, newest first; those that are long over are not among them. */
  list(thread?: string): Promise<ShareInfo[]>;
  /** Throws `shares_full`, `thread_unknown`. `upTo` null: it follows the chat. */
  create(
    by: Sender,
    share: { thread: string; expiresAt: number; upTo: string | null; names: boolean; details: boolean },
  ): Promise<ShareInfo>;
  /** From now on it leads nowhere. Throws `share_unknown`. */
  revoke(by: Sender, id: string): Promise<void>;
  /** Throws `share_over` when it does not stand any more, whatever became of it. */
  open(id: string): Promise<OpenShare>;
}
