/** Principal × route × verb over the real app, against a table written by hand. */
import { beforeAll, describe, expect, it } from "vitest";
import { GUARDED_ROUTES } from "../../../src/router/app.ts";
import { createWorld, signIn, type World } from "./support/app.ts";
import { person, service } from "./support/tokens.ts";

type Verb = "GET" | "POST" | "PATCH" | "PUT" | "DELETE" | "UPGRADE";
const VERBS: readonly Verb[] = ["GET", "POST", "PATCH", "PUT", "DELETE", "UPGRADE"];

/**
 * `common`: whoever is signed in. `private`: the owner, and nobody else. `watched`: the owner, and administrators may
 * GET. `admins`: administrators only.
 */
type Access = "common" | "private" | "watched" | "admins";

const AGENT = "/api/agents/:handle";
const THREAD = `${AGENT}/threads/:thread`;
const TEAM = "/api/teams/:handle";

/** What each route takes, and from whom. Written by hand: a new route is red here until somebody has thought about it. */
const EXPECTED: Record<string, readonly [access: Access, ...verbs: Verb[]]> = {
  "/": ["common", "GET"],
  "/join/:handle/:token": ["common", "GET"],
  "/assets/*": ["common", "GET"],
  "/:file{[\\w-]+\\.(?:svg|ico|png|webmanifest|txt)}": ["common", "GET"],
  "/:at{@[^/]+}": ["watched", "GET", "UPGRADE"],
  "/:at{@[^/]+}/get-messages": ["watched", "GET"],
  "/:at{@[^/]+}/:thread": ["watched", "GET", "UPGRADE"],
  "/:at{@[^/]+}/:thread/get-messages": ["watched", "GET"],
  "/agents/conversation/:name": ["private", "UPGRADE"],
  "/agents/conversation/:name/get-messages": ["watched", "GET"],

  "/api/me": ["common", "GET", "PATCH"],
  "/api/tools": ["common", "GET"],
  "/api/people": ["admins", "GET"],
  "/api/people/:userId": ["admins", "PATCH"],
  "/api/audit/requests": ["admins", "GET"],
  "/api/audit/changes": ["admins", "GET"],
  "/api/audit/usage": ["admins", "GET"],

  "/api/teams": ["common", "GET", "POST"],
  [TEAM]: ["watched", "GET", "PATCH", "DELETE"],
  [`${TEAM}/members`]: ["watched", "GET"],
  [`${TEAM}/members/:userId`]: ["private", "PATCH", "DELETE"],
  [`${TEAM}/leave`]: ["private", "POST"],
  [`${TEAM}/invitations`]: ["private", "GET", "POST"],
  [`${TEAM}/invitations/look`]: ["common", "POST"],
  [`${TEAM}/invitations/accept`]: ["common", "POST"],
  [`${TEAM}/invitations/:id`]: ["private", "DELETE"],

  [AGENT]: ["private", "DELETE"],
  [`${AGENT}/settings`]: ["watched", "GET", "PATCH"],
  [`${AGENT}/usage`]: ["watched", "GET"],
  [`${AGENT}/feed`]: ["private", "UPGRADE"],
  [`${AGENT}/log`]: ["watched", "GET"],
  [`${AGENT}/log.jsonl`]: ["watched", "GET"],
  [`${AGENT}/import`]: ["private", "POST"],
  [`${AGENT}/search`]: ["watched", "GET"],
  [`${AGENT}/schedules`]: ["watched", "GET"],
  [`${AGENT}/shares`]: ["private", "GET"],
  [`${AGENT}/shares/:share`]: ["private", "DELETE"],
  [`${AGENT}/keys`]: ["private", "GET", "POST"],
  [`${AGENT}/keys/:key`]: ["private", "PATCH", "DELETE"],
  [`${AGENT}/keys/:key/rotate`]: ["private", "POST"],
  [`${AGENT}/hooks`]: ["private", "GET", "POST"],
  [`${AGENT}/hooks/:hook`]: ["private", "PATCH", "DELETE"],
  [`${AGENT}/hooks/:hook/rotate`]: ["private", "POST"],
  [`${AGENT}/hooks/:hook/preview`]: ["private", "POST"],
  [`${AGENT}/hooks/:hook/deliveries`]: ["private", "GET"],
  [`${AGENT}/vault`]: ["private", "GET"],
  [`${AGENT}/vault-reseal`]: ["private", "POST"],
  [`${AGENT}/vault/:credential`]: ["private", "PUT", "PATCH", "DELETE"],

  [`${AGENT}/threads`]: ["watched", "GET", "POST"],
  [THREAD]: ["private", "PATCH", "DELETE"],
  [`${THREAD}/messages`]: ["private", "POST"],
  [`${THREAD}/stop`]: ["private", "POST"],
  [`${THREAD}/undo`]: ["private", "POST"],
  [`${THREAD}/erase`]: ["private", "POST"],
  [`${THREAD}/approvals/:call`]: ["private", "POST"],
  [`${THREAD}/outbox`]: ["watched", "GET"],
  [`${THREAD}/outbox/:delivery`]: ["private", "DELETE"],
  [`${THREAD}/outbox/:delivery/resend`]: ["private", "POST"],
  [`${THREAD}/journal`]: ["watched", "GET"],
  [`${THREAD}/transcript.md`]: ["watched", "GET"],
  [`${THREAD}/fork`]: ["private", "POST"],
  [`${THREAD}/shares`]: ["private", "GET", "POST"],
  [`${THREAD}/schedules`]: ["watched", "GET", "POST"],
  [`${THREAD}/schedules/:id`]: ["private", "PATCH", "DELETE"],

  [`${AGENT}/files`]: ["watched", "GET"],
  [`${AGENT}/files/content`]: ["watched", "GET", "PUT", "DELETE"],
  [`${AGENT}/files/link`]: ["watched", "GET"],
  [`${AGENT}/files/tree`]: ["watched", "GET"],
  [`${AGENT}/files/versions`]: ["watched", "GET"],
  [`${AGENT}/files/deleted`]: ["watched", "GET"],
  [`${AGENT}/files/restore`]: ["private", "POST"],
};

