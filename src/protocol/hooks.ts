/** Hooks: addresses at which other services bring messages to an agent. */
import { z } from "zod";
import type { Sender } from "./rpc.ts";

const NAME_CHARS = 60;
const TEMPLATE_CHARS = 8_000;
const HEADER = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;

const name = z.string().trim().min(1).max(NAME_CHARS);
/** Empty: the whole payload as JSON. */
const template = z.string().max(TEMPLATE_CHARS);
const header = z.string().regex(HEADER, "is not the name of a header");

/** How a delivery proves where it comes from. All are an HMAC-SHA256 with the hook's secret. */
export const hookSchemeSchema = z.discriminatedUnion("type", [
  /** Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`. */
  z.strictObject({ type: z.literal("standard") }),
  /** GitHub: `X-Hub-Signature-256` over the body, `X-GitHub-Delivery` as the event's id. */
  z.strictObject({ type: z.literal("github") }),
  /** Any sender that puts the HMAC of the body into a header, in hex or base64, with or without `sha256=`. */
  z.strictObject({
    type: z.literal("header"),
    header,
    /** The header with the event's id, if there is one. Without it the same body within five minutes is one event. */
    idHeader: header.optional(),
  }),
]);
export type HookScheme = z.infer<typeof hookSchemeSchema>;

export const newHookSchema = z.strictObject({
  name,
  thread: z.string(),
  template: template.default(""),
  scheme: hookSchemeSchema.default({ type: "standard" }),
});
export type NewHook = z.infer<typeof newHookSchema>;

export const changeHookSchema = z.strictObject({
  name: name.optional(),
  thread: z.string().optional(),
  template: template.optional(),
});
export type ChangeHook = z.infer<typeof changeHookSchema>;

/** `template`: one to try before it is kept. */
export const previewHookSchema = z.strictObject({ payload: z.unknown(), template: template.optional() });

/** `orphaned`: its maker does not run the agent any more: left the team's owners, or was shut out. Times are milliseconds since the epoch. */
export const hookInfoSchema = z.object({
  id: z.string(),
  name: z.string(),
  thread: z.string(),
  template: z.string(),
  scheme: hookSchemeSchema,
  state: z.enum(["active", "revoked", "orphaned"]),
  createdBy: z.string(),
  createdAt: z.number(),
  revokedAt: z.number().nullable(),
  /** The newest delivery that was taken. */
  deliveredAt: z.number().nullable(),
  /** The newest one that was not, and why; noted at most once a minute. */
  refused: z.object({ at: z.number(), why: z.string() }).nullable(),
});
export type HookInfo = z.infer<typeof hookInfoSchema>;

export const hookDeliverySchema = z.object({
  event: z.string(),
  at: z.number(),
  bytes: z.number(),
  /** The turn that it became; null while it is not one. */
  turn: z.string().nullable(),
  error: z.string().nullable(),
  /** How often it came again. */
  repeats: z.number(),
});
export type HookDelivery = z.infer<typeof hookDeliverySchema>;

export const hookListSchema = z.object({ hooks: z.array(hookInfoSchema) });
/** `path`: where deliveries go, below the address of the deployment. */
export const hookSchema = z.object({ hook: hookInfoSchema, path: z.string() });
/** The only answers that hold a hook's secret. */
export const madeHookSchema = z.object({ hook: hookInfoSchema, path: z.string(), secret: z.string() });
export const hookDeliveriesSchema = z.object({ deliveries: z.array(hookDeliverySchema) });
export const hookPreviewSchema = z.object({ text: z.string() });

/** A delivery as it came: the headers that its scheme may need (names in lower case), and the body's own bytes. */
export interface RawDelivery {
  headers: Record<string, string>;
  body: Uint8Array;
}

/** A delivery that was taken: what is said in which chat, and under which key it counts once. */
export interface TakenDelivery {
  hook: { id: string; name: string; madeBy: string };
  thread: string;
  event: string;
  text: string;
}

/** The hooks of a user's or a team's agent. */
export interface HooksRpc {
  /** Newest first. */
  list(): Promise<HookInfo[]>;
  /** Throws `thread_invalid`, `bad_request` for a template that cannot be read, `hooks_full`. */
  create(by: Sender, hook: NewHook): Promise<{ hook: HookInfo; secret: string }>;
  /** Throws `hook_unknown`, as all below. */
  change(by: Sender, id: string, change: ChangeHook): Promise<HookInfo>;
  /** A new secret; the old one ends at once. */
  rotate(by: Sender, id: string): Promise<{ hook: HookInfo; secret: string }>;
  revoke(by: Sender, id: string): Promise<HookInfo>;
  /** What a payload would be said as. */
  preview(id: string, payload: unknown, template?: string): Promise<string>;
  /** The newest ones, newest first. */
  deliveries(id: string): Promise<HookDelivery[]>;
  /**
   * Checks a delivery and renders it. Throws `signature_invalid`, `bad_request`. One that came before gives the same
   * event again.
   */
  receive(id: string, delivery: RawDelivery): Promise<TakenDelivery>;
  /** What became of one that was taken. */
  settled(id: string, event: string, outcome: { turn: string } | { error: string }): Promise<void>;
}
