/**
 * Approvals with stock `useAgent` and `useAgentChat`. The pages render every change, and every render is looked at:
 * nothing that was said or asked may ever stand there twice, or go away again.
 */
import type { BrowserContext } from "puppeteer-core";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { signIn, startBrowser, type TestBrowser } from "../support/browser.ts";
import { type Person, personAt, scriptModel, textOf } from "../support/e2e-server.ts";
import { byPath, type StockTab, type StockTools, stockPage } from "../support/e2e-stock.ts";
import { startServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let alice: Person;
let browser: TestBrowser;
let context: BrowserContext;
let stock: StockTools;
let chats = 0;

beforeAll(async () => {
  server = await startServer({ scriptable: true, paceMs: 2 });
  return () => server.stop();
});
beforeAll(async () => {
  browser = await startBrowser();
  return () => browser.close();
});
beforeAll(async () => {
  stock = await stockPage(() => server.url);
  alice = await personAt(server, "alice@example.com");
  const changed = await alice.fetch(`/api/agents/${alice.handle}/settings`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ toolRisks: { write: "ask" } }),
  });
  expect(changed.status).toBe(200);
});
beforeEach(async () => {
  context = await browser.context();
  const page = await context.newPage();
  await signIn(page, server.url, "alice@example.com", "/api/me");
  await page.close();
});
afterEach(async () => {
  await context.close();
});

