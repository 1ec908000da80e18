/** Principal × route × verb over the real app, against a table written by hand. */
import { beforeAll, describe, expect, it } from "vitest";
import { GUARDED_ROUTES } from "../../../src/router/app.ts";
import { createWorld, signIn, type World } from "./support/app.ts";
import { person, service } from "./support/tokens.ts";

type Verb = "GET" | "POST" | "PATCH" | "PUT" | "DELETE" | "UPGRADE";
const VERBS: readonly Verb[] = ["GET", "POST", "PATCH", "PUT", "DELETE", "UPGRADE"];

/**
 * What each address takes, and whether it is about one agent. `private`: everybody but the owner gets 403. `common`:
 * whoever is signed in. Written by hand: a new route is red here until somebody has thought about it.
 */
const EXPECTED: Record<string, { verbs: readonly Verb[]; access: "private" | "common" }> = {
  "/": { verbs: ["GET"], access: "common" },
  "/assets/index-abc.js": { verbs: ["GET"], access: "common" },
  "/favicon.svg": { verbs: ["GET"], access: "common" },
  "/api/me": { verbs: ["GET"], access: "common" },
  "/@alice": { verbs: ["GET", "UPGRADE"], access: "private" },
  "/@alice/get-messages": { verbs: ["GET"], access: "private" },
  "/@alice/plans": { verbs: ["GET", "UPGRADE"], access: "private" },
  "/@alice/plans/get-messages": { verbs: ["GET"], access: "private" },
  "/agents/conversation/ALICE.plans": { verbs: ["UPGRADE"], access: "private" },
  "/agents/conversation/ALICE.plans/get-messages": { verbs: ["GET"], access: "private" },
  "/api/agents/alice/settings": { verbs: ["GET", "PATCH"], access: "private" },
  "/api/agents/alice/usage": { verbs: ["GET"], access: "private" },
  "/api/agents/alice/feed": { verbs: ["UPGRADE"], access: "private" },
  "/api/agents/alice/threads": { verbs: ["GET", "POST"], access: "private" },
  "/api/agents/alice/threads/plans": { verbs: ["PATCH", "DELETE"], access: "private" },
  "/api/agents/alice/threads/plans/messages": { verbs: ["POST"], access: "private" },
  "/api/tools": { verbs: ["GET"], access: "common" },
  "/api/agents/alice/threads/plans/stop": { verbs: ["POST"], access: "private" },
  "/api/agents/alice/threads/plans/undo": { verbs: ["POST"], access: "private" },
  "/api/agents/alice/threads/plans/approvals/:call": { verbs: ["POST"], access: "private" },
  "/api/agents/alice/threads/plans/outbox": { verbs: ["GET"], access: "private" },
  "/api/agents/alice/threads/plans/outbox/t1-0": { verbs: ["DELETE"], access: "private" },
  "/api/agents/alice/threads/plans/outbox/t1-0/resend": { verbs: ["POST"], access: "private" },
  "/api/agents/alice/threads/plans/journal": { verbs: ["GET"], access: "private" },
  "/api/agents/alice/threads/plans/transcript.md": { verbs: ["GET"], access: "private" },
  "/api/agents/alice/threads/plans/fork": { verbs: ["POST"], access: "private" },
  "/api/agents/alice/import": { verbs: ["POST"], access: "private" },
  "/api/agents/alice/search": { verbs: ["GET"], access: "private" },
  "/api/agents/alice/schedules": { verbs: ["GET"], access: "private" },
  "/api/agents/alice/threads/plans/schedules": { verbs: ["GET", "POST"], access: "private" },
  "/api/agents/alice/threads/plans/schedules/:id": { verbs: ["PATCH", "DELETE"], access: "private" },
  "/api/agents/alice/files": { verbs: ["GET"], access: "private" },
  "/api/agents/alice/files/content": { verbs: ["GET", "PUT", "DELETE"], access: "private" },
  "/api/agents/alice/files/tree": { verbs: ["GET"], access: "private" },
  "/api/agents/alice/files/versions": { verbs: ["GET"], access: "private" },
  "/api/agents/alice/files/deleted": { verbs: ["GET"], access: "private" },
  "/api/agents/alice/files/restore": { verbs: ["POST"], access: "private" },
};

const STRANGERS = ["bob", "a service", "an administrator"] as const;
let world: World;
let aliceId = "";
const tokens: Record<string, string> = {};

beforeAll(async () => {
  world = await createWorld();
  const alice = await signIn(world, "alice");
  aliceId = alice.id;
  tokens.alice = alice.token;
  tokens.bob = await world.tokenOf("bob");
  tokens["a service"] = await world.issuer.token(service("ci.example"));
  tokens["an administrator"] = await world.issuer.token(
    person("root-of-all", { custom: { groups: ["admins"] } }),
  );
});

async function ask(path: string, verb: Verb, token: string | null): Promise<number> {
  const upgrade = { Upgrade: "websocket", Connection: "Upgrade" };
  const response = await world.ask(path.replace("ALICE", aliceId), {
    method: verb === "UPGRADE" ? "GET" : verb,
    token,
    headers: verb === "UPGRADE" ? upgrade : {},
    ...(["POST", "PATCH", "PUT"].includes(verb) && { body: "{}" }),
  });
  response.webSocket?.accept();
  response.webSocket?.close();
  await response.body?.cancel();
  return response.status;
}

it("knows every route that the app has", () => {
  const unknown = GUARDED_ROUTES.filter(({ path }) => {
    const pattern = path
      .replace(":at{@[^/]+}", "@alice")
      .replace(":file{[\\w-]+\\.(?:svg|ico|png|webmanifest|txt)}", "favicon.svg")
      .replace(":handle", "alice")
      .replace(":thread", "plans")
      .replace(":delivery", "t1-0")
      .replace(":name", "ALICE.plans")
      .replace("*", "index-abc.js");
    const verbs = GUARDED_ROUTES.find((route) => route.path === path)?.methods ?? {};
    return String(Object.keys(verbs).sort()) !== String([...(EXPECTED[pattern]?.verbs ?? [])].sort());
  });
  expect(unknown).toEqual([]);
  expect(GUARDED_ROUTES.length).toBe(Object.keys(EXPECTED).length);
});

describe.each(Object.entries(EXPECTED))("%s", (path, { verbs, access }) => {
  it("wants a sign-in for every verb", async () => {
    for (const verb of VERBS) expect([verb, await ask(path, verb, null)]).toEqual([verb, 401]);
  });

  it.each(STRANGERS)(`is ${access} to %s`, async (who) => {
    const before = world.reached.length;
    for (const verb of verbs) {
      const status = await ask(path, verb, tokens[who] ?? null);
      if (access === "private") expect([verb, status]).toEqual([verb, 403]);
      else expect([verb, status < 400]).toEqual([verb, true]);
    }
    expect(world.reached.length).toBe(before);
  });

  it("lets its owner in", async () => {
    for (const verb of verbs) {
      const status = await ask(path, verb, tokens.alice ?? null);
      expect([verb, [401, 403, 405, 426, 500].includes(status)]).toEqual([verb, false]);
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
