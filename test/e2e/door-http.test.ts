/**
 * The door over real HTTP: the Worker as it runs, with the edge in front and without it. Paths in every spelling,
 * requirements, groups of the identity endpoint, pages of other sites, and names that are not ours.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EDGE_HEADER } from "../../local/edge/headers.ts";
import { build } from "../../local/lib/build.ts";
import { openMasterKeys } from "../../local/lib/master-keys.ts";
import { type Runtime, startRuntime } from "../../local/lib/runtime.ts";
import { startServer, type TestServer } from "../support/server.ts";

/** One request, byte by byte as given: `fetch` would tidy the path up. Resolves with status and body. */
function raw(
  port: number,
  target: string,
  headers: Record<string, string>,
  method = "GET",
): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      const lines = Object.entries({ Connection: "close", ...headers }).map(
        ([name, value]) => `${name}: ${value}\r\n`,
      );
      socket.write(Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1"));
    });
    const parts: Buffer[] = [];
    socket.on("data", (part: Buffer) => parts.push(part));
    socket.on("error", reject);
    socket.on("close", () => {
      const text = Buffer.concat(parts).toString("latin1");
      resolve([Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text.slice(text.indexOf("\r\n\r\n") + 4)]);
    });
  });
}

/**
 * Paths that look like an unguarded one, or lead out of one. `open`: `/healthz` itself. `none`: below an unguarded
 * prefix, where there is nothing. `guarded`: wants a sign-in. `bad`: no request at all.
 */
const PATHS: readonly [target: string, is: "open" | "none" | "guarded" | "bad"][] = [
  ["/healthz", "open"],
  ["/healthz?x=/api/me", "open"],
  ["/x/../healthz", "open"],
  ["/./healthz", "open"],
  ["/healthz/", "none"],
  ["/keyed/alice/v1/../../../s/x", "none"],
  ["/s/..%2fapi%2fme", "none"],
  ["/s/%2e%2e%2fapi/me", "none"],
  ["/healthz/../api/me", "guarded"],
  ["/healthz/%2e%2e/api/me", "guarded"],
  ["/healthz/%2E%2e/api/me", "guarded"],
  ["/healthz\\..\\api\\me", "guarded"],
  ["/s\\..\\api\\me", "guarded"],
  ["/keyed/../@alice", "guarded"],
  ["/s%2f..%2fapi", "guarded"],
  ["/healthz%2f", "guarded"],
  ["//healthz", "guarded"],
  ["//s/x", "guarded"],
  ["/HEALTHZ", "guarded"],
  ["/Keyed/x", "guarded"],
  ["/%68ealthz", "guarded"],
  ["/%73/x", "guarded"],
  ["/healthz;x", "guarded"],
  ["/healthz%00", "guarded"],
  ["/healthz%20", "guarded"],
  ["/\u00c5\u00bf/x", "guarded"],
  ["healthz", "bad"],
  ["http://evil.example/healthz", "bad"],
];
/** What the Worker says, then what the edge may say besides: Node itself refuses what is not ASCII. */
const STATUS: Readonly<Record<string, readonly number[]>> = {
  open: [200],
  none: [404],
  guarded: [401, 400],
  bad: [400, 404, 421],
};

