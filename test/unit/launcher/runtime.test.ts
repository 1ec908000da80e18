/** The Worker's own ports: only the edge may use them. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build } from "../../../local/lib/build.ts";
import { type Runtime, startRuntime } from "../../../local/lib/runtime.ts";

const SECRET = "0123456789abcdef".repeat(4);
let root: string;
let runtime: Runtime;

beforeAll(async () => {
  await build({ progress: () => {} });
  root = mkdtempSync(join(tmpdir(), "holdfast-runtime-"));
  for (const folder of ["state", "tmp"]) mkdirSync(join(root, folder));
  runtime = await startRuntime({
    stateDir: join(root, "state"),
    tmpDir: join(root, "tmp"),
    secret: SECRET,
    log: () => {},
    vars: {
      ACCESS_TEAM_DOMAIN: "http://127.0.0.1:9",
      ACCESS_AUD: "test",
      PUBLIC_ORIGIN: "http://127.0.0.1:9",
      CONTENT_ORIGIN: "http://content.localhost:9",
      AI_GATEWAY_URL: "http://127.0.0.1:9",
    },
  });
}, 120_000);

afterAll(async () => {
  await runtime.close();
  rmSync(root, { recursive: true, force: true });
});

async function get(
  base: URL,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const req = request({ host: base.hostname, port: base.port, path, headers, agent: false });
    req.once("error", reject);
    req.once("response", async (res) => resolve({ status: res.statusCode ?? 0, body: await text(res) }));
    req.end();
  });
}

describe("the Worker in Miniflare", () => {
  it("answers who knows the secret of this run, and nobody else", async () => {
    expect((await get(runtime.url, "/healthz", { "x-holdfast-edge": SECRET })).status).toBe(200);
    for (const guess of [undefined, "", SECRET.slice(1), `${SECRET}0`, SECRET.toUpperCase()]) {
      const headers: Record<string, string> = guess === undefined ? {} : { "x-holdfast-edge": guess };
      const answer = await get(runtime.url, "/healthz", headers);
      expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([403, "forbidden"]);
    }
  });

  it.each([
    ["/healthz", {}],
    ["/healthz", { "MF-Route-Override": "holdfast" }],
    ["/healthz", { "MF-Original-URL": "http://127.0.0.1/healthz" }],
    ["/cdn-cgi/local/r2/public/holdfast-files/x", {}],
    ["/x", { "MF-Original-URL": "http://127.0.0.1/cdn-cgi/local/r2/public/holdfast-files/x" }],
    ["/../cdn-cgi/local/r2/public/holdfast-files/x", {}],
    ["/%2e%2e/cdn-cgi/local/r2/public/holdfast-files/x", {}],
    ["//cdn-cgi/local/r2/public/holdfast-files/x", {}],
  ])("is not to be had through Miniflare's own entrance: %s %j", async (path, headers) => {
    const answer = await get(runtime.entryUrl, path, headers as Record<string, string>);
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body).error.code).toBe("forbidden");
  });

  it("brings the catalog up to date once", () => {
    expect(runtime.migrated.length).toBeGreaterThan(0);
  });
});
