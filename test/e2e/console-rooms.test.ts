/** Keys, hooks, links, credentials, the log, erasing and the administration, as a person uses them. */
import { createHmac } from "node:crypto";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { adminTexts } from "../../src/console/admin/texts.ts";
import { logTexts } from "../../src/console/log/texts.ts";
import { programTexts } from "../../src/console/programs/texts.ts";
import { shareTexts } from "../../src/console/shares/texts.ts";
import { texts } from "../../src/console/texts.ts";
import { vaultTexts } from "../../src/console/vault/texts.ts";
import { startBrowser, type TestBrowser } from "../support/browser.ts";
import { named } from "../support/e2e-console.ts";
import { type Crowd, confirm, crowd, openSettings, shownOnce } from "../support/e2e-door.ts";
import { eventually, scriptModel } from "../support/e2e-server.ts";
import { startServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let browser: TestBrowser;
let people: Crowd;

/** What a browser says of a request that is refused on purpose. */
const REFUSED = [/status of 4\d\d/, /WebSocket connection to .*failed/];

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

const { keys, hooks } = programTexts;

describe("programs", () => {
  it("get a key that is shown once and works; revoked it works no more", async () => {
    const alice = await people.someone("alice@example.com");
    const page = await alice.open("/@alice/keys");
    await openSettings(page, texts.settings.programs);
    await page.sees(keys.none);
    await page.press(keys.add);
    await page.fill(keys.name, "Nightly report");
    await page.press(keys.create);
    const key = await shownOnce(page, keys.label);
    expect(key).toMatch(/^hf_/);
    await page.sees(`curl ${server.url}/keyed/alice/v1/chat/completions`);
    const models = () =>
      fetch(`${server.url}/keyed/alice/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    expect((await models()).status).toBe(200);
    await page.press(keys.done);
    await page.loses(key);

    await confirm(page, keys.rotate, "Nightly report", keys.rotateAction);
    const second = await shownOnce(page, keys.label);
    expect(second).not.toBe(key);
    await page.press(keys.done);
    await confirm(page, keys.revoke, "Nightly report", keys.revoke);
    await page.sees(keys.over(1));
    expect((await models()).status).toBe(401);
  });

  it("bring messages by a hook, whose message is tried before it is kept", async () => {
    const alice = await people.someone("alice@example.com");
    const page = await alice.open("/@alice/hooks");
    await openSettings(page, texts.settings.programs);
    await page.press(hooks.add);
    await page.fill(hooks.name, "Issues");
    await page.choose(hooks.scheme, "github");
    await page.press(hooks.create);
    const secret = await shownOnce(page, hooks.label);
    const address = await shownOnce(page, hooks.address);
    await page.press(hooks.done);

    await page.press(hooks.edit);
    await page.fill(hooks.template, "Look at {{issue.title}} now");
    await page.fill(hooks.payload, '{"issue": {"title": "It leaks"');
    await page.sees(hooks.payloadBroken);
    await page.fill(hooks.payload, '{"issue": {"title": "It leaks"}}');
    await page.sees("Look at <data>It leaks</data> now");
    await page.press(hooks.save);
    await page.sees(hooks.saved);

    const body = JSON.stringify({ issue: { title: "The roof is open" } });
    const deliver = (signature: string) =>
      fetch(address, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "x-github-delivery": "d-1",
          "x-hub-signature-256": `sha256=${signature}`,
        },
        body,
      });
    expect((await deliver("00".repeat(32))).status).toBe(401);
    expect((await deliver(createHmac("sha256", secret).update(body).digest("hex"))).status).toBe(202);
    await page.press(hooks.close);
    await page.page.keyboard.press("Escape");
    await openSettings(page, texts.settings.programs);
    await page.press(hooks.edit);
    await page.sees(hooks.taken);
    await confirm(page, hooks.revoke, "Issues", hooks.revoke);
    await page.sees(hooks.none);
  });
});

describe("a shared chat", () => {
  it("says so, is read by whoever has the link, and is gone for them when it is revoked", async () => {
    const alice = await people.someone("alice@example.com");
    await scriptModel(server, [{ match: "tell them", steps: [{ text: "The harbour opens at six." }] }]);
    const page = await alice.open("/@alice/harbour");
    await page.say("tell them");
    await page.heard("The harbour opens at six.");
    await page.settled(2);
    await page.press(texts.chat.menu);
    await page.press(texts.shared.action, "menuitem");
    await page.sees(shareTexts.none);
    await page.choose(shareTexts.what, "true");
    await page.press(shareTexts.create);
    const url = await shownOnce(page, shareTexts.label);
    await page.page.waitForSelector(`[aria-label="${texts.shared.pillLabel(1)}"]`);

    // Somebody without any sign-in.
    const stranger = await browser.context();
    const reading = await stranger.newPage();
    await reading.goto(url, { waitUntil: "domcontentloaded" });
    await reading.waitForFunction(`document.body.innerText.includes("The harbour opens at six.")`);
    const row = await page.page.waitForSelector(`ul[aria-label="${shareTexts.links}"] li button`);
    await row?.click();
    const sure = await page.page.waitForSelector('[role="alertdialog"]');
    await (await sure?.waitForSelector(named("button", shareTexts.revoke)))?.click();
    await page.sees(shareTexts.none);
    await page.page.waitForFunction(`!document.querySelector(".pill-shared")`);
    await reading.waitForFunction(`!document.body.innerText.includes("The harbour opens at six.")`);
    await stranger.close();
  });
});

describe("credentials", () => {
  it("go in and are never shown again; a host that is refused is said", async () => {
    const alice = await people.someone("alice@example.com");
    const page = await alice.open("/@alice/vault", { expected: REFUSED });
    await openSettings(page, texts.settings.vault);
    await page.sees(vaultTexts.none);
    await page.press(vaultTexts.add);
    await page.fill(vaultTexts.name, "Not A Name");
    await page.sees(vaultTexts.nameWrong);
    await page.fill(vaultTexts.name, "github");
    await page.fill(vaultTexts.value, "planted-value-7431");
    await page.fill(vaultTexts.hosts, "*.com");
    await page.press(vaultTexts.create);
    await page.page.waitForSelector(".field-hint.text-kumo-danger");
    await page.fill(vaultTexts.hosts, "api.github.com");
    await page.press(vaultTexts.create);
    await page.sees(vaultTexts.created);
    await page.sees("api.github.com");
    expect(await page.page.content()).not.toContain("planted-value-7431");
    const listed = await (await alice.fetch("/api/agents/alice/vault")).text();
    expect(listed).toContain("github");
    expect(listed).not.toContain("planted-value-7431");

    await page.press(vaultTexts.change);
    await page.fill(vaultTexts.note, "Read only");
    await page.press(vaultTexts.save);
    await page.sees("Read only");
    await confirm(page, vaultTexts.revoke, "github", vaultTexts.revoke);
    await page.sees(vaultTexts.none);
  });
});

describe("what happened", () => {
  it("is listed, filtered, explained and exported with the head of its chain", async () => {
    const alice = await people.someone("alice@example.com");
    const page = await alice.open("/@alice/log");
    await page.say("count to 2");
    await page.settled(2);
    await openSettings(page, texts.settings.log);
    await eventually("the message in the log", async () =>
      (await (await alice.fetch("/api/agents/alice/log?kind=input")).text()).includes('"input"'),
    );
    await page.choose(logTexts.kind, "credential-added");
    const rows = `[...document.querySelectorAll('ul[aria-label="${logTexts.title}"] .row')]`;
    await page.page.waitForFunction(
      `${rows}.length > 0 && ${rows}.every((row) => row.innerText.startsWith(${JSON.stringify(logTexts.kinds["credential-added"])}))`,
    );
    await page.page.click(".row .plain-icon");
    await page.sees("api.github.com");
    await page.sees(logTexts.request);
    await page.press(logTexts.clear);
    await page.page.waitForSelector(`ul[aria-label="${logTexts.title}"]`);
    await page.press(logTexts.export.action);
    const head = await shownOnce(page, logTexts.export.head);
    const lines = (await (await alice.fetch("/api/agents/alice/log.jsonl")).text()).trim().split("\n");
    expect(z.object({ hash: z.string() }).parse(JSON.parse(lines.at(-2) ?? "")).hash).toBe(head);
  });

  it("shows an administrator's look; who looks reads without a socket and writes nothing", async () => {
    const alice = await people.someone("alice@example.com");
    const carol = await people.someone("carol@example.com");
    await scriptModel(server, [{ match: "private matter", steps: [{ text: "Between us." }] }]);
    const hers = await alice.open("/@alice/private");
    await hers.say("private matter");
    await hers.settled(2);

    const looking = await carol.open("/@alice/private", { expected: REFUSED, ready: ".read-only" });
    await looking.heard("Between us.");
    await looking.sees(texts.readOnly.stranger);
    expect(await looking.page.$("#composer")).toBeNull();

    await hers.page.bringToFront();
    await openSettings(hers, texts.settings.log);
    await hers.choose(logTexts.kind, "admin-read");
    await hers.page.waitForFunction(
      `document.querySelector(".row[data-watched]")?.innerText.includes("carol@example.com")`,
    );

    const bob = await people.someone("bob@example.com");
    const refused = await bob.context.newPage();
    expect((await refused.goto(`${server.url}/@alice/private`))?.status()).toBe(403);
  });

  it("is forgotten where a message is erased, in every open page", async () => {
    const alice = await people.someone("alice@example.com");
    await scriptModel(server, [{ match: "my PIN is 4711", steps: [{ text: "I will not repeat it." }] }]);
    const page = await alice.open("/@alice/pin");
    await page.say("my PIN is 4711");
    await page.settled(2);
    const other = await alice.open("/@alice/pin");
    await other.settled(2);
    await page.page.bringToFront();
    await page.pressIn("my PIN is 4711", texts.eraseMessage);
    await page.sees(logTexts.eraseMessage.title);
    await page.press(logTexts.eraseMessage.action);
    await page.sees(logTexts.eraseMessage.gone(2));
    await page.press(logTexts.eraseMessage.close);
    await page.until("lines.length === 0");
    await other.until("lines.length === 0");
    const kept = await alice.fetch("/@alice/pin/get-messages");
    expect(await kept.text()).not.toContain("4711");
  });
});

describe("the administration", () => {
  it("finds people, gives roles, keeps somebody out and lets them in again", async () => {
    const carol = await people.someone("carol@example.com");
    const bob = await people.someone("bob@example.com");
    const his = await bob.open("/@bob/work", { expected: REFUSED });
    await his.say("count to 4");
    await his.settled(2);

    const page = await carol.open("/@carol/admin");
    await page.page.click(".whose");
    await page.press(texts.whose.administration, "menuitem");
    const search = await page.page.waitForSelector(named("searchbox", adminTexts.peoplePage.search));
    await search?.type("bob@");
    await page.loses("alice@example.com");
    await confirm(
      page,
      adminTexts.peoplePage.disable,
      "bob@example.com",
      adminTexts.peoplePage.disableAction,
    );
    await page.sees(adminTexts.peoplePage.disabled);
    await his.sees(texts.cut.title);
    await his.sees("An administrator has switched off your access.");
    await his.loses("1, 2, 3, 4");
    await page.press(`${adminTexts.peoplePage.enable}: bob@example.com`);
    await page.loses(adminTexts.peoplePage.disabled);
    await page.choose(adminTexts.peoplePage.role("bob@example.com"), "guest");
    await page.sees(adminTexts.peoplePage.changed("bob@example.com"));
    await carol.post(`/api/people/${bob.userId}`, { role: null }, "PATCH");
  });

  it("finds requests by verdict, and what owners spent", async () => {
    const carol = await people.someone("carol@example.com");
    const alice = await people.someone("alice@example.com");
    expect((await alice.fetch("/api/people")).status).toBe(403);
    await eventually("the refusal in the log of requests", async () =>
      (await (await carol.fetch("/api/audit/requests?verdict=deny&route=/api/people")).text()).includes(
        "alice@example.com",
      ),
    );
    const page = await carol.open("/@carol/admin");
    await page.page.click(".whose");
    await page.press(texts.whose.administration, "menuitem");
    await page.press(adminTexts.requests, "tab");
    await page.choose(adminTexts.requestsPage.verdict, "deny");
    await page.page.waitForFunction(
      `(() => {
         const rows = [...document.querySelectorAll(".row")];
         return rows.every((row) => row.dataset.verdict === "deny") && rows.some((row) =>
           row.innerText.includes("/api/people") && row.innerText.includes("alice@example.com"));
       })()`,
    );
    await page.press(adminTexts.usage, "tab");
    await page.page.waitForFunction(
      `document.querySelector(".sums") || document.body.innerText.includes(${JSON.stringify(adminTexts.usagePage.none)})`,
    );

    const hers = await alice.open("/@alice/x");
    await hers.page.click(".whose");
    await hers.page.waitForSelector(named("menuitem", texts.whose.newTeam));
    expect(await hers.page.$(named("menuitem", texts.whose.administration))).toBeNull();
  });
});