const STRANGERS = ["bob", "a service", "an administrator"] as const;
let world: World;
let aliceId = "";
const tokens: Record<string, string> = {};

beforeAll(async () => {
  // As many requests as it takes: how often somebody may ask is another test's.
  const unlimited = { limit: async () => ({ success: true }) };
  world = await createWorld({ RATE_PRINCIPAL: unlimited, RATE_ADDRESS: unlimited, RATE_FAILURE: unlimited });
  const alice = await signIn(world, "alice");
  aliceId = alice.id;
  tokens.alice = alice.token;
  tokens.bob = await world.tokenOf("bob");
  tokens["a service"] = await world.issuer.token(service("ci.example"));
  tokens["an administrator"] = await world.issuer.token(
    person("root-of-all", { custom: { groups: ["admins"] } }),
  );
  const made = await world.ask("/api/teams", {
    method: "POST",
    token: alice.token,
    body: JSON.stringify({ name: "Crew", handle: "crew" }),
  });
  expect(made.status).toBe(201);
});

/** An address of the route: alice's agent, and the team that is hers alone. */
const addressOf = (path: string): string =>
  path
    .replace(":at{@[^/]+}", "@alice")
    .replace(":file{[\\w-]+\\.(?:svg|ico|png|webmanifest|txt)}", "favicon.svg")
    .replace(":handle", path.startsWith(TEAM) ? "crew" : "alice")
    .replace(":thread", "plans")
    .replace(":delivery", "t1-0")
    .replace(":name", `${aliceId}.plans`)
    .replace("*", "index-abc.js");

async function ask(path: string, verb: Verb, token: string | null): Promise<number> {
  const upgrade = { Upgrade: "websocket", Connection: "Upgrade" };
  const response = await world.ask(addressOf(path), {
    method: verb === "UPGRADE" ? "GET" : verb,
    token,
    headers: verb === "UPGRADE" ? upgrade : {},
    ...(["POST", "PATCH", "PUT", "DELETE"].includes(verb) && { body: "{}" }),
  });
  response.webSocket?.accept();
  response.webSocket?.close();
  await response.body?.cancel();
  return response.status;
}

/** Policy let it through: whatever the handler found wrong with it. */
const isThrough = (status: number): boolean => ![401, 403, 405, 426, 429, 500].includes(status);

it("knows every route that the app has", () => {
  const registered = GUARDED_ROUTES.map(({ path, methods }) => [path, ...Object.keys(methods).sort()]);
  const expected = Object.entries(EXPECTED).map(([path, [, ...verbs]]) => [path, ...verbs.sort()]);
  expect(registered.sort()).toEqual(expected.sort());
});

describe.each(Object.entries(EXPECTED))("%s", (path, [access, ...verbs]) => {
  it("wants a sign-in for every verb", async () => {
    for (const verb of VERBS) expect([verb, await ask(path, verb, null)]).toEqual([verb, 401]);
  });

  it.each(STRANGERS)(`is ${access} to %s`, async (who) => {
    const before = world.reached.length;
    let reads = false;
    for (const verb of verbs) {
      const status = await ask(path, verb, tokens[who] ?? null);
      const isAdmin = who === "an administrator";
      const open =
        access === "common" || (isAdmin && (access === "admins" || (access === "watched" && verb === "GET")));
      reads ||= open;
      expect([verb, open ? isThrough(status) : status]).toEqual([verb, open ? true : 403]);
    }
    if (!reads) expect(world.reached.length).toBe(before);
  });

  it("lets its owner in", async () => {
    for (const verb of verbs) {
      const status = await ask(path, verb, tokens.alice ?? null);
      expect([verb, access === "admins" ? status : isThrough(status)]).toEqual([
        verb,
        access === "admins" ? 403 : true,
      ]);
    }
  });

  it("takes no other verb, from nobody", async () => {
    for (const verb of VERBS.filter((candidate) => !verbs.includes(candidate))) {
      for (const who of ["alice", "bob"]) {
        const status = await ask(path, verb, tokens[who] ?? null);
        expect([who, verb, [405, 426].includes(status)]).toEqual([who, verb, true]);
      }
    }
  });
});
