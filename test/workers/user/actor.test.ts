import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { THREADS_LISTED, ThreadList } from "../../../src/actors/user/thread-list.ts";
import { userStub } from "../../../src/env.ts";
import type { ThreadUpdate } from "../../../src/protocol/rpc.ts";
import { BY } from "../../support/chat.ts";
import { migrateCatalog } from "../router/support/app.ts";
import { indexed, newUser, objectOf, PATIENCE, refusal, update } from "./support.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

describe("threads", () => {
  it("answer RPC before any fetch has woken the actor", async () => {
    const user = userStub(env, newUser());
    expect(await user.threads({})).toEqual([]);
    expect((await user.settings()).version).toBe(0);
  });

  it("keep the newest of what a conversation tells, in whatever order it comes", async () => {
    const user = userStub(env, newUser());
    await user.threadChanged(update("a", 5));
    await user.threadChanged(update("a", 5, { preview: "again" }));
    await user.threadChanged(update("a", 3, { preview: "late" }));
    expect(await user.threads({})).toEqual([
      { id: "a", title: "About a", preview: "Text 5", status: "idle", createdAt: 1_005, updatedAt: 1_005 },
    ]);
    await user.threadChanged(update("b", 1, { at: 500 }));
    await user.threadChanged(update("a", 6, { status: "failed" }));
    const [a, b] = await user.threads({});
    expect(a).toMatchObject({
      id: "a",
      status: "failed",
      preview: "Text 6",
      createdAt: 1_005,
      updatedAt: 1_006,
    });
    expect(b).toMatchObject({ id: "b" });
  });

  it("survive an eviction; news that need not survive does not", async () => {
    const userId = newUser();
    const user = userStub(env, userId);
    await user.threadChanged(update("a", 1));
    await user.threadChanged(update("a", 2, { transient: true, status: "working", preview: "" }));
    await user.threadChanged(update("fresh", 1, { transient: true, status: "working" }));
    expect(await user.threads({})).toMatchObject([
      { id: "a", status: "working", preview: "Text 1" },
      { id: "fresh", status: "working" },
    ]);
    await evictDurableObject(objectOf(userId));
    expect(await userStub(env, userId).threads({})).toMatchObject([
      { id: "a", status: "idle", preview: "Text 1" },
    ]);
  });

  it("end as the turn ended, also when its end is told after the beginning of the next", async () => {
    const user = userStub(env, newUser());
    await user.threadChanged(update("a", 2, { transient: true, status: "working" }));
    await user.threadChanged(update("a", 2, { transient: true, status: "failed" }));
    expect(await user.threads({})).toMatchObject([{ status: "working" }]);
    await user.threadChanged(update("a", 2));
    expect(await user.threads({})).toMatchObject([{ status: "idle" }]);
    await user.threadChanged(update("a", 9, { transient: true, status: "working" }));
    await user.threadChanged(update("a", 7));
    expect(await user.threads({})).toMatchObject([{ status: "working" }]);
    await user.threadChanged(update("a", 10));
    expect(await user.threads({})).toMatchObject([{ status: "idle", preview: "Text 10" }]);
  });

  it("take a title that is suggested once, and never in place of a person's", async () => {
    const user = userStub(env, newUser());
    await user.threadChanged(update("a", 1, { suggestedTitle: "" }));
    await user.threadChanged(update("a", 2, { suggestedTitle: " First\n title " }));
    await user.threadChanged(update("a", 3, { suggestedTitle: "Second" }));
    expect(await user.threads({})).toMatchObject([{ title: "First title" }]);
    await user.renameThread("a", "Mine", BY);
    await user.threadChanged(update("a", 4, { suggestedTitle: "Third" }));
    expect(await user.threads({})).toMatchObject([{ title: "Mine" }]);
  });

  it("can be named while their first turn runs, and the turn's end still counts", async () => {
    const user = userStub(env, newUser());
    await user.threadChanged(update("a", 1, { transient: true, status: "working" }));
    expect(await user.renameThread("a", "Mine", BY)).toMatchObject({ title: "Mine", status: "working" });
    await user.threadChanged(update("a", 1));
    expect(await user.threads({})).toMatchObject([{ title: "Mine", status: "idle", preview: "Text 1" }]);
  });

  it("leave the list when archived, and come back with something newer", async () => {
    const user = userStub(env, newUser());
    await user.threadChanged(update("a", 1));
    await user.archiveThread("a", BY);
    expect(await user.threads({})).toEqual([]);
    await user.threadChanged(update("a", 1));
    expect(await user.threads({})).toEqual([]);
    await user.threadChanged(update("a", 2));
    expect(await user.threads({})).toMatchObject([{ id: "a" }]);
  });

  it("that nobody knows are refused, by code", async () => {
    const user = userStub(env, newUser());
    expect(await refusal(() => user.renameThread("a", "x", BY))).toBe("thread_unknown");
    expect(await refusal(() => user.archiveThread("a", BY))).toBe("thread_unknown");
    expect(await refusal(() => user.threadChanged(update("../b", 1)))).toBe("thread_invalid");
  });

  it("cut long texts between characters", async () => {
    const user = userStub(env, newUser());
    await user.threadChanged(update("a", 1, { preview: `${"x".repeat(139)}😀${"y".repeat(100_000)}` }));
    const [a] = await user.threads({});
    expect(a?.preview).toBe("x".repeat(139));
  });

  it("are searched case folded, in titles and previews, and listed up to a bound", async () => {
    const userId = newUser();
    const user = userStub(env, userId);
    for (let n = 1; n <= THREADS_LISTED + 20; n++) await user.threadChanged(update(`t${n}`, n));
    await user.threadChanged(update("x", 1, { suggestedTitle: "STRASSE und ÉTÉ", preview: "50%_off" }));
    const ids = async (query: string) => (await user.threads({ query })).map(({ id }) => id);
    expect(await ids("été")).toEqual(["x"]);
    expect(await ids("E\u0301te\u0301")).toEqual(["x"]);
    expect(await ids("0%_O")).toEqual(["x"]);
    expect(await ids("%")).toEqual(["x"]);
    expect(await ids("nothing")).toEqual([]);
    const all = await user.threads({});
    expect(all).toHaveLength(THREADS_LISTED);
    expect(all[0]?.id).toBe(`t${THREADS_LISTED + 20}`);
    expect(await user.threads({ limit: 3 })).toHaveLength(3);
  });

  it("cost one row for each thing told, none when it is transient or stale", async () => {
    const userId = newUser();
    await userStub(env, userId).settings();
    await runInDurableObject(objectOf(userId), (_, state) => {
      let written = 0;
      const sql = new Proxy(state.storage.sql, {
        get: (target, key) =>
          key === "exec"
            ? (query: string, ...bindings: SqlStorageValue[]) => {
                const cursor = target.exec(query, ...bindings);
                const rows = cursor.toArray();
                written += cursor.rowsWritten;
                return { toArray: () => rows };
              }
            : Reflect.get(target, key),
      });
      const threads = new ThreadList(sql);
      const costOf = (told: ThreadUpdate): number => {
        const before = written;
        threads.apply(told);
        return written - before;
      };
      expect(costOf(update("a", 1))).toBe(1);
      expect(costOf(update("a", 2))).toBe(1);
      expect(costOf(update("a", 2))).toBe(0);
      expect(costOf(update("a", 3, { transient: true }))).toBe(0);
      for (let seq = 4; seq < 50; seq++) expect(costOf(update("a", seq))).toBe(1);
      const row = state.storage.sql.exec("SELECT input_tokens, output_tokens FROM threads").one();
      expect(row).toEqual({ input_tokens: 3 * 48, output_tokens: 4 * 48 });
    });
  });
});

