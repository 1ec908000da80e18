/** The door inside the Worker: what it takes to get past it, and what it says to those who do not. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Env } from "../../../src/env.ts";
import { pathOf, UNGUARDED } from "../../../src/router/unguarded.ts";
import { createWorld, ORIGIN, type World } from "./support/app.ts";
import { AUDIENCE, ISSUER, person, service } from "./support/tokens.ts";

const codeOf = async (response: Response): Promise<string> =>
  (await response.json<{ error: { code: string } }>()).error.code;
const BROWSER = { Accept: "text/html" };

/** A catalog that fails the test when somebody asks it. */
const noCatalog = new Proxy(
  {},
  {
    get: (_, name) => {
      throw new Error(`The catalog was asked: ${String(name)}`);
    },
  },
) as D1Database; // whatever is asked of it throws

describe("a deployment without a team domain, an audience or an origin", () => {
  const UNSET: Partial<Env>[] = [
    { ACCESS_TEAM_DOMAIN: "" },
    { ACCESS_AUD: "" },
    { PUBLIC_ORIGIN: "" },
    { CONTENT_ORIGIN: "" },
  ];
  const PATHS = [
    "/",
    "/@alice",
    "/api/me",
    "/nothing",
    ...UNGUARDED.slice(1),
    "/keyed/alice/v1/models",
    "/s/x",
  ];

  it.each(UNSET)("%j answers nobody anything, and says what is missing", async (unset) => {
    const world = await createWorld({ ...unset, CATALOG: noCatalog });
    for (const token of [null, await world.tokenOf("alice")]) {
      for (const path of PATHS) {
        const response = await world.ask(path, { token });
        expect([path, response.status]).toEqual([path, 503]);
        expect(await response.text()).toContain(`${Object.keys(unset)[0]} is empty`);
      }
    }
    expect((await world.ask("/healthz")).status).toBe(200);
    expect([world.issuer.fetched, world.reached]).toEqual([[], []]);
  });

  it.each([
    "http://team.cloudflareaccess.com",
    "team.cloudflareaccess.com",
    "https//x",
    "http://127.0.0.1:9",
  ])("or with %s for a team domain, answers nobody either", async (ACCESS_TEAM_DOMAIN) => {
    const world = await createWorld({ ACCESS_TEAM_DOMAIN, CATALOG: noCatalog });
    for (const path of PATHS) {
      const response = await world.ask(`https://holdfast.example.com${path}`, { token: "a.b.c" });
      expect([path, response.status, await codeOf(response)]).toEqual([path, 503, "config_missing"]);
    }
    expect(world.issuer.fetched).toEqual([]);
  });

  it.each<Partial<Env>>([
    { ROLES: "{" },
    { DEFAULT_ROLE: "owner" },
    { REQUIREMENTS: '[{"routes":["/*"],"require":{}}]' },
  ])("or with %j, which cannot be read, does not guess", async (unread) => {
    const world = await createWorld(unread);
    const response = await world.ask("/api/me", { token: await world.tokenOf("alice") });
    expect(response.status).toBe(503);
    expect(await response.text()).toContain(Object.keys(unread)[0]);
  });
});

