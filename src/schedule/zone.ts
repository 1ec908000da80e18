/** Time zones: names, and the way between an instant and what a clock on the wall shows. Pure. */

/** What a clock on the wall shows. Months count from 1. */
export interface Wall {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Formatters that are kept: making one costs more than using it a hundred times. */
const KEPT = 20;
const formatters = new Map<string, Intl.DateTimeFormat>();

/** Whether this is a name of the IANA time zone database that the platform knows, like `Europe/Berlin` or `UTC`. */
export function isTimeZone(name: string): boolean {
  // Some engines also take offsets like `+01:00`, which know nothing of summer time.
  if (!/^[A-Za-z][\w+-]*(\/[\w+-]+)*$/.test(name)) return false;
  try {
    formatterOf(name);
    return true;
  } catch {
    return false;
  }
}

/** What the clock shows at an instant (milliseconds since the epoch). Throws a `RangeError` for an unknown zone. */
export function wallOf(at: number, zone: string): Wall {
  const fields: Record<string, number> = {};
  for (const { type, value } of formatterOf(zone).formatToParts(at)) fields[type] = Number(value);
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = fields;
  return { year, month, day, hour, minute, second };
}

/**
 * The instant at which the clock shows this. A time that comes twice, when clocks are set back, is the first of the two;
 * one that never comes, when they are set forward, is the first instant after the gap. `null` for what is no date or no
 * time, like the 30th of February.
 */
export function instantOf(wall: Wall, zone: string): number | null {
  const asUtc = utcOf(wall);
  const real = new Date(asUtc);
  const valid =
    real.getUTCFullYear() === wall.year &&
    real.getUTCMonth() === wall.month - 1 &&
    real.getUTCDate() === wall.day &&
    real.getUTCHours() === wall.hour &&
    real.getUTCMinutes() === wall.minute &&
    real.getUTCSeconds() === wall.second;
  if (!valid) return null;
  const before = offsetAt(asUtc - DAY_MS, zone);
  const after = offsetAt(asUtc + DAY_MS, zone);
  // The larger offset gives the earlier instant.
  for (const offset of [Math.max(before, after), Math.min(before, after)]) {
    if (offsetAt(asUtc - offset, zone) === offset) return asUtc - offset;
  }
  return changeBetween(asUtc - DAY_MS, asUtc + DAY_MS, after, zone);
}

/** An instant as the wall shows it, to the minute: `2026-11-24 09:00`. */
export function sayWall(at: number, zone: string): string {
  const { year, month, day, hour, minute } = wallOf(at, zone);
  return `${pad(year, 4)}-${pad(month)}-${pad(day)} ${pad(hour)}:${pad(minute)}`;
}

const pad = (value: number, digits = 2): string => String(value).padStart(digits, "0");

const utcOf = ({ year, month, day, hour, minute, second }: Wall): number =>
  Date.UTC(year, month - 1, day, hour, minute, second);

/** How far the zone's clock is ahead of UTC, in milliseconds. */
const offsetAt = (at: number, zone: string): number => utcOf(wallOf(at, zone)) - Math.floor(at / 1000) * 1000;

/** The first instant, to the second, at which the offset is `offset`, when it changes once in between. */
function changeBetween(from: number, to: number, offset: number, zone: string): number {
  let low = Math.floor(from / 1000);
  let high = Math.ceil(to / 1000);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle * 1000, zone) === offset) high = middle;
    else low = middle;
  }
  return high * 1000;
}

function formatterOf(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  if (formatters.size >= KEPT) formatters.clear();
  formatters.set(zone, made);
  return made;
}
