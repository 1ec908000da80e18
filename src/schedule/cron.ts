/**
 * Cron expressions in a time zone. The only file that knows croner. Pure: the instants are handed in.
 *
 * Five fields, to the minute. A time with fixed hours and minutes that falls into the gap when clocks are set forward
 * comes right after the gap, and one that would come twice when they are set back comes once. With a wildcard or a step
 * in hours or minutes the clock's own minutes count: those in the gap are left out, those that come twice come twice.
 */
import { Cron } from "croner";
import { AppError } from "../errors.ts";
import { limits } from "../limits.ts";

/** `?`, seconds, years and dates would be understood by croner too, and mean something else than in a crontab. */
const FIELDS = /^[\d*,/#+\-a-z]+(?: [\d*,/#+\-a-z]+){4}$/i;
const NICKNAMES = /^@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)$/i;
const EXAMPLE = "It has five fields, as in `0 9 * * 1-5` for nine in the morning on weekdays.";

/** Expressions that are kept in their parsed form. */
const KEPT = 60;
const parsed = new Map<string, Cron>();

/** One spelling of an expression. Throws `schedule_invalid` when it is none, or when it never comes. */
export function normaliseCron(text: string, zone: string, now: number): string {
  const pattern = text.trim().replace(/\s+/g, " ");
  if (!FIELDS.test(pattern) && !NICKNAMES.test(pattern)) {
    throw new AppError(
      "schedule_invalid",
      `\`${pattern.slice(0, 60)}\` is not a cron expression. ${EXAMPLE}`,
    );
  }
  let first: number | null;
  try {
    first = nextRun(pattern, zone, now);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^CronPattern: /, "") : String(error);
    throw new AppError(
      "schedule_invalid",
      `\`${pattern.slice(0, 60)}\` is not a cron expression: ${reason.slice(0, 200)} ${EXAMPLE}`,
    );
  }
  if (first === null)
    throw new AppError("schedule_invalid", `\`${pattern}\` never comes: there is no such day.`);
  return pattern;
}

/** The first run after an instant; `null` when there is none. */
export const nextRun = (pattern: string, zone: string, after: number): number | null =>
  cronOf(pattern, zone).nextRun(new Date(after))?.getTime() ?? null;

/**
 * Runs from `from` up to `until`, both included, oldest first. `more` is true when there are more than `most`: then
 * these are the newest.
 */
export function runsBetween(
  pattern: string,
  zone: string,
  from: number,
  until: number,
  most: number,
): { runs: number[]; more: boolean } {
  const runs: number[] = [];
  // Mostly there is one. Only what has piled up is counted from its end.
  for (
    let at = nextRun(pattern, zone, from - 1);
    at !== null && at <= until;
    at = nextRun(pattern, zone, at)
  ) {
    runs.push(at);
    if (runs.length > most) return { runs: lastRuns(pattern, zone, until, most), more: true };
  }
  return { runs, more: false };
}

/** The newest runs up to `until`, oldest first. */
function lastRuns(pattern: string, zone: string, until: number, most: number): number[] {
  // croner looks at whole seconds, strictly before.
  const reference = new Date(Math.floor(until / 1000) * 1000 + 1000);
  const found = cronOf(pattern, zone).previousRuns(most, reference);
  return found.map((run) => run.getTime()).sort((a, b) => a - b);
}

/** Throws `schedule_invalid` when two of the next runs are closer together than `limits.cronSpacingMs`. */
export function checkSpacing(pattern: string, zone: string, now: number): void {
  const runs = cronOf(pattern, zone).nextRuns(limits.cronSpacingRuns, new Date(now));
  for (const [i, run] of runs.entries()) {
    const before = runs[i - 1];
    if (!before || run.getTime() - before.getTime() >= limits.cronSpacingMs) continue;
    throw new AppError(
      "schedule_invalid",
      `\`${pattern}\` would run more often than every ${limits.cronSpacingMs / 60_000} minutes. Choose longer pauses.`,
    );
  }
}

function cronOf(pattern: string, zone: string): Cron {
  const name = `${zone} ${pattern}`;
  const known = parsed.get(name);
  if (known) return known;
  // Without a function to call it sets no timer; `paused` says so once more.
  const made = new Cron(pattern, {
    timezone: zone,
    mode: "5-part",
    fixedTimeRule: "no-wildcard",
    paused: true,
  });
  if (parsed.size >= KEPT) parsed.clear();
  parsed.set(name, made);
  return made;
}
