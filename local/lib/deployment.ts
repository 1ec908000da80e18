/**
 * The deployment as `wrangler.toml` describes it, in the words of Miniflare. Made by the build, because wrangler takes
 * a second to load, and read by every start.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** Files beside the built Worker. */
export const DEPLOYMENT_FILE = "deployment.json";
export const WORKER_MODULE = "worker.js";

/** How workerd takes the files that a Worker imports: wrangler's default rules. */
const MODULE_TYPES: readonly [pattern: RegExp, type: ModuleType][] = [
  [/\.m?js$/, "ESModule"],
  [/\.(?:txt|html|sql)$/, "Text"],
  [/\.bin$/, "Data"],
  [/\.wasm$/, "CompiledWasm"],
];
export type ModuleType = "ESModule" | "Text" | "Data" | "CompiledWasm";

const migration = z.object({ name: z.string(), statements: z.array(z.string()) });
/** One file of `migrations/catalog`, split into statements. */
export type Migration = z.infer<typeof migration>;

const deployment = z.object({
  name: z.string(),
  /** Options of one Miniflare worker, without its modules; Miniflare checks them itself. */
  options: z.record(z.string(), z.unknown()),
  /** Plain variables of `wrangler.toml`. */
  vars: z.record(z.string(), z.string()),
  /** Files of the Worker: paths relative to its directory. */
  modules: z.array(z.string()),
  /** Binding of the catalog, and its migrations in order. */
  catalog: z.object({ binding: z.string(), migrations: z.array(migration) }),
});
export type Deployment = z.infer<typeof deployment>;

/** How a file of the Worker is loaded, or `null` if it is not part of it (source maps, wrangler's read-me). */
export function moduleType(name: string): ModuleType | null {
  return MODULE_TYPES.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** Reads what the build left in a directory. */
export function readDeployment(directory: string): Deployment {
  return deployment.parse(JSON.parse(readFileSync(join(directory, DEPLOYMENT_FILE), "utf8")));
}
