/** The content host: signed addresses and nothing else, on a host where there is nothing else. */
import { beforeAll, describe, expect, it } from "vitest";
import { settingsOf } from "../../../src/env.ts";
import { contentUrl } from "../../../src/router/content.ts";
import { createWorld, ORIGIN, signIn, type World } from "./support/app.ts";

const CONTENT = "http://content.localhost:8787";
const MINUTES_5 = 5 * 60 * 1000;
let world: World;
let alice: { token: string; id: string; handle: string };

beforeAll(async () => {
  world = await createWorld();
  alice = await signIn(world, "alice");
  await put("page.html", "<script>alert(1)</script><h1>Hi</h1>", "text/html");
  await put("other.html", "<h1>Other</h1>", "text/html");
  await put("text.md", "0123456789", "text/markdown");
  await put("drawing.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "image/svg+xml");
  await put("data.bin", "bytes", "application/x-thing");
  await put("paper.pdf", "%PDF-1.7", "application/pdf");
});

const files = (rest: string): string => `/api/agents/${alice.handle}/files${rest}`;
async function put(path: string, body: string, type: string): Promise<void> {
  const headers = { "content-type": type };
  const response = await world.ask(files(`/content?path=${path}`), {
    method: "PUT",
    token: alice.token,
    body,
    headers,
  });
  expect([200, 201]).toContain(response.status);
}
/** An address to show a file. */
async function link(path: string): Promise<string> {
  const response = await world.ask(files(`/link?path=${path}`), { token: alice.token });
  expect(response.status).toBe(200);
  return (await response.json<{ url: string }>()).url;
}
/** An address to keep it. */
async function download(path: string, token = alice.token): Promise<Response> {
  return world.ask(files(`/content?path=${path}`), { token });
}
/** As anybody with the address: no token, no cookie, no origin. */
const open = (url: string, init: RequestInit = {}) =>
  world.ask(url, { ...init, headers: { Origin: "none", ...Object.fromEntries(new Headers(init.headers)) } });

describe("our own host", () => {
  it("never serves a file: it sends to the other", async () => {
    const response = await download("page.html");
    expect(response.status).toBe(302);
    const location = response.headers.get("location") ?? "";
    expect(location.startsWith(`${CONTENT}/f/`)).toBe(true);
    expect(await response.text()).toBe("");
    const kept = await open(location);
    expect(kept.headers.get("content-disposition")).toBe("attachment; filename*=UTF-8''page.html");
    expect(await kept.text()).toContain("<h1>Hi</h1>");
  });

  it("says itself what is not there, and to whom it is not", async () => {
    expect((await download("nothing.txt")).status).toBe(404);
    const bob = await signIn(world, "bob");
    expect((await download("page.html", bob.token)).status).toBe(403);
    expect((await world.ask(files("/link?path=page.html"), { token: bob.token })).status).toBe(403);
  });

  it("has none of the other's addresses", async () => {
    const url = await link("page.html");
    const response = await world.ask(url.replace(CONTENT, ORIGIN), { token: alice.token });
    expect(response.status).toBe(404);
  });
});

describe("the content host", () => {
  it.each([
    "/",
    "/healthz",
    "/@alice",
    "/api/me",
    "/api/agents/alice/settings",
    "/api/agents/alice/files/content?path=page.html",
    "/agents/conversation/x",
    "/assets/index-abc.js",
    "/s/x",
    "/keyed/alice/v1/models",
    "/channels/x/y",
    "/cdn-cgi/access/logout",
    "/f",
    "/f/",
    "/f/x",
  ])("answers 404 at %s, whoever asks", async (path) => {
    for (const method of ["GET", "POST", "PUT", "DELETE"]) {
      const response = await world.ask(CONTENT + path, {
        method,
        token: alice.token,
        headers: { Cookie: `CF_Authorization=${alice.token}` },
        ...(method !== "GET" && { body: "{}" }),
      });
      expect([method, response.status]).toEqual([method, 404]);
      expect(response.headers.get("set-cookie")).toBeNull();
    }
  });

  it("takes no socket", async () => {
    for (const path of ["/@alice", new URL(await link("page.html")).pathname]) {
      const response = await world.ask(CONTENT + path, {
        token: alice.token,
        headers: { Upgrade: "websocket", Connection: "Upgrade" },
      });
      expect(response.webSocket).toBeFalsy();
    }
  });

  it("is that host and that port, exactly", async () => {
    const { pathname } = new URL(await link("page.html"));
    for (const host of [
      "content.localhost:8788",
      "content.localhost",
      "x.content.localhost:8787",
      "localhost:8787",
    ])
      expect([host, (await open(`http://${host}${pathname}`)).status]).not.toEqual([host, 200]);
  });

  it("wakes no actor", async () => {
    const url = await link("page.html");
    const before = world.reached.length;
    expect((await open(url)).status).toBe(200);
    expect(world.reached.length).toBe(before);
  });
});

describe("an address", () => {
  it("opens one file, for whoever has it, for five minutes", async () => {
    const start = world.clock.now;
    const url = await link("page.html");
    expect((await open(url)).status).toBe(200);
    world.clock.now = start + MINUTES_5 - 1_001;
    expect((await open(url)).status).toBe(200);
    world.clock.now = start + MINUTES_5;
    expect((await open(url)).status).toBe(403);
    world.clock.now = start;
  });

  it("cannot be made into another's", async () => {
    const [one, other] = [new URL(await link("page.html")), new URL(await link("other.html"))];
    const [, , onePayload = "", oneSignature = ""] = one.pathname.split("/");
    const [, , otherPayload = ""] = other.pathname.split("/");
    expect((await open(`${CONTENT}/f/${otherPayload}/${oneSignature}`)).status).toBe(403);
    const claims = JSON.parse(Buffer.from(onePayload, "base64url").toString());
    for (const changed of [
      { ...claims, path: "other.html" },
      { ...claims, o: `u${"a".repeat(20)}` },
      { ...claims, e: claims.e + 60 },
      { ...claims, show: !claims.show },
      { ...claims, v: "1" },
    ]) {
      const payload = Buffer.from(JSON.stringify(changed)).toString("base64url");
      expect((await open(`${CONTENT}/f/${payload}/${oneSignature}`)).status).toBe(403);
    }
    for (let at = "/f/".length; at < one.pathname.length; at++) {
      const path = `${one.pathname.slice(0, at)}${one.pathname[at] === "A" ? "B" : "A"}${one.pathname.slice(at + 1)}`;
      expect((await open(CONTENT + path)).status).not.toBe(200);
    }
    expect((await open(`${one.href}?x=1`)).status).toBe(404);
  });

  it("is to read, whatever the verb", async () => {
    const url = await link("page.html");
    for (const method of ["POST", "PUT", "PATCH", "DELETE"])
      expect((await open(url, { method, body: "x" })).status).toBe(405);
    const head = await open(url, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  it("is told apart from a link to a chat", async () => {
    const { keyring } = settingsOf(world.env);
    const { url } = contentUrl(
      settingsOf(world.env),
      { ownerId: alice.id, path: "page.html", show: true },
      world.clock.now,
    );
    const payload = url.split("/")[4] ?? "";
    expect((await open(`${CONTENT}/f/${payload}/${keyring.sign("share", `GET /f/${payload}`)}`)).status).toBe(
      403,
    );
  });
});

describe("how a file is shown", () => {
  it.each([
    ["page.html", "text/html; charset=utf-8", "inline", true],
    ["drawing.svg", "image/svg+xml", "inline", true],
    ["text.md", "text/plain; charset=utf-8", "inline", true],
    ["paper.pdf", "application/pdf", "inline", false],
    ["data.bin", "application/x-thing", "attachment", true],
  ])("%s as %s, %s", async (path, type, disposition, sandboxed) => {
    const response = await open(await link(path));
    expect(response.headers.get("content-type")).toBe(type);
    expect(response.headers.get("content-disposition")?.split(";")[0]).toBe(disposition);
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy.split("; ").includes("sandbox")).toBe(sandboxed);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`frame-ancestors ${ORIGIN}`);
    expect(policy).not.toContain("script-src");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect(response.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    await response.body?.cancel();
  });

  it("by its etag, when it is known already", async () => {
    const url = await link("text.md");
    const etag = (await open(url)).headers.get("etag") ?? "";
    expect((await open(url, { headers: { "If-None-Match": etag } })).status).toBe(304);
  });

  it.each([
    ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
    ["bytes=8-", 206, "89", "bytes 8-9/10"],
    ["bytes=-2", 206, "89", "bytes 8-9/10"],
    ["bytes=-20", 206, "0123456789", "bytes 0-9/10"],
    ["bytes=5-99", 206, "56789", "bytes 5-9/10"],
    ["bytes=3-1", 200, "0123456789", null],
    ["bytes=0-1,3-4", 200, "0123456789", null],
    ["lines=1-2", 200, "0123456789", null],
    ["bytes=", 200, "0123456789", null],
  ])("a part of it: %s is %s", async (range, status, text, contentRange) => {
    const response = await open(await link("text.md"), { headers: { Range: range } });
    expect([response.status, await response.text()]).toEqual([status, text]);
    expect(response.headers.get("content-range")).toBe(contentRange);
    expect(response.headers.get("content-length")).toBe(String(text.length));
  });

  it("no part of what has changed, and none behind its end", async () => {
    const url = await link("text.md");
    const changed = await open(url, { headers: { Range: "bytes=0-3", "If-Range": '"other"' } });
    expect([changed.status, await changed.text()]).toEqual([200, "0123456789"]);
    expect((await open(url, { headers: { Range: "bytes=10-" } })).status).toBe(416);
    await put("empty.txt", "", "text/plain");
    expect((await open(await link("empty.txt"), { headers: { Range: "bytes=0-" } })).status).toBe(416);
  });
});

it.each([
  ["http://127.0.0.1:8787", "another host"],
  ["http://content.example.com", "https"],
  ["http://content.localhost:8787/path", "not an origin"],
  ["content.localhost", "not an origin"],
  ["", "CONTENT_ORIGIN is empty"],
])("a deployment with %j for a content host says what is wrong", async (CONTENT_ORIGIN, why) => {
  const wrong = await createWorld({ CONTENT_ORIGIN });
  const response = await wrong.ask("/api/me", { token: alice.token });
  expect(response.status).toBe(503);
  expect(await response.text()).toContain(why);
});
