/**
 * May they. One table as data and one pure function over it; what the table does not allow is denied. Administrators
 * have no more rights over other people's data than anyone: that comes with audit, or not at all.
 */
import type { Principal } from "../protocol/rpc.ts";

export const RESOURCES = [
  "agent",
  "conversation",
  "files",
  "feed",
  "threads",
  "models",
  "me",
  "assets",
] as const;
export type ResourceKind = (typeof RESOURCES)[number];

/** `read` and `write` are requests that look or change; `connect` opens a socket. */
export const ACTIONS = ["read", "write", "connect"] as const;
export type Action = (typeof ACTIONS)[number];

export interface Resource {
  kind: ResourceKind;
  /** User id of the owner; `null` for what belongs to the deployment. */
  ownerId: string | null;
}

interface Rule {
  resource: ResourceKind;
  actions: readonly Action[];
  roles: readonly Principal["role"][];
  /** `owner`: the principal's own. `deployment`: nobody's. */
  of: "owner" | "deployment";
}

const EVERY_ROLE: readonly Principal["role"][] = ["admin", "member", "guest", "service"];

export const RULES: readonly Rule[] = [
  { resource: "agent", of: "owner", actions: ["read", "write"], roles: EVERY_ROLE },
  { resource: "conversation", of: "owner", actions: ["read", "write", "connect"], roles: EVERY_ROLE },
  { resource: "files", of: "owner", actions: ["read", "write"], roles: EVERY_ROLE },
  { resource: "feed", of: "owner", actions: ["connect"], roles: EVERY_ROLE },
  { resource: "threads", of: "owner", actions: ["read", "write"], roles: EVERY_ROLE },
  { resource: "me", of: "owner", actions: ["read"], roles: EVERY_ROLE },
  { resource: "models", of: "deployment", actions: ["read"], roles: EVERY_ROLE },
  { resource: "assets", of: "deployment", actions: ["read"], roles: EVERY_ROLE },
];

/** Whether a principal may do this to that. Pure; deny by default. */
export function decide(principal: Principal, resource: Resource, action: Action): "allow" | "deny" {
  const relation =
    resource.ownerId === null ? "deployment" : resource.ownerId === principal.userId ? "owner" : "stranger";
  const allowed = RULES.some(
    (rule) =>
      rule.resource === resource.kind &&
      rule.of === relation &&
      rule.actions.includes(action) &&
      rule.roles.includes(principal.role),
  );
  return allowed ? "allow" : "deny";
}

/**
 * Whether an upgrade or a mutation may come from where it says it comes from. An `Origin` must be ours, exactly.
 * None at all is what programs send; a request with the Access cookie is a browser's, and those always say.
 * (The token header says nothing here: Access puts it on every request.)
 */
export function originAllowed(
  request: { origin: string | null; hasCookie: boolean },
  publicOrigin: string,
): boolean {
  if (request.origin === null) return !request.hasCookie;
  return request.origin === publicOrigin;
}
