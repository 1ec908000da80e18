/** The API of an agent beside its files: settings, chats, and the feed of what happens in them. */
import { z } from "zod";
import { conversationStub, userStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { ACTOR_PATHS } from "../../protocol/forwarded.ts";
import { senderOf } from "../../protocol/sender.ts";
import { parsed, readJson } from "../body.ts";
import type { Call } from "../context.ts";
import { askActor } from "../forward.ts";
import { conversationOf, threadFrom } from "../pages.ts";
import type { Gate, Route } from "../route.ts";
import { deleteForGood, freshThread } from "./journal.ts";

/** A key that a program gives to a message, so that sending it twice counts once. */
const KEY_CHARS = 200;
/** Searching is a substring test over a list in memory: longer queries find nothing more. */
const QUERY_CHARS = 200;

const threadsQuery = z.object({
  query: z.string().max(QUERY_CHARS).optional(),
  limit: z.coerce.number().int().min(1).max(200).optional(),
});
// Lengths and shapes of the fields are the user actor's to check; here is only what a change may be made of.
const settingsBody = z.strictObject({
  name: z.string().optional(),
  instructions: z.string().optional(),
  model: z.string().optional(),
  timeZone: z.string().optional(),
  toolRisks: z.record(z.string(), z.enum(["auto", "ask", "deny"])).optional(),
});
const titleBody = z.strictObject({ title: z.string() });
/** Where the answer is owed besides the chat. The parts of `to` are the channel's own words. */
const replyAddress = z.strictObject({
  channel: z.string(),
  to: z
    .record(z.string().min(1).max(limits.replyAddressChars), z.string().max(limits.replyAddressChars))
    .refine(
      (to) => Object.keys(to).length <= limits.replyAddressParts,
      `has at most ${limits.replyAddressParts} parts`,
    )
    .default({}),
});
const messageBody = z.strictObject({
  text: z.string(),
  mode: z.enum(["queue", "steer"]).optional(),
  key: z.string().min(1).max(KEY_CHARS).optional(),
  reply: replyAddress.optional(),
});

const readSettings: Gate = {
  resource: "agent",
  action: "read",
  run: async ({ c, agent }) => c.json(await userStub(c.env, agent.ownerId).settings()),
};

const changeSettings: Gate = {
  resource: "agent",
  action: "write",
  async run({ c, agent, principal }) {
    const body = await readJson(c.req.raw, settingsBody);
    const change = {
      ...(body.name !== undefined && { name: body.name }),
      ...(body.instructions !== undefined && { instructions: body.instructions }),
      ...(body.model !== undefined && { model: body.model }),
      ...(body.timeZone !== undefined && { timeZone: body.timeZone }),
      ...(body.toolRisks !== undefined && { toolRisks: body.toolRisks }),
    };
    return c.json(await userStub(c.env, agent.ownerId).changeSettings(change, senderOf(principal)));
  },
};

const usage: Gate = {
  resource: "agent",
  action: "read",
  run: async ({ c, agent }) => c.json(await userStub(c.env, agent.ownerId).usage()),
};

const listThreads: Gate = {
  resource: "threads",
  action: "read",
  async run({ c, agent }) {
    const { query, limit } = parsed(threadsQuery, c.req.query(), "The query does not fit");
    const options = { ...(query !== undefined && { query }), ...(limit !== undefined && { limit }) };
    return c.json({ threads: await userStub(c.env, agent.ownerId).threads(options) });
  },
};

/** A fresh name for a chat. Nothing is stored until its first message. */
const newThread: Gate = {
  resource: "threads",
  action: "write",
  run: (call) => call.c.json({ thread: { id: freshThread(call) } }, 201),
};

const renameThread: Gate = {
  resource: "threads",
  action: "write",
  async run(call) {
    const { title } = await readJson(call.c.req.raw, titleBody);
    const user = userStub(call.c.env, call.agent.ownerId);
    const thread = await user.renameThread(threadFrom(call), title, senderOf(call.principal));
    return call.c.json({ thread });
  },
};

const archiveThread: Gate = {
  resource: "threads",
  action: "write",
  async run(call) {
    if (call.c.req.query("forever") === "true") return deleteForGood(call);
    const user = userStub(call.c.env, call.agent.ownerId);
    await user.archiveThread(threadFrom(call), senderOf(call.principal));
    return call.c.body(null, 204);
  },
};

const sendMessage: Gate = {
  resource: "conversation",
  action: "write",
  async run(call) {
    const { c, deps, principal, settings } = call;
    const name = conversationOf(call);
    const { text, key, mode, reply } = await readJson(c.req.raw, messageBody);
    if (text.trim() === "") throw new AppError("message_empty", "The message is empty. Write something.");
    if (new TextEncoder().encode(text).byteLength > limits.messageBytes) {
      throw new AppError(
        "message_too_large",
        `A message has at most ${limits.messageBytes} bytes. Put longer text into a file and name it.`,
      );
    }
    if (reply && !Object.hasOwn(settings.channels, reply.channel)) {
      const known = Object.keys(settings.channels).sort().join(", ") || "none";
      throw new AppError("bad_request", `There is no channel "${reply.channel}". Configured here: ${known}.`);
    }
    // With its source in front, so that no key of the API can stand for an event of another channel.
    const message = {
      key: `http:${key ?? deps.id()}`,
      source: "http",
      text,
      ...(mode && { mode }),
      ...(reply && { reply }),
    };
    const { turn, fresh } = await conversationStub(c.env, name).send(principal, message);
    return c.json({ turn, fresh }, 202);
  },
};

const feed: Gate = {
  resource: "feed",
  action: "connect",
  run: ({ c, principal, agent, rights }: Call) =>
    askActor(userStub(c.env, agent.ownerId), c.req.raw, {
      principal,
      agent,
      rights,
      path: ACTOR_PATHS.feed,
      query: [],
    }),
};

const AGENT = "/api/agents/:handle";

export const AGENT_ROUTES: readonly Route[] = [
  { path: `${AGENT}/settings`, of: "handle", methods: { GET: readSettings, PATCH: changeSettings } },
  { path: `${AGENT}/usage`, of: "handle", methods: { GET: usage } },
  { path: `${AGENT}/feed`, of: "handle", methods: { UPGRADE: feed } },
  { path: `${AGENT}/threads`, of: "handle", methods: { GET: listThreads, POST: newThread } },
  { path: `${AGENT}/threads/:thread`, of: "handle", methods: { PATCH: renameThread, DELETE: archiveThread } },
  { path: `${AGENT}/threads/:thread/messages`, of: "handle", methods: { POST: sendMessage } },
];
