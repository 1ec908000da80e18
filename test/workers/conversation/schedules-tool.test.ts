import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { User } from "../../../src/actors/user/actor.ts";
import { AppError } from "../../../src/errors.ts";
import { limits } from "../../../src/limits.ts";
import type { SchedulesUpdate } from "../../../src/protocol/schedules.ts";
import { crash, deliver, fellSilent, kept } from "../../campaigns/alarms/story.ts";
import { ALICE, BY, scriptModel } from "../../support/chat.ts";
import {
  add,
  change,
  chatOf,
  comes,
  EVERY_FIVE,
  ended,
  list,
  PATIENCE,
  passed,
  realTime,
  refusal,
  remove,
  silent,
  sql,
  user,
  WITHIN_MS,
} from "../../support/schedules.ts";
import { migrateCatalog } from "../router/support/app.ts";

beforeAll(() => migrateCatalog(env.CATALOG));
afterEach(realTime);

describe("caps", { timeout: WITHIN_MS }, () => {
  it("end at 50 schedules, at five minutes, and at texts that fit", async () => {
    for (let n = 0; n < limits.schedulesPerThread; n++)
      await add("many", { text: "x", in: "1 day" }, `m${n}`);
    expect(await refusal(() => add("many", { text: "x", in: "1 day" }, "more"))).toBe("schedule_invalid");
    const [first] = await list("many");
    await remove("many", first?.id ?? "");
    await add("many", { text: "x", in: "1 day" }, "more");
    for (const input of [
      { text: "x", cron: "* * * * *" },
      { text: "", in: "1 day" },
      { text: "x".repeat(limits.scheduleTextChars + 1), in: "1 day" },
      { text: "x" },
      { text: "x", in: "1 day", cron: "@daily" },
      { text: "x", at: "2020-01-01 09:00" },
      { text: "x", at: "09:00", timeZone: "Mars/Olympus" },
    ])
      expect(await refusal(() => add("few", input))).toBe("schedule_invalid");
  });

  it("a hundred turns a day: a recurring one is missed, a one-off one waits for the next day", async () => {
    const often = await add("full", { ...EVERY_FIVE, text: "one too many" });
    const once = await add("full", { text: "tomorrow then", in: "1 minute" }, "k2");
    await sql("full", (db) =>
      db.exec(
        "UPDATE schedule_state SET day = ?, runs = ?",
        Math.floor(Date.now() / 86_400_000),
        limits.scheduledTurnsPerDay,
      ),
    );
    await passed("full", often.id, 0);
    await passed("full", once.id, 0);
    await deliver("full");
    expect((await kept("full")).kinds).toEqual([]);
    const known = await list("full");
    expect(known.find(({ id }) => id === often.id)).toMatchObject({ missed: { count: 1 } });
    const waiting = known.find(({ id }) => id === once.id);
    expect(waiting?.nextAt).toBe((Math.floor(Date.now() / 86_400_000) + 1) * 86_400_000);
    for (const { note } of known) expect(note).toContain("100 scheduled turns");
  });

  it("five failures in a row pause it at once, and say why; resumed it begins anew", async () => {
    const refused = { status: 400, body: { error: { message: "no such model" } } };
    await scriptModel([
      { match: "always fails", steps: Array.from({ length: limits.scheduleFailures }, () => refused) },
    ]);
    const made = await add("failing", { ...EVERY_FIVE, text: "always fails" });
    for (let run = 1; run <= limits.scheduleFailures; run++) {
      expect((await list("failing"))[0]).toMatchObject({ status: "active", failures: run - 1 });
      await comes("failing");
      await ended("failing", run);
    }
    const [paused] = await list("failing");
    expect(paused).toMatchObject({ status: "paused", nextAt: null, failures: limits.scheduleFailures });
    expect(paused?.note).toMatch(/^Paused: it failed 5 times in a row\. ./);
    await vi.waitFor(async () => expect(await user().schedules()).toContainEqual(paused), PATIENCE);
    const [resumed] = await change("failing", made.id, { paused: false });
    expect(resumed).toMatchObject({ status: "active", note: "", failures: 0 });
  });
});

