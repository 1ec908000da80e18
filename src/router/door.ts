/**
 * What a request has to pass before policy is asked: a verified identity, what the deployment requires beyond it, a
 * role, and, where it changes something, an origin that is ours.
 */
import { settingsOf } from "../env.ts";
import { AppError } from "../errors.ts";
import type { Role } from "../protocol/rpc.ts";
import { type PersonRole, roleOf } from "../roles.ts";
import { checkIssuer, cookieOf, createAccess, type Identity } from "./access.ts";
import { isUpgrade, type RouterContext } from "./context.ts";
import { originAllowed } from "./policy.ts";
import { meet, requirementsFor } from "./requirements.ts";

export interface Door {
  /**
   * Before anything else, on every path but the one that says that the Worker lives. Throws `config_missing` when the
   * deployment could not tell who asks: then nobody gets anything, with a key or a link neither.
   */
  ready(c: RouterContext): void;
  /** Behind Access. Throws `unauthenticated` or `requirement_unmet`. */
  enter(c: RouterContext): Promise<Identity>;
  /** On unguarded paths, where nobody is known: what is required there holds or is not met. */
  pass(c: RouterContext): void;
}

export function createDoor(deps: { fetch: typeof fetch; now(): number }): Door {
  const access = createAccess(deps);
  const circumstances = ({ req: { raw } }: RouterContext, posture: readonly string[]) => ({
    posture,
    address: raw.headers.get("CF-Connecting-IP"),
    country: countryOf(raw),
    now: deps.now(),
  });
  return {
    ready(c) {
      checkIssuer(settingsOf(c.env).accessTeamDomain, c.req.url);
    },
    async enter(c) {
      const settings = settingsOf(c.env);
      const required = requirementsFor(settings.requirements, c.req.method, c.req.path);
      const posture = required.some(({ require }) => require.posture !== undefined);
      const keepAlive = (work: Promise<unknown>): void => c.executionCtx.waitUntil(work);
      const identity = await access.identify(c.req.raw, settings, keepAlive, { posture });
      meet(required, circumstances(c, identity.posture));
      return identity;
    },
    pass(c) {
      const { requirements } = settingsOf(c.env);
      meet(requirementsFor(requirements, c.req.method, c.req.path), circumstances(c, []));
    },
  };
}

/**
 * The role of whoever was identified. Throws `not_admitted` for a person without one.
 *
 * @param override the role that an administrator gave this very person
 */
export function roleOfIdentity(
  c: RouterContext,
  { kind, groups }: Identity,
  override: PersonRole | null,
): Role {
  if (kind === "service") return "service";
  const role = roleOf(groups, settingsOf(c.env).roles, override);
  if (role) return role;
  throw new AppError(
    "not_admitted",
    "You are signed in, but this deployment is not open to you. Ask its administrator to add you to a group that it knows.",
  );
}

/** Throws `origin_refused` when a request that changes something, or opens a socket, may be another site's. */
export function checkOrigin(c: RouterContext): void {
  const request = c.req.raw;
  if (!isUpgrade(request) && (request.method === "GET" || request.method === "HEAD")) return;
  const origin = request.headers.get("Origin");
  const hasCookie = cookieOf(request.headers) !== null;
  if (
    originAllowed({ origin, hasCookie }, settingsOf(c.env).publicOrigin) &&
    !sentByAnotherSite(request.headers.get("Sec-Fetch-Site"))
  ) {
    return;
  }
  throw new AppError("origin_refused", "Requests that change something have to come from this site itself.");
}

/** A second line: what a browser says of who sent a request, which a page cannot change. Programs do not say it. */
const sentByAnotherSite = (site: string | null): boolean => site === "cross-site" || site === "same-site";

/** `XX` is the platform's word for not knowing. */
function countryOf(request: Request): string | null {
  const country = request.cf?.country;
  return typeof country === "string" && country !== "XX" ? country : null;
}
