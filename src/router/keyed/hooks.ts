/**
 * `POST /keyed/{handle}/hooks/{id}`: a service brings a message. What it signed is checked by the agent's own actor,
 * over the bytes that came; the answer is given only once the message is in the journal.
 */
import { z } from "zod";
import { conversationStub, userStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { conversationName } from "../../names.ts";
import type { Principal } from "../../protocol/rpc.ts";
import { readBytes } from "../body.ts";
import type { Catalog } from "../catalog.ts";
import type { RouterContext } from "../context.ts";
import { decide, relationOf } from "../policy.ts";
import { addressKey, countRequest } from "../rate.ts";
import { appErrorOf } from "../respond.ts";

const row = z.object({ owner_id: z.string(), disabled_at: z.number().nullable() });
/** Headers are small; what is larger is none that a scheme reads. */
const HEADER_CHARS = 2_000;

const unknownHook = (): AppError =>
  new AppError("hook_unknown", "There is no such hook. It may have been revoked; check the address.");

export async function takeDelivery(c: RouterContext, catalog: Catalog, request: string): Promise<Response> {
  const id = c.req.param("id") ?? "";
  const agent = await catalog.agentOf(c.env.CATALOG, c.req.param("handle") ?? "");
  const ownerId = await ownerOf(c.env.CATALOG, id);
  if (ownerId === null || ownerId !== agent.ownerId) {
    await countRequest(c, "failure", addressKey(c));
    throw unknownHook();
  }
  const body = await readBytes(c.req.raw, limits.hookBodyBytes);
  const user = userStub(c.env, ownerId);
  const taken = await user.hooks.receive(id, { headers: headersOf(c.req.raw), body }).catch(async (error) => {
    if (appErrorOf(error).code === "signature_invalid") await countRequest(c, "failure", addressKey(c));
    throw error;
  });
  const { hook, thread, event, text } = taken;
  const principal: Principal = {
    ...{ kind: "hook", role: "hook", userId: hook.madeBy, handle: agent.handle, name: hook.name, request },
    of: { id, ownerId },
  };
  c.set("principal", principal);
  await countRequest(c, "principal", `hook:${id}`);
  const verdict = decide(principal, { kind: "inbound", of: relationOf(principal, ownerId, null) }, "write");
  c.set("decided", { resource: "inbound", action: "write", ownerId, verdict });
  if (verdict !== "allow") throw new AppError("forbidden", "This hook may not bring messages.");
  const message = { key: `${id}:${event}`, source: "hook", text };
  try {
    const { turn, fresh } = await conversationStub(c.env, conversationName(ownerId, thread)).send(
      principal,
      message,
    );
    c.executionCtx.waitUntil(user.hooks.settled(id, event, { turn }));
    return c.json({ turn, fresh }, fresh ? 202 : 200);
  } catch (error) {
    c.executionCtx.waitUntil(user.hooks.settled(id, event, { error: appErrorOf(error).message }));
    throw error;
  }
}

/** An id that nobody made wakes nothing. */
async function ownerOf(db: D1Database, id: string): Promise<string | null> {
  const found = await db
    .prepare(
      `SELECT h.owner_id, s.disabled_at FROM hooks h LEFT JOIN user_state s ON s.user_id = h.created_by
         WHERE h.id = ?1 AND h.revoked_at IS NULL`,
    )
    .bind(id)
    .first()
    .catch((cause: unknown) => {
      throw new AppError("storage_failed", "The catalog did not answer. Try again in a moment.", { cause });
    });
  const known = found === null ? null : row.parse(found);
  return known === null || known.disabled_at !== null ? null : known.owner_id;
}

function headersOf(request: Request): Record<string, string> {
  return Object.fromEntries([...request.headers].filter(([, value]) => value.length <= HEADER_CHARS));
}
