/**
 * The router: who are you (access), may you (policy), which actor (names), hand over (forward). Every request passes
 * `admit` unless its path is on the list of `unguarded.ts`; every route behind it passes the gate of `route.ts`.
 */
import { Hono } from "hono";
import { type Env, settingsOf } from "../env.ts";
import { AppError } from "../errors.ts";
import { limits } from "../limits.ts";
import { cookieOf, createAccess } from "./access.ts";
import { AGENT_ROUTES } from "./api/agents.ts";
import { FILE_ROUTES } from "./api/files.ts";
import { JOURNAL_ROUTES } from "./api/journal.ts";
import { OUTBOX_ROUTES } from "./api/outbox.ts";
import { SCHEDULE_ROUTES } from "./api/schedules.ts";
import { SEARCH_ROUTES } from "./api/search.ts";
import { TURN_ROUTES } from "./api/turns.ts";
import { createCatalog } from "./catalog.ts";
import { isUpgrade, type RouterContext, type RouterDeps, type RouterEnv } from "./context.ts";
import { PAGE_ROUTES } from "./pages.ts";
import { originAllowed } from "./policy.ts";
import { failed, secured } from "./respond.ts";
import { mount, type Route } from "./route.ts";
import { isUnguarded } from "./unguarded.ts";

/** Everything behind Access, as data: the table that the matrix test walks. */
export const GUARDED_ROUTES: readonly Route[] = [
  ...AGENT_ROUTES,
  ...JOURNAL_ROUTES,
  ...TURN_ROUTES,
  ...SCHEDULE_ROUTES,
  ...FILE_ROUTES,
  ...OUTBOX_ROUTES,
  ...SEARCH_ROUTES,
  ...PAGE_ROUTES,
];

export interface App {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response>;
  /** Patterns and methods as registered, for the test that compares them with the list of unguarded paths. */
  readonly routes: readonly { path: string; method: string }[];
}

/** The app. Its caches (key set, users) live as long as it does: one per isolate. */
export function createApp(deps: RouterDeps): App {
  const access = createAccess({ fetch: deps.fetchKeys, now: () => deps.now() });
  const catalog = createCatalog(deps);
  const app = new Hono<RouterEnv>();

  async function admit(c: RouterContext): Promise<void> {
    const settings = settingsOf(c.env);
    const request = c.req.raw;
    const identity = await access.identify(request, settings, (work) => c.executionCtx.waitUntil(work));
    const { userId, handle } = await catalog.userOf(c.env.CATALOG, identity);
    c.set("principal", { kind: identity.kind, userId, handle, name: identity.name, role: identity.role });
    if (!changes(request)) return;
    const origin = request.headers.get("Origin");
    if (!originAllowed({ origin, hasCookie: cookieOf(request.headers) !== null }, settings.publicOrigin)) {
      throw new AppError(
        "origin_refused",
        "Requests that change something have to come from this site itself.",
      );
    }
  }

  app.use(async (c, next) => {
    bounded(c.req.raw);
    if (!isUnguarded(c.req.path)) await admit(c);
    await next();
  });
  app.get("/healthz", (c) => c.json({ ok: true }));
  mount(app, GUARDED_ROUTES, deps, catalog);
  app.notFound((c) => failed(c, new AppError("not_found", "There is nothing at this address.")));
  app.onError((error, c) => failed(c, error));

  return {
    fetch: async (request, env, ctx) => secured(await app.fetch(request, env, ctx)),
    get routes() {
      return app.routes.map(({ path, method }) => ({ path, method }));
    },
  };
}

/** Whether a request needs an origin: it changes something, or opens a socket, which no other check of browsers covers. */
const changes = (request: Request): boolean =>
  isUpgrade(request) || (request.method !== "GET" && request.method !== "HEAD");

/** What an actor would have to store or would obey, refused before anything is woken. */
function bounded(request: Request): void {
  if (request.url.length > limits.urlChars) {
    throw new AppError("bad_request", `An address has at most ${limits.urlChars} characters.`);
  }
  const query = new URL(request.url).searchParams;
  if (query.getAll("_pk").some((id) => id.length > limits.connectionIdChars)) {
    throw new AppError("bad_request", `A connection id has at most ${limits.connectionIdChars} characters.`);
  }
  if (query.getAll("__agents_transport").includes("capnweb")) {
    throw new AppError("upgrade_refused", "Cap'n Web sessions are not spoken here. Use the chat protocol.");
  }
}
