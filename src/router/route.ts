/**
 * The gate before every handler. A route is data: its path, whose agent it is about, and for each method the right
 * that it takes. There is no way to register a handler for a guarded path beside this one.
 */
import type { Hono } from "hono";
import { settingsOf, userStub } from "../env.ts";
import { AppError } from "../errors.ts";
import { isHandle, isTeamId, parseConversationName } from "../names.ts";
import type { AgentAddress, Principal, Relation } from "../protocol/rpc.ts";
import { senderOf } from "../protocol/sender.ts";
import { agentUnknown, type Catalog } from "./catalog.ts";
import { type Call, isUpgrade, type RouterContext, type RouterDeps, type RouterEnv } from "./context.ts";
import { type Action, decide, type ResourceKind, relationOf, rightsOf } from "./policy.ts";
import { countRequest } from "./rate.ts";
import { failed } from "./respond.ts";

export type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

export interface Gate {
  resource: ResourceKind;
  action: Action;
  run(call: Call): Response | Promise<Response>;
}

export interface Route {
  /** Hono's pattern. */
  path: string;
  /**
   * Whose agent the route is about. `own`: the principal's. `handle`: the one named by the parameter `handle`, or `at`
   * with its @. `conversation`: the owner of the conversation named by the parameter `name`. `deployment`: nobody's.
   */
  of: "own" | "handle" | "conversation" | "deployment";
  /** `UPGRADE` is a GET that asks for a WebSocket. */
  methods: Partial<Record<Method | "UPGRADE", Gate>>;
}

/** Registers guarded routes: admitted principal, known method, known agent, policy, and only then the handler. */
export function mount(
  app: Hono<RouterEnv>,
  routes: readonly Route[],
  deps: RouterDeps,
  catalog: Catalog,
): void {
  for (const route of routes) {
    app.all(route.path, async (c) => {
      c.set("route", route.path);
      const principal = c.get("principal");
      if (!principal) throw new AppError("unauthenticated", "Sign in first.");
      const gate = gateOf(route, c.req.raw);
      if (!gate) {
        const message = `This address does not take ${c.req.method}.`;
        return failed(c, new AppError("method_not_allowed", message), { allow: allowed(route) });
      }
      await countRequest(c, "principal", principal.userId);
      const settings = settingsOf(c.env);
      const agent = await addressed(c, route, principal, catalog);
      const relation = await relationTo(c, principal, agent);
      const of = route.of === "deployment" ? "deployment" : relation;
      const verdict = decide(principal, { kind: gate.resource, of }, gate.action);
      const { resource, action } = gate;
      c.set("decided", {
        resource,
        action,
        ownerId: route.of === "deployment" ? "" : agent.ownerId,
        verdict,
      });
      if (verdict === "deny") throw new AppError("forbidden", REFUSED[of]);
      const rights = rightsOf(principal, relation);
      const call: Call = { c, deps, settings, catalog, principal, agent, relation, rights };
      if (verdict === "watch") await tellOwner(call, gate, route.path);
      return gate.run(call);
    });
  }
}

function gateOf(route: Route, request: Request): Gate | undefined {
  const method = request.method === "HEAD" ? "GET" : request.method;
  const upgrade = isUpgrade(request);
  const wanted = upgrade ? "UPGRADE" : method;
  for (const [name, gate] of Object.entries(route.methods)) if (name === wanted) return gate;
  if (upgrade && route.methods.GET)
    throw new AppError("upgrade_refused", "There is no socket at this address.");
  if (method === "GET" && route.methods.UPGRADE) {
    throw new AppError("upgrade_refused", "This address is a WebSocket: ask for it with an upgrade.");
  }
  return undefined;
}

function allowed(route: Route): string {
  const names = Object.keys(route.methods).map((name) => (name === "UPGRADE" ? "GET" : name));
  if (route.methods.GET) names.push("HEAD");
  return [...new Set(names)].join(", ");
}

/** What was refused, by what it belongs to. */
const REFUSED: Readonly<Record<Relation | "deployment", string>> = {
  self: "Guests have no agent of their own. Ask the owner of a team to invite you.",
  owner: "A team's agent does not do this.",
  writer: "Only the team's owners may do this.",
  reader: "You may read here, and nothing else. Ask an owner of the team for more.",
  stranger: "This belongs to someone else.",
  deployment: "Only administrators may do this.",
};

/** Asked of the team itself, each time: whoever was removed is out at once. */
async function relationTo(c: RouterContext, principal: Principal, agent: AgentAddress): Promise<Relation> {
  // What the catalog does not know has no name there, and is not woken to be asked.
  const isTeam = isTeamId(agent.ownerId) && agent.handle !== "";
  const member = isTeam ? await userStub(c.env, agent.ownerId).team.roleOf(principal.userId) : null;
  return relationOf(principal, agent.ownerId, member);
}

/** What an administrator looks at is in the owner's own log before they see it. What cannot be logged is not shown. */
async function tellOwner(call: Call, { resource }: Gate, route: string): Promise<void> {
  const { c, principal, agent } = call;
  if (agent.handle === "") throw agentUnknown();
  await userStub(c.env, agent.ownerId).account.watched(senderOf(principal), {
    method: c.req.method,
    route,
    resource,
  });
}

async function addressed(
  c: RouterContext,
  route: Route,
  principal: Principal,
  catalog: Catalog,
): Promise<AgentAddress> {
  const own = { ownerId: principal.userId, handle: principal.handle };
  if (route.of === "handle") {
    const handle = c.req.param("handle") ?? c.req.param("at")?.slice(1) ?? "";
    if (!isHandle(handle)) throw agentUnknown();
    return handle === principal.handle ? own : await catalog.agentOf(c.env.CATALOG, handle);
  }
  if (route.of === "conversation") {
    const owner = parseConversationName(c.req.param("name") ?? "");
    if (!owner) throw new AppError("not_found", "That is not the name of a conversation.");
    if (owner.ownerId === principal.userId) return own;
    // An id that nobody has is answered like a stranger's.
    return (await catalog.agentById(c.env.CATALOG, owner.ownerId)) ?? { ownerId: owner.ownerId, handle: "" };
  }
  return own;
}
