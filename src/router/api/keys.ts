/** The API of keys: made, listed, renamed, rotated and revoked by whoever runs the agent. */

import type { z } from "zod";
import { userStub } from "../../env.ts";
import {
  changeKeySchema,
  type keyListSchema,
  type keySchema,
  type madeKeySchema,
  newKeySchema,
  rotateKeySchema,
} from "../../protocol/keys.ts";
import { senderOf } from "../../protocol/sender.ts";
import { readJson } from "../body.ts";
import type { Call } from "../context.ts";
import type { Gate, Route } from "../route.ts";

const keysOf = ({ c, agent }: Call) => userStub(c.env, agent.ownerId).keys;
const idFrom = ({ c }: Call): string => c.req.param("key") ?? "";

const list: Gate = {
  resource: "keys",
  action: "read",
  async run(call) {
    const answer: z.infer<typeof keyListSchema> = { keys: await keysOf(call).list() };
    return call.c.json(answer);
  },
};

const create: Gate = {
  resource: "keys",
  action: "write",
  async run(call) {
    const body = await readJson(call.c.req.raw, newKeySchema);
    const answer: z.infer<typeof madeKeySchema> = await keysOf(call).create(senderOf(call.principal), body);
    return call.c.json(answer, 201);
  },
};

const rename: Gate = {
  resource: "keys",
  action: "write",
  async run(call) {
    const { name } = await readJson(call.c.req.raw, changeKeySchema);
    const key = await keysOf(call).rename(senderOf(call.principal), idFrom(call), name);
    const answer: z.infer<typeof keySchema> = { key };
    return call.c.json(answer);
  },
};

const revoke: Gate = {
  resource: "keys",
  action: "write",
  async run(call) {
    const answer: z.infer<typeof keySchema> = {
      key: await keysOf(call).revoke(senderOf(call.principal), idFrom(call)),
    };
    return call.c.json(answer);
  },
};

const rotate: Gate = {
  resource: "keys",
  action: "write",
  async run(call) {
    const { overlapHours } = await readJson(call.c.req.raw, rotateKeySchema);
    const answer: z.infer<typeof madeKeySchema> = await keysOf(call).rotate(
      senderOf(call.principal),
      idFrom(call),
      overlapHours,
    );
    return call.c.json(answer);
  },
};

const KEYS = "/api/agents/:handle/keys";

export const KEY_ROUTES: readonly Route[] = [
  { path: KEYS, of: "handle", methods: { GET: list, POST: create } },
  { path: `${KEYS}/:key`, of: "handle", methods: { PATCH: rename, DELETE: revoke } },
  { path: `${KEYS}/:key/rotate`, of: "handle", methods: { POST: rotate } },
];
