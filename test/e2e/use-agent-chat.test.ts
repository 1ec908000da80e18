/**
 * Stock `useAgent` and `useAgentChat` in a real browser, against a running server. The page is the documented set-up
 * and knows nothing of Holdfast.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext } from "puppeteer-core";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { signIn, startBrowser, type TestBrowser } from "../support/browser.ts";
import { type Person, personAt, scriptModel, textOf } from "../support/e2e-server.ts";
import { byPath, type StockTab, type StockTools, stockPage } from "../support/e2e-stock.ts";
import { startServer, type TestServer } from "../support/server.ts";

/** Named here, so that it outlives the server that is killed. */
const data = mkdtempSync(join(tmpdir(), "holdfast-stock-"));
let server: TestServer;
let alice: Person;
let browser: TestBrowser;
let context: BrowserContext;
let stock: StockTools;
let chats = 0;

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
  stock = await stockPage(() => server.url);
  alice = await personAt(server, "alice@example.com");
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

const tab = (thread: string, by: "path" | "name" = "path"): Promise<StockTab> =>
  stock.tab(context, by === "path" ? byPath(alice, thread) : { name: `${alice.userId}.${thread}` });

const fresh = (): string => `stock-${++chats}`;
const words = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${name}${i}`).join(" ");
/** Messages as another tab or the journal must have them too. */
const essence = (messages: readonly { id: string; role: string; parts: readonly unknown[] }[]) =>
  messages.map((message) => ({ id: message.id, role: message.role, text: textOf(message) }));

const expectPrefixes = (shown: readonly string[], whole: string): void => {
  expect(shown.filter((text) => !whole.startsWith(text))).toEqual([]);
};

describe("a stock chat page", () => {
  it.each(["path", "name"] as const)("sends and streams, addressed by %s", async (by) => {
    const thread = fresh();
    const whole = words("tide", 150);
    await scriptModel(server, [{ match: "hello there", steps: [{ text: whole }] }]);
    const one = await tab(thread, by);
    await one.say("hello there");
    await one.settled(2);
    expect(await one.texts()).toEqual(["hello there", whole]);
    const shown = await one.shown();
    expect(shown.length).toBeGreaterThan(3);
    expectPrefixes(shown, whole);
    expect(essence(await alice.messages(thread))).toEqual(essence((await one.chat()).messages));
  });

  it("resumes after a reload in mid-stream with nothing missing and nothing twice", async () => {
    const thread = fresh();
    const whole = words("long", 400);
    await scriptModel(server, [{ match: "go on", steps: [{ text: whole, paceMs: 8 }] }]);
    const one = await tab(thread);
    await one.say("go on");
    await one.streamed(200);
    expectPrefixes(await one.shown(), whole);
    await one.reload();
    await one.streamed(1);
    const resumed = await one.shown();
    expect(resumed.at(-1)?.length).toBeLessThan(whole.length);
    await one.settled(2);
    expectPrefixes(await one.shown(), whole);
    expect(await one.texts()).toEqual(["go on", whole]);
    expect(essence(await alice.messages(thread))).toEqual(essence((await one.chat()).messages));
  });

  it("shows the same in two tabs, while an answer runs and afterwards", async () => {
    const thread = fresh();
    const whole = words("both", 300);
    await scriptModel(server, [{ match: "for two", steps: [{ text: whole, paceMs: 8 }] }]);
    const [one, two] = [await tab(thread), await tab(thread)];
    await one.say("for two");
    await two.streamed(100);
    const during = await two.chat();
    expect(during.messages.map(({ role }) => role)).toEqual(["user", "assistant"]);
    await Promise.all([one.settled(2), two.settled(2)]);
    expectPrefixes(await one.shown(), whole);
    expectPrefixes(await two.shown(), whole);
    const [left, right] = [await one.chat(), await two.chat()];
    expect(essence(right.messages)).toEqual(essence(left.messages));
    expect(essence(left.messages)).toEqual(essence(await alice.messages(thread)));
    expect(right.messages.map(({ id }) => id)).toEqual(during.messages.map(({ id }) => id));
    await two.say("hello");
    await Promise.all([one.settled(4), two.settled(4)]);
    expect(essence((await one.chat()).messages)).toEqual(essence((await two.chat()).messages));
  });

  it("stops: what was said is kept, and is the same after a reload", async () => {
    const thread = fresh();
    await scriptModel(server, [
      { match: "talk", steps: [{ stallAfterTokens: 30, text: words("part", 60), paceMs: 2 }] },
    ]);
    const one = await tab(thread);
    await one.say("talk");
    await one.until(`shown.length > 0 && shown.at(-1).includes("part28")`);
    await one.press("stop");
    await one.settled(2);
    // The page stops at once; what the journal kept of the answer reaches it a moment later.
    await vi.waitFor(async () => {
      const [, kept] = await alice.messages(thread);
      expect(kept?.metadata?.outcome).toBe("cancelled");
      expect(await one.texts()).toEqual(["talk", textOf(kept)]);
    });
    const [, said = ""] = await one.texts();
    expect(words("part", 60).startsWith(said)).toBe(true);
    expect(said).toContain("part28");
    await one.reload();
    await one.settled(2);
    expect(await one.texts()).toEqual(["talk", said]);
    const [, answer] = await alice.messages(thread);
    expect(answer?.metadata?.outcome).toBe("cancelled");
    expect(textOf(answer)).toBe(said);
  });

  it("regenerates: the new answer takes the old one's place in both tabs", async () => {
    const thread = fresh();
    await scriptModel(server, [
      { match: "once more", steps: [{ text: "The first answer." }, { text: "The second answer." }] },
    ]);
    const [one, two] = [await tab(thread), await tab(thread)];
    await one.say("once more");
    await one.until(`shown.at(-1) === "The first answer."`);
    await one.settled(2);
    await one.press("regenerate");
    await Promise.all([one, two].map((page) => page.until(`shown.at(-1) === "The second answer."`)));
    await Promise.all([one.settled(2), two.settled(2)]);
    expect(await one.texts()).toEqual(["once more", "The second answer."]);
    expect(await two.texts()).toEqual(["once more", "The second answer."]);
    expect(essence(await alice.messages(thread))).toEqual(essence((await one.chat()).messages));
  });

  it("clears the history in both tabs", async () => {
    const thread = fresh();
    const [one, two] = [await tab(thread), await tab(thread)];
    await one.say("hello");
    await Promise.all([one.settled(2), two.settled(2)]);
    await one.press("clear");
    await Promise.all([one.settled(0), two.settled(0)]);
    expect(await alice.messages(thread)).toEqual([]);
    await two.say("hello again");
    await Promise.all([one.settled(2), two.settled(2)]);
    expect(essence((await one.chat()).messages)).toEqual(essence(await alice.messages(thread)));
  });

  it("shows a tool turn's parts with their states and outputs", async () => {
    const thread = fresh();
    const one = await tab(thread);
    await one.say("write low tide to stock/tool.txt, then read it back");
    await one.settled(2);
    const { messages } = await one.chat();
    const part = z.looseObject({
      type: z.string(),
      state: z.string(),
      input: z.unknown(),
      output: z.unknown(),
    });
    const tools = (messages[1]?.parts ?? [])
      .filter(({ type }) => type.startsWith("tool-"))
      .map((one) => part.parse(one));
    expect(tools.map(({ type, state }) => [type, state])).toEqual([
      ["tool-write", "output-available"],
      ["tool-read", "output-available"],
    ]);
    expect(tools[0]?.input).toEqual({ path: "stock/tool.txt", text: "low tide" });
    expect(tools[0]?.output).toMatchObject({ path: "stock/tool.txt", created: true });
    expect(JSON.stringify(tools[1]?.output)).toContain("low tide");
    expect(textOf(messages[1])).toContain("low tide");
    expect(messages[1]?.parts).toEqual((await alice.messages(thread))[1]?.parts);
  });

  it("reconnects by itself after the server was killed, and ends with the whole answer once", async () => {
    const thread = fresh();
    await scriptModel(server, [
      { match: "count to 80", steps: [{ stallAfterTokens: 20, text: words("lost", 40), paceMs: 2 }] },
    ]);
    const one = await tab(thread);
    await one.say("count to 80");
    await one.until(`shown.length > 0 && shown.at(-1).includes("lost18")`);
    const port = Number(new URL(server.url).port);
    await server.kill9();
    server = await startServer({ data, port, scriptable: true, paceMs: 5 });
    const whole = Array.from({ length: 80 }, (_, i) => i + 1).join(", ");
    await one.until(`shown.at(-1) === ${JSON.stringify(whole)}`);
    await one.settled(2);
    expect(await one.texts()).toEqual(["count to 80", whole]);
    // The partial text, or the new answer from its beginning; never one behind the other.
    const shown = await one.shown();
    expect(shown.filter((text) => !whole.startsWith(text) && !words("lost", 40).startsWith(text))).toEqual(
      [],
    );
    expect(essence(await alice.messages(thread))).toEqual(essence((await one.chat()).messages));
  });
});
