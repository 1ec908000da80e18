/** Of handles: chosen, changed, left behind, and wanted by somebody else. */
import { must, type Story, story } from "./tell.ts";

const rename = "/api/me";

export const HANDLE_STORIES: readonly Story[] = [
  story("an old handle leads on, path and query kept", async (t) => {
    const alice = await t.someone("alice");
    const handle = t.newHandle("alix");
    await t.does(alice, "PATCH", rename, { handle });
    const page = await t.ask(alice, "GET", `/@${alice.handle}/plans?x=1`);
    must(page.status === 307 && page.location === `/@${handle}/plans?x=1`, `${page.status} ${page.location}`);
  }),
  story("an old handle is good for the API and for sockets", async (t) => {
    const alice = await t.someone("alice");
    await t.does(alice, "PATCH", rename, { handle: t.newHandle("alix") });
    await t.does(alice, "GET", `/api/agents/${alice.handle}/settings`);
    const socket = await t.open(alice, `/@${alice.handle}/plans?client=holdfast`);
    await t.lives(socket);
    await socket.close();
  }),
  story("a renamed handle is taken by nobody", async (t) => {
    const [alice, eve] = [await t.someone("alice"), await t.someone("eve")];
    await t.does(alice, "PATCH", rename, { handle: t.newHandle("alix") });
    await t.refused(eve, "PATCH", rename, 409, "handle_taken", { handle: alice.handle });
    await t.refused(eve, "POST", "/api/teams", 409, "handle_taken", { name: "Fake", handle: alice.handle });
  }),
  story("its owner goes back to it", async (t) => {
    const alice = await t.someone("alice");
    const handle = t.newHandle("alix");
    await t.does(alice, "PATCH", rename, { handle });
    await t.does(alice, "PATCH", rename, { handle: alice.handle });
    const page = await t.ask(alice, "GET", `/@${handle}`);
    must(page.location === `/@${alice.handle}`, `${page.location}`);
  }),
  story("a handle that looks like another is refused", async (t) => {
    const [alice, eve] = [await t.someone("alice"), await t.someone("eve")];
    await t.refused(eve, "PATCH", rename, 409, "handle_taken", { handle: alice.handle.replace("l", "1") });
    await t.refused(eve, "PATCH", rename, 409, "handle_taken", { handle: alice.handle.replace("al", "a-l") });
  }),
  story("reserved words and what looks like them are refused", async (t) => {
    const eve = await t.someone("eve");
    for (const handle of ["admin", "adm1n", "rnail", "s-y-s-t-e-m", "api", "holdfast"])
      await t.refused(eve, "PATCH", rename, 400, "handle_invalid", { handle });
  }),
  story("what is no handle is refused", async (t) => {
    const eve = await t.someone("eve");
    for (const handle of [
      "",
      "a",
      "-a",
      "a-",
      "A",
      "a b",
      "a/b",
      "..",
      "%2e",
      "ａｂ",
      "a".repeat(33),
      "a\u0000b",
    ])
      await t.refused(eve, "PATCH", rename, 400, "handle_invalid", { handle });
  }),
  story("two want one handle at the same moment, and one gets it", async (t) => {
    const [alice, eve] = [await t.someone("alice"), await t.someone("eve")];
    const handle = t.newHandle("prize");
    const answers = await Promise.all([alice, eve].map((who) => t.ask(who, "PATCH", rename, { handle })));
    must(
      String(answers.map(({ status }) => status).sort()) === "200,409",
      `${answers.map(({ status }) => status)}`,
    );
  }),
  story("a stranger is not told where an old handle leads", async (t) => {
    const [alice, eve] = [await t.someone("alice"), await t.someone("eve")];
    await t.does(alice, "PATCH", rename, { handle: t.newHandle("alix") });
    const page = await t.ask(eve, "GET", `/@${alice.handle}`);
    must(page.status === 403 && page.location === null, `${page.status} ${page.location}`);
  }),
  story("a handle is changed so often and no more", async (t) => {
    const alice = await t.someone("alice");
    for (let i = 0; i < 7; i++) await t.does(alice, "PATCH", rename, { handle: t.newHandle("alix") });
    await t.refused(alice, "PATCH", rename, 409, "handle_taken", { handle: t.newHandle("alix") });
    await t.does(alice, "PATCH", rename, { handle: alice.handle });
  }),
  story("a team's old handle leads its members on", async (t) => {
    const crew = await t.crew();
    const handle = t.newHandle("ship");
    await t.does(crew.owner, "PATCH", `/api/teams/${crew.handle}`, { handle });
    const page = await t.ask(crew.owner, "GET", `/@${crew.handle}`);
    must(page.location === `/@${handle}`, `${page.location}`);
    await t.refused(await t.someone("eve"), "GET", `/@${handle}`, 403, "forbidden");
  }),
  story("a person's handle is no team", async (t) => {
    const alice = await t.someone("alice");
    const token = "a".repeat(32);
    await t.refused(alice, "POST", `/api/teams/${alice.handle}/invitations/accept`, 404, "agent_unknown", {
      token,
    });
  }),
  story("a conversation by an id that nobody has is a stranger's", async (t) => {
    const eve = await t.someone("eve");
    for (const id of [`u${"a".repeat(20)}`, `t${"a".repeat(20)}`])
      await t.refused(eve, "GET", `/agents/conversation/${id}.main/get-messages`, 403, "forbidden");
  }),
];
