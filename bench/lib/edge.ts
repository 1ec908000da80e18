/**
 * Requests per second of the whole edge path (token, catalog, policy, headers, a JSON answer that no actor is asked
 * for), beside a Worker of Hono and jose that checks the same token and gives the same answer. Interleaved, in workerd.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerOptions } from "miniflare";
import { type Issuer, openIssuer } from "../../local/issuer/index.ts";
import { moduleType } from "../../local/lib/deployment.ts";
import { openMasterKeys } from "../../local/lib/master-keys.ts";
import { type Bundle, buildEntry, deployment } from "./build.ts";
import { type Host, prepareCatalog, watchWorkerd } from "./host.ts";
import { type Figure, figure } from "./stats.ts";

const PATH = "/api/tools";
/** Connections that are kept busy: one processor of the client's is not to be what is measured. */
const LANES = 8;
const WARM_UP_MS = 1_500;
const ROUND_MS = 2_000;
/** What the edge path is to reach of the smallest check that there is. */
const GOAL = 0.9;

type Name = "holdfast" | "hono";
type Side = Pick<Host, "origin" | "cpuMs">;

export interface EdgeFigures {
  /** Requests a second, and microseconds of the Worker's processor a request. */
  perSecond: Record<Name, Figure>;
  cpuMicros: Record<Name, Figure>;
  ratio: number;
  met: boolean;
}

export async function measureEdge(options: { reps: number; directory: string }): Promise<EdgeFigures> {
  const work = mkdtempSync(join(options.directory, "holdfast-bench-edge-"));
  const closing: (() => Promise<void>)[] = [];
  try {
    const issuer = await serveIssuer(work, closing);
    const token = await issuer.issue({ email: "bench@example.com", ttlSeconds: 3_600, now: Date.now() });
    console.error("Building the Worker and the one beside it …");
    const [product, hono] = await Promise.all([
      buildEntry(work, "edge-ours", "peers/edge-ours.ts"),
      buildEntry(work, "edge-hono", "peers/edge-hono.ts"),
    ]);
    const ours = await start("holdfast", product, oursOptions(work, issuer), closing);
    const answer = await ask(ours.origin, token);
    const bindings = { ACCESS_TEAM_DOMAIN: issuer.origin, ACCESS_AUD: issuer.audience, ANSWER: answer };
    const theirs = await start("hono", hono, { bindings }, closing);
    if ((await ask(theirs.origin, token)) !== answer) throw new Error("The two Workers answer differently.");
    return await rounds({ holdfast: ours, hono: theirs }, token, options.reps);
  } finally {
    for (const close of closing.reverse()) await close();
    rmSync(work, { recursive: true, force: true });
  }
}

/** As a table in Markdown. */
export function edgeTable({ perSecond, cpuMicros, ratio, met }: EdgeFigures): string {
  const whole = ({ value, low, high }: Figure): string =>
    `${Math.round(value).toLocaleString("en")} (${Math.round(low).toLocaleString("en")} to ${Math.round(high).toLocaleString("en")})`;
  return [
    "| The edge path | Hono and jose alone | Holdfast | Ratio | Goal | Reached |",
    "|---|---|---|---|---|---|",
    `| Requests a second | ${whole(perSecond.hono)} | ${whole(perSecond.holdfast)} | ${ratio.toFixed(2)} × | at least ${GOAL} × | ${met ? "yes" : "no"} |`,
    `| CPU of the Worker a request (µs) | ${whole(cpuMicros.hono)} | ${whole(cpuMicros.holdfast)} | ${(cpuMicros.holdfast.value / cpuMicros.hono.value).toFixed(2)} × | | |`,
  ].join("\n");
}

async function rounds(sides: Record<Name, Side>, token: string, reps: number): Promise<EdgeFigures> {
  const perSecond: Record<Name, number[]> = { holdfast: [], hono: [] };
  const cpuMicros: Record<Name, number[]> = { holdfast: [], hono: [] };
  const names = ["holdfast", "hono"] as const;
  for (const name of names) await load(sides[name].origin, token, WARM_UP_MS);
  for (let rep = 0; rep < reps; rep++) {
    // Who is first changes: what the machine does besides hits both alike.
    for (const name of rep % 2 === 0 ? names : [...names].reverse()) {
      const cpu = sides[name].cpuMs();
      const { count, ms } = await load(sides[name].origin, token, ROUND_MS);
      perSecond[name].push((count * 1_000) / ms);
      cpuMicros[name].push(((sides[name].cpuMs() - cpu) * 1_000) / count);
      console.error(`${name}: ${Math.round((count * 1_000) / ms)} requests a second`);
    }
  }
  const figures = (values: Record<Name, number[]>): Record<Name, Figure> => ({
    holdfast: figure(values.holdfast),
    hono: figure(values.hono),
  });
  const all = figures(perSecond);
  const ratio = all.holdfast.value / all.hono.value;
  return { perSecond: all, cpuMicros: figures(cpuMicros), ratio, met: ratio >= GOAL };
}

