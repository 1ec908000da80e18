/**
 * Who is asking. Verifies the token that Cloudflare Access puts on every request it lets through. There is no switch
 * that turns this off: on one machine, an issuer of our own signs real tokens, and is believed there only.
 *
 * Shapes: Cloudflare One documentation, "Application token", "Service tokens", "Validate JWTs".
 */
import { createHash } from "node:crypto";
import { type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { z } from "zod";
import { isLoopback, type Settings } from "../env.ts";
import { AppError } from "../errors.ts";
import { limits } from "../limits.ts";
import { claimedFacts, IdentityEndpoint, NO_FACTS } from "./identity.ts";
import { KeySet } from "./keyset.ts";
import { Remembered } from "./remembered.ts";

export const TOKEN_HEADER = "cf-access-jwt-assertion";
export const TOKEN_COOKIE = "CF_Authorization";

/** Access tokens are 1 to 4 KB, with many groups more; nothing larger is worth a signature check. */
export const TOKEN_CHARS = 16 * 1024;
/** Longest name kept of an identity: an e-mail address ends at 320 characters. */
const NAME_CHARS = 320;

/** A verified identity: what Access said, before anyone looked up who that is here. */
export interface Identity {
  kind: "person" | "service";
  issuer: string;
  /** `sub` of a person, `common_name` of a service: unique within issuer and kind. */
  subject: string;
  /** E-mail of a person, common name of a service. */
  name: string;
  /** Groups of a person: those of the token, else, where the deployment maps groups to roles, of the identity endpoint. */
  groups: readonly string[];
  /** Names and ids of the device posture checks that passed; looked up only where asked for. */
  posture: readonly string[];
}

/** What of the deployment's settings sign-ins are checked with. */
export type AccessSettings = Pick<Settings, "accessTeamDomain" | "accessAudience" | "roles">;

export interface Access {
  /**
   * Throws `unauthenticated` when there is no token or it is not valid, and `config_missing` when the deployment
   * cannot check tokens. `keepAlive` is the request's `waitUntil`; `posture` says that device checks matter.
   */
  identify(
    request: Request,
    settings: AccessSettings,
    keepAlive: (work: Promise<unknown>) => void,
    wants?: { posture: boolean },
  ): Promise<Identity>;
}

const base = {
  iss: z.string(),
  // jose checks an end that is there; a token without one is none.
  exp: z.number(),
  // `org` is the session of the whole team, which no application is meant to take.
  type: z.literal("app").optional(),
  custom: z.unknown().optional(),
};
const person = z.looseObject({ ...base, sub: z.string().min(1), email: z.string().min(1).max(NAME_CHARS) });
const service = z.looseObject({
  ...base,
  sub: z.literal(""),
  common_name: z.string().min(1).max(NAME_CHARS),
});

/** What a token said. Facts that it does not mention are `null`. */
interface Said extends Omit<Identity, "groups" | "posture"> {
  groups: readonly string[] | null;
  posture: readonly string[] | null;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** What an isolate knows of one application of one team. */
interface Team {
  keySet: KeySet;
  endpoint: IdentityEndpoint;
  /** Tokens that were verified, by hash, with the generation of the key set that did it. */
  verified: Remembered<{ said: Said; generation: number | null }>;
}

export function createAccess(options: { fetch: typeof fetch; now(): number }): Access {
  const teams = new Map<string, Team>();
  const teamOf = ({ accessTeamDomain: teamDomain, accessAudience }: AccessSettings): Team => {
    const name = `${teamDomain} ${accessAudience}`;
    let team = teams.get(name);
    if (!team) {
      team = {
        keySet: new KeySet({ teamDomain, ...options }),
        endpoint: new IdentityEndpoint({ teamDomain, ...options }),
        verified: new Remembered(limits.verifiedTokens),
      };
      teams.set(name, team);
    }
    return team;
  };

  /** What the token says, if it is valid now. Throws whatever is wrong with it. */
  async function verify(
    token: string,
    hash: string,
    team: Team,
    settings: AccessSettings,
    keepAlive: (work: Promise<unknown>) => void,
  ): Promise<Said> {
    const now = options.now();
    const keyOf: JWTVerifyGetKey = (header, jws) => {
      // Access names nothing that has to be understood; whatever somebody else names, we do not.
      if (header.crit !== undefined) throw new Error("The token asks for extensions.");
      return team.keySet.key(header, jws, keepAlive);
    };
    const { generation } = team.keySet;
    const known = team.verified.get(hash, now);
    // A signature is checked again as soon as the keys were fetched again: its key may have been withdrawn.
    if (known && known.generation !== null && known.generation === generation) return known.said;
    const { payload } = await jwtVerify(token, keyOf, {
      algorithms: ["RS256"],
      issuer: settings.accessTeamDomain,
      audience: settings.accessAudience,
      clockTolerance: limits.tokenSkewSeconds,
      currentDate: new Date(now),
    });
    // jose looks at `iat` only together with a maximum age.
    if (payload.iat !== undefined && payload.iat > Math.floor(now / 1000) + limits.tokenSkewSeconds) {
      throw new Error("The token was issued in the future.");
    }
    const said = saidIn(payload);
    const until = said.expiresAt + limits.tokenSkewSeconds * 1000;
    team.verified.set(hash, { said, generation: team.keySet.generation }, until);
    return said;
  }

  return {
    async identify(request, settings, keepAlive, wants = { posture: false }) {
      const token = request.headers.get(TOKEN_HEADER) ?? cookieOf(request.headers);
      checkIssuer(settings.accessTeamDomain, request.url);
      if (!token || token.length > TOKEN_CHARS) throw unauthenticated();
      const team = teamOf(settings);
      const hash = hashOf(token);
      let said: Said;
      try {
        said = await verify(token, hash, team, settings, keepAlive);
      } catch (error) {
        if (error instanceof AppError) throw error;
        throw unauthenticated(error);
      }
      const { groups, posture, expiresAt, ...who } = said;
      const missing = (settings.roles.lookUp && groups === null) || (wants.posture && posture === null);
      const facts =
        missing && who.kind === "person"
          ? await team.endpoint.facts({ token, hash, email: who.name, expiresAt }, keepAlive)
          : NO_FACTS;
      return { ...who, groups: groups ?? facts.groups, posture: posture ?? facts.posture };
    },
  };
}

/** The value of the Access cookie, or `null`. Also tells whether a request may have come from a browser's own accord. */
export function cookieOf(headers: Headers): string | null {
  for (const pair of (headers.get("Cookie") ?? "").split(";")) {
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim() === TOKEN_COOKIE) return pair.slice(equals + 1).trim();
  }
  return null;
}

/**
 * A loopback issuer signs for whoever asks it. It is believed by an instance that was itself asked on loopback.
 * Throws `config_missing`; a deployment that cannot check sign-ins does nothing else either.
 */
export function checkIssuer(issuer: string, requestUrl: string): void {
  const kind = kindOf(issuer);
  if (kind === "https" || (kind === "loopback" && isHere(requestUrl))) return;
  throw new AppError(
    "config_missing",
    kind === "loopback"
      ? "ACCESS_TEAM_DOMAIN is a loopback address, which counts on one machine only. Set it to https://<team>.cloudflareaccess.com."
      : "ACCESS_TEAM_DOMAIN must be an https address.",
  );
}

/** Most addresses of one machine are written in one way, which need not be parsed. */
const isHere = (url: string): boolean => /^http:\/\/127\.0\.0\.1(?::\d+)?\//.test(url) || isLoopback(url);

type IssuerKind = "https" | "loopback" | "neither";
let judged: { issuer: string; kind: IssuerKind } | null = null;

/** An isolate has one issuer, and each request asks: it is looked at once. */
function kindOf(issuer: string): IssuerKind {
  if (judged?.issuer !== issuer) {
    const secure = URL.canParse(issuer) && new URL(issuer).protocol === "https:";
    judged = { issuer, kind: isLoopback(issuer) ? "loopback" : secure ? "https" : "neither" };
  }
  return judged.kind;
}

function saidIn(payload: JWTPayload): Said {
  const asPerson = person.safeParse(payload);
  if (asPerson.success) {
    const { iss, sub, email, exp, custom } = asPerson.data;
    const expiresAt = exp * 1000;
    return { kind: "person", issuer: iss, subject: sub, name: email, expiresAt, ...claimedFacts(custom) };
  }
  const asService = service.safeParse(payload);
  if (asService.success) {
    const { iss, common_name, exp } = asService.data;
    const none = { groups: [], posture: [], expiresAt: exp * 1000 };
    return { kind: "service", issuer: iss, subject: common_name, name: common_name, ...none };
  }
  throw new Error("The token names neither a person nor a service.");
}

/** What a token is remembered by: nothing that anybody could sign in with. */
const hashOf = (token: string): string => createHash("sha256").update(token).digest("base64");

const unauthenticated = (cause?: unknown): AppError =>
  new AppError("unauthenticated", "Your sign-in is missing or no longer valid. Sign in again.", { cause });
