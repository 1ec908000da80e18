/** Of people: roles set by hand, access switched off, guests, administrators, and keys of somebody who is gone. */
import { z } from "zod";
import { must, type Story, story, type Teller } from "./tell.ts";
import type { Someone } from "./world.ts";

const set = (t: Teller, who: Someone, change: Record<string, unknown>): Promise<unknown> =>
  t.does(t.world.people.admin, "PATCH", `/api/people/${who.id}`, change);
const keyShape = z.object({ key: z.object({ id: z.string() }), secret: z.string() });
const newKey = (t: Teller, who: Someone, handle: string) =>
  t.world.must(who, "POST", `/api/agents/${handle}/keys`, { name: "k", scopes: ["read"] }, keyShape);
const withKey = (secret: string): Someone => ({
  id: "",
  handle: "",
  headers: { authorization: `Bearer ${secret}` },
});

export const PEOPLE_STORIES: readonly Story[] = [
  story("who is disabled is out of every socket, their own and their team's", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "writer");
    const chat = await t.says(bob, `/@${bob.handle}`, "Hello.");
    const others = [
      await t.open(bob, `/api/agents/${bob.handle}/feed`),
      await t.open(bob, `/@${crew.handle}/plans`),
    ];
    await set(t, bob, { disabled: true });
    for (const socket of [chat, ...others]) await t.closes(socket, 4403);
  }),
  story("who is disabled is refused with a sentence, on pages and in the API", async (t) => {
    const bob = await t.someone("bob");
    await set(t, bob, { disabled: true });
    await t.refused(bob, "GET", "/api/me", 403, "account_disabled");
    const page = await t.world.ask("GET", "/", { ...bob.headers, accept: "text/html" });
    must(page.status === 403 && page.body.includes("switched off"), `${page.status}`);
  }),
  story("who is enabled again finds everything", async (t) => {
    const bob = await t.someone("bob");
    await t.does(bob, "PATCH", `/api/agents/${bob.handle}/settings`, { name: "Mine" });
    await set(t, bob, { disabled: true });
    await set(t, bob, { disabled: false });
    must(
      (await t.ask(bob, "GET", `/api/agents/${bob.handle}/settings`)).body.includes("Mine"),
      "they do not",
    );
  }),
  story("a disabled member cannot act in a team either", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "owner");
    await set(t, bob, { disabled: true });
    await t.refused(
      bob,
      "DELETE",
      `/api/teams/${crew.handle}/members/${crew.owner.id}`,
      403,
      "account_disabled",
    );
  }),
  story("a guest opens an agent page of their own", async (t) => {
    const gus = await t.someone("gus");
    await set(t, gus, { role: "guest" });
    await t.refused(gus, "GET", `/@${gus.handle}`, 403, "forbidden");
    await t.refused(gus, "UPGRADE", `/@${gus.handle}`, 403, "forbidden");
  }),
  story("a guest in no team learns whom to ask", async (t) => {
    const gus = await t.someone("gus");
    await set(t, gus, { role: "guest" });
    await t.refused(gus, "GET", "/", 403, "agent_missing");
  }),
  story("a guest in a team is led there, and works there", async (t) => {
    const gus = await t.someone("gus");
    await set(t, gus, { role: "guest" });
    const crew = await t.crew();
    await t.joined(crew, "writer", gus);
    must((await t.ask(gus, "GET", "/")).location === `/@${crew.handle}`, "they are not");
    (await t.says(gus, `/@${crew.handle}/guests`, "Hello.")).close();
  }),
  story("a guest makes no team", async (t) => {
    const gus = await t.someone("gus");
    await set(t, gus, { role: "guest" });
    await t.refused(gus, "POST", "/api/teams", 403, "forbidden", {
      name: "X",
      handle: t.newHandle("guests"),
    });
  }),
  story("who becomes a guest is cut off from their agent", async (t) => {
    const bob = await t.someone("bob");
    const chat = await t.says(bob, `/@${bob.handle}`, "Hello.");
    await set(t, bob, { role: "guest" });
    await t.closes(chat, 4403);
    await t.refused(bob, "UPGRADE", `/@${bob.handle}`, 403, "forbidden");
  }),
  story("an administrator by hand administers, and does not afterwards", async (t) => {
    const bob = await t.someone("bob");
    await t.refused(bob, "GET", "/api/people", 403, "forbidden");
    await set(t, bob, { role: "admin" });
    await t.does(bob, "GET", "/api/people");
    await set(t, bob, { role: null });
    await t.refused(bob, "GET", "/api/people", 403, "forbidden");
  }),
  story("a role by hand is stronger than a group", async (t) => {
    const ann = await t.someone("ann", ["admins"]);
    await t.does(ann, "GET", "/api/people");
    await set(t, ann, { role: "member" });
    await t.refused(ann, "GET", "/api/people", 403, "forbidden");
  }),
  story("nobody makes themselves an administrator", async (t) => {
    const eve = await t.someone("eve");
    await t.refused(eve, "PATCH", `/api/people/${eve.id}`, 403, "forbidden", { role: "admin" });
    await t.refused(eve, "PATCH", "/api/me", 400, "bad_request", { handle: eve.handle, role: "admin" });
  }),
  story("an administrator who looks is seen", async (t) => {
    const alice = await t.someone("alice");
    await t.does(t.world.people.admin, "GET", `/api/agents/${alice.handle}/threads`);
    const log = await t.log(alice, alice.handle);
    must(log.includes("admin-read") && log.includes("root@example.com"), "it is not in the owner's log");
  }),
  story("an administrator looks and touches nothing", async (t) => {
    const alice = await t.someone("alice");
    const { admin } = t.world.people;
    await t.refused(admin, "PATCH", `/api/agents/${alice.handle}/settings`, 403, "forbidden", { name: "x" });
    await t.refused(admin, "POST", `/api/agents/${alice.handle}/threads/plans/messages`, 403, "forbidden", {
      text: "x",
    });
    await t.refused(admin, "UPGRADE", `/@${alice.handle}`, 403, "forbidden");
    await t.refused(admin, "GET", `/api/agents/${alice.handle}/vault`, 403, "forbidden");
  }),
  story("what an owner does themselves is not told as an administrator's", async (t) => {
    const ann = await t.someone("ann", ["admins"]);
    await t.does(ann, "GET", `/api/agents/${ann.handle}/threads`);
    must(!(await t.log(ann, ann.handle)).includes("admin-read"), "it is");
  }),
  story("a key is no sign-in, and a sign-in is no key", async (t) => {
    const alice = await t.someone("alice");
    const { secret } = await newKey(t, alice, alice.handle);
    const asKey = await t.ask(withKey(secret), "GET", `/api/agents/${alice.handle}/settings`);
    must(asKey.status === 401, `a key as a sign-in: ${asKey.status}`);
    const signedIn = await t.ask(alice, "GET", `/keyed/${alice.handle}/v1/models`);
    must(signedIn.status === 401, `a sign-in as a key: ${signedIn.status}`);
  }),
  story("a key is for one agent", async (t) => {
    const [alice, bob] = [await t.someone("alice"), await t.someone("bob")];
    const { secret } = await newKey(t, alice, alice.handle);
    const own = await t.ask(withKey(secret), "GET", `/keyed/${alice.handle}/v1/models`);
    const foreign = await t.ask(withKey(secret), "GET", `/keyed/${bob.handle}/v1/models`);
    must(own.status === 200 && foreign.status === 403, `${own.status} ${foreign.status}`);
  }),
  story("a revoked key is refused at once", async (t) => {
    const alice = await t.someone("alice");
    const { key, secret } = await newKey(t, alice, alice.handle);
    await t.does(alice, "DELETE", `/api/agents/${alice.handle}/keys/${key.id}`);
    const after = await t.ask(withKey(secret), "GET", `/keyed/${alice.handle}/v1/models`);
    must(after.status === 401, `${after.status}`);
  }),
  story("a team's key dies when its maker is no owner any more", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "owner");
    const { secret } = await newKey(t, bob, crew.handle);
    const path = `/keyed/${crew.handle}/v1/models`;
    must((await t.ask(withKey(secret), "GET", path)).status === 200, "it never lived");
    await t.does(crew.owner, "DELETE", `/api/teams/${crew.handle}/members/${bob.id}`);
    must((await t.ask(withKey(secret), "GET", path)).status === 401, "it lives on");
  }),
  story("a service has an agent, and no role by hand", async (t) => {
    const { service, admin } = t.world.people;
    await t.does(service, "GET", `/api/agents/${service.handle}/settings`);
    await t.refused(admin, "PATCH", `/api/people/${service.id}`, 400, "bad_request", { role: "admin" });
  }),
  story("liveness asks for nothing and tells nothing", async (t) => {
    const answer = await t.ask(null, "GET", "/healthz");
    must(answer.status === 200 && answer.body === '{"ok":true}', `${answer.status} ${answer.body}`);
  }),
  story("a made-up link, hook and key are refused and wake nobody", async (t) => {
    const alice = await t.someone("alice");
    const statuses = [
      (await t.ask(null, "GET", "/s/made-up")).status,
      (await t.ask(null, "POST", `/keyed/${alice.handle}/hooks/made-up`, {})).status,
      (await t.ask(withKey("hf_made-up"), "GET", `/keyed/${alice.handle}/v1/models`)).status,
    ];
    must(
      statuses.every((status) => [401, 403, 404].includes(status)),
      `${statuses}`,
    );
  }),
  story("people are listed for administrators only, with nothing secret", async (t) => {
    const listed = await t.ask(t.world.people.admin, "GET", "/api/people?query=mia");
    must(
      listed.status === 200 && listed.body.includes("mia@example.com") && !listed.body.includes("sub"),
      listed.body,
    );
    await t.refused(t.world.people.member, "GET", "/api/people?query=mia", 403, "forbidden");
  }),
];