describe("unguarded paths", () => {
  it("wake nothing where there is nothing", async () => {
    const world = await createWorld({ CATALOG: noCatalog });
    for (const path of ["/healthz/x", "/channels", "/channels/slack/x", "/keyed", "/s"]) {
      for (const method of ["GET", "POST"]) {
        const response = await world.ask(path, { method });
        expect([path, method, response.status]).toEqual([path, method, 404]);
      }
    }
    expect([world.issuer.fetched, world.reached]).toEqual([[], []]);
  });

  const TRICKS: [address: string, path: string, status: number][] = [
    // Resolved as a browser would: what is decided on is what is left.
    ["/healthz/../api/me", "/api/me", 401],
    ["/healthz/%2e%2e/api/me", "/api/me", 401],
    ["/healthz/.%2E/api/me", "/api/me", 401],
    ["/healthz\\..\\api\\me", "/api/me", 401],
    ["/api/../healthz", "/healthz", 200],
    // Not resolved, and therefore below the prefix or not.
    ["/s%2f..%2fapi%2fme", "/s%2f..%2fapi%2fme", 401],
    ["/s/..%2fapi%2fme", "/s/..%2fapi%2fme", 404],
    ["/healthz%2f", "/healthz%2f", 401],
    ["/healthz;x", "/healthz;x", 401],
    ["/healthz%00", "/healthz%00", 401],
    ["/healthz%20", "/healthz%20", 401],
    ["/healthz.", "/healthz.", 401],
    ["//healthz", "//healthz", 401],
    ["/./healthz", "/healthz", 200],
    ["//s/x", "//s/x", 401],
    ["/HEALTHZ", "/HEALTHZ", 401],
    ["/S/x", "/S/x", 401],
    ["/%73/x", "/%73/x", 401],
    ["/%68ealthz", "/%68ealthz", 401],
    ["/healthz%3fx", "/healthz%3fx", 401],
    // A long s, a full-width s and a Cyrillic one are not the letter s.
    ["/ſ/x", "/%C5%BF/x", 401],
    ["/ｓ/x", "/%EF%BD%93/x", 401],
    ["/ѕ/x", "/%D1%95/x", 401],
    ["/%6beyed/alice/v1/models", "/%6beyed/alice/v1/models", 401],
    ["/%40alice", "/%40alice", 401],
    ["/%2540alice", "/%2540alice", 401],
  ];
  it.each(TRICKS)("%s is %s", async (address, path, status) => {
    expect(pathOf(ORIGIN + address)).toBe(path);
    const world = await createWorld();
    const response = await world.ask(address);
    expect(response.status).toBe(status);
    expect(world.reached).toEqual([]);
  });
});

describe("what a deployment requires", () => {
  const REQUIREMENTS = JSON.stringify([
    { routes: ["/api/*"], require: { addresses: ["192.0.2.0/24", "2001:db8::/32"] } },
    { routes: ["/@*", "/s/*"], require: { countries: ["DE"] } },
    { routes: ["/api/tools"], require: { posture: ["Disk encryption"] } },
  ]);
  let world: World;
  let token: string;
  beforeAll(async () => {
    world = await createWorld({ REQUIREMENTS });
    token = await world.tokenOf("alice");
    world.issuer.identity = () =>
      Response.json({
        email: "alice@example.com",
        devicePosture: { "id-1": { rule_name: "Disk encryption", success: true } },
      });
  });
  const from = (address: string): RequestInit => ({ headers: { "CF-Connecting-IP": address } });

  it("is looked at after the sign-in, and before anything is woken", async () => {
    expect((await world.ask("/api/me", from("192.0.2.1"))).status).toBe(401);
    const refused = await world.ask("/api/me", { token, ...from("198.51.100.1") });
    expect([refused.status, await codeOf(refused)]).toEqual([403, "requirement_unmet"]);
    for (const address of ["192.0.2.1", "2001:db8::7", "::ffff:192.0.2.1"]) {
      expect((await world.ask("/api/me", { token, ...from(address) })).status).toBe(200);
    }
  });

  it("is not met by what is not known", async () => {
    expect((await world.ask("/api/me", { token })).status).toBe(403);
    expect((await world.ask("/@alice", { token })).status).toBe(403);
  });

  it("holds on unguarded paths too, for whoever comes", async () => {
    const response = await world.ask("/s/token");
    expect([response.status, await codeOf(response)]).toEqual([403, "requirement_unmet"]);
    expect((await world.ask("/healthz")).status).toBe(200);
  });

  it("asks for the device where it matters, and only there", async () => {
    const asked = (): number => world.issuer.fetched.filter((url) => url.endsWith("/get-identity")).length;
    expect(asked()).toBe(0);
    expect((await world.ask("/api/tools", { token, ...from("192.0.2.1") })).status).toBe(200);
    expect(asked()).toBe(1);
    const machine = await world.issuer.token(service("ci"));
    expect((await world.ask("/api/tools", { token: machine, ...from("192.0.2.1") })).status).toBe(403);
  });
});

