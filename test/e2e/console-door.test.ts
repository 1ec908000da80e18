/** Whose agent is shown, and who may what there: teams, invitations, roles and removal, in browsers of their own. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { teamTexts } from "../../src/console/team/texts.ts";
import { texts } from "../../src/console/texts.ts";
import { startBrowser, type TestBrowser } from "../support/browser.ts";
import { named } from "../support/e2e-console.ts";
import { type Crowd, confirm, crowd, openSettings, shownOnce } from "../support/e2e-door.ts";
import { scriptModel } from "../support/e2e-server.ts";
import { startServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let browser: TestBrowser;
let people: Crowd;
let teams = 0;

/** What a browser says of a request or a socket that is refused on purpose. */
const REFUSED = [/status of 40[349]/, /WebSocket connection to .*failed/];
const READ_ONLY = ".read-only";
const PAGE = ".full-page h1";

beforeAll(async () => {
  server = await startServer({ scriptable: true, paceMs: 0 });
  return () => server.stop();
});
beforeAll(async () => {
  browser = await startBrowser();
  return () => browser.close();
});
beforeEach(() => {
  people = crowd(server, browser);
});
afterEach(async () => {
  expect(await people.end()).toEqual([]);
});

const fresh = (): string => `crew-${["ab", "cd", "ef", "gh", "jk", "mn", "pq", "st", "uv", "wx"][teams++]}`;

describe("two people", () => {
  it("keep their own chats to themselves", async () => {
    const alice = await people.someone("alice@example.com");
    const bob = await people.someone("bob@example.com");
    await scriptModel(server, [{ match: "for my eyes", steps: [{ text: "It stays between us." }] }]);
    const hers = await alice.open("/@alice/diary");
    await hers.say("for my eyes");
    await hers.heard("It stays between us.");
    const his = await bob.open("/@bob/diary", { expected: REFUSED });
    // The same name is another chat, and hers is refused by its address, by its socket and by search.
    await his.loses("It stays between us.");
    const taken = await his.page.goto(`${server.url}/@alice/diary`);
    expect(taken?.status()).toBe(403);
    expect(await his.page.content()).not.toContain("between us");
    const found = await bob.fetch("/api/agents/bob/search?text=between");
    expect(await found.text()).not.toContain("between us");
    expect((await bob.fetch("/api/agents/alice/search?text=between")).status).toBe(403);
  });
});

