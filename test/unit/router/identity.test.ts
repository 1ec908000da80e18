/** Groups and device checks from the identity endpoint of Access: when it is asked, and what is made of its answers. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { limits } from "../../../src/limits.ts";
import { parseRoles } from "../../../src/roles.ts";
import { type Access, type AccessSettings, createAccess } from "../../../src/router/access.ts";
import {
  factsIn,
  IDENTITY_BYTES,
  IDENTITY_RETRY_MS,
  IDENTITY_TIMEOUT_MS,
} from "../../../src/router/identity.ts";
import {
  AUDIENCE,
  createIssuer,
  ISSUER,
  type Issuer,
  person,
  service,
} from "../../workers/router/support/tokens.ts";

const clock = { now: Date.UTC(2026, 10, 23) };
const settings: AccessSettings = {
  accessTeamDomain: ISSUER,
  accessAudience: AUDIENCE,
  roles: parseRoles({ ROLES: '{"admin":["admins"]}' }).roles,
};
let issuer: Issuer;
let access: Access;
/** Requests that reached the endpoint. */
let asked: Request[];
let answer: () => Response | Promise<Response>;

const ALICE = {
  email: "alice@example.com",
  groups: ["staff", { id: "admins", name: "Administrators" }],
  devicePosture: { "id-1": { type: "disk_encryption", rule_name: "Disk encryption", success: true } },
};

beforeEach(async () => {
  issuer = await createIssuer(() => clock.now);
  access = createAccess({ fetch: issuer.fetchAccess, now: () => clock.now });
  asked = [];
  answer = () => Response.json(ALICE);
  issuer.identity = (request) => {
    asked.push(request);
    return answer();
  };
});

const identify = (token: string, posture = false, over: Partial<AccessSettings> = {}) =>
  access.identify(
    new Request("http://127.0.0.1:8787/", { headers: { "Cf-Access-Jwt-Assertion": token } }),
    { ...settings, ...over },
    () => {},
    { posture },
  );
const plain = { roles: { ...settings.roles, lookUp: false } };

describe("the endpoint is asked", () => {
  it("with the token as its cookie, once for many requests, and again when minutes have passed", async () => {
    const token = await issuer.token(person("alice"));
    const all = await Promise.all(Array.from({ length: 20 }, () => identify(token)));
    for (const { groups, posture } of all) {
      expect(groups).toEqual(["staff", "admins"]);
      expect(posture).toEqual(["id-1", "Disk encryption"]);
    }
    expect(asked).toHaveLength(1);
    expect(asked[0]?.url).toBe(`${ISSUER}/cdn-cgi/access/get-identity`);
    expect(asked[0]?.headers.get("cookie")).toBe(`CF_Authorization=${token}`);
    expect(asked[0]?.redirect).toBe("manual");
    clock.now += limits.identityTtlMs - 1;
    await identify(token);
    expect(asked).toHaveLength(1);
    clock.now += 1;
    answer = () => Response.json({ ...ALICE, groups: [] });
    expect((await identify(token)).groups).toEqual([]);
    expect(asked).toHaveLength(2);
  });

  it("for each token by itself", async () => {
    await identify(await issuer.token(person("alice")));
    await identify(await issuer.token(person("alice", { nonce: "another sign-in" })));
    expect(asked).toHaveLength(2);
  });

  it("only where something needs it: a mapping of groups to roles, or a device check", async () => {
    const token = await issuer.token(person("alice"));
    await identify(token, false, plain);
    expect(asked).toHaveLength(0);
    expect((await identify(token, true, plain)).posture).toContain("Disk encryption");
    expect(asked).toHaveLength(1);
  });

  it("only for what the token does not say itself, which counts before it", async () => {
    const said = await issuer.token(person("alice", { custom: { groups: ["guests"], posture: [] } }));
    expect(await identify(said, true)).toMatchObject({ groups: ["guests"], posture: [] });
    expect(asked).toHaveLength(0);
    const none = await issuer.token(person("alice", { custom: { groups: [] } }));
    expect((await identify(none)).groups).toEqual([]);
    expect(asked).toHaveLength(0);
    const half = await issuer.token(person("alice", { custom: { groups: ["guests"] } }));
    expect(await identify(half, true)).toMatchObject({
      groups: ["guests"],
      posture: ["id-1", "Disk encryption"],
    });
  });

  it("never for services, and never for a token that is not valid", async () => {
    await identify(await issuer.token(service("ci")), true);
    await expect(identify(await issuer.token(person("alice", { exp: 1 })), true)).rejects.toThrow();
    await expect(identify("a.b.c", true)).rejects.toThrow();
    expect(asked).toHaveLength(0);
  });

  it("never longer believed than the token itself", async () => {
    const token = await issuer.token(person("alice", { exp: Math.floor(clock.now / 1000) + 30 }));
    await identify(token);
    clock.now += 31_000;
    await identify(token);
    expect(asked).toHaveLength(2);
  });
});

