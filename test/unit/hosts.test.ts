import { describe, expect, it } from "vitest";
import { covers, hostMatches, hostPatternText, parseHostPattern, placeOf } from "../../src/hosts.ts";

const kept = (text: string, loopback = false): string =>
  hostPatternText(parseHostPattern(text, { loopback }));
const reaches = (pattern: string, url: string, loopback = false): boolean => {
  const place = placeOf(url, { loopback });
  return place !== null && hostMatches(parseHostPattern(pattern, { loopback }), place);
};

describe("what may be written down", () => {
  it.each([
    ["api.github.com", "api.github.com"],
    ["API.GitHub.com", "api.github.com"],
    ["  api.github.com ", "api.github.com"],
    ["api.github.com.", "api.github.com"],
    ["*.example.com", "*.example.com"],
    ["*.example.co.uk", "*.example.co.uk"],
    ["example.co.uk", "example.co.uk"],
    ["myapp.workers.dev", "myapp.workers.dev"],
    ["*.myapp.workers.dev", "*.myapp.workers.dev"],
    ["api.example.com:8443", "api.example.com:8443"],
    ["api.example.com:443", "api.example.com"],
    ["bücher.example.com", "xn--bcher-kva.example.com"],
    ["ａｐｉ.example.com", "api.example.com"],
  ])("%s is kept as %s", (text, as) => {
    expect(kept(text)).toBe(as);
  });

  it.each([
    "",
    "*",
    "*.",
    "*.com",
    "*.co.uk",
    "*.com.au",
    "*.workers.dev",
    "*.github.io",
    "*.amazonaws.com",
    "com",
    "github",
    "api.*.com",
    "a*.example.com",
    "**.example.com",
    "https://api.github.com",
    "api.github.com/repos",
    "user@api.github.com",
    "api.github.com?x",
    "api.github.com#x",
    "api.github.com\\x",
    "api github.com",
    "api.github.com:",
    "api.github.com:0",
    "api.github.com:65536",
    "api.github.com:x",
    "api.github.com:80:80",
    "api..github.com",
    "-api.github.com",
    "api_x.github.com",
    "%61pi.github.com",
    "1.1.1.1",
    "127.0.0.1",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "169.254.169.254",
    "[::1]",
    "::1",
    "[2606:4700::1]",
    "localhost",
    "api.localhost",
    "printer.local",
    "db.internal",
    "metadata.google.internal",
    "ai.internal",
    "router.lan",
    "x.onion",
    "1.0.0.127.in-addr.arpa",
    `${"a".repeat(64)}.example.com`,
    `${"a.".repeat(130)}example.com`,
  ])("%s is refused", (text) => {
    expect(() => parseHostPattern(text)).toThrow(expect.objectContaining({ code: "bad_request" }));
  });

  it("names this machine only where the deployment is on it", () => {
    expect(kept("localhost:8080", true)).toBe("localhost:8080");
    expect(kept("127.0.0.1:8080", true)).toBe("127.0.0.1:8080");
    for (const text of ["*.localhost", "10.0.0.1", "[::1]", "db.internal"])
      expect(() => parseHostPattern(text, { loopback: true })).toThrow(/cannot be a credential's host/);
  });
});

describe("where a credential goes", () => {
  it.each([
    ["api.github.com", "https://api.github.com/user?x=1"],
    ["api.github.com", "https://API.GITHUB.COM./user"],
    ["*.example.com", "https://a.example.com/"],
    ["*.example.com", "https://a.b.example.com/"],
    ["api.example.com:8443", "https://api.example.com:8443/"],
  ])("%s takes in %s", (pattern, url) => {
    expect(reaches(pattern, url)).toBe(true);
  });

  it.each([
    ["api.github.com", "http://api.github.com/"],
    ["api.github.com", "https://api.github.com:8443/"],
    ["api.github.com", "https://api.github.com.evil.example/"],
    ["api.github.com", "https://evil-api.github.com/"],
    ["api.github.com", "https://github.com/"],
    ["api.github.com", "https://api.github.com@evil.example/"],
    ["api.github.com", "https://user:pass@api.github.com/"],
    ["api.github.com", "https://evil.example/api.github.com"],
    ["api.github.com", "https://evil.example\\@api.github.com/"],
    ["api.github.com", "ftp://api.github.com/"],
    ["api.github.com", "not a url"],
    ["*.example.com", "https://example.com/"],
    ["*.example.com", "https://notexample.com/"],
    ["*.example.com", "https://a.example.com.evil.example/"],
    ["api.example.com:8443", "https://api.example.com/"],
  ])("%s does not take in %s", (pattern, url) => {
    expect(reaches(pattern, url)).toBe(false);
  });

  it("goes in clear to this machine only, and only where the deployment is on it", () => {
    expect(reaches("localhost:8080", "http://localhost:8080/", true)).toBe(true);
    expect(reaches("localhost:8080", "http://localhost:8081/", true)).toBe(false);
    expect(reaches("localhost", "http://localhost/", true)).toBe(false);
    expect(placeOf("http://localhost:8080/")).toBeNull();
    expect(placeOf("http://api.example.com/", { loopback: true })).toBeNull();
  });
});

it.each([
  ["a.example.com", "a.example.com", true],
  ["*.example.com", "a.example.com", true],
  ["*.example.com", "*.example.com", true],
  ["*.example.com", "*.a.example.com", true],
  ["*.example.com", "example.com", false],
  ["*.a.example.com", "*.example.com", false],
  ["a.example.com", "*.a.example.com", false],
  ["a.example.com", "b.example.com", false],
  ["a.example.com", "a.example.com:8443", false],
  ["*.example.com", "*.badexample.com", false],
])("all of what %s allows covers %s: %s", (wide, narrow, expected) => {
  expect(covers(parseHostPattern(wide), parseHostPattern(narrow))).toBe(expected);
});
