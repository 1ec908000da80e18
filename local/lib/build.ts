/**
 * Builds the Worker with wrangler's own bundler and the console with Vite, side by side, each into a fresh directory
 * that takes the old one's place when it is whole. What has not changed is not built again.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { performance } from "node:perf_hooks";
import { stripVTControlCharacters } from "node:util";
import { gzipSync } from "node:zlib";
import { z } from "zod";
import { CommandError } from "./command.ts";
import { DEPLOYMENT_FILE, type Deployment, moduleType, WORKER_MODULE } from "./deployment.ts";
import { readIfThere, writeWhole } from "./files.ts";
import { waitForLock } from "./lock.ts";
import { projectPaths } from "./paths.ts";
import { hashOf } from "./sources.ts";

type Part = "worker" | "console";

const records = z.object({ worker: z.string().optional(), console: z.string().optional() });
type Records = z.infer<typeof records>;

export interface BuildResult {
  part: Part;
  /** For the terminal: what was done, how long it took, how large it is. */
  line: string;
  built: boolean;
}

export interface BuildOptions {
  /** Build even what is up to date. */
  force?: boolean;
  /** One line when something slow begins. */
  progress(line: string): void;
  /** Breaks the build off. */
  signal?: AbortSignal;
}

const RECORDS = join(projectPaths.dist, ".build.json");
const LOCK = join(projectPaths.dist, ".lock");
const STAGING = join(projectPaths.dist, ".staging");

/** What each part is made from. The console shares the protocol and the files beside it with the Worker. */
const fingerprint: Record<Part, () => string> = {
  worker: () =>
    hashOf(
      projectPaths.root,
      [
        "src",
        "migrations",
        "wrangler.toml",
        "package-lock.json",
        "tsconfig.json",
        "tsconfig.base.json",
        "local/lib/build.ts",
        "local/lib/deployment.ts",
      ],
      (name) => name === "src/console",
    ),
  console: () =>
    hashOf(projectPaths.root, [
      "src/console",
      "src/protocol",
      "src/errors.ts",
      "src/limits.ts",
      "src/names.ts",
      "package-lock.json",
      "tsconfig.base.json",
      "local/lib/build.ts",
    ]),
};

/** Builds what is out of date. Throws a `CommandError` with the tools' own words when a build fails. */
export async function build(options: BuildOptions): Promise<BuildResult[]> {
  mkdirSync(projectPaths.dist, { recursive: true });
  if (!options.force && isFresh()) return [upToDate("worker"), upToDate("console")];
  const lock = await waitForLock(LOCK, () => options.progress("Waiting for another build to finish …"));
  try {
    // Wrangler wants the directory of assets to exist.
    mkdirSync(projectPaths.console, { recursive: true });
    const outcomes = await Promise.allSettled([
      buildPart("worker", projectPaths.worker, buildWorker, options),
      buildPart("console", projectPaths.console, buildConsole, options),
    ]);
    // Only now: wrangler reads the console's directory while it bundles the Worker.
    for (const outcome of outcomes) if (outcome.status === "fulfilled") outcome.value.place();
    const failures = outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [asError(outcome.reason)] : [],
    );
    if (failures.length > 0) {
      throw new CommandError(failures.map((error) => error.message).join("\n\n"), undefined, {
        cause: failures[0],
      });
    }
    return outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.result()] : []));
  } finally {
    rmSync(STAGING, { recursive: true, force: true });
    lock.release();
  }
}

/** Whether there is nothing to build. */
export function isFresh(): boolean {
  const known = readRecords();
  return known.worker === fingerprint.worker() && known.console === fingerprint.console();
}

async function buildPart(
  part: Part,
  target: string,
  make: (into: string, signal: AbortSignal | undefined) => Promise<void>,
  options: BuildOptions,
): Promise<{ place(): void; result(): BuildResult }> {
  const print = fingerprint[part]();
  if (!options.force && readRecords()[part] === print)
    return { place: () => {}, result: () => upToDate(part) };
  options.progress(`Building the ${part} …`);
  const startedAt = performance.now();
  const staging = join(STAGING, part);
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true });
  await make(staging, options.signal);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  return {
    place() {
      remember({ [part]: undefined });
      rmSync(target, { recursive: true, force: true });
      renameSync(staging, target);
      remember({ [part]: print });
    },
    result: () => ({
      part,
      built: true,
      line: `${part.padEnd(8)} built in ${seconds} s (${sizeOf(target)})`,
    }),
  };
}

const upToDate = (part: Part): BuildResult => ({ part, built: false, line: `${part.padEnd(8)} up to date` });

function readRecords(): Records {
  const text = readIfThere(RECORDS);
  if (text === null) return {};
  try {
    return records.parse(JSON.parse(text));
  } catch {
    // From another version, or edited: then everything is out of date.
    return {};
  }
}

function remember(change: { [P in Part]?: string | undefined }): void {
  writeWhole(RECORDS, `${JSON.stringify({ ...readRecords(), ...change }, null, 2)}\n`);
}

// --- the Worker ---------------------------------------------------------------------------------------------

const buildWorker = (into: string, signal: AbortSignal | undefined): Promise<void> =>
  bundleWorker(into, { signal });

/**
 * Bundles the Worker into an empty directory. `entry`: a module named `worker.ts` that goes around the Worker's own, for
 * a proof that needs more than the product has. The console must have been built.
 */
