import { describe, expect, it } from "vitest";
import { Api, ApiError } from "../../../src/console/app/api.ts";
import { listenToFeed } from "../../../src/console/app/feed.ts";
import { threadList } from "../../../src/console/app/threads.ts";
import type { FeedEvent, ThreadSummary } from "../../../src/protocol/rpc.ts";
import { FakePlatform, SharedStorage } from "./fake-platform.ts";

const thread = (id: string, updatedAt: number, change: Partial<ThreadSummary> = {}): ThreadSummary => ({
  id,
  title: id.toUpperCase(),
  preview: "",
  status: "idle",
  createdAt: 1,
  updatedAt,
  ...change,
});

function made(platform = new FakePlatform()) {
  let signedOut = 0;
  const api = new Api(platform, () => {
    signedOut += 1;
  });
  const list = threadList(api, platform.storage, "alice");
  const ids = () => list.snapshot().threads.map((item) => item.id);
  const unread = () =>
    list
      .snapshot()
      .threads.filter((item) => item.unread)
      .map((item) => item.id);
  return { platform, api, list, ids, unread, signedOut: () => signedOut };
}

describe("the list of chats", () => {
  it("is loaded newest first, and what was there before is not news", async () => {
    const { platform, list, ids, unread } = made();
    platform.respond = (path) => {
      expect(path).toBe("/api/agents/alice/threads");
      return Response.json({ threads: [thread("a", 1), thread("b", 3), thread("c", 2)] });
    };
    await list.load();
    expect(list.snapshot().loaded).toBe(true);
    expect(ids()).toEqual(["b", "c", "a"]);
    expect(unread()).toEqual([]);
  });

  it("marks what changed as unread, until it is looked at", () => {
    const { list, ids, unread } = made();
    list.onEvent({ type: "threads", threads: [thread("a", 1), thread("b", 2)] });
    list.onEvent({ type: "thread", thread: thread("a", 3, { status: "working" }) });
    expect(unread()).toEqual([]);
    list.onEvent({ type: "thread", thread: thread("a", 4) });
    expect(ids()).toEqual(["a", "b"]);
    expect(unread()).toEqual(["a"]);
    list.look("a");
    expect(unread()).toEqual([]);
    list.onEvent({ type: "thread", thread: thread("a", 5) });
    list.look(null);
    expect(unread()).toEqual([]);
    list.onEvent({ type: "thread", thread: thread("a", 6) });
    expect(unread()).toEqual(["a"]);
  });

  it("remembers across a reload what was seen, and forgets it in the other tab too", () => {
    const storage = new SharedStorage();
    const first = made(new FakePlatform(storage));
    first.list.onEvent({ type: "threads", threads: [thread("a", 1)] });
    const second = made(new FakePlatform(storage));
    second.list.onEvent({ type: "threads", threads: [thread("a", 2)] });
    expect(second.unread()).toEqual(["a"]);
    first.list.onEvent({ type: "thread", thread: thread("a", 2) });
    first.list.look("a");
    expect(second.unread()).toEqual([]);
  });

  it("renames at once, and takes it back when the server will not have it", async () => {
    const { platform, list } = made();
    const title = () => list.snapshot().threads[0]?.title;
    list.onEvent({ type: "threads", threads: [thread("a", 1)] });
    platform.respond = async (_, init) => {
      expect(title()).toBe("New");
      expect(JSON.parse(String(init?.body))).toEqual({ title: "New" });
      return Response.json({ thread: thread("a", 1, { title: "New" }) });
    };
    await list.rename("a", "New");
    expect(title()).toBe("New");
    platform.respond = () =>
      Response.json({ error: { code: "thread_unknown", message: "Gone." } }, { status: 404 });
    await expect(list.rename("a", "Newer")).rejects.toThrow("Gone.");
    expect(title()).toBe("New");
  });

  it("hides at once what is archived, and shows it again when that is taken back", async () => {
    const { platform, list, ids } = made();
    list.onEvent({ type: "threads", threads: [thread("a", 1), thread("b", 2)] });
    list.hide("a");
    list.onEvent({ type: "thread", thread: thread("a", 3) });
    expect(ids()).toEqual(["b"]);
    list.show("a");
    expect(ids()).toEqual(["a", "b"]);
    platform.respond = (path, init) => {
      expect([init?.method, path]).toEqual(["DELETE", "/api/agents/alice/threads/a"]);
      return new Response(null, { status: 204 });
    };
    await list.archive("a");
    expect(ids()).toEqual(["b"]);
  });

  it("drops what another page archived", () => {
    const { list, ids } = made();
    list.onEvent({ type: "threads", threads: [thread("a", 1)] });
    list.onEvent({ type: "thread_removed", thread: "a" });
    expect(ids()).toEqual([]);
  });

  it("asks the server for searches", async () => {
    const { platform, list } = made();
    platform.respond = (path) => {
      expect(path).toBe("/api/agents/alice/threads?query=a%26b");
      return Response.json({ threads: [thread("x", 1)] });
    };
    expect((await list.search("a&b", new AbortController().signal)).map((found) => found.id)).toEqual(["x"]);
  });
});

describe("the feed", () => {
  it("hands over events it knows, and says when it was away", async () => {
    const platform = new FakePlatform();
    const events: FeedEvent[] = [];
    let again = 0;
    const feed = listenToFeed({
      platform,
      handle: "alice",
      onEvent: (event) => events.push(event),
      onCut: () => {},
      whyRefused: async () => null,
      onAgain: () => {
        again += 1;
      },
    });
    expect(platform.newest.path).toBe("/api/agents/alice/feed");
    platform.newest.open();
    platform.newest.frame({ type: "files", paths: ["a.txt"] });
    platform.newest.frame({ type: "weather", sunny: true });
    platform.newest.frame({ type: "files", paths: "a.txt" });
    platform.newest.onmessage?.({ data: "{" });
    expect(events).toEqual([{ type: "files", paths: ["a.txt"] }]);
    expect(again).toBe(0);
    platform.newest.drop();
    await platform.advance(1_000);
    platform.newest.open();
    expect(again).toBe(1);
    feed.close();
  });
});

describe("the API", () => {
  it("throws the server's sentence", async () => {
    const { platform, api } = made();
    platform.respond = () =>
      Response.json({ error: { code: "forbidden", message: "Not yours." } }, { status: 403 });
    const error = await api.me().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: "forbidden", message: "Not yours.", status: 403 });
  });

  it("says what to do when there is no answer, or one that cannot be read", async () => {
    const { platform, api } = made();
    platform.respond = () => {
      throw new TypeError("fetch failed");
    };
    await expect(api.me()).rejects.toMatchObject({ code: "unreachable", status: 0 });
    platform.respond = () => new Response("<html>bad gateway</html>", { status: 502 });
    await expect(api.me()).rejects.toMatchObject({ code: "internal", status: 502 });
    platform.respond = () => Response.json({ user: "alice" });
    await expect(api.me()).rejects.toMatchObject({ code: "internal" });
  });

  it("tells the page when nobody is signed in", async () => {
    const { platform, api, signedOut } = made();
    platform.respond = () => new Response("", { status: 401 });
    await expect(api.me()).rejects.toMatchObject({ status: 401 });
    expect(signedOut()).toBe(1);
  });
});
