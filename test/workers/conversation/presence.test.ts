/** Who is at a team's chats, and how they are cut off: real conversations, real team actors. */
import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeAll, expect, it } from "vitest";
import { userStub } from "../../../src/env.ts";
import { conversationName, teamIdFrom, userIdFrom } from "../../../src/names.ts";
import { ALL_RIGHTS, forwardedHeaders } from "../../../src/protocol/forwarded.ts";
import type { Principal, Relation, Rights } from "../../../src/protocol/rpc.ts";
import { CUT_CODE } from "../../../src/protocol/teams.ts";
import { migrateCatalog } from "../router/support/app.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

const random = () => crypto.getRandomValues(new Uint8Array(20));
const someone = (name: string): Principal => ({
  kind: "person",
  userId: userIdFrom(random()),
  handle: name,
  name: `${name}@example.com`,
  role: "member",
  request: "r1",
});
const sender = ({ userId, name }: Principal) => ({ id: userId, name });

/** A team of Alice's in which Bob may write. */
async function newTeam() {
  const [alice, bob] = [someone("alice"), someone("bob")];
  const id = teamIdFrom(random());
  const team = userStub(env, id).team;
  await team.create(sender(alice), { name: "Crew", handle: `crew-${id.slice(1, 12)}` });
  const terms = { role: "writer" as const, email: "", expiresAt: Date.now() + 60_000 };
  const { token } = await team.invite(sender(alice), terms);
  await team.accept(sender(bob), token);
  return { id, team, alice, bob };
}

const chatOf = (teamId: string, thread: string) =>
  env.CONVERSATION.get(env.CONVERSATION.idFromName(conversationName(teamId, thread)));

async function handshake(
  teamId: string,
  thread: string,
  who: Principal,
  relation: Relation,
  rights: Rights = ALL_RIGHTS,
) {
  const agent = { ownerId: teamId, handle: "crew" };
  return chatOf(teamId, thread).fetch("https://actor.internal/socket?_pk=x&client=holdfast", {
    headers: { upgrade: "websocket", ...forwardedHeaders({ principal: who, agent, rights, relation }) },
  });
}

async function connect(teamId: string, thread: string, who: Principal, relation: Relation, rights?: Rights) {
  const { webSocket: socket, status } = await handshake(teamId, thread, who, relation, rights);
  if (!socket) throw new Error(`refused with ${status}`);
  const said: string[] = [];
  socket.addEventListener("message", ({ data }) => said.push(String(data)));
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason })),
  );
  socket.accept();
  return { socket, said, closed };
}

const present = (teamId: string) =>
  runInDurableObject(env.USER.get(env.USER.idFromName(teamId)), (_, { storage }) =>
    storage.sql.exec("SELECT user_id, thread FROM present ORDER BY thread").toArray(),
  );

it("closes the sockets of a removed member at every chat before the removal resolves, and nobody else's", async () => {
  const { id, team, alice, bob } = await newTeam();
  const his = [await connect(id, "one", bob, "writer"), await connect(id, "two", bob, "writer")];
  const hers = await connect(id, "one", alice, "owner");
  expect(await present(id)).toHaveLength(3);
  await team.remove(sender(alice), bob.userId);
  for (const { closed } of his)
    expect(await closed).toEqual({ code: CUT_CODE, reason: expect.stringContaining("not a member") });
  expect(hers.socket.readyState).toBe(WebSocket.READY_STATE_OPEN);
  expect(await present(id)).toEqual([{ user_id: alice.userId, thread: "one" }]);
  expect((await handshake(id, "one", bob, "writer")).status).toBe(403);
  hers.socket.close();
});

it("hears nothing more of what a removed member says", async () => {
  const { id, team, alice, bob } = await newTeam();
  const his = await connect(id, "plans", bob, "writer");
  await team.remove(sender(alice), bob.userId);
  const body = {
    messages: [{ id: "m1", role: "user", parts: [{ type: "text", text: "still here" }] }],
    trigger: "submit-message",
  };
  try {
    his.socket.send(
      JSON.stringify({
        type: "cf_agent_use_chat_request",
        id: "q1",
        init: { method: "POST", body: JSON.stringify(body) },
      }),
    );
  } catch {
    // Its own side knows already that the socket is closed.
  }
  await his.closed;
  const inputs = await runInDurableObject(chatOf(id, "plans"), (_, { storage }) =>
    storage.sql.exec("SELECT count(*) AS n FROM journal").one(),
  );
  expect(inputs).toEqual({ n: 0 });
});

