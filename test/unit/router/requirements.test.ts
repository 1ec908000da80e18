import { describe, expect, it } from "vitest";
import { type Hours, parseRequirements, type Requirement } from "../../../src/requirements.ts";
import {
  type Circumstances,
  isOpen,
  isWithin,
  meet,
  requirementsFor,
} from "../../../src/router/requirements.ts";

const read = (value: unknown): readonly Requirement[] => {
  const { requirements, problems } = parseRequirements(JSON.stringify(value));
  expect(problems).toEqual([]);
  return requirements;
};
const NOON = Date.UTC(2026, 10, 23, 12); // a Monday
const here: Circumstances = {
  posture: ["Disk encryption"],
  address: "192.0.2.7",
  country: "DE",
  now: NOON,
};
const refusal = (require: Requirement["require"], given: Partial<Circumstances> = {}): string | null => {
  try {
    meet(read([{ routes: ["/*"], require }]), { ...here, ...given });
    return null;
  } catch (error) {
    expect(error).toMatchObject({ code: "requirement_unmet", status: 403 });
    return error instanceof Error ? error.message : "";
  }
};

describe("which requirements a request has", () => {
  const all = read([
    { routes: ["/api/*"], require: { countries: ["AA"] } },
    { routes: ["/api/me", "/@*"], methods: ["GET"], require: { countries: ["BB"] } },
    { routes: ["/api/agents/alice/*"], methods: ["POST", "DELETE"], require: { countries: ["CC"] } },
  ]);
  it.each([
    ["GET", "/", ""],
    ["GET", "/api", "AA"],
    ["GET", "/apis", ""],
    ["GET", "/api/x", "AA"],
    ["GET", "/api/me", "AABB"],
    ["HEAD", "/api/me", "AABB"],
    ["POST", "/api/me", "AA"],
    ["GET", "/api/me/", "AA"],
    ["GET", "/API/me", ""],
    ["GET", "/@alice/plans", "BB"],
    ["GET", "/@", "BB"],
    ["POST", "/@alice", ""],
    ["POST", "/api/agents/alice/x", "AACC"],
    ["GET", "/api/agents/alice/x", "AA"],
    // Handlers decode names: another spelling is the same agent.
    ["POST", "/api/agents/%61lice/x", "AACC"],
    ["POST", "/api/agents/%ff/x", "AA"],
    // Nobody has foreseen it, so it is no way around.
    ["PROPFIND", "/api/agents/alice/x", "AACC"],
  ])("%s %s: %s", (method, path, found) => {
    expect(
      requirementsFor(all, method, path)
        .map(({ require }) => require.countries?.[0])
        .join(""),
    ).toBe(found);
  });
});

describe("addresses", () => {
  it.each<[string | null, string, boolean]>([
    ["10.1.2.3", "10.0.0.0/8", true],
    ["11.0.0.0", "10.0.0.0/8", false],
    ["10.255.255.255", "10.0.0.0/8", true],
    // Bits of the host in a range say nothing.
    ["10.9.9.9", "10.1.2.3/8", true],
    ["192.0.2.7", "192.0.2.7", true],
    ["192.0.2.7", "192.0.2.7/32", true],
    ["192.0.2.8", "192.0.2.7/32", false],
    ["192.0.2.8", "192.0.2.8/31", true],
    ["192.0.2.9", "192.0.2.8/31", true],
    ["192.0.2.10", "192.0.2.8/31", false],
    ["1.2.3.4", "0.0.0.0/0", true],
    ["2001:db8::1", "0.0.0.0/0", false],
    ["2001:db8::1", "2001:db8::/32", true],
    ["2001:db9::1", "2001:db8::/32", false],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1/128", true],
    ["2001:db8::2", "2001:db8::1", false],
    ["fe80::1", "::/0", true],
    // An IPv4 address in the clothes of IPv6 is that address.
    ["::ffff:10.1.2.3", "10.0.0.0/8", true],
    ["::ffff:a01:203", "10.0.0.0/8", true],
    ["::ffff:11.1.2.3", "10.0.0.0/8", false],
    // What is not an address is nowhere.
    [null, "0.0.0.0/0", false],
    ["", "0.0.0.0/0", false],
    ["10.1.2", "10.0.0.0/8", false],
    ["010.1.2.3", "10.0.0.0/8", false],
    ["0x0a.1.2.3", "10.0.0.0/8", false],
    ["167838211", "10.0.0.0/8", false],
    ["10.1.2.3, 192.0.2.1", "10.0.0.0/8", false],
    ["10.1.2.3:80", "10.0.0.0/8", false],
    ["fe80::1%eth0", "::/0", false],
    ["localhost", "127.0.0.0/8", false],
  ])("%s in %s: %s", (address, range, inside) => {
    expect(isWithin(address, [range])).toBe(inside);
  });

  it("have to lie in one of several ranges", () => {
    const ranges = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"];
    for (const address of ["10.1.1.1", "2001:db8::9", "192.0.2.1"])
      expect(isWithin(address, ranges)).toBe(true);
    expect(isWithin("192.0.2.2", ranges)).toBe(false);
  });
});

