import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { countOf, crash, deliver, fellSilent, kept } from "../../campaigns/alarms/story.ts";
import { ALICE, scriptModel, stubOf } from "../../support/chat.ts";
import {
  add,
  change,
  chatOf,
  comes,
  EVERY_FIVE,
  ended,
  inputsOf,
  list,
  MINUTE_MS,
  PATIENCE,
  passed,
  realTime,
  refusal,
  remove,
  silent,
  sql,
  textsOf,
  user,
  WITHIN_MS,
} from "../../support/schedules.ts";
import { migrateCatalog } from "../router/support/app.ts";

beforeAll(() => migrateCatalog(env.CATALOG));
afterEach(realTime);

describe("a reminder", { timeout: WITHIN_MS }, () => {
  it("is kept, listed in the chat and over all chats, and sets the alarm for its time", async () => {
    const before = Date.now();
    const made = await add("reminder", { text: " stretch ", in: "20 minutes" });
    expect(made).toMatchObject({
      text: "stretch",
      cron: null,
      timeZone: "UTC",
      status: "active",
      thread: "reminder",
    });
    const dueAt = made.nextAt ?? 0;
    expect(dueAt).toBeGreaterThanOrEqual(before + 20 * MINUTE_MS);
    expect(await list("reminder")).toEqual([made]);
    await vi.waitFor(async () => expect(await user().schedules()).toContainEqual(made), PATIENCE);
    await vi.waitFor(async () => expect((await kept("reminder")).alarm).toBe(dueAt), PATIENCE);
  });

  it("that is made twice with one key is one", async () => {
    const [one] = await list("reminder");
    expect(await add("reminder", { text: "other words", in: "3 hours" })).toEqual(one);
    const both = await Promise.all([1, 2].map(() => add("reminder", { text: "b", in: "4 hours" }, "k2")));
    expect(both[0]).toEqual(both[1]);
    expect(await list("reminder")).toHaveLength(2);
  });

  it("runs once when it is due, in its owner's name, and is gone from the lists", async () => {
    await scriptModel([{ match: "breathe", steps: [{ text: "Breathe now." }] }]);
    const made = await add("due", { text: "breathe", in: "1 minute" });
    const at = await passed("due", made.id, 0);
    await deliver("due", 3);
    await ended("due", 1);
    const [input] = await inputsOf("due");
    expect(input).toMatchObject({
      source: "schedule",
      keys: [`schedule:${made.id}:${at}`],
      sender: { id: ALICE.userId, name: ALICE.name },
    });
    expect(await list("due")).toEqual([]);
    await vi.waitFor(async () => {
      expect((await user().schedules()).filter(({ thread }) => thread === "due")).toEqual([]);
      expect((await kept("due")).jobs).toBe(0);
    }, PATIENCE);
    // The call that made it is run again: it does not come back.
    const again = await chatOf("due").schedules(ALICE, {
      type: "add",
      input: { text: "breathe", in: "1 minute" },
      key: "k1",
    });
    expect(again).toEqual([]);
  });

  it("that comes late says so", async () => {
    await scriptModel([{ match: "late one", steps: [{ text: "Sorry." }] }]);
    const made = await add("late", { text: "late one", in: "1 minute" });
    await passed("late", made.id, 3 * 60 * MINUTE_MS);
    await deliver("late");
    await ended("late", 1);
    expect((await textsOf("late"))[0]).toMatch(/late one.*It comes 3 hours late, at /);
  });
});

describe("an occurrence", { timeout: WITHIN_MS }, () => {
  it("runs once though the object died between its input and its row", async () => {
    await scriptModel([{ match: "cut between", steps: [{ text: "Once." }] }]);
    const made = await add("between", { ...EVERY_FIVE, text: "cut between" });
    const columns = "due_at, wake_at, pending_at, last_at, last_turn";
    const at = await passed("between", made.id, 0);
    const row = [at, at, at, null, null];
    await deliver("between");
    await ended("between", 1);
    // What that death leaves: the journal has the input, and the row is as it was.
    await sql("between", (db) => {
      db.exec(`UPDATE schedules SET (${columns}) = (?, ?, ?, ?, ?) WHERE id = ?`, ...row, made.id);
      db.exec("UPDATE schedule_state SET runs = 0");
    });
    await crash("between");
    await deliver("between", 2);
    const after = await kept("between");
    expect(countOf(after, "input")).toBe(1);
    const [known] = await list("between");
    expect(known).toMatchObject({ lastAt: at, missed: null });
    expect(known?.nextAt).toBeGreaterThan(Date.now());
    // And the run that was not counted is counted now.
    expect(await sql("between", (db) => db.exec("SELECT runs FROM schedule_state").one().runs)).toBe(1);
  });

  it("is answered though the object dies in the middle of its turn", async () => {
    await scriptModel([{ match: "cut turn", steps: [silent, { text: "whole" }] }]);
    const made = await add("cut-turn", { text: "cut turn", in: "1 minute" });
    await passed("cut-turn", made.id, 0);
    await deliver("cut-turn");
    await fellSilent("cut turn");
    await crash("cut-turn");
    await deliver("cut-turn", 2);
    await ended("cut-turn", 1);
    expect(countOf(await kept("cut-turn"), "input")).toBe(1);
  });

  it("is not accepted while storage fails, and runs when it is back", async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    await scriptModel([{ match: "no disk", steps: [{ text: "back" }] }]);
    const made = await add("disk", { text: "no disk", in: "1 minute" });
    await vi.waitFor(
      async () => expect((await user().schedules()).map(({ id }) => id)).toContain(made.id),
      PATIENCE,
    );
    await runInDurableObject(stubOf("disk"), (_instance, state) => {
      state.storage.transactionSync = () => {
        throw new Error("the disk is gone");
      };
    });
    await passed("disk", made.id, 0);
    await deliver("disk");
    expect(said.mock.calls.join()).toContain("what is due could not be run");
    const broken = await kept("disk");
    expect(broken.kinds).toEqual([]);
    expect(broken.alarm).toBeGreaterThan(Date.now());
    await runInDurableObject(stubOf("disk"), (_instance, state) => {
      Reflect.deleteProperty(state.storage, "transactionSync");
    });
    await crash("disk");
    await deliver("disk");
    await ended("disk", 1);
  });

  it("is not stacked on a turn that still runs: it is told as missed", async () => {
    await scriptModel([{ match: "slow work", steps: [silent, { text: "done" }, { text: "again" }] }]);
    await add("slow", { ...EVERY_FIVE, text: "slow work" });
    await comes("slow");
    await fellSilent("slow work");
    const missed = await comes("slow");
    expect(countOf(await kept("slow"), "input")).toBe(1);
    expect((await list("slow"))[0]).toMatchObject({
      note: "Not run: the run before it had not ended.",
      missed: { count: 1, firstAt: missed, lastAt: missed },
    });
    await crash("slow");
    await deliver("slow");
    await ended("slow", 1);
    await comes("slow");
    await ended("slow", 2);
    expect((await textsOf("slow"))[1]).toContain("One run before it was missed: ");
  });
});

