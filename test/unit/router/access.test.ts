import { exportJWK, generateKeyPair, importJWK, SignJWT } from "jose";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { limits } from "../../../src/limits.ts";
import { parseRoles } from "../../../src/roles.ts";
import { type Access, type AccessSettings, createAccess, type Identity } from "../../../src/router/access.ts";
import { KEY_SET_MAX_AGE_MS, KEY_SET_RETRY_MS, KEY_SET_TIMEOUT_MS } from "../../../src/router/keyset.ts";
import {
  AUDIENCE,
  createIssuer,
  ISSUER,
  type Issuer,
  person,
  service,
} from "../../workers/router/support/tokens.ts";

const clock = { now: Date.UTC(2026, 10, 23) };
const settings: AccessSettings = {
  accessTeamDomain: ISSUER,
  accessAudience: AUDIENCE,
  roles: parseRoles({}).roles,
};
let issuer: Issuer;
let access: Access;

beforeEach(async () => {
  issuer = await createIssuer(() => clock.now);
  access = createAccess({ fetch: issuer.fetchAccess, now: () => clock.now });
});

const header = (token: string): Record<string, string> => ({ "Cf-Access-Jwt-Assertion": token });
const identify = (
  headers: Record<string, string>,
  url = "http://127.0.0.1:8787/",
  over: Partial<AccessSettings> = {},
) => access.identify(new Request(url, { headers }), { ...settings, ...over }, () => {});
const identifyToken = (token: string): Promise<Identity> => identify(header(token));
const refused = { code: "unauthenticated" };
const seconds = (offset: number): number => Math.floor(clock.now / 1000) + offset;
const base64url = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

describe("who is believed", () => {
  it("a person, by header or by cookie", async () => {
    const token = await issuer.token(person("alice"));
    const alice = {
      kind: "person",
      issuer: ISSUER,
      subject: "sub-of-alice",
      name: "alice@example.com",
      groups: [],
      posture: [],
    };
    expect(await identifyToken(token)).toEqual(alice);
    expect(await identify({ Cookie: `a=b; CF_Authorization=${token}; CF_AppSession=1` })).toEqual(alice);
  });

  it("the header before the cookie, without falling back", async () => {
    const good = await issuer.token(person("alice"));
    const both = await identify({ ...header(good), Cookie: "CF_Authorization=nonsense" });
    expect(both.subject).toBe("sub-of-alice");
    await expect(
      identify({ ...header("nonsense"), Cookie: `CF_Authorization=${good}` }),
    ).rejects.toMatchObject(refused);
  });

  it("a service, which has a common name, an empty sub and no nbf", async () => {
    expect(await identifyToken(await issuer.token(service("ci.example")))).toEqual({
      kind: "service",
      issuer: ISSUER,
      subject: "ci.example",
      name: "ci.example",
      groups: [],
      posture: [],
    });
  });

  it("with the groups and checks of the custom claim, and of nothing else", async () => {
    const factsOf = async (claims: Record<string, unknown>) => {
      const { groups, posture } = await identifyToken(await issuer.token(person("alice", claims)));
      return [groups, posture];
    };
    expect(await factsOf({ custom: { groups: ["staff", "admins"], posture: ["Firewall"] } })).toEqual([
      ["staff", "admins"],
      ["Firewall"],
    ]);
    for (const claims of [
      { groups: ["admins"] },
      { custom: { groups: "admins" } },
      { custom: { groups: [{ name: "admins" }] } },
      { custom: { groups: { 0: "admins" } } },
      { custom: ["admins"] },
      { custom: null },
      { role: "admin" },
    ]) {
      expect([claims, await factsOf(claims)]).toEqual([claims, [[], []]]);
    }
    const machine = await issuer.token({ ...service("ci"), custom: { groups: ["admins"] } });
    expect((await identifyToken(machine)).groups).toEqual([]);
    expect(issuer.fetched.every((url) => url.endsWith("/certs"))).toBe(true);
  });

  it("with a token that was seen before, until it ends, and until its key may have been withdrawn", async () => {
    const verify = vi.spyOn(crypto.subtle, "verify");
    try {
      const token = await issuer.token(person("alice", { exp: seconds(7 * 24 * 3600) }));
      for (let n = 0; n < 5; n++) await identifyToken(token);
      expect(verify).toHaveBeenCalledTimes(1);
      // Another token of hers is another token.
      await identifyToken(await issuer.token(person("alice", { nonce: 1 })));
      expect(verify).toHaveBeenCalledTimes(2);
      // Keys that were fetched anew are asked anew.
      clock.now += limits.keySetRefetchMs;
      await issuer.rotate("key-2");
      await identifyToken(await issuer.token(person("bob")));
      await identifyToken(token);
      expect(verify).toHaveBeenCalledTimes(4);
      await issuer.rotate("key-3", { alone: true });
      clock.now += KEY_SET_MAX_AGE_MS + 1;
      await expect(identifyToken(token)).rejects.toMatchObject(refused);
    } finally {
      verify.mockRestore();
    }
  });

  it("no longer once the token that was seen before has ended", async () => {
    const token = await issuer.token(person("alice", { exp: seconds(100) }));
    await identifyToken(token);
    clock.now += (100 + limits.tokenSkewSeconds - 1) * 1000;
    expect((await identifyToken(token)).subject).toBe("sub-of-alice");
    clock.now += 1000;
    await expect(identifyToken(token)).rejects.toMatchObject(refused);
  });
});

