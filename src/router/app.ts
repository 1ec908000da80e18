/**
 * The router: who are you (access), may you (policy), which actor (names), hand over (forward). Every request passes
 * `admit` unless its path is on the list of `unguarded.ts`; every route behind it passes the gate of `route.ts`.
 */
import { Hono } from "hono";
import type { Env } from "../env.ts";
import { AppError } from "../errors.ts";
import { limits } from "../limits.ts";
import { AGENT_ROUTES } from "./api/agents.ts";
import { AUDIT_ROUTES } from "./api/audit.ts";
import { ERASE_ROUTES } from "./api/erase.ts";
import { FILE_ROUTES } from "./api/files.ts";
import { HOOK_ROUTES } from "./api/hooks.ts";
import { JOURNAL_ROUTES } from "./api/journal.ts";
import { KEY_ROUTES } from "./api/keys.ts";
import { LOG_ROUTES } from "./api/log.ts";
import { ME_ROUTES } from "./api/me.ts";
import { OUTBOX_ROUTES } from "./api/outbox.ts";
import { PEOPLE_ROUTES } from "./api/people.ts";
import { SCHEDULE_ROUTES } from "./api/schedules.ts";
import { SEARCH_ROUTES } from "./api/search.ts";
import { SHARE_ROUTES } from "./api/shares.ts";
import { TEAM_ROUTES } from "./api/teams.ts";
import { TURN_ROUTES } from "./api/turns.ts";
import { VAULT_ROUTES } from "./api/vault.ts";
import { RequestLog } from "./audit.ts";
import { createCatalog } from "./catalog.ts";
import { serveContent } from "./content.ts";
import { isContentHost } from "./content-host.ts";
import type { RouterContext, RouterDeps, RouterEnv } from "./context.ts";
import { checkOrigin, createDoor, roleOfIdentity } from "./door.ts";
import { mountKeyed } from "./keyed/index.ts";
import { PAGE_ROUTES } from "./pages.ts";
import { addressKey, countRequest } from "./rate.ts";
import { failed, secured } from "./respond.ts";
import { mount, type Route } from "./route.ts";
import { mountShares } from "./share/page.ts";
import { isUnguarded, pathOf } from "./unguarded.ts";

/** Everything behind Access, as data: the table that the matrix test walks. */
export const GUARDED_ROUTES: readonly Route[] = [
  ...ME_ROUTES,
  ...PEOPLE_ROUTES,
  ...TEAM_ROUTES,
  ...AGENT_ROUTES,
  ...JOURNAL_ROUTES,
  ...LOG_ROUTES,
  ...ERASE_ROUTES,
  ...AUDIT_ROUTES,
  ...TURN_ROUTES,
  ...SCHEDULE_ROUTES,
  ...FILE_ROUTES,
  ...KEY_ROUTES,
  ...HOOK_ROUTES,
  ...OUTBOX_ROUTES,
  ...SEARCH_ROUTES,
  ...SHARE_ROUTES,
  ...VAULT_ROUTES,
  ...PAGE_ROUTES,
];

const DISABLED =
  "An administrator has switched off your access. Ask them if you think that this is a mistake.";

/** Answers without settings, keys or actors. */
const LIVENESS = "/healthz";

export interface App {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response>;
  /** Patterns and methods as registered, for the test that compares them with the list of unguarded paths. */
  readonly routes: readonly { path: string; method: string }[];
}

/** The app. Its caches (key set, users) live as long as it does: one per isolate. */
export function createApp(deps: RouterDeps): App {
  const door = createDoor({ fetch: deps.fetchAccess, now: () => deps.now() });
  const catalog = createCatalog(deps);
  const requests = new RequestLog(deps);
  // What is decided on is what is routed on: Hono's own way to the path decodes parts of it.
  const app = new Hono<RouterEnv>({ getPath: ({ url }) => pathOf(url) });

  async function admit(c: RouterContext): Promise<void> {
    const identity = await door.enter(c);
    const { userId, handle, role: override, disabled } = await catalog.userOf(c.env.CATALOG, identity);
    if (disabled) throw new AppError("account_disabled", DISABLED);
    const role = roleOfIdentity(c, identity, override);
    const { kind, name } = identity;
    c.set("principal", { kind, userId, handle, name, role, request: requestId(c.req.raw, deps) });
    checkOrigin(c);
  }

  // Around everything: what is refused at the door is a request as well.
  app.use(async (c, next) => {
    const at = deps.now();
    await next();
    if (c.req.path !== LIVENESS) requests.note(c, at);
  });
  app.use(async (c, next) => {
    bounded(c.req.raw);
    if (c.req.path !== LIVENESS) {
      door.ready(c);
      if (isUnguarded(c.req.path)) {
        door.pass(c);
        await countRequest(c, "address", addressKey(c));
      } else await admit(c);
    }
    await next();
  });
  app.get(LIVENESS, (c) => c.json({ ok: true }));
  mount(app, GUARDED_ROUTES, deps, catalog);
  mountKeyed(app, { deps, catalog, requestId: (request) => requestId(request, deps) });
  mountShares(app, deps);
  app.notFound((c) => failed(c, new AppError("not_found", "There is nothing at this address.")));
  app.onError((error, c) => failed(c, error));

  return {
    async fetch(request, env, ctx) {
      const https = env.PUBLIC_ORIGIN?.startsWith("https:") ?? false;
      // Another host altogether: no path of this one is there, and no path of it is here.
      if (isContentHost(request, env)) return secured(await serveContent(request, env, deps), { https });
      return secured(await app.fetch(request, env, ctx), { https });
    },
    get routes() {
      return app.routes.map(({ path, method }) => ({ path, method }));
    },
  };
}

/** Cloudflare numbers each request; on one machine we do. */
const requestId = (request: Request, deps: RouterDeps): string => request.headers.get("CF-Ray") ?? deps.id();

/** What an actor would have to store or would obey, refused before anything is woken. */
function bounded(request: Request): void {
  if (request.url.length > limits.urlChars) {
    throw new AppError("bad_request", `An address has at most ${limits.urlChars} characters.`);
  }
  const at = request.url.indexOf("?");
  if (at < 0) return;
  const query = new URLSearchParams(request.url.slice(at));
  if (query.getAll("_pk").some((id) => id.length > limits.connectionIdChars)) {
    throw new AppError("bad_request", `A connection id has at most ${limits.connectionIdChars} characters.`);
  }
  if (query.getAll("__agents_transport").includes("capnweb")) {
    throw new AppError("upgrade_refused", "Cap'n Web sessions are not spoken here. Use the chat protocol.");
  }
}
