import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { forwardedHeaders } from "../../../src/protocol/forwarded.ts";
import { ALICE, AS_ALICE, BY, connect, isText, scriptModel, stubOf, textOf } from "../../support/chat.ts";
import { alice, exchange, holdings, messagesIn } from "../../support/journal.ts";
import { migrateCatalog } from "../router/support/app.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

const inCatalog = async (thread: string) =>
  env.CATALOG.prepare("SELECT title FROM threads WHERE user_id = ? AND thread = ?")
    .bind(ALICE.userId, thread)
    .first();

const listed = async (thread: string) => (await alice().threads({})).some((one) => one.id === thread);

/** Status of what a client of the chat asks for. */
const statusOf = async (thread: string, path: string, headers: Record<string, string> = {}) => {
  const response = await stubOf(thread).fetch(`https://actor.internal${path}`, {
    headers: { ...headers, ...forwardedHeaders(AS_ALICE) },
  });
  await response.body?.cancel();
  return response.status;
};

/** A socket, and what it was closed with. */
async function watched(thread: string) {
  const response = await stubOf(thread).fetch("https://actor.internal/socket?_pk=watch", {
    headers: { upgrade: "websocket", ...forwardedHeaders(AS_ALICE) },
  });
  const socket = response.webSocket;
  if (!socket) throw new Error(`no socket: ${response.status}`);
  const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve));
  socket.accept();
  return closed;
}

describe("deleting a chat for good", () => {
  it("leaves nothing of it: journal, list, search, catalog", async () => {
    const chat = await connect("gone");
    await exchange(chat, "g1", "a secret about walruses", "noted");
    await vi.waitFor(async () => {
      expect(await inCatalog("gone")).not.toBeNull();
      expect((await alice().search({ text: "walruses" })).hits).toHaveLength(1);
    });
    await alice().deleteThread("gone", BY);
    expect(await listed("gone")).toBe(false);
    expect(await inCatalog("gone")).toBeNull();
    expect((await alice().search({ text: "walruses" })).hits).toEqual([]);
    expect(await holdings("gone")).toEqual({});
  });

  it("tells connected clients, and refuses the name from then on", async () => {
    const chat = await connect("refused");
    await exchange(chat, "re1", "refused hello", "hi");
    const closed = watched("refused");
    await alice().deleteThread("refused", BY);
    expect(await closed).toMatchObject({ code: 4410, reason: "This chat was deleted for good." });
    expect(await statusOf("refused", "/get-messages")).toBe(410);
    expect(await statusOf("refused", "/journal")).toBe(410);
    expect(await statusOf("refused", "/socket?_pk=late", { upgrade: "websocket" })).toBe(410);
    // Not even an empty database comes of it.
    expect(await holdings("refused")).toEqual({});
    expect(await listed("refused")).toBe(false);
  });

  it("stops a turn that runs, and nothing of it comes back", async () => {
    await scriptModel([
      { match: "runs on and on", steps: [{ stallAfterTokens: 3, text: "word ".repeat(50) }] },
    ]);
    const chat = await connect("running");
    chat.ask("r1", "ru1", "runs on and on");
    await chat.until(isText("r1"));
    await alice().deleteThread("running", BY);
    expect(await chat.until((frame) => frame.done === true)).toMatchObject({ outcome: "aborted" });
    expect(await holdings("running")).toEqual({});
    await expect.poll(() => listed("running")).toBe(false);
    expect((await alice().search({ text: "runs on" })).hits).toEqual([]);
    expect(await runDurableObjectAlarm(stubOf("running"))).toBe(false);
  });

  it("may be asked for twice, and of a chat that was never there", async () => {
    await Promise.all([alice().deleteThread("twice", BY), alice().deleteThread("twice", BY)]);
    await alice().deleteThread("twice", BY);
    expect(await statusOf("twice", "/get-messages")).toBe(410);
  });

  it("empties the agent's own address, which can be used again", async () => {
    const chat = await connect("main");
    await exchange(chat, "ma1", "main before", "old");
    await alice().deleteThread("main", BY);
    const again = await connect("main");
    expect(await messagesIn("main")).toEqual([]);
    await exchange(again, "ma2", "main after", "new");
    expect((await messagesIn("main")).map(textOf)).toEqual(["main after", "new"]);
    await expect.poll(() => listed("main")).toBe(true);
  });

  it("is gone on with by the alarm when it was cut off behind its first step", async () => {
    const chat = await connect("cutoff");
    await exchange(chat, "co1", "cutoff hello", "hi");
    await vi.waitFor(async () => expect(await inCatalog("cutoff")).not.toBeNull());
    const user = env.USER.get(env.USER.idFromName(ALICE.userId));
    await runInDurableObject(user, (_instance, state) => {
      state.storage.sql.exec("INSERT INTO deletions (thread, deleted_at, done) VALUES ('cutoff', 1, 0)");
      return state.storage.setAlarm(Date.now() + 60_000);
    });
    expect(await statusOf("cutoff", "/get-messages")).toBe(200);
    expect(await runDurableObjectAlarm(user)).toBe(true);
    expect(await statusOf("cutoff", "/get-messages")).toBe(410);
    expect(await inCatalog("cutoff")).toBeNull();
    const owed = await runInDurableObject(user, (_instance, state) =>
      state.storage.sql.exec("SELECT thread FROM deletions WHERE done = 0").toArray(),
    );
    expect(owed).toEqual([]);
  });

  it("is not undone by news of the chat that comes late", async () => {
    await alice().deleteThread("late", BY);
    await alice().threadChanged({
      thread: "late",
      seq: 9,
      status: "idle",
      suggestedTitle: "I am back",
      preview: "",
      at: 1,
      inputTokens: 0,
      outputTokens: 0,
      transient: false,
    });
    expect(await listed("late")).toBe(false);
  });
});
