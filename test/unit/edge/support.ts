/** What the tests of the edge share: an edge of their own in front of a scripted upstream, and a plain HTTP client. */
import { mkdtempSync, rmSync } from "node:fs";
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { type Edge, startEdge } from "../../../local/edge/index.ts";
import type { ModelsPort } from "../../../local/edge/models.ts";
import { type Issuer, openIssuer } from "../../../local/issuer/index.ts";

export const SECRET = "the-secret-of-this-run";
/** 2026-11-23T12:00:00Z */
export const NOON = Date.UTC(2026, 10, 23, 12);

export type Handler = (req: IncomingMessage, res: ServerResponse) => void;

export interface Setup {
  edge: Edge;
  issuer: Issuer;
  upstream: Server;
  lines: string[];
  /** Moves the edge's clock, in milliseconds since the epoch. */
  clock: { now: number };
  token(email?: string): Promise<string>;
}

/** A directory for one test. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-edge-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export const noModels: ModelsPort = {
  models: async () => [],
  providers: async () => [],
  connect: async () => {
    throw new Error("not in this test");
  },
  test: async () => {
    throw new Error("not in this test");
  },
  disconnect: async () => {
    throw new Error("not in this test");
  },
};

/** An edge that is open, in front of an upstream that answers with `handler`. */
export async function setUp(options: { handler?: Handler; models?: ModelsPort } = {}): Promise<Setup> {
  const upstream = createServer(options.handler ?? ((_req, res) => res.end("from the Worker")));
  const lines: string[] = [];
  const clock = { now: NOON };
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const edge = await startEdge({
    port: 0,
    isUnguarded: (path) => path === "/healthz" || path.startsWith("/keyed/"),
    now: () => clock.now,
    log: (line) => lines.push(line),
  });
  const issuer = await openIssuer(temporaryDirectory(), edge.origin);
  edge.prepare({ issuer, models: options.models ?? noModels, secret: SECRET });
  edge.open(new URL(`http://127.0.0.1:${portOf(upstream)}`));
  onTestFinished(async () => {
    await edge.close();
    upstream.closeAllConnections();
    await new Promise((resolve) => upstream.close(resolve));
  });
  const token = (email = "alice@example.com"): Promise<string> =>
    issuer.issue({ email, ttlSeconds: 3600, now: clock.now });
  return { edge, issuer, upstream, lines, clock, token };
}

export function portOf(server: Server): number {
  // A server that listens on TCP has an address with a port.
  return (server.address() as AddressInfo).port;
}

/** The answer's head. Rejects when there is none. */
export function responseTo(req: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    req.once("response", resolve);
    req.once("error", reject);
  });
}

export interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  rawHeaders: string[];
  body: string;
  /** The code of `{error: {code}}`, if the body is that. */
  code: string | undefined;
}

/** One request, without following redirects, with exactly the headers given (and `Host`). */
export async function send(
  port: number,
  path: string,
  options: {
    method?: string;
    headers?: Record<string, string | string[]>;
    body?: string | Buffer;
  } = {},
): Promise<Answer> {
  const req = request({
    host: "127.0.0.1",
    port,
    path,
    method: options.method ?? "GET",
    headers: options.headers,
    agent: false,
  });
  req.end(options.body);
  const res = await responseTo(req);
  const body = (await buffer(res)).toString("utf8");
  return {
    status: res.statusCode ?? 0,
    headers: res.headers,
    rawHeaders: res.rawHeaders,
    body,
    code: codeIn(body),
  };
}

function codeIn(body: string): string | undefined {
  try {
    return JSON.parse(body).error?.code;
  } catch {
    return undefined;
  }
}
