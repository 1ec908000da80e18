/** Turns in motion, in a real browser: what waits, joins, asks, is taken back, said again, branched off, found, planned. */
import type { BrowserContext } from "puppeteer-core";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { texts } from "../../src/console/texts.ts";
import { signIn, startBrowser, type TestBrowser } from "../support/browser.ts";
import { ConsolePage, named } from "../support/e2e-console.ts";
import { eventually, modelRequests, type Person, personAt, scriptModel } from "../support/e2e-server.ts";
import { startServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let browser: TestBrowser;
let alice: Person;
let context: BrowserContext;
let pages: ConsolePage[] = [];
let chats = 0;

beforeAll(async () => {
  server = await startServer({ scriptable: true, paceMs: 5 });
  return () => server.stop();
});
beforeAll(async () => {
  browser = await startBrowser();
  return () => browser.close();
});
beforeAll(async () => {
  alice = await personAt(server, "alice@example.com");
});
beforeEach(async () => {
  context = await browser.context();
  const page = await context.newPage();
  await signIn(page, server.url, "alice@example.com", "/api/me");
  await page.close();
});
afterEach(async () => {
  const problems = pages.flatMap((page) => page.problems.list);
  pages = [];
  await context.close();
  expect(problems).toEqual([]);
});

const fresh = (): string => `turns-${++chats}`;
async function open(thread: string): Promise<ConsolePage> {
  const page = await ConsolePage.open(context, `${server.url}/@alice/${thread}`);
  pages.push(page);
  return page;
}

const words = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${name}${i}`).join(" ");
const stalls = (match: string, text: string, after: number) => ({
  match,
  steps: [{ stallAfterTokens: after, text, paceMs: 1 }],
});

/** What the newest request told the model that a person said. */
async function lastSaid(): Promise<string> {
  return JSON.stringify((await modelRequests(server)).at(-1)?.messages ?? []);
}

describe("the queue", () => {
  it("shows what waits below the running answer; it is changed, deleted, and answered next", async () => {
    const thread = fresh();
    await scriptModel(server, [
      stalls("think hard", words("wait", 40), 10),
      { match: "second, changed", steps: [{ text: "The second answer." }] },
    ]);
    const page = await open(thread);
    await page.say("think hard");
    await page.heard("wait8");
    await page.say("second");
    await page.say("third");
    await page.until(
      `lines.map((line) => line.text).join() === "think hard,${words("wait", 10)},second,third"`,
    );
    await page.sees(texts.waiting.queued);

    await page.pressIn("second", texts.waiting.edit);
    await page.fill(texts.waiting.editLabel, "second, changed");
    await page.page.keyboard.press("Enter");
    await page.until(`lines.some((line) => line.text === "second, changed")`);
    await page.pressIn("third", texts.waiting.delete);
    await page.until(`!lines.some((line) => line.text === "third")`);

    await page.page.keyboard.press("Escape");
    await page.heard("The second answer.");
    await page.settled(4);
    expect((await page.lines()).map(({ mine }) => mine)).toEqual([true, false, true, false]);
    const kept = await alice.messages(thread);
    expect(JSON.stringify(kept)).not.toContain("third");
  });
});

describe("steering", () => {
  it("puts a message into the running answer, at the place where it was read", async () => {
    const thread = fresh();
    await scriptModel(server, [
      {
        match: "add it up",
        steps: [
          {
            text: words("slow", 60),
            paceMs: 40,
            tools: [{ name: "list", input: {} }],
          },
        ],
      },
      { match: "in euros", steps: [{ text: "In euros, then." }] },
    ]);
    const page = await open(thread);
    await page.say("add it up");
    await page.heard("slow8");
    await page.type("in euros");
    await page.page.keyboard.down("Control");
    await page.page.keyboard.press("Enter");
    await page.page.keyboard.up("Control");
    await page.sees(texts.waiting.steering);
    await page.heard("In euros, then.");
    await page.sees(texts.waiting.joined);
    await page.until(`!document.querySelector(".thinking, .send-stop")`);
    // One answer, and the message inside of it, once.
    const inside = `document.querySelectorAll("article.message-answer article.message-user .bubble")`;
    expect(await page.page.evaluate(`[...${inside}].map((bubble) => bubble.innerText)`)).toEqual([
      "in euros",
    ]);
    expect(await page.page.evaluate(`document.querySelectorAll("article.message-answer").length`)).toBe(1);
    expect(await lastSaid()).toContain("in euros");
    await page.reload();
    await page.sees(texts.waiting.joined);
    expect(await page.page.evaluate(`${inside}.length`)).toBe(1);
  });

  it("sends at once what had been queued", async () => {
    await scriptModel(server, [
      {
        match: "look around",
        steps: [{ text: words("look", 60), paceMs: 40, tools: [{ name: "list", input: {} }] }],
      },
      { match: "only the new ones", steps: [{ text: "Only the new ones." }] },
    ]);
    const page = await open(fresh());
    await page.say("look around");
    await page.heard("look8");
    await page.say("only the new ones");
    await page.sees(texts.waiting.queued);
    await page.pressIn("only the new ones", texts.waiting.sendNow);
    await page.sees(texts.waiting.steering);
    await page.heard("Only the new ones.");
    await page.sees(texts.waiting.joined);
  });
});

describe("stopping", () => {
  it("ends the answer by the Escape key, and by a command", async () => {
    await scriptModel(server, [
      stalls("first try", words("part", 60), 20),
      stalls("second try", words("bit", 60), 20),
    ]);
    const page = await open(fresh());
    await page.say("first try");
    await page.heard("part18");
    await page.page.keyboard.press("Escape");
    await page.sees(texts.chat.cancelled);
    await page.settled(2);
    await page.say("second try");
    await page.heard("bit18");
    await page.say("/stop");
    await page.settled(4);
    const transcript = await page.lines();
    expect(transcript.map(({ mine }) => mine)).toEqual([true, false, true, false]);
    expect(await page.page.evaluate(`document.querySelectorAll(".cancelled").length`)).toBe(2);
  });
});

describe("approval", () => {
  const choose = async (page: ConsolePage, risk: string) => {
    await page.press(texts.sidebar.account);
    await page.press(texts.settings.tools, "tab");
    await page.page.waitForSelector(named("radio", `write: ${risk}`));
    await page.page.evaluate(`document.querySelector('[aria-label="write: ${risk}"]').click()`);
    await eventually("the settings", async () => {
      const settings = await (await alice.fetch("/api/agents/alice/settings")).text();
      return settings.includes('"write":"ask"') === (risk === texts.toolSettings.risks.ask);
    });
    await page.press(texts.close);
  };

  it("is asked for as the settings say, shows what would be done, and is given or refused", async () => {
    await scriptModel(server, [
      {
        match: "save the tide",
        steps: [
          { tools: [{ name: "write", input: { path: "turns/tide.txt", text: "low at noon" } }] },
          { text: "It is saved." },
        ],
      },
      {
        match: "save the secret",
        steps: [
          { tools: [{ name: "write", input: { path: "turns/secret.txt", text: "hush" } }] },
          { text: "Then I leave it." },
        ],
      },
    ]);
    const other = await open(fresh());
    await choose(other, texts.toolSettings.risks.ask);
    const page = await open(fresh());

    await page.say("save the tide");
    const card = `[aria-label="${texts.approval.label("write turns/tide.txt")}"]`;
    await page.page.waitForSelector(card);
    expect(await page.page.evaluate(`document.querySelector('${card}').innerText`)).toContain("low at noon");
    // Every page says that somebody is waited for.
    await other.sees(texts.sidebar.askingShort);
    await other.page.waitForFunction(`document.title.includes("Approval needed")`);
    expect(await alice.file("turns/tide.txt")).toBeNull();
    await page.reload();
    await page.page.waitForSelector(card);
    await page.press(texts.approval.approve);
    await page.heard("It is saved.");
    await page.settled(2);
    expect(await alice.file("turns/tide.txt")).toBe("low at noon");

    await page.say("save the secret");
    const secret = await page.page.waitForSelector(
      `[aria-label="${texts.approval.label("write turns/secret.txt")}"]`,
    );
    await page.fill(texts.approval.comment, "not that one");
    await secret?.focus();
    await page.page.keyboard.press("d");
    await page.heard("Then I leave it.");
    await page.settled(4);
    await page.sees("not that one");
    expect(await alice.file("turns/secret.txt")).toBeNull();
    expect(await lastSaid()).toContain("not that one");
    await choose(page, texts.toolSettings.risks.auto);
  });
});

describe("taking back", () => {
  it("takes the last message and its answer away, says what remains, and gives the text back", async () => {
    const thread = fresh();
    await scriptModel(server, [
      {
        match: "write a note",
        steps: [
          { tools: [{ name: "write", input: { path: "turns/note.txt", text: "a note" } }] },
          { text: "There it is." },
        ],
      },
    ]);
    const page = await open(thread);
    await page.say("hello");
    await page.settled(2);
    await page.say("write a note");
    await page.heard("There it is.");
    await page.settled(4);
    await page.type("/un");
    await page.page.waitForSelector(named("option", `/undo ${texts.commands.list.undo}`));
    await page.page.keyboard.press("Enter");
    await page.sees(texts.takeBack.done);
    await page.sees("turns/note.txt");
    await page.settled(2);
    await page.press(texts.takeBack.restore);
    expect(await page.page.evaluate(`document.getElementById("composer").value`)).toBe("write a note");
    expect((await alice.messages(thread)).length).toBe(2);
    await page.reload();
    await page.settled(2);
  });
});

describe("editing", () => {
  it("says something else instead: what came after is taken back, and the new words are answered", async () => {
    const thread = fresh();
    await scriptModel(server, [
      { match: "capital of Spain", steps: [{ text: "Madrid." }] },
      { match: "and its river", steps: [{ text: "The Manzanares." }] },
      { match: "capital of Portugal", steps: [{ text: "Lisbon." }] },
    ]);
    const page = await open(thread);
    await page.say("capital of Spain");
    await page.heard("Madrid.");
    await page.settled(2);
    await page.say("and its river");
    await page.heard("The Manzanares.");
    await page.settled(4);
    await page.pressIn("capital of Spain", texts.editing.edit);
    await page.fill(texts.editing.label, "capital of Portugal");
    await page.press(texts.editing.send);
    await page.heard("Lisbon.");
    await page.settled(2);
    expect(await page.texts()).toEqual(["capital of Portugal", "Lisbon."]);
    expect(await lastSaid()).not.toContain("Spain");
    await page.reload();
    await page.settled(2);
    expect(await page.texts()).toEqual(["capital of Portugal", "Lisbon."]);
  });
});

describe("branching off", () => {
  it("opens a new chat at a message, with its text to be said differently; the old one stays", async () => {
    const thread = fresh();
    await scriptModel(server, [
      { match: "name a colour", steps: [{ text: "Green." }] },
      { match: "a darker one", steps: [{ text: "Pine." }] },
    ]);
    const page = await open(thread);
    await page.say("name a colour");
    await page.heard("Green.");
    await page.settled(2);
    await page.say("a darker one");
    await page.heard("Pine.");
    await page.settled(4);
    await page.pressIn("a darker one", texts.fork.action);
    await page.page.waitForFunction(`location.pathname !== "/@alice/${thread}"`);
    await page.settled(2);
    expect(await page.texts()).toEqual(["name a colour", "Green."]);
    await page.page.waitForFunction(`document.getElementById("composer").value === "a darker one"`);
    expect((await alice.messages(thread)).length).toBe(4);
  });
});

describe("searching", () => {
  it("finds a message in another chat, takes the reader there, and makes it stand out", async () => {
    const thread = fresh();
    await scriptModel(server, [
      { match: "where do barnacles live", steps: [{ text: "On rocks and hulls." }] },
    ]);
    const asked = await open(thread);
    await asked.say("where do barnacles live");
    await asked.settled(2);
    const page = await open(fresh());
    await page.say("/search barnacles");
    await page.page.waitForSelector("mark");
    const hit = await page.page.waitForSelector(`[role="option"]:has(mark)`);
    expect(await page.page.$eval("mark", (mark) => mark.textContent)).toBe("barnacles");
    await hit?.click();
    await page.page.waitForFunction(`location.pathname === "/@alice/${thread}"`);
    await page.page.waitForFunction(
      `document.querySelector("[data-found]")?.innerText.includes("barnacles")`,
    );
  });
});

describe("schedules", () => {
  it("are set, listed in words, halted, resumed and deleted", async () => {
    const page = await open(fresh());
    await page.say("hello");
    await page.settled(2);
    await page.press(texts.schedules.open);
    await page.sees(texts.schedules.none);
    await page.fill(texts.schedules.what, "Summarise my notes");
    await page.choose(texts.schedules.when, "weekdays");
    await page.press(texts.schedules.create);
    await page.sees("Monday to Friday at 09:00");
    await page.press(texts.schedules.pause);
    await page.sees(texts.schedules.paused);
    await page.press(texts.schedules.resume);
    await page.page.waitForSelector(named("button", texts.schedules.pause));
    await page.press(texts.schedules.delete);
    await page.sees(texts.schedules.none);
    expect(await (await alice.fetch("/api/agents/alice/schedules")).json()).toEqual({ schedules: [] });
  });

  it("come at their time, as a message that says where it is from", async () => {
    const thread = fresh();
    await scriptModel(server, [{ match: "time to stretch", steps: [{ text: "Up you get." }] }]);
    const page = await open(thread);
    await page.say("hello");
    await page.settled(2);
    const made = await alice.fetch(`/api/agents/alice/threads/${thread}/schedules`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text: "time to stretch", in: "2 seconds" }),
    });
    expect(made.status).toBe(201);
    await page.heard("Up you get.");
    await page.sees(texts.sources.schedule);
  });
});

describe("deleting for good", () => {
  it("asks for a typed word, and then nothing of the chat is left", async () => {
    const thread = fresh();
    const page = await open(thread);
    await page.say("hello");
    await page.settled(2);
    await page.press(texts.chat.menu);
    await page.press(texts.chatMenu.deleteForever, "menuitem");
    const { word } = texts.deleteForever;
    await page.fill(texts.deleteForever.typed(word), "yes");
    const button = await page.page.waitForSelector(named("button", texts.deleteForever.action));
    expect(await button?.evaluate((shown) => shown.hasAttribute("disabled"))).toBe(true);
    await page.fill(texts.deleteForever.typed(word), word);
    await page.press(texts.deleteForever.action);
    await page.page.waitForFunction(`location.pathname !== "/@alice/${thread}"`);
    const listed = await (await alice.fetch("/api/agents/alice/threads")).text();
    expect(listed).not.toContain(`"${thread}"`);
  });
});
