import { describe, expect, it } from "vitest";
import type { Settings } from "../../../src/env.ts";
import { limits } from "../../../src/limits.ts";
import { returnPath, signInUrl } from "../../../src/router/sign-in.ts";

describe("where somebody is led after signing in", () => {
  it.each([
    "/",
    "/@alice",
    "/@alice/plans?a=b&c=%26",
    "/api/x?next=https://example.com/",
    "/a//b",
    "/%2e%2e",
    "/@alice?x=%00",
  ])("%s: there", (path) => {
    expect(returnPath(path)).toBe(path);
  });

  it.each([
    "",
    "@alice",
    "evil.example",
    "https://evil.example/",
    "HTTPS://evil.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\\/evil.example",
    "/x\\..\\..\\evil",
    "/..//evil.example",
    "/./\\evil.example",
    "/x/..//evil.example",
    "/%2e%2e//evil.example",
    "/%2fevil.example",
    "/%2Fevil.example",
    "/%5cevil.example",
    "/%5C%5Cevil.example",
    "/%2e%2e/%2fevil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\nLocation: https://evil.example",
    "\u0000/evil.example",
    "/\u0000",
    "/a\u0000b",
    " /evil.example",
    "/ /evil.example",
    "/\u2028/evil.example",
    "/\u2215evil.example",
    "/％2fevil.example",
    "/a b",
    "/é",
    "/%ff",
    "/%",
    "/%zz",
    "/cdn-cgi/access/logout",
    "/cdn-cgi/access/login?redirect=/x",
    `/${"a".repeat(limits.urlChars)}`,
  ])("%j: to the start page", (path) => {
    expect(returnPath(path)).toBe("/");
  });

  it("is always a path of ours to a browser", () => {
    const pieces = [
      "/",
      "\\",
      ".",
      "..",
      "%2f",
      "%5c",
      "%2e",
      "@",
      ":",
      "evil.example",
      "\t",
      "\n",
      "?",
      "#",
      "x",
    ];
    let state = 7;
    const pick = (): string => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return pieces[(state >> 8) % pieces.length] ?? "";
    };
    for (let n = 0; n < 20_000; n++) {
      const wanted = Array.from({ length: 1 + (n % 7) }, pick).join("");
      const url = new URL(returnPath(wanted), "https://ours.example");
      expect([wanted, url.origin, url.pathname.startsWith("//")]).toEqual([
        wanted,
        "https://ours.example",
        false,
      ]);
    }
  });
});

it("the sign-in page is that of the team, for the host and the application", () => {
  const settings = {
    accessTeamDomain: "https://team.cloudflareaccess.com",
    accessAudience: "0123abcd",
    publicOrigin: "https://holdfast.example.com:8443",
  } as Settings; // the rest is not looked at
  expect(signInUrl(settings, "/@alice/plans?x=1&y=ü")).toBe(
    "https://team.cloudflareaccess.com/cdn-cgi/access/login/holdfast.example.com?kid=0123abcd&redirect_url=%2F",
  );
  expect(signInUrl(settings, "/@alice?x=1&y=2")).toBe(
    "https://team.cloudflareaccess.com/cdn-cgi/access/login/holdfast.example.com?kid=0123abcd&redirect_url=%2F%40alice%3Fx%3D1%26y%3D2",
  );
});
