/** From what a person or a model writes for a moment to an instant. Pure. */
import { AppError } from "../errors.ts";
import { limits } from "../limits.ts";
import { instantOf, sayWall, wallOf } from "./zone.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Units of a pause. Days are the calendar's: two days from now at this hour, also over a change of clocks. */
const UNITS: readonly { names: RegExp; ms: number; days: number }[] = [
  { names: /^(?:s|secs?|seconds?)$/, ms: SECOND_MS, days: 0 },
  { names: /^(?:m|mins?|minutes?)$/, ms: MINUTE_MS, days: 0 },
  { names: /^(?:h|hrs?|hours?)$/, ms: HOUR_MS, days: 0 },
  { names: /^(?:d|days?)$/, ms: 0, days: 1 },
  { names: /^(?:w|weeks?)$/, ms: 0, days: 7 },
];
const ISO_DURATION = /^p(?:(\d+)w)?(?:(\d+)d)?(?:t(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?)?$/i;
const PART = /^(\d+(?:\.\d+)?|an?|one)\s*([a-z]+)(?:\s*,?\s*(?:and\s+)?|$)/i;

const TIME = /^(\d{1,2})(?::(\d{2})(?::(\d{2}))?)?\s*(am|pm)?$/i;
const DATE_TIME =
  /^(\d{4})-(\d{2})-(\d{2})(?:[t\s]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?\s*(z|[+-]\d{2}:?\d{2})?$/i;

const refuse = (message: string): AppError => new AppError("schedule_invalid", message);

/** The instant that lies this far ahead: `20 minutes`, `1h 30m`, `2 days`, `PT20M`. Throws `schedule_invalid`. */
export function momentIn(text: string, zone: string, now: number): number {
  const pause = pauseOf(text.trim().replace(/^in\s+/i, ""));
  if (!pause) throw refuse(`“${text.slice(0, 60)}” is not a length of time. Write it like \`20 minutes\`.`);
  let at = now;
  if (pause.days > 0) {
    const wall = wallOf(now, zone);
    const target = new Date(Date.UTC(wall.year, wall.month - 1, wall.day + pause.days));
    const moved = {
      ...wall,
      year: target.getUTCFullYear(),
      month: target.getUTCMonth() + 1,
      day: target.getUTCDate(),
    };
    at = instantOf(moved, zone) ?? now + pause.days * DAY_MS;
  }
  return withinHorizon(at + pause.ms, zone, now);
}

/**
 * The instant that is meant: `2026-11-24 09:00` on the wall of `zone`, the same with an offset or a `Z`, a date alone
 * (its first minute), or a time alone, which is the next of its kind (or `tomorrow 09:00`). Throws `schedule_invalid`, also for what has passed.
 */
export function momentAt(text: string, zone: string, now: number): number {
  const said = text
    .trim()
    .replace(/^at\s+/i, "")
    .replace(/^(\d{4}-\d{2}-\d{2}),?\s+at\s+/i, "$1 ");
  const at = timeAlone(said, zone, now) ?? dateAndTime(said, zone);
  if (at === null) {
    throw refuse(
      `“${text.slice(0, 60)}” is not a moment. Write it like \`2026-11-24 09:00\`, or \`09:00\` for the next one.`,
    );
  }
  // The minute that runs now is not over.
  if (at <= now - MINUTE_MS) {
    throw refuse(
      `${sayWall(at, zone)} has passed: it is ${sayWall(now, zone)} in ${zone}. Name a time that is to come.`,
    );
  }
  return withinHorizon(at, zone, now);
}

function withinHorizon(at: number, zone: string, now: number): number {
  if (Number.isFinite(at) && at <= now + limits.scheduleHorizonMs) return at;
  const years = Math.round(limits.scheduleHorizonMs / (365 * DAY_MS));
  throw refuse(`That is more than ${years} years from now (it is ${sayWall(now, zone)} in ${zone}).`);
}

/** `null` for what is no length of time, or none at all. */
function pauseOf(text: string): { ms: number; days: number } | null {
  const iso = text.match(ISO_DURATION);
  const sum = { ms: 0, days: 0 };
  if (iso) {
    const [weeks, days, hours, minutes, seconds] = iso.slice(1).map((part) => Number(part ?? 0));
    sum.days = (weeks ?? 0) * 7 + (days ?? 0);
    sum.ms = (hours ?? 0) * HOUR_MS + (minutes ?? 0) * MINUTE_MS + (seconds ?? 0) * SECOND_MS;
  } else {
    let rest = text;
    while (rest !== "") {
      const part = rest.match(PART);
      const unit = UNITS.find(({ names }) => names.test(part?.[2]?.toLowerCase() ?? ""));
      if (!part || !unit) return null;
      const count = /^\d/.test(part[1] ?? "") ? Number(part[1]) : 1;
      // Half a day is twelve hours; only whole days are the calendar's.
      sum.days += Math.floor(count) * unit.days;
      sum.ms += count * unit.ms + (count % 1) * unit.days * DAY_MS;
      rest = rest.slice(part[0].length);
    }
  }
  const some = sum.ms + sum.days > 0;
  return some ? { ms: Math.round(sum.ms), days: sum.days } : null;
}

/** `9:00`, `09:00`, `9 pm`: today, or tomorrow when it has passed; `today 9:00` and `tomorrow 9:00` are what they say. */
function timeAlone(whole: string, zone: string, now: number): number | null {
  const day = whole.match(/^(today|tomorrow),?\s+(?:at\s+)?/i);
  const text = whole.slice(day?.[0].length ?? 0);
  const match = text.match(TIME);
  if (!match || (match[2] === undefined && match[4] === undefined)) return null;
  const half = match[4]?.toLowerCase();
  const said = Number(match[1]);
  if (half !== undefined && (said < 1 || said > 12)) return null;
  const hour = half === undefined ? said : (said % 12) + (half === "pm" ? 12 : 0);
  const today = wallOf(now, zone);
  const clock = { hour, minute: Number(match[2] ?? 0), second: Number(match[3] ?? 0) };
  const at = instantOf({ ...today, ...clock }, zone);
  const meant = day?.[1]?.toLowerCase();
  if (at === null || meant === "today" || (meant === undefined && at > now - MINUTE_MS)) return at;
  const next = new Date(Date.UTC(today.year, today.month - 1, today.day + 1));
  return instantOf(
    { year: next.getUTCFullYear(), month: next.getUTCMonth() + 1, day: next.getUTCDate(), ...clock },
    zone,
  );
}

function dateAndTime(text: string, zone: string): number | null {
  const match = text.match(DATE_TIME);
  if (!match) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const wall = { year, month, day, hour, minute, second };
  const offset = match[7]?.toUpperCase();
  if (offset === undefined) return instantOf(wall, zone);
  const utc = instantOf(wall, "UTC");
  if (utc === null || offset === "Z") return utc;
  const [, sign, hours, minutes] = offset.match(/^([+-])(\d{2}):?(\d{2})$/) ?? [];
  const ahead = Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS;
  return utc - (sign === "-" ? -ahead : ahead);
}
