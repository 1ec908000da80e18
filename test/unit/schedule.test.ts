/** What becomes of a schedule when it is due, step by step; and the campaign over random ones. */
import { describe, expect, it } from "vitest";
import { limits } from "../../src/limits.ts";
import { resume, settle } from "../../src/schedule/run.ts";
import {
  judged,
  newSchedule,
  type Origin,
  occurrenceKey,
  recover,
  resumed,
  type Schedule,
  step,
} from "../../src/schedule/schedule.ts";
import { schedulesReport } from "../campaigns/schedules/index.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NOW = Date.parse("2026-11-23T18:00Z");
const made = {
  ...{ id: "s1", owner: { id: "alice", name: "alice@example.com" }, timeZone: "Europe/Berlin" },
  ...{ now: NOW, live: 0, origin: null as Origin },
};
const hourly = newSchedule({ text: "look", cron: "0 * * * *" }, made);
const once = newSchedule({ text: "stretch", in: "20 minutes" }, made);
const facts = (now: number, more: Partial<Parameters<typeof step>[1]> = {}) => ({
  ...{ now, seen: () => false, busy: false, runsToday: 0 },
  ...more,
});
const textOf = (schedule: Schedule, now: number) => step(schedule, facts(now))?.run?.text;

describe("an occurrence's text", () => {
  it("is the schedule's own words, and the occasion", () => {
    expect(textOf(hourly, NOW + HOUR_MS)).toBe(
      "look\n\n(Schedule s1, due 2026-11-23 20:00 Europe/Berlin. Do it now; do not schedule it again.)",
    );
  });

  it.each([
    [limits.scheduleLateMs, ""],
    [limits.scheduleLateMs + 1, " It comes 1 minute late, at 2026-11-23 19:21."],
    [45 * MINUTE_MS, " It comes 45 minutes late, at 2026-11-23 20:05."],
    [3 * HOUR_MS, " It comes 3 hours late, at 2026-11-23 22:20."],
    [49 * HOUR_MS, " It comes 2 days late, at 2026-11-25 20:20."],
  ])("says after %d ms how late it is", (lateMs, said) => {
    expect(textOf(once, once.dueAt + lateMs)).toBe(
      `stretch\n\n(Schedule s1, due 2026-11-23 19:20 Europe/Berlin. Do it now; do not schedule it again.${said})`,
    );
  });

  it("counts what was missed", () => {
    const due = NOW + HOUR_MS;
    expect(textOf(hourly, due + HOUR_MS)).toContain(" One run before it was missed: 2026-11-23 20:00.)");
    expect(textOf(hourly, due + 3 * HOUR_MS)).toContain(
      " 3 runs before it were missed, from 2026-11-23 20:00 to 2026-11-23 22:00.)",
    );
    expect(textOf(hourly, due + 400 * HOUR_MS)).toContain(
      " More than 299 runs before it were missed, the last 2026-12-10 11:00.)",
    );
  });
});

describe("a step", () => {
  it("is none before it is due, while it is paused, and when it is over", () => {
    expect(step(hourly, facts(hourly.dueAt - 1))).toBeNull();
    for (const status of ["paused", "done", "deleted"] as const)
      expect(step({ ...hourly, status }, facts(hourly.dueAt))).toBeNull();
    expect(step({ ...hourly, wakeAt: hourly.dueAt + 1 }, facts(hourly.dueAt))).toBeNull();
  });

  it("runs the newest and waits for the next", () => {
    const next = step(hourly, facts(hourly.dueAt + 2.5 * HOUR_MS));
    expect(next?.run?.at).toBe(hourly.dueAt + 2 * HOUR_MS);
    expect(next?.after).toMatchObject({
      dueAt: hourly.dueAt + 3 * HOUR_MS,
      lastAt: hourly.dueAt + 2 * HOUR_MS,
    });
  });

  it("leaves late ones out where it is told to, and runs what is in time", () => {
    const strict: Schedule = { ...hourly, catchUp: "skip" };
    expect(step(strict, facts(hourly.dueAt + limits.scheduleLateMs))?.run?.at).toBe(hourly.dueAt);
    const late = step(strict, facts(hourly.dueAt + limits.scheduleLateMs + 1));
    expect(late).toMatchObject({ run: null, after: { missed: { count: 1 }, dueAt: hourly.dueAt + HOUR_MS } });
    expect(step({ ...once, catchUp: "skip" }, facts(once.dueAt + 9 * HOUR_MS))?.run?.at).toBe(once.dueAt);
  });

  it("finds in the journal whether the run that its row names took place", () => {
    const ran = hourly.dueAt + HOUR_MS;
    const pending: Schedule = { ...hourly, pendingAt: ran };
    const seen = (key: string) => key === occurrenceKey("s1", ran);
    expect(recover(pending, { now: ran + 2 * HOUR_MS, seen })).toMatchObject({
      ran,
      after: { lastAt: ran, dueAt: ran + HOUR_MS, pendingAt: null, missed: null },
    });
    expect(recover(pending, { now: ran, seen: () => false })).toBeNull();
    expect(recover(hourly, { now: ran, seen: () => true })).toBeNull();
    const was = { ...once, pendingAt: once.dueAt };
    expect(recover(was, { now: once.dueAt, seen: () => true })?.after.status).toBe("done");
  });
});

