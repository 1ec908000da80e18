/**
 * Signing keys of the local issuer: RSA pairs in one file that only its owner may read. The newest signs; older ones
 * stay listed, so that tokens that they signed remain valid after a rotation.
 */
import { join } from "node:path";
import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type JWK,
} from "jose";
import { z } from "zod";
import { createWhole, readIfThere, writeWhole } from "../lib/files.ts";

/** The only algorithm that Access signs with. */
export const ALGORITHM = "RS256";
/** What Access uses. */
const MODULUS_BITS = 2048;
/** How many earlier public keys stay listed. Access lists the current and the previous one. */
const KEPT_KEYS = 3;
const FILE_MODE = 0o600;

const rsaJwk = z.object({
  kty: z.literal("RSA"),
  kid: z.string().min(1),
  n: z.string(),
  e: z.string(),
  d: z.string().optional(),
  p: z.string().optional(),
  q: z.string().optional(),
  dp: z.string().optional(),
  dq: z.string().optional(),
  qi: z.string().optional(),
});
/** Newest first. Only the first one keeps its private half. */
const keyFile = z.object({ keys: z.array(rsaJwk).min(1) });
type KeyFile = z.infer<typeof keyFile>;

/** Public halves as Access publishes them. */
export interface PublicKey {
  kid: string;
  kty: "RSA";
  alg: typeof ALGORITHM;
  use: "sig";
  n: string;
  e: string;
}

export interface SigningKeys {
  current: { kid: string; privateKey: CryptoKey };
  publicKeys: PublicKey[];
}

const fileIn = (directory: string): string => join(directory, "keys.json");

/** The keys of a directory; the first call makes them. Two processes that are first together agree on one pair. */
export async function openKeys(directory: string): Promise<SigningKeys> {
  const file = fileIn(directory);
  if (readIfThere(file) === null) createWhole(file, serialize({ keys: [await newKey()] }), FILE_MODE);
  return load(read(file));
}

/** Makes a new signing key. Tokens of the earlier ones stay valid while these are listed. */
export async function rotateKeys(directory: string): Promise<SigningKeys> {
  const file = fileIn(directory);
  await openKeys(directory);
  const earlier = read(file).keys.map(({ kty, kid, n, e }) => ({ kty, kid, n, e }));
  const next = { keys: [await newKey(), ...earlier].slice(0, KEPT_KEYS + 1) };
  writeWhole(file, serialize(next), FILE_MODE);
  return load(next);
}

async function newKey(): Promise<z.infer<typeof rsaJwk>> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { modulusLength: MODULUS_BITS, extractable: true });
  const jwk = await exportJWK(privateKey);
  return rsaJwk.parse({ ...jwk, kid: await calculateJwkThumbprint(jwk) });
}

async function load(file: KeyFile): Promise<SigningKeys> {
  const [newest] = file.keys;
  if (!newest?.d) throw new Error("The signing key of the local issuer has no private half.");
  const privateKey = await importJWK(newest as JWK, ALGORITHM); // zod's optional keys against jose's, under exactOptionalPropertyTypes
  if (privateKey instanceof Uint8Array)
    throw new Error("The signing key of the local issuer is not an RSA key.");
  const publicKeys = file.keys.map(
    ({ kid, n, e }): PublicKey => ({ kid, kty: "RSA", alg: ALGORITHM, use: "sig", n, e }),
  );
  return { current: { kid: newest.kid, privateKey }, publicKeys };
}

/** A public key in PEM, for clients that read `public_certs`. Access wraps it in a certificate; we have none. */
export async function pemOf(key: PublicKey): Promise<string> {
  const imported = await importJWK({ ...key }, ALGORITHM, { extractable: true });
  if (imported instanceof Uint8Array) throw new Error("Not a public RSA key.");
  return exportSPKI(imported);
}

function read(file: string): KeyFile {
  const text = readIfThere(file);
  if (text === null) throw new Error(`${file} has disappeared.`);
  return keyFile.parse(JSON.parse(text));
}

const serialize = (file: KeyFile): string => `${JSON.stringify(file, null, 2)}\n`;
