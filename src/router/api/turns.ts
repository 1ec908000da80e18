/** What a person can do to a conversation's turns from outside its socket: stop, take back, and decide on a tool call. */
import { z } from "zod";
import { conversationStub } from "../../env.ts";
import { tools } from "../../tools/registry.ts";
import { readJson } from "../body.ts";
import { conversationOf } from "../pages.ts";
import type { Gate, Route } from "../route.ts";

const COMMENT_CHARS = 2_000;

const decisionBody = z.strictObject({
  approved: z.boolean(),
  comment: z.string().max(COMMENT_CHARS).optional(),
});

/** The answer that runs, whichever it is, is stopped; `stopped` says whether there was one. */
const stop: Gate = {
  resource: "conversation",
  action: "write",
  async run(call) {
    const stopped = await conversationStub(call.c.env, conversationOf(call)).stop(call.principal);
    return call.c.json({ stopped });
  },
};

const undo: Gate = {
  resource: "conversation",
  action: "write",
  async run(call) {
    const stub = conversationStub(call.c.env, conversationOf(call));
    return call.c.json(await stub.undo(call.principal));
  },
};

const decide: Gate = {
  resource: "conversation",
  action: "decide",
  async run(call) {
    const { approved, comment } = await readJson(call.c.req.raw, decisionBody);
    const said = { approved, source: "http", ...(comment !== undefined && { comment }) };
    const stub = conversationStub(call.c.env, conversationOf(call));
    return call.c.json(await stub.decide(call.principal, call.c.req.param("call") ?? "", said));
  },
};

/** What an agent can do, for the page on which its owner says what it may. */
const listTools: Gate = {
  resource: "models",
  action: "read",
  run: ({ c }) =>
    c.json({
      tools: tools().map(({ name, description, risk, effects }) => ({ name, description, risk, effects })),
    }),
};

const THREAD = "/api/agents/:handle/threads/:thread";

export const TURN_ROUTES: readonly Route[] = [
  { path: "/api/tools", of: "deployment", methods: { GET: listTools } },
  { path: `${THREAD}/stop`, of: "handle", methods: { POST: stop } },
  { path: `${THREAD}/undo`, of: "handle", methods: { POST: undo } },
  { path: `${THREAD}/approvals/:call`, of: "handle", methods: { POST: decide } },
];