describe("missed runs", { timeout: WITHIN_MS }, () => {
  it("are made up for by the newest, which says how many there were", async () => {
    await scriptModel([{ match: "each five", steps: [{ text: "ok" }] }]);
    const made = await add("missed", { ...EVERY_FIVE, text: "each five" });
    const first = await passed("missed", made.id, 30 * MINUTE_MS);
    await deliver("missed");
    await ended("missed", 1);
    const newest = Math.floor(Date.now() / (5 * MINUTE_MS)) * 5 * MINUTE_MS;
    const count = (newest - first) / (5 * MINUTE_MS);
    expect((await textsOf("missed"))[0]).toContain(`${count} runs before it were missed, from `);
    const [known] = await list("missed");
    expect(known).toMatchObject({ missed: null, lastAt: newest });
  });

  it("are left out where the schedule says so, and counted", async () => {
    const made = await add("skipped", { text: "never late", cron: "0 0 1 1 *", catchUp: "skip" });
    // The newest of them: the first of January of this year.
    await sql("skipped", (db) => {
      const at = Date.UTC(new Date(Date.now()).getUTCFullYear(), 0, 1);
      db.exec("UPDATE schedules SET due_at = ?, wake_at = ? WHERE id = ?", at, at, made.id);
    });
    await deliver("skipped");
    expect((await kept("skipped")).kinds).toEqual([]);
    expect((await list("skipped"))[0]).toMatchObject({ missed: { count: 1 }, lastAt: null });
  });
});

describe("pausing, changing and deleting", { timeout: WITHIN_MS }, () => {
  it("a paused one does not run though it is due, and resumed goes on with what is to come", async () => {
    const made = await add("paused", { ...EVERY_FIVE, text: "quiet" });
    const [paused] = await change("paused", made.id, { paused: true });
    expect(paused).toMatchObject({ status: "paused", nextAt: null });
    await passed("paused", made.id, 20 * MINUTE_MS);
    await deliver("paused");
    expect((await kept("paused")).kinds).toEqual([]);
    const [resumed] = await change("paused", made.id, { paused: false, text: "loud" });
    expect(resumed).toMatchObject({ status: "active", missed: null, text: "loud" });
    expect(resumed?.nextAt).toBeGreaterThan(Date.now());
    await vi.waitFor(async () => expect((await kept("paused")).alarm).toBe(resumed?.nextAt), PATIENCE);
  });

  it("a one-off one that was due during its pause comes when it is resumed", async () => {
    await scriptModel([{ match: "after the pause", steps: [{ text: "here" }] }]);
    const made = await add("paused-once", { text: "after the pause", in: "1 minute" });
    await change("paused-once", made.id, { paused: true });
    await passed("paused-once", made.id, 10 * MINUTE_MS);
    await change("paused-once", made.id, { paused: false });
    await deliver("paused-once");
    await ended("paused-once", 1);
    expect((await textsOf("paused-once"))[0]).toContain(" late, at ");
  });

  it("one that is deleted while its turn runs: the turn goes on, and nothing comes after it", async () => {
    await scriptModel([{ match: "goes on", steps: [silent, { text: "finished" }] }]);
    const made = await add("deleted", { ...EVERY_FIVE, text: "goes on" });
    await passed("deleted", made.id, 0);
    await deliver("deleted");
    await fellSilent("goes on");
    await remove("deleted", made.id);
    await remove("deleted", made.id);
    await crash("deleted");
    await deliver("deleted");
    await ended("deleted", 1);
    expect(await list("deleted")).toEqual([]);
    await deliver("deleted");
    expect(countOf(await kept("deleted"), "input")).toBe(1);
    expect(await refusal(() => change("deleted", made.id, { paused: true }))).toBe("schedule_unknown");
    expect(await refusal(() => remove("deleted", "s000000000000"))).toBe("schedule_unknown");
  });
});
