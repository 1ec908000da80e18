/**
 * `/s/{token}`: one chat for whoever was given its address. The address is the credential, so it is checked before
 * anything is woken, and written down nowhere: not in a log, and not in a `Referer`.
 */
import type { Hono } from "hono";
import { z } from "zod";
import { conversationStub, settingsOf, userStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { conversationName } from "../../names.ts";
import { ACTOR_PATHS } from "../../protocol/forwarded.ts";
import type { Principal } from "../../protocol/rpc.ts";
import type { OpenShare, SharedPage } from "../../protocol/shares.ts";
import type { RouterContext, RouterDeps, RouterEnv } from "../context.ts";
import { askActor } from "../forward.ts";
import { decide, relationOf } from "../policy.ts";
import { sharePolicy } from "../respond.ts";
import { readShareToken } from "./token.ts";
import { sharedMessage, transcriptSchema } from "./view.ts";

const SHARE = "/s/:token";
/** Below the same unguarded path as the page: whoever reads it has no way to the console's own files. */
const ASSETS = "/s/assets/:file";

/** Names with a hash in them never change, and hold nothing of anybody's. */
const HASHED_ASSET = "public, max-age=31536000, immutable";
const MESSAGE_ID_CHARS = 200;

const shareRow = z.object({ owner_id: z.string(), revoked_at: z.number().nullable() });

export function mountShares(app: Hono<RouterEnv>, deps: RouterDeps): void {
  app.get(ASSETS, async (c) => {
    c.set("route", ASSETS);
    return asset(c, `/s/assets/${c.req.param("file")}`, HASHED_ASSET);
  });
  app.get(SHARE, async (c) => {
    c.set("route", SHARE);
    await opened(c, deps);
    return asset(c, "/s/", "no-store");
  });
  app.get(`${SHARE}/messages`, async (c) => {
    c.set("route", `${SHARE}/messages`);
    const { share, principal, ownerId } = await opened(c, deps);
    const page = await pageOf(c, share, principal, ownerId);
    const etag = `"${await digestOf(JSON.stringify(page))}"`;
    const headers = { etag, "cache-control": "no-store", ...UNSEEN };
    if (c.req.header("If-None-Match") === etag) return new Response(null, { status: 304, headers });
    return c.json(page, 200, headers);
  });
}

/** Search engines keep out, and nobody whom the page links to learns its address. */
const UNSEEN = { "x-robots-tag": "noindex, nofollow, noarchive", "referrer-policy": "no-referrer" };

interface Opened {
  share: OpenShare;
  principal: Principal;
  ownerId: string;
}

/** Signature, catalog, owner, policy: in the order of what they cost. */
async function opened(c: RouterContext, deps: RouterDeps): Promise<Opened> {
  const id = readShareToken(settingsOf(c.env).keyring, c.req.param("token") ?? "", deps.now());
  const row = await c.env.CATALOG.prepare("SELECT owner_id, revoked_at FROM shares WHERE id = ?")
    .bind(id)
    .first()
    .catch((cause: unknown) => {
      throw new AppError("storage_failed", "The catalog did not answer. Try again in a moment.", { cause });
    });
  const known = row === null ? null : shareRow.parse(row);
  // Also the last word when the owner was erased with everything else.
  if (!known || known.revoked_at !== null)
    throw new AppError(
      "share_over",
      "It was withdrawn, or the chat is gone. Ask whoever sent it for a new one.",
    );
  const share = await userStub(c.env, known.owner_id).shares.open(id);
  const principal: Principal = {
    kind: "link",
    userId: share.makerId,
    handle: "",
    name: `link ${share.id}`,
    role: "link",
    request: c.req.header("CF-Ray") ?? deps.id(),
    of: { id: share.id, ownerId: known.owner_id },
  };
  c.set("principal", principal);
  const of = relationOf(principal, known.owner_id, null);
  const verdict = decide(principal, { kind: "transcript", of }, "read");
  c.set("decided", { resource: "transcript", action: "read", ownerId: known.owner_id, verdict });
  if (verdict !== "allow") throw new AppError("forbidden", "This link does not show this chat.");
  return { share, principal, ownerId: known.owner_id };
}

async function pageOf(
  c: RouterContext,
  share: OpenShare,
  principal: Principal,
  ownerId: string,
): Promise<SharedPage> {
  const before = c.req.query("before");
  if (before !== undefined && before.length > MESSAGE_ID_CHARS)
    throw new AppError("bad_request", "That is not the id of a message.");
  const wanted = new URL("https://share.internal/");
  // One more than is shown says whether there are more.
  wanted.searchParams.set("limit", String(limits.sharedMessages + 1));
  if (before !== undefined) wanted.searchParams.set("before", before);
  if (share.upTo !== null) wanted.searchParams.set("until", share.upTo);
  const answer = await askActor(
    conversationStub(c.env, conversationName(ownerId, share.thread)),
    new Request(wanted),
    {
      principal,
      agent: { ownerId, handle: "" },
      rights: { write: false, decide: false },
      path: ACTOR_PATHS.messages,
      query: ["before", "until", "limit"],
    },
  );
  const all = transcriptSchema.parse(await answer.json());
  const shown = all.slice(-limits.sharedMessages);
  const [oldest] = shown;
  return {
    title: share.title,
    agent: share.names ? share.agent : "",
    live: share.live,
    expiresAt: share.expiresAt,
    messages: shown.flatMap((one) => sharedMessage(one, share) ?? []),
    ...(all.length > shown.length && oldest && { older: oldest.id }),
  };
}

async function asset(c: RouterContext, path: string, cacheControl: string): Promise<Response> {
  const found = await c.env.ASSETS.fetch(new Request(new URL(path, "https://assets.internal")));
  if (found.status !== 200) {
    await found.body?.cancel();
    throw new AppError("not_found", "There is no such file.");
  }
  return new Response(found.body, {
    headers: {
      "content-type": found.headers.get("content-type") ?? "application/octet-stream",
      "cache-control": cacheControl,
      "content-security-policy": sharePolicy(),
      ...UNSEEN,
    },
  });
}

/** Of what is shown, so that a page that asks every few seconds is told in a line that nothing is new. */
async function digestOf(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Buffer.from(hash).toString("base64url").slice(0, 27);
}
