/**
 * May they. One table as data and one pure function over it; what the table does not allow is denied. The table of
 * `docs/security.md` is written from it.
 */
import type { KeyScope, Principal, Relation, Rights, Role } from "../protocol/rpc.ts";

export const RESOURCES = [
  // of a user's or a team's agent
  "agent",
  "conversation",
  "files",
  "feed",
  "threads",
  "members",
  "membership",
  "keys",
  "hooks",
  "shares",
  "vault",
  "log",
  "erasure",
  // of an agent, for programs
  "completions",
  "inbound",
  "transcript",
  // of the deployment
  "me",
  "teams",
  "invitations",
  "models",
  "assets",
  "people",
  "audit",
] as const;
export type ResourceKind = (typeof RESOURCES)[number];

/** `read` and `write` are requests that look or change; `connect` opens a socket; `decide` answers a call for approval. */
export const ACTIONS = ["read", "write", "connect", "decide"] as const;
export type Action = (typeof ACTIONS)[number];

export interface Resource {
  kind: ResourceKind;
  /** What the principal is to whom it belongs to; `deployment` for what belongs to nobody. */
  of: Relation | "deployment";
}

export interface Rule {
  resources: readonly ResourceKind[];
  actions: readonly Action[];
  of: readonly Resource["of"][];
  roles: readonly Role[];
  /** A key needs this scope. */
  scope?: KeyScope;
  /** It is allowed, and the owner is told. */
  watched?: true;
  /** For the table in the documents. */
  why: string;
}

const PEOPLE: readonly Role[] = ["admin", "member", "service"];
const EVERYBODY: readonly Role[] = [...PEOPLE, "guest"];

export const RULES: readonly Rule[] = [
  {
    why: "everyone but a guest has an agent, and it is theirs",
    resources: ["agent", "files", "threads", "keys", "hooks", "shares", "vault"],
    actions: ["read", "write"],
    of: ["self"],
    roles: PEOPLE,
  },
  {
    why: "… talks with it, and decides what it may do",
    resources: ["conversation"],
    actions: ["read", "write", "connect", "decide"],
    of: ["self"],
    roles: PEOPLE,
  },
  { why: "… sees its feed", resources: ["feed"], actions: ["connect"], of: ["self"], roles: PEOPLE },
  { why: "… reads what happened", resources: ["log"], actions: ["read"], of: ["self"], roles: PEOPLE },
  { why: "… erases", resources: ["erasure"], actions: ["write"], of: ["self"], roles: PEOPLE },
  {
    why: "a team's owners run its agent",
    resources: ["agent", "members", "keys", "hooks", "shares", "vault"],
    actions: ["read", "write"],
    of: ["owner"],
    roles: EVERYBODY,
  },
  { why: "… read what happened", resources: ["log"], actions: ["read"], of: ["owner"], roles: EVERYBODY },
  { why: "… erase", resources: ["erasure"], actions: ["write"], of: ["owner"], roles: EVERYBODY },
  {
    why: "who writes in a team talks with its agent and decides what it may do",
    resources: ["conversation"],
    actions: ["read", "write", "connect", "decide"],
    of: ["owner", "writer"],
    roles: EVERYBODY,
  },
  {
    why: "… and works with its files and chats",
    resources: ["files", "threads"],
    actions: ["read", "write"],
    of: ["owner", "writer"],
    roles: EVERYBODY,
  },
  {
    why: "readers look on",
    resources: ["conversation"],
    actions: ["read", "connect"],
    of: ["reader"],
    roles: EVERYBODY,
  },
  {
    why: "… and see files and chats",
    resources: ["files", "threads"],
    actions: ["read"],
    of: ["reader"],
    roles: EVERYBODY,
  },
  {
    why: "members see the team's settings, and who else is in it",
    resources: ["agent", "members"],
    actions: ["read"],
    of: ["writer", "reader"],
    roles: EVERYBODY,
  },
  {
    why: "… and each may leave",
    resources: ["membership"],
    actions: ["write"],
    of: ["owner", "writer", "reader"],
    roles: EVERYBODY,
  },
  {
    why: "… and its feed",
    resources: ["feed"],
    actions: ["connect"],
    of: ["owner", "writer", "reader"],
    roles: EVERYBODY,
  },
  {
    why: "administrators may look at what is somebody else's; the owner is told each time",
    resources: ["agent", "conversation", "files", "threads", "members", "log"],
    actions: ["read"],
    of: ["stranger", "writer", "reader"],
    roles: ["admin"],
    watched: true,
  },
  {
    why: "who am I, and my handle",
    resources: ["me"],
    actions: ["read", "write"],
    of: ["self"],
    roles: EVERYBODY,
  },
  { why: "make a team", resources: ["teams"], actions: ["write"], of: ["deployment"], roles: PEOPLE },
  {
    why: "which teams am I in",
    resources: ["teams"],
    actions: ["read"],
    of: ["deployment"],
    roles: EVERYBODY,
  },
  {
    why: "look at an invitation, and take it",
    resources: ["invitations"],
    actions: ["read", "write"],
    of: ["deployment"],
    roles: EVERYBODY,
  },
  {
    why: "what every page needs",
    resources: ["models", "assets"],
    actions: ["read"],
    of: ["deployment"],
    roles: EVERYBODY,
  },
  {
    why: "administrators run the deployment",
    resources: ["people", "audit"],
    actions: ["read", "write"],
    of: ["deployment"],
    roles: ["admin"],
  },
  {
    why: "a key talks to the agent that it was made for",
    resources: ["completions"],
    actions: ["write"],
    of: ["self"],
    roles: ["key"],
    scope: "chat",
  },
  {
    why: "… and reads what it answered, and which models there are",
    resources: ["completions"],
    actions: ["read"],
    of: ["self"],
    roles: ["key"],
    scope: "read",
  },
  {
    why: "a hook brings messages to the agent that it was made for",
    resources: ["inbound"],
    actions: ["write"],
    of: ["self"],
    roles: ["hook"],
  },
  {
    why: "a link shows the one chat that it was made for",
    resources: ["transcript"],
    actions: ["read"],
    of: ["self"],
    roles: ["link"],
  },
];

/** `watch`: allowed, and the owner is told. */
export type Verdict = "allow" | "watch" | "deny";

/** Whether a principal may do this to that. Pure; deny by default. */
export function decide(
  { role, scopes = [] }: Pick<Principal, "role" | "scopes">,
  resource: Resource,
  action: Action,
): Verdict {
  const fits = RULES.filter(
    (rule) =>
      rule.resources.includes(resource.kind) &&
      rule.of.includes(resource.of) &&
      rule.actions.includes(action) &&
      rule.roles.includes(role) &&
      (rule.scope === undefined || scopes.includes(rule.scope)),
  );
  if (fits.length === 0) return "deny";
  return fits.every((rule) => rule.watched) ? "watch" : "allow";
}

/** What a socket of a conversation may be used for. */
export const rightsOf = (principal: Pick<Principal, "role" | "scopes">, of: Relation): Rights => ({
  write: decide(principal, { kind: "conversation", of }, "write") === "allow",
  decide: decide(principal, { kind: "conversation", of }, "decide") === "allow",
});

/** The owner that a key, a hook or a link belongs to is `self`; nothing else is anything to it. */
export function relationOf(principal: Principal, ownerId: string, member: Relation | null): Relation {
  if (principal.of) return principal.of.ownerId === ownerId ? "self" : "stranger";
  if (principal.userId === ownerId) return "self";
  return member ?? "stranger";
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
