import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { verifyChain } from "../../../src/actors/conversation/export.ts";
import { Journal } from "../../../src/actors/conversation/journal.ts";
import { Wake } from "../../../src/actors/conversation/wake.ts";
import { limits } from "../../../src/limits.ts";
import {
  ALICE,
  connect,
  isDone,
  isText,
  messagesOf,
  scriptModel,
  stubOf,
  textOf,
} from "../../support/chat.ts";
import { migrateCatalog } from "../router/support/app.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

describe("eviction", () => {
  it("keeps the chat, and the socket learns of what follows", async () => {
    await scriptModel([
      { match: "before sleep", steps: [{ text: "one" }] },
      { match: "after sleep", steps: [{ text: "two" }] },
    ]);
    const chat = await connect("sleep");
    chat.ask("r1", "m1", "before sleep");
    await chat.until(isDone("r1"));
    await evictDurableObject(stubOf("sleep"));
    expect((await messagesOf("sleep", chat)).map(textOf)).toEqual(["before sleep", "one"]);
    const later = await connect("sleep");
    later.ask("r2", "m2", "after sleep");
    await later.until(isDone("r2"));
    // The first socket hibernated through it and is still served.
    await chat.until(isDone("r2"));
    expect(chat.text("r2")).toBe("two");
    expect((await messagesOf("sleep", later)).map(textOf)).toEqual([
      "before sleep",
      "one",
      "after sleep",
      "two",
    ]);
  });

  it("the hash chain holds over all of it, and one changed byte breaks it", async () => {
    const broken = await runInDurableObject(stubOf("sleep"), (_instance, state) => {
      const { sql } = state.storage;
      const check = () => {
        const lines = new Journal(sql, () => "").page(0, Number.MAX_SAFE_INTEGER);
        return verifyChain({ entries: lines.map((line) => ({ ...line, entry: { kind: line.kind } })) });
      };
      const whole = check().length;
      sql.exec("UPDATE journal SET bodies = replace(bodies, 'before sleep', 'before sheep') WHERE seq = 1");
      const changed = check()[0]?.seq;
      sql.exec("UPDATE journal SET bodies = replace(bodies, 'before sheep', 'before sleep') WHERE seq = 1");
      return { whole, changed };
    });
    expect(broken).toEqual({ whole: 0, changed: 1 });
  });
});

describe("the wake", () => {
  it("goes on with a turn that was cut off, with no client connected", async () => {
    await scriptModel([
      {
        match: "cut off",
        steps: [{ stallAfterTokens: 5, text: "word ".repeat(50) }, { text: "the whole answer" }],
      },
    ]);
    const chat = await connect("wake");
    chat.ask("r1", "m1", "cut off");
    await chat.until(isText("r1"));
    await crash("wake");
    expect(await runDurableObjectAlarm(stubOf("wake"))).toBe(true);
    await vi.waitFor(async () => {
      expect((await messagesOf("wake", chat)).at(-1)?.metadata?.outcome).toBe("completed");
    });
    expect((await messagesOf("wake", chat)).map(textOf)).toEqual(["cut off", "the whole answer"]);
  });

  it("is gone when there is nothing left to do", async () => {
    await vi.waitFor(async () => {
      const alarm = await runInDurableObject(stubOf("wake"), (_instance, state) => state.storage.getAlarm());
      expect(alarm).toBeNull();
    });
  });

  it("gives a turn up, visibly, after it was cut off again and again", async () => {
    await scriptModel([
      {
        match: "hopeless",
        steps: Array.from({ length: limits.wakesWithoutProgress + 4 }, () => ({
          stallAfterTokens: 3,
          text: "word ".repeat(50),
        })),
      },
    ]);
    const chat = await connect("hopeless");
    chat.ask("r1", "m1", "hopeless");
    await chat.until(isText("r1"));
    for (let wake = 0; wake <= limits.wakesWithoutProgress; wake++) {
      await crash("hopeless");
      await messagesOf("hopeless", chat);
    }
    // Deployments in quick succession look like this: they are no reason to give up.
    expect((await messagesOf("hopeless", chat)).at(-1)?.metadata?.outcome).toBeUndefined();
    await runInDurableObject(stubOf("hopeless"), (_instance, state) => {
      state.storage.sql.exec("UPDATE wakes SET since = since - ?", limits.stalledMs);
    });
    await crash("hopeless");
    await messagesOf("hopeless", chat);
    const failed = (await messagesOf("hopeless", chat)).at(-1);
    expect(failed?.metadata).toMatchObject({ outcome: "failed", error: { code: "turn_stalled" } });
  });
});

