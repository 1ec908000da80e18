/** Builds every peer with wrangler's own bundler, minified, for the deployment's compatibility date. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { unstable_readConfig } from "wrangler";
import { projectPaths } from "../../local/lib/paths.ts";
import { bundleFiles, gzipBytes } from "./size.ts";

export interface Bundle {
  directory: string;
  /** Name of the main module below it. */
  main: string;
  /** What is uploaded: names below the directory, the main one first. */
  modules: string[];
  gzipBytes: number;
}

export const deployment = unstable_readConfig(
  { config: projectPaths.wranglerConfig },
  { hideWarnings: true },
);
const benchRoot = join(import.meta.dirname, "..");

/** Builds an entry (a path from this package, or a whole one) into `<work>/<name>`. Throws with wrangler's own words. */
export async function buildEntry(work: string, name: string, entry: string, minify = true): Promise<Bundle> {
  const into = join(work, name);
  mkdirSync(into, { recursive: true });
  const config = join(work, `${name}.json`);
  writeFileSync(
    config,
    JSON.stringify({
      name: `bench-${name}`,
      main: resolve(benchRoot, entry),
      compatibility_date: deployment.compatibility_date,
      compatibility_flags: deployment.compatibility_flags,
      // What the SDK's Vite plugin does for Think.
      alias: { turndown: join(benchRoot, "peers/turndown.ts") },
    }),
  );
  await wrangler(config, into, minify);
  return bundleIn(into);
}

/** Builds the deployed Worker itself, for its size and its start. */
export async function buildProduct(work: string): Promise<Bundle> {
  const into = join(work, "product");
  // Wrangler wants the directory of assets to exist.
  mkdirSync(projectPaths.console, { recursive: true });
  await wrangler(projectPaths.wranglerConfig, into, true);
  return bundleIn(into);
}

/** What wrangler left in a directory. */
export function bundleIn(directory: string): Bundle {
  const names = bundleFiles(directory);
  const main = names.find((name) => name.endsWith(".js"));
  if (!main) throw new Error(`Wrangler made no module in ${directory}.`);
  const modules = [main, ...names.filter((name) => name !== main)];
  return { directory, main, modules, gzipBytes: gzipBytes(directory, modules) };
}

function wrangler(config: string, into: string, minify: boolean): Promise<void> {
  const program = join(
    dirname(createRequire(import.meta.url).resolve("wrangler/package.json")),
    "bin/wrangler.js",
  );
  const args = [program, "deploy", "--dry-run", "--outdir", into, "--config", config];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, minify ? [...args, "--minify"] : args, {
      cwd: projectPaths.root,
      env: {
        ...process.env,
        WRANGLER_SEND_METRICS: "false",
        WRANGLER_WRITE_LOGS: "false",
        CI: "true",
        NO_COLOR: "1",
        NODE_ENV: "production",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (part: Buffer) => {
        said += part.toString("utf8");
      });
    }
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve() : reject(new Error(`wrangler failed.\n${said}`))));
  });
}
