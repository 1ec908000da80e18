/**
 * Which key is this, and what may it do. The checksum answers typing errors, the catalog answers keys that nobody made,
 * and the agent's own actor has the last word.
 */
import { z } from "zod";
import { parseApiKey } from "../../api-key.ts";
import { userStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import type { KeyGrant } from "../../protocol/keys.ts";
import type { RouterContext } from "../context.ts";
import { addressKey, countRequest } from "../rate.ts";

export interface KnownKey {
  grant: KeyGrant;
  ownerId: string;
}

const row = z.object({ owner_id: z.string(), disabled_at: z.number().nullable() });

const REFUSED = {
  unknown: "This key is not known here. Check it, or make a new one.",
  expired: "This key has expired. Make a new one.",
  revoked: "This key was revoked. Make a new one.",
  orphaned: "Whoever made this key does not run this agent any more. Ask an owner for a new one.",
} as const;

/** Throws `key_invalid`, and `rate_limited` for an address that sends too many wrong ones. */
export async function authenticate(c: RouterContext): Promise<KnownKey> {
  const [, text] = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(c.req.header("Authorization") ?? "") ?? [];
  if (text === undefined) return refuse(c, "Send a key of the agent as Authorization: Bearer hf_….");
  const parsed = parseApiKey(text);
  if (!parsed) return refuse(c, "That is not a whole key: some of it is missing or was mistyped.");
  const { id, hash } = parsed;
  const known = await find(c.env.CATALOG, id, hash);
  if (!known) return refuse(c, REFUSED.unknown);
  if (known.disabled_at !== null) return refuse(c, REFUSED.revoked);
  const grant = await userStub(c.env, known.owner_id).keys.use(id, hash);
  if ("refused" in grant) return refuse(c, REFUSED[grant.refused]);
  return { grant, ownerId: known.owner_id };
}

export async function refuse(c: RouterContext, message: string): Promise<never> {
  await countRequest(c, "failure", addressKey(c));
  throw new AppError("key_invalid", message);
}

async function find(db: D1Database, id: string, hash: string): Promise<z.infer<typeof row> | null> {
  const found = await db
    .prepare(
      `SELECT k.owner_id, s.disabled_at FROM api_keys k LEFT JOIN user_state s ON s.user_id = k.created_by
         WHERE k.id = ?1 AND (k.hash = ?2 OR k.old_hash = ?2)`,
    )
    .bind(id, hash)
    .first()
    .catch((cause: unknown) => {
      throw new AppError("storage_failed", "The catalog did not answer. Try again in a moment.", { cause });
    });
  return found === null ? null : row.parse(found);
}
