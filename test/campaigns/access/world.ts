/** A door with a key set behind it that does what a case says, on a clock that only the campaign moves. */

import { parseRoles } from "../../../src/roles.ts";
import type { AccessSettings } from "../../../src/router/access.ts";
import { createAccess, TOKEN_COOKIE, TOKEN_HEADER } from "../../../src/router/access.ts";
import { join, jwkOf, type Keys, signAs } from "./forge.ts";

/** What comes of a request: who it was taken for, or the code of the refusal. */
export type Outcome = "person" | "service" | "unauthenticated" | "config_missing";

/** Where the key set is asked for, and what it answers. `null` for no answer at all. */
export type KeySetAnswer = (keys: Keys) => Response | Promise<Response>;

export const AUDIENCE = "7a1c".repeat(16);

/** What makes tokens: the same for a virtual clock and for a Worker that runs. */
export interface Mint {
  keys: Keys;
  issuer: string;
  /** Seconds since the epoch. */
  now: number;
  /** Claims of a person, with changes; `undefined` takes one away. */
  claims(change?: Record<string, unknown>): Record<string, unknown>;
  header(change?: Record<string, unknown>): Record<string, unknown>;
  /** A token of a person that is right but for the changes. */
  token(claims?: Record<string, unknown>, header?: Record<string, unknown>): string;
}

export function mintAt(keys: Keys, issuer: string, now: number): Mint {
  const mint: Mint = {
    keys,
    issuer,
    now,
    claims: (change = {}) => ({
      aud: [AUDIENCE],
      email: "alice@example.com",
      exp: now + 3_600,
      iat: now,
      nbf: now,
      iss: issuer,
      type: "app",
      identity_nonce: "6ei69kawdKzMIAPF",
      sub: "7335d417-61da-459d-899c-0a01c76a2f94",
      country: "DE",
      ...change,
    }),
    header: (change = {}) => ({ alg: "RS256", kid: keys.current.kid, typ: "JWT", ...change }),
    token: (claims, header) =>
      join(mint.header(header), mint.claims(claims), (input) =>
        signAs("RS256", keys.current.privateKey, input),
      ),
  };
  return mint;
}

/** The key set as Access serves it: the current key and the one before. */
export const ordinary: KeySetAnswer = ({ current, previous }) =>
  Response.json({
    keys: [jwkOf(current), jwkOf(previous)],
    public_cert: { kid: current.kid, cert: "" },
    public_certs: [],
  });

const ISSUER = "https://team.cloudflareaccess.com";
const URL_OF_US = "https://holdfast.example.com/api/me";
/** 2026-11-23T12:00:00Z */
const NOON = Date.UTC(2026, 10, 23, 12);

export interface World {
  mint: Mint;
  /** Milliseconds since the epoch. */
  clock: { now: number };
  /** When the key set was fetched. */
  fetched: number[];
  /** Addresses that were fetched. */
  addresses: string[];
  answer: KeySetAnswer;
  ask(headers: Record<string, string>, url?: string): Promise<Outcome>;
  askToken(token: string): Promise<Outcome>;
}

export function createWorld(keys: Keys, answer: KeySetAnswer = ordinary): World {
  const clock = { now: NOON };
  const settings: AccessSettings = {
    accessTeamDomain: ISSUER,
    accessAudience: AUDIENCE,
    roles: parseRoles({}).roles,
  };
  const world: World = {
    mint: mintAt(keys, ISSUER, NOON / 1000),
    clock,
    fetched: [],
    addresses: [],
    answer,
    async ask(headers, url = URL_OF_US) {
      try {
        const { kind } = await access.identify(new Request(url, { headers }), settings, () => {});
        return kind;
      } catch (error) {
        return codeOf(error);
      }
    },
    askToken: (token) => world.ask({ [TOKEN_HEADER]: token }),
  };
  const access = createAccess({
    now: () => clock.now,
    fetch: async (input) => {
      world.fetched.push(clock.now);
      world.addresses.push(String(input));
      return await world.answer(keys);
    },
  });
  return world;
}

/** Throws what is no refusal: a case that breaks the door is none that it refused. */
function codeOf(error: unknown): Outcome {
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (code === "unauthenticated" || code === "config_missing") return code;
  throw error;
}

export const inHeader = (token: string): Record<string, string> => ({ [TOKEN_HEADER]: token });
export const inCookie = (token: string): Record<string, string> => ({ Cookie: `${TOKEN_COOKIE}=${token}` });
