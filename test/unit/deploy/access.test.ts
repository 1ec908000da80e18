/** Setting Access up for a deployment, against a stand-in for Cloudflare's API over HTTP. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { carryOut, describePlan, planAccess, TAG } from "../../../local/deploy/access.ts";
import { type CloudflareApi, createApi } from "../../../local/deploy/api.ts";
import { rulesOf } from "../../../local/deploy/settings.ts";
import { UNGUARDED } from "../../../src/router/unguarded.ts";
import { type CloudflareStandIn, startCloudflare } from "../../support/cloudflare-api.ts";

const HOST = "holdfast.example.com";
const wanted = { host: HOST, unguarded: UNGUARDED, allow: rulesOf("example.com") };
let cloudflare: CloudflareStandIn;
let api: CloudflareApi;

beforeEach(async () => {
  cloudflare = await startCloudflare();
  api = createApi({ ...cloudflare, fetch });
});
afterEach(() => cloudflare.close());

const plan = async (change: Partial<typeof wanted> | { allow: null } = {}) =>
  planAccess(await api.applications(), { ...wanted, ...change });
const actions = (steps: Awaited<ReturnType<typeof plan>>): string[] =>
  steps.map(({ action, domain }) => `${action} ${domain}`);
const changed = (): string[] => cloudflare.requests.filter((request) => !request.startsWith("GET"));

describe("the first time", () => {
  it("guards the host, opens each path of the list, and tells the audience tag", async () => {
    const steps = await plan();
    expect(actions(steps)).toEqual([`create ${HOST}`, ...UNGUARDED.map((path) => `create ${HOST}${path}`)]);
    expect(changed()).toEqual([]);
    const audience = await carryOut(api, steps);
    const guarded = cloudflare.apps.find(({ domain }) => domain === HOST);
    expect(audience).toBe(guarded?.aud);
    expect(guarded).toMatchObject({
      type: "self_hosted",
      destinations: [{ type: "public", uri: HOST }],
      tags: [TAG],
      http_only_cookie_attribute: true,
      policies: [{ decision: "allow", include: [{ email_domain: { domain: "example.com" } }] }],
    });
    expect(cloudflare.tags).toEqual([TAG]);
    const open = cloudflare.apps.filter((app) => JSON.stringify(app.policies).includes('"bypass"'));
    expect(open.map(({ domain }) => domain)).toEqual(UNGUARDED.map((path) => HOST + path));
    for (const { policies } of open)
      expect(policies).toMatchObject([{ decision: "bypass", include: [{ everyone: {} }] }]);
  });

  it("has to be told who may sign in", async () => {
    await expect(plan({ allow: null })).rejects.toThrow("--allow");
  });
});

describe("the next time", () => {
  beforeEach(async () => {
    await carryOut(api, await plan());
    cloudflare.requests.length = 0;
  });

  it("changes nothing, and still knows the audience tag", async () => {
    const steps = await plan({ allow: null });
    expect(steps.every(({ action }) => action === "keep")).toBe(true);
    expect(await carryOut(api, steps)).toBe(cloudflare.apps[0]?.aud);
    expect(actions(await plan())).toEqual(actions(steps));
    expect(changed()).toEqual([]);
  });

  it("leaves policies alone that somebody made in the dashboard, unless told otherwise", async () => {
    const own = {
      id: "p-1",
      name: "Contractors",
      decision: "allow",
      include: [{ group: { id: "g" } }],
      precedence: 1,
    };
    const shared = {
      id: "p-2",
      name: "Everybody",
      decision: "allow",
      include: [],
      precedence: 2,
      reusable: true,
    };
    Object.assign(cloudflare.apps[0] ?? {}, { policies: [own, shared], session_duration: "1h" });
    const steps = await plan({ allow: null });
    expect(steps[0]).toMatchObject({ action: "update", changes: ["session_duration"] });
    await carryOut(api, steps);
    expect(cloudflare.apps[0]?.policies).toMatchObject([own, { id: "p-2", precedence: 2 }]);
    expect(changed()).toHaveLength(1);
    expect((await plan())[0]).toMatchObject({ action: "update", changes: ["policies"] });
  });

  it("closes a path again that was opened, or opened to somebody only", async () => {
    Object.assign(cloudflare.apps[1] ?? {}, {
      policies: [{ id: "p", name: "x", decision: "allow", include: [{ everyone: {} }], precedence: 1 }],
    });
    const steps = await plan();
    expect(steps[1]).toMatchObject({ action: "update", changes: ["policies"] });
    await carryOut(api, steps);
    expect(cloudflare.apps[1]?.policies).toMatchObject([{ decision: "bypass" }]);
  });

  it("takes away what is on the list no longer, and nothing of other hosts", async () => {
    cloudflare.apps.push(
      { id: "other", domain: "other.example.com/keyed", tags: [TAG] },
      { id: "foreign", domain: `${HOST}/admin`, tags: ["x"] },
    );
    const steps = await plan({ unguarded: ["/healthz", "/keyed"] });
    expect(actions(steps).filter((line) => line.startsWith("remove"))).toEqual([
      `remove ${HOST}/channels`,
      `remove ${HOST}/s`,
    ]);
    await carryOut(api, steps);
    expect(cloudflare.apps.map(({ domain }) => domain)).toEqual([
      HOST,
      `${HOST}/healthz`,
      `${HOST}/keyed`,
      "other.example.com/keyed",
      `${HOST}/admin`,
    ]);
  });

  it("says what it would do, a line each", async () => {
    Object.assign(cloudflare.apps[0] ?? {}, { session_duration: "1h", name: "Renamed" });
    const lines = describePlan(await plan({ unguarded: ["/healthz"] }));
    expect(lines[0]).toBe(`~ update  ${HOST}  one signs in  (name, session_duration)`);
    expect(lines[1]).toContain(`keep    ${HOST}/healthz  open at the edge`);
    expect(lines.at(-1)).toContain(`- remove  ${HOST}/s`);
  });
});

describe("what stands in the way", () => {
  it("is an application of somebody else for the same address", async () => {
    cloudflare.apps.push({ id: "a", name: "Wiki", domain: HOST, tags: [] });
    await expect(plan()).rejects.toThrow('not ours: "Wiki"');
    Object.assign(cloudflare.apps[0] ?? {}, { tags: [TAG], aud: "taken-over" });
    expect((await plan())[0]).toMatchObject({ action: "update", id: "a" });
  });

  it("is said in the API's own words, with what to do, and without the token", async () => {
    const wrong = createApi({ ...cloudflare, token: "wrong-token", fetch });
    const error = await wrong.teamDomain().catch((thrown: unknown) => thrown);
    expect(String(error)).toContain("403: Authentication error (10000). The token needs the permissions");
    expect(String(error)).not.toContain("wrong-token");
    cloudflare.refuse = { status: 500, message: "internal" };
    await expect(api.applications()).rejects.toThrow(
      "refused GET /access/apps?page=1&per_page=50 with 500: internal",
    );
    await cloudflare.close();
    await expect(api.tags()).rejects.toThrow("did not answer at GET /access/tags");
  });

  it("is not a Worker that does not exist yet", async () => {
    expect(await api.secrets("holdfast")).toEqual(["MASTER_KEYS"]);
    expect(await api.secrets("new")).toEqual([]);
  });
});

it("all pages of applications are read", async () => {
  for (let n = 0; n < 8; n++) cloudflare.apps.push({ id: `a${n}`, domain: `${n}.example.com` });
  expect(await api.applications()).toHaveLength(8);
  expect(cloudflare.requests).toHaveLength(3);
});
