import { env, evictDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { userStub } from "../../../src/env.ts";
import { PING, PONG } from "../../../src/protocol/frames.ts";
import { BY } from "../../support/chat.ts";
import { migrateCatalog } from "../router/support/app.ts";
import { connect, newUser, objectOf, openFeed, principalOf, update } from "./support.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

describe("the feed", () => {
  it("begins with the list and goes on with what happens", async () => {
    const userId = newUser();
    const user = userStub(env, userId);
    await user.threadChanged(update("a", 1));
    const feed = await openFeed(userId);
    expect(await feed.next()).toMatchObject({ type: "threads", threads: [{ id: "a" }] });
    await user.threadChanged(update("a", 2, { transient: true, status: "working" }));
    expect(await feed.next()).toMatchObject({ type: "thread", thread: { id: "a", status: "working" } });
    await user.threadChanged(update("a", 1));
    await user.filesChanged([]);
    await user.filesChanged(["x.txt"]);
    expect(await feed.next()).toEqual({ type: "files", paths: ["x.txt"] });
    await user.renameThread("a", "Mine", BY);
    expect(await feed.next()).toMatchObject({ type: "thread", thread: { title: "Mine", status: "working" } });
    await user.changeSettings({ name: "Ada" }, BY);
    expect(await feed.next()).toMatchObject({ type: "settings", settings: { name: "Ada", version: 1 } });
    await user.archiveThread("a", BY);
    expect(await feed.next()).toEqual({ type: "thread_removed", thread: "a" });
    feed.socket.close();
  });

  it("lives through hibernation, and is answered pings without being woken", async () => {
    const userId = newUser();
    const [one, two] = [await openFeed(userId), await openFeed(userId)];
    await Promise.all([one.next(), two.next()]);
    await evictDurableObject(objectOf(userId));
    one.socket.send(PING);
    expect(await one.raw()).toBe(PONG);
    await userStub(env, userId).threadChanged(update("a", 1));
    expect(await one.next()).toMatchObject({ type: "thread", thread: { id: "a" } });
    expect(await two.next()).toMatchObject({ type: "thread", thread: { id: "a" } });
    two.socket.close();
    await userStub(env, userId).threadChanged(update("a", 2));
    expect(await one.next()).toMatchObject({ type: "thread", thread: { preview: "Text 2" } });
    one.socket.close();
  });

  it("does not mind what a client says", async () => {
    const userId = newUser();
    const feed = await openFeed(userId);
    await feed.next();
    for (const said of ["{", '{"type":"cf_agent_chat_clear"}', "x".repeat(100_000)]) feed.socket.send(said);
    feed.socket.send(PING);
    expect(await feed.raw()).toBe(PONG);
    feed.socket.close();
  });

  it("is refused to anyone but its user, should the router ever be wrong", async () => {
    const [alice, bob] = [newUser(), newUser()];
    const attempts = [
      await connect(alice, { principal: principalOf(bob) }),
      await connect(alice, { agent: { ownerId: bob, handle: "bob" } }),
    ];
    for (const attempt of attempts) {
      expect([attempt.status, attempt.webSocket]).toEqual([403, null]);
      expect(await attempt.json()).toMatchObject({ error: { code: "forbidden" } });
    }
  });

  it("answers nothing else, and never with a stack", async () => {
    const user = userStub(env, newUser());
    const answers = [
      await user.fetch("https://actor.internal/feed"),
      await user.fetch("https://actor.internal/socket", { headers: { Upgrade: "websocket" } }),
      await user.fetch("https://actor.internal/feed", { headers: { Upgrade: "websocket" } }),
      await user.fetch("https://actor.internal/feed", {
        headers: { Upgrade: "websocket", "x-holdfast-principal": "{", "x-holdfast-agent": "{" },
      }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([426, 404, 500, 500]);
    for (const answer of answers) expect(await answer.text()).not.toMatch(/\bat\b.*\.ts|router\.$/);
  });
});