describe("the tool", { timeout: WITHIN_MS }, () => {
  const call = (input: object) => ({ tools: [{ name: "schedule", input }] });
  const ask = (thread: string, text: string) =>
    chatOf(thread).send(ALICE, { key: text, source: "test", text });
  const results = async (thread: string) =>
    (await kept(thread)).entries
      .filter(({ kind }) => kind === "result")
      .map(({ output, error }) => JSON.stringify(output ?? error));

  it("makes, lists, pauses, resumes and deletes in the user's time zone", async () => {
    await user().changeSettings({ timeZone: "Europe/Berlin" }, BY);
    await scriptModel([
      {
        match: "every morning",
        steps: [call({ action: "create", text: "good morning", cron: "0 9 * * *" }), { text: "Made." }],
      },
    ]);
    await ask("tool", "every morning");
    await ended("tool", 1);
    const [made] = await list("tool");
    expect(made).toMatchObject({ text: "good morning", cron: "0 9 * * *", timeZone: "Europe/Berlin" });
    expect((await results("tool"))[0]).toMatch(/"next":"\d{4}-\d\d-\d\d 09:00","timeZone":"Europe\/Berlin"/);
    const id = made?.id;
    await scriptModel([
      {
        match: "all of it",
        steps: [
          call({ action: "pause", id }),
          call({ action: "resume", id }),
          call({ action: "list" }),
          call({ action: "delete", id }),
          call({ action: "delete" }),
          call({ action: "create", text: "x" }),
          { text: "Done." },
        ],
      },
    ]);
    await ask("tool", "all of it");
    await ended("tool", 2);
    const said = (await results("tool")).slice(1);
    expect(said[0]).toContain('"status":"paused"');
    expect(said[1]).toContain('"status":"active"');
    expect(said[2]).toContain(`"schedules":[{"id":"${id}"`);
    expect(said[3]).toBe(`{"id":"${id}","deleted":true}`);
    expect(said[4]).toContain("delete takes the `id` that list gives");
    expect(said[5]).toContain("exactly one of `cron`");
    expect(await list("tool")).toEqual([]);
    await user().changeSettings({ timeZone: "UTC" }, BY);
  });

  it("that is cut off behind its effect makes one schedule, not two", async () => {
    await scriptModel([
      {
        match: "only one",
        steps: [call({ action: "create", text: "single", in: "1 hour" }), silent, { text: "Made." }],
      },
    ]);
    await ask("cut-tool", "only one");
    await fellSilent("single");
    const [made] = await list("cut-tool");
    // What a death between the effect and its result leaves: the intent, and no result.
    await sql("cut-tool", (db) => {
      db.exec("DELETE FROM journal WHERE seq > (SELECT MIN(seq) FROM journal WHERE heads LIKE '%intent%')");
    });
    await crash("cut-tool");
    await scriptModel([{ match: "only one", steps: [{ text: "Made after all." }] }]);
    await deliver("cut-tool");
    await ended("cut-tool", 1);
    expect((await results("cut-tool"))[0]).toContain(`"id":"${made?.id}"`);
    expect(await list("cut-tool")).toHaveLength(1);
  });

  it("in a turn that a schedule started makes one reminder, and nothing that recurs", async () => {
    const made = await add("chain", { text: "multiply yourself", in: "1 minute" });
    await scriptModel([
      {
        match: "multiply yourself",
        steps: [
          call({ action: "create", text: "more", cron: "@daily" }),
          call({ action: "create", text: "soon", in: "1 minute" }),
          call({ action: "create", text: "later", in: "10 minutes" }),
          call({ action: "create", text: "again", in: "10 minutes" }),
          { text: "That is all." },
        ],
      },
    ]);
    await passed("chain", made.id, 0);
    await deliver("chain");
    await ended("chain", 1);
    const said = await results("chain");
    expect(said[0]).toContain("cannot make one that recurs");
    expect(said[1]).toContain("5 minutes from now or later");
    expect(said[2]).toContain('"text":"later"');
    expect(said[3]).toContain("one reminder at most");
    expect((await list("chain")).map(({ text }) => text)).toEqual(["later"]);
  });
});

