/**
 * What Access knows of a person beyond the token: groups of the identity provider, and checks that the device passed.
 * Asked at the team's identity endpoint, where a deployment needs it and the token does not say it. Whatever goes
 * wrong there means no groups and no checks: a person with less rights, never one with more.
 */
import { z } from "zod";
import { limits } from "../limits.ts";
import { Remembered } from "./remembered.ts";
import { jsonWithin, within } from "./wait.ts";

/** A request waits for it once in `limits.identityTtlMs`; beyond this it goes on without. */
export const IDENTITY_TIMEOUT_MS = 3_000;
/** After a failure it is not asked for the same token again for so long, so that not every request waits. */
export const IDENTITY_RETRY_MS = 15_000;
/** An identity with a thousand groups is some 100 KB. */
export const IDENTITY_BYTES = 512 * 1024;
/** Tokens whose answers one isolate remembers. */
const ENTRIES = 2_000;

/** What is known besides the name. */
export interface Facts {
  groups: readonly string[];
  /** Names and ids of the device posture checks that passed. */
  posture: readonly string[];
}

export const NO_FACTS: Facts = { groups: [], posture: [] };

/**
 * Custom claims that an application is set up to send: `groups` and `posture`, lists of names. `null` for what the
 * token does not say. Not a list of texts: then it says nothing.
 */
export function claimedFacts(custom: unknown): {
  groups: readonly string[] | null;
  posture: readonly string[] | null;
} {
  const claims = customClaims.safeParse(custom);
  return { groups: claims.data?.groups ?? null, posture: claims.data?.posture ?? null };
}

const texts = z.array(z.string()).nullable().catch(null);
const customClaims = z.looseObject({ groups: texts.optional(), posture: texts.optional() });

/**
 * A group, as providers send them: a text, or an object. What has an id counts by that, and by an e-mail address;
 * its name does not, because who may make a group can name it like another.
 */
const group = z.union([
  z.string().transform((name) => [name]),
  z
    .looseObject({ id: z.string().min(1), email: z.string().optional() })
    .transform(({ id, email }) => (email ? [id, email] : [id])),
  z.looseObject({ name: z.string() }).transform(({ name }) => [name]),
  z.unknown().transform((): string[] => []),
]);

const check = z
  .looseObject({ success: z.literal(true), rule_name: z.string().optional(), id: z.string().optional() })
  .transform(({ rule_name, id }) => [rule_name, id].filter((name) => name !== undefined))
  .or(z.unknown().transform((): string[] => []));

const identityDocument = z.looseObject({
  email: z.string(),
  groups: z.array(group).catch([]),
  devicePosture: z.record(z.string(), check).catch({}),
});

/** The facts in what the endpoint answered about the person with this address. Throws when it is about nobody, or another. */
export function factsIn(document: unknown, email: string): Facts {
  const { email: about, groups, devicePosture } = identityDocument.parse(document);
  if (about.toLowerCase() !== email.toLowerCase()) throw new Error("The identity is another person's.");
  const passed = Object.entries(devicePosture).flatMap(([key, names]) =>
    names.length > 0 ? [key, ...names] : [],
  );
  return { groups: groups.flat(), posture: [...new Set(passed)] };
}

export interface IdentityQuestion {
  token: string;
  /** What the token is remembered by: never the token itself. */
  hash: string;
  email: string;
  /** When the token ends, in milliseconds since the epoch. */
  expiresAt: number;
}

export class IdentityEndpoint {
  readonly #options: { teamDomain: string; fetch: typeof fetch; now(): number };
  readonly #known = new Remembered<Facts>(ENTRIES);
  readonly #pending = new Map<string, { promise: Promise<Facts>; since: number }>();

  constructor(options: { teamDomain: string; fetch: typeof fetch; now(): number }) {
    this.#options = options;
  }

  /** Never throws. Requests that ask for one token at once share one answer. */
  async facts(question: IdentityQuestion, keepAlive: (work: Promise<unknown>) => void): Promise<Facts> {
    const now = this.#options.now();
    const known = this.#known.get(question.hash, now);
    if (known) return known;
    let pending = this.#pending.get(question.hash);
    // One that is older than its own timeout belonged to a request that was cut off with it.
    if (!pending || now - pending.since > IDENTITY_TIMEOUT_MS) {
      const begun = { promise: this.#ask(question), since: now };
      pending = begun;
      this.#pending.set(question.hash, begun);
      keepAlive(
        begun.promise.finally(() => {
          if (this.#pending.get(question.hash) === begun) this.#pending.delete(question.hash);
        }),
      );
    }
    await within(pending.promise, IDENTITY_TIMEOUT_MS);
    return this.#known.get(question.hash, this.#options.now()) ?? NO_FACTS;
  }

  async #ask({ token, hash, email, expiresAt }: IdentityQuestion): Promise<Facts> {
    const { fetch, teamDomain, now } = this.#options;
    try {
      const response = await fetch(`${teamDomain}/cdn-cgi/access/get-identity`, {
        headers: { Cookie: `CF_Authorization=${token}` },
        // The cookie would go along to wherever a redirect leads.
        redirect: "manual",
        signal: AbortSignal.timeout(IDENTITY_TIMEOUT_MS),
      });
      if (response.status !== 200) {
        await response.body?.cancel();
        throw new Error(`It answered ${response.status}.`);
      }
      const facts = factsIn(await jsonWithin(response, IDENTITY_BYTES), email);
      this.#known.set(hash, facts, Math.min(expiresAt, now() + limits.identityTtlMs));
      return facts;
    } catch (error) {
      // What does not parse may hold anything: only the kind of the failure is written down.
      const why = error instanceof z.ZodError ? "It was not understood." : String(error);
      console.error(JSON.stringify({ event: "identity_failed", issuer: teamDomain, error: why }));
      this.#known.set(hash, NO_FACTS, now() + IDENTITY_RETRY_MS);
      return NO_FACTS;
    }
  }
}
