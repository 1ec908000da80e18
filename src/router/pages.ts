/** The console's page and files, and the addresses of agents and their conversations. */
import { conversationStub } from "../env.ts";
import { AppError } from "../errors.ts";
import { conversationName, MAIN_THREAD, parseConversationName, threadOf } from "../names.ts";
import { ACTOR_PATHS } from "../protocol/forwarded.ts";
import type { Call } from "./context.ts";
import { teamsOf } from "./directory.ts";
import { askActor } from "./forward.ts";
import { consolePolicy } from "./respond.ts";
import type { Gate, Route } from "./route.ts";

/** Names with a hash in them never change. Private, because they stand behind Access. */
const HASHED_ASSET = "private, max-age=31536000, immutable";
/** Everything else is asked for again each time, by its etag. */
const REVALIDATED = "private, no-cache";

/** A file of the console's build. The request is made anew: no cookie or token of ours goes along. */
async function asset(call: Call, path: string, cacheControl: string): Promise<Response> {
  const headers = new Headers();
  const known = call.c.req.header("If-None-Match");
  if (known) headers.set("If-None-Match", known);
  const found = await call.c.env.ASSETS.fetch(
    new Request(new URL(path, "https://assets.internal"), { headers }),
  );
  if (found.status !== 200 && found.status !== 304) {
    await found.body?.cancel();
    throw new AppError("not_found", "There is no such file.");
  }
  const kept = new Headers({
    "cache-control": cacheControl,
    "content-security-policy": consolePolicy(call.settings),
  });
  for (const name of ["content-type", "etag"]) {
    const value = found.headers.get(name);
    if (value !== null) kept.set(name, value);
  }
  return new Response(found.body, { status: found.status, headers: kept });
}

const page: Gate = {
  resource: "agent",
  action: "read",
  async run(call) {
    threadFrom(call);
    return renamed(call) ?? (await consolePage(call));
  },
};

async function consolePage(call: Call): Promise<Response> {
  try {
    return await asset(call, "/", REVALIDATED);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "not_found") throw error;
    throw new AppError("config_missing", "The console is not built. Run `npm run build`.", {
      cause: error,
    });
  }
}

/**
 * An old handle's page leads on to the same page under the present one; the API and sockets take either. Not for good:
 * its owner may go back to it, and browsers keep what is moved for good.
 */
function renamed({ c, agent }: Call): Response | null {
  const at = c.req.param("at");
  if (at === undefined || at === `@${agent.handle}`) return null;
  const { pathname, search } = new URL(c.req.url);
  return c.redirect(`/@${agent.handle}${pathname.slice(1 + at.length)}${search}`, 307);
}

/** The page on which somebody takes an invitation. */
const join: Gate = { resource: "invitations", action: "read", run: consolePage };

const socket: Gate = {
  resource: "conversation",
  action: "connect",
  run: (call) =>
    askActor(conversationStub(call.c.env, conversationOf(call)), call.c.req.raw, {
      principal: call.principal,
      agent: call.agent,
      rights: call.rights,
      relation: call.relation,
      path: ACTOR_PATHS.socket,
      query: ["_pk", "client"],
    }),
};

const messages: Gate = {
  resource: "conversation",
  action: "read",
  run: (call) =>
    askActor(conversationStub(call.c.env, conversationOf(call)), call.c.req.raw, {
      principal: call.principal,
      agent: call.agent,
      rights: call.rights,
      path: ACTOR_PATHS.messages,
      query: ["before", "limit"],
    }),
};

const hashedAsset: Gate = {
  resource: "assets",
  action: "read",
  run: (call) => asset(call, new URL(call.c.req.url).pathname, HASHED_ASSET),
};

const plainAsset: Gate = {
  resource: "assets",
  action: "read",
  run: (call) => asset(call, new URL(call.c.req.url).pathname, REVALIDATED),
};

const home: Gate = {
  resource: "me",
  action: "read",
  async run({ c, principal }) {
    if (principal.role !== "guest") return c.redirect(`/@${principal.handle}`, 302);
    const [team] = await teamsOf(c.env.CATALOG, principal.userId);
    if (team) return c.redirect(`/@${team.handle}`, 302);
    throw new AppError(
      "agent_missing",
      "You are a guest here: you have no agent of your own, and are in no team yet. Ask the owner of a team for an invitation.",
    );
  },
};

/** The thread that the route names. Throws `thread_invalid`. */
export function threadFrom(call: Call): string {
  const thread = call.c.req.param("thread");
  return thread === undefined ? MAIN_THREAD : threadOf(thread);
}

/** The addressed conversation: by its name, or as a thread of the addressed agent. */
export function conversationOf(call: Call): string {
  const named = parseConversationName(call.c.req.param("name") ?? "");
  return conversationName(call.agent.ownerId, named?.thread ?? threadFrom(call));
}

export const PAGE_ROUTES: readonly Route[] = [
  { path: "/", of: "own", methods: { GET: home } },
  { path: "/join/:handle/:token", of: "deployment", methods: { GET: join } },
  { path: "/assets/*", of: "deployment", methods: { GET: hashedAsset } },
  {
    path: "/:file{[\\w-]+\\.(?:svg|ico|png|webmanifest|txt)}",
    of: "deployment",
    methods: { GET: plainAsset },
  },
  { path: "/agents/conversation/:name", of: "conversation", methods: { UPGRADE: socket } },
  { path: "/agents/conversation/:name/get-messages", of: "conversation", methods: { GET: messages } },
  { path: "/:at{@[^/]+}", of: "handle", methods: { GET: page, UPGRADE: socket } },
  { path: "/:at{@[^/]+}/get-messages", of: "handle", methods: { GET: messages } },
  { path: "/:at{@[^/]+}/:thread", of: "handle", methods: { GET: page, UPGRADE: socket } },
  { path: "/:at{@[^/]+}/:thread/get-messages", of: "handle", methods: { GET: messages } },
];