/** Keeps every lane busy for a while. */
async function load(origin: string, token: string, ms: number): Promise<{ count: number; ms: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: LANES });
  const from = performance.now();
  let count = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() - from < ms) {
      await ask(origin, token, agent);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const took = performance.now() - from;
  agent.destroy();
  return { count, ms: took };
}

function ask(origin: string, token: string, agent?: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { "cf-access-jwt-assertion": token };
    const req = request(origin + PATH, { headers, agent: agent ?? false }, (res) => {
      let body = "";
      res.setEncoding("utf8");
      res.on("data", (text: string) => {
        body += text;
      });
      res.on("error", reject);
      res.on("end", () =>
        res.statusCode === 200
          ? resolve(body)
          : reject(new Error(`${origin} answered ${res.statusCode}: ${body}`)),
      );
    });
    req.on("error", reject);
    req.end();
  });
}

async function serveIssuer(work: string, closing: (() => Promise<void>)[]): Promise<Issuer> {
  let issuer: Issuer | null = null;
  const server = createServer((req, res) => {
    // The request log of the catalog, which is elsewhere.
    if (req.method === "POST") {
      req.resume();
      req.on("end", () => res.end());
      return;
    }
    void issuer?.keySet().then((set) => {
      res.setHeader("content-type", "application/json");
      res.end(JSON.stringify(set));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => new Promise((resolve) => server.close(() => resolve())));
  // A server that listens on TCP has an address with a port.
  const { port } = server.address() as AddressInfo;
  issuer = await openIssuer(join(work, "issuer"), `http://127.0.0.1:${port}`);
  return issuer;
}

const oursOptions = (work: string, issuer: Issuer): Partial<V4WorkerOptions> => {
  mkdirSync(join(work, "keys"));
  return {
    durableObjects: {
      CONVERSATION: { className: "Conversation", useSQLite: true },
      USER: { className: "User", useSQLite: true },
    },
    d1Databases: { CATALOG: "catalog" },
    r2Buckets: { FILES: "files" },
    bindings: {
      ACCESS_TEAM_DOMAIN: issuer.origin,
      ACCESS_AUD: issuer.audience,
      LOG_SINK: `${issuer.origin}/log`,
      PUBLIC_ORIGIN: "http://127.0.0.1:8787",
      CONTENT_ORIGIN: "http://content.localhost:8787",
      AI_GATEWAY_URL: "http://127.0.0.1:9",
      MASTER_KEYS: openMasterKeys(join(work, "keys")),
    },
  };
};

async function start(
  name: Name,
  bundle: Bundle,
  options: Partial<V4WorkerOptions>,
  closing: (() => Promise<void>)[],
): Promise<Side> {
  const worker = {
    name,
    ...(deployment.compatibility_date ? { compatibilityDate: deployment.compatibility_date } : {}),
    compatibilityFlags: deployment.compatibility_flags,
    modulesRoot: bundle.directory,
    modules: bundle.modules.map((file) => {
      const type = moduleType(file);
      if (type === null) throw new Error(`${file} is no module.`);
      const path = join(bundle.directory, file);
      return {
        type,
        path,
        contents:
          type === "Data" || type === "CompiledWasm" ? readFileSync(path) : readFileSync(path, "utf8"),
      };
    }),
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    ...options,
  } as V4WorkerOptions; // the modules' types are one of several shapes, which the spread hides
  const started = watchWorkerd();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers: [worker],
      host: "127.0.0.1",
      port: 0,
      cf: false,
      logRequests: false,
      log: new Log(LogLevel.WARN),
      telemetry: { enabled: false },
    }),
  );
  closing.push(() => miniflare.dispose());
  await miniflare.ready;
  const cpuMs = started();
  if (name === "holdfast") await prepareCatalog(miniflare, name);
  const { origin } = await miniflare.unsafeGetDirectURL(name);
  return { origin, cpuMs };
}