describe("runs that fail", () => {
  it("pause a recurring one at the fifth in a row; a success begins anew, a stop counts for nothing", () => {
    let schedule = hourly;
    for (let i = 1; i < limits.scheduleFailures; i++) schedule = judged(schedule, "failed", "Away.", NOW);
    expect(schedule).toMatchObject({ status: "active", failures: 4 });
    expect(judged(schedule, "cancelled", "", NOW).failures).toBe(4);
    expect(judged(schedule, "unknown", "", NOW).failures).toBe(4);
    expect(judged(schedule, "completed", "", NOW).failures).toBe(0);
    const fifth = judged(schedule, "failed", "The model is away.", NOW);
    expect(fifth).toMatchObject({
      status: "paused",
      note: "Paused: it failed 5 times in a row. The model is away.",
    });
    expect(resumed(fifth, NOW + 10 * HOUR_MS)).toMatchObject({
      ...{ status: "active", note: "", failures: 0, missed: null, dueAt: NOW + 11 * HOUR_MS },
    });
  });

  it("count from when it is resumed: not the one that had ended before, but the one that goes on", () => {
    const waits = { ...hourly, status: "paused" as const, failures: 4, lastTurn: "t1" };
    const over = { ending: () => ({ outcome: "failed" as const, error: "Away." }) };
    expect(resume(waits, over, NOW)).toMatchObject({ status: "active", failures: 0, lastTurn: null });
    const goesOn = { ending: () => ({ outcome: "running" as const, error: "" }) };
    const resumedNow = resume(waits, goesOn, NOW);
    expect(resumedNow).toMatchObject({ status: "active", failures: 0, lastTurn: "t1" });
    expect(settle(resumedNow, over, NOW)).toMatchObject({ failures: 1, lastTurn: null });
  });
});

describe("a turn that a schedule started", () => {
  const origin = (reminders: number): Origin => ({ turn: "t1", scheduled: true, reminders });
  const from = (input: Parameters<typeof newSchedule>[0], reminders = 0) =>
    newSchedule(input, { ...made, origin: origin(reminders) });

  it("makes one reminder, not at once, and nothing that recurs", () => {
    expect(from({ text: "x", in: "5 minutes" }).madeBy).toBe("t1");
    expect(() => from({ text: "x", in: "4 minutes" })).toThrow("5 minutes from now or later");
    expect(() => from({ text: "x", in: "5 minutes" }, 1)).toThrow("one reminder at most");
    expect(() => from({ text: "x", cron: "@daily" })).toThrow("cannot make one that recurs");
  });
});

describe("random schedules, clocks and deaths", () => {
  it("run each occurrence once, and none too many", { timeout: 120_000 }, async () => {
    const { rows, violations } = await schedulesReport(1_000, 25, () => {});
    expect(violations).toEqual([]);
    const counted = Object.fromEntries(rows);
    expect(counted["deaths of the process between two effects"]).toBeGreaterThan(100);
    expect(counted["runs that a later life found noted in the journal only"]).toBeGreaterThan(0);
  });
});
