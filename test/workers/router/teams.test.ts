/** Teams, over the real app with real user actors. */
import { env } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { userStub } from "../../../src/env.ts";
import { CUT_CODE } from "../../../src/protocol/teams.ts";
import {
  ask,
  begin,
  feedOf,
  fresh,
  invited,
  joins,
  logOf,
  members,
  newcomer,
  newTeam,
  refusal,
  type Someone,
  world,
} from "./support/people.ts";

beforeAll(begin);
beforeEach(() => {
  world.reached.length = 0;
});

describe("a team", () => {
  it("is made with its first owner, and found by its members only", async () => {
    const [alice, bob] = [await newcomer("alice"), await newcomer("bob")];
    const team = await newTeam(alice);
    expect(await ask(alice, "GET", "/api/teams")).toMatchObject({
      status: 200,
      body: { teams: [{ id: team.id, handle: team.handle, name: "The Crew", role: "owner" }] },
    });
    expect(await ask(alice, "GET", team.path)).toMatchObject({ status: 200, body: { role: "owner" } });
    expect((await ask(bob, "GET", "/api/teams")).body).toEqual({ teams: [] });
    expect(refusal(await ask(bob, "GET", team.path))).toEqual([403, "forbidden"]);
    expect(refusal(await ask(bob, "GET", `/api/agents/${team.handle}/settings`))).toEqual([403, "forbidden"]);
  });

  it("has files, settings and chats of its own", async () => {
    const alice = await newcomer("alice");
    const team = await newTeam(alice);
    const put = (handle: string, text: string) =>
      world.ask(`/api/agents/${handle}/files/content?path=note.md`, {
        method: "PUT",
        token: alice.token,
        body: text,
      });
    expect((await put(team.handle, "of the team")).status).toBe(201);
    expect((await put(alice.handle, "of alice")).status).toBe(201);
    const read = await world.ask(`/api/agents/${team.handle}/files/content?path=note.md`, {
      token: alice.token,
    });
    expect(await (await world.ask(read.headers.get("Location") ?? "")).text()).toBe("of the team");
    await ask(alice, "PATCH", `/api/agents/${team.handle}/settings`, { name: "Crewmate" });
    expect((await ask(alice, "GET", `/api/agents/${alice.handle}/settings`)).body).toMatchObject({
      name: "Holdfast",
    });
    await ask(alice, "POST", `/api/agents/${team.handle}/threads/plans/messages`, { text: "Hello" });
    expect(world.reached[0]?.name).toBe(`${team.id}.plans`);
  });

  it("is renamed, and leads on from its old handle", async () => {
    const alice = await newcomer("alice");
    const team = await newTeam(alice);
    const handle = fresh("ship");
    expect(await ask(alice, "PATCH", team.path, { name: "Ship", handle })).toMatchObject({
      status: 200,
      body: { team: { id: team.id, handle, name: "Ship" } },
    });
    expect((await ask(alice, "GET", team.path)).body).toMatchObject({ team: { handle } });
  });

  it("is deleted for good by an owner who types its handle", async () => {
    const [alice, bob] = [await newcomer("alice"), await newcomer("bob")];
    const team = await newTeam(alice);
    await joins(bob, alice, team.path, "writer");
    expect(refusal(await ask(bob, "DELETE", team.path, { confirm: team.handle }))).toEqual([
      403,
      "forbidden",
    ]);
    expect(refusal(await ask(alice, "DELETE", team.path, { confirm: "crew" }))).toEqual([400, "bad_request"]);
    expect((await ask(alice, "DELETE", team.path, { confirm: team.handle })).status).toBe(204);
    expect((await ask(alice, "GET", "/api/teams")).body).toEqual({ teams: [] });
    expect(refusal(await ask(alice, "GET", team.path))[0]).toBe(404);
    const again = await ask(bob, "POST", "/api/teams", { name: "Mine now", handle: team.handle });
    expect(again).toMatchObject({ status: 201, body: { team: { handle: team.handle } } });
    expect(again.body).not.toMatchObject({ team: { id: team.id } });
    expect((await members(bob, team.path)).map(({ userId }) => userId)).toEqual([bob.id]);
  });
});

