/** Serves a bundle on workerd itself: Miniflare starts it and keeps its storage on disk, and is in no request's path. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerOptions } from "miniflare";
import { unstable_splitSqlQuery } from "wrangler";
import { moduleType } from "../../local/lib/deployment.ts";
import { newMasterKey } from "../../local/lib/master-keys.ts";
import { type Catalog, migrate } from "../../local/lib/migrate.ts";
import { projectPaths } from "../../local/lib/paths.ts";
import { type Bundle, deployment } from "./build.ts";
import { conversationNameOf, type Peer } from "./peers.ts";

export interface Host {
  peer: Peer;
  origin: string;
  inspectorPort: number;
  /** The socket of conversation `n` of user `user`. */
  chatUrl(user: number, thread: string): string;
  /** Processor time that this peer's workerd has used, in milliseconds. */
  cpuMs(): number;
  close(): Promise<void>;
}

export interface HostOptions {
  peer: Peer;
  bundle: Bundle;
  upstream: string;
  /** Where Durable Objects, D1 and R2 are kept. */
  stateDir: string;
  count: boolean;
  inspect?: boolean;
}

export async function startHost(options: HostOptions): Promise<Host> {
  const { peer } = options;
  const worker: V4WorkerOptions = {
    name: peer.name,
    ...(deployment.compatibility_date ? { compatibilityDate: deployment.compatibility_date } : {}),
    compatibilityFlags: deployment.compatibility_flags,
    modulesRoot: options.bundle.directory,
    modules: options.bundle.modules.map((name) => moduleOf(options.bundle, name)),
    durableObjects: Object.fromEntries(
      Object.entries(peer.objects).map(([binding, className]) => [binding, { className, useSQLite: true }]),
    ),
    bindings: {
      UPSTREAM: options.upstream,
      BENCH_COUNT: options.count ? "1" : "0",
      ...(peer.name === "ours" ? oursVariables(options.upstream) : {}),
    },
    ...(peer.name === "ours" ? { d1Databases: { CATALOG: "catalog" }, r2Buckets: { FILES: "files" } } : {}),
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
  const before = new Set(workerds());
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers: [worker],
      host: "127.0.0.1",
      port: 0,
      cf: false,
      logRequests: false,
      log: new Log(LogLevel.WARN),
      resourcePersistencePath: options.stateDir,
      telemetry: { enabled: false },
      ...(options.inspect ? { inspectorPort: 0 } : {}),
      handleStructuredLogs: ({ level, message }) => {
        if (level === "error") console.error(`${peer.name}: ${message}`);
      },
    }),
  );
  try {
    await miniflare.ready;
    if (peer.name === "ours") await prepareCatalog(miniflare, peer.name);
    const origin = (await miniflare.unsafeGetDirectURL(peer.name)).origin;
    const pid = workerds().find((candidate) => !before.has(candidate));
    if (pid === undefined) throw new Error("workerd was not found among the bench's processes.");
    let closed: Promise<void> | null = null;
    const inspectorPort = options.inspect ? Number((await miniflare.getInspectorURL()).port) : 0;
    return {
      peer,
      origin,
      inspectorPort,
      chatUrl: (user, thread) =>
        `${origin.replace("http", "ws")}/agents/${peer.path}/${conversationNameOf(user, thread)}`,
      cpuMs: () => cpuMsOf(pid),
      // Twice does no harm.
      close: () => {
        closed ??= miniflare.dispose();
        return closed;
      },
    };
  } catch (error) {
    await miniflare.dispose().catch(() => undefined); // the first error says more
    throw error;
  }
}

const oursVariables = (upstream: string) => ({
  ACCESS_TEAM_DOMAIN: "http://127.0.0.1:9",
  ACCESS_AUD: "bench",
  MASTER_KEYS: newMasterKey(),
  PUBLIC_ORIGIN: "http://127.0.0.1:9",
  CONTENT_ORIGIN: "http://content.localhost:9",
  AI_GATEWAY_URL: upstream,
  DEFAULT_MODEL: "anthropic/claude-sonnet-4-6",
  // A limit as in any deployment, and leases with it, but one that no run reaches.
  DAILY_LIMIT_USD: "100000",
  DAILY_LIMIT_TOKENS: "999999999",
});

/** Applies the catalog's migrations to a Worker's database. */
export async function prepareCatalog(miniflare: Miniflare, worker: string): Promise<void> {
  // Miniflare's types describe the same binding as `@cloudflare/workers-types`; `Catalog` is the part that is used.
  const catalog: Catalog = await miniflare.getD1Database("CATALOG", worker);
  const directory = projectPaths.catalogMigrations;
  const migrations = readdirSync(directory)
    .filter((name) => name.endsWith(".sql"))
    .sort()
    .map((name) => ({
      name,
      statements: unstable_splitSqlQuery(readFileSync(join(directory, name), "utf8")),
    }));
  await migrate(catalog, migrations);
}

function moduleOf(bundle: Bundle, name: string) {
  const type = moduleType(name);
  if (type === null) throw new Error(`${name} is no module.`);
  const path = join(bundle.directory, name);
  const binary = type === "Data" || type === "CompiledWasm";
  return { type, path, contents: binary ? readFileSync(path) : readFileSync(path, "utf8") };
}

/** Called before a Miniflare is started; what it gives back, afterwards: then it tells the processor time of its workerd. */
export function watchWorkerd(): () => () => number {
  const before = new Set(workerds());
  return () => {
    const pid = workerds().find((candidate) => !before.has(candidate));
    if (pid === undefined) throw new Error("workerd was not found among the bench's processes.");
    return () => cpuMsOf(pid);
  };
}

/** Process ids of the workerds that this process started. */
function workerds(): number[] {
  return execFileSync("ps", ["-o", "pid=,comm=", "--ppid", String(process.pid)], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes("workerd"))
    .map((line) => Number.parseInt(line, 10));
}

/** Linux counts every thread's time on a processor in nanoseconds: first number of `schedstat`. */
function cpuMsOf(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  }
  return nanoseconds / 1e6;
}