it("cuts off who is asleep with the conversation; what could not be reached is owed, and made good by the alarm", async () => {
  const { id, team, alice, bob } = await newTeam();
  const his = await connect(id, "plans", bob, "writer");
  // It asks for the settings once it has greeted somebody; what it waits for keeps it awake.
  await expect.poll(() => his.said.length).toBeGreaterThan(0);
  await userStub(env, id).settings();
  await evictDurableObject(chatOf(id, "plans"));
  // The chat cannot be reached: the removal says so, and is owed.
  await runInDurableObject(env.USER.get(env.USER.idFromName(id)), (_, { storage }) => {
    storage.sql.exec(
      "INSERT INTO present (user_id, thread, number) VALUES (?, 'not a thread!', 1)",
      bob.userId,
    );
  });
  await expect(Promise.resolve(team.remove(sender(alice), bob.userId))).rejects.toMatchObject({
    code: "storage_failed",
  });
  expect(await team.roleOf(bob.userId)).toBeNull();
  expect(await his.closed).toMatchObject({ code: CUT_CODE });
  const actor = env.USER.get(env.USER.idFromName(id));
  await runInDurableObject(actor, (_, { storage }) => {
    storage.sql.exec("DELETE FROM present WHERE thread = 'not a thread!'");
  });
  expect(await runDurableObjectAlarm(actor)).toBe(true);
  const owed = await runInDurableObject(actor, (_, { storage }) =>
    storage.sql.exec("SELECT * FROM cuts").toArray(),
  );
  expect(owed).toEqual([]);
});

it("lets who got another role come back with it, and not with the one before", async () => {
  const { id, team, alice, bob } = await newTeam();
  const his = await connect(id, "plans", bob, "writer");
  await team.changeRole(sender(alice), bob.userId, "reader");
  expect(await his.closed).toMatchObject({ code: CUT_CODE });
  expect((await handshake(id, "plans", bob, "writer")).status).toBe(403);
  const again = await connect(id, "plans", bob, "reader", { write: false, decide: false });
  expect(await present(id)).toEqual([{ user_id: bob.userId, thread: "plans" }]);
  again.socket.close(1000, "bye");
});

it("does not hear what a reader may not say", async () => {
  const { id, team, alice, bob } = await newTeam();
  await team.changeRole(sender(alice), bob.userId, "reader");
  const his = await connect(id, "plans", bob, "reader", { write: false, decide: false });
  const body = {
    messages: [{ id: "m1", role: "user", parts: [{ type: "text", text: "may I?" }] }],
    trigger: "submit-message",
  };
  const init = { method: "POST", body: JSON.stringify(body) };
  const frames = [
    { type: "cf_agent_use_chat_request", id: "q1", init },
    { type: "cf_agent_tool_approval", toolCallId: "c1", approved: true },
    { type: "cf_agent_chat_clear" },
    { type: "holdfast_amend", messageId: "m1", change: { action: "delete" } },
  ];
  for (const frame of frames) his.socket.send(JSON.stringify(frame));
  const refusals = () => his.said.filter((said) => said.includes('"code":"forbidden"'));
  await expect.poll(refusals, { timeout: 5_000 }).toHaveLength(frames.length);
  his.socket.close(1000, "bye");
});

it("forgets who left by themselves, once their last socket is closed", async () => {
  const { id, bob } = await newTeam();
  const [one, two] = [await connect(id, "plans", bob, "writer"), await connect(id, "plans", bob, "writer")];
  two.socket.close(1000, "bye");
  await two.closed;
  expect(await present(id)).toHaveLength(1);
  one.socket.close(1000, "bye");
  await one.closed;
  await expect.poll(() => present(id), { timeout: 5_000 }).toEqual([]);
});

it("an arrival that a cut overtook is not let in, and one behind it is", async () => {
  const { id, alice } = await newTeam();
  const chat = chatOf(id, "race");
  const first = await connect(id, "race", alice, "owner");
  first.socket.close(1000, "bye");
  // As if the cut had been ordered while the next handshake was under way.
  // biome-ignore lint/suspicious/noExplicitAny: the stub's type knows only what every object has
  await (chat as any).disconnect(alice.userId, "cut", 1_000);
  expect((await handshake(id, "race", alice, "owner")).status).toBe(403);
});

it("a user's own chats ask nobody", async () => {
  const alice = someone("alice");
  const name = conversationName(alice.userId, "main");
  const chat = env.CONVERSATION.get(env.CONVERSATION.idFromName(name));
  const agent = { ownerId: alice.userId, handle: "alice" };
  const answer = await chat.fetch("https://actor.internal/socket?_pk=x", {
    headers: { upgrade: "websocket", ...forwardedHeaders({ principal: alice, agent, rights: ALL_RIGHTS }) },
  });
  answer.webSocket?.accept();
  expect(await present(alice.userId)).toEqual([]);
  const closed = new Promise((resolve) =>
    answer.webSocket?.addEventListener("close", ({ code }) => resolve(code)),
  );
  await userStub(env, alice.userId).account.change({ id: "uadmin", name: "admin" }, { disabled: true });
  // A chat that was never written in is on no list: it is asked as soon as it says something of itself.
  await userStub(env, alice.userId).threadChanged({
    ...{ thread: "main", seq: 1, status: "idle", suggestedTitle: "", preview: "", at: 1 },
    ...{ inputTokens: 0, outputTokens: 0, transient: false },
  });
  expect(await closed).toBe(CUT_CODE);
});
