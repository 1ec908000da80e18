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
  /** For Miniflare's own temporary files. */
  tmpDir: string;
  /** Variables that are set for this run; they replace those of `wrangler.toml`. */
  vars: Record<string, string> & { ACCESS_TEAM_DOMAIN: string };
  /** What the gate wants to see in every request. */
  secret: string;
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
  const deployment = readDeployment(projectPaths.worker);
  const miniflare = construct(deployment, options);
  try {
    const entryUrl = await miniflare.ready;
    const url = await miniflare.unsafeGetDirectURL(deployment.name);
    // Miniflare's types describe the same binding as `@cloudflare/workers-types`; `Catalog` is the part we use.
    const catalog: Catalog = await miniflare.getD1Database(deployment.catalog.binding, deployment.name);
    const migrated = await migrate(catalog, deployment.catalog.migrations);
    await moveIssuer(catalog, options.vars.ACCESS_TEAM_DOMAIN);
    return {
      url,
      entryUrl,
      migrated,
      urlOf: (name) => miniflare.unsafeGetDirectURL(name),
      close: () => miniflare.dispose(),
    };
  } catch (error) {
    // Disposing of a Miniflare that never started fails with the same error once more.
    await miniflare.dispose().catch(() => undefined);
    if (!(error instanceof MiniflareCoreError)) throw error;
    throw new CommandError(`The Worker did not start. ${error.message}`, undefined, { cause: error });
  }
}

function construct(deployment: Deployment, options: RuntimeOptions): Miniflare {
  const worker: V4WorkerOptions = {
    ...deployment.options,
    name: deployment.name,
    rootPath: projectPaths.root,
    bindings: { ...deployment.vars, ...options.vars },
    modulesRoot: projectPaths.worker,
    modules: [
      { type: "ESModule", path: inWorker(GATE_MODULE), contents: readFileSync(projectPaths.gate, "utf8") },
      { type: "Text", path: inWorker(SECRET_MODULE), contents: options.secret },
      ...deployment.modules.map(workerModule),
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

/** Miniflare names modules relative to `modulesRoot`, but finds relative paths below `rootPath`. */
const inWorker = (name: string): string => join(projectPaths.worker, name);

function workerModule(name: string) {
  const type = moduleType(name);
  if (type === null) throw new Error(`${name} is no module of the Worker. Build it again.`);
  const path = inWorker(name);
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