describe("an invitation", () => {
  it("is taken once", async () => {
    const [alice, bob, carol] = [await newcomer("alice"), await newcomer("bob"), await newcomer("carol")];
    const team = await newTeam(alice);
    const token = await invited(alice, team.path, { role: "reader" });
    expect(await ask(bob, "POST", `${team.path}/invitations/accept`, { token })).toMatchObject({
      status: 200,
      body: { role: "reader" },
    });
    expect(refusal(await ask(carol, "POST", `${team.path}/invitations/accept`, { token }))).toEqual([
      410,
      "invitation_used",
    ]);
    expect((await members(alice, team.path)).map(({ userId, role }) => [userId, role])).toEqual([
      [alice.id, "owner"],
      [bob.id, "reader"],
    ]);
  });

  it("says what it is for before it is taken, and stays open meanwhile", async () => {
    const [alice, bob, carol] = [await newcomer("alice"), await newcomer("bob"), await newcomer("carol")];
    const team = await newTeam(alice);
    const token = await invited(alice, team.path, { email: `${bob.handle}@example.com` });
    const look = (who: Someone, asked = token) =>
      ask(who, "POST", `${team.path}/invitations/look`, { token: asked });
    const offer = { team: { id: team.id, name: "The Crew" }, role: "writer", member: false };
    expect(await look(bob)).toMatchObject({ status: 200, body: offer });
    expect(refusal(await look(carol))).toEqual([403, "forbidden"]);
    expect(refusal(await look(bob, "aaaa"))).toEqual([404, "invitation_unknown"]);
    expect((await members(alice, team.path)).map(({ userId }) => userId)).toEqual([alice.id]);
    expect((await ask(bob, "POST", `${team.path}/invitations/accept`, { token })).status).toBe(200);
    expect(refusal(await look(bob))).toEqual([410, "invitation_used"]);
  });

  it("is refused when it was made up, revoked, has expired, or is another team's", async () => {
    const [alice, bob] = [await newcomer("alice"), await newcomer("bob")];
    const [team, other] = [await newTeam(alice), await newTeam(alice)];
    const accept = (token: string, path = team.path) =>
      ask(bob, "POST", `${path}/invitations/accept`, { token });
    expect(refusal(await accept("aaaa"))).toEqual([404, "invitation_unknown"]);
    const foreign = await invited(alice, other.path);
    expect(refusal(await accept(foreign))).toEqual([404, "invitation_unknown"]);

    const token = await invited(alice, team.path);
    const open = (await ask(alice, "GET", `${team.path}/invitations`)).body;
    const [{ id } = { id: "" }] = z
      .object({ invitations: z.array(z.object({ id: z.string() })) })
      .parse(open).invitations;
    expect((await ask(alice, "DELETE", `${team.path}/invitations/${id}`)).status).toBe(204);
    expect(refusal(await ask(alice, "DELETE", `${team.path}/invitations/${id}`))).toEqual([
      404,
      "invitation_unknown",
    ]);
    expect(refusal(await accept(token))).toEqual([410, "invitation_used"]);
    expect((await accept(foreign, other.path)).status).toBe(200);
  });

  it("for an address is for that address, and its token is kept nowhere", async () => {
    const [alice, bob, carol] = [await newcomer("alice"), await newcomer("bob"), await newcomer("carol")];
    const team = await newTeam(alice);
    const token = await invited(alice, team.path, { email: `${carol.handle.toUpperCase()}@example.com` });
    expect(refusal(await ask(bob, "POST", `${team.path}/invitations/accept`, { token }))).toEqual([
      403,
      "forbidden",
    ]);
    expect((await ask(carol, "POST", `${team.path}/invitations/accept`, { token })).status).toBe(200);
    const log = await logOf(alice, team.handle);
    expect(log).toContain("invitation-created");
    expect(log).toContain("member-joined");
    expect(log).not.toContain(token);
  });
});

