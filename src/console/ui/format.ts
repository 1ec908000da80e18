/** Times and sizes in words. Pure: the present is handed in. */

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const LOCALE = "en-GB";

const clock = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", hour12: false });
const shortDate = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short" });
const longDate = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", year: "numeric" });
const exact = new Intl.DateTimeFormat(LOCALE, { dateStyle: "full", timeStyle: "medium" });

/** Midnight, in the reader's zone, of the day that a time falls in. */
export function dayStart(at: number): number {
  const date = new Date(at);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** Whole days between the days of two times: 0 for today, 1 for yesterday. Right across changes of the clock. */
export const daysBetween = (at: number, now: number): number =>
  Math.round((dayStart(now) - dayStart(at)) / DAY_MS);

/** "just now", "5 min ago", "14:32", "Yesterday, 14:32", "3 Mar, 14:32". */
export function whenText(at: number, now: number): string {
  const ago = now - at;
  if (ago < MINUTE_MS) return "just now";
  if (ago < 60 * MINUTE_MS) return `${Math.floor(ago / MINUTE_MS)} min ago`;
  const days = daysBetween(at, now);
  if (days === 0) return clock.format(at);
  if (days === 1) return `Yesterday, ${clock.format(at)}`;
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return `${(sameYear ? shortDate : longDate).format(at)}, ${clock.format(at)}`;
}

/** The full date and time, for tooltips. */
export const exactTime = (at: number): string => exact.format(at);

/** 812 B, 3.4 KB, 12 MB. */
export function sizeText(bytes: number): string {
  const units = ["B", "KB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