export async function bundleWorker(
  into: string,
  { entry, signal }: { entry?: string; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const wrangler = binOf("wrangler", "bin/wrangler.js");
  const [described] = await Promise.all([
    describe(),
    run(
      "wrangler",
      [
        ...[wrangler, "deploy", ...(entry === undefined ? [] : [entry]), "--dry-run"],
        ...["--outdir", into, "--config", projectPaths.wranglerConfig],
      ],
      // No questions, no reports, no log files in somebody's home directory.
      {
        WRANGLER_SEND_METRICS: "false",
        WRANGLER_HIDE_BANNER: "true",
        WRANGLER_WRITE_LOGS: "false",
        CI: "true",
      },
      signal,
    ),
  ]);
  described.modules = readdirSync(into, { recursive: true, encoding: "utf8" }).filter(
    (name) => moduleType(name) !== null,
  );
  if (!described.modules.includes(WORKER_MODULE))
    throw new CommandError(`Wrangler made no ${WORKER_MODULE}.`);
  writeFileSync(join(into, DEPLOYMENT_FILE), JSON.stringify(described));
}

/** What Miniflare needs to know from `wrangler.toml`, and the catalog's migrations. */
async function describe(): Promise<Deployment> {
  const { unstable_getMiniflareWorkerOptions, unstable_readConfig, unstable_splitSqlQuery } = await import(
    "wrangler"
  );
  const config = unstable_readConfig({ config: projectPaths.wranglerConfig });
  // Workers AI only exists remotely; on one machine AI_GATEWAY_URL takes its place.
  delete config.ai;
  const { workerOptions } = unstable_getMiniflareWorkerOptions(config);
  const { bindings: _bindings, modulesRules: _rules, rootPath: _root, ...options } = workerOptions;
  const [catalog] = config.d1_databases;
  if (!catalog?.migrations_dir)
    throw new CommandError("wrangler.toml names no D1 database with a migrations_dir.");
  const directory = join(projectPaths.root, catalog.migrations_dir);
  return {
    name: config.name ?? "holdfast",
    // Without a root of its own, so that a moved project still finds its assets.
    options: {
      ...options,
      ...(options.assets ? { assets: { ...options.assets, directory: "dist/console" } } : {}),
    },
    vars: Object.fromEntries(Object.entries(config.vars).map(([name, value]) => [name, String(value)])),
    modules: [],
    catalog: {
      binding: catalog.binding,
      migrations: readdirSync(directory)
        .filter((name) => name.endsWith(".sql"))
        .sort()
        .map((name) => ({
          name,
          statements: unstable_splitSqlQuery(readFileSync(join(directory, name), "utf8")),
        })),
    },
  };
}

// --- the console --------------------------------------------------------------------------------------------

async function buildConsole(into: string, signal: AbortSignal | undefined): Promise<void> {
  if (!statSync(projectPaths.consoleConfig, { throwIfNoEntry: false })) {
    throw new CommandError(
      `The console cannot be built: ${relative(projectPaths.root, projectPaths.consoleConfig)} is missing.`,
    );
  }
  // The shared chat's page after it, into a folder of its own: the first build empties everything.
  await vite(projectPaths.consoleConfig, into, signal);
  await vite(projectPaths.shareConfig, join(into, "s"), signal);
}

async function vite(config: string, into: string, signal: AbortSignal | undefined): Promise<void> {
  const args = [binOf("vite", "bin/vite.js"), "build", "--config", config, "--outDir", into, "--emptyOutDir"];
  await run("vite", [...args, "--logLevel", "warn"], {}, signal);
}

// --- tools --------------------------------------------------------------------------------------------------

/** A program inside an installed package. */
const binOf = (name: string, file: string): string =>
  join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), file);

/** Runs a tool of ours with this Node. Throws with everything that it said if it fails. */
function run(
  name: string,
  args: readonly string[],
  env: Record<string, string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: projectPaths.root,
      env: { ...process.env, ...env, NO_COLOR: "1", FORCE_COLOR: "0", NODE_ENV: "production" },
      stdio: ["ignore", "pipe", "pipe"],
      ...(signal ? { signal } : {}),
    });
    const said: Buffer[] = [];
    child.stdout.on("data", (part: Buffer) => said.push(part));
    child.stderr.on("data", (part: Buffer) => said.push(part));
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0) return resolve();
      const words = complaint(Buffer.concat(said).toString("utf8"));
      reject(new CommandError(`${name} failed (${signal ?? `exit code ${code}`}).\n${words}`));
    });
  });
}

/** What a tool said, without colours and without its own stack, which explains nothing about our sources. */
const complaint = (output: string): string =>
  stripVTControlCharacters(output)
    .split(/^ {4}at /m, 1)
    .join("")
    .trim();

function sizeOf(directory: string): string {
  let bytes = 0;
  let gzipped = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (
      !entry.isFile() ||
      entry.name.endsWith(".map") ||
      entry.name === "README.md" ||
      entry.name === DEPLOYMENT_FILE
    )
      continue;
    const content = readFileSync(join(entry.parentPath, entry.name));
    bytes += content.byteLength;
    gzipped += gzipSync(content).byteLength;
  }
  return `${kilobytes(bytes)}, ${kilobytes(gzipped)} gzipped`;
}

const kilobytes = (bytes: number): string => `${Math.ceil(bytes / 1024)} KB`;
const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));
