/**
 * The local edge: the guard in front of the Worker, as Cloudflare Access is in production. It takes the public port,
 * checks host, origin and token, and hands on what may pass, with the token where the Worker expects it.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { AccessClaims, Issuer } from "../issuer/index.ts";
import { hasCode } from "../lib/files.ts";
import { EdgeError } from "./errors.ts";
import {
  CONTENT_HOST,
  canMutate,
  credentialOf,
  hostOf,
  isForeign,
  loggable,
  loginPath,
  TOKEN_CHARS,
  targetOf,
  wantsPage,
} from "./guard.ts";
import { requestHeaders } from "./headers.ts";
import { createModels, MODELS_PATH, type ModelsHandler, type ModelsPort } from "./models.ts";
import { createProxy } from "./proxy.ts";
import { refuseUpgrade, sendError, sendRedirect } from "./respond.ts";
import { createSignIn, type SignIn } from "./sign-in.ts";

/** Loopback only: the sign-in page believes anyone. */
const HOST = "127.0.0.1";
/** Browsers keep connections for minutes; closing them sooner only costs handshakes. */
const KEEP_ALIVE_MS = 65_000;
/** Life of the token that a service credential is exchanged for. It is made anew with each request. */
const SERVICE_TOKEN_SECONDS = 300;
/** Signatures that were checked already: a page load is a dozen requests with one token. */
const KNOWN_TOKENS = 200;

export interface EdgeOptions {
  /** `0` picks a free port. */
  port: number;
  /** Paths that need no token; `src/router/unguarded.ts`. */
  isUnguarded(pathname: string): boolean;
  /** Milliseconds since the epoch. */
  now(): number;
  log(line: string): void;
}

/** What the edge needs to serve; known only after its own port is. */
export interface EdgeBackend {
  issuer: Issuer;
  models: ModelsPort;
  /** Secret that the gate in front of the Worker wants to see. */
  secret: string;
}

export interface Edge {
  port: number;
  /** `http://127.0.0.1:<port>` */
  origin: string;
  /** `http://content.localhost:<port>`: nobody signs in there; each of its addresses is signed by the Worker. */
  contentOrigin: string;
  /** From now on sign-in works and keys are served; everything else is answered with "starting". */
  prepare(backend: EdgeBackend): void;
  /** From now on requests go to the Worker at this loopback URL. */
  open(upstream: URL): void;
  /** Stops listening and cuts every connection. Can be called again. */
  close(): Promise<void>;
}

/** The port is taken. */
export class PortTakenError extends Error {
  readonly port: number;
  constructor(port: number) {
    super(`Port ${port} on ${HOST} is already in use.`);
    this.name = "PortTakenError";
    this.port = port;
  }
}

/** Where a request that passed the guard goes. */
interface Admitted {
  url: URL;
  /** Null on unguarded paths. */
  assertion: string | null;
  holder: AccessClaims | null;
}