describe("whatever goes wrong means no groups and no checks", () => {
  it.each<[string, () => Response | Promise<Response>]>([
    ["an error", () => new Response("no", { status: 500 })],
    ["a refusal", () => Response.json({ err: "no app token" }, { status: 403 })],
    ["a redirect", () => new Response(null, { status: 302, headers: { Location: "https://evil.example" } })],
    ["no network", () => Promise.reject(new TypeError("network"))],
    ["garbage", () => new Response("<html>")],
    ["nothing", () => new Response("")],
    ["null", () => Response.json(null)],
    ["a list", () => Response.json([ALICE])],
    ["nobody", () => Response.json({ groups: ["admins"] })],
    ["somebody else", () => Response.json({ ...ALICE, email: "mallory@example.com" })],
    ["far too much", () => Response.json({ ...ALICE, padding: "x".repeat(IDENTITY_BYTES) })],
  ])("%s", async (_, failure) => {
    answer = failure;
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    try {
      const token = await issuer.token(person("alice"));
      expect(await identify(token, true)).toMatchObject({ subject: "sub-of-alice", groups: [], posture: [] });
      // Not every request waits for it, and the token is in no log.
      await identify(token, true);
      expect(asked).toHaveLength(1);
      expect(log).toHaveBeenCalled();
      expect(JSON.stringify(log.mock.calls)).not.toContain(token);
      answer = () => Response.json(ALICE);
      clock.now += IDENTITY_RETRY_MS;
      expect((await identify(token, true)).groups).toEqual(["staff", "admins"]);
    } finally {
      log.mockRestore();
    }
  });

  it("an answer that does not come, after three seconds", async () => {
    const token = await issuer.token(person("alice"));
    await identify(token, false, plain);
    const reached = Promise.withResolvers<void>();
    answer = () => {
      reached.resolve();
      return new Promise<Response>(() => {});
    };
    vi.useFakeTimers();
    try {
      let settled = false;
      const waiting = identify(token).then((identity) => {
        settled = true;
        return identity;
      });
      await reached.promise;
      await vi.advanceTimersByTimeAsync(IDENTITY_TIMEOUT_MS - 1);
      expect(settled).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      expect((await waiting).groups).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("an identity", () => {
  const groupsOf = (groups: unknown) => factsIn({ email: "a@b.example", groups }, "A@b.example").groups;
  it.each<[unknown, string[]]>([
    [undefined, []],
    ["admins", []],
    [{ admins: true }, []],
    [["admins"], ["admins"]],
    [[{ id: "g1", name: "admins" }], ["g1"]],
    [[{ id: "g1", name: "admins", email: "admins@b.example" }], ["g1", "admins@b.example"]],
    [[{ name: "admins" }], ["admins"]],
    [[{ id: "", name: "admins" }], ["admins"]],
    [[7, null, ["admins"], { id: 7 }, "staff"], ["staff"]],
  ])("with groups %j is in %j: who makes a group chooses its name, but not its id", (groups, expected) => {
    expect(groupsOf(groups)).toEqual(expected);
  });

  it("has the checks that passed, by id and by name, and no others", () => {
    const devicePosture = {
      "id-1": { id: "id-1", rule_name: "Disk encryption", success: true },
      "id-2": { rule_name: "Firewall", success: false },
      "id-3": { rule_name: "Serial number" },
      "id-4": { rule_name: "Version", success: "true" },
      "id-5": { success: true },
      "id-6": "Domain joined",
    };
    expect(factsIn({ email: "a@b.example", devicePosture }, "a@b.example").posture).toEqual([
      "id-1",
      "Disk encryption",
    ]);
  });
});
