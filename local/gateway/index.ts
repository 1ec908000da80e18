/**
 * A local stand-in for Cloudflare AI Gateway: its HTTP interface on loopback, with the providers that have a key
 * behind it, a local Ollama if there is one, and a demo model for everything else.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { AppError } from "../../src/errors.ts";
import { gatewayErrors } from "./envelope.ts";
import { type Handling, handle, refuse } from "./handle.ts";
import { type BaseUrls, type Environment, KeyStore } from "./providers/keys.ts";
import { type Manage, manage } from "./providers/manage.ts";
import { RequestLog, type RequestRecord, Script } from "./script.ts";
import { testRoutes } from "./test-routes.ts";

export type { Connected, ConnectInput, ModelInfo, ProviderInfo } from "./providers/manage.ts";
export { DEMO_MODEL } from "./providers/target.ts";
export type { RequestRecord, ScriptEntry, Step } from "./script.ts";

/** Milliseconds between two tokens of the demo model: about what a quick hosted model does. */
const DEFAULT_PACE_MS = 5;
/** Idle connections are kept this long: a Worker that reuses one that was just closed would see its call fail. */
const KEEP_ALIVE_MS = 120_000;

export interface GatewayOptions {
  /** 0 or absent: any free port. */
  port?: number;
  /** Where `gateway.json` with the keys lives. Created if need be. */
  dataDir: string;
  now?: () => number;
  /** Milliseconds between two tokens of the demo model; HOLDFAST_DEMO_PACE_MS, then 5. */
  paceMs?: number;
  /** One line for the terminal at a time. */
  log?: (line: string) => void;
  /** Serves `/_test/...` too. Never set outside tests: whoever reaches it can read what was said. */
  scriptable?: boolean;
  /** The process's environment unless a test brings its own. */
  env?: Environment;
  /** Stand-ins for the providers' own addresses, for tests. */
  baseUrls?: BaseUrls;
}

export interface Gateway extends Manage {
  /** `http://127.0.0.1:<port>`; calls go to `{url}/v1/{account}/{gateway}/{provider}/{endpoint}`. */
  url: string;
  /** What tests put in the model's mouth. */
  script: Script;
  /** The newest requests, oldest first; bounded. */
  readonly requests: RequestRecord[];
  /** Resolves with the first request that fits, once its answer has ended in whatever way. */
  settled(fits: (record: RequestRecord) => boolean): Promise<RequestRecord>;
  /** Stops listening and breaks off every answer. */
  close(): Promise<void>;
}

/** Starts the gateway on 127.0.0.1. Throws `config_missing` if its key file is broken or its port is taken. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const env = options.env ?? process.env;
  const now = options.now ?? Date.now;
  const note = options.log ?? (() => undefined);
  const keys = await KeyStore.open(options.dataDir, env, options.baseUrls ?? {});
  const script = new Script();
  const log = new RequestLog();
  const handling: Handling = {
    keys,
    script,
    log,
    now,
    note,
    id: randomUUID,
    paceMs: options.paceMs ?? paceIn(env.HOLDFAST_DEMO_PACE_MS) ?? DEFAULT_PACE_MS,
  };
  const closing = new AbortController();

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const gone = new AbortController();
    response.once("close", () => gone.abort(new Error("The client has gone.")));
    if (!isLocalProgram(request)) return refuse(response, gatewayErrors.foreign);
    if (request.url === "/healthz") {
      response.writeHead(200, { "content-type": "application/json" }).end('{"ok":true}');
      return;
    }
    if (request.url === "/v1/providers") {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ providers: answering(keys) }));
      return;
    }
    if (options.scriptable && request.url?.startsWith("/_test/"))
      return testRoutes(handling, request, response);
    await handle(handling, request, response, AbortSignal.any([gone.signal, closing.signal]));
  };
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (response.destroyed) return; // the client left in the middle of its request
      note(
        `A request failed inside the gateway: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
      if (response.headersSent) response.destroy();
      else
        refuse(response, { status: 500, code: 500, message: "The local gateway failed. Its log says why." });
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const port = await listen(server, options.port ?? 0);
  note(`AI Gateway stand-in on http://127.0.0.1:${port}`);

  return {
    ...manage(keys, now),
    url: `http://127.0.0.1:${port}`,
    script,
    get requests() {
      return log.list();
    },
    settled: (fits) => log.settled(fits),
    async close() {
      closing.abort(new Error("The gateway is closing."));
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await promise;
    },
  };
}

/** Providers that answer for themselves, for who counts the cost: those without a key are played by the demo model. */
function answering(keys: KeyStore): { provider: string; local: boolean }[] {
  return (["anthropic", "openai"] as const).flatMap((provider) => {
    const credential = keys.credential(provider);
    return credential ? [{ provider, local: isHere(credential.baseUrl) }] : [];
  });
}

/** Whether a server's address is on this machine. */
function isHere(url: string): boolean {
  const host = URL.canParse(url) ? new URL(url).hostname : "";
  return host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function listen(server: ReturnType<typeof createServer>, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once("error", (error) => {
    reject(
      new AppError("config_missing", `Port ${port} cannot be used for the gateway. Choose another.`, {
        cause: error,
      }),
    );
  });
  server.listen(port, "127.0.0.1", () => {
    const address = server.address();
    resolve(typeof address === "object" && address !== null ? address.port : port);
  });
  return promise;
}

/**
 * A web page in somebody's browser can reach loopback too, and would spend the key behind it. Browsers say where a
 * request comes from, and a page that points its own name at this address still sends that name.
 */
function isLocalProgram(request: IncomingMessage): boolean {
  const host = request.headers.host ?? "";
  const local = /^(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])(?::\d+)?$/.test(host);
  return local && request.headers.origin === undefined && request.headers["sec-fetch-site"] === undefined;
}

function paceIn(text: string | undefined): number | null {
  const pace = text === undefined || text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(pace) && pace >= 0 ? pace : null;
}
