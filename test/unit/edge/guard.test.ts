import { describe, expect, it } from "vitest";
import {
  cookieOf,
  credentialOf,
  hostOf,
  isForeign,
  loginPath,
  safeReturn,
  targetOf,
  wantsPage,
} from "../../../local/edge/guard.ts";
import { requestHeaders, responseHeaders } from "../../../local/edge/headers.ts";
import { html } from "../../../local/edge/html.ts";

const ORIGIN = "http://127.0.0.1:8787";

describe("targetOf", () => {
  it.each([
    ["/api/me?x=1", "/api/me"],
    ["/keyed/../api/me", "/api/me"],
    ["/keyed/%2e%2e/api/me", "/api/me"],
    ["/keyed\\..\\api", "/api"],
    ["//evil.example/x", "//evil.example/x"],
  ])("%s is the path %s of our own host, as the Worker will see it", (target, path) => {
    const url = targetOf(target, ORIGIN);
    expect(url?.pathname).toBe(path);
    expect(url?.origin).toBe(ORIGIN);
  });

  it.each(["http://evil.example/", "*", "evil.example:443", ""])(
    "%s is for proxies, not for us",
    (target) => {
      expect(targetOf(target, ORIGIN)).toBeNull();
    },
  );
});

describe("hostOf", () => {
  it.each([
    ["127.0.0.1:8787", "ours"],
    ["localhost:8787", "alias"],
    ["127.0.0.1", "foreign"],
    ["127.0.0.1:8788", "foreign"],
    ["evil.example:8787", "foreign"],
    ["127.0.0.1.evil.example:8787", "foreign"],
    [undefined, "foreign"],
  ] as const)("%s is %s", (host, verdict) => {
    expect(hostOf(host, 8787)).toBe(verdict);
  });
});

describe("safeReturn", () => {
  it.each([
    ["/@alice/notes?x=1#y", `${ORIGIN}/@alice/notes?x=1#y`],
    ["/", `${ORIGIN}/`],
    // Whatever a browser makes of these, they stay below our own origin.
    ["//evil.example", `${ORIGIN}//evil.example`],
    ["/\\evil.example", `${ORIGIN}//evil.example`],
    ["/..//evil.example", `${ORIGIN}//evil.example`],
  ])("%s leads to %s", (wanted, location) => {
    expect(safeReturn(wanted, ORIGIN)).toBe(location);
    expect(new URL(safeReturn(wanted, ORIGIN)).origin).toBe(ORIGIN);
  });

  it.each([
    "https://evil.example/",
    "javascript:alert(1)",
    "evil",
    "",
    null,
    undefined,
    "/cdn-cgi/access/login",
    "/x/../cdn-cgi/access/logout",
    `/${"x".repeat(3000)}`,
  ])("%s leads to the start page", (wanted) => {
    expect(safeReturn(wanted, ORIGIN)).toBe(`${ORIGIN}/`);
  });

  it("is what the sign-in page is given, and survives the round trip", () => {
    const url = new URL(`${ORIGIN}/@alice/a b?q=1&r=%26`);
    const asked = new URL(loginPath(url), ORIGIN).searchParams.get("redirect");
    expect(safeReturn(asked, ORIGIN)).toBe(url.href);
  });
});

describe("credentialOf", () => {
  it("takes the header before the service pair before the cookie", () => {
    const cookie = "a=1; CF_Authorization=from-cookie; CF_Authorization=second";
    const pair = { "cf-access-client-id": "ci.access", "cf-access-client-secret": "s" };
    expect(credentialOf({ "cf-access-token": "h", ...pair, cookie })).toMatchObject({
      token: "h",
      from: "header",
    });
    expect(credentialOf({ ...pair, cookie })).toMatchObject({ kind: "service", clientId: "ci.access" });
    expect(credentialOf({ cookie })).toMatchObject({ token: "from-cookie", from: "cookie" });
    expect(credentialOf({ "cf-access-client-id": "ci.access" })).toBeNull();
    expect(credentialOf({ authorization: "Bearer x" })).toBeNull();
  });

  it("finds a cookie by its whole name", () => {
    expect(cookieOf("XCF_Authorization=no; CF_Authorization=yes", "CF_Authorization")).toBe("yes");
    expect(cookieOf("CF_Authorization", "CF_Authorization")).toBeNull();
  });
});