describe("what is refused", () => {
  it("no token, garbage, and tokens of absurd length", async () => {
    const token = await issuer.token(person("alice"));
    const parts = token.split(".");
    for (const bad of ["", "a", "a.b.c", `${token}x`, `${parts[0]}.${parts[1]}.`, `${token}.${token}`]) {
      await expect(identifyToken(bad)).rejects.toMatchObject(refused);
    }
    await expect(identify({})).rejects.toMatchObject(refused);
    await expect(identify({ Cookie: "CF_AuthorizationX=1; XCF_Authorization=2" })).rejects.toMatchObject(
      refused,
    );
    const long = await issuer.token(person("alice", { padding: "x".repeat(20_000) }));
    await expect(identifyToken(long)).rejects.toMatchObject(refused);
  });

  it("a signature over something else", async () => {
    const [head, , signature] = (await issuer.token(person("alice"))).split(".");
    const claims = { iss: ISSUER, aud: AUDIENCE, exp: seconds(60), ...person("mallory") };
    await expect(identifyToken(`${head}.${base64url(claims)}.${signature}`)).rejects.toMatchObject(refused);
  });

  it("every algorithm but RS256: none, HMAC with the public key, PSS", async () => {
    const claims = { iss: ISSUER, aud: AUDIENCE, exp: seconds(60), ...person("mallory") };
    const unsigned = `${base64url({ alg: "none", kid: "key-1" })}.${base64url(claims)}.`;
    await expect(identifyToken(unsigned)).rejects.toMatchObject(refused);
    const signing = `${base64url({ alg: "HS256", kid: "key-1" })}.${base64url(claims)}`;
    for (const secret of [
      JSON.stringify(issuer.publicKeys[0]),
      JSON.stringify({ keys: issuer.publicKeys }),
    ]) {
      const key = await crypto.subtle.importKey(
        "raw",
        new TextEncoder().encode(secret),
        { name: "HMAC", hash: "SHA-256" },
        false,
        ["sign"],
      );
      const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(signing));
      await expect(
        identifyToken(`${signing}.${Buffer.from(mac).toString("base64url")}`),
      ).rejects.toMatchObject(refused);
    }
    for (const alg of ["RS384", "RS512", "PS256", "ES256"]) {
      const [, body, signature] = (await issuer.token(person("alice"))).split(".");
      const head = base64url({ alg, kid: "key-1" });
      await expect(identifyToken(`${head}.${body}.${signature}`)).rejects.toMatchObject(refused);
    }
  });

  it("another algorithm even of the right key, where the key set does not say what its keys are for", async () => {
    const pair = await generateKeyPair("RS512", { extractable: true });
    const { alg: _, ...jwk } = { ...(await exportJWK(pair.publicKey)), alg: "", kid: "key-512" };
    issuer.fail = () => Response.json({ keys: [jwk] });
    const claims = { iss: ISSUER, aud: AUDIENCE, exp: seconds(60), ...person("alice") };
    const sign = async (alg: string): Promise<string> => {
      const key = await importJWK({ ...(await exportJWK(pair.privateKey)), alg }, alg);
      return await new SignJWT(claims).setProtectedHeader({ alg, kid: "key-512" }).sign(key);
    };
    expect((await identifyToken(await sign("RS256"))).subject).toBe("sub-of-alice");
    for (const alg of ["RS384", "RS512", "PS256"]) {
      await expect(identifyToken(await sign(alg))).rejects.toMatchObject(refused);
    }
  });

  it("a key that the token brings along", async () => {
    const mallory = await createIssuer(() => clock.now);
    for (const extra of [
      { jwk: mallory.publicKeys[0] },
      { jku: "http://127.0.0.1:1/keys" },
      { x5u: "http://127.0.0.1:1" },
    ]) {
      const token = await mallory.token(person("alice"), { header: extra });
      await expect(identifyToken(token)).rejects.toMatchObject(refused);
    }
    expect(issuer.fetched.every((url) => url === `${ISSUER}/cdn-cgi/access/certs`)).toBe(true);
  });

  it.each<[string, Record<string, unknown>]>([
    ["another issuer", { iss: "https://evil.cloudflareaccess.com" }],
    ["an issuer that is almost ours", { iss: `${ISSUER}/` }],
    ["no issuer", { iss: null }],
    ["another audience", { aud: ["other"] }],
    ["an audience that is almost ours", { aud: `${AUDIENCE} ` }],
    ["no audience", { aud: null }],
    ["no expiry", { exp: null }],
    ["an expiry that is no number", { exp: "tomorrow" }],
    ["a person without an e-mail address", { email: null }],
    ["a person without a subject", { sub: null }],
    ["a person with an empty subject", { sub: "" }],
    ["an empty e-mail address", { email: "" }],
    ["an e-mail address that is no text", { email: ["a@b"] }],
    ["a subject that is no text", { sub: 7 }],
  ])("%s", async (_, claims) => {
    await expect(identifyToken(await issuer.token(person("alice", claims)))).rejects.toMatchObject(refused);
  });

  it("a service without its name, and one that has a subject", async () => {
    for (const claims of [
      { sub: "", nbf: null },
      { sub: "", common_name: "" },
      { sub: "x", common_name: "ci" },
      { common_name: "ci" },
    ]) {
      await expect(identifyToken(await issuer.token(claims))).rejects.toMatchObject(refused);
    }
  });

  it("what is too late or too early, with a minute for clocks that differ", async () => {
    const at = async (claims: Record<string, unknown>) =>
      identifyToken(await issuer.token(person("alice", claims)));
    const skew = limits.tokenSkewSeconds;
    expect((await at({ exp: seconds(-skew + 1) })).subject).toBe("sub-of-alice");
    expect((await at({ nbf: seconds(skew), iat: seconds(skew) })).subject).toBe("sub-of-alice");
    expect((await at({ nbf: null, iat: null })).subject).toBe("sub-of-alice");
    await expect(at({ exp: seconds(-skew - 1) })).rejects.toMatchObject(refused);
    await expect(at({ nbf: seconds(skew + 1) })).rejects.toMatchObject(refused);
    await expect(at({ iat: seconds(skew + 1) })).rejects.toMatchObject(refused);
  });
});

