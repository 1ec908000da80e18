import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { PortTakenError, startEdge } from "../../../local/edge/index.ts";
import { openIssuer } from "../../../local/issuer/index.ts";
import { NOON, noModels, responseTo, SECRET, send, setUp, temporaryDirectory } from "./support.ts";

const BROWSER = { accept: "text/html" };

describe("without a token", () => {
  it("a browser is sent to the sign-in page, which remembers where it was going", async () => {
    const { edge } = await setUp();
    const answer = await send(edge.port, "/@alice/notes?x=1", { headers: BROWSER });
    expect(answer.status).toBe(303);
    expect(answer.headers.location).toBe(
      `${edge.origin}/cdn-cgi/access/login?redirect=${encodeURIComponent("/@alice/notes?x=1")}`,
    );
  });

  it("a program gets 401 as JSON, whatever bearer token it sends", async () => {
    let reached = 0;
    const { edge } = await setUp({ handler: (_req, res) => res.end(String(++reached)) });
    for (const headers of [{}, { authorization: "Bearer sk-123" }, { "cf-access-token": "garbage" }]) {
      const answer = await send(edge.port, "/api/me", { headers });
      expect([answer.status, answer.code]).toEqual([401, "unauthenticated"]);
    }
    expect((await send(edge.port, "/api/threads", { method: "POST", headers: BROWSER })).status).toBe(401);
    expect(reached).toBe(0);
  });

  it("unguarded paths pass, without an assertion, even a forged one", async () => {
    const { edge } = await setUp({
      handler: (req, res) => res.end(JSON.stringify(req.headers["cf-access-jwt-assertion"] ?? "none")),
    });
    const forged = { "cf-access-jwt-assertion": "forged", cookie: "CF_Authorization=x" };
    for (const path of ["/healthz", "/keyed/alice/v1"]) {
      expect(await send(edge.port, path, { headers: forged })).toMatchObject({ status: 200, body: '"none"' });
    }
  });

  it.each(["/keyed/../api/me", "/keyed/%2e%2e/api/me", "/healthz/../api/me", "/healthzz"])(
    "%s is no way around the guard",
    async (path) => {
      const { edge } = await setUp();
      expect((await send(edge.port, path)).status).toBe(401);
    },
  );
});

describe("with a token", () => {
  it("is handed on in the header where the Worker expects it, from the header and from the cookie", async () => {
    const { edge, token } = await setUp({
      handler: (req, res) => res.end(JSON.stringify([req.headers["cf-access-jwt-assertion"], req.headers])),
    });
    const jwt = await token();
    for (const headers of [{ "cf-access-token": jwt }, { cookie: `CF_Authorization=${jwt}` }]) {
      const [assertion, seen] = JSON.parse((await send(edge.port, "/api/me", { headers })).body);
      expect(assertion).toBe(jwt);
      expect(seen).not.toHaveProperty("cf-access-token");
      expect(seen["x-holdfast-edge"]).toBe(SECRET);
      expect(seen.host).toBe(`127.0.0.1:${edge.port}`);
    }
  });

  it("stops counting when it expires, although it was seen before", async () => {
    const { edge, clock, token } = await setUp();
    const headers = { "cf-access-token": await token() };
    expect((await send(edge.port, "/api/me", { headers })).status).toBe(200);
    clock.now += 3_600_000;
    expect((await send(edge.port, "/api/me", { headers })).status).toBe(401);
  });

  it("of another directory's issuer does not count", async () => {
    const { edge } = await setUp();
    const stranger = await openIssuer(temporaryDirectory(), edge.origin);
    const headers = {
      "cf-access-token": await stranger.issue({ email: "alice@example.com", ttlSeconds: 60, now: NOON }),
    };
    expect((await send(edge.port, "/api/me", { headers })).status).toBe(401);
  });

  it("a service's id and secret are exchanged for one; a wrong secret is not", async () => {
    const { edge, issuer } = await setUp({
      handler: (req, res) => res.end(String(req.headers["cf-access-jwt-assertion"])),
    });
    const { clientId, clientSecret } = issuer.createService("ci", NOON);
    const headers = { "CF-Access-Client-Id": clientId, "CF-Access-Client-Secret": clientSecret };
    const answer = await send(edge.port, "/api/me", { headers });
    expect(await issuer.verify(answer.body, NOON)).toMatchObject({ common_name: "ci", sub: "" });
    const wrong = { ...headers, "CF-Access-Client-Secret": "0".repeat(64) };
    expect((await send(edge.port, "/api/me", { headers: wrong })).status).toBe(401);
  });
});

