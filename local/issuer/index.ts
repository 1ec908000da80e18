/**
 * The local issuer: signs real tokens of the shape that Cloudflare Access signs, so that the Worker verifies them by
 * the same code as in production. Shapes: Cloudflare One documentation, "Application token" and "Service token".
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createLocalJWKSet, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import { createWhole, readIfThere } from "../lib/files.ts";
import { groupsOf, isEncrypted, POSTURE_CHECK } from "./identities.ts";
import { ALGORITHM, openKeys, type PublicKey, pemOf, rotateKeys } from "./keys.ts";
import { createServiceCredential, hasService, type ServiceCredential, serviceOf } from "./services.ts";

/** An Access audience tag is 64 hexadecimal digits. */
const AUDIENCE_BYTES = 32;
/** The token says where its holder signed in; nobody is anywhere on a loopback. `XX` is Cloudflare's "unknown". */
const COUNTRY = "XX";
const FILE_MODE = 0o600;

/** Where things are under an Access domain. */
export const ACCESS_PATHS = {
  certs: "/cdn-cgi/access/certs",
  identity: "/cdn-cgi/access/get-identity",
  login: "/cdn-cgi/access/login",
  logout: "/cdn-cgi/access/logout",
} as const;

/** Whom a token is for, and for how long. Exactly one of `email` and `commonName`. */
export type TokenRequest = {
  /** Ignored for services: Access gives them none. */
  groups?: readonly string[];
  ttlSeconds: number;
  /** Milliseconds since the epoch. */
  now: number;
} & ({ email: string } | { commonName: string });

/** The claims of a token that we signed. */
const claims = z.looseObject({
  iss: z.string(),
  sub: z.string(),
  iat: z.number(),
  exp: z.number(),
  email: z.string().optional(),
  common_name: z.string().optional(),
  custom: z.object({ groups: z.array(z.string()) }).optional(),
});
export type AccessClaims = z.infer<typeof claims>;

/** The key set as Access serves it under `ACCESS_PATHS.certs`. */
export interface KeySet {
  keys: PublicKey[];
  public_cert: { kid: string; cert: string };
  public_certs: { kid: string; cert: string }[];
}

export interface Issuer {
  /** `iss` of every token: the origin of the edge. */
  origin: string;
  /** The application's audience tag; stays the same for a data directory. */
  audience: string;
  /** A signed token. */
  issue(request: TokenRequest): Promise<string>;
  /** The claims of a token that is ours and valid at `now` (ms), or `null`. */
  verify(token: string, now: number): Promise<AccessClaims | null>;
  keySet(): Promise<KeySet>;
  /** What Access answers to the holder of a token. */
  identity(claims: AccessClaims): Record<string, unknown>;
  /** Signs with a new key from now on; the old public key stays listed. */
  rotate(): Promise<void>;
  /** Makes a service credential; an earlier secret of that service stops working. */
  createService(name: string, now: number): ServiceCredential;
  hasService(name: string): boolean;
  /** The service that a credential belongs to, or `null`. */
  serviceOf(credential: ServiceCredential): string | null;
}

/** Opens the issuer of a directory, making its keys if need be. `origin` is where the edge is (to be) served. */
export async function openIssuer(directory: string, origin: string): Promise<Issuer> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const audience = openAudience(directory);
  let keys = await openKeys(directory);

  return {
    origin,
    audience,
    async issue(request) {
      const issuedAt = Math.floor(request.now / 1000);
      const token = new SignJWT(payloadOf(request))
        .setProtectedHeader({ alg: ALGORITHM, kid: keys.current.kid, typ: "JWT" })
        .setIssuer(origin)
        .setAudience([audience])
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + request.ttlSeconds);
      // Access leaves `nbf` out of service tokens.
      if ("email" in request) token.setNotBefore(issuedAt);
      return token.sign(keys.current.privateKey);
    },
    async verify(token, now) {
      try {
        const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: keys.publicKeys }), {
          issuer: origin,
          audience,
          algorithms: [ALGORITHM],
          requiredClaims: ["exp", "iat", "sub"],
          currentDate: new Date(now),
        });
        return claims.parse(payload);
      } catch {
        // Whatever is wrong with it, its holder has to sign in again.
        return null;
      }
    },
    async keySet() {
      const certificates = await Promise.all(
        keys.publicKeys.map(async (key) => ({ kid: key.kid, cert: await pemOf(key) })),
      );
      const [newest = { kid: "", cert: "" }] = certificates;
      return { keys: keys.publicKeys, public_cert: newest, public_certs: certificates };
    },
    identity: identityOf,
    async rotate() {
      keys = await rotateKeys(directory);
    },
    createService: (name, now) => createServiceCredential(directory, name, now),
    hasService: (name) => hasService(directory, name),
    serviceOf: (credential) => serviceOf(directory, credential),
  };
}

/** As Access answers at its identity endpoint: Cloudflare One documentation, "User identity". */
function identityOf({
  sub,
  email = "",
  common_name = "",
  custom,
  iat,
}: AccessClaims): Record<string, unknown> {
  const groups = custom?.groups ?? groupsOf(email);
  const { id, name, type } = POSTURE_CHECK;
  return {
    id: sub || common_name,
    user_uuid: sub,
    name: email.split("@")[0] || common_name,
    email,
    idp: { id: "local", type: "local" },
    geo: { country: COUNTRY },
    groups: groups.map((group) => ({ id: group, name: group })),
    devicePosture: email === "" ? {} : { [id]: { id, type, rule_name: name, success: isEncrypted(email) } },
    custom: custom ?? {},
    common_name,
    service_token_id: common_name,
    service_token_status: common_name !== "",
    is_warp: false,
    is_gateway: false,
    type: "app",
    iat,
  };
}

function payloadOf(request: TokenRequest): JWTPayload {
  if ("commonName" in request) return { type: "app", common_name: request.commonName, sub: "" };
  const email = request.email.toLowerCase();
  return {
    type: "app",
    sub: subjectOf(email),
    email,
    identity_nonce: randomBytes(8).toString("base64url"),
    country: COUNTRY,
    ...(request.groups && request.groups.length > 0 ? { custom: { groups: [...request.groups] } } : {}),
  };
}

/** A stable user id in the form of a UUID, from the e-mail address alone: it survives a reset of the directory. */
function subjectOf(email: string): string {
  const hex = createHash("sha256").update(`holdfast-access:${email}`).digest("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `5${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}

function openAudience(directory: string): string {
  const file = join(directory, "audience");
  createWhole(file, `${randomBytes(AUDIENCE_BYTES).toString("hex")}\n`, FILE_MODE);
  return (readIfThere(file) ?? "").trim();
}
