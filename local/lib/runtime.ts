/**
 * Runs the built Worker in Miniflare, in this process: the same bindings as in production, kept under the data
 * directory, reachable on loopback through the gate only.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  convertV4MiniflareOptions,
  Log,
  LogLevel,
  Miniflare,
  MiniflareCoreError,
  type V4WorkerOptions,
  type WorkerdStructuredLog,
} from "miniflare";
import { z } from "zod";
import { limits } from "../../src/limits.ts";
import { type AuditCatalog, purgeAudit } from "../../src/router/audit-purge.ts";
import { CommandError } from "./command.ts";
import { type Deployment, moduleType, readDeployment } from "./deployment.ts";
import { type Catalog, migrate, moveIssuer } from "./migrate.ts";
import { projectPaths } from "./paths.ts";

/** Modules in front of the Worker; names that wrangler does not produce. */
const GATE_MODULE = "gate.mjs";
const SECRET_MODULE = "edge-secret.txt";

export interface RuntimeOptions {
  /** Where Durable Objects, D1 and R2 are kept. */
  stateDir: string;
  /** Where the built Worker is; the project's own unless given. */
  workerDir?: string;
  /** For Miniflare's own temporary files. */
  tmpDir: string;
  /** Variables that are set for this run; they replace those of `wrangler.toml`. */
  vars: Record<string, string> & { ACCESS_TEAM_DOMAIN: string };
  /** What the gate wants to see in every request. */
  secret: string;
  /** How many times as often as `wrangler.toml` says somebody may ask; 1 unless given. */
  rateLimitsTimes?: number;
  /** One line of the Worker, or of Miniflare about it. */
  log(line: string): void;
  /** Workers that run beside it in the same workerd: tests reach into it with them. */
  beside?: readonly V4WorkerOptions[];
}

export interface Runtime {
  /** Where the Worker listens: loopback, behind the gate. Stays the same when workerd is started again. */
  url: URL;
  /** Miniflare's own entrance, which is shut; here so that a test can try it. */
  entryUrl: URL;
  /** Names of the migrations that were applied just now. */
  migrated: string[];
  /** Where a Worker beside it listens. */
  urlOf(beside: string): Promise<URL>;
  /** Stops workerd: with SIGKILL, and nothing before it. */
  close(): Promise<void>;
}