describe("the catalog's thread index", () => {
  it("learns of new, renamed, archived and returning threads, and of nothing else", async () => {
    const userId = newUser();
    const user = userStub(env, userId);
    await user.threadChanged(update("a", 1));
    await vi.waitUntil(async () => (await indexed(userId)).length === 1, PATIENCE);
    await user.threadChanged(update("a", 2));
    await user.renameThread("a", "Mine", BY);
    await vi.waitUntil(async () => (await indexed(userId))[0]?.seq === 2, PATIENCE);
    expect(await indexed(userId)).toEqual([{ thread: "a", title: "Mine", archived: 0, seq: 2 }]);
    await user.archiveThread("a", BY);
    await vi.waitUntil(async () => (await indexed(userId))[0]?.archived === 1, PATIENCE);
    await user.threadChanged(update("a", 3));
    await vi.waitUntil(async () => (await indexed(userId))[0]?.archived === 0, PATIENCE);
    expect(await indexed(userId)).toEqual([{ thread: "a", title: "Mine", archived: 0, seq: 4 }]);
  });

  it("is told later when it cannot be told now; the update itself succeeds", async () => {
    const userId = newUser();
    const user = userStub(env, userId);
    await env.CATALOG.exec("ALTER TABLE threads RENAME TO threads_away");
    try {
      await user.threadChanged(update("a", 1));
      await user.threadChanged(update("b", 1, { at: 5 }));
      expect((await user.threads({})).map(({ id }) => id)).toEqual(["a", "b"]);
      await vi.waitUntil(
        () =>
          runInDurableObject(objectOf(userId), async (_, state) => (await state.storage.getAlarm()) !== null),
        PATIENCE,
      );
      expect(await runDurableObjectAlarm(objectOf(userId))).toBe(true);
      const again = await runInDurableObject(objectOf(userId), (_, state) => state.storage.getAlarm());
      expect(again).not.toBeNull();
    } finally {
      await env.CATALOG.exec("ALTER TABLE threads_away RENAME TO threads");
    }
    await evictDurableObject(objectOf(userId));
    expect(await runDurableObjectAlarm(objectOf(userId))).toBe(true);
    expect((await indexed(userId)).map(({ thread }) => thread)).toEqual(["a", "b"]);
  });

  it("is told after a crash between the row and the catalog, at the next update of any thread", async () => {
    const userId = newUser();
    const user = userStub(env, userId);
    await user.threadChanged(update("a", 1));
    await user.threadChanged(update("b", 1));
    await vi.waitUntil(async () => (await indexed(userId)).length === 2, PATIENCE);
    // What a crash leaves behind: a row whose news is still owed, and no alarm.
    await runInDurableObject(objectOf(userId), (_, state) => {
      state.storage.sql.exec(
        "UPDATE threads SET title = 'Lost', index_seq = 9, indexed_seq = 1 WHERE id = 'a'",
      );
    });
    await evictDurableObject(objectOf(userId));
    await userStub(env, userId).threadChanged(update("b", 2));
    await vi.waitUntil(async () => (await indexed(userId))[0]?.seq === 9, PATIENCE);
    expect(await indexed(userId)).toMatchObject([{ title: "Lost" }, { title: "About b", seq: 1 }]);
  });

  it("keeps what it has when an older copy arrives late", async () => {
    const userId = newUser();
    const user = userStub(env, userId);
    await user.threadChanged(update("a", 1));
    await vi.waitUntil(async () => (await indexed(userId)).length === 1, PATIENCE);
    await env.CATALOG.prepare("UPDATE threads SET seq = 100, title = 'Newer' WHERE user_id = ?")
      .bind(userId)
      .run();
    await user.renameThread("a", "Older", BY);
    await vi.waitUntil(
      () =>
        runInDurableObject(
          objectOf(userId),
          (_, state) =>
            state.storage.sql.exec("SELECT 1 FROM threads WHERE indexed_seq = index_seq").toArray().length ===
            1,
        ),
      PATIENCE,
    );
    expect(await indexed(userId)).toMatchObject([{ title: "Newer", seq: 100 }]);
  });
});

