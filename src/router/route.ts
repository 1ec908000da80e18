/**
 * The gate before every handler. A route is data: its path, whose agent it is about, and for each method the right
 * that it takes. There is no way to register a handler for a guarded path beside this one.
 */
import type { Hono } from "hono";
import { settingsOf } from "../env.ts";
import { AppError } from "../errors.ts";
import { isHandle, parseConversationName } from "../names.ts";
import type { AgentAddress, Principal } from "../protocol/rpc.ts";
import { agentUnknown, type Catalog } from "./catalog.ts";
import { type Call, isUpgrade, type RouterContext, type RouterDeps, type RouterEnv } from "./context.ts";
import { type Action, decide, type ResourceKind } from "./policy.ts";
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
      const settings = settingsOf(c.env);
      const agent = await addressed(c, route, principal, catalog);
      const ownerId = route.of === "deployment" ? null : agent.userId;
      if (decide(principal, { kind: gate.resource, ownerId }, gate.action) !== "allow") {
        throw new AppError("forbidden", "This belongs to someone else.");
      }
      return gate.run({ c, deps, settings, principal, agent });
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

async function addressed(
  c: RouterContext,
  route: Route,
  principal: Principal,
  catalog: Catalog,
): Promise<AgentAddress> {
  const own = { userId: principal.userId, handle: principal.handle };
  if (route.of === "handle") {
    const handle = c.req.param("handle") ?? c.req.param("at")?.slice(1) ?? "";
    if (!isHandle(handle)) throw agentUnknown();
    return handle === principal.handle ? own : await catalog.agentOf(c.env.CATALOG, handle);
  }
  if (route.of === "conversation") {
    const owner = parseConversationName(c.req.param("name") ?? "");
    if (!owner) throw new AppError("not_found", "That is not the name of a conversation.");
    // Of a stranger's conversation nothing but the owner's id is known, or asked for.
    return owner.userId === principal.userId ? own : { userId: owner.userId, handle: "" };
  }
  return own;
}
