/** Clocks on the wall: summer time in zones that change by an hour, by half an hour, and not at all. */
import { describe, expect, it } from "vitest";
import { checkSpacing, nextRun, normaliseCron, runsBetween } from "../../src/schedule/cron.ts";
import { momentAt, momentIn } from "../../src/schedule/when.ts";
import { instantOf, isTimeZone, sayWall, wallOf } from "../../src/schedule/zone.ts";

const BERLIN = "Europe/Berlin";
const NEW_YORK = "America/New_York";
const LORD_HOWE = "Australia/Lord_Howe";

const utc = (text: string): number => Date.parse(`${text}Z`);
const iso = (at: number | null): string | null =>
  at === null ? null : new Date(at).toISOString().slice(0, 16);
const wall = (text: string) => {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = text.split(/\D/).map(Number);
  return { year, month, day, hour, minute, second: 0 };
};

describe("names of zones", () => {
  it.each(["UTC", BERLIN, "America/Argentina/Buenos_Aires", "Etc/GMT+3", LORD_HOWE])("%s is one", (name) => {
    expect(isTimeZone(name)).toBe(true);
  });
  it.each(["", "Berlin", "Europe/Bielefeld", "+01:00", "Europe/Berlin; DROP", "../etc", "x".repeat(500)])(
    "%j is none",
    (name) => {
      expect(isTimeZone(name)).toBe(false);
    },
  );
});

/** What the wall shows, and the instant: in the gap the first one after it, in an overlap the first of the two. */
const WALLS: [zone: string, shown: string, instant: string][] = [
  [BERLIN, "2026-11-24 09:00", "2026-11-24T08:00"],
  [BERLIN, "2026-07-01 09:00", "2026-07-01T07:00"],
  [BERLIN, "2026-03-29 01:59", "2026-03-29T00:59"],
  [BERLIN, "2026-03-29 02:00", "2026-03-29T01:00"],
  [BERLIN, "2026-03-29 02:30", "2026-03-29T01:00"],
  [BERLIN, "2026-03-29 03:00", "2026-03-29T01:00"],
  [BERLIN, "2026-10-25 01:59", "2026-10-24T23:59"],
  [BERLIN, "2026-10-25 02:30", "2026-10-25T00:30"],
  [BERLIN, "2026-10-25 03:00", "2026-10-25T02:00"],
  [NEW_YORK, "2026-03-08 02:30", "2026-03-08T07:00"],
  [NEW_YORK, "2026-11-01 01:30", "2026-11-01T05:30"],
  [NEW_YORK, "2026-11-01 02:00", "2026-11-01T07:00"],
  [LORD_HOWE, "2026-10-04 02:15", "2026-10-03T15:30"],
  [LORD_HOWE, "2026-10-04 02:30", "2026-10-03T15:30"],
  [LORD_HOWE, "2026-04-05 01:45", "2026-04-04T14:45"],
  [LORD_HOWE, "2026-04-05 02:00", "2026-04-04T15:30"],
  ["UTC", "2026-03-29 02:30", "2026-03-29T02:30"],
];

describe("the instant at which a clock shows", () => {
  it.each(WALLS)("in %s %s is %s", (zone, shown, instant) => {
    expect(iso(instantOf(wall(shown), zone))).toBe(instant);
  });

  it.each([
    "2026-02-30 09:00",
    "2026-13-01 09:00",
    "2026-04-31 09:00",
    "2026-01-01 24:00",
    "2026-01-01 09:60",
  ])("%s is never", (shown) => {
    expect(instantOf(wall(shown), BERLIN)).toBeNull();
  });

  it.each([BERLIN, NEW_YORK, LORD_HOWE, "UTC", "Asia/Kathmandu", "Pacific/Apia"])(
    "in %s is the one that the wall shows, for every hour of two years that comes once",
    (zone) => {
      let wrong = 0;
      for (let at = utc("2026-01-01T00:00"); at < utc("2028-01-01T00:00"); at += 60 * 60_000) {
        const back = instantOf(wallOf(at, zone), zone);
        // An hour that comes twice is the first of the two: then what comes back is earlier, and shows the same.
        const twice = back !== null && back < at && sayWall(back, zone) === sayWall(at, zone);
        if (back !== at && !twice) wrong++;
      }
      expect(wrong).toBe(0);
    },
  );
});

