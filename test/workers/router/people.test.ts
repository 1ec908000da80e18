/** Handles, people, and what administrators look at, over the real app with real user actors. */
import { env } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { CUT_CODE, personSchema } from "../../../src/protocol/teams.ts";
import {
  admin,
  ask,
  begin,
  feedOf,
  fresh,
  joins,
  logOf,
  newcomer,
  newTeam,
  refusal,
  world,
} from "./support/people.ts";

beforeAll(begin);
beforeEach(() => {
  world.reached.length = 0;
});

describe("a handle", () => {
  it("is changed, leads on, and is nobody else's", async () => {
    const [alice, bob] = [await newcomer("alice"), await newcomer("bob")];
    const handle = fresh("ali");
    expect(await ask(alice, "PATCH", "/api/me", { handle })).toEqual({ status: 200, body: { handle } });
    expect((await ask(alice, "GET", "/api/me")).body).toMatchObject({ user: { handle } });
    const page = await world.ask(`/@${alice.handle}/plans?q=1`, { token: alice.token });
    expect([page.status, page.headers.get("Location")]).toEqual([307, `/@${handle}/plans?q=1`]);
    expect((await ask(alice, "GET", `/api/agents/${alice.handle}/settings`)).status).toBe(200);
    expect(refusal(await ask(bob, "PATCH", "/api/me", { handle: alice.handle }))).toEqual([
      409,
      "handle_taken",
    ]);
    expect(refusal(await ask(bob, "PATCH", "/api/me", { handle: handle.replace("ali", "a1i") }))).toEqual([
      409,
      "handle_taken",
    ]);
    const stranger = await world.ask(`/@${alice.handle}`, { token: bob.token });
    expect([stranger.status, stranger.headers.get("Location")]).toEqual([403, null]);
    // And back again.
    expect((await ask(alice, "PATCH", "/api/me", { handle: alice.handle })).status).toBe(200);
    expect((await ask(alice, "GET", "/api/me")).body).toMatchObject({ user: { handle: alice.handle } });
  });

  it.each(
    ["admin", "adm1n", "rn", "A", "a", "", "-a", "a--", "a b", "ａlice", "x".repeat(33), "www"].filter(
      (h) => h !== "rn",
    ),
  )("%j cannot be chosen", async (handle) => {
    const alice = await newcomer("alice");
    expect(refusal(await ask(alice, "PATCH", "/api/me", { handle }))).toEqual([400, "handle_invalid"]);
  });

  it("is one owner's, whoever asks at the same moment", async () => {
    const all = await Promise.all(["ann", "ben", "cat", "dan"].map(newcomer));
    const handle = fresh("wanted");
    const answers = await Promise.all(all.map((who) => ask(who, "PATCH", "/api/me", { handle })));
    const won = answers.filter(({ body }) => z.object({ handle: z.literal(handle) }).safeParse(body).success);
    expect(won).toHaveLength(1);
    for (const { status, body } of answers) if (status === 200) expect(body).toEqual({ handle });
  });
});

