import { describe, expect, it } from "vitest";
import type { Relation, Role } from "../../../src/protocol/rpc.ts";
import {
  ACTIONS,
  type Action,
  decide,
  originAllowed,
  RESOURCES,
  type Resource,
  type ResourceKind,
  relationOf,
  rightsOf,
} from "../../../src/router/policy.ts";
import { isUnguarded } from "../../../src/router/unguarded.ts";

const RELATIONS = ["self", "owner", "writer", "reader", "stranger", "deployment"] as const;
const ROLES = ["admin", "member", "service", "guest"] as const;
const RW: readonly Action[] = ["read", "write"];
const LOOK: readonly Action[] = ["read"];
const CHAT: readonly Action[] = ["read", "write", "connect", "decide"];

type Table = Partial<Record<ResourceKind, readonly Action[]>>;

/** By hand, and from the other side than the code's table: what somebody may do, by what they are to an owner. */
const OWN: Table = {
  agent: RW,
  conversation: CHAT,
  files: RW,
  feed: ["connect"],
  threads: RW,
  keys: RW,
  hooks: RW,
  shares: RW,
  vault: RW,
  log: LOOK,
  erasure: ["write"],
};
const ME: Table = { me: RW };
const IN_TEAM: Readonly<Record<"owner" | "writer" | "reader", Table>> = {
  owner: { ...OWN, members: RW, membership: ["write"] },
  writer: {
    conversation: CHAT,
    files: RW,
    threads: RW,
    feed: ["connect"],
    agent: LOOK,
    members: LOOK,
    membership: ["write"],
  },
  reader: {
    conversation: ["read", "connect"],
    files: LOOK,
    threads: LOOK,
    feed: ["connect"],
    agent: LOOK,
    members: LOOK,
    membership: ["write"],
  },
};
/** What administrators see of others; the owner is told. */
const WATCHED: Table = {
  agent: LOOK,
  conversation: LOOK,
  files: LOOK,
  threads: LOOK,
  members: LOOK,
  log: LOOK,
};
const COMMON: Table = { teams: LOOK, invitations: RW, models: LOOK, assets: LOOK };
const DEPLOYMENT: Readonly<Record<(typeof ROLES)[number], Table>> = {
  admin: { ...COMMON, teams: RW, people: RW, audit: RW },
  member: { ...COMMON, teams: RW },
  service: { ...COMMON, teams: RW },
  guest: COMMON,
};

function expected(role: (typeof ROLES)[number], { kind, of }: Resource, action: Action): string {
  const has = (table: Table): boolean => table[kind]?.includes(action) === true;
  const watched = role === "admin" && has(WATCHED) ? "watch" : "deny";
  switch (of) {
    case "self":
      return has(ME) || (role !== "guest" && has(OWN)) ? "allow" : "deny";
    case "deployment":
      return has(DEPLOYMENT[role]) ? "allow" : "deny";
    case "stranger":
      return watched;
    case "owner":
      return has(IN_TEAM.owner) ? "allow" : "deny";
    default:
      return has(IN_TEAM[of]) ? "allow" : watched;
  }
}

describe.each(ROLES)("%s", (role) => {
  it.each(RELATIONS)("as %s", (of) => {
    for (const kind of RESOURCES) {
      for (const action of ACTIONS) {
        const verdict = decide({ role }, { kind, of }, action);
        expect([kind, action, verdict]).toEqual([kind, action, expected(role, { kind, of }, action)]);
      }
    }
  });
});

