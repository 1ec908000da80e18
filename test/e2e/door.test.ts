/**
 * The door, over real HTTP and WebSockets: a stranger who is signed in, nobody at all, tokens that are not good, pages
 * of other sites, forged headers, and the ports behind the edge.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { openIssuer } from "../../local/issuer/index.ts";
import { ALGORITHM, openKeys } from "../../local/issuer/keys.ts";
import { openDataDir } from "../../local/lib/data-dir.ts";
import { type Person, personAt } from "../support/e2e-server.ts";
import { chatRequest, handshake, isDone, openSocket } from "../support/e2e-socket.ts";
import { startServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let alice: Person;
let bob: Person;

const SECRET = "the combination is 7-11-23";
const NOTE = "door/secret.txt";
const note = `path=${encodeURIComponent(NOTE)}`;

beforeAll(async () => {
  server = await startServer({ paceMs: 0 });
  [alice, bob] = await Promise.all([
    personAt(server, "alice@example.com"),
    personAt(server, "bob@example.com"),
  ]);
  for (const text of [SECRET, `${SECRET}!`]) {
    const put = await alice.fetch(`/api/agents/alice/files/content?${note}`, { method: "PUT", body: text });
    expect(put.ok).toBe(true);
  }
  const socket = await openSocket(`${server.url}/@alice/main`, alice.token);
  const request = chatRequest("say the secret is safe");
  socket.send(request.frame);
  await socket.until(isDone(request.id));
  await socket.close();
});
afterAll(async () => {
  await server.stop();
});

interface Way {
  method: string;
  /** `{userId}` is Alice's id, `{version}` an earlier version of her note. */
  path: string;
  body?: string;
  /** What its owner gets; 101 for a socket. */
  own: number;
}
const way = (method: string, path: string, own: number, body?: string): Way => ({
  method,
  path,
  own,
  ...(body && { body }),
});
let version = "";
const filled = (text: string): string => text.replace("{userId}", alice.userId).replace("{version}", version);
const json = (value: unknown): string => JSON.stringify(value);
const API = "/api/agents/alice";

/** Every way to something of Alice's. Those that destroy come last: Alice walks all of them too. */
const WAYS: readonly Way[] = [
  way("GET", "/@alice", 200),
  way("GET", "/@alice/main", 200),
  way("GET", "/@alice/get-messages", 200),
  way("GET", "/@alice/main/get-messages", 200),
  way("GET", "/agents/conversation/{userId}.main/get-messages", 200),
  way("UPGRADE", "/@alice", 101),
  way("UPGRADE", "/@alice/main", 101),
  way("UPGRADE", "/agents/conversation/{userId}.main", 101),
  way("UPGRADE", `${API}/feed`, 101),
  way("GET", `${API}/settings`, 200),
  way("PATCH", `${API}/settings`, 200, json({ instructions: "obey me" })),
  way("GET", `${API}/threads`, 200),
  way("POST", `${API}/threads`, 201),
  way("PATCH", `${API}/threads/main`, 200, json({ title: "Mine now" })),
  way("POST", `${API}/threads/door-post/messages`, 202, json({ text: "hello" })),
  way("GET", `${API}/files`, 200),
  way("GET", `${API}/files/tree`, 200),
  way("GET", `${API}/files/content?${note}`, 302),
  way("GET", `${API}/files/versions?${note}`, 200),
  way("GET", `${API}/files/content?${note}&version={version}`, 302),
  way("GET", `${API}/files/link?${note}`, 200),
  way("GET", `${API}/files/deleted`, 200),
  way("PUT", `${API}/files/content?path=door/planted.txt`, 201, "planted"),
  way("POST", `${API}/files/restore`, 200, json({ path: NOTE, version: "{version}" })),
  way("DELETE", `${API}/files/content?${note}`, 204),
  way("DELETE", `${API}/threads/main`, 204),
];

/** Walks one way with the headers given. */
async function walk({ method, path, body }: Way, headers: Record<string, string>) {
  if (method === "UPGRADE") return handshake(server.url + filled(path), headers);
  const response = await fetch(server.url + filled(path), {
    method,
    headers: { ...headers, ...(body && { "content-type": "application/json" }) },
    redirect: "manual",
    ...(body && { body: filled(body) }),
  });
  return { status: response.status, body: await response.text(), location: response.headers.get("location") };
}
const named = WAYS.map((one) => ({ name: `${one.method} ${one.path}`, one }));

beforeAll(async () => {
  const response = await alice.fetch(`${API}/files/versions?${note}`);
  const { versions } = z
    .object({ versions: z.array(z.object({ id: z.string() })) })
    .parse(await response.json());
  version = versions[0]?.id ?? "";
  expect(version).not.toBe("");
});

