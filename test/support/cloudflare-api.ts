/** A stand-in for the part of Cloudflare's API that a deployment uses, with the real wire format. For tests only. */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface CloudflareStandIn {
  /** As `CLOUDFLARE_API_BASE_URL`. */
  base: string;
  accountId: string;
  token: string;
  apps: Record<string, unknown>[];
  tags: string[];
  secrets: string[];
  /** `METHOD /path` of every request that was let in. */
  requests: string[];
  /** Answers the next requests instead: a status and what the API says. */
  refuse: { status: number; message: string } | null;
  close(): Promise<void>;
}

/** Applications of one page; small, so that a test needs few to have two. */
const PAGE = 3;

export async function startCloudflare(): Promise<CloudflareStandIn> {
  const state: CloudflareStandIn = {
    base: "",
    accountId: "0123456789abcdef0123456789abcdef",
    token: "a-token-of-the-test",
    apps: [],
    tags: [],
    secrets: ["MASTER_KEYS"],
    requests: [],
    refuse: null,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  const server = createServer((req, res) => {
    void answer(state, req).then(({ status, result, message, info }) => {
      res.writeHead(status, { "content-type": "application/json" });
      res.end(
        JSON.stringify({
          success: status < 400,
          errors: message ? [{ code: 10_000, message }] : [],
          messages: [],
          result: result ?? null,
          ...(info ? { result_info: info } : {}),
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A server that listens on TCP has an address with a port.
  state.base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`;
  return state;
}

interface Said {
  status: number;
  result?: unknown;
  message?: string;
  info?: Record<string, number>;
}

async function answer(state: CloudflareStandIn, req: IncomingMessage): Promise<Said> {
  const body = await text(req);
  if (req.headers.authorization !== `Bearer ${state.token}`)
    return { status: 403, message: "Authentication error" };
  const url = new URL(req.url ?? "/", "http://api");
  const prefix = `/client/v4/accounts/${state.accountId}`;
  if (!url.pathname.startsWith(prefix)) return { status: 404, message: "Could not route" };
  const path = url.pathname.slice(prefix.length);
  state.requests.push(`${req.method} ${path}`);
  if (state.refuse) return { status: state.refuse.status, message: state.refuse.message };
  const sent: Record<string, unknown> = body === "" ? {} : JSON.parse(body);
  const id = /^\/access\/apps\/(.+)$/.exec(path)?.[1];
  const index = state.apps.findIndex((app) => app.id === id);
  switch (`${req.method} ${id === undefined ? path : "/access/apps/:id"}`) {
    case "GET /access/organizations":
      return { status: 200, result: { name: "Team", auth_domain: "team.cloudflareaccess.com" } };
    case "GET /access/tags":
      return { status: 200, result: state.tags.map((name) => ({ name, app_count: 0 })) };
    case "POST /access/tags":
      state.tags.push(String(sent.name));
      return { status: 200, result: { name: sent.name } };
    case "GET /access/apps": {
      const page = Number(url.searchParams.get("page") ?? 1);
      return {
        status: 200,
        result: state.apps.slice((page - 1) * PAGE, page * PAGE),
        info: { page, per_page: PAGE, total_pages: Math.max(1, Math.ceil(state.apps.length / PAGE)) },
      };
    }
    case "POST /access/apps": {
      const unknown = [sent.tags ?? []].flat().find((tag) => !state.tags.includes(String(tag)));
      if (unknown)
        return { status: 400, message: `access.api.error.invalid_request: tag ${unknown} does not exist` };
      const app = withIds({ ...sent, id: randomUUID(), aud: randomUUID().replaceAll("-", "").repeat(2) });
      state.apps.push(app);
      return { status: 201, result: app };
    }
    case "PUT /access/apps/:id": {
      const known = state.apps[index];
      if (!known) return { status: 404, message: "access.api.error.unknown_application" };
      const app = withIds({ ...sent, id: known.id, aud: known.aud });
      state.apps[index] = app;
      return { status: 200, result: app };
    }
    case "DELETE /access/apps/:id":
      if (index < 0) return { status: 404, message: "access.api.error.unknown_application" };
      state.apps.splice(index, 1);
      return { status: 202, result: { id } };
    case "GET /workers/scripts/holdfast/secrets":
      return { status: 200, result: state.secrets.map((name) => ({ name, type: "secret_text" })) };
    case "GET /workers/scripts/new/secrets":
      return { status: 404, message: "This Worker does not exist on your account." };
    default:
      return { status: 404, message: "Could not route" };
  }
}

/** What the API adds to what it is sent. */
const withIds = (app: Record<string, unknown>): Record<string, unknown> => ({
  ...app,
  created_at: "2026-11-23T12:00:00Z",
  policies: [app.policies ?? []].flat().map((policy) => ({
    id: randomUUID(),
    exclude: [],
    require: [],
    ...(policy as object), // what was sent is a list of objects
  })),
});
