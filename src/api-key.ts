/**
 * What a key of an agent looks like: `hf_`, its id, a secret of 260 bits and a checksum, all in one alphabet. The prefix
 * and the checksum let secret scanners find one that was published, and a typing error be told from a wrong key without
 * asking anybody. Only the SHA-256 of a key is kept.
 */
import { createHash } from "node:crypto";
import { base32 } from "./names.ts";

const ID_CHARS = 16;
/** Five bits each. */
const SECRET_CHARS = 52;
/** The beginning of the SHA-256 of all before it, five bits each. */
const CHECK_CHARS = 7;
const SHAPE = new RegExp(
  `^hf_(k[a-z2-7]{${ID_CHARS - 1}})[a-z2-7]{${SECRET_CHARS}}([a-z2-7]{${CHECK_CHARS}})$`,
);

export const keyIdFrom = (random: (bytes: number) => Uint8Array): string =>
  `k${base32(random(ID_CHARS - 1), ID_CHARS - 1)}`;

/** A new key for an id that `keyIdFrom` made. */
export function newApiKey(id: string, random: (bytes: number) => Uint8Array): string {
  const body = `hf_${id}${base32(random(SECRET_CHARS), SECRET_CHARS)}`;
  return body + checksum(body);
}

/** The id and the hash of a key, or `null` for what cannot be one. */
export function parseApiKey(text: string): { id: string; hash: string } | null {
  const [, id, check] = SHAPE.exec(text) ?? [];
  if (!id || check !== checksum(text.slice(0, -CHECK_CHARS))) return null;
  return { id, hash: apiKeyHash(text) };
}

export const apiKeyHash = (key: string): string => createHash("sha256").update(key).digest("base64url");

const checksum = (body: string): string => base32(createHash("sha256").update(body).digest(), CHECK_CHARS);
