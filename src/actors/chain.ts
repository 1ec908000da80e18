/**
 * The hash chain. Each entry's hash is `H(prev, seq, kind, v, H(salt ‖ payload))`: an erased payload takes its salt
 * along, and the chain still verifies from the stored inner hash's outer value.
 */
import { createHash } from "node:crypto";

export const sha256 = (...parts: string[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("base64url");
};

/** What a chain begins with. */
export const GENESIS = "holdfast.journal.1";
/** The same for an agent's own log of changes. */
export const CHANGES_GENESIS = sha256("holdfast.changes.1");

export function payloadHash(salt: string, payload: string): string {
  return sha256(salt, payload);
}

export function entryHash(prev: string, seq: number, kind: string, version: number, payload: string): string {
  return sha256(`${prev}\n${seq}\n${kind}\n${version}\n${payload}`);
}
