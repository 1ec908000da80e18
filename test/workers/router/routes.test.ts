import { beforeAll, describe, expect, it } from "vitest";
import { renderError } from "../../../src/router/respond.ts";
import { isUnguarded, UNGUARDED } from "../../../src/router/unguarded.ts";
import { createWorld, ORIGIN, signIn, type World } from "./support/app.ts";
import { person } from "./support/tokens.ts";

let world: World;
let alice: { token: string; id: string; handle: string };
const upgrade = {
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
};
const codeOf = async (response: Response): Promise<string> =>
  (await response.json<{ error: { code: string } }>()).error.code;

beforeAll(async () => {
  world = await createWorld();
  alice = await signIn(world, "alice");
});

describe("what nobody has to sign in for", () => {
  it("is the list, and the app has no other unguarded route", async () => {
    const patterns = new Set(world.app.routes.filter(({ path }) => path !== "/*").map(({ path }) => path));
    const open: string[] = [];
    const listed: string[] = [];
    for (const pattern of patterns) {
      if (isUnguarded(pattern)) listed.push(pattern);
      const path = pattern
        .replace(/:at\{[^}]*\}/, "@alice")
        .replace(/:file\{[^}]*\}/, "favicon.svg")
        .replace(/:\w+/g, "x");
      const response = await world.ask(path.replace("*", "x.js"));
      // Programs without a key get a 401 as well, but nobody asked them to sign in.
      if (!(await response.text()).includes("Your sign-in is missing")) open.push(pattern);
    }
    expect(patterns.size).toBeGreaterThan(15);
    expect(open).toContain("/healthz");
    expect(open).toEqual(listed);
    expect(UNGUARDED).toEqual(["/healthz", "/keyed", "/channels", "/s"]);
  });

  it("answers /healthz without settings, keys or actors", async () => {
    const bare = await createWorld({ ACCESS_TEAM_DOMAIN: "", ACCESS_AUD: "", PUBLIC_ORIGIN: "" });
    const response = await bare.ask("/healthz");
    expect([response.status, await response.json()]).toEqual([200, { ok: true }]);
    expect([bare.issuer.fetched, bare.reached]).toEqual([[], []]);
  });

  it.each([
    "/healthzz",
    "/healthz%2f..%2fapi%2fme",
    "/HEALTHZ",
    "//healthz",
    "/nothing",
    "/api",
    "/healthz/../api/me",
  ])("%s is not it", async (path) => {
    expect((await world.ask(path)).status).toBe(401);
  });
});

describe("a deployment that is not set up", () => {
  it("says what is missing, to everybody", async () => {
    const bare = await createWorld({ ACCESS_AUD: "" });
    const response = await bare.ask("/", { token: alice.token });
    expect(response.status).toBe(503);
    expect(await response.text()).toContain("ACCESS_AUD is empty");
  });

  it("does not believe a loopback issuer when it is asked at another address", async () => {
    const response = await world.ask("https://holdfast.example.com/api/me", { token: alice.token });
    expect([response.status, await codeOf(response)]).toEqual([503, "config_missing"]);
  });
});

