/** What somebody made, in a browser: it is seen, and can do nothing to whoever looks at it. */
import type { BrowserContext, Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { texts } from "../../src/console/texts.ts";
import { signIn, startBrowser, type TestBrowser } from "../support/browser.ts";
import { openContent } from "../support/content.ts";
import { ConsolePage, named } from "../support/e2e-console.ts";
import { type Person, personAt } from "../support/e2e-server.ts";
import { startServer, type TestServer } from "../support/server.ts";

/** A page that tries everything that a page can. It would say so in its own title, in ours, or by leaving. */
const HOSTILE = `<!doctype html><title>quiet</title><h1>Tide table</h1>
<img src="x" onerror="document.title = 'an event ran'">
<a id="out" href="/api/me" target="_top">away</a>
<form id="send" action="/api/me" method="post" target="_top"><button>send</button></form>
<meta http-equiv="refresh" content="0; url=https://evil.example/refreshed">
<iframe src="/api/me"></iframe>
<script>
  document.title = "a script ran";
  try { top.document.title = "owned"; } catch {}
  try { top.location = "https://evil.example/taken"; } catch {}
  fetch("/api/me", { credentials: "include" }).then((r) => r.text()).then((t) => { document.title = t; });
  parent.postMessage("a script ran", "*");
</script>`;
const DRAWING = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="40" height="40" fill="teal"/><script>document.documentElement.setAttribute("data-ran", "yes")</script></svg>`;

const linked = z.object({ url: z.string() });
let server: TestServer;
let browser: TestBrowser;
let alice: Person;
let context: BrowserContext;
let contentOrigin: string;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  alice = await personAt(server, "alice@example.com");
  contentOrigin = `http://content.localhost:${new URL(server.url).port}`;
  await put("tides.html", HOSTILE, "text/html");
  await put("drawing.svg", DRAWING, "image/svg+xml");
  context = await browser.context();
  const page = await context.newPage();
  await signIn(page, server.url, "alice@example.com", `/@${alice.handle}`);
  await page.close();
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});

const files = (rest: string): string => `/api/agents/${alice.handle}/files${rest}`;
async function put(path: string, body: string, type: string): Promise<void> {
  const headers = { "content-type": type };
  expect((await alice.fetch(files(`/content?path=${path}`), { method: "PUT", body, headers })).status).toBe(
    201,
  );
}
const link = async (path: string): Promise<string> =>
  linked.parse(await (await alice.fetch(files(`/link?path=${path}`))).json()).url;

/** Requests that a page makes from now on, and where its top is taken. */
function watch(page: Page): { asked: string[]; taken: string[] } {
  const seen = { asked: [] as string[], taken: [] as string[] };
  page.on("request", (request) => void seen.asked.push(request.url()));
  page.on("framenavigated", (frame) => {
    if (frame === page.mainFrame()) seen.taken.push(frame.url());
  });
  return seen;
}

describe("a page that somebody uploaded", () => {
  it("is drawn in the console from the other host, and does nothing", async () => {
    const reader = await ConsolePage.open(context, `${server.url}/@${alice.handle}`, { expected: [/./] });
    const { page } = reader;
    await page.evaluate("addEventListener('message', (event) => { globalThis.heard = String(event.data); })");
    await reader.press(texts.chat.openFiles);
    await page.waitForSelector('[role="treeitem"][data-path="tides.html"]');
    const seen = watch(page);
    await page.click('[role="treeitem"][data-path="tides.html"]');
    await page.waitForSelector('section[aria-label="tides.html"]');
    await reader.press(texts.files.more);
    await page.click(named("menuitem", texts.files.preview));
    const frame = await page.waitForFrame((one) => one.url().startsWith(`${contentOrigin}/f/`));
    await frame.waitForSelector("h1");
    expect(await frame.$eval("h1", (heading) => heading.textContent)).toBe("Tide table");
    expect(await frame.title()).toBe("quiet");
    expect(await page.evaluate("[document.title, globalThis.heard ?? null]")).toEqual([
      expect.stringContaining("Holdfast"),
      null,
    ]);
    expect(seen.taken).toEqual([]);
    expect(seen.asked.filter((url) => url.includes("evil.example") || url.endsWith("/api/me"))).toEqual([]);
    expect(new URL(page.url()).origin).toBe(server.url);
    await page.close();
  });

  it("does nothing when it is opened by itself, or framed by a page that allows everything", async () => {
    const page = await context.newPage();
    const seen = watch(page);
    await page.goto(await link("tides.html"), { waitUntil: "load" });
    expect(await page.title()).toBe("quiet");
    // The refresh would have come at once.
    expect(page.url().startsWith(`${contentOrigin}/f/`)).toBe(true);
    await page.click("#send button");
    expect(await page.title()).toBe("quiet");
    expect(seen.asked.filter((url) => url.includes("evil.example") || url.endsWith("/api/me"))).toEqual([]);
    await page.close();
  });

  it("is not put into a frame by anybody but the console", async () => {
    const page = await context.newPage();
    const url = await link("tides.html");
    await page.goto(`data:text/html,<iframe src="${url}"></iframe>`);
    const frame = page.frames().find((one) => one !== page.mainFrame());
    expect(await frame?.evaluate("document.querySelector('h1')?.textContent ?? null")).not.toBe("Tide table");
    await page.close();
  });
});

it("a drawing is a drawing: its script does not run", async () => {
  const page = await context.newPage();
  await page.goto(await link("drawing.svg"), { waitUntil: "load" });
  expect(await page.evaluate("document.documentElement.tagName")).toBe("svg");
  expect(await page.evaluate("document.documentElement.hasAttribute('data-ran')")).toBe(false);
  await page.close();
});

it("the console reads files of the other host, and a page of another site does not", async () => {
  const own = await context.newPage();
  await own.goto(`${server.url}/@${alice.handle}`);
  const read = `fetch(${JSON.stringify(files("/content?path=tides.html"))}).then((r) => r.text(), (e) => String(e))`;
  expect(await own.evaluate(read)).toContain("Tide table");
  await own.close();
  const other = await context.newPage();
  await other.goto("data:text/html,other");
  const url = JSON.stringify(await link("tides.html"));
  expect(await other.evaluate(`fetch(${url}).then((r) => r.text(), () => "refused")`)).toBe("refused");
  await other.close();
});

describe("the edge", () => {
  it("serves signed files there and nothing else, with or without a sign-in", async () => {
    const credentials: Record<string, string>[] = [{}, { "cf-access-token": alice.token }];
    for (const headers of credentials) {
      for (const path of [
        "/",
        "/api/me",
        `/@${alice.handle}`,
        "/cdn-cgi/access/login",
        "/cdn-cgi/access/certs",
        "/healthz",
      ])
        expect([path, (await openContent(contentOrigin + path, { headers })).status]).toEqual([path, 404]);
      expect((await openContent(await link("tides.html"), { headers })).status).toBe(200);
    }
    const { pathname } = new URL(await link("tides.html"));
    expect((await alice.fetch(pathname)).status).toBe(404);
  });

  it("takes no other name for it", async () => {
    const { port } = new URL(server.url);
    const { pathname } = new URL(await link("tides.html"));
    for (const host of [
      `evil.localhost:${port}`,
      `content.localhost.evil.example:${port}`,
      "content.localhost:1",
    ]) {
      const answer = await openContent(`http://127.0.0.1:${port}${pathname}`, { headers: { host } });
      expect([host, answer.status]).not.toEqual([host, 200]);
    }
  });
});
