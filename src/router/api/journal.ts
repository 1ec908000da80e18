/** A chat as a whole: read as a document, copied, brought in from a file, and deleted for good. */
import { z } from "zod";
import { conversationStub, userStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { conversationName, threadOf, userIdFrom } from "../../names.ts";
import { ACTOR_PATHS, forwardedHeaders } from "../../protocol/forwarded.ts";
import { senderOf } from "../../protocol/sender.ts";
import { readJson } from "../body.ts";
import type { Call } from "../context.ts";
import { askActor } from "../forward.ts";
import { conversationOf, threadFrom } from "../pages.ts";
import { decide } from "../policy.ts";
import { wireErrorFrom } from "../respond.ts";
import type { Gate, Route } from "../route.ts";

/** Ids of messages are the clients' own. */
const MESSAGE_ID_CHARS = 200;

const forkBody = z.strictObject({ message: z.string().min(1).max(MESSAGE_ID_CHARS).optional() });

/** A name that no chat has yet. */
export const freshThread = (call: Call): string =>
  threadOf(`t${userIdFrom(call.deps.random(20)).slice(1, 13)}`);

/** A document that the conversation writes, as a file to keep. */
const download = (path: string, suffix: string): Gate => ({
  resource: "conversation",
  action: "read",
  async run(call) {
    const { c, principal, agent, rights } = call;
    const actor = conversationStub(c.env, conversationOf(call));
    const response = await askActor(actor, c.req.raw, { principal, agent, rights, path, query: [] });
    const named = new Response(response.body, response);
    named.headers.set("content-disposition", `attachment; filename="${threadFrom(call)}${suffix}"`);
    return named;
  },
});

/** Entry by entry with its hash chain: for safekeeping, and for `npm run replay`. */
const exportJournal = download(ACTOR_PATHS.journal, ".jsonl");
/** For people. */
const transcript = download(ACTOR_PATHS.transcript, ".md");

const fork: Gate = {
  resource: "conversation",
  action: "write",
  async run(call) {
    const { c, principal } = call;
    const { message } = await readJson(c.req.raw, forkBody);
    const thread = freshThread(call);
    const { draft } = await conversationStub(c.env, conversationOf(call)).fork(principal, thread, message);
    return c.json({ thread, ...(draft !== undefined && { draft }) }, 201);
  },
};

/** The body goes on to the new chat's actor as it comes: nothing of it is held here. */
const importJournal: Gate = {
  resource: "conversation",
  action: "write",
  async run(call) {
    const { c, principal, agent, rights } = call;
    if (Number(c.req.header("Content-Length") ?? 0) > limits.importBytes) {
      throw new AppError("body_too_large", `A journal to import has at most ${limits.importBytes} bytes.`);
    }
    const thread = freshThread(call);
    const actor = conversationStub(c.env, conversationName(agent.ownerId, thread));
    const answer = await actor.fetch(
      new Request(new URL(ACTOR_PATHS.import, "https://actor.internal"), {
        method: "POST",
        headers: forwardedHeaders({ principal, agent, rights }),
        body: c.req.raw.body ?? new Uint8Array(),
      }),
    );
    const body: unknown = await answer.json().catch(() => null);
    if (answer.status !== 200) {
      const wire = wireErrorFrom(body);
      if (wire) throw new AppError(wire.code, wire.message);
      throw new Error(`The actor answered ${answer.status} to an import.`);
    }
    return c.json({ thread }, 201);
  },
};

/** Answers when everything of the chat is gone. What could not be reached is tried again without anyone asking. */
export async function deleteForGood(call: Call): Promise<Response> {
  // More than taking it off the list: who may do that may not do this.
  if (decide(call.principal, { kind: "erasure", of: call.relation }, "write") === "deny")
    throw new AppError(
      "forbidden",
      "Only the owner may delete a chat for good. It can be taken off the list.",
    );
  const user = userStub(call.c.env, call.agent.ownerId);
  await user.deleteThread(threadFrom(call), senderOf(call.principal));
  return call.c.body(null, 204);
}

const AGENT = "/api/agents/:handle";

export const JOURNAL_ROUTES: readonly Route[] = [
  { path: `${AGENT}/threads/:thread/journal`, of: "handle", methods: { GET: exportJournal } },
  { path: `${AGENT}/threads/:thread/transcript.md`, of: "handle", methods: { GET: transcript } },
  { path: `${AGENT}/threads/:thread/fork`, of: "handle", methods: { POST: fork } },
  { path: `${AGENT}/import`, of: "handle", methods: { POST: importJournal } },
];