describe("the demo model", { timeout: WITHIN_MS }, () => {
  it("makes a reminder of plain words, says it when it is due, and deletes one that was spoken of", async () => {
    const ask = (text: string) => chatOf("demo").send(ALICE, { key: text, source: "test", text });
    await ask("remind me in 2 minutes to stretch");
    await ended("demo", 1);
    expect((await list("demo")).map(({ text }) => text)).toEqual(["Say “Reminder: stretch.”"]);
    await comes("demo");
    await ended("demo", 2);
    const answers = (await kept("demo")).entries.filter(({ kind }) => kind === "answer");
    expect(JSON.stringify(answers.at(-1)?.parts)).toContain("Reminder: stretch.");
    await ask("every weekday at 9 say good morning");
    await ended("demo", 3);
    expect(await list("demo")).toMatchObject([{ text: "say good morning", cron: "0 9 * * 1-5" }]);
    await ask("delete that reminder");
    await ended("demo", 4);
    expect(await list("demo")).toEqual([]);
  });
});

describe("the user's list", { timeout: WITHIN_MS }, () => {
  it("is told again until it was told, also after a death", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const told: SchedulesUpdate[] = [];
    let refuses = true;
    const stub = env.USER.get(env.USER.idFromName(ALICE.userId)) as DurableObjectStub<User>; // the namespace holds this class
    const prototype = await runInDurableObject(stub, (one) => Object.getPrototypeOf(one) as User); // its class
    const real = prototype.schedulesChanged;
    vi.spyOn(prototype, "schedulesChanged").mockImplementation(async function (this: User, update) {
      if (update.thread === "untold-schedules") {
        told.push(update);
        if (refuses) throw new AppError("internal", "The user actor is not there.");
      }
      return real.call(this, update);
    });
    const made = await add("untold-schedules", { text: "x", in: "1 day" });
    await vi.waitFor(() => expect(told).toHaveLength(1), PATIENCE);
    const alarm = async () => (await kept("untold-schedules")).alarm ?? 0;
    await vi.waitFor(async () => {
      expect(await alarm()).toBeGreaterThan(Date.now());
      expect(await alarm()).toBeLessThanOrEqual(Date.now() + limits.scheduleRetryMs);
    }, PATIENCE);
    await deliver("untold-schedules");
    await vi.waitFor(() => expect(told).toHaveLength(2), PATIENCE);
    await crash("untold-schedules");
    refuses = false;
    await deliver("untold-schedules");
    await vi.waitFor(async () => expect(await user().schedules()).toContainEqual(made), PATIENCE);
    await vi.waitFor(async () => expect(await alarm()).toBe(made.nextAt), PATIENCE);
  });

  it("takes no older copy, and is in the order in which things come", async () => {
    const one = await add("order-b", { text: "second", in: "2 hours" });
    const two = await add("order-a", { text: "first", in: "1 hour" });
    const mine = async () =>
      (await user().schedules()).filter(({ thread }) => thread.startsWith("order-")).map(({ id }) => id);
    await vi.waitFor(async () => expect(await mine()).toEqual([two.id, one.id]), PATIENCE);
    await user().schedulesChanged({ thread: "order-a", seq: 0, schedules: [] });
    await user().schedulesChanged({ thread: "order-a", seq: 1, schedules: [] });
    expect(await mine()).toEqual([two.id, one.id]);
    await user().schedulesChanged({ thread: "order-a", seq: 9, schedules: [] });
    expect(await mine()).toEqual([one.id]);
  });
});
