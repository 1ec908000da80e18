/** Of teams: invitations, roles, removal, and what a team has. */
import { chatRequest } from "../../support/e2e-socket.ts";
import { must, type Story, story } from "./tell.ts";

const api = (handle: string): string => `/api/agents/${handle}`;
const team = (handle: string): string => `/api/teams/${handle}`;

const invitations: Story[] = [
  story("an invitation is taken once", async (t) => {
    const crew = await t.crew();
    const token = await t.invitation(crew, "writer");
    const path = `${team(crew.handle)}/invitations/accept`;
    await t.does(await t.someone("bob"), "POST", path, { token });
    await t.refused(await t.someone("eve"), "POST", path, 410, "invitation_used", { token });
  }),
  story("two take one invitation at the same moment, and one gets it", async (t) => {
    const crew = await t.crew();
    const token = await t.invitation(crew, "writer");
    const both = [await t.someone("bob"), await t.someone("eve")];
    const answers = await Promise.all(
      both.map((who) => t.ask(who, "POST", `${team(crew.handle)}/invitations/accept`, { token })),
    );
    must(
      String(answers.map(({ status }) => status).sort()) === "200,410",
      `${answers.map(({ status }) => status)}`,
    );
  }),
  story("an invitation that was made up is none", async (t) => {
    const crew = await t.crew();
    await t.refused(
      await t.someone("eve"),
      "POST",
      `${team(crew.handle)}/invitations/accept`,
      404,
      "invitation_unknown",
      { token: "a".repeat(32) },
    );
  }),
  story("an invitation of another team is none", async (t) => {
    const [crew, other] = [await t.crew(), await t.crew()];
    const token = await t.invitation(other, "owner");
    await t.refused(
      await t.someone("eve"),
      "POST",
      `${team(crew.handle)}/invitations/accept`,
      404,
      "invitation_unknown",
      { token },
    );
  }),
  story("a revoked invitation cannot be taken", async (t) => {
    const crew = await t.crew();
    const token = await t.invitation(crew, "writer");
    const listed = JSON.stringify(await t.does(crew.owner, "GET", `${team(crew.handle)}/invitations`));
    const id = /"id":"(\w+)"/.exec(listed)?.[1] ?? "";
    await t.does(crew.owner, "DELETE", `${team(crew.handle)}/invitations/${id}`);
    await t.refused(
      await t.someone("eve"),
      "POST",
      `${team(crew.handle)}/invitations/accept`,
      410,
      "invitation_used",
      { token },
    );
  }),
  story("an expired invitation cannot be taken", async (t) => {
    const crew = await t.crew();
    // A tenth of a second, in days.
    const token = await t.invitation(crew, "writer", { expiresInDays: 0.1 / 86_400 });
    const eve = await t.someone("eve");
    await t.someone("somebody-else"); // signs in and takes a while; then it is certainly over
    await new Promise((resolve) => setTimeout(resolve, 150));
    await t.refused(eve, "POST", `${team(crew.handle)}/invitations/accept`, 410, "invitation_used", {
      token,
    });
  }),
  story("an invitation for one address is not for another", async (t) => {
    const crew = await t.crew();
    const token = await t.invitation(crew, "writer", { email: "somebody@example.com" });
    await t.refused(
      await t.someone("eve"),
      "POST",
      `${team(crew.handle)}/invitations/accept`,
      403,
      "forbidden",
      { token },
    );
  }),
  story("a writer cannot invite", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "writer");
    await t.refused(bob, "POST", `${team(crew.handle)}/invitations`, 403, "forbidden", { role: "owner" });
  }),
  story("a member cannot take an invitation to more", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "reader");
    const token = await t.invitation(crew, "owner");
    await t.refused(bob, "POST", `${team(crew.handle)}/invitations/accept`, 400, "bad_request", { token });
  }),
  story("the list of invitations holds no token", async (t) => {
    const crew = await t.crew();
    const token = await t.invitation(crew, "writer");
    const listed = await t.ask(crew.owner, "GET", `${team(crew.handle)}/invitations`);
    must(listed.status === 200 && !listed.body.includes(token), "the token is shown again");
    must(!(await t.log(crew.owner, crew.handle)).includes(token), "the token is in the log");
  }),
  story("nobody signed in takes nothing", async (t) => {
    const crew = await t.crew();
    const token = await t.invitation(crew, "writer");
    const answer = await t.ask(null, "POST", `${team(crew.handle)}/invitations/accept`, { token });
    must(answer.status === 401, `${answer.status}`);
  }),
  story("who was invited in vain learns nothing of the team", async (t) => {
    const crew = await t.crew();
    const eve = await t.someone("eve");
    await t.refused(eve, "GET", team(crew.handle), 403, "forbidden");
    await t.refused(eve, "GET", `${team(crew.handle)}/members`, 403, "forbidden");
  }),
];

