/**
 * The public keys that Access signs with. Fetched once per isolate and kept; a key id that nobody knows causes at
 * most one fetch in `limits.keySetRefetchMs`, however many such tokens arrive.
 */
import { createLocalJWKSet, errors, type JWTVerifyGetKey } from "jose";
import { z } from "zod";
import { AppError } from "../errors.ts";
import { limits } from "../limits.ts";
import { jsonWithin, within } from "./wait.ts";

/** Waiting longer for the key set than this would hold up every request behind it. */
export const KEY_SET_TIMEOUT_MS = 5_000;
/** While there is no key set at all, nobody gets in: then it is asked for again sooner. */
export const KEY_SET_RETRY_MS = 2_000;
/** The set is fetched anew when it is older. Access rotates every six weeks and keeps the old key for seven days. */
export const KEY_SET_MAX_AGE_MS = 12 * 60 * 60_000;
/** While Access does not answer, the old set is believed on; beyond this, Access itself would no longer believe it. */
export const KEY_SET_LAST_MS = 7 * 24 * 60 * 60_000;
/** Access publishes two keys and their certificates, some 6 KB. */
export const KEY_SET_BYTES = 256 * 1024;

const keySetDocument = z.object({ keys: z.array(z.unknown()) });

/** Keys of other kinds, for other uses or without an id are passed over: none of them can sign a token of ours. */
const signingKey = z
  .object({
    kty: z.literal("RSA"),
    kid: z.string().min(1),
    n: z.string().min(1),
    e: z.string().min(1),
    alg: z.exactOptional(z.literal("RS256")),
    use: z.literal("sig").default("sig"),
  })
  .nullable()
  .catch(null);

type Lookup = ReturnType<typeof createLocalJWKSet>;
type Header = Parameters<JWTVerifyGetKey>[0];
type Token = Parameters<JWTVerifyGetKey>[1];

export interface KeySetOptions {
  /** The issuer's address, without a trailing slash. */
  teamDomain: string;
  fetch: typeof fetch;
  /** Milliseconds since the epoch. */
  now(): number;
}

export class KeySet {
  readonly #options: KeySetOptions;
  #lookup: Lookup | null = null;
  #generation = 0;
  #fetchedAt = 0;
  #attemptedAt = Number.NEGATIVE_INFINITY;
  #pending: { promise: Promise<void>; since: number } | null = null;

  constructor(options: KeySetOptions) {
    this.#options = options;
  }

  /** Counts the sets that were fetched; `null` while the newest is too old to rest on. */
  get generation(): number | null {
    const age = this.#options.now() - this.#fetchedAt;
    return this.#lookup && age <= KEY_SET_MAX_AGE_MS ? this.#generation : null;
  }

  /**
   * The key that a token names. Throws jose's `JWKSNoMatchingKey` when nobody knows it, its
   * `JWKSMultipleMatchingKeys` when two different keys have the id, and `config_missing` when there is no key set to
   * look in.
   *
   * @param keepAlive the request's `waitUntil`: a fetch that others wait for outlives the request that began it
   */
  async key(header: Header, token: Token, keepAlive: (work: Promise<unknown>) => void) {
    // Without an id any key of the set would do, as long as it is the only one.
    if (typeof header.kid !== "string" || header.kid === "") throw new errors.JWKSNoMatchingKey();
    if (this.generation === null) await this.#refresh(keepAlive);
    try {
      return await this.#current()(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      if (!(await this.#refresh(keepAlive))) throw error;
      return await this.#current()(header, token);
    }
  }

  #current(): Lookup {
    if (this.#lookup && this.#options.now() - this.#fetchedAt <= KEY_SET_LAST_MS) return this.#lookup;
    throw new AppError(
      "config_missing",
      "The keys that sign-ins are checked with could not be fetched. Try again in a minute; if it stays, check ACCESS_TEAM_DOMAIN.",
    );
  }

  /** Fetches the set unless that was tried too recently. Returns whether a fetch was waited for. Never throws. */
  async #refresh(keepAlive: (work: Promise<unknown>) => void): Promise<boolean> {
    const now = this.#options.now();
    // A fetch that is older than its own timeout belonged to a request that was cut off with it.
    if (!this.#pending || now - this.#pending.since > KEY_SET_TIMEOUT_MS) {
      const pause = this.#lookup ? limits.keySetRefetchMs : KEY_SET_RETRY_MS;
      if (now - this.#attemptedAt < pause) return false;
      this.#attemptedAt = now;
      const pending = { promise: this.#fetch(), since: now };
      this.#pending = pending;
      keepAlive(
        pending.promise.finally(() => {
          if (this.#pending === pending) this.#pending = null;
        }),
      );
    }
    await within(this.#pending.promise, KEY_SET_TIMEOUT_MS);
    return true;
  }

  /** On any failure the old set stays, and the failure is logged. */
  async #fetch(): Promise<void> {
    const { fetch, teamDomain, now } = this.#options;
    try {
      const response = await fetch(`${teamDomain}/cdn-cgi/access/certs`, {
        redirect: "manual",
        signal: AbortSignal.timeout(KEY_SET_TIMEOUT_MS),
      });
      if (response.status !== 200) {
        await response.body?.cancel();
        throw new Error(`The key set answered ${response.status}.`);
      }
      const { keys } = keySetDocument.parse(await jsonWithin(response, KEY_SET_BYTES));
      const usable = distinct(keys.map((key) => signingKey.parse(key)).filter((key) => key !== null));
      if (usable.length === 0) throw new Error("The key set has no RSA signing key.");
      this.#lookup = createLocalJWKSet({ keys: usable });
      this.#generation += 1;
      this.#fetchedAt = now();
    } catch (error) {
      console.error(JSON.stringify({ event: "key_set_failed", issuer: teamDomain, error: String(error) }));
    }
  }
}

/** A key that is listed twice is one. Two keys under one id stay two, and then neither of them counts. */
function distinct<K extends { kid: string; n: string; e: string }>(keys: readonly K[]): K[] {
  return [...new Map(keys.map((key) => [JSON.stringify([key.kid, key.n, key.e]), key])).values()];
}
