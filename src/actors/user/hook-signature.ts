/**
 * Whether a delivery comes from where it says: an HMAC-SHA256 over the body's own bytes, compared in constant time,
 * before anything of the body is read. Pure.
 *
 * Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
 * GitHub: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { HookScheme, RawDelivery } from "../../protocol/hooks.ts";

/** What Standard Webhooks puts in front of a secret's base64. */
const STANDARD_PREFIX = "whsec_";
const MAC_BYTES = 32;

/** A secret as it is shown once, from 32 random bytes. */
export const hookSecret = (scheme: HookScheme, random: Uint8Array): string => {
  const bytes = Buffer.from(random);
  return scheme.type === "standard"
    ? STANDARD_PREFIX + bytes.toString("base64")
    : bytes.toString("base64url");
};

/** The sender's id for the event, where there is one. Throws `signature_invalid`. */
export function verifyDelivery(
  scheme: HookScheme,
  secret: string,
  delivery: RawDelivery,
  now: number,
): { event: string | null } {
  switch (scheme.type) {
    case "standard":
      return { event: standard(secret, delivery, now) };
    case "github": {
      const signature = header(delivery, "x-hub-signature-256");
      if (!signature.startsWith("sha256=")) throw invalid("X-Hub-Signature-256 does not begin with sha256=.");
      if (!same(mac(secret, delivery.body), hex(signature.slice(7)))) throw mismatch();
      return { event: header(delivery, "x-github-delivery") };
    }
    case "header": {
      const signature = header(delivery, scheme.header.toLowerCase()).replace(/^sha256=/i, "");
      const wanted = mac(secret, delivery.body);
      if (!same(wanted, hex(signature)) && !same(wanted, Buffer.from(signature, "base64"))) throw mismatch();
      return { event: scheme.idHeader ? header(delivery, scheme.idHeader.toLowerCase()) : null };
    }
  }
}

function standard(secret: string, delivery: RawDelivery, now: number): string {
  const id = header(delivery, "webhook-id");
  const timestamp = header(delivery, "webhook-timestamp");
  const signatures = header(delivery, "webhook-signature").split(" ");
  const key = Buffer.from(secret.slice(STANDARD_PREFIX.length), "base64");
  const wanted = mac(key, Buffer.from(`${id}.${timestamp}.`), delivery.body);
  // Several while the sender changes its secret. All are looked at, so that the time says nothing of the first.
  const matching = signatures.filter((signature) => {
    const [version, encoded = ""] = signature.split(",");
    return version === "v1" && same(wanted, Buffer.from(encoded, "base64"));
  });
  if (matching.length === 0) throw mismatch();
  const at = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) * 1000 : Number.NaN;
  if (!(Math.abs(now - at) <= limits.hookToleranceMs)) {
    throw invalid("webhook-timestamp is more than five minutes off. Is the sender's clock right?");
  }
  return id;
}

function header({ headers }: RawDelivery, name: string): string {
  const value = headers[name];
  if (value) return value;
  throw invalid(`The header ${name} is missing.`);
}

function mac(key: string | Buffer, ...parts: readonly Uint8Array[]): Buffer {
  const hmac = createHmac("sha256", key);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

const hex = (text: string): Buffer => Buffer.from(/^[0-9a-f]{64}$/i.test(text) ? text : "", "hex");

const same = (wanted: Buffer, given: Buffer): boolean =>
  given.byteLength === MAC_BYTES && timingSafeEqual(wanted, given);

const invalid = (why: string): AppError => new AppError("signature_invalid", why);
const mismatch = (): AppError =>
  invalid("The signature does not fit the body and this hook's secret. Has the secret been changed?");