describe("who may ask", () => {
  it("requests for another host are refused with 421, even unguarded ones", async () => {
    const { edge, token } = await setUp();
    const jwt = await token();
    for (const host of ["evil.example", `evil.example:${edge.port}`, "127.0.0.1:1", "localhost:1"]) {
      for (const path of ["/api/me", "/healthz", "/cdn-cgi/access/login"]) {
        const answer = await send(edge.port, path, { headers: { host, "cf-access-token": jwt } });
        expect([answer.status, answer.code]).toEqual([421, "misdirected"]);
      }
    }
  });

  it("a browser that asks for localhost is sent to the real address, a program is not", async () => {
    const { edge } = await setUp();
    const host = `localhost:${edge.port}`;
    const page = await send(edge.port, "/@alice?x=1", { headers: { ...BROWSER, host } });
    expect([page.status, page.headers.location]).toEqual([303, `${edge.origin}/@alice?x=1`]);
    expect((await send(edge.port, "/api/me", { headers: { host } })).status).toBe(421);
  });

  it("changes sent by pages of other sites are not carried out", async () => {
    let reached = 0;
    const { edge, token } = await setUp({ handler: (_req, res) => res.end(String(++reached)) });
    const cookie = `CF_Authorization=${await token()}`;
    for (const headers of [
      { cookie, origin: "https://evil.example" },
      { cookie, origin: "http://127.0.0.1:3000" },
      { cookie, "sec-fetch-site": "cross-site" },
      { cookie, "sec-fetch-site": "same-site" },
      { cookie },
    ]) {
      const answer = await send(edge.port, "/api/threads", { method: "POST", headers, body: "{}" });
      expect([answer.status, answer.code]).toEqual([403, "origin_refused"]);
    }
    expect(reached).toBe(0);
    const own = { cookie, origin: edge.origin };
    expect((await send(edge.port, "/api/threads", { method: "POST", headers: own, body: "{}" })).status).toBe(
      200,
    );
    const program = { "cf-access-token": await token() };
    expect(
      (await send(edge.port, "/api/threads", { method: "PUT", headers: program, body: "{}" })).status,
    ).toBe(200);
  });

  it("a request line that is meant for a proxy is refused", async () => {
    const { edge } = await setUp();
    expect((await send(edge.port, "http://evil.example/")).status).toBe(400);
  });
});

