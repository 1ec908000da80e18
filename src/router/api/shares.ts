/** Links to read one chat: made, listed, withdrawn. What is behind them is in `share/page.ts`. */
import { conversationStub, userStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { conversationName } from "../../names.ts";
import { ACTOR_PATHS } from "../../protocol/forwarded.ts";
import { senderOf } from "../../protocol/sender.ts";
import { type CreateShare, createShareSchema } from "../../protocol/shares.ts";
import { readJson } from "../body.ts";
import type { Call } from "../context.ts";
import { askActor } from "../forward.ts";
import { threadFrom } from "../pages.ts";
import type { Gate, Route } from "../route.ts";
import { shareToken } from "../share/token.ts";
import { transcriptSchema } from "../share/view.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Where the last message that stands is looked for: behind it are only those that wait, and the one being written. */
const NEWEST_MESSAGES = 60;

const sharesOf = ({ c, agent }: Call) => userStub(c.env, agent.ownerId).shares;

const list: Gate = {
  resource: "shares",
  action: "read",
  run: async (call) => call.c.json({ shares: await sharesOf(call).list() }),
};

const listOfThread: Gate = {
  resource: "shares",
  action: "read",
  run: async (call) => call.c.json({ shares: await sharesOf(call).list(threadFrom(call)) }),
};

/** 201 with the address, which is shown this once. */
const create: Gate = {
  resource: "shares",
  action: "write",
  async run(call) {
    const { c, deps, settings, principal } = call;
    const wanted = await readJson(c.req.raw, createShareSchema);
    const thread = threadFrom(call);
    const share = await sharesOf(call).create(senderOf(principal), {
      thread,
      // To the second, as the address says it.
      expiresAt: Math.floor((deps.now() + wanted.expiresInDays * DAY_MS) / 1000) * 1000,
      upTo: await lastShown(call, thread, wanted),
      names: wanted.names === "show",
      details: wanted.details === "show",
    });
    const url = `${settings.publicOrigin}/s/${shareToken(settings.keyring, share.id, share.expiresAt)}`;
    return c.json({ share, url }, 201);
  },
};

const revoke: Gate = {
  resource: "shares",
  action: "write",
  async run(call) {
    await sharesOf(call).revoke(senderOf(call.principal), call.c.req.param("share") ?? "");
    return call.c.body(null, 204);
  },
};

/** The message that the link ends with; null when it follows the chat. Throws `bad_request`. */
async function lastShown(call: Call, thread: string, { live, upTo }: CreateShare): Promise<string | null> {
  if (upTo === undefined && live !== false) return null;
  const wanted = new URL("https://share.internal/");
  wanted.searchParams.set("limit", upTo === undefined ? String(NEWEST_MESSAGES) : "1");
  if (upTo !== undefined) wanted.searchParams.set("until", upTo);
  const actor = conversationStub(call.c.env, conversationName(call.agent.ownerId, thread));
  const { principal, agent, rights } = call;
  const answer = await askActor(actor, new Request(wanted), {
    principal,
    agent,
    rights,
    path: ACTOR_PATHS.messages,
    query: ["until", "limit"],
  });
  const last = transcriptSchema
    .parse(await answer.json())
    .findLast(
      ({ role, metadata }) => metadata.waiting === undefined && (role === "user" || metadata.outcome),
    );
  if (last && (upTo === undefined || last.id === upTo)) return last.id;
  throw new AppError(
    "bad_request",
    upTo === undefined
      ? "There is nothing in this chat yet."
      : "That message is not in this chat, or not finished.",
  );
}

const AGENT = "/api/agents/:handle";

export const SHARE_ROUTES: readonly Route[] = [
  { path: `${AGENT}/shares`, of: "handle", methods: { GET: list } },
  { path: `${AGENT}/shares/:share`, of: "handle", methods: { DELETE: revoke } },
  { path: `${AGENT}/threads/:thread/shares`, of: "handle", methods: { GET: listOfThread, POST: create } },
];