describe("settings", () => {
  it("grow their version with every change that changes something, across evictions", async () => {
    const userId = newUser();
    const user = userStub(env, userId);
    expect((await user.changeSettings({ name: "Ada" }, BY)).version).toBe(1);
    expect((await user.changeSettings({ name: "Ada" }, BY)).version).toBe(1);
    await evictDurableObject(objectOf(userId));
    const again = userStub(env, userId);
    expect(await again.changeSettings({ instructions: "Be brief." }, BY)).toEqual({
      name: "Ada",
      instructions: "Be brief.",
      model: "",
      timeZone: "UTC",
      toolRisks: {},
      version: 2,
    });
    expect(await refusal(() => again.changeSettings({ model: "x" }, BY))).toBe("bad_request");
  });

  it("are pushed to conversations of the last ten minutes, at most 20, whatever becomes of the push", async () => {
    const userId = newUser();
    const user = userStub(env, userId);
    const now = Date.now();
    for (let n = 1; n <= 25; n++) await user.threadChanged(update(`t${n}`, 1, { at: now - n * 1_000 }));
    await user.threadChanged(update("old", 1, { at: now - 11 * 60_000 }));
    const pushed: string[] = [];
    let failures = 0;
    await runInDurableObject(objectOf(userId), async (instance) => {
      const bindings = Reflect.get(instance, "env");
      const original = bindings.CONVERSATION;
      bindings.CONVERSATION = {
        idFromName: (name: string) => name,
        get: (name: string) => ({
          settingsChanged: async () => {
            pushed.push(name);
            if (name.endsWith(".t2")) {
              failures += 1;
              throw new Error("asleep");
            }
          },
        }),
      };
      try {
        await Reflect.get(instance, "changeSettings").call(instance, { name: "Eve" }, BY);
        await vi.waitUntil(() => pushed.length >= 20, PATIENCE);
      } finally {
        bindings.CONVERSATION = original;
      }
    });
    expect(failures).toBe(1);
    expect(pushed).toEqual(Array.from({ length: 20 }, (_, n) => `${userId}.t${n + 1}`));
    expect((await user.settings()).name).toBe("Eve");
  });
});