/** Starts listening. Throws `PortTakenError`. Until `prepare` and `open` are called, all requests get 503. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { now, log } = options;
  const proxy = createProxy();
  const known = new Map<string, AccessClaims>();
  let backend: { issuer: Issuer; secret: string; signIn: SignIn; models: ModelsHandler } | null = null;
  let upstream: URL | null = null;
  let closed: Promise<void> | null = null;

  const server = createServer({ requestTimeout: 0, keepAliveTimeout: KEEP_ALIVE_MS });
  const port = await listen(server, options.port);
  const origin = `http://${HOST}:${port}`;

  /** The claims behind a token that is valid now, or `null`. */
  async function holderOf(token: string, issuer: Issuer): Promise<AccessClaims | null> {
    if (token.length > TOKEN_CHARS) return null;
    const seen = known.get(token);
    if (seen) return seen.exp * 1000 > now() ? seen : null;
    const claims = await issuer.verify(token, now());
    if (!claims) return null;
    const [oldest] = known.keys();
    if (known.size >= KNOWN_TOKENS && oldest !== undefined) known.delete(oldest);
    known.set(token, claims);
    return claims;
  }

  /** Exchanges what a request offers for a token, as Access does. */
  async function authenticate(
    req: IncomingMessage,
    issuer: Issuer,
  ): Promise<Omit<Admitted, "url"> & { cookie: boolean }> {
    const credential = credentialOf(req.headers);
    if (credential?.kind === "token") {
      const holder = await holderOf(credential.token, issuer);
      if (holder) return { assertion: credential.token, holder, cookie: credential.from === "cookie" };
    } else if (credential?.kind === "service") {
      const commonName = issuer.serviceOf(credential);
      if (commonName !== null) {
        const token = await issuer.issue({ commonName, ttlSeconds: SERVICE_TOKEN_SECONDS, now: now() });
        return { assertion: token, holder: await issuer.verify(token, now()), cookie: false };
      }
    }
    return { assertion: null, holder: null, cookie: false };
  }

  /** Everything that is checked before a request goes anywhere. Throws what to answer instead. */
  function address(req: IncomingMessage): URL {
    const host = hostOf(req.headers.host, port);
    const url = targetOf(req.url ?? "", origin);
    if (!url)
      throw new EdgeError("bad_request", "The edge takes paths only: it is no proxy for other hosts.");
    if (host === "foreign" || (host === "alias" && !wantsPage(req.method ?? "", req.headers))) {
      throw new EdgeError("misdirected", `Holdfast is served at ${origin} and answers to no other name.`);
    }
    return url;
  }

  async function admit(req: IncomingMessage, url: URL, issuer: Issuer, upgrade: boolean): Promise<Admitted> {
    if (options.isUnguarded(url.pathname)) return { url, assertion: null, holder: null };
    const { assertion, holder, cookie } = await authenticate(req, issuer);
    if (assertion === null) throw new EdgeError("unauthenticated", signInAdvice(url));
    if (canMutate(req.method ?? "GET", upgrade) && isForeign(req.headers, origin, cookie)) {
      throw new EdgeError(
        "origin_refused",
        "A page of another site sent this request, so it was not carried out.",
      );
    }
    return { url, assertion, holder };
  }

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = address(req);
    if (hostOf(req.headers.host, port) === "alias") return sendRedirect(res, url.href);
    if (!backend) throw new EdgeError("starting", "Holdfast is starting. Try again in a moment.");
    if (hostOf(req.headers.host, port) === "content") return serveFile(req, res, url, backend.secret);
    if (url.pathname.startsWith("/cdn-cgi/")) {
      const { holder } = await authenticate(req, backend.issuer);
      return backend.signIn.handle(req, res, url, holder);
    }
    let admitted: Admitted;
    try {
      admitted = await admit(req, url, backend.issuer, false);
    } catch (error) {
      const signIn = error instanceof EdgeError && error.code === "unauthenticated";
      if (signIn && wantsPage(req.method ?? "", req.headers))
        return sendRedirect(res, origin + loginPath(url));
      throw error;
    }
    if (url.pathname === MODELS_PATH) return backend.models.handle(req, res, req.headers.origin === origin);
    if (!upstream) throw new EdgeError("starting", "Holdfast is starting. Try again in a moment.");
    proxy.http(req, res, hopOf(req, admitted, upstream, backend.secret, false), (error) => {
      log(`edge: ${req.method} ${loggable(url.pathname)}: ${error.message}`);
      sendError(req, res, unreachable());
    });
  }

  /** Of the second host: without a token, whatever the request brought along. What a path is good for, the Worker knows. */
  function serveFile(req: IncomingMessage, res: ServerResponse, url: URL, secret: string): void {
    if (!upstream) throw new EdgeError("starting", "Holdfast is starting. Try again in a moment.");
    const admitted = { url, assertion: null, holder: null };
    proxy.http(req, res, hopOf(req, admitted, upstream, secret, false), (error) => {
      log(`edge: ${req.method} ${CONTENT_HOST}${loggable(url.pathname)}: ${error.message}`);
      sendError(req, res, unreachable());
    });
  }

  async function serveUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const url = address(req);
    if (hostOf(req.headers.host, port) === "content")
      throw new EdgeError("bad_request", "There are no sockets at this address.");
    if (!backend || !upstream)
      throw new EdgeError("starting", "Holdfast is starting. Try again in a moment.");
    if (req.method !== "GET" || req.headers.upgrade?.toLowerCase() !== "websocket") {
      throw new EdgeError("bad_request", "The only upgrade here is a WebSocket.");
    }
    const admitted = await admit(req, url, backend.issuer, true);
    proxy.upgrade(req, socket, head, hopOf(req, admitted, upstream, backend.secret, true), (error) => {
      log(`edge: socket ${loggable(url.pathname)}: ${error.message}`);
      refuseUpgrade(socket, unreachable());
    });
  }

  const asEdgeError = (error: unknown): EdgeError => {
    if (error instanceof EdgeError) return error;
    log(`edge: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return new EdgeError("internal", "The local edge failed. Its terminal says why.");
  };
  server.on("request", (req, res) => {
    serve(req, res).catch((error: unknown) => sendError(req, res, asEdgeError(error)));
  });
  server.on("upgrade", (req, socket, head) => {
    // A client that goes away while we think is no failure of ours.
    socket.on("error", () => socket.destroy());
    serveUpgrade(req, socket, head).catch((error: unknown) => refuseUpgrade(socket, asEdgeError(error)));
  });

  return {
    port,
    origin,
    contentOrigin: `http://${CONTENT_HOST}:${port}`,
    prepare(given) {
      const { issuer, secret } = given;
      backend = {
        issuer,
        secret,
        signIn: createSignIn({ issuer, now }),
        models: createModels(given.models, log),
      };
    },
    open(url) {
      upstream = url;
    },
    close() {
      closed ??= new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        proxy.close();
        server.closeAllConnections();
      });
      return closed;
    },
  };
}

const hopOf = (
  req: IncomingMessage,
  admitted: Admitted,
  upstream: URL,
  secret: string,
  upgrade: boolean,
) => ({
  upstream,
  method: req.method ?? "GET",
  path: admitted.url.pathname + admitted.url.search,
  headers: requestHeaders(req.rawHeaders, {
    secret,
    assertion: admitted.assertion,
    clientAddress: req.socket.remoteAddress ?? HOST,
    upgrade,
  }),
});

const unreachable = (): EdgeError =>
  new EdgeError(
    "worker_unreachable",
    "The Worker does not answer. It is started again after a crash, so try again; if that does not help, look at the terminal of npm start.",
  );

const signInAdvice = (url: URL): string =>
  `Sign in first: in a browser at ${url.origin}${loginPath(url)}, or send the output of "npm run token" in the header cf-access-token.`;

function listen(server: ReturnType<typeof createServer>, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(hasCode(error, "EADDRINUSE") ? new PortTakenError(port) : error));
    server.listen({ host: HOST, port }, () => {
      server.removeAllListeners("error");
      // A server that listens on TCP has an address with a port.
      resolve((server.address() as AddressInfo).port);
    });
  });
}