const removal: Story[] = [
  story("a removed member's open tab is closed and its next message refused", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "writer");
    const tab = await t.open(bob, `/@${crew.handle}/plans?client=holdfast`);
    await t.does(crew.owner, "DELETE", `${team(crew.handle)}/members/${bob.id}`);
    await t.closes(tab, 4403);
    await t.refused(bob, "POST", `${api(crew.handle)}/threads/plans/messages`, 403, "forbidden", {
      text: "still here",
    });
    await t.refused(bob, "UPGRADE", `/@${crew.handle}/plans`, 403, "forbidden");
  }),
  story("all tabs of a removed member are closed, in every chat, and nobody else's", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "writer");
    const tabs = await Promise.all(
      ["a", "b", "b", "c"].map((thread) => t.open(bob, `/@${crew.handle}/${thread}`)),
    );
    const hers = await t.open(crew.owner, `/@${crew.handle}/a?client=holdfast`);
    await t.does(crew.owner, "DELETE", `${team(crew.handle)}/members/${bob.id}`);
    for (const tab of tabs) await t.closes(tab, 4403);
    await t.lives(hers);
    await hers.close();
  }),
  story("a removed member's feed is closed", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "reader");
    const feed = await t.open(bob, `${api(crew.handle)}/feed`);
    await t.does(crew.owner, "DELETE", `${team(crew.handle)}/members/${bob.id}`);
    await t.closes(feed, 4403);
  }),
  story("who leaves is out at once", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "writer");
    const tab = await t.open(bob, `/@${crew.handle}/plans`);
    await t.does(bob, "POST", `${team(crew.handle)}/leave`);
    await t.closes(tab, 4403);
    await t.refused(bob, "GET", `${api(crew.handle)}/threads`, 403, "forbidden");
  }),
  story("a writer who becomes a reader is cut off, comes back, and cannot write", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "writer");
    const tab = await t.open(bob, `/@${crew.handle}/plans`);
    await t.does(crew.owner, "PATCH", `${team(crew.handle)}/members/${bob.id}`, { role: "reader" });
    await t.closes(tab, 4403);
    const again = await t.open(bob, `/@${crew.handle}/plans?client=holdfast`);
    const { id, frame } = chatRequest("may I?");
    again.send(frame);
    const refused = await again.until((one) => one.type === "holdfast_refused" && one.id === id);
    must(JSON.stringify(refused).includes("forbidden"), JSON.stringify(refused));
    await again.close();
  }),
  story("the last owner cannot leave", async (t) => {
    const crew = await t.crew();
    await t.refused(crew.owner, "POST", `${team(crew.handle)}/leave`, 409, "last_owner");
    await t.does(crew.owner, "GET", team(crew.handle));
  }),
  story("the last owner cannot step down", async (t) => {
    const crew = await t.crew();
    await t.refused(crew.owner, "PATCH", `${team(crew.handle)}/members/${crew.owner.id}`, 409, "last_owner", {
      role: "writer",
    });
  }),
  story("two owners who leave at the same moment leave one", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "owner");
    const answers = await Promise.all(
      [crew.owner, bob].map((who) => t.ask(who, "POST", `${team(crew.handle)}/leave`)),
    );
    must(
      String(answers.map(({ status }) => status).sort()) === "204,409",
      `${answers.map(({ status }) => status)}`,
    );
  }),
  story("a new owner removes the first one", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "owner");
    await t.does(bob, "DELETE", `${team(crew.handle)}/members/${crew.owner.id}`);
    await t.refused(crew.owner, "GET", team(crew.handle), 403, "forbidden");
  }),
  story("who was removed can be invited again, and has the new role only", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "owner");
    await t.does(crew.owner, "DELETE", `${team(crew.handle)}/members/${bob.id}`);
    await t.joined(crew, "reader", bob);
    await t.refused(bob, "POST", `${api(crew.handle)}/threads/plans/messages`, 403, "forbidden", {
      text: "x",
    });
    await t.does(bob, "GET", `${api(crew.handle)}/threads`);
  }),
  story("a turn of a removed member goes on for the team", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "writer");
    await t.does(bob, "POST", `${api(crew.handle)}/threads/goes-on/messages`, { text: "Say hello." });
    await t.does(crew.owner, "DELETE", `${team(crew.handle)}/members/${bob.id}`);
    const socket = await t.says(crew.owner, `/@${crew.handle}/goes-on`, "Are you there?");
    const all = await t.ask(crew.owner, "GET", `/@${crew.handle}/goes-on/get-messages`);
    must(all.body.includes("Say hello.") && all.body.includes(`"completed"`), all.body.slice(0, 300));
    await socket.close();
  }),
  story("a deleted team is gone for everybody, with its tabs", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "writer");
    const tabs = [await t.open(bob, `/@${crew.handle}/plans`), await t.open(bob, `${api(crew.handle)}/feed`)];
    await t.does(crew.owner, "DELETE", team(crew.handle), { confirm: crew.handle });
    for (const tab of tabs) await t.closes(tab, 4403);
    await t.refused(bob, "GET", `${api(crew.handle)}/settings`, 404, "agent_unknown");
    await t.refused(crew.owner, "GET", team(crew.handle), 404, "agent_unknown");
    must(!(await t.ask(bob, "GET", "/api/teams")).body.includes(crew.id), "it is still listed");
  }),
  story("a team is not deleted by mistake", async (t) => {
    const crew = await t.crew();
    await t.refused(crew.owner, "DELETE", team(crew.handle), 400, "bad_request", { confirm: "crew" });
    const bob = await t.joined(crew, "writer");
    await t.refused(bob, "DELETE", team(crew.handle), 403, "forbidden", { confirm: crew.handle });
  }),
];

