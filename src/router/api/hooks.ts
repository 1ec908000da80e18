/** The API of hooks: made, changed, tried out, rotated and revoked by whoever runs the agent. */
import type { z } from "zod";
import { userStub } from "../../env.ts";
import {
  changeHookSchema,
  type HookInfo,
  type hookDeliveriesSchema,
  type hookListSchema,
  type hookPreviewSchema,
  type hookSchema,
  type madeHookSchema,
  newHookSchema,
  previewHookSchema,
} from "../../protocol/hooks.ts";
import { senderOf } from "../../protocol/sender.ts";
import { readJson } from "../body.ts";
import type { Call } from "../context.ts";
import type { Gate, Route } from "../route.ts";

const hooksOf = ({ c, agent }: Call) => userStub(c.env, agent.ownerId).hooks;
const idFrom = ({ c }: Call): string => c.req.param("hook") ?? "";
const pathOf = ({ agent }: Call, { id }: HookInfo): string => `/keyed/${agent.handle}/hooks/${id}`;

const list: Gate = {
  resource: "hooks",
  action: "read",
  async run(call) {
    const answer: z.infer<typeof hookListSchema> = { hooks: await hooksOf(call).list() };
    return call.c.json(answer);
  },
};

const create: Gate = {
  resource: "hooks",
  action: "write",
  async run(call) {
    const body = await readJson(call.c.req.raw, newHookSchema);
    const made = await hooksOf(call).create(senderOf(call.principal), body);
    const answer: z.infer<typeof madeHookSchema> = { ...made, path: pathOf(call, made.hook) };
    return call.c.json(answer, 201);
  },
};

const change: Gate = {
  resource: "hooks",
  action: "write",
  async run(call) {
    const { name, thread, template } = await readJson(call.c.req.raw, changeHookSchema);
    const hook = await hooksOf(call).change(senderOf(call.principal), idFrom(call), {
      ...(name !== undefined && { name }),
      ...(thread !== undefined && { thread }),
      ...(template !== undefined && { template }),
    });
    const answer: z.infer<typeof hookSchema> = { hook, path: pathOf(call, hook) };
    return call.c.json(answer);
  },
};

const revoke: Gate = {
  resource: "hooks",
  action: "write",
  async run(call) {
    const hook = await hooksOf(call).revoke(senderOf(call.principal), idFrom(call));
    const answer: z.infer<typeof hookSchema> = { hook, path: pathOf(call, hook) };
    return call.c.json(answer);
  },
};

const rotate: Gate = {
  resource: "hooks",
  action: "write",
  async run(call) {
    const made = await hooksOf(call).rotate(senderOf(call.principal), idFrom(call));
    const answer: z.infer<typeof madeHookSchema> = { ...made, path: pathOf(call, made.hook) };
    return call.c.json(answer);
  },
};

/** What a payload would be said as; nothing is sent. */
const preview: Gate = {
  resource: "hooks",
  action: "read",
  async run(call) {
    const { payload, template } = await readJson(call.c.req.raw, previewHookSchema);
    const answer: z.infer<typeof hookPreviewSchema> = {
      text: await hooksOf(call).preview(idFrom(call), payload, template),
    };
    return call.c.json(answer);
  },
};

const deliveries: Gate = {
  resource: "hooks",
  action: "read",
  async run(call) {
    const answer: z.infer<typeof hookDeliveriesSchema> = {
      deliveries: await hooksOf(call).deliveries(idFrom(call)),
    };
    return call.c.json(answer);
  },
};

const HOOKS = "/api/agents/:handle/hooks";

export const HOOK_ROUTES: readonly Route[] = [
  { path: HOOKS, of: "handle", methods: { GET: list, POST: create } },
  { path: `${HOOKS}/:hook`, of: "handle", methods: { PATCH: change, DELETE: revoke } },
  { path: `${HOOKS}/:hook/rotate`, of: "handle", methods: { POST: rotate } },
  { path: `${HOOKS}/:hook/preview`, of: "handle", methods: { POST: preview } },
  { path: `${HOOKS}/:hook/deliveries`, of: "handle", methods: { GET: deliveries } },
];