describe("teams", () => {
  it("are made, chosen among, and their chats say who wrote what", async () => {
    const alice = await people.someone("alice@example.com");
    const bob = await people.someone("bob@example.com");
    const handle = fresh();
    const page = await alice.open("/@alice/home");
    await page.page.click(".whose");
    await page.press(texts.whose.newTeam, "menuitem");
    await page.fill(teamTexts.new.name, "The Night Watch");
    // A handle that may not be is said while it is typed.
    await page.fill(teamTexts.new.handle, "admin");
    await page.sees("is not (and does not look like) one of the reserved words");
    await page.fill(teamTexts.new.handle, handle);
    await page.press(teamTexts.new.create);
    await page.page.waitForFunction(`location.pathname.startsWith("/@${handle}/")`);
    await page.sees("The Night Watch");

    await openSettings(page, texts.settings.team);
    await page.press(teamTexts.invitations.create);
    const link = await shownOnce(page, teamTexts.invitations.link);
    expect(link).toMatch(new RegExp(`^${server.url}/join/${handle}/[a-z2-7]{32}$`));
    await page.press(teamTexts.invitations.done);
    await page.loses(link.split("/").at(-1) ?? "");

    const joining = await bob.open(link.slice(server.url.length), { ready: PAGE });
    await joining.sees(teamTexts.join.title("The Night Watch"));
    await joining.sees(teamTexts.join.invites("alice@example.com"));
    await joining.sees(teamTexts.join.as.writer);
    await joining.press(teamTexts.join.accept);
    await joining.ready();

    await page.page.keyboard.press("Escape");
    await page.ready();
    const chat = await bob.open(`/@${handle}/watch`);
    const hers = await alice.open(`/@${handle}/watch`);
    await scriptModel(server, [{ match: "who is on duty", steps: [{ text: "You two are." }] }]);
    await chat.say("who is on duty");
    await hers.heard("You two are.");
    await hers.sees("bob@example.com");
    await chat.settled(2);
    // One's own messages need no name; the account's row at the foot is not the chat's.
    const named_ = `[...document.querySelectorAll("article .meta")].some((part) => part.innerText === "bob@example.com")`;
    expect(await hers.page.evaluate(named_)).toBe(true);
    expect(await chat.page.evaluate(named_)).toBe(false);

    // Menus open by an animation, which only the page in front has.
    await chat.page.bringToFront();
    await chat.page.click(".whose");
    await chat.press(`${texts.whose.mine} @bob`, "menuitem");
    await chat.page.waitForFunction(`location.pathname.startsWith("/@bob")`);
    await chat.loses("You two are.");
  });

  it("show a reader everything and offer nothing", async () => {
    const alice = await people.someone("alice@example.com");
    const bob = await people.someone("bob@example.com");
    const handle = fresh();
    await people.team(handle, alice, [[bob, "reader"]]);
    await scriptModel(server, [
      { match: "read this", steps: [{ text: "For everybody." }] },
      { match: "delete it", steps: [{ tools: [{ name: "delete", input: { path: "a.txt" } }] }] },
    ]);
    const hers = await alice.open(`/@${handle}/board`);
    await hers.say("read this");
    await hers.settled(2);

    const his = await bob.open(`/@${handle}/board`, { ready: READ_ONLY });
    await his.heard("For everybody.");
    await his.sees(texts.readOnly.reader);
    expect(await his.page.$("#composer")).toBeNull();
    expect(await his.page.$(named("button", texts.sidebar.newChat))).toBeNull();
    expect(await his.page.$(named("button", texts.editing.edit))).toBeNull();
    expect(await his.page.$(named("button", texts.eraseMessage))).toBeNull();
    await his.page.click(".account-row");
    await his.press(texts.settings.team, "tab");
    await his.sees("alice@example.com");
    expect(await his.page.$(named("tab", texts.settings.vault))).toBeNull();
    expect(await his.page.$(named("button", teamTexts.invitations.create))).toBeNull();

    // He sees what waits, and is told who has to decide.
    await alice.post(`/api/agents/${handle}/settings`, { toolRisks: { delete: "ask" } }, "PATCH");
    await his.page.keyboard.press("Escape");
    await hers.say("delete it");
    await hers.page.waitForSelector(named("button", texts.approval.approve));
    await his.sees(texts.readOnly.approval);
    expect(await his.page.$(named("button", texts.approval.approve))).toBeNull();
    await hers.press(texts.approval.deny);
    await hers.sees(texts.approval.denied);
  });

  it("close at once for whoever is removed, and nothing of the chat stays on the screen", async () => {
    const alice = await people.someone("alice@example.com");
    const bob = await people.someone("bob@example.com");
    const handle = fresh();
    await people.team(handle, alice, [[bob, "writer"]]);
    await scriptModel(server, [{ match: "the plan", steps: [{ text: "We sail at dawn." }] }]);
    const his = await bob.open(`/@${handle}/plan`, { expected: REFUSED });
    await his.say("the plan");
    await his.heard("We sail at dawn.");

    const hers = await alice.open(`/@${handle}/plan`);
    await openSettings(hers, texts.settings.team);
    await confirm(hers, teamTexts.members.remove, "bob@example.com", teamTexts.members.removeAction);
    await his.sees(texts.cut.title);
    await his.sees("You are not a member of this team any more.");
    await his.loses("We sail at dawn.");
    expect(await his.page.title()).toBe(texts.product);
    expect(await his.page.$("#composer")).toBeNull();
    await hers.sees(teamTexts.members.removed("bob@example.com"));
    // By the address again: refused by the server itself.
    const back = await his.page.goto(`${server.url}/@${handle}/plan`);
    expect(back?.status()).toBe(403);
  });

  it("come back with other rights when somebody's role changes", async () => {
    const alice = await people.someone("alice@example.com");
    const bob = await people.someone("bob@example.com");
    const handle = fresh();
    await people.team(handle, alice, [[bob, "writer"]]);
    await scriptModel(server, [{ match: "still here", steps: [{ text: "Still here." }] }]);
    const his = await bob.open(`/@${handle}/log`, { expected: REFUSED });
    await his.say("still here");
    await his.heard("Still here.");

    const hers = await alice.open(`/@${handle}/log`);
    await openSettings(hers, texts.settings.team);
    await hers.choose(teamTexts.members.role("bob@example.com"), "reader");
    await his.page.waitForSelector(READ_ONLY);
    await his.sees(texts.cut.changed);
    await his.heard("Still here.");
    await hers.choose(teamTexts.members.role("bob@example.com"), "writer");
    await his.ready();
    expect(await his.page.$(READ_ONLY)).toBeNull();
  });

  it("refuse an invitation that was used, and the last owner's leaving, with the server's sentence", async () => {
    const alice = await people.someone("alice@example.com");
    const bob = await people.someone("bob@example.com");
    const handle = fresh();
    await people.team(handle, alice);
    const page = await alice.open(`/@${handle}/x`, { expected: REFUSED });
    await openSettings(page, texts.settings.team);
    await confirm(page, teamTexts.members.leave, "alice@example.com", teamTexts.members.leaveAction);
    await page.page.waitForFunction(
      `document.querySelector('[role="alertdialog"] .text-kumo-danger')?.innerText.length > 20`,
    );
    expect(await page.page.evaluate("location.pathname")).toBe(`/@${handle}/x`);

    const refused = await bob.open(`/join/${handle}/${"a".repeat(32)}`, { expected: REFUSED, ready: PAGE });
    await refused.sees(teamTexts.join.refused);
    await refused.sees("There is no such invitation.");
  });

  it("are renamed, and deleted by their typed address", async () => {
    const alice = await people.someone("alice@example.com");
    const handle = fresh();
    await people.team(handle, alice);
    const page = await alice.open(`/@${handle}/x`);
    await openSettings(page, texts.settings.team);
    await page.fill(teamTexts.about.handle, `${handle}-two`);
    await page.press(texts.save);
    await page.page.waitForFunction(`location.pathname.startsWith("/@${handle}-two")`);
    await page.ready();
    await page.page.goto(`${server.url}/@${handle}/x`, { waitUntil: "domcontentloaded" });
    await page.ready();
    expect(await page.page.evaluate("location.pathname")).toBe(`/@${handle}-two/x`);

    await openSettings(page, texts.settings.team);
    await page.fill(teamTexts.delete.typed(`${handle}-two`), `${handle}-two`);
    await page.press(teamTexts.delete.action);
    await page.page.waitForFunction(`location.pathname.startsWith("/@alice")`);
    const gone = await alice.fetch(`/api/teams/${handle}-two`);
    expect(gone.status).toBe(404);
  });
});