describe("hours", () => {
  const berlin = (more: Partial<Hours>): Hours => ({
    from: "08:00",
    to: "18:00",
    timeZone: "Europe/Berlin",
    ...more,
  });
  const WORK: Hours = berlin({ days: ["mon", "tue", "wed", "thu", "fri"] });
  const NIGHT: Hours = berlin({ from: "22:00", to: "06:00", days: ["fri"] });
  it.each<[string, Hours, boolean]>([
    // In November Berlin is an hour ahead. The 23rd of November 2026 is a Monday.
    ["2026-11-23T06:59:59Z", WORK, false],
    ["2026-11-23T07:00:00Z", WORK, true],
    ["2026-11-23T16:59:59Z", WORK, true],
    ["2026-11-23T17:00:00Z", WORK, false],
    ["2026-11-22T12:00:00Z", WORK, false],
    ["2026-11-22T12:00:00Z", berlin({}), true],
    // In summer it is two.
    ["2026-07-06T05:59:59Z", WORK, false],
    ["2026-07-06T06:00:00Z", WORK, true],
    // Over midnight: Friday evening and the small hours of Saturday, and of no other day.
    ["2026-11-27T20:59:00Z", NIGHT, false],
    ["2026-11-27T21:00:00Z", NIGHT, true],
    ["2026-11-28T04:59:00Z", NIGHT, true],
    ["2026-11-28T05:00:00Z", NIGHT, false],
    ["2026-11-28T21:30:00Z", NIGHT, false],
    ["2026-11-27T03:00:00Z", NIGHT, false],
    ["2026-11-29T03:00:00Z", NIGHT, false],
    // Sunday night ends on Monday.
    ["2026-11-23T01:00:00Z", berlin({ from: "23:00", to: "03:00", days: ["sun"] }), true],
    // Until midnight, and from it on.
    ["2026-11-23T22:59:00Z", berlin({ to: "24:00" }), true],
    ["2026-11-23T23:00:00Z", berlin({ to: "24:00" }), false],
    ["2026-11-23T23:00:00Z", berlin({ from: "00:00", to: "01:00", days: ["tue"] }), true],
    // Clocks go forward at 2:00 on the 29th of March 2026: 2:30 does not come, and the hours end at once.
    ["2026-03-29T00:59:59Z", berlin({ from: "01:00", to: "02:30" }), true],
    ["2026-03-29T01:00:00Z", berlin({ from: "01:00", to: "02:30" }), false],
    ["2026-03-29T01:00:00Z", berlin({ from: "02:30", to: "03:30" }), true],
    // ... and back at 3:00 on the 25th of October: 2:30 comes twice, and is open twice.
    ["2026-10-25T00:30:00Z", berlin({ from: "02:15", to: "02:45" }), true],
    ["2026-10-25T01:30:00Z", berlin({ from: "02:15", to: "02:45" }), true],
    ["2026-10-25T00:50:00Z", berlin({ from: "02:15", to: "02:45" }), false],
    // Time zones with half hours, and the date line.
    ["2026-11-23T02:30:00Z", { from: "08:00", to: "09:00", timeZone: "Asia/Kolkata" }, true],
    [
      "2026-11-22T18:30:00Z",
      { from: "08:00", to: "09:00", timeZone: "Pacific/Kiritimati", days: ["mon"] },
      true,
    ],
  ])("at %s", (at, hours, open) => {
    expect(isOpen(hours, Date.parse(at))).toBe(open);
  });
});

