/**
 * Tokens of every kind, right and wrong, made by hand: nothing here knows what a library would refuse to make. Keys of
 * all algorithms are made once.
 */
import {
  constants,
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  type SignKeyObjectInput,
  sign as signBytes,
} from "node:crypto";

export interface Pair {
  kid: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
}

const rsa = (kid: string, bits = 2048): Pair => ({
  kid,
  ...generateKeyPairSync("rsa", { modulusLength: bits }),
});
const ec = (kid: string, namedCurve: string): Pair => ({ kid, ...generateKeyPairSync("ec", { namedCurve }) });

export interface Keys {
  /** The one that signs, and one that signed before it. */
  current: Pair;
  previous: Pair;
  /** Of somebody else. */
  foreign: Pair;
  /** Too short to be believed. */
  weak: Pair;
  p256: Pair;
  p384: Pair;
  p521: Pair;
  ed25519: Pair;
}

export const makeKeys = (): Keys => ({
  current: rsa("key-current"),
  previous: rsa("key-previous"),
  foreign: rsa("key-foreign"),
  weak: rsa("key-weak", 1024),
  p256: ec("key-p256", "P-256"),
  p384: ec("key-p384", "P-384"),
  p521: ec("key-p521", "P-521"),
  ed25519: { kid: "key-ed25519", ...generateKeyPairSync("ed25519") },
});

/** A public key as a key set lists it; `null` in `more` takes a member away. */
export function jwkOf({ kid, publicKey }: Pair, more: Record<string, unknown> = {}): Record<string, unknown> {
  const jwk = { ...publicKey.export({ format: "jwk" }), kid, alg: "RS256", use: "sig", ...more };
  return Object.fromEntries(Object.entries(jwk).filter(([, value]) => value !== null));
}

const HASH: Readonly<Record<string, string>> = { "256": "sha256", "384": "sha384", "512": "sha512" };

/** The signature of an algorithm by its JOSE name, with whatever key. */
export function signAs(alg: string, key: KeyObject, input: string): Buffer {
  const hash = HASH[alg.slice(2)];
  const data = Buffer.from(input);
  if (alg === "EdDSA") return signBytes(null, data, key);
  const how: Partial<SignKeyObjectInput> = alg.startsWith("PS")
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : alg.startsWith("ES")
      ? { dsaEncoding: "ieee-p1363" }
      : {};
  return signBytes(hash, data, { key, ...how });
}

export const macAs = (alg: string, secret: string | Buffer, input: string): Buffer =>
  createHmac(HASH[alg.slice(2)] ?? "", secret)
    .update(input)
    .digest();

/** Base64url of a text, of bytes, or of anything else as JSON. */
export const part = (value: unknown): string =>
  (Buffer.isBuffer(value)
    ? value
    : Buffer.from(typeof value === "string" ? value : JSON.stringify(value))
  ).toString("base64url");

/** A token from its parts: the signature is made over the first two as they are. */
export function join(header: unknown, payload: unknown, sign: (input: string) => Buffer | string): string {
  const input = `${part(header)}.${part(payload)}`;
  const signature = sign(input);
  return `${input}.${typeof signature === "string" ? signature : part(signature)}`;
}
