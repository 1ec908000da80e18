/**
 * What programs reach with a key or a signature: the agent as an OpenAI-compatible API, and hooks. Access does not guard
 * these paths, so each request is held to the same policy here, with a principal made from what it proved.
 */
import type { Hono } from "hono";
import { settingsOf } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { isHandle } from "../../names.ts";
import type { Principal } from "../../protocol/rpc.ts";
import { agentUnknown, type Catalog } from "../catalog.ts";
import type { RouterContext, RouterDeps, RouterEnv } from "../context.ts";
import { decide, relationOf } from "../policy.ts";
import { countRequest } from "../rate.ts";
import { appErrorOf, failed, logFailure } from "../respond.ts";
import { authenticate } from "./authenticate.ts";
import type { KeyedRoute } from "./call.ts";
import { CHAT_ROUTES } from "./chat.ts";
import { openaiFailure } from "./errors.ts";
import { takeDelivery } from "./hooks.ts";
import { MODEL_ROUTES } from "./models.ts";
import { RESPONSE_ROUTES } from "./responses.ts";

export const KEYED_ROUTES: readonly KeyedRoute[] = [...MODEL_ROUTES, ...CHAT_ROUTES, ...RESPONSE_ROUTES];

const API = "/keyed/:handle/v1";
const HOOKS = "/keyed/:handle/hooks/:id";

export interface KeyedDeps {
  deps: RouterDeps;
  catalog: Catalog;
  requestId(request: Request): string;
}

/** Registers what is below `/keyed`. */
export function mountKeyed(app: Hono<RouterEnv>, { deps, catalog, requestId }: KeyedDeps): void {
  for (const route of KEYED_ROUTES) {
    const path = API + route.path;
    app.on(route.method, path, (c) =>
      inOpenAIsWords(c, path, requestId(c.req.raw), (request) => admitted(c, route, deps, catalog, request)),
    );
  }
  app.all(`${API}/*`, (c) =>
    inOpenAIsWords(c, `${API}/*`, requestId(c.req.raw), () => {
      throw new AppError("not_found", `There is no ${c.req.method} at this address. See the documentation.`);
    }),
  );
  app.post(HOOKS, async (c) => {
    c.set("route", HOOKS);
    return takeDelivery(c, catalog, requestId(c.req.raw)).catch((error: unknown) => failed(c, error));
  });
}

async function admitted(
  c: RouterContext,
  route: KeyedRoute,
  deps: RouterDeps,
  catalog: Catalog,
  request: string,
): Promise<Response> {
  const settings = settingsOf(c.env);
  const { grant, ownerId } = await authenticate(c);
  const { id, name, scopes, madeBy: userId } = grant;
  const handle = c.req.param("handle") ?? "";
  await countRequest(c, "principal", `key:${id}`);
  const agent = await (isHandle(handle)
    ? catalog.agentOf(c.env.CATALOG, handle)
    : Promise.reject(agentUnknown()));
  const principal: Principal = {
    ...{ kind: "key", role: "key", userId, handle: agent.handle, name, request, scopes },
    of: { id, ownerId },
  };
  c.set("principal", principal);
  const of = relationOf(principal, agent.ownerId, null);
  const verdict = decide(principal, { kind: "completions", of }, route.action);
  c.set("decided", { resource: "completions", action: route.action, ownerId: agent.ownerId, verdict });
  if (verdict !== "allow") {
    if (of !== "self") throw new AppError("forbidden", "This key belongs to another agent.");
    const scope = route.action === "read" ? "read" : "chat";
    throw new AppError("key_scope", `This key does not have the scope "${scope}".`);
  }
  return route.run({ c, deps, settings, principal, agent, keyId: id, keyThread: grant.thread });
}

/** Whatever goes wrong is said as OpenAI says it; each answer carries the request's id. */
async function inOpenAIsWords(
  c: RouterContext,
  path: string,
  request: string,
  run: (request: string) => Promise<Response> | Response,
): Promise<Response> {
  c.set("route", path);
  const answer = async (): Promise<Response> => {
    try {
      return await run(request);
    } catch (thrown) {
      const error = appErrorOf(thrown);
      logFailure(c, error);
      return openaiFailure(error);
    }
  };
  const response = await answer();
  const headers = new Headers(response.headers);
  headers.set("x-request-id", request);
  return new Response(response.body, { status: response.status, headers });
}
