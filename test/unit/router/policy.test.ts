import { describe, expect, it } from "vitest";
import type { Principal } from "../../../src/protocol/rpc.ts";
import {
  ACTIONS,
  type Action,
  decide,
  originAllowed,
  RESOURCES,
  type ResourceKind,
} from "../../../src/router/policy.ts";
import { isUnguarded } from "../../../src/router/unguarded.ts";

const ROLES = ["admin", "member", "guest", "service"] as const;
const principal = (role: Principal["role"]): Principal => ({
  kind: role === "service" ? "service" : "person",
  userId: "ualice",
  handle: "alice",
  name: "alice@example.com",
  role,
});

/** By hand: what an owner may do with their own, and what anyone may do with the deployment's. */
const OWN: Record<ResourceKind, readonly Action[]> = {
  agent: ["read", "write"],
  conversation: ["read", "write", "connect"],
  files: ["read", "write"],
  feed: ["connect"],
  threads: ["read", "write"],
  me: ["read"],
  models: [],
  assets: [],
};
const COMMON: Partial<Record<ResourceKind, readonly Action[]>> = { models: ["read"], assets: ["read"] };

describe.each(ROLES)("%s", (role) => {
  it.each(RESOURCES)("%s", (kind) => {
    for (const action of ACTIONS) {
      const about = (ownerId: string | null) => decide(principal(role), { kind, ownerId }, action);
      expect([action, about("ualice")]).toEqual([action, OWN[kind].includes(action) ? "allow" : "deny"]);
      expect([action, about(null)]).toEqual([action, COMMON[kind]?.includes(action) ? "allow" : "deny"]);
      for (const stranger of ["ubob", "", "ualice ", "UALICE"]) {
        expect([action, stranger, about(stranger)]).toEqual([action, stranger, "deny"]);
      }
    }
  });
});

it("denies what nobody has thought of", () => {
  const odd = { ...principal("member"), role: "owner" as Principal["role"] }; // a role of the future
  expect(decide(odd, { kind: "files", ownerId: "ualice" }, "read")).toBe("deny");
  const kind = "secrets" as ResourceKind; // a resource of the future
  expect(decide(principal("admin"), { kind, ownerId: "ualice" }, "read")).toBe("deny");
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
])("%s unguarded: %j", (path, expected) => {
  expect(isUnguarded(path)).toBe(expected);
});
