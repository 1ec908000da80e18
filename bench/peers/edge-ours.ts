/**
 * The deployed Worker, unchanged, with a catalog that is elsewhere, as D1 is in production: Miniflare's runs on the
 * Worker's own thread, and would be measured with it. Questions go to Miniflare's; the request log, which nobody waits
 * for, goes to another process. Rate limits are counted in memory, as the platform counts them beside the Worker:
 * Miniflare's counts in a database of its own, with a write to the disk for each request.
 */
import type { Env as WorkerEnv } from "../../src/env.ts";
import worker from "../../src/worker.ts";

export * from "../../src/worker.ts";

type Env = WorkerEnv & { LOG_SINK: string };

let wrapped: WorkerEnv | null = null;

export default {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    wrapped ??= {
      ...env,
      CATALOG: elsewhere(env.CATALOG, env.LOG_SINK),
      RATE_PRINCIPAL: counter(),
      RATE_ADDRESS: counter(),
      RATE_FAILURE: counter(),
    };
    return worker.fetch(request, wrapped, ctx);
  },
};

/** Counts, and never refuses. */
function counter(): RateLimit {
  const counts = new Map<string, number>();
  return {
    async limit({ key }) {
      counts.set(key, (counts.get(key) ?? 0) + 1);
      return { success: true };
    },
  };
}

function elsewhere(catalog: D1Database, sink: string): D1Database {
  const log = (sql: string) => ({
    bind: (...values: unknown[]) => ({
      run: async () => {
        const response = await fetch(sink, { method: "POST", body: JSON.stringify({ sql, values }) });
        await response.arrayBuffer();
      },
    }),
  });
  const prepare = (sql: string) =>
    /^INSERT OR IGNORE INTO requests/.test(sql) ? log(sql) : catalog.prepare(sql);
  // `prepare` is all that the edge path asks of it.
  return { prepare, batch: catalog.batch.bind(catalog) } as unknown as D1Database;
}