describe("members", () => {
  it("are changed by owners only, and one owner always remains", async () => {
    const [alice, bob] = [await newcomer("alice"), await newcomer("bob")];
    const team = await newTeam(alice);
    await joins(bob, alice, team.path, "writer");
    const role = (who: Someone, of: Someone, to: string) =>
      ask(who, "PATCH", `${team.path}/members/${of.id}`, { role: to });
    expect(refusal(await role(bob, bob, "owner"))).toEqual([403, "forbidden"]);
    expect(refusal(await role(alice, alice, "reader"))).toEqual([409, "last_owner"]);
    expect(refusal(await ask(alice, "POST", `${team.path}/leave`))).toEqual([409, "last_owner"]);
    expect(refusal(await ask(alice, "DELETE", `${team.path}/members/${alice.id}`))).toEqual([
      409,
      "last_owner",
    ]);
    expect((await role(alice, bob, "owner")).status).toBe(200);
    expect((await ask(alice, "POST", `${team.path}/leave`)).status).toBe(204);
    expect(refusal(await ask(alice, "GET", team.path))).toEqual([403, "forbidden"]);
    expect(refusal(await role(bob, alice, "owner"))).toEqual([404, "member_unknown"]);
  });

  it("who are removed are out of every socket before the answer, and cannot come back", async () => {
    const [alice, bob] = [await newcomer("alice"), await newcomer("bob")];
    const team = await newTeam(alice);
    await joins(bob, alice, team.path, "writer");
    const rpc = userStub(env, team.id).team;
    // A conversation says that somebody comes; this one is a stand-in that writes down what it is asked.
    expect(await rpc.arrived(bob.id, "plans", "writer")).toEqual(expect.any(Number));
    expect(await rpc.arrived(bob.id, "plans", "owner")).toBeNull();
    const [his, hers] = [await feedOf(bob, team.handle), await feedOf(alice, team.handle)];
    expect((await ask(alice, "DELETE", `${team.path}/members/${bob.id}`)).status).toBe(204);
    expect(await his.closed).toEqual({ code: CUT_CODE, reason: expect.stringContaining("not a member") });
    expect(await rpc.arrived(bob.id, "plans", "writer")).toBeNull();
    await expect(feedOf(bob, team.handle)).rejects.toThrow("403");
    expect(refusal(await ask(bob, "GET", `/api/agents/${team.handle}/threads`))).toEqual([403, "forbidden"]);
    await ask(alice, "PATCH", `/api/agents/${team.handle}/settings`, { name: "Still here" });
    expect(hers.socket.readyState).toBe(WebSocket.READY_STATE_OPEN);
    hers.socket.close();
  });

  it("who get another role come back with it", async () => {
    const [alice, bob] = [await newcomer("alice"), await newcomer("bob")];
    const team = await newTeam(alice);
    await joins(bob, alice, team.path, "writer");
    const feed = await feedOf(bob, team.handle);
    await ask(alice, "PATCH", `${team.path}/members/${bob.id}`, { role: "reader" });
    expect(await feed.closed).toMatchObject({ code: CUT_CODE });
    const again = await feedOf(bob, team.handle);
    again.socket.close();
    const send = (who: Someone) =>
      ask(who, "POST", `/api/agents/${team.handle}/threads/plans/messages`, { text: "Hello" });
    expect(refusal(await send(bob))).toEqual([403, "forbidden"]);
    expect((await send(alice)).status).toBe(202);
    const decision = await ask(bob, "POST", `/api/agents/${team.handle}/threads/plans/approvals/c1`, {
      approved: true,
    });
    expect(refusal(decision)).toEqual([403, "forbidden"]);
  });
});