describe("a stranger who is signed in", () => {
  it.each(named)("is refused: $name", async ({ one }) => {
    const { status, body } = await walk(one, { "cf-access-token": bob.token });
    expect(status).toBe(403);
    expect(body).toContain("forbidden");
    expect(body).not.toContain("7-11-23");
  });

  it("is refused even with headers that only the inside may write", async () => {
    const forged = {
      "cf-access-token": bob.token,
      "cf-access-jwt-assertion": alice.token,
      "x-holdfast-principal": JSON.stringify({
        kind: "person",
        userId: alice.userId,
        handle: "alice",
        name: "alice@example.com",
        role: "admin",
      }),
      "x-holdfast-agent": JSON.stringify({ userId: alice.userId, handle: "alice" }),
      "x-agents-lifecycle-props": JSON.stringify({ name: `${alice.userId}.main` }),
      "x-partykit-room": alice.userId,
    };
    for (const one of WAYS) expect((await walk(one, forged)).status, one.path).toBe(403);
    const me = await fetch(`${server.url}/api/me`, { headers: forged });
    expect(JSON.stringify(await me.json())).toContain(bob.userId);
  });

  it("has changed nothing, and the owner gets everything at the same addresses", async () => {
    expect(await alice.file(NOTE)).toBe(`${SECRET}!`);
    expect(await alice.file("door/planted.txt")).toBeNull();
    const settings = await alice.fetch(`${API}/settings`);
    expect(await settings.json()).toMatchObject({ instructions: "" });
    const threads = JSON.stringify(await (await alice.fetch(`${API}/threads`)).json());
    expect(threads).toContain("main");
    expect(threads).not.toContain("Mine now");
    for (const one of WAYS) {
      const { status } = await walk(one, { "cf-access-token": alice.token });
      expect(status, `${one.method} ${one.path}`).toBe(one.own);
    }
  });
});

describe("nobody", () => {
  it.each(named)("gets nothing: $name", async ({ one }) => {
    expect((await walk(one, {})).status).toBe(401);
  });

  it("is sent to the sign-in page with a browser, and back to where they were going", async () => {
    const response = await fetch(`${server.url}/@alice/plans`, {
      headers: { accept: "text/html" },
      redirect: "manual",
    });
    expect(response.status).toBe(303);
    expect(response.headers.get("location")).toBe(
      `${server.url}/cdn-cgi/access/login?redirect=${encodeURIComponent("/@alice/plans")}`,
    );
  });

  it("can ask whether the server lives, and learns nothing else from it", async () => {
    const response = await fetch(`${server.url}/healthz`);
    expect([response.status, await response.json()]).toEqual([200, { ok: true }]);
  });
});

describe("a token that is not good", () => {
  /** Signs claims that are right in everything but what the test changes. */
  async function signed(
    change: JWTPayload,
    options: { key?: CryptoKey; alg?: string; without?: string } = {},
  ): Promise<string> {
    const dir = openDataDir(server.data);
    const keys = await openKeys(dir.access);
    const issuer = await openIssuer(dir.access, server.url);
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: server.url,
      aud: [issuer.audience],
      sub: "0e4c0d2a-1111-5222-8333-444455556666",
      email: "alice@example.com",
      type: "app",
      iat: now,
      nbf: now,
      exp: now + 600,
      ...change,
    };
    const given = Object.fromEntries(Object.entries(claims).filter(([name]) => name !== options.without));
    return new SignJWT(given)
      .setProtectedHeader({ alg: options.alg ?? ALGORITHM, kid: keys.current.kid, typ: "JWT" })
      .sign(options.key ?? keys.current.privateKey);
  }
  const hour = 3600;
  const seconds = (): number => Math.floor(Date.now() / 1000);
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

  const BAD: [string, () => Promise<string>][] = [
    [
      "has expired",
      () => signed({ iat: seconds() - 2 * hour, nbf: seconds() - 2 * hour, exp: seconds() - hour }),
    ],
    ["never expires", () => signed({}, { without: "exp" })],
    ["is not valid yet", () => signed({ nbf: seconds() + hour })],
    ["is for another application", () => signed({ aud: ["0".repeat(64)] })],
    ["is from another issuer", () => signed({ iss: "https://evil.cloudflareaccess.com" })],
    [
      "is signed with another key under our key's id",
      async () => signed({}, { key: (await generateKeyPair(ALGORITHM)).privateKey }),
    ],
    [
      "is signed with another algorithm",
      async () => signed({}, { key: (await generateKeyPair("ES256")).privateKey, alg: "ES256" }),
    ],
    [
      "is not signed at all",
      async () => {
        const [, claims = ""] = (await signed({})).split(".");
        return `${part({ alg: "none", typ: "JWT" })}.${claims}.`;
      },
    ],
    [
      "was changed after it was signed",
      async () => {
        const [head = "", , signature = ""] = (await server.token("bob@example.com")).split(".");
        const [, claims = ""] = (await signed({})).split(".");
        return `${head}.${claims}.${signature}`;
      },
    ],
    ["is garbage", async () => "a.b.c"],
    ["is far too long", async () => `${"a".repeat(12_000)}.b.c`],
  ];

  it("would be taken if nothing were wrong with it", async () => {
    const response = await fetch(`${server.url}/api/me`, {
      headers: { "cf-access-token": await signed({}) },
    });
    expect(response.status).toBe(200);
  });

  it.each(BAD)("%s: refused in the header, in the cookie, and on a socket", async (_, make) => {
    const token = await make();
    const carriers = [
      { "cf-access-token": token },
      { cookie: `CF_Authorization=${token}`, origin: server.url },
    ];
    for (const headers of carriers) {
      expect((await fetch(`${server.url}/api/me`, { headers, redirect: "manual" })).status).toBe(401);
      expect((await handshake(`${server.url}/@alice/main`, headers)).status).toBe(401);
    }
  });
});

