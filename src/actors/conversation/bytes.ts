/** Long values in rows: a row ends at 2 MB, so what is longer is kept in slices. Pure. */
import { createHash } from "node:crypto";
import { limits } from "../../limits.ts";

const encoder = new TextEncoder();
/** Strict: bytes that are not the ones which were written must not pass for text. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const bytesOf = (text: string): Uint8Array => encoder.encode(text);

/** Throws `TypeError` for what is not UTF-8. */
export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes);

/** Slices of at most `limits.partBytes`, each for a row of its own; at least one. */
export function slices(bytes: Uint8Array): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length || at === 0; at += limits.partBytes) {
    out.push(bytes.slice(at, at + limits.partBytes));
  }
  return out;
}

/** The slices, as they come from rows, in one. */
export function joined(parts: readonly ArrayBuffer[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    out.set(new Uint8Array(part), at);
    at += part.byteLength;
  }
  return out;
}

/** The beginning of the SHA-256: enough to notice bytes that are not the ones which were written. */
export const sumOf = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("base64url").slice(0, 12);