describe("roles", () => {
  it("come from groups; whom none fits gets the default, or a clear no", async () => {
    const ROLES = '{"admin":["admins"],"guest":["contractors"]}';
    const world = await createWorld({ ROLES, DEFAULT_ROLE: "none" });
    const me = async (groups: string[]): Promise<[number, string]> => {
      const token = await world.issuer.token(person("zoe", { custom: { groups } }));
      const response = await world.ask("/api/me", { token });
      const body = await response.json<{ user?: { role: string }; error?: { code: string } }>();
      return [response.status, body.user?.role ?? body.error?.code ?? ""];
    };
    expect(await me([])).toEqual([403, "not_admitted"]);
    expect(await me(["staff"])).toEqual([403, "not_admitted"]);
    expect(await me(["admins"])).toEqual([200, "admin"]);
    expect(await me(["contractors"])).toEqual([200, "guest"]);
    const machine = await world.issuer.token(service("ci"));
    expect((await world.ask("/api/me", { token: machine })).status).toBe(200);
  });
});

describe("a page of another site", () => {
  it.each(["cross-site", "same-site"])("%s changes nothing, whatever else it says", async (site) => {
    const world = await createWorld();
    const token = await world.tokenOf("alice");
    const headers = { Origin: ORIGIN, "Sec-Fetch-Site": site };
    const post = await world.ask("/api/agents/alice/threads", { method: "POST", token, headers });
    expect([post.status, await codeOf(post)]).toEqual([403, "origin_refused"]);
    const upgrade = { ...headers, Upgrade: "websocket", Connection: "Upgrade" };
    expect((await world.ask("/@alice", { token, headers: upgrade })).status).toBe(403);
    expect(world.reached).toEqual([]);
    const own = { Origin: ORIGIN, "Sec-Fetch-Site": "same-origin" };
    expect(
      (await world.ask("/api/agents/alice/threads", { method: "POST", token, headers: own })).status,
    ).toBe(201);
  });
});

describe("pages", () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });
  const linksIn = (html: string): [href: string, label: string][] =>
    [...html.matchAll(/<a href="([^"]*)"[^>]*>([^<]*)<\/a>/g)]
      .map(([, href = "", label = ""]): [string, string] => [
        href.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code))),
        label,
      ])
      .filter(([, label]) => label !== "");

  it("lead to the sign-in, and back to where somebody was going", async () => {
    const response = await world.ask("/@alice/plans?view=files&x=%26", { headers: BROWSER });
    expect(response.status).toBe(401);
    const [[href = "", label] = []] = linksIn(await response.text());
    expect(label).toBe("Sign in");
    const url = new URL(href);
    expect(url.origin + url.pathname).toBe(`${ISSUER}/cdn-cgi/access/login/127.0.0.1`);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      kid: AUDIENCE,
      redirect_url: "/@alice/plans?view=files&x=%26",
    });
  });

  it.each(["//evil.example/x", "/\\evil.example", "/cdn-cgi/access/logout", "/x/..//evil.example"])(
    "never lead to %s",
    async (path) => {
      const response = await world.ask(ORIGIN + path, { headers: BROWSER });
      const [[href = ""] = []] = linksIn(await response.text());
      expect(new URL(href).searchParams.get("redirect_url")).toBe("/");
    },
  );

  it("say what to do, for each reason", async () => {
    const none = await createWorld({ DEFAULT_ROLE: "none" });
    const refused = await none.ask("/", { token: await none.tokenOf("alice"), headers: BROWSER });
    const html = await refused.text();
    expect(refused.status).toBe(403);
    expect(html).toContain("You have no access yet");
    expect(linksIn(html)).toEqual([
      ["", "Try again"],
      ["/cdn-cgi/access/logout", "Sign in as somebody else"],
    ]);
    const away = await createWorld({ REQUIREMENTS: '[{"routes":["/*"],"require":{"countries":["DE"]}}]' });
    const unmet = await (
      await away.ask("/", { token: await away.tokenOf("alice"), headers: BROWSER })
    ).text();
    expect(unmet).toContain("Something is missing for this");
    expect(linksIn(unmet).map(([, label]) => label)).toEqual(["Try again", "Sign in again"]);
  });

  it("run no script and load nothing", async () => {
    const response = await world.ask("/@alice", { headers: BROWSER });
    const policy = response.headers.get("Content-Security-Policy") ?? "";
    expect(policy).toMatch(/^default-src 'none'; .*style-src 'sha256-[\w+/=]+'$/);
    expect(policy).not.toContain("unsafe");
    const html = await response.text();
    expect(html).not.toMatch(/<script|<link|<img|\sstyle=|\son\w+=|url\(/);
    expect(html.match(/\shref="[^"]*"/g)).toHaveLength(2);
  });
});
