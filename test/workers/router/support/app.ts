/** The real app over real D1, R2 and user actors; the conversations and the console's build are stand-ins. */
import { createExecutionContext, env, waitOnExecutionContext } from "cloudflare:test";
import firstSchema from "../../../../migrations/catalog/0001_catalog.sql";
import doorSchema from "../../../../migrations/catalog/0002_door.sql";
import type { Env } from "../../../../src/env.ts";
import type { EraseRequest } from "../../../../src/protocol/log.ts";
import type { Delivery, InboundMessage, Principal } from "../../../../src/protocol/rpc.ts";
import { type App, createApp } from "../../../../src/router/app.ts";
import { openWorkspace } from "../../../../src/tools/files/workspace.ts";
import { createIssuer, type Issuer, person } from "./tokens.ts";

export const ORIGIN = "http://127.0.0.1:8787";

/** Applies the catalog's schema, statement by statement as D1 wants it. */
export async function migrateCatalog(db: D1Database): Promise<void> {
  const statements = `${firstSchema}\n${doorSchema}`
    .replace(/^\s*--.*$/gm, "")
    .split(";")
    .filter((statement) => statement.trim() !== "");
  await db.batch(statements.map((statement) => db.prepare(statement)));
}

/** What reached a conversation. */
export interface Reached {
  name: string;
  request?: Request;
  sent?: { principal: Principal; message: InboundMessage };
  resent?: string;
  dropped?: string;
  erased?: string;
  forked?: { into: string; message?: string };
}

export interface World {
  app: App;
  env: Env;
  issuer: Issuer;
  reached: Reached[];
  /** What conversations say that they owe; set by a test. */
  deliveries: Delivery[];
  /** What conversations answer to a plain GET; set by a test. */
  answer: (request: Request) => Response | Promise<Response>;
  clock: { now: number };
  /** A request by the owner of a token, with our origin, after which everything begun in it has ended. */
  ask(path: string, init?: RequestInit & { token?: string | null }): Promise<Response>;
  tokenOf(name: string): Promise<string>;
}

export async function createWorld(bindings: Partial<Env> = {}): Promise<World> {
  await migrateCatalog(env.CATALOG);
  const clock = { now: Date.now() };
  const issuer = await createIssuer(() => clock.now);
  const tokens = new Map<string, string>();
  let ids = 0;
  const world: World = {
    app: createApp({
      now: () => clock.now,
      id: () => `id-${++ids}`,
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      after: (_ms, run) => queueMicrotask(run),
      fetchAccess: issuer.fetchAccess,
      openWorkspace,
    }),
    env: { ...env, ...bindings },
    issuer,
    reached: [],
    deliveries: [],
    answer: () => Response.json([]),
    clock,
    async ask(path, { token = null, ...init } = {}) {
      const headers = new Headers(init.headers);
      if (token !== null) headers.set("Cf-Access-Jwt-Assertion", token);
      if (!headers.has("Origin")) headers.set("Origin", ORIGIN);
      if (headers.get("Origin") === "none") headers.delete("Origin");
      const ctx = createExecutionContext();
      const url = path.startsWith("http") ? path : `${ORIGIN}${path}`;
      const response = await world.app.fetch(
        new Request(url, { redirect: "manual", ...init, headers }),
        world.env,
        ctx,
      );
      await waitOnExecutionContext(ctx);
      return response;
    },
    async tokenOf(name) {
      const token = tokens.get(name) ?? (await issuer.token(person(name)));
      tokens.set(name, token);
      return token;
    },
  };
  world.env.CONVERSATION = bindings.CONVERSATION ?? conversations(world);
  world.env.ASSETS = bindings.ASSETS ?? consoleBuild();
  return world;
}

/** A namespace whose objects write down what reaches them. */
function conversations(world: World): DurableObjectNamespace {
  const namespace = {
    idFromName: (name: string) => ({ name }),
    get: ({ name }: { name: string }) => ({
      fetch: async (request: Request) => {
        world.reached.push({ name, request });
        if (request.headers.get("Upgrade") !== "websocket") return await world.answer(request);
        const { 0: client, 1: server } = new WebSocketPair();
        server.accept();
        server.send(JSON.stringify({ hello: name }));
        return new Response(null, { status: 101, webSocket: client });
      },
      send: async (principal: Principal, message: InboundMessage) => {
        world.reached.push({ name, sent: { principal, message } });
        return { turn: "turn-1", fresh: true };
      },
      settingsChanged: async () => {},
      stop: async () => true,
      undo: async () => ({ text: "", messageIds: [], effects: [] }),
      erase: async (_principal: Principal, { message }: EraseRequest) => {
        world.reached.push({ name, erased: message });
        return { messages: [message], entries: 1, files: [], copies: [], channels: [], pending: false };
      },
      details: async () => ({}),
      decide: async () => ({ counted: true, approved: true, by: "alice@example.com" }),
      schedules: async () => [],
      outbox: async () => world.deliveries,
      resendDelivery: async (id: string) => void world.reached.push({ name, resent: id }),
      dropDelivery: async (id: string) => void world.reached.push({ name, dropped: id }),
      fork: async (_principal: Principal, into: string, message?: string) => {
        world.reached.push({ name, forked: { into, ...(message !== undefined && { message }) } });
        return message === undefined ? {} : { draft: "what it said" };
      },
    }),
  };
  // Two methods are all that the router uses of a namespace.
  return namespace as unknown as DurableObjectNamespace;
}

function consoleBuild(): Fetcher {
  const files: Record<string, [type: string, text: string]> = {
    "/": ["text/html", "<title>console</title>"],
    "/s/": ["text/html", "<title>A shared chat</title>"],
    "/s/assets/index-abc.js": ["text/javascript", "2"],
    "/favicon.svg": ["image/svg+xml", "<svg/>"],
    "/assets/index-abc.js": ["text/javascript", "1"],
  };
  const build = {
    fetch: async (request: Request) => {
      const found = files[new URL(request.url).pathname];
      if (!found) return new Response("no such asset", { status: 404 });
      const etag = `"${found[1].length}"`;
      if (request.headers.get("If-None-Match") === etag)
        return new Response(null, { status: 304, headers: { etag } });
      const seen = JSON.stringify([...request.headers.keys()]);
      return new Response(found[1], { headers: { "content-type": found[0], etag, "x-seen": seen } });
    },
  };
  // `fetch` is all that the router uses of the assets.
  return build as unknown as Fetcher;
}

export interface MeBody {
  user: { id: string; handle: string; name: string; role: string; kind: string };
  agent: { name: string; version: number };
  deployment: string;
  defaultModel: string;
}

/** Signs someone in and says who they are here. */
export async function signIn(
  world: World,
  name: string,
): Promise<{ token: string; id: string; handle: string }> {
  const token = await world.tokenOf(name);
  const { user } = await (await world.ask("/api/me", { token })).json<MeBody>();
  return { token, id: user.id, handle: user.handle };
}
