/** Keys of an agent, for programs: what a person may say of them, and what is said of them. */
import { z } from "zod";
import { KEY_SCOPES, type KeyScope, type Sender } from "./rpc.ts";

const NAME_CHARS = 60;
const MOST_DAYS = 366;
const DEFAULT_DAYS = 90;
/** A program is changed over in an afternoon; a week is for those that are changed by others. */
const MOST_OVERLAP_HOURS = 7 * 24;

const name = z.string().trim().min(1).max(NAME_CHARS);

export const newKeySchema = z.strictObject({
  name,
  scopes: z
    .array(z.enum(KEY_SCOPES))
    .min(1)
    .transform((scopes) => KEY_SCOPES.filter((scope) => scopes.includes(scope))),
  expiresInDays: z.int().min(1).max(MOST_DAYS).default(DEFAULT_DAYS),
  /** The one chat that it is for; every call goes there. */
  thread: z.string().optional(),
});
export type NewKey = z.infer<typeof newKeySchema>;

export const changeKeySchema = z.strictObject({ name });
export const rotateKeySchema = z.strictObject({
  /** How long the old secret goes on being valid; 0 ends it at once. */
  overlapHours: z.int().min(0).max(MOST_OVERLAP_HOURS).default(24),
});

/** `orphaned`: its maker does not run the agent any more: left the team's owners, or was shut out. */
const KEY_STATES = ["active", "expired", "revoked", "orphaned"] as const;

/** What is known of a key. Times are milliseconds since the epoch. */
export const keyInfoSchema = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(KEY_SCOPES)),
  thread: z.string().nullable(),
  state: z.enum(KEY_STATES),
  createdBy: z.string(),
  createdAt: z.number(),
  expiresAt: z.number(),
  /** Until then the secret before the newest rotation is valid too; null when none is. */
  overlapUntil: z.number().nullable(),
  /** To the hour. Null: never. */
  usedAt: z.number().nullable(),
  revokedAt: z.number().nullable(),
});
export type KeyInfo = z.infer<typeof keyInfoSchema>;

export const keyListSchema = z.object({ keys: z.array(keyInfoSchema) });
export const keySchema = z.object({ key: keyInfoSchema });
/** The only answer that holds a key's secret. */
export const madeKeySchema = z.object({ key: keyInfoSchema, secret: z.string() });
export type MadeKey = z.infer<typeof madeKeySchema>;

/** A key that may be used, as the agent's actor says it. */
export interface KeyGrant {
  id: string;
  name: string;
  scopes: readonly KeyScope[];
  thread: string | null;
  /** Id of who made it. */
  madeBy: string;
}

/** The keys of a user's or a team's agent. */
export interface KeysRpc {
  /** Newest first, those that are over included. */
  list(): Promise<KeyInfo[]>;
  /** Throws `thread_invalid`, `keys_full`. */
  create(by: Sender, key: NewKey): Promise<MadeKey>;
  /** Throws `key_unknown`, as all below. */
  rename(by: Sender, id: string, name: string): Promise<KeyInfo>;
  /** Ends it for good; when this resolves, it is refused everywhere. */
  revoke(by: Sender, id: string): Promise<KeyInfo>;
  /** A new secret; the old one stays valid for so long. Throws `key_over` for a key that is over. */
  rotate(by: Sender, id: string, overlapHours: number): Promise<MadeKey>;
  /** Whether a key with this hash may be used now; notes that it was. A refusal says why. */
  use(
    id: string,
    hash: string,
  ): Promise<KeyGrant | { refused: "unknown" | "expired" | "revoked" | "orphaned" }>;
  /**
   * A chat of a call that brings its own history: not listed, and deleted for good when its time has come. Called again
   * it lives longer, never shorter.
   */
  openThread(thread: string, keptMs: number): Promise<void>;
}
