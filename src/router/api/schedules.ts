/** The API of schedules: those of one chat, and one list over all chats. */
import { z } from "zod";
import { conversationStub, userStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import type { ScheduleInfo, ScheduleStep } from "../../protocol/schedules.ts";
import { readJson } from "../body.ts";
import type { Call } from "../context.ts";
import { conversationOf, threadFrom } from "../pages.ts";
import { recorded } from "../recorded.ts";
import type { Gate, Route } from "../route.ts";

/** A key that a program gives to a schedule, so that making it twice makes one. */
const KEY_CHARS = 200;

// Lengths and meanings of the fields are the conversation's to check; here is only what a body may be made of.
const newBody = z.strictObject({
  text: z.string(),
  cron: z.string().optional(),
  at: z.string().optional(),
  in: z.string().optional(),
  timeZone: z.string().optional(),
  catchUp: z.enum(["latest", "skip"]).optional(),
  key: z.string().min(1).max(KEY_CHARS).optional(),
});
const changeBody = z.strictObject({ paused: z.boolean().optional(), text: z.string().optional() });

const listAll: Gate = {
  resource: "threads",
  action: "read",
  run: async ({ c, agent }) => c.json({ schedules: await userStub(c.env, agent.ownerId).schedules() }),
};

const list: Gate = {
  resource: "conversation",
  action: "read",
  run: async (call) => call.c.json({ schedules: await ask(call, { type: "list" }) }),
};

const add: Gate = {
  resource: "conversation",
  action: "write",
  async run(call) {
    const { c, deps } = call;
    const { key, ...input } = await readJson(c.req.raw, newBody);
    // With its source in front, so that no key of the API can stand for a tool's call.
    await recorded(call, "schedule-add", { thread: threadFrom(call) });
    const [schedule] = await ask(call, { type: "add", input, key: `http:${key ?? deps.id()}` });
    if (schedule) return c.json({ schedule }, 201);
    throw new AppError(
      "schedule_unknown",
      "The schedule that was made with this key is over. Use another key to make a new one.",
    );
  },
};

const change: Gate = {
  resource: "conversation",
  action: "write",
  async run(call) {
    const body = await readJson(call.c.req.raw, changeBody);
    const { paused } = body;
    const detail = {
      ...(paused !== undefined && { paused }),
      ...(body.text !== undefined && { text: "changed" }),
    };
    await recorded(call, "schedule-change", { thread: threadFrom(call), schedule: idFrom(call), ...detail });
    const [schedule] = await ask(call, { type: "change", id: idFrom(call), change: body });
    return call.c.json({ schedule });
  },
};

const remove: Gate = {
  resource: "conversation",
  action: "write",
  async run(call) {
    await recorded(call, "schedule-remove", { thread: threadFrom(call), schedule: idFrom(call) });
    await ask(call, { type: "remove", id: idFrom(call) });
    return call.c.body(null, 204);
  },
};

const ask = (call: Call, step: ScheduleStep): Promise<ScheduleInfo[]> =>
  conversationStub(call.c.env, conversationOf(call)).schedules(call.principal, step);
const idFrom = (call: Call): string => call.c.req.param("id") ?? "";

const AGENT = "/api/agents/:handle";

export const SCHEDULE_ROUTES: readonly Route[] = [
  { path: `${AGENT}/schedules`, of: "handle", methods: { GET: listAll } },
  { path: `${AGENT}/threads/:thread/schedules`, of: "handle", methods: { GET: list, POST: add } },
  {
    path: `${AGENT}/threads/:thread/schedules/:id`,
    of: "handle",
    methods: { PATCH: change, DELETE: remove },
  },
];