const fresh = (): string => `asks-${++chats}`;
const tab = (thread: string): Promise<StockTab> => stock.tab(context, byPath(alice, thread), { every: true });
const words = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${name}${i}`).join(" ");

const BEFORE = words("before", 20);
const AFTER = words("after", 60);
const write = (path: string) => ({ name: "write", input: { path, text: "hello" } });
/** Says something, wants to write files, and goes on when somebody decided. */
const wants = (thread: string, ...paths: string[]) => ({
  match: thread,
  steps: [{ text: BEFORE, tools: paths.map(write) }, { text: AFTER }],
});

const toolPart = z.looseObject({ type: z.string(), toolCallId: z.string(), state: z.string() });
type Parts = readonly { type: string }[];
const toolsOf = (parts: Parts) => parts.flatMap((part) => toolPart.safeParse(part).data ?? []);
const answerOf = async (page: StockTab) => (await page.chat()).messages[1];

/** How far a tool part has come: it never goes back. */
const PROGRESS = [
  "input-streaming",
  "input-available",
  "approval-requested",
  "approval-responded",
  "output-denied",
  "output-available",
];

/** Looks at every render of a page. */
async function expectCleanRenders(page: StockTab): Promise<void> {
  const renders = await page.renders();
  expect(renders.length).toBeGreaterThan(5);
  const furthest = new Map<string, number>();
  let longest = "";
  for (const { messages } of renders) {
    const ids = messages.map((message) => message.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(messages.filter((message) => message.role === "assistant").length).toBeLessThan(2);
    const answer = messages.find((message) => message.role === "assistant");
    if (!answer) continue;
    const text = textOf(answer);
    expect([BEFORE + AFTER, text]).toSatisfy(([whole = "", said = ""]: string[]) => whole.startsWith(said));
    expect(text.length).toBeGreaterThanOrEqual(longest.length);
    longest = text;
    const tools = toolsOf(answer.parts);
    expect(new Set(tools.map((tool) => tool.toolCallId)).size).toBe(tools.length);
    expect(answer.parts.filter((part) => part.type === "step-start").length).toBeLessThan(3);
    for (const { toolCallId, state } of tools) {
      const at = PROGRESS.indexOf(state);
      expect(at).toBeGreaterThanOrEqual(0);
      const before = furthest.get(toolCallId) ?? 0;
      expect(at).toBeGreaterThanOrEqual(before);
      furthest.set(toolCallId, Math.max(before, at));
    }
  }
  expect(longest).toBe(BEFORE + AFTER);
}

/** A page, the journal and each other: the same messages. */
async function expectAgreement(thread: string, ...pages: StockTab[]): Promise<void> {
  const kept = await alice.messages(thread);
  for (const page of pages) {
    const { messages, error } = await page.chat();
    expect(error).toBeNull();
    expect(messages.map(({ id, role, parts }) => ({ id, role, parts }))).toEqual(
      kept.map(({ id, role, parts }) => ({ id, role, parts })),
    );
  }
}

/** Asks, and waits until the page shows that it is asked back. */
async function asking(thread: string, page: StockTab, ...paths: string[]): Promise<void> {
  await scriptModel(server, [wants(thread, ...paths)]);
  await page.say(thread);
  await page.tool("approval-requested");
  await page.settled(2);
}

describe("a stock chat page whose agent asks first", () => {
  it("shows the question, and goes on in the same message when it approves", async () => {
    const thread = fresh();
    const page = await tab(thread);
    await asking(thread, page, `${thread}.txt`);
    const answer = await answerOf(page);
    expect(textOf(answer)).toBe(BEFORE);
    expect(toolsOf(answer?.parts ?? [])).toMatchObject([
      { type: "tool-write", input: { path: `${thread}.txt` }, approval: { id: expect.any(String) } },
    ]);
    expect(await alice.file(`${thread}.txt`)).toBeNull();
    await page.press("approve");
    await page.until(`shown.at(-1) === ${JSON.stringify(BEFORE + AFTER)}`);
    await page.settled(2);
    expect(await alice.file(`${thread}.txt`)).toBe("hello");
    await expectCleanRenders(page);
    await expectAgreement(thread, page);
    const between = (await page.shown()).filter((text) => text.length > BEFORE.length);
    expect(between.length).toBeGreaterThan(3);
  });

  it("denies: the call is not made, the model goes on without it", async () => {
    const thread = fresh();
    const page = await tab(thread);
    await asking(thread, page, `${thread}.txt`);
    await page.press("deny");
    await page.until(`shown.at(-1) === ${JSON.stringify(BEFORE + AFTER)}`);
    await page.settled(2);
    await page.tool("output-denied");
    expect(await alice.file(`${thread}.txt`)).toBeNull();
    await expectCleanRenders(page);
    await expectAgreement(thread, page);
  });

  it("decides on two calls one after the other", async () => {
    const thread = fresh();
    const page = await tab(thread);
    await asking(thread, page, `${thread}-a.txt`, `${thread}-b.txt`);
    await page.press("approve");
    await page.tool("output-available");
    await page.settled(2);
    expect(await alice.file(`${thread}-a.txt`)).toBe("hello");
    expect(await alice.file(`${thread}-b.txt`)).toBeNull();
    await page.press("deny");
    await page.until(`shown.at(-1) === ${JSON.stringify(BEFORE + AFTER)}`);
    await page.settled(2);
    expect(await alice.file(`${thread}-b.txt`)).toBeNull();
    await expectCleanRenders(page);
    await expectAgreement(thread, page);
  });

  it("decides on two calls at once", async () => {
    const thread = fresh();
    const page = await tab(thread);
    await asking(thread, page, `${thread}-a.txt`, `${thread}-b.txt`);
    await page.press("approve");
    await page.until(
      `chat.messages[1].parts.filter((part) => part.state === "approval-requested").length === 1`,
    );
    await page.press("approve");
    await page.until(`shown.at(-1) === ${JSON.stringify(BEFORE + AFTER)}`);
    await page.settled(2);
    expect(await alice.file(`${thread}-a.txt`)).toBe("hello");
    expect(await alice.file(`${thread}-b.txt`)).toBe("hello");
    await expectCleanRenders(page);
    await expectAgreement(thread, page);
  });

  it("two tabs see the same: one decides, the other watches", async () => {
    const thread = fresh();
    const [one, two] = [await tab(thread), await tab(thread)];
    await asking(thread, one, `${thread}.txt`);
    await two.tool("approval-requested");
    await two.settled(2);
    await one.press("approve");
    await Promise.all(
      [one, two].map((page) => page.until(`shown.at(-1) === ${JSON.stringify(BEFORE + AFTER)}`)),
    );
    await Promise.all([one.settled(2), two.settled(2)]);
    await expectCleanRenders(one);
    await expectCleanRenders(two);
    await expectAgreement(thread, one, two);
  });

  it("waits through a reload, and is decided afterwards", async () => {
    const thread = fresh();
    const page = await tab(thread);
    await asking(thread, page, `${thread}.txt`);
    await page.reload();
    await page.tool("approval-requested");
    await page.settled(2);
    await page.press("approve");
    await page.until(`shown.at(-1) === ${JSON.stringify(BEFORE + AFTER)}`);
    await page.settled(2);
    await expectCleanRenders(page);
    await expectAgreement(thread, page);
  });

  it("only watches while somebody approves over HTTP", async () => {
    const thread = fresh();
    const page = await tab(thread);
    await asking(thread, page, `${thread}.txt`);
    const [call] = toolsOf((await answerOf(page))?.parts ?? []);
    const path = `/api/agents/${alice.handle}/threads/${thread}/approvals/${call?.toolCallId}`;
    const decided = await alice.fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ approved: true }),
    });
    expect(await decided.json()).toMatchObject({ counted: true, approved: true });
    await page.until(`shown.at(-1) === ${JSON.stringify(BEFORE + AFTER)}`);
    await page.settled(2);
    expect(await alice.file(`${thread}.txt`)).toBe("hello");
    await expectCleanRenders(page);
    await expectAgreement(thread, page);
  });
});
