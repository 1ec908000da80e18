/**
 * What Access has to look like for a deployment, made from the one list of unguarded paths: the host is guarded, and
 * each path of the list is let through. The plan is pure; carrying it out asks the API for each step of it.
 */
import { CommandError } from "../lib/command.ts";
import type { Application, CloudflareApi, Policy } from "./api.ts";

/** How applications of ours are told from others of the account. */
export const TAG = "holdfast";
/** Life of a sign-in: a working day and the night after. */
const SESSION = "24h";

export interface Wanted {
  /** Host of the deployment. */
  host: string;
  /** Paths that Access lets through. */
  unguarded: readonly string[];
  /** Who may sign in, as rules of Access; `null` leaves the policies of an application that exists as they are. */
  allow: readonly Record<string, unknown>[] | null;
}

export interface Step {
  action: "create" | "update" | "keep" | "remove";
  /** Host and path. */
  domain: string;
  /** `guarded`: one signs in. `open`: Access lets everybody through. */
  kind: "guarded" | "open";
  /** What is sent; `null` where nothing is. */
  body: Record<string, unknown> | null;
  /** Of the application that exists. */
  id: string | null;
  aud: string | null;
  /** Fields that change, for the plan. */
  changes: readonly string[];
}

/**
 * The steps from what is there to what is wanted. Running them twice changes nothing the second time. Throws a
 * `CommandError` when somebody else's application stands in the way, or when nobody is said to be let in.
 */
export function planAccess(existing: readonly Application[], wanted: Wanted): Step[] {
  const { host, unguarded, allow } = wanted;
  const at = (domain: string): Application | undefined => ours(existing, domain);
  const guarded = at(host);
  if (!guarded && allow === null) {
    throw new CommandError(
      `There is no Access application for ${host} yet. Say who may sign in: --allow example.com, --allow alice@example.com, or several with commas.`,
    );
  }
  const steps = [
    step(guarded, host, "guarded", {
      ...common(host, `Holdfast (${host})`),
      app_launcher_visible: true,
      session_duration: SESSION,
      http_only_cookie_attribute: true,
      same_site_cookie_attribute: "lax",
      // A program without a token gets a 401 and not a page.
      service_auth_401_redirect: true,
      policies: allow === null ? kept(guarded) : [allowPolicy(allow)],
    }),
    ...unguarded.map((path) => {
      const domain = host + path;
      return step(at(domain), domain, "open", {
        ...common(domain, `Holdfast (${domain}, checked by itself)`),
        app_launcher_visible: false,
        policies: [
          { name: "Holdfast: everybody", decision: "bypass", include: [{ everyone: {} }], precedence: 1 },
        ],
      });
    }),
  ];
  const listed = new Set(steps.map(({ domain }) => domain));
  // A path that has left the list must not stay open.
  const stale = existing.filter(
    ({ domain, tags }) =>
      tags?.includes(TAG) && domain?.startsWith(`${host}/`) && !listed.has(domain.replace(/\/$/, "")),
  );
  return [
    ...steps,
    ...stale.map(
      ({ id, domain = "", aud }): Step => ({
        action: "remove",
        domain,
        kind: "open",
        body: null,
        id,
        aud: aud ?? null,
        changes: [],
      }),
    ),
  ];
}

function ours(existing: readonly Application[], domain: string): Application | undefined {
  const here = existing.filter((application) => application.domain?.replace(/\/$/, "") === domain);
  const found = here.find(({ tags }) => tags?.includes(TAG));
  const [other] = here;
  if (found || !other) return found;
  throw new CommandError(
    `Access already has an application for ${domain} that is not ours: "${other.name ?? other.id}". Remove it, or give it the tag "${TAG}" to have it taken over.`,
  );
}

const common = (domain: string, name: string): Record<string, unknown> => ({
  name,
  type: "self_hosted",
  domain,
  destinations: [{ type: "public", uri: domain }],
  tags: [TAG],
});

const allowPolicy = (include: readonly Record<string, unknown>[]): Policy => ({
  name: "Holdfast: who may sign in",
  decision: "allow",
  include: [...include],
  precedence: 1,
});

/** An update replaces the list of policies: those that are there are sent back. Shared ones by reference. */
const kept = (application: Application | undefined): Policy[] =>
  (application?.policies ?? []).map((policy, index) =>
    policy.reusable && policy.id ? { id: policy.id, precedence: policy.precedence ?? index + 1 } : policy,
  );

function step(
  existing: Application | undefined,
  domain: string,
  kind: Step["kind"],
  body: Record<string, unknown>,
): Step {
  if (!existing) return { action: "create", domain, kind, body, id: null, aud: null, changes: [] };
  const current = { ...existing, policies: kept(existing) };
  const changes = Object.keys(body).filter((key) => !holds(Reflect.get(current, key), body[key]));
  const { id, aud = null } = existing;
  if (changes.length === 0) return { action: "keep", domain, kind, body: null, id, aud, changes };
  return { action: "update", domain, kind, body, id, aud, changes };
}

/** Whether what is there has everything that is wanted; the API adds fields of its own. */
function holds(there: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(there) && there.length === wanted.length && wanted.every((one, i) => holds(there[i], one))
    );
  }
  if (typeof wanted === "object" && wanted !== null) {
    return (
      typeof there === "object" &&
      there !== null &&
      Object.entries(wanted).every(([key, value]) => holds(Reflect.get(there, key), value))
    );
  }
  return there === wanted;
}

const VERBS: Readonly<Record<Step["action"], string>> = {
  create: "+ create",
  update: "~ update",
  keep: "  keep",
  remove: "- remove",
};

/** One line a step, for the terminal. */
export function describePlan(steps: readonly Step[]): string[] {
  return steps.map(({ action, domain, kind, changes }) => {
    const what = kind === "guarded" ? "one signs in" : "open at the edge, checked by the Worker";
    const detail = changes.length > 0 ? `  (${changes.join(", ")})` : "";
    return `${VERBS[action].padEnd(9)} ${domain}  ${what}${detail}`;
  });
}

/** Carries the plan out and returns the audience tag of the guarded application. */
export async function carryOut(api: CloudflareApi, steps: readonly Step[]): Promise<string> {
  if (steps.some(({ body }) => body !== null) && !(await api.tags()).includes(TAG)) await api.createTag(TAG);
  let audience: string | null = null;
  // The guarded host comes first: a path that is open within it is never the only thing that there is.
  for (const { action, kind, body, id, aud } of steps) {
    let tag = aud;
    if (action === "create" && body) tag = (await api.create(body)).aud ?? null;
    if (action === "update" && body && id) tag = (await api.update(id, body)).aud ?? aud;
    if (action === "remove" && id) await api.remove(id);
    if (kind === "guarded") audience = tag;
  }
  if (audience) return audience;
  throw new CommandError(
    "Access did not say the audience tag of the application. Look at it in the dashboard.",
  );
}