/** After which instant, and the next runs in UTC. */
const CRONS: [why: string, pattern: string, zone: string, after: string, runs: string[]][] = [
  [
    "nine stays nine over the change",
    "0 9 * * *",
    BERLIN,
    "2026-03-27T12:00",
    ["2026-03-28T08:00", "2026-03-29T07:00"],
  ],
  [
    "a time in the gap comes after it, once",
    "30 2 * * *",
    BERLIN,
    "2026-03-28T12:00",
    ["2026-03-29T01:00", "2026-03-30T00:30"],
  ],
  [
    "a list of times too",
    "30 2,14 * * *",
    BERLIN,
    "2026-03-28T14:00",
    ["2026-03-29T01:00", "2026-03-29T12:30"],
  ],
  [
    "a time that comes twice comes once",
    "30 2 * * *",
    BERLIN,
    "2026-10-24T12:00",
    ["2026-10-25T00:30", "2026-10-26T01:30"],
  ],
  [
    "every half hour goes on through the hour that comes twice",
    "*/30 2 * * *",
    BERLIN,
    "2026-10-24T12:00",
    ["2026-10-25T00:00", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30", "2026-10-26T01:00"],
  ],
  [
    "every half hour leaves the gap out",
    "*/30 1-3 * * *",
    BERLIN,
    "2026-03-28T23:30",
    ["2026-03-29T00:00", "2026-03-29T00:30", "2026-03-29T01:00", "2026-03-29T01:30"],
  ],
  ["New York's gap", "30 2 * * *", NEW_YORK, "2026-03-07T12:00", ["2026-03-08T07:00", "2026-03-09T06:30"]],
  [
    "New York's overlap",
    "30 1 * * *",
    NEW_YORK,
    "2026-10-31T12:00",
    ["2026-11-01T05:30", "2026-11-02T06:30"],
  ],
  [
    "half an hour's gap on Lord Howe",
    "0 2 * * *",
    LORD_HOWE,
    "2026-10-02T16:00",
    ["2026-10-03T15:30", "2026-10-04T15:00"],
  ],
  [
    "half an hour's overlap on Lord Howe",
    "45 1 * * *",
    LORD_HOWE,
    "2026-04-03T16:00",
    ["2026-04-04T14:45", "2026-04-05T15:15"],
  ],
  [
    "weekdays by the wall's day",
    "0 9 * * 1-5",
    LORD_HOWE,
    "2026-11-20T00:00",
    ["2026-11-22T22:00", "2026-11-23T22:00"],
  ],
  [
    "the last day of a month",
    "0 9 L * *",
    "UTC",
    "2028-02-01T00:00",
    ["2028-02-29T09:00", "2028-03-31T09:00"],
  ],
];

describe("a cron expression", () => {
  it.each(CRONS)("%s: %s in %s", (_why, pattern, zone, after, runs) => {
    const found: (string | null)[] = [];
    let at: number | null = utc(after);
    while (at !== null && found.length < runs.length) {
      at = nextRun(pattern, zone, at);
      found.push(iso(at));
    }
    expect(found).toEqual(runs);
  });

  it.each(CRONS)("%s: the same backwards: %s in %s", (_why, pattern, zone, after, runs) => {
    const until = utc(runs.at(-1) ?? "");
    const back = runsBetween(pattern, zone, utc(after) + 1, until, 100);
    expect(back).toEqual({ runs: runs.map(utc), more: false });
    expect(runsBetween(pattern, zone, utc(after) + 1, until + 999, 1)).toEqual({ runs: [until], more: true });
    expect(runsBetween(pattern, zone, utc(after) + 1, until - 1, 100).runs).toEqual(
      runs.slice(0, -1).map(utc),
    );
  });

  const now = utc("2026-11-23T18:00");
  it.each([
    ["  0   9 * *  1-5 ", "0 9 * * 1-5"],
    ["@daily", "@daily"],
    ["0 9 * * MON,FRI", "0 9 * * MON,FRI"],
  ])("%j is %j", (said, pattern) => {
    expect(normaliseCron(said, BERLIN, now)).toBe(pattern);
  });

  it.each([
    ["every day at nine", "is not a cron expression"],
    ["* * * * * *", "is not a cron expression"],
    ["0 9 * * * 2027", "is not a cron expression"],
    ["? * * * *", "is not a cron expression"],
    ["2026-11-24T09:00:00", "is not a cron expression"],
    ["@reboot", "is not a cron expression"],
    ["99 * * * *", "is not a cron expression"],
    ["*/0 * * * *", "is not a cron expression"],
    ["", "is not a cron expression"],
    ["0 0 30 2 *", "never comes"],
    ["0 9 31 4,6,9,11 *", "never comes"],
  ])("%j is refused: it %s", (said, why) => {
    expect(() => normaliseCron(said, BERLIN, now)).toThrow(why);
  });

  it.each(["*/5 * * * *", "0,5 9 * * *", "@hourly", "55 23 * * 0", "0 0 1 1 *"])(
    "%s is slow enough",
    (pattern) => {
      expect(() => checkSpacing(pattern, BERLIN, now)).not.toThrow();
    },
  );

  it.each(["* * * * *", "*/4 * * * *", "0,3 9 1 1 *", "58,2 * * * *", "0,59 0,23 * * *"])(
    "%s comes too often",
    (pattern) => {
      expect(() => checkSpacing(pattern, BERLIN, now)).toThrow("more often than every 5 minutes");
    },
  );
});

describe("a moment in words", () => {
  /** Monday evening in Berlin: 19:00. */
  const now = utc("2026-11-23T18:00");

  it.each([
    ["20 minutes", "2026-11-23T18:20"],
    ["in 20 minutes", "2026-11-23T18:20"],
    ["an hour", "2026-11-23T19:00"],
    ["1h 30m", "2026-11-23T19:30"],
    ["1 hour and 30 minutes", "2026-11-23T19:30"],
    ["1.5 hours", "2026-11-23T19:30"],
    ["2 days", "2026-11-25T18:00"],
    ["0.5h", "2026-11-23T18:30"],
    ["1 week, 1 day", "2026-12-01T18:00"],
    ["PT20M", "2026-11-23T18:20"],
    ["P1DT2H", "2026-11-24T20:00"],
  ])("%s from now", (said, instant) => {
    expect(iso(momentIn(said, BERLIN, now))).toBe(instant);
  });

  it("counts days by the calendar over a change of clocks, and hours as they pass", () => {
    const saturday = utc("2026-03-28T08:00"); // nine in Berlin
    expect(iso(momentIn("1 day", BERLIN, saturday))).toBe("2026-03-29T07:00");
    expect(iso(momentIn("24 hours", BERLIN, saturday))).toBe("2026-03-29T08:00");
    const sunday = utc("2026-03-28T01:30"); // half past two on the day before the gap
    expect(iso(momentIn("1 day", BERLIN, sunday))).toBe("2026-03-29T01:00");
  });

  it.each([
    "soon",
    "",
    "0 minutes",
    "-5 minutes",
    "5 parsecs",
    "20",
    "P",
    "PT",
    "10 years",
    "999999999 days",
  ])("%j is no pause", (said) => {
    expect(() => momentIn(said, BERLIN, now)).toThrow();
  });

  it.each([
    ["2026-11-24 09:00", "2026-11-24T08:00"],
    ["2026-11-24T09:00:00", "2026-11-24T08:00"],
    ["2026-11-24 at 9:00", "2026-11-24T08:00"],
    ["2026-11-24T09:00Z", "2026-11-24T09:00"],
    ["2026-11-24T09:00:00.000-05:00", "2026-11-24T14:00"],
    ["2026-11-25", "2026-11-24T23:00"],
    ["20:30", "2026-11-23T19:30"],
    ["tomorrow 20:30", "2026-11-24T19:30"],
    ["tomorrow at 9am", "2026-11-24T08:00"],
    ["today at 20:30", "2026-11-23T19:30"],
    ["18:59", "2026-11-24T17:59"],
    ["9am", "2026-11-24T08:00"],
    ["at 12 am", "2026-11-23T23:00"],
    ["12:15 pm", "2026-11-24T11:15"],
    ["19:00", "2026-11-23T18:00"],
  ])("%s by the clock in Berlin", (said, instant) => {
    expect(iso(momentAt(said, BERLIN, now))).toBe(instant);
  });

  it.each([
    ["2026-11-23 18:00", "has passed: it is 2026-11-23 19:00 in Europe/Berlin"],
    ["2025-11-24 09:00", "has passed"],
    ["2026-02-30 09:00", "is not a moment"],
    ["today 9:00", "has passed"],
    ["13 pm", "is not a moment"],
    ["25:00", "is not a moment"],
    ["9", "is not a moment"],
    ["tomorrow", "is not a moment"],
    ["2126-11-24 09:00", "more than 5 years"],
  ])("%s is refused: it %s", (said, why) => {
    expect(() => momentAt(said, BERLIN, now)).toThrow(why);
  });
});