describe("a wake that is due while the object lives", () => {
  /** A wake over a list of what it asked for, and the timers that it set. */
  function bench(driving: boolean) {
    const asked: string[] = [];
    const timers: (() => void)[] = [];
    const jobs = {
      push: async () => void asked.push("push"),
      reschedule: async () => asked.push("move") > 0,
    };
    class Bench extends Wake {
      protected override get lifecycle() {
        return { jobs } as never; // the two calls that `arm` and the move make
      }
    }
    const wake = new Bench({
      now: () => 1_000,
      after: (_ms, run) => {
        timers.push(run);
        return () => {};
      },
      start: () => {},
      hasWork: () => true,
      driving: () => driving,
      kick: () => {},
      restsUntil: () => null,
      idle: () => {},
    });
    wake.arm();
    return { asked, fire: () => timers.shift()?.() };
  }

  it("is moved by a drive that runs", () => {
    const { asked, fire } = bench(true);
    fire();
    expect(asked).toEqual(["push", "move"]);
  });

  it("is left to fire when the drive broke off: nothing else would start it again", () => {
    const { asked, fire } = bench(false);
    fire();
    expect(asked).toEqual(["push"]);
  });
});

describe("a wake with nothing to do but news that nobody takes", () => {
  it("comes ever more seldom, also over lives of the object", async () => {
    await scriptModel([{ match: "unheard", steps: [{ text: "done" }] }]);
    const chat = await connect("unheard");
    await refuseNewsOf("unheard");
    chat.ask("r1", "m1", "unheard");
    await chat.until(isDone("r1"));
    const pauses: number[] = [];
    for (let wake = 0; wake < 3; wake++) {
      await crash("unheard");
      await runInDurableObject(stubOf("unheard"), (_instance, state) => {
        state.storage.sql.exec("UPDATE cf_agents_jobs SET time = 0 WHERE id = 'wake'");
      });
      const before = Date.now();
      expect(await runDurableObjectAlarm(stubOf("unheard"))).toBe(true);
      const alarm = await runInDurableObject(stubOf("unheard"), (_i, state) => state.storage.getAlarm());
      pauses.push(Math.round(((alarm ?? 0) - before) / limits.wakeMs));
    }
    expect(pauses).toEqual([1, 2, 4]);
  });
});

describe("a chat of the first release", () => {
  it("goes on with a turn that was cut off", async () => {
    await scriptModel([
      {
        match: "older",
        steps: [{ stallAfterTokens: 5, text: "word ".repeat(50) }, { text: "the new answer" }],
      },
    ]);
    const chat = await connect("older");
    chat.ask("r1", "m1", "older");
    await chat.until(isText("r1"));
    await runInDurableObject(stubOf("older"), (_instance, state) => {
      // As migrations/conversation/0001_journal.sql alone left it.
      const { sql } = state.storage;
      const names = sql
        .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
        .toArray();
      const first = new Set(["journal", "live", "wakes", "schema_versions", "cf_agents_jobs"]);
      for (const { name } of names)
        if (!first.has(name) && !name.startsWith("_")) sql.exec(`DROP TABLE ${name}`);
      sql.exec("ALTER TABLE wakes DROP COLUMN since");
      sql.exec("DELETE FROM schema_versions WHERE version > 1");
    });
    await crash("older");
    await vi.waitFor(async () => {
      expect((await messagesOf("older", chat)).map(textOf)).toEqual(["older", "the new answer"]);
    });
  });
});

describe("a journal that cannot be read to its end", () => {
  it("opens for reading, wake after wake, and says why it takes nothing more", async () => {
    await scriptModel([
      { match: "poisoned", steps: [{ text: "readable" }, { stallAfterTokens: 3, text: "word ".repeat(50) }] },
    ]);
    const chat = await connect("poison", { console: true });
    chat.ask("r1", "m1", "poisoned");
    await chat.until(isDone("r1"));
    chat.ask("r2", "m2", "poisoned again");
    await chat.until(isText("r2"));
    await runInDurableObject(stubOf("poison"), (_instance, state) => {
      state.storage.sql.exec(
        "INSERT INTO journal (seq, progress, heads, bodies) VALUES (1000, 0, '[[', '[]')",
      );
    });
    for (let wake = 0; wake <= limits.wakesWithoutProgress + 1; wake++) {
      await crash("poison");
      const texts = (await messagesOf("poison", chat)).map(textOf);
      expect(texts.slice(0, 2)).toEqual(["poisoned", "readable"]);
    }
    const later = await connect("poison", { console: true });
    later.ask("r3", "m3", "one more");
    const refused = await later.until((frame) => frame.type === "holdfast_refused");
    expect(refused.code).toBe("storage_failed");
  });
});

/** The user actor takes no news of a chat any more: for it, that chat was deleted. */
async function refuseNewsOf(thread: string): Promise<void> {
  const user = env.USER.get(env.USER.idFromName(ALICE.userId));
  await runInDurableObject(user, (_instance, state) => {
    state.storage.sql.exec(
      "INSERT OR REPLACE INTO deletions (thread, deleted_at, done) VALUES (?, 0, 1)",
      thread,
    );
  });
}

/** The object dies in the middle of whatever it does; its storage stays. */
async function crash(thread: string): Promise<void> {
  const died = runInDurableObject(stubOf(thread), (_instance, state) => state.abort("crash"));
  await expect(died).rejects.toThrow();
}
