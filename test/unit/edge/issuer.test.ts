import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  importSPKI,
  jwtVerify,
} from "jose";
import { describe, expect, it } from "vitest";
import { openIssuer } from "../../../local/issuer/index.ts";
import { NOON, send, setUp, temporaryDirectory } from "./support.ts";

const ORIGIN = "http://127.0.0.1:8787";
const alice = { email: "alice@example.com", ttlSeconds: 600, now: NOON };

describe("a person's token", () => {
  it("is verified by jose against the key set that the edge serves", async () => {
    const { edge, issuer, token } = await setUp();
    const keys = createRemoteJWKSet(new URL(`${edge.origin}/cdn-cgi/access/certs`));
    const { payload, protectedHeader } = await jwtVerify(await token(), keys, {
      issuer: edge.origin,
      audience: issuer.audience,
      algorithms: ["RS256"],
      currentDate: new Date(NOON),
    });
    expect(protectedHeader.kid).toBeTruthy();
    expect(payload).toMatchObject({
      type: "app",
      email: "alice@example.com",
      iss: edge.origin,
      aud: [issuer.audience],
      iat: NOON / 1000,
      nbf: NOON / 1000,
      exp: NOON / 1000 + 3600,
      country: expect.any(String),
      identity_nonce: expect.any(String),
    });
  });

  it("has a subject that is stable for an address in any directory, and different for another", async () => {
    const one = await openIssuer(temporaryDirectory(), ORIGIN);
    const other = await openIssuer(temporaryDirectory(), ORIGIN);
    const subject = (token: string) => decodeJwt(token).sub;
    const first = subject(await one.issue(alice));
    expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(subject(await other.issue({ ...alice, email: "Alice@Example.com" }))).toBe(first);
    expect(subject(await one.issue({ ...alice, email: "bob@example.com" }))).not.toBe(first);
  });

  it("carries groups as a custom claim, and no such claim without groups", async () => {
    const issuer = await openIssuer(temporaryDirectory(), ORIGIN);
    expect(decodeJwt(await issuer.issue({ ...alice, groups: ["admins", "ops"] })).custom).toEqual({
      groups: ["admins", "ops"],
    });
    expect(decodeJwt(await issuer.issue({ ...alice, groups: [] }))).not.toHaveProperty("custom");
  });
});

describe("a service's token", () => {
  it("has a common name, an empty subject, no e-mail and no nbf, as Access makes it", async () => {
    const issuer = await openIssuer(temporaryDirectory(), ORIGIN);
    const token = await issuer.issue({ commonName: "ci", ttlSeconds: 60, now: NOON });
    const claims = decodeJwt(token);
    expect(claims).toMatchObject({ type: "app", common_name: "ci", sub: "" });
    expect(claims).not.toHaveProperty("email");
    expect(claims).not.toHaveProperty("nbf");
    expect(await issuer.verify(token, NOON)).toMatchObject({ common_name: "ci" });
  });

  it("is had for a credential, until a new secret is made", async () => {
    const directory = temporaryDirectory();
    const issuer = await openIssuer(directory, ORIGIN);
    const first = issuer.createService("ci", NOON);
    issuer.createService("deploy", NOON);
    expect(issuer.serviceOf(first)).toBe("ci");
    expect(issuer.serviceOf({ ...first, clientSecret: `${first.clientSecret}0` })).toBeNull();
    expect(issuer.serviceOf({ ...first, clientId: "deploy.access" })).toBeNull();
    const second = issuer.createService("ci", NOON);
    expect(issuer.serviceOf(first)).toBeNull();
    expect(issuer.serviceOf(second)).toBe("ci");
    expect(readFileSync(join(directory, "services.json"), "utf8")).not.toContain(second.clientSecret);
  });
});

