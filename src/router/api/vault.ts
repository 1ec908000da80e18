/** Credentials of an agent: added, listed, changed, revoked. Their values only come in. */
import { userStub } from "../../env.ts";
import { senderOf } from "../../protocol/sender.ts";
import { changeCredentialSchema, putCredentialSchema } from "../../protocol/vault.ts";
import { readJson } from "../body.ts";
import type { Call } from "../context.ts";
import type { Gate, Route } from "../route.ts";

const vaultOf = ({ c, agent }: Call) => userStub(c.env, agent.ownerId).vault;
const nameFrom = ({ c }: Call): string => c.req.param("credential") ?? "";

const list: Gate = {
  resource: "vault",
  action: "read",
  run: async (call) => call.c.json({ credentials: await vaultOf(call).list() }),
};

/** A new one, or a new value for one that is there. */
const put: Gate = {
  resource: "vault",
  action: "write",
  async run(call) {
    const body = await readJson(call.c.req.raw, putCredentialSchema);
    const credential = await vaultOf(call).put(senderOf(call.principal), nameFrom(call), body);
    return call.c.json({ credential }, credential.createdAt === credential.rotatedAt ? 201 : 200);
  },
};

const change: Gate = {
  resource: "vault",
  action: "write",
  async run(call) {
    const { hosts, note } = await readJson(call.c.req.raw, changeCredentialSchema);
    const wanted = { ...(hosts !== undefined && { hosts }), ...(note !== undefined && { note }) };
    const credential = await vaultOf(call).change(senderOf(call.principal), nameFrom(call), wanted);
    return call.c.json({ credential });
  },
};

const revoke: Gate = {
  resource: "vault",
  action: "write",
  async run(call) {
    await vaultOf(call).revoke(senderOf(call.principal), nameFrom(call));
    return call.c.body(null, 204);
  },
};

/** After a rotation of the deployment's own secret, before its older key goes. */
const reseal: Gate = {
  resource: "vault",
  action: "write",
  run: async (call) => call.c.json(await vaultOf(call).reseal(senderOf(call.principal))),
};

const VAULT = "/api/agents/:handle/vault";

export const VAULT_ROUTES: readonly Route[] = [
  { path: VAULT, of: "handle", methods: { GET: list } },
  // Beside the names of credentials, so that none of them can be taken for it.
  { path: "/api/agents/:handle/vault-reseal", of: "handle", methods: { POST: reseal } },
  { path: `${VAULT}/:credential`, of: "handle", methods: { PUT: put, PATCH: change, DELETE: revoke } },
];
