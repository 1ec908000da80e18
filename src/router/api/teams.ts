/** Teams: made, renamed and deleted, who is in them, and who may come. */
import { z } from "zod";
import { userStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { chosenHandle, isTeamId, teamIdFrom } from "../../names.ts";
import { senderOf } from "../../protocol/sender.ts";
import { type InvitationOffer, TEAM_ROLES, type TeamRpc } from "../../protocol/teams.ts";
import { readJson } from "../body.ts";
import type { Call } from "../context.ts";
import { teamsOf } from "../directory.ts";
import type { Gate, Route } from "../route.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const TOKEN_CHARS = 200;

const teamName = z.string().trim().min(1).max(limits.teamNameChars);
const handle = z.string().transform(chosenHandle);
const role = z.enum(TEAM_ROLES);
const newBody = z.strictObject({ name: teamName, handle });
const changeBody = z.strictObject({ name: teamName.optional(), handle: handle.optional() });
const deleteBody = z.strictObject({ confirm: z.string() });
const memberBody = z.strictObject({ role });
const inviteBody = z.strictObject({
  role,
  email: z.union([z.literal(""), z.email()]).default(""),
  expiresInDays: z.number().positive().max(limits.invitationDaysMax).default(limits.invitationDays),
});
const acceptBody = z.strictObject({ token: z.string().min(1).max(TOKEN_CHARS) });

/** The addressed team's actor. Throws `agent_unknown` where a person has the handle. */
function teamOf({ c, agent }: Call): TeamRpc {
  if (isTeamId(agent.ownerId)) return userStub(c.env, agent.ownerId).team;
  throw new AppError("agent_unknown", "That is a person, not a team. Check the address.");
}

const mine: Gate = {
  resource: "teams",
  action: "read",
  run: async ({ c, principal }) => c.json({ teams: await teamsOf(c.env.CATALOG, principal.userId) }),
};

const create: Gate = {
  resource: "teams",
  action: "write",
  async run({ c, deps, principal }) {
    const body = await readJson(c.req.raw, newBody);
    const id = teamIdFrom(deps.random(20));
    return c.json({ team: await userStub(c.env, id).team.create(senderOf(principal), body) }, 201);
  },
};

const info: Gate = {
  resource: "members",
  action: "read",
  run: async (call) => call.c.json({ team: await teamOf(call).info(), role: roleIn(call) }),
};

/** What an administrator is who looks on from outside. */
const roleIn = ({ relation }: Call): string | null => TEAM_ROLES.find((one) => one === relation) ?? null;

const change: Gate = {
  resource: "members",
  action: "write",
  async run(call) {
    const { c, agent, principal, catalog } = call;
    const body = await readJson(c.req.raw, changeBody);
    const team = teamOf(call);
    if (body.handle !== undefined) {
      await userStub(c.env, agent.ownerId).account.rename(senderOf(principal), body.handle);
      catalog.forget(agent.ownerId);
    }
    if (body.name !== undefined) await team.rename(senderOf(principal), body.name);
    return c.json({ team: await team.info() });
  },
};

/** For good: first nobody is in it any more, then all that it had is erased. The handle is typed to confirm. */
const remove: Gate = {
  resource: "erasure",
  action: "write",
  async run(call) {
    const { c, agent, principal, catalog } = call;
    const { confirm } = await readJson(c.req.raw, deleteBody);
    await teamOf(call).info();
    if (confirm !== agent.handle) {
      throw new AppError(
        "bad_request",
        `The team would be deleted for good, with everything that is its. Send {"confirm": "${agent.handle}"} to do that.`,
      );
    }
    await userStub(c.env, agent.ownerId).log.eraseOwner(senderOf(principal));
    catalog.forget(agent.ownerId);
    return c.body(null, 204);
  },
};

const members: Gate = {
  resource: "members",
  action: "read",
  run: async (call) => call.c.json({ members: await teamOf(call).members() }),
};

const changeMember: Gate = {
  resource: "members",
  action: "write",
  async run(call) {
    const body = await readJson(call.c.req.raw, memberBody);
    const member = await teamOf(call).changeRole(senderOf(call.principal), memberIn(call), body.role);
    return call.c.json({ member });
  },
};

const removeMember: Gate = {
  resource: "members",
  action: "write",
  async run(call) {
    await teamOf(call).remove(senderOf(call.principal), memberIn(call));
    return call.c.body(null, 204);
  },
};

const leave: Gate = {
  resource: "membership",
  action: "write",
  async run(call) {
    await teamOf(call).remove(senderOf(call.principal), call.principal.userId);
    return call.c.body(null, 204);
  },
};

const memberIn = (call: Call): string => call.c.req.param("userId") ?? "";

const invitations: Gate = {
  resource: "members",
  action: "write",
  run: async (call) => call.c.json({ invitations: await teamOf(call).invitations() }),
};

/** The link is in this answer and nowhere else. */
const invite: Gate = {
  resource: "members",
  action: "write",
  async run(call) {
    const { c, deps, settings, agent, principal } = call;
    const { role: offered, email, expiresInDays } = await readJson(c.req.raw, inviteBody);
    const expiresAt = deps.now() + Math.round(expiresInDays * DAY_MS);
    const made = await teamOf(call).invite(senderOf(principal), { role: offered, email, expiresAt });
    const link = `${settings.publicOrigin}/join/${agent.handle}/${made.token}`;
    return c.json({ invitation: made.invitation, link }, 201);
  },
};

const revoke: Gate = {
  resource: "members",
  action: "write",
  async run(call) {
    await teamOf(call).revokeInvitation(senderOf(call.principal), call.c.req.param("id") ?? "");
    return call.c.body(null, 204);
  },
};

/** What an invitation is for, before it is taken. The token is in the body: addresses are logged by others. */
const offer: Gate = {
  resource: "invitations",
  action: "read",
  async run(call) {
    const { c, principal, catalog } = call;
    const { token } = await readJson(c.req.raw, acceptBody);
    const agent = await catalog.agentOf(c.env.CATALOG, c.req.param("handle") ?? "");
    const answer: InvitationOffer = await teamOf({ ...call, agent }).offer(senderOf(principal), token);
    return c.json(answer);
  },
};

/** About a team that the principal is not in yet: whose it is, is the handler's to look up. */
const accept: Gate = {
  resource: "invitations",
  action: "write",
  async run(call) {
    const { c, principal, catalog } = call;
    const { token } = await readJson(c.req.raw, acceptBody);
    const agent = await catalog.agentOf(c.env.CATALOG, c.req.param("handle") ?? "");
    const team = teamOf({ ...call, agent });
    const member = await team.accept(senderOf(principal), token);
    return c.json({ team: await team.info(), role: member.role });
  },
};

const TEAM = "/api/teams/:handle";

export const TEAM_ROUTES: readonly Route[] = [
  { path: "/api/teams", of: "deployment", methods: { GET: mine, POST: create } },
  { path: TEAM, of: "handle", methods: { GET: info, PATCH: change, DELETE: remove } },
  { path: `${TEAM}/members`, of: "handle", methods: { GET: members } },
  { path: `${TEAM}/members/:userId`, of: "handle", methods: { PATCH: changeMember, DELETE: removeMember } },
  { path: `${TEAM}/leave`, of: "handle", methods: { POST: leave } },
  { path: `${TEAM}/invitations`, of: "handle", methods: { GET: invitations, POST: invite } },
  { path: `${TEAM}/invitations/look`, of: "deployment", methods: { POST: offer } },
  { path: `${TEAM}/invitations/accept`, of: "deployment", methods: { POST: accept } },
  { path: `${TEAM}/invitations/:id`, of: "handle", methods: { DELETE: revoke } },
];
