import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";
import { outbound, TEST_CHANNELS } from "./test/support/outbound.ts";

/**
 * Three kinds of tests. `unit`: pure parts and local stand-ins, in Node. `workers`: actors, router and tools inside
 * workerd, with real SQLite, D1 and R2. `e2e`: a running server, real clients and a real browser.
 */
export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts", "test/*.test.ts"], environment: "node" } },
      {
        plugins: [
          cloudflareTest({
            main: "./test/workers/entry.ts",
            wrangler: { configPath: "./wrangler.toml" },
            remoteBindings: false,
            miniflare: {
              // The pool pins an older workerd that refuses the deployment's date.
              compatibilityDate: "2026-08-01",
              outboundService: outbound,
              bindings: {
                ACCESS_TEAM_DOMAIN: "http://127.0.0.1:9",
                ACCESS_AUD: "test-audience",
                // The newest, and one on its way out.
                MASTER_KEYS:
                  "test:dGVzdCB0ZXN0IHRlc3QgdGVzdCB0ZXN0IHRlc3QgMzI=,old:b2xkZXIgdGVzdCBrZXksIG9sZGVyIHRlc3Qga2V5IDM=",
                PUBLIC_ORIGIN: "http://127.0.0.1:8787",
                CONTENT_ORIGIN: "http://content.localhost:8787",
                AI_GATEWAY_URL: "http://127.0.0.1:9",
                CHANNELS: TEST_CHANNELS,
                // The demo model is free but under this name, so that spending can be tested.
                PRICES: '{"demo/priced": {"input": 3, "output": 250}}',
              },
            },
          }),
        ],
        test: {
          name: "workers",
          include: ["test/workers/**/*.test.ts"],
          globalSetup: ["./test/support/outbound.ts"],
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          environment: "node",
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