describe("a refusal", () => {
  it("says which requirement, and what to do; never where one has to be", () => {
    expect(refusal({ posture: ["Disk encryption"] })).toBeNull();
    expect(refusal({ posture: ["Disk encryption", "Firewall"] })).toContain("“Firewall”");
    expect(refusal({ posture: ["Disk encryption"] }, { posture: [] })).toContain("Disk encryption");
    const addresses = refusal({ addresses: ["198.51.100.0/24", "2001:db8::/32"] });
    expect(addresses).toContain("VPN");
    expect(addresses).not.toMatch(/198|2001|\/24/);
    const countries = refusal({ countries: ["FR", "IT"] });
    expect(countries).toContain("country");
    expect(countries).not.toMatch(/FR|IT/);
    const hours = { from: "20:00", to: "21:00", timeZone: "UTC", days: ["mon" as const] };
    expect(refusal({ hours })).toBe("This is open from 20:00 to 21:00 on Monday (UTC). Come back then.");
  });

  it("comes for what is not known", () => {
    expect(refusal({ addresses: ["0.0.0.0/0"] }, { address: null })).not.toBeNull();
    expect(refusal({ countries: ["DE"] }, { country: null })).not.toBeNull();
  });

  it("comes when one of several entries, or one of several parts, does not hold", () => {
    const both = read([
      { routes: ["/*"], require: { countries: ["DE"], addresses: ["192.0.2.0/24"] } },
      { routes: ["/*"], require: { posture: ["Firewall"] } },
    ]);
    expect(() => meet(both.slice(0, 1), here)).not.toThrow();
    expect(() => meet(both, here)).toThrow("Firewall");
    expect(refusal({ countries: ["DE"], addresses: ["10.0.0.0/8"] })).toContain("VPN");
  });
});

describe("settings that cannot be read", () => {
  const entry = (require: unknown, more: object = {}) => [{ routes: ["/*"], require, ...more }];
  it.each<[unknown, string]>([
    ["not json", "is not JSON"],
    [{}, "REQUIREMENTS"],
    [[{}], "0.routes"],
    [entry({}), "it requires nothing"],
    [entry({ addresses: [] }), "0.require.addresses"],
    [entry({ addresses: ["10.0.0.0/33"] }), "no address and no range"],
    [entry({ addresses: ["::/129"] }), "no address and no range"],
    [entry({ addresses: ["10.0.0.0/8/8"] }), "no address and no range"],
    [entry({ addresses: ["10.0.0.0/"] }), "no address and no range"],
    [entry({ addresses: ["10.0.0.0/-1"] }), "no address and no range"],
    [entry({ addresses: ["office"] }), "no address and no range"],
    [entry({ addresses: ["fe80::1%eth0"] }), "no address and no range"],
    [entry({ countries: ["de"] }), "two capital letters"],
    [entry({ countries: ["XX"] }), "two capital letters"],
    [entry({ hours: { from: "8:00", to: "18:00", timeZone: "UTC" } }), "0.require.hours.from"],
    [entry({ hours: { from: "08:00", to: "08:00", timeZone: "UTC" } }), "no time between"],
    [entry({ hours: { from: "24:00", to: "08:00", timeZone: "UTC" } }), "no time between"],
    [entry({ hours: { from: "08:00", to: "25:00", timeZone: "UTC" } }), "0.require.hours.to"],
    [entry({ hours: { from: "08:00", to: "18:00", timeZone: "Mars/Olympus" } }), "no time zone"],
    [entry({ hours: { from: "08:00", to: "18:00", timeZone: "UTC", days: ["monday"] } }), "days"],
    [entry({ posture: [""] }), "0.require.posture.0"],
    [entry({ mfa: true }), "mfa"],
    [entry({ countries: ["DE"] }, { routes: ["api"] }), "0.routes.0"],
    [entry({ countries: ["DE"] }, { routes: ["/a*b"] }), "0.routes.0"],
    [entry({ countries: ["DE"] }, { routes: ["/a?b"] }), "0.routes.0"],
    [entry({ countries: ["DE"] }, { methods: ["get"] }), "0.methods.0"],
    [entry({ countries: ["DE"] }, { method: "GET" }), "method"],
  ])("%j: %s", (value, said) => {
    const { requirements, problems } = parseRequirements(
      typeof value === "string" ? value : JSON.stringify(value),
    );
    expect(requirements).toEqual([]);
    expect(problems.join("\n")).toContain(said);
    expect(problems.every((problem) => problem.startsWith("REQUIREMENTS"))).toBe(true);
  });

  it("is no requirement where nothing is set", () => {
    for (const text of [undefined, "", " "])
      expect(parseRequirements(text)).toEqual({ requirements: [], problems: [] });
  });
});
