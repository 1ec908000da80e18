/** What has to be done again and again goes on after an error, says so, and is not held up by one that always fails. */
import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Conversation } from "../../../src/actors/conversation/actor.ts";
import { AppError } from "../../../src/errors.ts";
import { conversationName } from "../../../src/names.ts";
import { ALICE, BY, connect, isDone, scriptModel } from "../../support/chat.ts";
import { PATIENCE, user, WITHIN_MS } from "../../support/schedules.ts";
import { migrateCatalog } from "../router/support/app.ts";

beforeAll(() => migrateCatalog(env.CATALOG));
afterEach(() => vi.restoreAllMocks());

const object = () => env.USER.get(env.USER.idFromName(ALICE.userId));
const owed = () =>
  runInDurableObject(object(), (_instance, state) =>
    state.storage.sql
      .exec<{ thread: string }>("SELECT thread FROM deletions WHERE done = 0 ORDER BY thread")
      .toArray()
      .map(({ thread }) => thread),
  );
const alarm = () => runInDurableObject(object(), (_instance, state) => state.storage.getAlarm());
const indexed = async () => {
  const { results } = await env.CATALOG.prepare(
    "SELECT thread FROM threads WHERE user_id = ? ORDER BY thread",
  )
    .bind(ALICE.userId)
    .all<{ thread: string }>();
  return results.map(({ thread }) => thread);
};

async function chats(...threads: string[]): Promise<void> {
  for (const thread of threads) {
    await scriptModel([{ match: thread, steps: [{ text: "ok" }] }]);
    const chat = await connect(thread);
    chat.ask(`r-${thread}`, `m-${thread}`, thread);
    await chat.until(isDone(`r-${thread}`));
    chat.close();
  }
  await vi.waitFor(async () => expect(await indexed()).toEqual(expect.arrayContaining(threads)), PATIENCE);
}

describe("deleting chats for good", { timeout: WITHIN_MS }, () => {
  it("goes on with the others when one cannot be reached, tries that one for ever, and says so", async () => {
    await chats("stubborn", "zebra");
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    const real = Conversation.prototype.destroy;
    const refusing = vi.spyOn(Conversation.prototype, "destroy").mockImplementation(async function (
      this: Conversation,
    ) {
      // The context is not for others, but it alone says which chat this is.
      const { ctx } = this as unknown as { ctx: DurableObjectState };
      if (ctx.id.name === conversationName(ALICE.userId, "stubborn"))
        throw new AppError("internal", "This chat cannot be deleted just now.");
      return real.call(this);
    });
    for (const thread of ["stubborn", "zebra"])
      await user()
        .deleteThread(thread, BY)
        .catch(() => {});
    for (let alarms = 0; alarms < 10; alarms++) {
      expect(await owed()).toEqual(["stubborn"]);
      expect(await alarm()).not.toBeNull();
      said.mockClear();
      expect(await runDurableObjectAlarm(object())).toBe(true);
      expect(said).toHaveBeenCalled();
    }
    expect(await indexed()).not.toContain("zebra");
    refusing.mockRestore();
    expect(await alarm()).not.toBeNull();
    await runDurableObjectAlarm(object());
    expect(await owed()).toEqual([]);
    expect(await indexed()).not.toContain("stubborn");
  });
});

describe("telling the catalog", { timeout: WITHIN_MS }, () => {
  it("goes on after any number of errors, says each, and a chat that is deleted meanwhile does not come back", async () => {
    await chats("kept", "thrown-away");
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    await env.CATALOG.prepare("ALTER TABLE threads RENAME TO threads_away").run();
    await user().renameThread("kept", "A new title", BY);
    await user()
      .deleteThread("thrown-away", BY)
      .catch(() => {});
    for (let alarms = 0; alarms < 5; alarms++) {
      await vi.waitFor(async () => expect(await alarm()).not.toBeNull(), PATIENCE);
      said.mockClear();
      await runDurableObjectAlarm(object());
      expect(said).toHaveBeenCalled();
    }
    await env.CATALOG.prepare("ALTER TABLE threads_away RENAME TO threads").run();
    await vi.waitFor(async () => expect(await alarm()).not.toBeNull(), PATIENCE);
    await runDurableObjectAlarm(object());
    expect(await owed()).toEqual([]);
    const { results } = await env.CATALOG.prepare("SELECT thread, title FROM threads WHERE user_id = ?")
      .bind(ALICE.userId)
      .all();
    expect(results).toEqual([{ thread: "kept", title: "A new title" }]);
  });
});
