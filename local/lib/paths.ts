/** Where things are in the project. */
import { fileURLToPath } from "node:url";

const at = (path: string): string =>
  fileURLToPath(new URL(`../../${path}`, import.meta.url).href).replace(/\/$/, "");

/** Absolute paths, without a trailing slash. */
export const projectPaths = {
  root: at(""),
  dist: at("dist"),
  worker: at("dist/worker"),
  console: at("dist/console"),
  wranglerConfig: at("wrangler.toml"),
  consoleConfig: at("src/console/vite.config.ts"),
  shareConfig: at("src/console/share/vite.config.ts"),
  catalogMigrations: at("migrations/catalog"),
  gate: at("local/edge/gate.mjs"),
} as const;