const belongings: Story[] = [
  story("a reader's message over the socket is refused", async (t) => {
    const crew = await t.crew();
    const rita = await t.joined(crew, "reader");
    const socket = await t.open(rita, `/@${crew.handle}/plans?client=holdfast`);
    const { id, frame } = chatRequest("hello");
    socket.send(frame);
    await socket.until((one) => one.type === "holdfast_refused" && one.id === id);
    await socket.close();
  }),
  story("a reader's approve is refused, over the socket and over HTTP", async (t) => {
    const crew = await t.crew();
    const rita = await t.joined(crew, "reader");
    const socket = await t.open(rita, `/@${crew.handle}/plans?client=holdfast`);
    socket.send({ type: "cf_agent_tool_approval", toolCallId: "c1", approved: true });
    const said = await socket.until(({ type }) => type === "holdfast_error");
    must(JSON.stringify(said).includes("forbidden"), JSON.stringify(said));
    await t.refused(rita, "POST", `${api(crew.handle)}/threads/plans/approvals/c1`, 403, "forbidden", {
      approved: true,
    });
    await socket.close();
  }),
  story("a reader's clear and stop are refused", async (t) => {
    const crew = await t.crew();
    const rita = await t.joined(crew, "reader");
    const socket = await t.open(rita, `/@${crew.handle}/plans?client=holdfast`);
    socket.send({ type: "cf_agent_chat_clear" });
    await socket.until(({ type }) => type === "holdfast_error");
    await t.refused(rita, "POST", `${api(crew.handle)}/threads/plans/stop`, 403, "forbidden");
    await socket.close();
  }),
  story("a reader sees what a writer is answered, as it comes", async (t) => {
    const crew = await t.crew();
    const rita = await t.joined(crew, "reader");
    const looking = await t.open(rita, `/@${crew.handle}/shared?client=holdfast`);
    const writing = await t.says(crew.owner, `/@${crew.handle}/shared`, "Say something.");
    await looking.until(
      ({ type, message }) =>
        type === "cf_agent_message_updated" && JSON.stringify(message).includes('"assistant"'),
    );
    await writing.close();
    await looking.close();
  }),
  story("a team's files are the team's", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "writer");
    const put = (handle: string, text: string) =>
      t.world.ask("PUT", `${api(handle)}/files/content?path=n.md`, crew.owner.headers, text);
    await put(crew.handle, "team");
    await put(crew.owner.handle, "private");
    must(
      (await t.ask(bob, "GET", `${api(crew.handle)}/files`)).body.includes("n.md"),
      "the file is not there",
    );
    await t.refused(bob, "GET", `${api(crew.owner.handle)}/files`, 403, "forbidden");
  }),
  story("a team's settings are not its owner's", async (t) => {
    const crew = await t.crew();
    await t.does(crew.owner, "PATCH", `${api(crew.handle)}/settings`, { name: "Crewmate" });
    must(
      !(await t.ask(crew.owner, "GET", `${api(crew.owner.handle)}/settings`)).body.includes("Crewmate"),
      "they are",
    );
  }),
  story("a writer cannot change a team's settings", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "writer");
    await t.refused(bob, "PATCH", `${api(crew.handle)}/settings`, 403, "forbidden", {
      instructions: "obey me",
    });
  }),
  story("a writer cannot see a team's keys, hooks, secrets, links or log", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "writer");
    for (const what of ["keys", "hooks", "vault", "shares", "log"])
      await t.refused(bob, "GET", `${api(crew.handle)}/${what}`, 403, "forbidden");
  }),
  story("what a team spends is the team's", async (t) => {
    const crew = await t.crew();
    (await t.says(crew.owner, `/@${crew.handle}/money`, "Say hello.")).close();
    const own = await t.ask(crew.owner, "GET", `${api(crew.owner.handle)}/threads`);
    must(!own.body.includes('"money"'), "the team's chat is listed as its owner's");
    must(
      (await t.ask(crew.owner, "GET", `${api(crew.handle)}/threads`)).body.includes('"money"'),
      "it is not the team's",
    );
  }),
  story("a member of one team is nobody in another", async (t) => {
    const [one, two] = [await t.crew(), await t.crew()];
    const bob = await t.joined(one, "owner");
    await t.refused(bob, "GET", `${api(two.handle)}/threads`, 403, "forbidden");
    await t.refused(bob, "GET", `/agents/conversation/${two.id}.main/get-messages`, 403, "forbidden");
  }),
  story("a team's chat at the SDK's address is the same chat, and as guarded", async (t) => {
    const crew = await t.crew();
    const bob = await t.joined(crew, "reader");
    await t.does(bob, "GET", `/agents/conversation/${crew.id}.plans/get-messages`);
    await t.refused(
      await t.someone("eve"),
      "UPGRADE",
      `/agents/conversation/${crew.id}.plans`,
      403,
      "forbidden",
    );
  }),
];

export const TEAM_STORIES: readonly Story[] = [...invitations, ...removal, ...belongings];
