/** The page of a shared chat: what it asks, how often, and what it lets go of. */
import { beforeEach, describe, expect, it } from "vitest";
import { FIXED_MS, LIVE_MS, type ShareFeed, shareFeed } from "../../../src/console/share/feed.ts";
import type { SharedPage } from "../../../src/protocol/shares.ts";
import { FakePlatform } from "./fake-platform.ts";

const HOUR_MS = 60 * 60 * 1000;
const PATH = "/s/token";

let platform: FakePlatform;
let asked: string[];
let looked: boolean;
let page: SharedPage;
/** What the server answers next; null for the page. */
let answer: (() => Response) | null;

const said = (id: string, text: string): SharedPage["messages"][number] => ({
  id,
  role: "user",
  parts: [{ type: "text", text }],
});
const refusal = (status: number, code: string, message: string) => () =>
  Response.json({ error: { code, message } }, { status });
const textsOf = (feed: ShareFeed): string[] => {
  const view = feed.view();
  if (view.kind !== "shown") throw new Error(`Nothing is shown: ${view.kind}.`);
  return view.page.messages.map(({ id }) => id);
};

beforeEach(() => {
  platform = new FakePlatform();
  asked = [];
  looked = true;
  answer = null;
  page = {
    title: "Plans",
    agent: "",
    live: true,
    expiresAt: platform.now() + HOUR_MS,
    messages: [said("m1", "one")],
  };
  platform.respond = (path, init) => {
    const known = new Headers(init?.headers).get("if-none-match");
    asked.push(`${path}${known ? ` ${known}` : ""}`);
    if (answer) return answer();
    const etag = `"${page.messages.length}"`;
    return known === etag ? new Response(null, { status: 304 }) : Response.json(page, { headers: { etag } });
  };
});

async function opened(): Promise<ShareFeed> {
  const feed = shareFeed(platform, PATH, () => looked);
  await platform.advance(0);
  return feed;
}

describe("while somebody looks", () => {
  it("it asks again every few seconds, by the etag of what it has", async () => {
    const feed = await opened();
    expect(textsOf(feed)).toEqual(["m1"]);
    await platform.advance(LIVE_MS);
    expect(asked).toEqual([`${PATH}/messages`, `${PATH}/messages "1"`]);
    page = { ...page, messages: [...page.messages, said("m2", "two")] };
    await platform.advance(LIVE_MS);
    expect(textsOf(feed)).toEqual(["m1", "m2"]);
  });

  it("it asks seldom when the chat does not grow", async () => {
    page = { ...page, live: false };
    await opened();
    await platform.advance(FIXED_MS - 1);
    expect(asked).toHaveLength(1);
    await platform.advance(1);
    expect(asked).toHaveLength(2);
  });

  it("it does not ask while nobody does, and at once when somebody comes back", async () => {
    await opened();
    looked = false;
    await platform.advance(10 * LIVE_MS);
    expect(asked).toHaveLength(1);
    looked = true;
    platform.wake();
    await platform.advance(0);
    expect(asked).toHaveLength(2);
  });
});

describe("when the link does not stand any more", () => {
  it.each([
    [410, "share_over", "It was withdrawn."],
    [404, "not_found", "There is no such link."],
    [403, "forbidden", "This link does not show this chat."],
  ])("%d: it says why, drops what it showed, and asks no more", async (status, code, message) => {
    const feed = await opened();
    answer = refusal(status, code, message);
    await platform.advance(LIVE_MS);
    expect(feed.view()).toEqual({ kind: "gone", reason: message });
    const before = asked.length;
    platform.wake();
    await platform.advance(HOUR_MS);
    expect(asked).toHaveLength(before);
  });

  it("it knows by itself when its time is over, without a connection too", async () => {
    const feed = await opened();
    answer = () => {
      throw new TypeError("no network");
    };
    await platform.advance(HOUR_MS - 1);
    expect(feed.view()).toMatchObject({ kind: "shown", reachable: false });
    await platform.advance(1);
    expect(feed.view()).toEqual({ kind: "gone", reason: "" });
  });
});

describe("when the server does not answer", () => {
  it("what is shown stays, and it tries again ever more seldom", async () => {
    const feed = await opened();
    answer = refusal(503, "storage_failed", "Try again.");
    await platform.advance(LIVE_MS);
    expect(feed.view()).toMatchObject({ kind: "shown", reachable: false });
    const before = asked.length;
    await platform.advance(LIVE_MS);
    expect(asked).toHaveLength(before);
    await platform.advance(10 * 60_000);
    expect(asked.length - before).toBeLessThan(15);
    answer = null;
    await platform.advance(60_000);
    expect(feed.view()).toMatchObject({ kind: "shown", reachable: true });
  });

  it("it says so when nothing was shown yet, and goes on by itself", async () => {
    answer = refusal(503, "storage_failed", "Try again.");
    const feed = await opened();
    expect(feed.view()).toEqual({ kind: "failed" });
    answer = null;
    feed.again();
    await platform.advance(0);
    expect(textsOf(feed)).toEqual(["m1"]);
  });

  it("what does not fit is no page", async () => {
    answer = () => Response.json({ title: 1 });
    const feed = await opened();
    expect(feed.view()).toEqual({ kind: "failed" });
  });
});

describe("older messages", () => {
  it("come in front and stay there while the chat grows", async () => {
    page = { ...page, messages: [said("m3", "three")], older: "m3" };
    const feed = await opened();
    answer = () =>
      Response.json({ ...page, messages: [said("m1", "one"), said("m2", "two")], older: undefined });
    feed.loadOlder();
    feed.loadOlder();
    await platform.advance(0);
    expect(asked.filter((one) => one.includes("before=m3"))).toHaveLength(1);
    expect(textsOf(feed)).toEqual(["m1", "m2", "m3"]);
    answer = null;
    page = { ...page, messages: [said("m3", "three"), said("m4", "four")] };
    await platform.advance(LIVE_MS);
    expect(textsOf(feed)).toEqual(["m1", "m2", "m3", "m4"]);
    expect(feed.view()).not.toHaveProperty("page.older");
  });

  it("are let go of with everything else when the link was withdrawn meanwhile", async () => {
    page = { ...page, older: "m1" };
    const feed = await opened();
    answer = refusal(410, "share_over", "It was withdrawn.");
    feed.loadOlder();
    await platform.advance(0);
    expect(feed.view()).toEqual({ kind: "gone", reason: "It was withdrawn." });
  });
});

it("stops with the page", async () => {
  const feed = await opened();
  feed.close();
  await platform.advance(HOUR_MS * 2);
  expect(asked).toHaveLength(1);
  expect(feed.view().kind).toBe("shown");
});
