/** The same table against the built Worker in workerd, over real HTTP, with a key set that is served over HTTP too. */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { Agent, createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EDGE_HEADER } from "../../../local/edge/headers.ts";
import { build } from "../../../local/lib/build.ts";
import { openMasterKeys } from "../../../local/lib/master-keys.ts";
import { type Runtime, startRuntime } from "../../../local/lib/runtime.ts";
import type { Chance } from "../random.ts";
import type { Case } from "./cases.ts";
import { jwkOf, type Keys } from "./forge.ts";
import { unknownToken } from "./storm.ts";
import { AUDIENCE, inHeader, type Mint, mintAt, type Outcome } from "./world.ts";

/** Requests that are under way at once. */
const SIDE_BY_SIDE = 16;

export interface OverHttp {
  cases: number;
  storm: number;
  /** How often the key set was fetched in the storm, and how long that was. */
  fetches: number;
  seconds: number;
  violations: string[];
}

/** Builds the Worker if need be, and asks it all cases that need no clock of their own, and then a storm. */
export async function overHttp(
  keys: Keys,
  cases: readonly Case[],
  count: number,
  chance: Chance,
): Promise<OverHttp> {
  await build({ progress: (line) => console.error(line) });
  const dir = mkdtempSync(join(tmpdir(), "holdfast-access-"));
  const issuer = await startKeySet(keys);
  const secret = randomBytes(32).toString("hex");
  let runtime: Runtime | null = null;
  const agent = new Agent({ keepAlive: true, maxSockets: SIDE_BY_SIDE });
  try {
    for (const name of ["state", "tmp"]) mkdirSync(join(dir, name));
    runtime = await startRuntime({
      stateDir: join(dir, "state"),
      tmpDir: join(dir, "tmp"),
      secret,
      log: () => {},
      vars: {
        ACCESS_TEAM_DOMAIN: issuer.origin,
        ACCESS_AUD: AUDIENCE,
        PUBLIC_ORIGIN: "http://127.0.0.1:8787",
        CONTENT_ORIGIN: "http://content.localhost:8787",
        AI_GATEWAY_URL: "http://127.0.0.1:9",
        MASTER_KEYS: openMasterKeys(dir),
      },
    });
    const { port } = runtime.url;
    const ask = (headers: Record<string, string>): Promise<Answer> =>
      send(agent, Number(port), { ...headers, [EDGE_HEADER]: secret });
    const mint = (): Mint => mintAt(keys, issuer.origin, Math.floor(Date.now() / 1000));
    const violations = await walk(cases, mint, ask);
    const storm = await blow(count, mint(), chance, ask, issuer);
    return { cases: cases.length, storm: count, ...storm, violations: [...violations, ...storm.violations] };
  } finally {
    agent.destroy();
    await runtime?.close();
    await issuer.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Answer {
  status: number;
  body: string;
}

async function walk(
  cases: readonly Case[],
  mint: () => Mint,
  ask: (headers: Record<string, string>) => Promise<Answer>,
): Promise<string[]> {
  const violations: string[] = [];
  for (const one of cases) {
    const outcome = outcomeOf(await ask(one.headers(mint())));
    if (outcome !== one.expect) violations.push(`over HTTP, ${one.name}: ${outcome}, not ${one.expect}`);
  }
  return violations;
}

async function blow(
  count: number,
  mint: Mint,
  chance: Chance,
  ask: (headers: Record<string, string>) => Promise<Answer>,
  issuer: { fetched: number[] },
): Promise<{ fetches: number; seconds: number; violations: string[] }> {
  const violations: string[] = [];
  const before = issuer.fetched.length;
  const from = performance.now();
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const outcome = outcomeOf(await ask(inHeader(unknownToken(mint, chance))));
      if (outcome !== "unauthenticated")
        violations.push(`over HTTP, an unknown key id came out as ${outcome}`);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, lane));
  const seconds = (performance.now() - from) / 1_000;
  const fetches = issuer.fetched.length - before;
  const most = 1 + Math.floor(seconds / 30);
  if (fetches > most)
    violations.push(`over HTTP, ${fetches} fetches in ${seconds.toFixed(1)} s, ${most} at most`);
  for (const [n, at] of issuer.fetched.entries()) {
    const earlier = issuer.fetched[n - 1];
    // The clocks of two processes: a tenth of a second is forgiven.
    if (earlier !== undefined && at - earlier < 29_900)
      violations.push(`over HTTP, two fetches lie ${Math.round(at - earlier)} ms apart`);
  }
  return { fetches, seconds, violations: violations.slice(0, 20) };
}

function outcomeOf({ status, body }: Answer): Outcome | string {
  if (status === 401)
    return body.includes('"unauthenticated"') ? "unauthenticated" : `a 401 that says ${body}`;
  if (status === 503) return "config_missing";
  const kind = /"kind":"(person|service)"/.exec(body)?.[1];
  return status === 200 && kind ? kind : `${status} ${body.slice(0, 200)}`;
}

/** `fetch` would put headers of its own in, and refuse some that a case wants. */
function send(agent: Agent, port: number, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request({ host: "127.0.0.1", port, path: "/api/me", headers, agent }, (res) => {
      let body = "";
      res.setEncoding("utf8");
      res.on("data", (text: string) => {
        body += text;
      });
      res.on("end", () => resolve({ status: res.statusCode ?? 0, body }));
      res.on("error", reject);
    });
    req.on("error", reject);
    req.end();
  });
}

async function startKeySet(
  keys: Keys,
): Promise<{ origin: string; fetched: number[]; close(): Promise<void> }> {
  const fetched: number[] = [];
  const server: Server = createServer((req, res) => {
    if (req.url !== "/cdn-cgi/access/certs") return void res.writeHead(404).end();
    fetched.push(performance.now());
    res.setHeader("content-type", "application/json");
    res.end(JSON.stringify({ keys: [jwkOf(keys.current), jwkOf(keys.previous)] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A server that listens on TCP has an address with a port.
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    fetched,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