describe("the issuer's address", () => {
  it.each(["http://localhost:8787/", "http://127.9.9.9/", "http://[::1]:1/", "http://x.localhost/"])(
    "may be loopback when the request was addressed to %s",
    async (url) => {
      expect((await identify(header(await issuer.token(person("alice"))), url)).subject).toBe("sub-of-alice");
    },
  );

  it.each([
    "https://holdfast.example.com/",
    "http://127.0.0.1.example.com/",
    "http://192.168.0.2:8787/",
    "http://0.0.0.0/",
  ])("may not be loopback when the request was addressed to %s", async (url) => {
    const token = await issuer.token(person("alice"));
    await expect(identify(header(token), url)).rejects.toMatchObject({ code: "config_missing" });
    expect(issuer.fetched).toEqual([]);
  });

  it("is https everywhere else", async () => {
    const token = await issuer.token(person("alice"));
    for (const accessTeamDomain of ["http://team.cloudflareaccess.com", "team.cloudflareaccess.com"]) {
      const asked = identify(header(token), "https://holdfast.example.com/", { accessTeamDomain });
      await expect(asked).rejects.toMatchObject({ code: "config_missing" });
    }
    expect(issuer.fetched).toEqual([]);
  });
});

describe("the key set", () => {
  it("is fetched once for many requests at once, and kept", async () => {
    const token = await issuer.token(person("alice"));
    await Promise.all(Array.from({ length: 50 }, () => identifyToken(token)));
    clock.now += 60_000;
    await identifyToken(token);
    expect(issuer.fetched).toEqual([`${ISSUER}/cdn-cgi/access/certs`]);
  });

  it("is not fetched without a token", async () => {
    await expect(identify({})).rejects.toMatchObject(refused);
    expect(issuer.fetched).toEqual([]);
  });

  it("is fetched at most once in 30 s for 10,000 unknown key ids", async () => {
    await identifyToken(await issuer.token(person("alice")));
    const [, body, signature] = (await issuer.token(person("alice"))).split(".");
    const storm = async (from: number): Promise<number> => {
      let stopped = 0;
      for (let n = from; n < from + 5_000; n++) {
        const head = base64url({ alg: "RS256", kid: `random-${n}` });
        await identifyToken(`${head}.${body}.${signature}`).catch(() => stopped++);
      }
      return stopped;
    };
    expect(await storm(0)).toBe(5_000);
    expect(issuer.fetched).toHaveLength(1);
    clock.now += limits.keySetRefetchMs;
    expect(await storm(5_000)).toBe(5_000);
    expect(issuer.fetched).toHaveLength(2);
  });

  it("follows a rotation, and forgets a key that was withdrawn", async () => {
    const old = await issuer.token(person("alice", { exp: seconds(7 * 24 * 3600) }));
    await identifyToken(old);
    await issuer.rotate("key-2");
    clock.now += limits.keySetRefetchMs;
    const next = await issuer.token(person("alice", { exp: seconds(7 * 24 * 3600) }));
    expect((await identifyToken(next)).subject).toBe("sub-of-alice");
    expect((await identifyToken(old)).subject).toBe("sub-of-alice");
    await issuer.rotate("key-3", { alone: true });
    clock.now += KEY_SET_MAX_AGE_MS + 1;
    await expect(identifyToken(old)).rejects.toMatchObject(refused);
  });

  it("does not believe a token that another key of the set has signed", async () => {
    await issuer.rotate("key-2");
    const token = await issuer.token(person("alice"), { kid: "key-2", header: { kid: "key-1" } });
    await expect(identifyToken(token)).rejects.toMatchObject(refused);
  });

  it("stays as it is while the issuer does not answer", async () => {
    const token = await issuer.token(person("alice", { exp: seconds(7 * 24 * 3600) }));
    await identifyToken(token);
    for (const failure of [
      () => new Response("no", { status: 500 }),
      () => new Response(null, { status: 302, headers: { Location: "https://evil.example" } }),
      () => Response.json({ keys: [] }),
      () => Response.json({ keys: [{ kty: "oct", kid: "key-1", k: "c2VjcmV0" }] }),
      () => new Response("<html>"),
      () => Promise.reject(new TypeError("network")),
    ]) {
      issuer.fail = failure;
      clock.now += KEY_SET_MAX_AGE_MS + 1;
      const before = issuer.fetched.length;
      const fresh = await issuer.token(person("alice"));
      expect((await identifyToken(fresh)).subject).toBe("sub-of-alice");
      expect(issuer.fetched.length).toBe(before + 1);
    }
  });

  it("says that there is none, and asks again after a pause", async () => {
    const token = await issuer.token(person("alice"));
    issuer.fail = () => new Response("no", { status: 500 });
    for (let n = 0; n < 20; n++)
      await expect(identifyToken(token)).rejects.toMatchObject({ code: "config_missing" });
    expect(issuer.fetched).toHaveLength(1);
    issuer.fail = null;
    clock.now += KEY_SET_RETRY_MS;
    expect((await identifyToken(token)).subject).toBe("sub-of-alice");
  });

  it("does not hold requests up for longer than its timeout", async () => {
    const token = await issuer.token(person("alice"));
    const reached = Promise.withResolvers<void>();
    issuer.fail = () => {
      reached.resolve();
      return new Promise<Response>(() => {});
    };
    vi.useFakeTimers();
    try {
      const asked = expect(identifyToken(token)).rejects.toMatchObject({ code: "config_missing" });
      await reached.promise;
      await vi.advanceTimersByTimeAsync(KEY_SET_TIMEOUT_MS);
      await asked;
    } finally {
      vi.useRealTimers();
    }
    issuer.fail = null;
    clock.now += KEY_SET_TIMEOUT_MS + 1;
    expect((await identifyToken(token)).subject).toBe("sub-of-alice");
  });
});
