/** What every answer carries, whoever gives it: pages, files of the console, JSON, errors. */
import { beforeAll, describe, expect, it } from "vitest";
import { createWorld, ORIGIN, signIn, type World } from "./support/app.ts";

let world: World;
let alice: { token: string; id: string; handle: string };

beforeAll(async () => {
  world = await createWorld();
  alice = await signIn(world, "alice");
});

const ADDRESSES = [
  "/",
  "/@alice",
  "/assets/index-abc.js",
  "/favicon.svg",
  "/api/me",
  "/api/nothing",
  "/healthz",
  "/s/x",
  "/s/assets/index-abc.js",
  "/nothing",
];
const at = (path: string, accept = "*/*"): Promise<Response> =>
  world.ask(path, { token: alice.token, headers: { Accept: accept } });

describe.each(ADDRESSES)("%s", (path) => {
  it.each(["*/*", "text/html"])("has every header (%s)", async (accept) => {
    const { headers } = await at(path, accept);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toMatch(/^(?:same-origin|no-referrer)$/);
    expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect(headers.get("permissions-policy")).toContain("camera=()");
    expect(headers.get("cache-control")).toMatch(/no-store|no-cache|immutable/);
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("base-uri 'none'");
    expect(policy).not.toContain("unsafe");
    expect(policy).not.toMatch(/[\s;]\*|https?:(?:[\s;]|$)/);
  });
});

it("the console loads scripts and styles of our own host alone, and frames the content host alone", async () => {
  const policy = (await at("/@alice", "text/html")).headers.get("content-security-policy") ?? "";
  const rules = new Map(policy.split("; ").map((rule) => [rule.split(" ")[0], rule.split(" ").slice(1)]));
  expect(rules.get("script-src")).toEqual(["'self'"]);
  expect(rules.get("style-src")).toEqual(["'self'"]);
  expect(rules.get("object-src")).toEqual(["'none'"]);
  expect(rules.get("form-action")).toEqual(["'self'"]);
  expect(rules.get("frame-src")).toEqual(["http://content.localhost:8787"]);
  expect(rules.get("connect-src")).toEqual([
    "'self'",
    "ws://127.0.0.1:8787",
    "http://content.localhost:8787",
  ]);
});

it("says that it is https where it is, and not where it is not", async () => {
  for (const path of ADDRESSES) expect((await at(path)).headers.get("strict-transport-security")).toBeNull();
  const secure = await createWorld({
    PUBLIC_ORIGIN: ORIGIN.replace("http:", "https:"),
    CONTENT_ORIGIN: "https://content.example.net",
  });
  for (const path of ["/healthz", "/api/me", "https://content.example.net/f/x"])
    expect((await secure.ask(path)).headers.get("strict-transport-security")).toBe("max-age=31536000");
});
