/** The list of routes as the app registers them, read from the source itself: what the bundler makes of texts, Node does here. */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const TEXTS = [".html", ".sql"];

const routesSchema = z.object({
  GUARDED_ROUTES: z.array(z.object({ path: z.string(), methods: z.record(z.string(), z.unknown()) })),
  createApp: z.custom<(deps: unknown) => { routes: readonly { path: string; method: string }[] }>(
    (value) => typeof value === "function",
  ),
});

export interface Registered {
  /** Behind Access, with their verbs. */
  guarded: { path: string; verbs: string[] }[];
  /** Beside it. */
  open: string[];
}

export async function registeredRoutes(): Promise<Registered> {
  const hooks = registerHooks({
    load(url, context, next) {
      if (!TEXTS.some((end) => url.endsWith(end))) return next(url, context);
      const text = readFileSync(fileURLToPath(url), "utf8");
      return { format: "module", shortCircuit: true, source: `export default ${JSON.stringify(text)}` };
    },
  });
  try {
    const loaded: unknown = await import("../../../src/router/app.ts");
    const { GUARDED_ROUTES, createApp } = routesSchema.parse(loaded);
    const guarded = GUARDED_ROUTES.map(({ path, methods }) => ({ path, verbs: Object.keys(methods).sort() }));
    const behind = new Set(guarded.map(({ path }) => path));
    // Nothing is asked of the app, so it needs nothing of the world.
    const { routes } = createApp({});
    const open = routes
      .map(({ path }) => path)
      .filter((path) => path !== "/*" && path !== "*" && !behind.has(path));
    return { guarded, open: [...new Set(open)].sort() };
  } finally {
    hooks.deregister();
  }
}
