import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { send, setUp } from "./support.ts";

const LOGIN = "/cdn-cgi/access/login";
const form = (fields: Record<string, string>): string => new URLSearchParams(fields).toString();
const FORM = { "content-type": "application/x-www-form-urlencoded" };

describe("the sign-in page", () => {
  it("offers three people and any address, without script, under a policy that allows nothing else", async () => {
    const { edge } = await setUp();
    const page = await send(edge.port, LOGIN);
    expect(page.status).toBe(200);
    for (const email of ["alice@example.com", "bob@example.com", "carol@example.com"]) {
      expect(page.body).toContain(`value="${email}"`);
    }
    expect(page.body).toContain('type="email"');
    expect(page.body).toContain("stands in for Cloudflare Access");
    expect(page.body).not.toMatch(/<script|javascript:|\son\w+=/i);
    const policy = String(page.headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    const style = /<style>(.*)<\/style>/s.exec(page.body)?.[1] ?? "";
    const hash = createHash("sha256").update(style).digest("base64");
    expect(policy).toContain(`style-src 'sha256-${hash}'`);
    // `no-referrer` would make browsers post the form with `Origin: null`.
    expect(page.headers["referrer-policy"]).toBe("same-origin");
  });

  it("escapes what it is given", async () => {
    const { edge } = await setUp();
    const page = await send(edge.port, `${LOGIN}?redirect=${encodeURIComponent(`/"><script>x</script>`)}`);
    expect(page.body).not.toContain("<script>");
    const again = await send(edge.port, LOGIN, {
      method: "POST",
      headers: { ...FORM, origin: edge.origin },
      body: form({ as: `"><script>`, groups: `"><script>` }),
    });
    expect(again.status).toBe(400);
    expect(again.body).not.toContain("<script>");
    expect(again.body).toContain("not an e-mail address");
  });
});

describe("signing in", () => {
  it("is a round trip: page, form, cookie, and where one was going", async () => {
    const { edge } = await setUp({ handler: (_req, res) => res.end("inside") });
    const refused = await send(edge.port, "/@alice/notes?a=b", { headers: { accept: "text/html" } });
    const login = new URL(String(refused.headers.location));
    const page = await send(edge.port, login.pathname + login.search);
    const redirect = /name="redirect" value="([^"]*)"/.exec(page.body)?.[1] ?? "";
    const signedIn = await send(edge.port, LOGIN, {
      method: "POST",
      headers: { ...FORM, origin: edge.origin },
      body: form({ as: "alice@example.com", redirect: redirect.replaceAll("&amp;", "&") }),
    });
    expect([signedIn.status, signedIn.headers.location]).toEqual([303, `${edge.origin}/@alice/notes?a=b`]);
    const [cookie = ""] = signedIn.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/^CF_Authorization=[\w.-]+; Path=\/; Max-Age=86400; HttpOnly; SameSite=Lax$/);
    const inside = await send(edge.port, "/@alice/notes?a=b", {
      headers: { accept: "text/html", cookie: cookie.split(";")[0] ?? "" },
    });
    expect(inside.body).toBe("inside");
  });

  it.each([
    ["carol@example.com", "", ["admins"]],
    ["alice@example.com", "", undefined],
    ["Dave@Example.com ", "ops, admins", ["ops", "admins"]],
  ])("%s with groups '%s' has groups %s", async (as, groups, expected) => {
    const { edge, issuer, clock } = await setUp();
    const answer = await send(edge.port, LOGIN, {
      method: "POST",
      headers: { ...FORM, origin: edge.origin },
      body: form({ as, groups }),
    });
    const token = /CF_Authorization=([^;]*)/.exec(answer.headers["set-cookie"]?.[0] ?? "")?.[1] ?? "";
    const claims = await issuer.verify(token, clock.now);
    expect(claims?.email).toBe(as.trim().toLowerCase());
    expect(claims?.custom?.groups).toEqual(expected);
  });

  it("cannot be done by another site, nor by nobody knows whom", async () => {
    const { edge } = await setUp();
    for (const headers of [
      {},
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: "http://127.0.0.1:3000" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "none" },
    ]) {
      const answer = await send(edge.port, LOGIN, {
        method: "POST",
        headers: { ...FORM, ...headers },
        body: form({ as: "alice@example.com" }),
      });
      expect([answer.status, answer.code]).toEqual([403, "origin_refused"]);
      expect(answer.headers).not.toHaveProperty("set-cookie");
    }
  });

  it.each(["https://evil.example/", "//evil.example/", "/\\evil.example", "/..//evil.example"])(
    "never leads to another host: %s",
    async (redirect) => {
      const { edge } = await setUp();
      const answer = await send(edge.port, LOGIN, {
        method: "POST",
        headers: { ...FORM, origin: edge.origin },
        body: form({ as: "alice@example.com", redirect }),
      });
      expect(new URL(String(answer.headers.location)).origin).toBe(edge.origin);
    },
  );

  it("takes small forms only", async () => {
    const { edge } = await setUp();
    const answer = await send(edge.port, LOGIN, {
      method: "POST",
      headers: { ...FORM, origin: edge.origin },
      body: form({ as: "x".repeat(100_000) }),
    });
    expect([answer.status, answer.code]).toEqual([413, "body_too_large"]);
  });
});

describe("the rest of Access", () => {
  it("signing out clears the cookie", async () => {
    const { edge } = await setUp();
    const answer = await send(edge.port, "/cdn-cgi/access/logout");
    expect(answer.headers["set-cookie"]?.[0]).toMatch(/^CF_Authorization=; Path=\/; Max-Age=0;/);
    const page = await send(edge.port, `${new URL(String(answer.headers.location)).pathname}?signed-out`);
    expect(page.body).toContain("You are signed out");
  });

  it("tells the holder of a token who they are, and nobody else", async () => {
    const { edge, issuer, clock, token } = await setUp();
    expect((await send(edge.port, "/cdn-cgi/access/get-identity")).status).toBe(401);
    const cookie = `CF_Authorization=${await issuer.issue({ email: "carol@example.com", groups: ["admins"], ttlSeconds: 60, now: clock.now })}`;
    const carol = JSON.parse(
      (await send(edge.port, "/cdn-cgi/access/get-identity", { headers: { cookie } })).body,
    );
    expect(carol).toMatchObject({ email: "carol@example.com", groups: [{ id: "admins", name: "admins" }] });
    const headers = { "cf-access-token": await token() };
    expect(
      JSON.parse((await send(edge.port, "/cdn-cgi/access/get-identity", { headers })).body).groups,
    ).toEqual([]);
  });

  it("keeps the rest of /cdn-cgi/ from the Worker", async () => {
    const { edge, token } = await setUp();
    const headers = { "cf-access-token": await token() };
    for (const path of ["/cdn-cgi/local/r2/public/holdfast-files/x", "/cdn-cgi/trace"]) {
      expect((await send(edge.port, path, { headers })).status).toBe(404);
    }
    expect((await send(edge.port, "/cdn-cgi/access/certs", { method: "POST" })).status).toBe(405);
  });
});