describe("streaming", () => {
  it("an answer reaches the client piece by piece, before it has ended", async () => {
    let upstream: import("node:http").ServerResponse | null = null;
    const { edge, token } = await setUp({
      handler: (_req, res) => {
        upstream = res;
        res.writeHead(200, { "content-type": "text/event-stream", "x-odd": "1" });
        res.write("one");
      },
    });
    const req = request({
      host: "127.0.0.1",
      port: edge.port,
      path: "/api/x",
      headers: { "cf-access-token": await token() },
    });
    req.end();
    const res = await responseTo(req);
    res.setEncoding("utf8");
    expect(await once(res, "data")).toEqual(["one"]);
    const server = upstream as import("node:http").ServerResponse | null;
    server?.write("two");
    expect(await once(res, "data")).toEqual(["two"]);
    server?.end();
    await once(res, "end");
  });

  it("the head of an answer arrives before any of its body", async () => {
    const { edge, token } = await setUp({ handler: (_req, res) => void res.writeHead(200).flushHeaders() });
    const req = request({
      host: "127.0.0.1",
      port: edge.port,
      headers: { "cf-access-token": await token() },
    });
    req.end();
    const res = await responseTo(req);
    expect(res.statusCode).toBe(200);
    req.destroy();
  });

  it("40 MB go up unchanged, without a length being known", async () => {
    const { edge, token } = await setUp({
      handler: (req, res) => {
        const hash = createHash("sha256");
        let bytes = 0;
        req.on("data", (part: Buffer) => {
          hash.update(part);
          bytes += part.byteLength;
        });
        req.on("end", () => res.end(`${bytes} ${hash.digest("hex")}`));
      },
    });
    const block = randomBytes(1024 * 1024);
    const expected = createHash("sha256");
    const source = Readable.from(
      (function* () {
        for (let i = 0; i < 40; i++) {
          expected.update(block);
          yield block;
        }
      })(),
    );
    const req = request({
      host: "127.0.0.1",
      port: edge.port,
      method: "PUT",
      path: "/api/files/big",
      headers: { "cf-access-token": await token() },
    });
    source.pipe(req);
    const res = await responseTo(req);
    res.setEncoding("utf8");
    const [body] = await once(res, "data");
    expect(body).toBe(`${40 * 1024 * 1024} ${expected.digest("hex")}`);
  });

  it("a body on DELETE arrives whole", async () => {
    const { edge, token } = await setUp({ handler: (req, res) => void req.pipe(res) });
    const headers = { "cf-access-token": await token(), "transfer-encoding": "chunked" };
    const answer = await send(edge.port, "/api/x", { method: "DELETE", headers, body: "with a body" });
    expect(answer.body).toBe("with a body");
  });

  it("status, repeated headers and an empty body pass as they are", async () => {
    const { edge, token } = await setUp({
      handler: (_req, res) =>
        res.writeHead(204, ["Set-Cookie", "a=1", "Set-Cookie", "b=2", "ETag", '"x"']).end(),
    });
    const answer = await send(edge.port, "/", { headers: { "cf-access-token": await token() } });
    expect(answer.status).toBe(204);
    expect(answer.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    expect(answer.headers.etag).toBe('"x"');
  });

  it("an answer that the Worker cuts off is cut off for the client too", async () => {
    const { edge, token } = await setUp({
      handler: (_req, res) => {
        res.writeHead(200, { "content-length": "100" });
        res.write("half", () => res.destroy());
      },
    });
    await expect(send(edge.port, "/", { headers: { "cf-access-token": await token() } })).rejects.toThrow(
      /aborted|ECONNRESET|hang up/,
    );
  });

  it("a client that goes away takes the request to the Worker along", async () => {
    const gone = Promise.withResolvers<void>();
    const { edge, token } = await setUp({
      handler: (_req, res) => {
        res.write("first");
        res.once("close", gone.resolve);
      },
    });
    const req = request({
      host: "127.0.0.1",
      port: edge.port,
      headers: { "cf-access-token": await token() },
    });
    req.on("error", () => {});
    req.end();
    await once(req, "response");
    req.destroy();
    await gone.promise;
  });
});

describe("when the Worker is away", () => {
  it("programs get 502 as JSON and people a page, both with a time to try again", async () => {
    const { edge, upstream, token, lines } = await setUp();
    const headers = { "cf-access-token": await token() };
    upstream.closeAllConnections();
    await new Promise((resolve) => upstream.close(resolve));
    const json = await send(edge.port, "/api/me", { headers });
    expect([json.status, json.code, json.headers["retry-after"]]).toEqual([502, "worker_unreachable", "1"]);
    const page = await send(edge.port, "/@alice", { headers: { ...headers, ...BROWSER } });
    expect(page.status).toBe(502);
    expect(page.body).toContain("<h1>Holdfast is not answering</h1>");
    expect(lines.some((line) => line.includes("ECONNREFUSED"))).toBe(true);
  });

  it("until it has started, everything but the sign-in says so", async () => {
    const edge = await startEdge({ port: 0, isUnguarded: () => false, now: () => NOON, log: () => {} });
    expect(await send(edge.port, "/healthz")).toMatchObject({ status: 503, code: "starting" });
    const issuer = await openIssuer(temporaryDirectory(), edge.origin);
    edge.prepare({ issuer, models: noModels, secret: SECRET });
    expect((await send(edge.port, "/cdn-cgi/access/certs")).status).toBe(200);
    const headers = {
      "cf-access-token": await issuer.issue({ email: "a@example.com", ttlSeconds: 60, now: NOON }),
    };
    expect(await send(edge.port, "/api/me", { headers })).toMatchObject({ status: 503, code: "starting" });
    await edge.close();
  });
});

it("a taken port is an error of its own", async () => {
  const { edge } = await setUp();
  const again = startEdge({ port: edge.port, isUnguarded: () => false, now: () => NOON, log: () => {} });
  await expect(again).rejects.toThrow(PortTakenError);
});