describe("without the edge, the Worker itself", () => {
  let dir: string;
  let runtime: Runtime;
  const secret = "e".repeat(64);
  beforeAll(async () => {
    await build({ progress: () => {} });
    dir = mkdtempSync(join(tmpdir(), "holdfast-door-"));
    for (const name of ["state", "tmp"]) mkdirSync(join(dir, name));
    runtime = await startRuntime({
      stateDir: join(dir, "state"),
      tmpDir: join(dir, "tmp"),
      secret,
      log: () => {},
      vars: {
        // Nobody answers there: nothing of this needs a key.
        ACCESS_TEAM_DOMAIN: "http://127.0.0.1:9",
        ACCESS_AUD: "a".repeat(64),
        PUBLIC_ORIGIN: "http://127.0.0.1:8787",
        CONTENT_ORIGIN: "http://content.localhost:8787",
        AI_GATEWAY_URL: "http://127.0.0.1:9",
        MASTER_KEYS: openMasterKeys(dir),
      },
    });
  });
  afterAll(async () => {
    await runtime.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it.each(PATHS.filter(([, is]) => is !== "bad"))("takes %s for what it is: %s", async (target, is) => {
    const headers = { Host: "127.0.0.1:8787", [EDGE_HEADER]: secret };
    for (const method of ["GET", "POST"]) {
      const [status, body] = await raw(Number(runtime.url.port), target, headers, method);
      if (is === "open" && method === "POST") continue;
      expect([target, method, status]).toEqual([target, method, STATUS[is]?.[0]]);
      expect(body).not.toContain('"user"');
    }
  });
});

describe("behind the edge", () => {
  let server: TestServer;
  let port: number;
  beforeAll(async () => {
    process.env.ROLES = '{"admin":["admins"],"guest":["contractors"]}';
    process.env.REQUIREMENTS = JSON.stringify([
      { routes: ["/api/tools"], require: { posture: ["Disk encryption"], addresses: ["127.0.0.0/8"] } },
      { routes: ["/api/agents/alice/usage"], require: { addresses: ["192.0.2.0/24"] } },
    ]);
    server = await startServer({ paceMs: 0 });
    port = Number(new URL(server.url).port);
  });
  afterAll(async () => {
    delete process.env.ROLES;
    delete process.env.REQUIREMENTS;
    await server.stop();
  });
  const ask = async (path: string, email: string, headers: Record<string, string> = {}, groups?: string[]) =>
    fetch(server.url + path, {
      headers: { "cf-access-token": await server.token(email, groups), ...headers },
      redirect: "manual",
    });

  it.each(PATHS)("%s is what the Worker takes it for: %s", async (target, is) => {
    const [status] = await raw(port, target, { Host: `127.0.0.1:${port}` });
    expect(STATUS[is]).toContain(status);
  });

  it("nobody reaches anything by another name: not the issuer, not the key set, not the Worker", async () => {
    const token = await server.token("alice@example.com");
    const paths = [
      "/",
      "/healthz",
      "/api/me",
      "/cdn-cgi/access/certs",
      "/cdn-cgi/access/login",
      "/cdn-cgi/access/get-identity",
    ];
    for (const host of [
      "evil.example",
      `evil.example:${port}`,
      `127.0.0.1.evil.example:${port}`,
      "127.0.0.1",
      `0.0.0.0:${port}`,
      `[::1]:${port}`,
      "",
    ]) {
      for (const path of paths) {
        const [status] = await raw(port, path, { Host: host, "cf-access-token": token, Accept: "text/html" });
        expect([host, path, [400, 421].includes(status)]).toEqual([host, path, true]);
      }
    }
  });

  it("groups come from the identity endpoint where the token names none", async () => {
    const roleOf = async (email: string, groups?: string[]): Promise<string> => {
      const { user } = (await (await ask("/api/me", email, {}, groups)).json()) as { user: { role: string } };
      return user.role;
    };
    // A token without the claim: what is known of Carol makes her an administrator.
    expect(await roleOf("carol@example.com", [])).toBe("admin");
    expect(await roleOf("bob@example.com", [])).toBe("member");
    expect(await roleOf("bob@example.com", ["contractors"])).toBe("guest");
  });

  it("device checks and addresses count, and no header of a client's makes them up", async () => {
    expect((await ask("/api/tools", "alice@example.com")).status).toBe(200);
    const bob = await ask("/api/tools", "bob@example.com");
    expect(bob.status).toBe(403);
    expect(await bob.text()).toContain("Disk encryption");
    for (const header of [
      "cf-connecting-ip",
      "x-forwarded-for",
      "x-real-ip",
      "true-client-ip",
      "forwarded",
    ]) {
      const forged = await ask("/api/agents/alice/usage", "alice@example.com", { [header]: "192.0.2.7" });
      expect([header, forged.status]).toEqual([header, 403]);
      const away = await ask("/api/tools", "alice@example.com", { [header]: "198.51.100.1" });
      expect([header, away.status]).toEqual([header, 200]);
    }
  });

  it("a token that somebody puts where Access puts it is taken off", async () => {
    const alice = await server.token("alice@example.com");
    const forged = {
      "cf-access-jwt-assertion": alice,
      "cf-access-authenticated-user-email": "alice@example.com",
    };
    expect((await fetch(`${server.url}/api/me`, { headers: forged })).status).toBe(401);
    const bob = await ask("/api/me", "bob@example.com", forged);
    expect(await bob.text()).toContain("bob@example.com");
  });

  it("posts of other sites change nothing, however they come", async () => {
    const token = await server.token("alice@example.com");
    const cookie = { Cookie: `CF_Authorization=${token}` };
    const origin = server.url;
    const cases: Record<string, string>[] = [
      { ...cookie, Origin: "null" },
      { ...cookie, Origin: "https://evil.example" },
      { ...cookie, Origin: "http://localhost:1" },
      cookie,
      { ...cookie, "Sec-Fetch-Site": "cross-site" },
      { ...cookie, "Sec-Fetch-Site": "same-site" },
      { "cf-access-token": token, Origin: "null" },
      { "cf-access-token": token, Origin: origin, "Sec-Fetch-Site": "cross-site" },
      { ...cookie, Origin: origin, "Sec-Fetch-Site": "same-site" },
    ];
    for (const headers of cases) {
      for (const method of ["POST", "PATCH", "DELETE"]) {
        const [status, body] = await raw(
          port,
          "/api/agents/alice/threads",
          { Host: `127.0.0.1:${port}`, "Content-Length": "0", ...headers },
          method,
        );
        expect([headers.Origin, headers["Sec-Fetch-Site"], method, status]).toEqual([
          headers.Origin,
          headers["Sec-Fetch-Site"],
          method,
          403,
        ]);
        expect(body).toContain("origin_refused");
      }
    }
  });

  it("the sign-in page that the Worker names is there, and leads back", async () => {
    const query = new URLSearchParams({ kid: "x", redirect_url: "/@alice/plans?a=b" });
    const page = await fetch(`${server.url}/cdn-cgi/access/login/127.0.0.1?${query}`);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('value="/@alice/plans?a=b"');
    for (const target of ["//evil.example", "/\\evil.example", "https://evil.example/"]) {
      const asked = new URLSearchParams({ redirect_url: target });
      const text = await (await fetch(`${server.url}/cdn-cgi/access/login/127.0.0.1?${asked}`)).text();
      expect(text).not.toMatch(/value="(?:https:|\/\\)/);
    }
    expect((await fetch(`${server.url}/cdn-cgi/access/login/evil.example`)).status).toBe(404);
  });
});
