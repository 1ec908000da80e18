/**
 * Who is asking. Verifies the token that Cloudflare Access puts on every request it lets through. There is no switch
 * that turns this off: on one machine, an issuer of our own signs real tokens, and is believed there only.
 */
import { jwtVerify } from "jose";
import { z } from "zod";
import { isLoopback, type Settings } from "../env.ts";
import { AppError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Principal } from "../protocol/rpc.ts";
import { KeySet } from "./keyset.ts";

export const TOKEN_HEADER = "cf-access-jwt-assertion";
export const TOKEN_COOKIE = "CF_Authorization";

/** Access tokens are 1 to 4 KB, with many groups more; nothing larger is worth a signature check. */
export const TOKEN_CHARS = 16 * 1024;
/** Longest name kept of an identity: an e-mail address ends at 320 characters. */
const NAME_CHARS = 320;
/** Members of this group, by the custom claim `groups` of the Access application, are administrators. */
export const ADMIN_GROUP = "admins";

/** A verified identity: what the token said, before anyone looked up who that is here. */
export interface Identity {
  kind: Principal["kind"];
  issuer: string;
  /** `sub` of a person, `common_name` of a service: unique within issuer and kind. */
  subject: string;
  /** E-mail of a person, common name of a service. */
  name: string;
  role: Principal["role"];
}

export interface Access {
  /**
   * Throws `unauthenticated` when there is no token or it is not valid, and `config_missing` when the deployment
   * cannot check tokens. `keepAlive` is the request's `waitUntil`.
   */
  identify(
    request: Request,
    settings: Settings,
    keepAlive: (work: Promise<unknown>) => void,
  ): Promise<Identity>;
}

const base = { iss: z.string(), iat: z.number().optional(), custom: z.unknown().optional() };
const person = z.looseObject({ ...base, sub: z.string().min(1), email: z.string().min(1).max(NAME_CHARS) });
const service = z.looseObject({
  ...base,
  sub: z.literal(""),
  common_name: z.string().min(1).max(NAME_CHARS),
});

/** Groups come as a custom claim, if the application is set up to send them. Missing or odd means none. */
const customClaims = z.looseObject({ groups: z.array(z.string()) });

export function createAccess(options: { fetch: typeof fetch; now(): number }): Access {
  const keySets = new Map<string, KeySet>();
  const keySetOf = (teamDomain: string): KeySet => {
    let keySet = keySets.get(teamDomain);
    if (!keySet) {
      keySet = new KeySet({ teamDomain, ...options });
      keySets.set(teamDomain, keySet);
    }
    return keySet;
  };

  return {
    async identify(request, settings, keepAlive) {
      const token = request.headers.get(TOKEN_HEADER) ?? cookieOf(request.headers);
      if (!token || token.length > TOKEN_CHARS) throw unauthenticated();
      const issuer = settings.accessTeamDomain;
      checkIssuer(issuer, request.url);
      const keySet = keySetOf(issuer);
      const now = options.now();
      try {
        const { payload } = await jwtVerify(token, (header, jws) => keySet.key(header, jws, keepAlive), {
          algorithms: ["RS256"],
          issuer,
          audience: settings.accessAudience,
          requiredClaims: ["exp"],
          clockTolerance: limits.tokenSkewSeconds,
          currentDate: new Date(now),
        });
        // jose looks at `iat` only together with a maximum age.
        if (payload.iat !== undefined && payload.iat > now / 1000 + limits.tokenSkewSeconds) {
          throw new Error("The token was issued in the future.");
        }
        return identityOf(payload);
      } catch (error) {
        if (error instanceof AppError) throw error;
        throw unauthenticated(error);
      }
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

/** A loopback issuer signs for whoever asks it. It is believed by an instance that was itself asked on loopback. */
function checkIssuer(issuer: string, requestUrl: string): void {
  if (isLoopback(issuer)) {
    if (isLoopback(requestUrl)) return;
    throw new AppError(
      "config_missing",
      "ACCESS_TEAM_DOMAIN is a loopback address, which counts on one machine only. Set it to https://<team>.cloudflareaccess.com.",
    );
  }
  if (!URL.canParse(issuer) || new URL(issuer).protocol !== "https:") {
    throw new AppError("config_missing", "ACCESS_TEAM_DOMAIN must be an https address.");
  }
}

function identityOf(payload: unknown): Identity {
  const asPerson = person.safeParse(payload);
  if (asPerson.success) {
    const { iss, sub, email, custom } = asPerson.data;
    const groups = customClaims.safeParse(custom);
    const admin = groups.success && groups.data.groups.includes(ADMIN_GROUP);
    return { kind: "person", issuer: iss, subject: sub, name: email, role: admin ? "admin" : "member" };
  }
  const asService = service.safeParse(payload);
  if (asService.success) {
    const { iss, common_name } = asService.data;
    return { kind: "service", issuer: iss, subject: common_name, name: common_name, role: "service" };
  }
  throw new Error("The token names neither a person nor a service.");
}

const unauthenticated = (cause?: unknown): AppError =>
  new AppError("unauthenticated", "Your sign-in is missing or no longer valid. Sign in again.", { cause });