describe("an account", () => {
  it("gets another address, and the old one leads there", async () => {
    const dora = await people.someone("dora@example.com");
    const page = await dora.open("/@dora/diary");
    await openSettings(page, texts.settings.account);
    await page.fill(texts.settings.handle, "dora-explores");
    await page.page.keyboard.press("Enter");
    await page.page.waitForFunction(`location.pathname.startsWith("/@dora-explores")`);
    await page.ready();
    await page.page.goto(`${server.url}/@dora/diary`, { waitUntil: "domcontentloaded" });
    await page.ready();
    expect(await page.page.evaluate("location.pathname")).toBe("/@dora-explores/diary");
  });

  it("that is erased begins anew", async () => {
    const erin = await people.someone("erin@example.com");
    const page = await erin.open("/@erin/diary", { expected: REFUSED });
    await page.say("count to 3");
    await page.settled(2);
    await openSettings(page, texts.settings.account);
    await page.fill("Type “erin” to confirm", "erin");
    await page.page.keyboard.press("Enter");
    await page.page.waitForFunction(
      `location.pathname.startsWith("/@erin") && !document.querySelector("article")`,
    );
    await page.ready();
    await page.sees(texts.sidebar.empty);
  });

  it("of a guest without a team is a page that says what to do", async () => {
    const admin = await people.someone("carol@example.com");
    const guest = await people.someone("gus@example.com");
    await admin.post(`/api/people/${guest.userId}`, { role: "guest" }, "PATCH");
    const page = await guest.context.newPage();
    const response = await page.goto(server.url);
    expect(response?.status()).toBe(403);
    await page.waitForFunction(
      `document.body.innerText.includes("Ask the owner of a team for an invitation")`,
    );

    const alice = await people.someone("alice@example.com");
    const handle = fresh();
    await people.team(handle, alice, [[guest, "reader"]]);
    const inside = await guest.open("/", { ready: ".stopped, .read-only" });
    await inside.page.waitForFunction(`location.pathname === "/@${handle}"`);
    await inside.sees(texts.readOnly.noChats);
    await inside.page.click(".whose");
    await inside.page.waitForSelector(named("menuitem", texts.whose.settings));
    expect(await inside.page.$(named("menuitem", texts.whose.newTeam))).toBeNull();
  });
});