describe("pages", () => {
  it("lead to one's own agent", async () => {
    const response = await world.ask("/", { token: alice.token });
    expect([response.status, response.headers.get("Location")]).toEqual([302, "/@alice"]);
  });

  it.each(["/@alice", "/@alice/plans"])("%s is the console, under a strict policy", async (path) => {
    const response = await world.ask(path, { token: alice.token });
    expect(await response.text()).toBe("<title>console</title>");
    const policy = response.headers.get("Content-Security-Policy") ?? "";
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("connect-src 'self' ws://127.0.0.1:8787 http://content.localhost:8787;");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(response.headers.get("Cross-Origin-Opener-Policy")).toBe("same-origin");
    expect(response.headers.get("Referrer-Policy")).toBe("same-origin");
    expect(response.headers.get("Permissions-Policy")).toContain("camera=()");
  });

  it("say that the console is not built instead of showing nothing", async () => {
    const ASSETS = { fetch: async () => new Response("no", { status: 404 }) } as unknown as Fetcher; // only fetch is used
    const unbuilt = await createWorld({ ASSETS });
    const response = await unbuilt.ask("/@alice", { token: await unbuilt.tokenOf("alice") });
    expect([response.status, await codeOf(response)]).toEqual([503, "config_missing"]);
  });

  it.each([
    ["/assets/index-abc.js", "text/javascript", "private, max-age=31536000, immutable"],
    ["/favicon.svg", "image/svg+xml", "private, no-cache"],
  ])("serve %s of the build, without handing cookies on", async (path, type, cacheControl) => {
    const response = await world.ask(path, {
      token: alice.token,
      headers: { Cookie: "CF_Authorization=x; a=b" },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toBe(type);
    expect(response.headers.get("Cache-Control")).toBe(cacheControl);
    const etag = response.headers.get("ETag") ?? "";
    expect((await world.ask(path, { token: alice.token, headers: { "If-None-Match": etag } })).status).toBe(
      304,
    );
  });

  it.each(["/assets/nothing.js", "/other.svg", "/index.html", "/worker.ts", "/agents", "/cdn-cgi/x"])(
    "know nothing of %s",
    async (path) => {
      expect((await world.ask(path, { token: alice.token })).status).toBe(404);
    },
  );

  it("are pages for browsers when they fail, with everything escaped and the style's hash in the policy", async () => {
    const headers = { Accept: "text/html,application/xhtml+xml" };
    const missing = await world.ask("/@nobody", { token: alice.token, headers });
    expect(missing.status).toBe(404);
    expect(missing.headers.get("Content-Type")).toBe("text/html; charset=utf-8");
    const html = await missing.text();
    expect(html).toContain("There is nothing here");
    expect(html).not.toContain("{{");
    const hostile = renderError({ code: "internal", message: `</p><script>"1"</script>{{code}}&'` }, 500, [
      { href: `"><script>`, label: "<b>" },
    ]);
    expect(hostile).toContain('href="&#34;&#62;&#60;script&#62;">&#60;b&#62;</a>');
    expect(hostile).toContain("&#60;/p&#62;&#60;script&#62;&#34;1&#34;&#60;/script&#62;{{code}}&#38;&#39;");
    const style = /<style>(.*?)<\/style>/s.exec(html)?.[1] ?? "";
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
    const hash = btoa(String.fromCharCode(...new Uint8Array(digest)));
    expect(missing.headers.get("Content-Security-Policy")).toContain(`style-src 'sha256-${hash}'`);
    expect((await world.ask("/@alice", { headers })).status).toBe(401);
    expect((await world.ask("/api/nothing", { headers })).headers.get("Content-Type")).toContain("json");
  });
});

describe("addresses", () => {
  it.each(["/@nobody", "/@admin", "/@Alice", "/@", "/api/agents/nobody/settings"])(
    "%s is nobody's",
    async (path) => {
      expect((await world.ask(path, { token: alice.token })).status).toBe(404);
    },
  );

  it.each(["/agents/conversation/main", "/agents/conversation/alice.main", "/agents/conversation/u1.main"])(
    "%s is not a conversation's name",
    async (path) => {
      const response = await world.ask(path, { token: alice.token, headers: upgrade });
      expect([response.status, await codeOf(response)]).toEqual([404, "not_found"]);
    },
  );

  it("refuse thread names that nobody can have", async () => {
    const response = await world.ask("/@alice/Not-A-Slug", { token: alice.token });
    expect([response.status, await codeOf(response)]).toEqual([400, "thread_invalid"]);
  });

  it("say which methods they take", async () => {
    const response = await world.ask("/api/agents/alice/threads", { token: alice.token, method: "DELETE" });
    expect([response.status, response.headers.get("Allow")]).toEqual([405, "GET, POST, HEAD"]);
  });

  it("answer HEAD like GET, without a body", async () => {
    const response = await world.ask("/@alice", { token: alice.token, method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  it("want an upgrade where there is only a socket, and none where there is no socket", async () => {
    const feed = await world.ask("/api/agents/alice/feed", { token: alice.token });
    expect([feed.status, feed.headers.get("Upgrade"), await codeOf(feed)]).toEqual([
      426,
      "websocket",
      "upgrade_refused",
    ]);
    const me = await world.ask("/api/me", { token: alice.token, headers: upgrade });
    expect(me.status).toBe(426);
  });

  it("have a length, and connection ids too", async () => {
    const long = await world.ask(`/@alice?_pk=${"a".repeat(257)}`, { token: alice.token, headers: upgrade });
    expect(long.status).toBe(400);
    expect((await world.ask(`/@alice?x=${"a".repeat(2048)}`, { token: alice.token })).status).toBe(400);
    const fits = await world.ask(`/@alice?_pk=${"a".repeat(256)}`, { token: alice.token, headers: upgrade });
    expect(fits.status).toBe(101);
  });

  it("refuse Cap'n Web, however it is asked for", async () => {
    for (const query of [
      "__agents_transport=capnweb",
      "__agents_transport=json&__agents_transport=capnweb",
    ]) {
      const response = await world.ask(`/@alice?${query}`, { token: alice.token, headers: upgrade });
      expect([response.status, await codeOf(response)]).toEqual([426, "upgrade_refused"]);
    }
  });
});

describe("hand-over to a conversation", () => {
  it("gives the socket at every address of the thread", async () => {
    for (const [path, thread] of [
      ["/@alice", "main"],
      ["/@alice/plans", "plans"],
      [`/agents/conversation/${alice.id}.plans`, "plans"],
    ]) {
      const response = await world.ask(path ?? "", { token: alice.token, headers: upgrade });
      expect(response.status).toBe(101);
      const socket = response.webSocket;
      const greeting = new Promise((resolve) =>
        socket?.addEventListener("message", (event) => resolve(event.data)),
      );
      socket?.accept();
      expect(await greeting).toBe(JSON.stringify({ hello: `${alice.id}.${thread}` }));
      socket?.close();
    }
  });

  it("is a fresh request: nothing from outside survives that is not named", async () => {
    world.reached.length = 0;
    await world.ask(`/@alice?_pk=me&client=holdfast&before=1&token=secret&props=1`, {
      token: alice.token,
      headers: {
        ...upgrade,
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "secret-token",
        Cookie: `CF_Authorization=${alice.token}`,
        Authorization: "Bearer secret",
        "x-agents-lifecycle-props": '{"evil":true}',
        "x-partykit-props": "evil",
        "x-partykit-room": "evil",
        "x-holdfast-principal": '{"userId":"evil"}',
        "x-holdfast-agent": '{"userId":"evil"}',
        "x-forwarded-host": "evil",
      },
    });
    const request = world.reached[0]?.request;
    expect(request?.url).toBe("https://actor.internal/socket?_pk=me&client=holdfast");
    expect(Object.fromEntries(request?.headers ?? [])).toEqual({
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-key": upgrade["Sec-WebSocket-Key"],
      "sec-websocket-version": "13",
      "x-holdfast-principal": expect.any(String),
      "x-holdfast-agent": JSON.stringify({ ownerId: alice.id, handle: "alice" }),
      "x-holdfast-rights": '{"write":true,"decide":true}',
      "x-holdfast-relation": "self",
    });
    expect(JSON.parse(request?.headers.get("x-holdfast-principal") ?? "")).toEqual({
      kind: "person",
      userId: alice.id,
      handle: "alice",
      name: "alice@example.com",
      role: "member",
      request: expect.stringMatching(/^id-\d+$/),
    });
  });

  it("pages through messages, and keeps what the actor says of them private", async () => {
    world.reached.length = 0;
    world.answer = () => Response.json([{ id: "m1" }], { headers: { "set-cookie": "a=b", "x-inner": "1" } });
    const response = await world.ask("/@alice/plans/get-messages?before=m5&limit=10&_pk=x", {
      token: alice.token,
    });
    expect(await response.json()).toEqual([{ id: "m1" }]);
    expect(world.reached[0]?.request?.url).toBe("https://actor.internal/get-messages?before=m5&limit=10");
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect([response.headers.get("Set-Cookie"), response.headers.get("X-Inner")]).toEqual([null, null]);
  });

  it("passes our own errors on and hides all others", async () => {
    const path = "/@alice/get-messages";
    world.answer = () => Response.json({ error: { code: "queue_full", message: "Wait." } }, { status: 429 });
    const full = await world.ask(path, { token: alice.token });
    expect([full.status, await full.json()]).toEqual([
      429,
      { error: { code: "queue_full", message: "Wait." } },
    ]);
    for (const answer of [
      () => new Response("Error: secret\n    at /srv/actor.ts:1", { status: 500 }),
      () => Response.json({ error: { code: "constructor", message: "secret" } }, { status: 500 }),
      () => {
        throw new Error("secret");
      },
    ]) {
      world.answer = answer;
      const response = await world.ask(path, { token: alice.token });
      const text = await response.text();
      expect([response.status, text.includes("secret"), text.includes("internal")]).toEqual([
        500,
        false,
        true,
      ]);
    }
  });

  it("says that an object which is overloaded or restarts can be asked again", async () => {
    world.answer = () => {
      throw Object.assign(new Error("Durable Object is overloaded."), { overloaded: true });
    };
    const response = await world.ask("/@alice/get-messages", { token: alice.token });
    expect([response.status, await codeOf(response)]).toEqual([503, "storage_failed"]);
  });
});

describe("origin", () => {
  const cookie = (): Record<string, string> => ({ Cookie: `CF_Authorization=${alice.token}` });
  const post = { method: "POST" };

  it.each([
    "http://127.0.0.1:8788",
    "http://localhost:8787",
    "https://127.0.0.1:8787",
    "null",
    `${ORIGIN}/`,
    "",
  ])("%s may neither change anything nor open a socket", async (origin) => {
    const headers = { Origin: origin };
    const changed = await world.ask("/api/agents/alice/threads", { token: alice.token, headers, ...post });
    expect([changed.status, await codeOf(changed)]).toEqual([403, "origin_refused"]);
    const opened = await world.ask("/@alice", { token: alice.token, headers: { ...headers, ...upgrade } });
    expect(opened.status).toBe(403);
  });

  it("may be missing only where no cookie came along", async () => {
    const program = { token: alice.token, headers: { Origin: "none" } };
    expect((await world.ask("/api/agents/alice/threads", { ...program, ...post })).status).toBe(201);
    // Access puts its header on a browser's requests too, so the header does not make it a program.
    const browser = { token: alice.token, headers: { Origin: "none", ...cookie() } };
    expect((await world.ask("/api/agents/alice/threads", { ...browser, ...post })).status).toBe(403);
    const socket = { headers: { Origin: "none", ...cookie(), ...upgrade } };
    expect((await world.ask("/@alice", socket)).status).toBe(403);
    expect((await world.ask("/@alice", { headers: { ...cookie(), ...upgrade } })).status).toBe(101);
  });

  it("does not matter for looking", async () => {
    const headers = { Origin: "https://elsewhere.example", ...cookie() };
    expect((await world.ask("/api/me", { headers })).status).toBe(200);
  });
});

describe("a token", () => {
  it("of the header counts before the cookie", async () => {
    const response = await world.ask("/api/me", {
      token: "not.a.token",
      headers: { Cookie: `CF_Authorization=${alice.token}` },
    });
    expect(response.status).toBe(401);
  });

  it("leaves no trace in what a refused client is told", async () => {
    const token = await world.issuer.token(person("alice", { exp: 1 }));
    const response = await world.ask("/api/me", { token });
    expect(await response.json()).toEqual({
      error: {
        code: "unauthenticated",
        message: "Your sign-in is missing or no longer valid. Sign in again.",
      },
    });
  });
});
