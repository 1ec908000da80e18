/** Guards of the policy: may they. Who is asking is in `access.ts`. */
import type { Guard } from "../guard.ts";

const policy = "src/router/policy.ts";

const team = "src/actors/user/team.ts";
const invitations = "src/actors/user/invitations.ts";

export const GUARDS: readonly Guard[] = [
  {
    name: "the policy looks at whose it is",
    file: policy,
    from: "      rule.of.includes(resource.of) &&\n",
    to: "",
    by: "unit:router/policy",
  },
  {
    name: "the policy looks at who asks",
    file: policy,
    from: "      rule.roles.includes(role) &&\n",
    to: "",
    by: "unit:router/policy",
  },
  {
    name: "a key needs the scope",
    file: policy,
    from: "(rule.scope === undefined || scopes.includes(rule.scope))",
    to: "true",
    by: "unit:router/policy",
  },
  {
    name: "a key is nothing to its maker's agent",
    file: policy,
    from: 'if (principal.of) return principal.of.ownerId === ownerId ? "self" : "stranger";',
    to: "",
    by: "unit:router/policy",
  },
  {
    name: "what an administrator looks at is told to the owner",
    file: "src/router/route.ts",
    from: 'if (verdict === "watch") await tellOwner(call, gate, route.path);',
    to: "",
    by: "workers:router/people",
  },
  {
    name: "whoever is disabled is refused",
    file: "src/router/app.ts",
    from: 'if (disabled) throw new AppError("account_disabled", DISABLED);',
    to: "",
    by: "workers:router/people",
  },
  {
    name: "who decides on a call needs the right to decide",
    file: "src/router/api/turns.ts",
    from: 'action: "decide",',
    to: 'action: "read",',
    by: "workers:router/teams",
  },
  {
    name: "what a socket says takes its rights",
    file: "src/actors/conversation/peers.ts",
    from: "if (needed && !rights[needed])",
    to: "if (needed && !needed)",
    by: "workers:conversation/presence",
  },
  {
    name: "somebody comes to a team's chat as what they are",
    file: team,
    from: "this.#member(userId)?.role === as ?",
    to: "this.#member(userId) ?",
    by: "workers:conversation/presence",
  },
  {
    name: "who is removed is cut off at every chat",
    file: "src/actors/user/cuts.ts",
    from: "await within(chat.disconnect(userId, reason, this.#isTeam ? number : null));",
    to: "void chat;",
    by: "workers:conversation/presence",
  },
  {
    name: "who is removed is cut off from the feed",
    file: "src/actors/user/cuts.ts",
    from: "for (const socket of this.#host.feeds(userId)) socket.close(CUT_CODE, reason);",
    to: "",
    by: "workers:router/teams",
  },
  {
    name: "an arrival that a cut overtook is not let in",
    file: "src/actors/conversation/presence.ts",
    from: "return arrival <= (this.#cuts.get(userId) ?? -1);",
    to: "return false;",
    by: "workers:conversation/presence",
  },
  {
    name: "a team keeps an owner",
    file: team,
    from: "if (count.parse(others).n > 0) return;",
    to: "if (count.parse(others).n >= 0) return;",
    by: "workers:router/teams",
  },
  {
    name: "an invitation is taken once",
    file: invitations,
    from: "row.used_at !== null || ",
    to: "",
    by: "workers:router/teams",
  },
  {
    name: "an invitation for an address is for that one",
    file: invitations,
    from: 'if (row.email !== "" && row.email !== by.name.toLowerCase())',
    to: "if (row.id === by.id)",
    by: "workers:router/teams",
  },
  {
    name: "the policy looks at what is to be done",
    file: policy,
    from: "      rule.actions.includes(action) &&\n",
    to: "",
    by: "unit:router/policy",
  },
  {
    name: "an origin is ours, exactly",
    file: policy,
    from: "return request.origin === publicOrigin;",
    to: "return request.origin.startsWith(publicOrigin);",
    by: "unit:router/policy",
  },
  {
    name: "a browser's request says where it comes from",
    file: policy,
    from: "if (request.origin === null) return !request.hasCookie;",
    to: "if (request.origin === null) return true;",
    by: "unit:router/policy",
  },
];