describe("what acts for an agent", () => {
  const allowed = (principal: Parameters<typeof decide>[0]): string[] =>
    RELATIONS.flatMap((of) =>
      RESOURCES.flatMap((kind) =>
        ACTIONS.filter((action) => decide(principal, { kind, of }, action) !== "deny").map(
          (action) => `${of} ${kind} ${action}`,
        ),
      ),
    );

  it("a key does what its scopes say, and nothing else", () => {
    expect(allowed({ role: "key" })).toEqual([]);
    expect(allowed({ role: "key", scopes: [] })).toEqual([]);
    expect(allowed({ role: "key", scopes: ["chat"] })).toEqual(["self completions write"]);
    expect(allowed({ role: "key", scopes: ["read"] })).toEqual(["self completions read"]);
    expect(allowed({ role: "key", scopes: ["chat", "read"] })).toEqual([
      "self completions read",
      "self completions write",
    ]);
  });

  it("a hook brings messages, a link shows its chat", () => {
    expect(allowed({ role: "hook" })).toEqual(["self inbound write"]);
    expect(allowed({ role: "link" })).toEqual(["self transcript read"]);
  });

  it("scopes give a person nothing", () => {
    expect(
      decide({ role: "admin", scopes: ["chat", "read"] }, { kind: "completions", of: "self" }, "write"),
    ).toBe("deny");
  });
});

it("denies what nobody has thought of", () => {
  const role = "owner" as Role; // a role of the future
  expect(decide({ role }, { kind: "files", of: "self" }, "read")).toBe("deny");
  const kind = "secrets" as ResourceKind; // a resource of the future
  expect(decide({ role: "admin" }, { kind, of: "self" }, "read")).toBe("deny");
  const of = "friend" as Relation; // a relation of the future
  expect(decide({ role: "admin" }, { kind: "files", of }, "read")).toBe("deny");
});

describe("a socket's rights", () => {
  it.each([
    ["member", "self", true, true],
    ["guest", "self", false, false],
    ["guest", "owner", true, true],
    ["guest", "writer", true, true],
    ["member", "reader", false, false],
    ["admin", "reader", false, false],
    ["admin", "stranger", false, false],
    ["key", "self", false, false],
  ] as const)("%s as %s: writes %j, decides %j", (role, of, write, mayDecide) => {
    expect(rightsOf({ role }, of)).toEqual({ write, decide: mayDecide });
  });
});

describe("what somebody is to an owner", () => {
  const alice = {
    kind: "person",
    userId: "ualice",
    handle: "alice",
    name: "alice@example.com",
    role: "member",
    request: "",
  } as const;
  const key = { ...alice, kind: "key", role: "key", of: { id: "k1", ownerId: "tteam" } } as const;

  it("is self, a member, or a stranger", () => {
    expect(relationOf(alice, "ualice", null)).toBe("self");
    expect(relationOf(alice, "ualice ", null)).toBe("stranger");
    expect(relationOf(alice, "UALICE", null)).toBe("stranger");
    expect(relationOf(alice, "", null)).toBe("stranger");
    expect(relationOf(alice, "tteam", "reader")).toBe("reader");
  });

  it("of a key is its own agent, never what its maker is", () => {
    expect(relationOf(key, "tteam", null)).toBe("self");
    expect(relationOf(key, "ualice", null)).toBe("stranger");
    expect(relationOf(key, "tother", "owner")).toBe("stranger");
  });
});

describe("origin", () => {
  const ours = "https://holdfast.example.com";
  it.each([
    [ours, true, true],
    [ours, false, true],
    [null, false, true],
    [null, true, false],
    ["null", false, false],
    ["", false, false],
    [`${ours}/`, false, false],
    [`${ours}:443`, false, false],
    ["http://holdfast.example.com", false, false],
    ["https://evil.holdfast.example.com", false, false],
    ["https://holdfast.example.com.evil.example", false, false],
  ])("%j with cookie %j: %j", (origin, hasCookie, allowed) => {
    expect(originAllowed({ origin, hasCookie }, ours)).toBe(allowed);
  });
});

it.each([
  ["/healthz", true],
  ["/healthz/x", true],
  ["/healthzz", false],
  ["/", false],
  ["", false],
  ["/x/healthz", false],
])("%s unguarded: %j", (path, expectedToBe) => {
  expect(isUnguarded(path)).toBe(expectedToBe);
});
