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

/** A time to come: "in less than a minute", "in 5 min", "14:32", "tomorrow, 14:32", "3 Mar, 14:32". */
export function soonText(at: number, now: number): string {
  const ahead = at - now;
  if (ahead < MINUTE_MS) return "in less than a minute";
  if (ahead < 60 * MINUTE_MS) return `in ${Math.round(ahead / MINUTE_MS)} min`;
  const days = daysBetween(now, at);
  if (days === 0) return clock.format(at);
  if (days === 1) return `tomorrow, ${clock.format(at)}`;
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return `${(sameYear ? shortDate : longDate).format(at)}, ${clock.format(at)}`;
}

const MICROS = 1_000_000;

/** Money for a glance, from micro-dollars: "$1.24", "$0.0043", "under $0.0001". */
export function moneyText(micros: number): string {
  const dollars = micros / MICROS;
  if (micros > 0 && dollars < 0.0001) return "under $0.0001";
  const digits = dollars >= 0.1 || micros === 0 ? 2 : 4;
  return `$${dollars.toFixed(digits)}`;
}

/** The whole amount, for tooltips. */
export const exactMoney = (micros: number): string => `$${(micros / MICROS).toFixed(6)}`;

/** A time as the browser's date fields have it, on the clocks of a zone: `2026-11-24T09:00`. */
export function localMinute(at: number, timeZone: string): string {
  // Swedish writes dates as fields want them.
  const written = new Intl.DateTimeFormat("sv", { dateStyle: "short", timeStyle: "short", timeZone }).format(
    at,
  );
  return written.replace(" ", "T");
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
