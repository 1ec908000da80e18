/** An issuer of Access tokens for tests: it signs, and serves its key set to whoever fetches it. */
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";

export const ISSUER = "http://127.0.0.1:9";
export const AUDIENCE = "test-audience";

export interface Issuer {
  /** A signed token. `null` takes a claim away; `header` overrides what the header says. */
  token(
    claims: Record<string, unknown>,
    options?: { kid?: string; header?: Record<string, unknown> },
  ): Promise<string>;
  /** Makes a new key the one that signs; keeps the older ones in the set unless `alone`. */
  rotate(kid: string, options?: { alone?: boolean }): Promise<void>;
  /** What `fetchAccess` of the app is set to. */
  fetchAccess: typeof fetch;
  /** What the identity endpoint answers; 404 until a test says otherwise. */
  identity: (request: Request) => Response | Promise<Response>;
  /** Addresses that were fetched. */
  readonly fetched: string[];
  /** What the next fetches answer instead of the key set. */
  fail: (() => Response | Promise<Response>) | null;
  readonly publicKeys: readonly unknown[];
}

/** @param now milliseconds since the epoch; tokens are issued then and live for an hour */
export async function createIssuer(now: () => number): Promise<Issuer> {
  const keys = new Map<string, CryptoKey>();
  let publicKeys: unknown[] = [];
  let newest = "";
  const issuer: Issuer = {
    fetched: [],
    fail: null,
    identity: () => new Response("no such page", { status: 404 }),
    get publicKeys() {
      return publicKeys;
    },
    async rotate(kid, { alone = false } = {}) {
      const pair = await generateKeyPair("RS256", { extractable: true });
      keys.set(kid, pair.privateKey);
      const jwk = { ...(await exportJWK(pair.publicKey)), kid, alg: "RS256", use: "sig" };
      publicKeys = alone ? [jwk] : [...publicKeys, jwk];
      newest = kid;
    },
    async token(claims, { kid = newest, header = {} } = {}) {
      const seconds = Math.floor(now() / 1000);
      const all = {
        iss: ISSUER,
        aud: [AUDIENCE],
        iat: seconds,
        nbf: seconds,
        exp: seconds + 3600,
        ...claims,
      };
      const payload: JWTPayload = Object.fromEntries(
        Object.entries(all).filter(([, value]) => value !== null),
      );
      const key = keys.get(kid);
      if (!key) throw new Error(`The issuer has no key ${kid}.`);
      return await new SignJWT(payload).setProtectedHeader({ alg: "RS256", kid, ...header }).sign(key);
    },
    fetchAccess: async (input, init) => {
      const request = new Request(input, init);
      issuer.fetched.push(request.url);
      if (request.url.endsWith("/get-identity")) return await issuer.identity(request);
      return issuer.fail ? await issuer.fail() : Response.json({ keys: publicKeys });
    },
  };
  await issuer.rotate("key-1");
  return issuer;
}

/** Claims of a person, as Access writes them. */
export const person = (name: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  sub: `sub-of-${name}`,
  email: `${name}@example.com`,
  type: "app",
  ...more,
});

/** Claims of a service token: no `nbf`, no e-mail, an empty `sub`. */
export const service = (name: string): Record<string, unknown> => ({ common_name: name, sub: "", nbf: null });
