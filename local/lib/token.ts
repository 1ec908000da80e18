/** Tokens for the terminal: signed with a data directory's keys, whether or not a server is running on it. */
import { groupsOf } from "../issuer/identities.ts";
import { openIssuer } from "../issuer/index.ts";
import type { ServiceCredential } from "../issuer/services.ts";
import type { DataDir } from "./data-dir.ts";
import { DEFAULT_TOKEN_TTL_SECONDS } from "./flags.ts";

/** Where a data directory is (or was last, or will be) served. */
export const originOf = (dir: DataDir): string => `http://127.0.0.1:${dir.port()}`;

/** A person's token. `groups` default to those of the sign-in page. */
export async function personToken(
  dir: DataDir,
  person: {
    email: string;
    groups?: readonly string[] | undefined;
    ttlSeconds?: number;
    now: number;
    origin?: string;
  },
): Promise<string> {
  const issuer = await openIssuer(dir.access, person.origin ?? originOf(dir));
  return issuer.issue({
    email: person.email,
    groups: person.groups ?? groupsOf(person.email),
    ttlSeconds: person.ttlSeconds ?? DEFAULT_TOKEN_TTL_SECONDS,
    now: person.now,
  });
}

export interface ServiceToken {
  token: string;
  /** Set when the service got a (new) secret just now; it is shown once. */
  credential: ServiceCredential | null;
}

/** A service's token, and its id and secret if it has none yet or a new one is wanted. */
export async function serviceToken(
  dir: DataDir,
  service: { name: string; newSecret: boolean; ttlSeconds?: number; now: number },
): Promise<ServiceToken> {
  const issuer = await openIssuer(dir.access, originOf(dir));
  const wanted = service.newSecret || !issuer.hasService(service.name);
  return {
    credential: wanted ? issuer.createService(service.name, service.now) : null,
    token: await issuer.issue({
      commonName: service.name,
      ttlSeconds: service.ttlSeconds ?? DEFAULT_TOKEN_TTL_SECONDS,
      now: service.now,
    }),
  };
}
