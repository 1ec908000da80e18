import { describe, expect, it } from "vitest";
import { isUnguarded, pathOf, UNGUARDED } from "../../../src/router/unguarded.ts";

describe("the path of a request", () => {
  it("is what a browser makes of the address, for every address", () => {
    const pieces = [
      "/",
      "//",
      "\\",
      ".",
      "..",
      "%2e",
      "%2E",
      "%2f",
      "%5c",
      "%00",
      ";",
      "@",
      "~",
      ":",
      "s",
      "healthz",
      "keyed",
      "S",
    ];
    const more = ["é", "ｓ", "?", "#", "&", " ", "\t", "-", "_", "%", "a.b", "a..b", ".a"];
    const all = [...pieces, ...more];
    let state = 11;
    const pick = (): string => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return all[(state >> 8) % all.length] ?? "";
    };
    for (const origin of ["http://127.0.0.1:8787", "https://holdfast.example.com", "http://[::1]:80"]) {
      for (let n = 0; n < 20_000; n++) {
        const url = `${origin}/${Array.from({ length: n % 9 }, pick).join("")}`;
        expect([url, pathOf(url)]).toEqual([url, new URL(url).pathname]);
      }
    }
  });

  it("is one slash where there is none", () => {
    expect([pathOf("http://127.0.0.1"), pathOf("http://127.0.0.1?x=/s/")]).toEqual(["/", "/"]);
  });
});

it("the list has whole folders, and nothing that only begins like one", () => {
  for (const prefix of UNGUARDED) {
    expect(prefix).toMatch(/^\/[a-z]+$/);
    expect([isUnguarded(prefix), isUnguarded(`${prefix}/`), isUnguarded(`${prefix}/x`)]).toEqual([
      true,
      true,
      true,
    ]);
    for (const path of [
      `${prefix}x`,
      `${prefix}%2f`,
      `${prefix};`,
      `/x${prefix}`,
      prefix.slice(1),
      `/${prefix}`,
    ])
      expect([path, isUnguarded(path)]).toEqual([path, false]);
  }
});
