/** Which requests are for the content host: by the host that the platform's parser sees, in every spelling. */
import { describe, expect, it } from "vitest";
import type { Env } from "../../../src/env.ts";
import { isContentHost } from "../../../src/router/content-host.ts";

const HOSTS = [
  "content.example.com",
  "content.localhost",
  "localhost",
  "127.0.0.1",
  "files-1.example.co.uk",
  "[::1]",
];
const SPELLINGS = [
  ...HOSTS,
  "Content.Example.com",
  "content.example.com.",
  "content%2eexample.com",
  "ｃontent.example.com",
  "user@content.example.com",
  "content.example.com@evil.example",
  "evil.example",
  "0177.0.0.1",
  "0x7f.0.0.1",
  "127.1",
  "2130706433",
  "127.0.0.01",
  "localhost.",
  "xn--bcher-kva.example",
];
const PORTS = ["", ":80", ":443", ":8787", ":080", ":00080", ":08787"];

describe("the content host", () => {
  it.each(HOSTS)("%s is seen as parsing sees it, however it is written", (host) => {
    let seen = 0;
    for (const port of PORTS) {
      for (const scheme of ["http", "https"]) {
        const origin = new URL(`${scheme}://${host}${port}`).origin;
        // Only the one variable is read.
        const env = { CONTENT_ORIGIN: origin } as Env;
        for (const spelling of SPELLINGS) {
          for (const asked of PORTS) {
            for (const path of ["/", "/f/x", "/@content.example.com/", "?a=b", "/..//localhost/"]) {
              const url = `${scheme}://${spelling}${asked}${path}`;
              if (!URL.canParse(url)) continue;
              const expected = new URL(url).host === new URL(origin).host;
              expect(isContentHost({ url }, env), `${url} at ${origin}`).toBe(expected);
              if (expected) seen++;
            }
          }
        }
      }
    }
    expect(seen).toBeGreaterThan(0);
  });

  it.each(["", "content.example.com", "not an address"])("%j is none", (origin) => {
    // Only the one variable is read.
    expect(isContentHost({ url: "https://content.example.com/" }, { CONTENT_ORIGIN: origin } as Env)).toBe(
      false,
    );
  });
});
