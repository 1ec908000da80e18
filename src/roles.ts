/** Which role a person has: the deployment's mapping of groups to roles, and one pure function over it. */
import { z } from "zod";
import type { Role } from "./protocol/rpc.ts";

/** Roles of people, in the order in which they are looked for: somebody in two groups has the first that fits. */
export const PERSON_ROLES = ["admin", "member", "guest"] as const satisfies readonly Role[];
export type PersonRole = (typeof PERSON_ROLES)[number];

export interface RoleMapping {
  /** Groups that give a role. */
  groups: Readonly<Record<PersonRole, readonly string[]>>;
  /** What somebody is whom no group fits; `null`: they are not let in. */
  fallback: PersonRole | null;
  /** Whether the deployment named groups itself: then they are looked up where a token does not list them. */
  lookUp: boolean;
}

export interface RoleVars {
  /** JSON: `{"admin": ["admins"], "guest": ["contractors"]}`. */
  ROLES?: string | undefined;
  /** `member`, `guest` or `none`. That everybody is an administrator cannot be asked for. */
  DEFAULT_ROLE?: string | undefined;
}

/** Without a mapping of its own a deployment has one group that means something. */
export const ADMIN_GROUP = "admins";

const names = z.array(z.string().min(1));
const mappingSchema = z.strictObject({
  admin: names.default([]),
  member: names.default([]),
  guest: names.default([]),
});
const NO_GROUPS = { admin: [], member: [], guest: [] };
const FALLBACKS: Readonly<Record<string, PersonRole | null>> = {
  member: "member",
  guest: "guest",
  none: null,
};

/** Reads the settings. What cannot be read is said in `problems`, a sentence each; then nobody is an administrator. */
export function parseRoles(vars: RoleVars): { roles: RoleMapping; problems: string[] } {
  const problems: string[] = [];
  const wanted = vars.DEFAULT_ROLE?.trim() || "member";
  const known = Object.hasOwn(FALLBACKS, wanted);
  if (!known) problems.push('DEFAULT_ROLE is neither "member" nor "guest" nor "none"');
  const fallback = known ? (FALLBACKS[wanted] ?? null) : null;
  const text = vars.ROLES?.trim();
  if (!text) {
    const groups = { ...NO_GROUPS, admin: [ADMIN_GROUP] };
    return { roles: { groups, fallback, lookUp: false }, problems };
  }
  return { roles: { groups: groupsIn(text, problems), fallback, lookUp: true }, problems };
}

function groupsIn(text: string, problems: string[]): RoleMapping["groups"] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    problems.push("ROLES is not JSON");
    return NO_GROUPS;
  }
  const parsed = mappingSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  problems.push(
    ["ROLES is not understood", issue?.path.join("."), issue?.message].filter((part) => part).join(": "),
  );
  return NO_GROUPS;
}

/**
 * The role of a person, or `null` for somebody who is not let in. Groups count exactly as they are written.
 *
 * @param override the role that an administrator gave this very person; it wins, in both directions
 */
export function roleOf(
  groups: readonly string[],
  mapping: RoleMapping,
  override: PersonRole | null,
): PersonRole | null {
  if (override !== null) return override;
  const found = PERSON_ROLES.find((role) => mapping.groups[role].some((name) => groups.includes(name)));
  return found ?? mapping.fallback;
}
