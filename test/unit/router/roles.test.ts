import { describe, expect, it } from "vitest";
import { type PersonRole, parseRoles, type RoleMapping, roleOf } from "../../../src/roles.ts";

const mapping = (vars: Parameters<typeof parseRoles>[0]): RoleMapping => {
  const { roles, problems } = parseRoles(vars);
  expect(problems).toEqual([]);
  return roles;
};
const OURS = mapping({
  ROLES: '{"admin":["admins","root"],"member":["staff"],"guest":["contractors"]}',
  DEFAULT_ROLE: "none",
});

describe("the role of a person", () => {
  it.each<[groups: string[], override: PersonRole | null, role: PersonRole | null]>([
    [["admins"], null, "admin"],
    [["x", "root"], null, "admin"],
    [["staff"], null, "member"],
    [["contractors"], null, "guest"],
    // The first that fits, in the order admin, member, guest, however they are listed.
    [["contractors", "staff", "admins"], null, "admin"],
    [["contractors", "staff"], null, "member"],
    [[], null, null],
    [["unknown"], null, null],
    // Exactly as they are written.
    [["Admins"], null, null],
    [["admins "], null, null],
    [["admin"], null, null],
    [["admins,root"], null, null],
    // What an administrator said wins, in both directions.
    [["admins"], "guest", "guest"],
    [["contractors"], "admin", "admin"],
    [[], "member", "member"],
  ])("of somebody in %j, overridden by %j, is %j", (groups, override, role) => {
    expect(roleOf(groups, OURS, override)).toBe(role);
  });

  it("is member, and admin in the group admins, where nothing is set; and nothing is looked up for it", () => {
    for (const vars of [{}, { ROLES: "", DEFAULT_ROLE: "" }, { ROLES: "  " }]) {
      const roles = mapping(vars);
      expect([roleOf([], roles, null), roleOf(["admins"], roles, null), roles.lookUp]).toEqual([
        "member",
        "admin",
        false,
      ]);
    }
  });

  it("comes from the deployment's groups alone as soon as it names any", () => {
    const roles = mapping({ ROLES: '{"guest":["contractors"]}' });
    expect(roles.lookUp).toBe(true);
    expect([roleOf(["admins"], roles, null), roleOf(["contractors"], roles, null)]).toEqual([
      "member",
      "guest",
    ]);
  });

  it.each<[string, PersonRole | null]>([
    ["member", "member"],
    ["guest", "guest"],
    ["none", null],
    [" guest ", "guest"],
  ])("is DEFAULT_ROLE %j where no group fits", (DEFAULT_ROLE, role) => {
    expect(roleOf(["x"], mapping({ DEFAULT_ROLE }), null)).toBe(role);
  });
});

describe("settings that cannot be read", () => {
  it.each([
    [{ ROLES: "admins" }, "ROLES is not JSON"],
    [{ ROLES: "[]" }, "ROLES is not understood"],
    [{ ROLES: '{"admin":"admins"}' }, "ROLES is not understood: admin"],
    [{ ROLES: '{"admin":[""]}' }, "ROLES is not understood: admin.0"],
    [{ ROLES: '{"owner":["admins"]}' }, "owner"],
    [{ DEFAULT_ROLE: "admin" }, "DEFAULT_ROLE is neither"],
    [{ DEFAULT_ROLE: "toString" }, "DEFAULT_ROLE is neither"],
  ])("%j says what is wrong, and makes nobody an administrator", (vars, said) => {
    const { roles, problems } = parseRoles(vars);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(said);
    if ("ROLES" in vars) expect(roleOf(["admins"], roles, null)).toBe("member");
    else expect(roleOf(["x"], roles, null)).toBeNull();
  });
});