describe("isForeign", () => {
  it.each([
    ["our own page", { origin: ORIGIN }, true, false],
    ["another site", { origin: "https://evil.example" }, true, true],
    ["another port of this machine", { origin: "http://127.0.0.1:3000" }, true, true],
    ["a page without an origin", { origin: "null" }, true, true],
    ["our own page without Origin", { "sec-fetch-site": "same-origin" }, true, false],
    ["another port without Origin", { "sec-fetch-site": "same-site" }, true, true],
    ["a cookie from nobody knows where", {}, true, true],
    ["a program with a header", {}, false, false],
    ["another site's script with a header", { origin: "https://evil.example" }, false, true],
  ])("%s", (_who, headers, fromCookie, foreign) => {
    expect(isForeign(headers, ORIGIN, fromCookie)).toBe(foreign);
  });
});

describe("wantsPage", () => {
  it("is for those who look at pages", () => {
    const browser = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
    expect(wantsPage("GET", browser)).toBe(true);
    expect(wantsPage("POST", browser)).toBe(false);
    expect(wantsPage("GET", { accept: "*/*" })).toBe(false);
    expect(wantsPage("GET", {})).toBe(false);
  });
});

describe("headers", () => {
  const forwarding = { secret: "s", assertion: "jwt", clientAddress: "127.0.0.1", upgrade: false };
  const valuesOf = (flat: string[], name: string): string[] =>
    flat.filter((_, i) => i % 2 === 1 && flat[i - 1]?.toLowerCase() === name);

  it("drops what belongs to the connection, and what a Connection header declares to", () => {
    const out = requestHeaders(
      [
        "Host",
        "h",
        "Connection",
        "keep-alive, X-Hop",
        "X-Hop",
        "1",
        "Keep-Alive",
        "5",
        "TE",
        "trailers",
        "A",
        "b",
      ],
      forwarding,
    );
    const names = out.filter((_, i) => i % 2 === 0);
    expect(names).toContain("A");
    expect(names).not.toContain("X-Hop");
    expect(names).not.toContain("Connection");
    expect(names).not.toContain("TE");
  });

  it("does not let Host be declared away", () => {
    expect(valuesOf(requestHeaders(["Host", "ours", "Connection", "host"], forwarding), "host")).toEqual([
      "ours",
    ]);
  });

  it("replaces every header that only Access or Cloudflare may set", () => {
    const out = requestHeaders(
      [
        "cf-access-jwt-assertion",
        "forged",
        "CF-Connecting-IP",
        "8.8.8.8",
        "X-Holdfast-Edge",
        "guess",
        "MF-Original-URL",
        "x",
      ],
      forwarding,
    );
    expect(valuesOf(out, "cf-access-jwt-assertion")).toEqual(["jwt"]);
    expect(valuesOf(out, "cf-connecting-ip")).toEqual(["127.0.0.1"]);
    expect(valuesOf(out, "x-holdfast-edge")).toEqual(["s"]);
    expect(valuesOf(out, "mf-original-url")).toEqual([]);
  });

  it("sends no assertion where there is none", () => {
    const out = requestHeaders(["Cf-Access-Jwt-Assertion", "forged"], { ...forwarding, assertion: null });
    expect(valuesOf(out, "cf-access-jwt-assertion")).toEqual([]);
  });

  it("keeps every cookie of an answer, in order", () => {
    const out = responseHeaders(["Set-Cookie", "a=1", "Set-Cookie", "b=2", "Transfer-Encoding", "chunked"]);
    expect(out).toEqual(["Set-Cookie", "a=1", "Set-Cookie", "b=2"]);
  });
});

describe("html", () => {
  it("escapes what is put in, in text and in attributes, and leaves pieces of HTML alone", () => {
    const hostile = `"><script>alert('1')</script>&`;
    const piece = html`<b title="${hostile}">${hostile}</b>`;
    expect(String(piece)).toBe(
      `<b title="&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;">&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;</b>`,
    );
    expect(String(html`<p>${piece}${false}${null}${[1, html`<i></i>`]}</p>`)).toBe(`<p>${piece}1<i></i></p>`);
  });
});
