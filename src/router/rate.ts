/**
 * How often somebody may ask: the platform's counters, per principal, and per address where nobody is known yet. The
 * numbers are in `wrangler.toml`. They keep one caller from taking what is there for all; money has limits of its own.
 */
import ipaddr from "ipaddr.js";
import type { Env } from "../env.ts";
import { AppError } from "../errors.ts";
import type { RouterContext } from "./context.ts";

/** Bindings of `wrangler.toml`, by what they count. */
export const RATES = {
  /** Requests of a person, a service, a key or a hook. */
  principal: "RATE_PRINCIPAL",
  /** Requests from an address on unguarded paths, whoever sends them. */
  address: "RATE_ADDRESS",
  /** Wrong keys and signatures from an address. */
  failure: "RATE_FAILURE",
} as const satisfies Record<string, keyof Env>;

/** What all of them count over. A client that is told to wait this long finds the counter empty. */
export const RATE_PERIOD_SECONDS = 60;

const TOO_MANY: Readonly<Record<keyof typeof RATES, string>> = {
  principal: "You are asking too often. Wait a minute and ask more slowly.",
  address: "Too many requests come from your address. Wait a minute.",
  failure: "Too many wrong keys or signatures come from your address. Wait a minute.",
};

/** Counts one request. Throws `rate_limited` when there were too many. */
export async function countRequest(c: RouterContext, what: keyof typeof RATES, key: string): Promise<void> {
  const counter = c.env[RATES[what]];
  if (!counter) {
    throw new AppError("config_missing", `The rate limit ${RATES[what]} is not bound. See wrangler.toml.`);
  }
  const { success } = await counter.limit({ key });
  if (!success) throw new AppError("rate_limited", TOO_MANY[what]);
}

/** What stands for a caller's address: itself, or the network of 64 bits that one subscriber of IPv6 has. */
export function addressKey(c: RouterContext): string {
  const text = c.req.header("CF-Connecting-IP") ?? "";
  if (!ipaddr.isValid(text)) return "unknown";
  const address = ipaddr.process(text);
  if (address.kind() === "ipv4") return address.toString();
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/64`)}/64`;
}
