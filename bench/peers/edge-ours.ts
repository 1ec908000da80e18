/**
 * The deployed Worker, unchanged, with a catalog that is elsewhere, as D1 is in production: Miniflare's runs on the
 * Worker's own thread, and would be measured with it. Questions go to Miniflare's; the request log, which nobody waits
 * for, goes to another process.
 */
import type { Env as WorkerEnv } from "../../src/env.ts";
import worker from "../../src/worker.ts";

export * from "../../src/worker.ts";

type Env = WorkerEnv & { LOG_SINK: string };

let wrapped: WorkerEnv | null = null;

export default {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    wrapped ??= { ...env, CATALOG: elsewhere(env.CATALOG, env.LOG_SINK) };
    return worker.fetch(request, wrapped, ctx);
  },
};

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