describe("people", () => {
  it("are listed for administrators, by name, in pages", async () => {
    const [alice] = [await newcomer("findme"), await newcomer("findme")];
    const found = z.object({ people: z.array(personSchema), next: z.string().optional() });
    const all = found.parse((await ask(admin, "GET", "/api/people?query=FINDME")).body);
    expect(all.people).toHaveLength(2);
    const first = found.parse((await ask(admin, "GET", "/api/people?query=findme&limit=1")).body);
    const second = found.parse(
      (await ask(admin, "GET", `/api/people?query=findme&limit=1&after=${first.next}`)).body,
    );
    expect([...first.people, ...second.people]).toEqual(all.people);
    expect(second.next).toBeUndefined();
    expect(refusal(await ask(alice, "GET", "/api/people"))).toEqual([403, "forbidden"]);
  });

  it("who are disabled are out everywhere: sockets at once, requests within the cache time", async () => {
    const [alice, bob] = [await newcomer("alice"), await newcomer("bob")];
    const team = await newTeam(alice);
    await joins(bob, alice, team.path, "writer");
    const feeds = [await feedOf(bob, bob.handle), await feedOf(bob, team.handle)];
    expect(await ask(admin, "PATCH", `/api/people/${bob.id}`, { disabled: true })).toMatchObject({
      status: 200,
      body: { person: { id: bob.id, disabled: true } },
    });
    for (const feed of feeds) expect(await feed.closed).toMatchObject({ code: CUT_CODE });
    expect(refusal(await ask(bob, "GET", "/api/me"))).toEqual([403, "account_disabled"]);
    await ask(admin, "PATCH", `/api/people/${bob.id}`, { disabled: false });
    expect((await ask(bob, "GET", "/api/me")).status).toBe(200);
    const log = await logOf(bob, bob.handle);
    expect(log).toContain("access-disabled");
    expect(log).toContain("access-enabled");
  });

  it("have the role that was set by hand, above what their groups say", async () => {
    const bob = await newcomer("bob");
    const set = (role: string | null) => ask(admin, "PATCH", `/api/people/${bob.id}`, { role });
    await set("guest");
    expect((await ask(bob, "GET", "/api/me")).body).toMatchObject({ user: { role: "guest" }, agent: null });
    expect(refusal(await ask(bob, "GET", `/api/agents/${bob.handle}/settings`))).toEqual([403, "forbidden"]);
    await set("admin");
    expect((await ask(bob, "GET", "/api/people?limit=1")).status).toBe(200);
    await set(null);
    expect((await ask(bob, "GET", "/api/me")).body).toMatchObject({ user: { role: "member" } });
  });

  it("include an administrator who cannot take it from themselves while nobody else has it", async () => {
    await env.CATALOG.prepare("DELETE FROM user_state").run();
    const set = (change: Record<string, unknown>) => ask(admin, "PATCH", `/api/people/${admin.id}`, change);
    expect(refusal(await set({ role: "member" }))).toEqual([409, "last_admin"]);
    expect(refusal(await set({ disabled: true }))).toEqual([409, "last_admin"]);
    expect(
      refusal(await ask(admin, "PATCH", "/api/people/uaaaaaaaaaaaaaaaaaaaa", { role: "guest" })),
    ).toEqual([404, "person_unknown"]);
  });

  it("who are guests go to their team, or learn whom to ask", async () => {
    const [alice, bob] = [await newcomer("alice"), await newcomer("bob")];
    await ask(admin, "PATCH", `/api/people/${bob.id}`, { role: "guest" });
    const home = () => world.ask("/", { token: bob.token });
    expect(refusal({ status: (await home()).status, body: await (await home()).json() })).toEqual([
      403,
      "agent_missing",
    ]);
    expect(refusal(await ask(bob, "POST", "/api/teams", { name: "X", handle: fresh("nope") }))).toEqual([
      403,
      "forbidden",
    ]);
    const team = await newTeam(alice);
    await joins(bob, alice, team.path, "writer");
    expect((await home()).headers.get("Location")).toBe(`/@${team.handle}`);
    expect(
      (await ask(bob, "POST", `/api/agents/${team.handle}/threads/plans/messages`, { text: "Hi" })).status,
    ).toBe(202);
  });
});

describe("what an administrator looks at", () => {
  it("is in the owner's log before they see it, with the route and not what was asked for", async () => {
    const alice = await newcomer("alice");
    expect(
      (await ask(admin, "GET", `/api/agents/${alice.handle}/files/content?path=secret-plan.md`)).status,
    ).toBe(404);
    const log = await logOf(alice, alice.handle);
    expect(log).toContain("admin-read");
    expect(log).toContain("/api/agents/:handle/files/content");
    expect(log).toContain("the-admin@example.com");
    expect(log).not.toContain("secret-plan");
  });

  it("by a name that nobody has is not there, and wakes nobody", async () => {
    const answer = await ask(admin, "GET", "/agents/conversation/uaaaaaaaaaaaaaaaaaaaa.main/get-messages");
    expect(refusal(answer)).toEqual([404, "agent_unknown"]);
    expect(world.reached).toEqual([]);
  });
});
