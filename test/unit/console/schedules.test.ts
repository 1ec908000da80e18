import { describe, expect, it } from "vitest";
import { Api } from "../../../src/console/app/api.ts";
import { scheduleStore } from "../../../src/console/schedules/store.ts";
import { ruleText, type WhenForm, whenOf } from "../../../src/console/schedules/when.ts";
import { localMinute } from "../../../src/console/ui/format.ts";
import type { ScheduleInfo } from "../../../src/protocol/schedules.ts";
import { FakePlatform } from "./fake-platform.ts";

const form = (change: Partial<WhenForm>): WhenForm => ({
  kind: "daily",
  date: "2026-11-24T09:05",
  time: "09:05",
  weekday: 1,
  monthday: 1,
  amount: 2,
  unit: "hours",
  cron: "",
  ...change,
});

describe("when a schedule comes, from the form", () => {
  it("is a time, a wait, or a cron expression", () => {
    expect(whenOf(form({ kind: "once" }))).toEqual({ at: "2026-11-24 09:05" });
    expect(whenOf(form({ kind: "after" }))).toEqual({ in: "2 hours" });
    expect(whenOf(form({ kind: "daily" }))).toEqual({ cron: "5 9 * * *" });
    expect(whenOf(form({ kind: "weekdays" }))).toEqual({ cron: "5 9 * * 1-5" });
    expect(whenOf(form({ kind: "weekly", weekday: 3 }))).toEqual({ cron: "5 9 * * 3" });
    expect(whenOf(form({ kind: "weekly", weekday: 7 }))).toEqual({ cron: "5 9 * * 0" });
    expect(whenOf(form({ kind: "monthly", monthday: 31 }))).toEqual({ cron: "5 9 31 * *" });
    expect(whenOf(form({ kind: "cron", cron: "  */5  * * * 1-5 " }))).toEqual({ cron: "*/5 * * * 1-5" });
  });

  it("is nothing while a field is empty or cannot be", () => {
    const unfinished: Partial<WhenForm>[] = [
      { kind: "once", date: "" },
      { kind: "after", amount: 0 },
      { kind: "after", amount: Number.NaN },
      { kind: "daily", time: "" },
      { kind: "monthly", monthday: 0 },
      { kind: "monthly", monthday: 32 },
      { kind: "monthly", monthday: Number.NaN },
      { kind: "cron", cron: "0 9 * *" },
    ];
    for (const change of unfinished) expect(whenOf(form(change))).toBeNull();
  });

  it("is read back in words", () => {
    expect(ruleText(null)).toBe("Once");
    expect(ruleText("5 9 * * *")).toBe("Every day at 09:05");
    expect(ruleText("30 18 * * 1-5")).toBe("Monday to Friday at 18:30");
    expect(ruleText("0 9 * * 0")).toBe("Every Sunday at 09:00");
    expect(ruleText("0 9 * * 7")).toBe("Every Sunday at 09:00");
    expect(ruleText("0 9 * * 1")).toBe("Every Monday at 09:00");
    expect(ruleText("0 9 31 * *")).toBe("Every month on day 31 at 09:00");
    for (const cron of ["*/5 * * * *", "0 9 1 * 1", "0 9 * * 8", "0 9 * 2 *"]) {
      expect(ruleText(cron)).toBe(`Cron: ${cron}`);
    }
  });

  it("begins with a time on the clocks of the agent's zone", () => {
    const at = Date.UTC(2026, 10, 24, 8, 5);
    expect(localMinute(at, "Europe/Berlin")).toBe("2026-11-24T09:05");
    expect(localMinute(at, "Asia/Tokyo")).toBe("2026-11-24T17:05");
  });
});

describe("the schedules of an agent", () => {
  const info = (id: string, nextAt: number | null): ScheduleInfo => ({
    id,
    thread: "main",
    text: "Tides",
    cron: "0 9 * * *",
    timeZone: "UTC",
    catchUp: "latest",
    status: nextAt === null ? "paused" : "active",
    note: "",
    createdAt: 1,
    nextAt,
    lastAt: null,
    failures: 0,
    missed: null,
  });
  function made(respond: FakePlatform["respond"]) {
    const platform = new FakePlatform();
    platform.respond = respond;
    return scheduleStore(new Api(platform, () => {}), "alice");
  }

  it("are listed the next first, the paused last", async () => {
    const store = made((path) => {
      expect(path).toBe("/api/agents/alice/schedules");
      return Response.json({ schedules: [info("paused", null), info("later", 9), info("next", 3)] });
    });
    expect((await store.list()).map(({ id }) => id)).toEqual(["next", "later", "paused"]);
  });

  it("are made, halted and deleted at their chat's address", async () => {
    const calls: unknown[] = [];
    const store = made((path, init) => {
      calls.push([init?.method, path, init?.body && JSON.parse(String(init.body))]);
      return init?.method === "DELETE"
        ? new Response(null, { status: 204 })
        : Response.json({ schedule: {} });
    });
    await store.create("main", "Tides", { cron: "0 9 * * *" });
    await store.pause(info("s1", 3), true);
    await store.delete(info("s1", 3));
    const base = "/api/agents/alice/threads/main/schedules";
    expect(calls).toEqual([
      ["POST", base, { text: "Tides", cron: "0 9 * * *" }],
      ["PATCH", `${base}/s1`, { paused: true }],
      ["DELETE", `${base}/s1`, undefined],
    ]);
  });
});
