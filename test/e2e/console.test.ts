/** The console in a real browser, used by the names of its controls, against a running server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext } from "puppeteer-core";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { texts } from "../../src/console/texts.ts";
import { signIn, startBrowser, type TestBrowser, watchProblems } from "../support/browser.ts";
import { ConsolePage, named } from "../support/e2e-console.ts";
import { type Person, personAt, scriptModel, textOf } from "../support/e2e-server.ts";
import { startServer, type TestServer } from "../support/server.ts";

/** Named here, so that it outlives the server that is killed. */
const data = mkdtempSync(join(tmpdir(), "holdfast-console-"));
let server: TestServer;
let browser: TestBrowser;
let alice: Person;
let context: BrowserContext;
let pages: ConsolePage[] = [];
let chats = 0;

/** What a browser says of a connection that is cut on purpose. */
const CUT = [
  /ERR_INTERNET_DISCONNECTED/,
  /ERR_CONNECTION_REFUSED/,
  /WebSocket connection to/,
  /status of 503/,
];

beforeAll(async () => {
  server = await startServer({ data, scriptable: true, paceMs: 5 });
  return async () => {
    await server.stop();
    rmSync(data, { recursive: true, force: true });
  };
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

const fresh = (): string => `console-${++chats}`;
async function open(thread: string, expected: readonly RegExp[] = []): Promise<ConsolePage> {
  const page = await ConsolePage.open(context, `${server.url}/@alice/${thread}`, { expected });
  pages.push(page);
  return page;
}

const words = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${name}${i}`).join(" ");
const counted = (to: number): string => Array.from({ length: to }, (_, i) => i + 1).join(", ");
const slow = (match: string, text: string) => ({ match, steps: [{ text, paceMs: 8 }] });
const stalls = (match: string, text: string, after: number) => ({
  match,
  steps: [{ stallAfterTokens: after, text, paceMs: 1 }],
});
const expectPrefixes = (shown: readonly string[], whole: string): void => {
  expect(shown.filter((text) => !whole.startsWith(text))).toEqual([]);
};

it("opens behind the sign-in page, takes a first message, streams the answer, and lists the chat", async () => {
  const other = await browser.context();
  const page = await other.newPage();
  const problems = await watchProblems(page);
  await signIn(page, server.url, "carol@example.com");
  const box = await page.waitForSelector(named("textbox", texts.composer.label));
  expect(new URL(page.url()).pathname).toMatch(/^\/@carol\/[a-z0-9-]+$/);
  await box?.type("hello from Carol");
  await page.keyboard.press("Enter");
  await page.waitForSelector(named("button", texts.chat.regenerate));
  const list = await page.waitForSelector(named("link", "hello from Carol"));
  expect(await list?.evaluate((link) => link.getAttribute("aria-current"))).toBe("page");
  expect(problems.list).toEqual([]);
  await other.close();
});

it("streams, and what it shows is always the beginning of the whole answer", async () => {
  const thread = fresh();
  const whole = words("tide", 200);
  await scriptModel(server, [slow("stream it", whole)]);
  const page = await open(thread);
  await page.say("stream it");
  await page.settled(2);
  expect(await page.texts()).toEqual(["stream it", whole]);
  const shown = await page.shown();
  expect(shown.length).toBeGreaterThan(5);
  expectPrefixes(shown, whole);
});

it("shows tool cards, and the new file in the files panel without being asked again", async () => {
  const page = await open(fresh());
  await page.press(texts.chat.openFiles);
  await page.page.waitForSelector(named("button", texts.files.upload));
  await page.say("write low tide at noon to console-files/tide.txt, then read it back");
  await page.settled(2);
  await page.page.waitForFunction(`document.querySelectorAll('.tool-card[data-state="done"]').length === 2`);
  expect((await page.page.$$(named("image", texts.tools.done))).length).toBe(2);
  await page.press(texts.tools.details("Wrote console-files/tide.txt"));
  await page.sees(texts.tools.input);
  await page.page.waitForSelector('[role="treeitem"][data-path="console-files"]');
  await page.press("console-files/tide.txt");
  await page.page.waitForSelector('section[aria-label="console-files/tide.txt"]');
  await page.page.waitForFunction(
    `document.querySelector('section[aria-label="console-files/tide.txt"]').innerText.includes("low tide at noon")`,
  );
  expect(await alice.file("console-files/tide.txt")).toBe("low tide at noon");
});

it("goes on after a reload in mid-stream with nothing missing and nothing twice", async () => {
  const thread = fresh();
  const whole = words("reload", 400);
  await scriptModel(server, [slow("go on", whole)]);
  const page = await open(thread);
  await page.say("go on");
  await page.heard("reload30");
  await page.reload();
  await page.heard("reload31");
  const resumed = await page.shown();
  expect(resumed.at(-1)?.length).toBeLessThan(whole.length);
  await page.settled(2);
  expectPrefixes(await page.shown(), whole);
  expect(await page.texts()).toEqual(["go on", whole]);
  expect((await alice.messages(thread)).map((message) => textOf(message))).toEqual(["go on", whole]);
});

it("stops an answer: what was said stays, marked, and is the same after a reload", async () => {
  const thread = fresh();
  await scriptModel(server, [stalls("talk on", words("part", 60), 30)]);
  const page = await open(thread);
  await page.say("talk on");
  await page.heard("part28");
  await page.press(texts.composer.stop);
  await page.sees(texts.chat.cancelled);
  const [, said] = await page.texts();
  expect(words("part", 60).startsWith(said ?? "-")).toBe(true);
  await page.reload();
  await page.sees(texts.chat.cancelled);
  expect(await page.texts()).toEqual(["talk on", said]);
});

it("answers again in the place of the first answer", async () => {
  await scriptModel(server, [
    { match: "once more", steps: [{ text: "The first." }, { text: "The second." }] },
  ]);
  const page = await open(fresh());
  await page.say("once more");
  await page.heard("The first.");
  await page.settled(2);
  await page.press(texts.chat.regenerate);
  await page.heard("The second.");
  await page.settled(2);
  expect(await page.texts()).toEqual(["once more", "The second."]);
});

it("queues what is said while an answer runs, and answers it next", async () => {
  await scriptModel(server, [stalls("first question", words("wait", 40), 10)]);
  const page = await open(fresh());
  await page.say("first question");
  await page.heard("wait8");
  await page.say("hello");
  await page.sees(texts.waiting.queued);
  await page.page.keyboard.press("Escape");
  await page.settled(4);
  expect((await page.lines()).map(({ mine }) => mine)).toEqual([true, false, true, false]);
});

it("renames a chat, and every tab and the search know the new name", async () => {
  const thread = fresh();
  const [one, two] = [await open(thread), await open(thread)];
  await one.say("hello");
  await one.settled(2);
  await one.press("hello");
  const field = await one.page.waitForSelector(named("textbox", texts.sidebar.renameLabel));
  await one.page.waitForFunction(
    `getSelection().toString() === "hello" || document.activeElement.selectionEnd === 5`,
  );
  await field?.type("Tide tables for Lisbon");
  await one.page.keyboard.press("Enter");
  await two.page.waitForSelector(named("link", "Tide tables for Lisbon"));
  await two.page.waitForFunction(`document.title.startsWith("Tide tables for Lisbon")`);

  await open(fresh()).then(async (elsewhere) => {
    await elsewhere.press(texts.sidebar.search);
    const search = await elsewhere.page.waitForSelector(`[aria-label="${texts.search.placeholder}"]`);
    await search?.type("lisbon");
    await elsewhere.page.waitForFunction(
      `document.querySelector('[role="dialog"], [role="listbox"]')?.innerText.includes("Tide tables for Lisbon")`,
    );
    await elsewhere.page.waitForSelector(
      '[role="option"][data-highlighted], [role="option"][aria-selected="true"]',
    );
    await elsewhere.page.keyboard.press("Enter");
    await elsewhere.page.waitForFunction(`location.pathname === "/@alice/${thread}"`);
  });
});

it("shows the same in a second tab, while an answer runs and afterwards", async () => {
  const thread = fresh();
  const whole = words("both", 300);
  await scriptModel(server, [slow("for two", whole)]);
  const [one, two] = [await open(thread), await open(thread)];
  await one.say("for two");
  await two.heard("both10");
  await Promise.all([one.settled(2), two.settled(2)]);
  expectPrefixes(await two.shown(), whole);
  expect(await two.lines()).toEqual(await one.lines());
});

describe("without a connection", () => {
  it("keeps what is sent, also when its page goes away, and sends it once when it is back", async () => {
    const [staying, leaving] = [fresh(), fresh()];
    const [stays, leaves] = [await open(staying, CUT), await open(leaving, CUT)];
    await Promise.all([stays.page.setOfflineMode(true), leaves.page.setOfflineMode(true)]);
    // Chrome holds an open socket back in silence when it is told to be offline; a network that is gone cuts it.
    const port = Number(new URL(server.url).port);
    await server.kill9();
    await Promise.all([stays.sees(texts.connection.offline), leaves.sees(texts.connection.offline)]);
    server = await startServer({ data, port, scriptable: true, paceMs: 5 });
    await stays.say("hello from the dark");
    await stays.sees(texts.chat.waiting);
    await leaves.say("hello from a page that dies");
    await leaves.sees(texts.chat.waiting);
    expect(await alice.messages(staying)).toEqual([]);
    expect(await alice.messages(leaving)).toEqual([]);

    await leaves.page.close();
    const later = await open(leaving);
    await later.settled(2);
    await later.reload();
    await later.settled(2);
    await stays.page.setOfflineMode(false);
    await stays.settled(2);
    for (const [thread, text] of [
      [staying, "hello from the dark"],
      [leaving, "hello from a page that dies"],
    ] as const) {
      const transcript = await alice.messages(thread);
      expect(transcript.map(({ role }) => role)).toEqual(["user", "assistant"]);
      expect(textOf(transcript[0])).toBe(text);
    }
  });

  it("comes back after a killed server by itself, with the whole answer once", async () => {
    const thread = fresh();
    await scriptModel(server, [stalls("count to 90", words("lost", 40), 20)]);
    const page = await open(thread, CUT);
    await page.say("count to 90");
    await page.heard("lost18");
    const port = Number(new URL(server.url).port);
    await server.kill9();
    server = await startServer({ data, port, scriptable: true, paceMs: 5 });
    await page.heard(counted(90));
    await page.settled(2);
    expect(await page.texts()).toEqual(["count to 90", counted(90)]);
    const shown = await page.shown();
    expect(
      shown.filter((text) => !counted(90).startsWith(text) && !words("lost", 40).startsWith(text)),
    ).toEqual([]);
  });
});

it("says why a turn failed, and tries again when asked", async () => {
  const refusal = {
    type: "error",
    error: { type: "invalid_request_error", message: "credit balance is too low" },
  };
  await scriptModel(server, [
    { match: "fail first", steps: [{ status: 400, body: refusal }, { text: "Now it worked." }] },
  ]);
  const thread = fresh();
  const page = await open(thread);
  await page.say("fail first");
  await page.sees(texts.chat.failed);
  const [, failed] = await alice.messages(thread);
  const reason = failed?.metadata?.error?.message ?? "";
  expect(reason).not.toBe("");
  await page.sees(reason);
  await page.reload();
  await page.sees(reason);
  await page.press(texts.chat.retry);
  await page.heard("Now it worked.");
  await page.settled(2);
  expect(await page.texts()).toEqual(["fail first", "Now it worked."]);
});

it("is dark or light as chosen, and remembers it", async () => {
  const page = await open(fresh());
  const colour = () => page.page.evaluate("getComputedStyle(document.body).color");
  const mode = (wanted: string) =>
    page.page.waitForFunction(`document.documentElement.dataset.mode === "${wanted}"`);
  await mode("light");
  const light = await colour();
  await page.press(texts.sidebar.account);
  await page.press(texts.settings.appearance, "tab");
  await page.page.waitForSelector(named("radio", texts.settings.themes.dark));
  await page.page.click(`label:has(input[name="theme"]):nth-of-type(3)`);
  await mode("dark");
  const dark = await colour();
  expect(dark).not.toBe(light);
  await page.reload();
  await mode("dark");
  expect(await colour()).toBe(dark);
});