describe("a page of another site", () => {
  const cookie = () => `CF_Authorization=${alice.token}`;
  const FOREIGN = ["https://evil.example", "http://127.0.0.1:1", "http://localhost:8787", "null"];
  const cases = FOREIGN.flatMap((origin) =>
    (["cookie", "header"] as const).map((credential) => ({ origin, credential })),
  );
  const headersOf = (credential: "cookie" | "header"): Record<string, string> =>
    credential === "cookie" ? { cookie: cookie() } : { "cf-access-token": alice.token };

  it.each(cases)("at $origin with a $credential can open no socket and change nothing", async (one) => {
    const headers = { ...headersOf(one.credential), origin: one.origin };
    for (const path of ["/@alice/main", `/agents/conversation/${alice.userId}.main`, `${API}/feed`]) {
      expect((await handshake(server.url + path, headers)).status, path).toBe(403);
    }
    const patch = { method: "PATCH", path: `${API}/settings`, body: json({ name: "Eve" }), own: 200 };
    expect((await walk(patch, headers)).status).toBe(403);
  });

  it("cannot hide where it comes from: a cookie without an origin is not enough", async () => {
    expect((await handshake(`${server.url}/@alice/main`, { cookie: cookie() })).status).toBe(403);
    const same = { cookie: cookie(), origin: server.url };
    expect((await handshake(`${server.url}/@alice/main`, same)).status).toBe(101);
    const settings = await alice.fetch(`${API}/settings`);
    expect(await settings.json()).not.toMatchObject({ name: "Eve" });
  });

  it("cannot reach us by a name of its own", async () => {
    const refused = await handshake(`${server.url}/@alice/main`, {
      host: "evil.example",
      "cf-access-token": alice.token,
    });
    expect(refused.status).toBeGreaterThanOrEqual(400);
  });
});

/** Ports that a process listens on, from the kernel's own tables. */
function portsOf(pid: number): number[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return []; // closed between the listing and the look
      }
    }),
  );
  const LISTENING = "0A";
  return readFileSync(`/proc/${pid}/net/tcp`, "utf8")
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[3] === LISTENING && inodes.has(columns[9] ?? ""))
    .map((columns) => Number.parseInt((columns[1] ?? "").split(":")[1] ?? "", 16));
}

describe.runIf(process.platform === "linux")("the ports behind the edge", () => {
  it("let nobody through to the Worker, whatever they bring", async () => {
    const workers = server.run().children;
    expect(workers.length).toBeGreaterThan(0);
    const ports = workers.flatMap(({ pid }) => portsOf(pid));
    expect(ports.length).toBeGreaterThan(0);
    const host = new URL(server.url).host;
    const brought: Record<string, string>[] = [
      {},
      { "cf-access-jwt-assertion": alice.token },
      { "cf-access-jwt-assertion": alice.token, "x-holdfast-edge": "0".repeat(64), host },
      { "cf-access-jwt-assertion": alice.token, "mf-original-url": `${server.url}/api/me` },
    ];
    for (const port of ports) {
      for (const headers of brought) {
        for (const path of [
          "/api/me",
          "/@alice/main/get-messages",
          "/healthz",
          "/cdn-cgi/mf/scheduled",
          "/cdn-cgi/local/r2/FILES",
        ]) {
          const response = await fetch(`http://127.0.0.1:${port}${path}`, {
            headers,
            redirect: "manual",
          }).catch(() => null);
          // No HTTP at all is as good as a refusal.
          if (response) {
            expect(response.status, `${port}${path}`).toBeGreaterThanOrEqual(400);
            expect(await response.text()).not.toMatch(/alice|7-11-23|"ok":true/);
          }
        }
        const socket = await handshake(`http://127.0.0.1:${port}/@alice/main`, headers).catch(() => null);
        if (socket) expect(socket.status).toBeGreaterThanOrEqual(400);
      }
    }
  });
});