/** Starts workerd and brings the catalog up to date. Throws when the runtime refuses the Worker. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const deployment = readDeployment(dirOf(options));
  const miniflare = construct(deployment, options);
  try {
    const entryUrl = await miniflare.ready;
    const url = await miniflare.unsafeGetDirectURL(deployment.name);
    // Miniflare's types describe the same binding as `@cloudflare/workers-types`; `Catalog` is the part we use.
    const catalog: Catalog & AuditCatalog = await miniflare.getD1Database(
      deployment.catalog.binding,
      deployment.name,
    );
    const migrated = await migrate(catalog, deployment.catalog.migrations);
    await moveIssuer(catalog, options.vars.ACCESS_TEAM_DOMAIN);
    // In production a cron trigger does this.
    const stopPurging = await purgeDaily(
      catalog,
      options.vars.AUDIT_DAYS ?? deployment.vars.AUDIT_DAYS,
      options.log,
    );
    return {
      url,
      entryUrl,
      migrated,
      urlOf: (name) => miniflare.unsafeGetDirectURL(name),
      close: () => {
        stopPurging();
        return miniflare.dispose();
      },
    };
  } catch (error) {
    // Disposing of a Miniflare that never started fails with the same error once more.
    await miniflare.dispose().catch(() => undefined);
    if (!(error instanceof MiniflareCoreError)) throw error;
    throw new CommandError(`The Worker did not start. ${error.message}`, undefined, { cause: error });
  }
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Deletes what the audit has kept long enough, now and once a day. Returns how to stop that. */
async function purgeDaily(
  catalog: AuditCatalog,
  days: string | undefined,
  log: (line: string) => void,
): Promise<() => void> {
  const purge = () => purgeAudit(catalog, Number(days || limits.auditDays), Date.now());
  await purge();
  const timer = setInterval(() => {
    purge().catch((error: unknown) =>
      log(`the audit could not be purged; tried again tomorrow: ${String(error)}`),
    );
  }, DAY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

const dirOf = ({ workerDir = projectPaths.worker }: RuntimeOptions): string => workerDir;

function construct(deployment: Deployment, options: RuntimeOptions): Miniflare {
  const dir = dirOf(options);
  const worker: V4WorkerOptions = {
    ...deployment.options,
    ratelimits: rateLimits(deployment.options.ratelimits, options.rateLimitsTimes ?? 1),
    name: deployment.name,
    rootPath: projectPaths.root,
    bindings: { ...deployment.vars, ...options.vars },
    modulesRoot: dir,
    modules: [
      { type: "ESModule", path: join(dir, GATE_MODULE), contents: readFileSync(projectPaths.gate, "utf8") },
      { type: "Text", path: join(dir, SECRET_MODULE), contents: options.secret },
      ...deployment.modules.map((name) => workerModule(dir, name)),
    ],
    // A socket of its own, past Miniflare's entry worker, which would recode bodies and rewrite errors.
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
  const miniflareOptions = convertV4MiniflareOptions({
    workers: [worker, ...(options.beside ?? [])],
    host: "127.0.0.1",
    port: 0,
    // Miniflare's entry worker serves R2 objects to anyone under `/cdn-cgi/local/`. It looks for that path after it
    // has put requests below the upstream's path, so with one that nobody can guess it never finds it.
    upstream: `http://127.0.0.1/${options.secret}/`,
    cf: false,
    logRequests: false,
    log: new LineLog(options.log),
    handleStructuredLogs: (entry) => options.log(logLine(entry)),
    resourcePersistencePath: options.stateDir,
    resourceTmpPath: options.tmpDir,
    telemetry: { enabled: false },
  });
  return withTemporaryDirectory(options.tmpDir, () =>
    withoutSignalHandlers(() => new Miniflare(miniflareOptions)),
  );
}

const rateLimitsSchema = z.record(
  z.string(),
  z.object({
    namespace_id: z.string(),
    simple: z.object({ limit: z.number(), period: z.union([z.literal(10), z.literal(60)]) }),
  }),
);

/** The deployment's rate limits with other numbers: a campaign asks more in a minute than people do. */
function rateLimits(options: unknown, times: number): z.infer<typeof rateLimitsSchema> {
  const known = rateLimitsSchema.parse(options ?? {});
  return Object.fromEntries(
    Object.entries(known).map(([name, { simple, ...rest }]) => [
      name,
      { ...rest, simple: { ...simple, limit: simple.limit * times } },
    ]),
  );
}

/** Miniflare names modules relative to `modulesRoot`, but finds relative paths below `rootPath`: these are absolute. */
function workerModule(dir: string, name: string) {
  const type = moduleType(name);
  if (type === null) throw new Error(`${name} is no module of the Worker. Build it again.`);
  const path = join(dir, name);
  const binary = type === "Data" || type === "CompiledWasm";
  const contents = binary ? readFileSync(path) : readFileSync(path, "utf8");
  return { type, path, contents };
}

/** Miniflare takes its temporary directory from the environment, once, when it is made. */
function withTemporaryDirectory<T>(directory: string, make: () => T): T {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = directory;
  try {
    return make();
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}

/**
 * Miniflare ends the process on the first signal, before anything else could be stopped cleanly. The launcher stops
 * Miniflare itself; its clean-up when the process exits stays.
 */
function withoutSignalHandlers<T>(make: () => T): T {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const before = signals.map((signal) => new Set(process.listeners(signal)));
  const made = make();
  signals.forEach((signal, i) => {
    for (const listener of process.listeners(signal)) {
      if (!before[i]?.has(listener)) process.removeListener(signal, listener);
    }
  });
  return made;
}

/** Miniflare's remarks, from warnings up, as lines. */
class LineLog extends Log {
  readonly #write: (line: string) => void;
  constructor(write: (line: string) => void) {
    super(LogLevel.WARN);
    this.#write = write;
  }
  protected override log(message: string): void {
    this.#write(message);
  }
}

const logLine = (entry: WorkerdStructuredLog): string => `worker: ${entry.message}`;
