/** A shared chat in the browser of somebody who has nothing but the link. */
import type { BrowserContext, Page } from "puppeteer-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { shareTexts } from "../../src/console/share/texts.ts";
import { type PageProblems, startBrowser, type TestBrowser, watchProblems } from "../support/browser.ts";
import { eventually, type Person, personAt } from "../support/e2e-server.ts";
import { startServer, type TestServer } from "../support/server.ts";

const created = z.object({ url: z.string(), share: z.object({ id: z.string() }) });

let server: TestServer;
let browser: TestBrowser;
let alice: Person;
let stranger: BrowserContext;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer({ scriptable: true, paceMs: 0 }), startBrowser()]);
  alice = await personAt(server, "alice@example.com");
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});
beforeEach(async () => {
  stranger = await browser.context();
  return () => stranger.close();
});

/** Says something in a chat and waits for the answer. */
async function say(thread: string, text: string): Promise<void> {
  const before = (await alice.messages(thread)).length;
  const response = await alice.fetch(`/api/agents/${alice.handle}/threads/${thread}/messages`, {
    method: "POST",
    body: JSON.stringify({ text }),
  });
  expect(response.status).toBe(202);
  await eventually("an answer", async () => {
    const all = await alice.messages(thread);
    return all.length >= before + 2 && all.at(-1)?.metadata?.outcome === "completed";
  });
}

async function share(thread: string, body: Record<string, unknown> = {}) {
  // The owner's list learns of a chat a moment after its first turn.
  return eventually("a chat that can be shared", async () => {
    const response = await alice.fetch(`/api/agents/${alice.handle}/threads/${thread}/shares`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    return response.status === 404 ? null : created.parse(await response.json());
  });
}
const revoke = (id: string): Promise<Response> =>
  alice.fetch(`/api/agents/${alice.handle}/shares/${id}`, { method: "DELETE" });

async function open(
  url: string,
  expected: readonly RegExp[] = [],
): Promise<{ page: Page; problems: PageProblems; asked: string[] }> {
  const page = await stranger.newPage();
  const problems = await watchProblems(page, expected);
  const asked: string[] = [];
  page.on("request", (request) => void asked.push(request.url()));
  await page.goto(url, { waitUntil: "domcontentloaded" });
  return { page, problems, asked };
}
const shows = (page: Page, text: string) =>
  page.waitForFunction(`document.body.innerText.includes(${JSON.stringify(text)})`);
const textOf = (page: Page): Promise<unknown> => page.evaluate("document.body.innerText");

describe("a link that follows its chat", () => {
  it("shows it to somebody who never signed in, as it grows, until it is withdrawn", async () => {
    await say("tides", "When is **low tide**?");
    const { url, share: made } = await share("tides");
    const { page, problems, asked } = await open(url, [/410/]);
    await shows(page, "low tide");
    expect(await page.$$eval("article.message-answer", (found) => found.length)).toBe(1);

    await say("tides", "And in the evening, by the harbour?");
    await shows(page, "by the harbour?");

    expect((await revoke(made.id)).status).toBe(204);
    await shows(page, shareTexts.goneTitle);
    const left = await page.evaluate("document.documentElement.outerHTML");
    expect(left).not.toContain("low tide");
    expect(left).not.toContain("harbour");

    // Nothing was asked of anybody else, and nothing below the sign-in.
    const { origin } = new URL(url);
    for (const address of asked.filter((one) => !one.startsWith("data:")))
      expect([address, address.startsWith(`${origin}/s/`)]).toEqual([address, true]);
    expect(problems.list).toEqual([]);
    expect((await stranger.cookies()).length).toBe(0);
  });

  it("says so when it was withdrawn before it was opened", async () => {
    await say("gone", "Is this private?");
    const { url, share: made } = await share("gone");
    await revoke(made.id);
    const { page } = await open(url);
    expect(await textOf(page)).not.toContain("Is this private?");
    expect((await page.goto(url))?.status()).toBe(410);
  });
});

describe("a link that does not", () => {
  it("ends where the chat ended", async () => {
    await say("fixed", "The first question");
    const { url } = await share("fixed", { live: false });
    await say("fixed", "The second question");
    const { page, problems } = await open(url);
    await shows(page, "The first question");
    expect(await textOf(page)).not.toContain("The second question");
    expect(problems.list).toEqual([]);
  });
});

describe("what it shows", () => {
  it("a tool's work without its arguments, and with them where its maker chose so", async () => {
    await say("tools", "write low tide at noon to harbour/tide.txt, then read it back");
    const bare = await open((await share("tools")).url);
    await shows(bare.page, "Wrote a file");
    const markup = await bare.page.$eval("main", (main) => main.innerHTML);
    expect(markup).not.toContain('class="tool-card');
    const whole = await open((await share("tools", { details: "show" })).url);
    await shows(whole.page, "Wrote harbour/tide.txt");
    await whole.page.click('.tool-card button[aria-expanded="false"]');
    await shows(whole.page, "low tide at noon");
    expect([...bare.problems.list, ...whole.problems.list]).toEqual([]);
    // A file's name is a name: there is nothing to open here.
    expect(await whole.page.$$("button.tool-path, button.file-link")).toEqual([]);
  });
});

it("keeps its address to itself: no log of the server has it", async () => {
  await say("quiet", "Hello");
  const { url } = await share("quiet");
  const { page } = await open(url);
  await shows(page, "Hello");
  expect((await fetch(`${url}x`)).status).toBe(404);
  const secret = new URL(url).pathname.split(".").at(-1) ?? "";
  expect(secret.length).toBeGreaterThan(30);
  expect(server.logs()).not.toContain(secret);
});
