/** Erasing for good: a message of a chat, or an agent with everything that is its owner's. A chat is in `journal.ts`. */
import { z } from "zod";
import { conversationStub, userStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { erasedSchema } from "../../protocol/log.ts";
import { senderOf } from "../../protocol/sender.ts";
import { readJson } from "../body.ts";
import { conversationOf } from "../pages.ts";
import type { Gate, Route } from "../route.ts";

/** Ids of messages are the clients' own. */
const MESSAGE_ID_CHARS = 200;

const messageBody = z.strictObject({
  message: z.string().min(1).max(MESSAGE_ID_CHARS),
  answer: z.boolean().default(true),
  files: z.boolean().default(false),
});
const confirmation = z.strictObject({ confirm: z.string() });

const eraseMessage: Gate = {
  resource: "erasure",
  action: "write",
  async run(call) {
    const body = await readJson(call.c.req.raw, messageBody);
    const erased = await conversationStub(call.c.env, conversationOf(call)).erase(call.principal, body);
    return call.c.json(erasedSchema.parse(erased), erased.pending ? 202 : 200);
  },
};

/** The agent's handle has to be typed. Answers when nothing is left; what could not be reached goes on by itself. */
const eraseOwner: Gate = {
  resource: "erasure",
  action: "write",
  async run({ c, agent, principal, catalog }) {
    const { confirm } = await readJson(c.req.raw, confirmation);
    if (confirm !== agent.handle) {
      throw new AppError(
        "bad_request",
        `Everything of @${agent.handle} would be erased, and nothing of it can be brought back. Send {"confirm": "${agent.handle}"} to do that.`,
      );
    }
    await userStub(c.env, agent.ownerId).log.eraseOwner(senderOf(principal));
    // Whoever signs in again is somebody new.
    catalog.forget(agent.ownerId);
    // The log of requests is written behind this answer: of somebody who is gone the id is enough.
    if (principal.userId === agent.ownerId) c.set("principal", { ...principal, name: "" });
    return c.body(null, 204);
  },
};

const AGENT = "/api/agents/:handle";

export const ERASE_ROUTES: readonly Route[] = [
  { path: AGENT, of: "handle", methods: { DELETE: eraseOwner } },
  { path: `${AGENT}/threads/:thread/erase`, of: "handle", methods: { POST: eraseMessage } },
];