describe("verification", () => {
  it("refuses what has expired, is not yet valid, is for others, or was signed by somebody else", async () => {
    const directory = temporaryDirectory();
    const issuer = await openIssuer(directory, ORIGIN);
    const stranger = await openIssuer(temporaryDirectory(), ORIGIN);
    const elsewhere = await openIssuer(directory, "http://127.0.0.1:9999");
    const token = await issuer.issue(alice);
    expect(await issuer.verify(token, NOON)).not.toBeNull();
    expect(await issuer.verify(token, NOON + 600_000)).toBeNull();
    expect(await issuer.verify(token, NOON - 1000)).toBeNull();
    expect(await stranger.verify(token, NOON)).toBeNull();
    expect(await elsewhere.verify(token, NOON)).toBeNull();
    expect(await issuer.verify(`${token.slice(0, -4)}AAAA`, NOON)).toBeNull();
    expect(await issuer.verify("no token", NOON)).toBeNull();
  });

  it("refuses an unsigned token and one signed with the public key as a shared secret", async () => {
    const { SignJWT, UnsecuredJWT } = await import("jose");
    const issuer = await openIssuer(temporaryDirectory(), ORIGIN);
    const claims = decodeJwt(await issuer.issue(alice));
    const { keys, public_cert: certificate } = await issuer.keySet();
    expect(await issuer.verify(new UnsecuredJWT(claims).encode(), NOON)).toBeNull();
    const confused = await new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256", kid: keys[0]?.kid ?? "" })
      .sign(new TextEncoder().encode(certificate.cert));
    expect(await issuer.verify(confused, NOON)).toBeNull();
  });
});

describe("keys", () => {
  it("are kept with the audience, readable by their owner only", async () => {
    const directory = temporaryDirectory();
    const first = await openIssuer(directory, ORIGIN);
    const again = await openIssuer(directory, ORIGIN);
    expect(again.audience).toBe(first.audience);
    expect(first.audience).toMatch(/^[0-9a-f]{64}$/);
    expect(await again.verify(await first.issue(alice), NOON)).not.toBeNull();
    expect(statSync(join(directory, "keys.json")).mode & 0o777).toBe(0o600);
  });

  it("are the same for processes that open a new directory at the same time", async () => {
    const directory = temporaryDirectory();
    const issuers = await Promise.all(Array.from({ length: 4 }, () => openIssuer(directory, ORIGIN)));
    const sets = await Promise.all(issuers.map((issuer) => issuer.keySet()));
    expect(new Set(sets.map((set) => set.keys[0]?.kid)).size).toBe(1);
    expect(new Set(issuers.map((issuer) => issuer.audience)).size).toBe(1);
  });

  it("rotate: new tokens have a new key, the old key stays listed, and its private half is gone", async () => {
    const directory = temporaryDirectory();
    const issuer = await openIssuer(directory, ORIGIN);
    const before = await issuer.issue(alice);
    await issuer.rotate();
    const after = await issuer.issue(alice);
    const kid = (token: string) => decodeProtectedHeader(token).kid;
    expect(kid(after)).not.toBe(kid(before));
    const set = await issuer.keySet();
    expect(set.keys.map((key) => key.kid)).toEqual([kid(after), kid(before)]);
    const options = { issuer: ORIGIN, audience: issuer.audience, currentDate: new Date(NOON) };
    for (const token of [before, after])
      await jwtVerify(token, createLocalJWKSet({ keys: set.keys }), options);
    const stored = JSON.parse(readFileSync(join(directory, "keys.json"), "utf8"));
    expect(stored.keys.map((key: object) => "d" in key)).toEqual([true, false]);
  });

  it("keep the last three predecessors, no more", async () => {
    const issuer = await openIssuer(temporaryDirectory(), ORIGIN);
    for (let i = 0; i < 5; i++) await issuer.rotate();
    expect((await issuer.keySet()).keys).toHaveLength(4);
  });

  it("are served without their private parts, and in PEM too", async () => {
    const { edge } = await setUp();
    const answer = await send(edge.port, "/cdn-cgi/access/certs");
    expect(answer.status).toBe(200);
    const set = JSON.parse(answer.body);
    expect(Object.keys(set.keys[0]).sort()).toEqual(["alg", "e", "kid", "kty", "n", "use"]);
    expect(set.public_certs[0].kid).toBe(set.keys[0].kid);
    await importSPKI(set.public_cert.cert, "RS256");
  });
});
