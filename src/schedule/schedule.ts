/**
 * A schedule, what becomes of it when it is due, and how it is told. Pure: clock and journal are handed in.
 *
 * An occurrence has an id, `schedule:{id}:{instant}`. The journal takes an input with that id once. Before the input is
 * committed the row names the occurrence (`pendingAt`), after it the row moves on; cut off in between, the journal is
 * asked whether that occurrence ran.
 */
import { AppError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { CatchUp, ScheduleInfo, ScheduleInput } from "../protocol/schedules.ts";
import { checkSpacing, nextRun, normaliseCron, runsBetween } from "./cron.ts";
import { momentAt, momentIn } from "./when.ts";
import { isTimeZone, sayWall } from "./zone.ts";

type Missed = NonNullable<ScheduleInfo["missed"]>;

export interface Schedule {
  id: string;
  /** In whose name it runs: who made it. */
  owner: { id: string; name: string };
  text: string;
  cron: string | null;
  timeZone: string;
  catchUp: CatchUp;
  /** `done` and `deleted` ones stay for a while, so that a call that is run again finds them. */
  status: "active" | "paused" | "done" | "deleted";
  note: string;
  /** The turn that made it, when a tool did. */
  madeBy: string | null;
  createdAt: number;
  /** When the status last changed. */
  changedAt: number;
  /** The oldest occurrence that is not settled. */
  dueAt: number;
  /** When to look at it: `dueAt`, or later when something stood in the way. */
  wakeAt: number;
  /** The occurrence whose input was about to be committed: the journal knows whether it was. */
  pendingAt: number | null;
  lastAt: number | null;
  /** The turn of the last run, until its outcome was looked at. */
  lastTurn: string | null;
  failures: number;
  missed: Missed | null;
}

export type Origin = { turn: string; scheduled: boolean; reminders: number } | null;

/** The dedupe key of one occurrence, and its name in the journal. */
export const occurrenceKey = (id: string, at: number): string => `schedule:${id}:${at}`;

const refuse = (message: string): AppError => new AppError("schedule_invalid", message);

/**
 * A new schedule. `origin` is the turn that asks for it, with the number of reminders that it has made already: a turn
 * that was itself started by a schedule makes one reminder at most and nothing that recurs, so that no schedule
 * multiplies. Throws `schedule_invalid` with what to do instead.
 */
export function newSchedule(
  input: ScheduleInput,
  made: { id: string; owner: Schedule["owner"]; timeZone: string; now: number; live: number; origin: Origin },
): Schedule {
  const { now, origin } = made;
  const text = checkText(input.text);
  const timeZone = input.timeZone ?? made.timeZone;
  if (!isTimeZone(timeZone)) {
    throw refuse(`\`${timeZone.slice(0, 60)}\` is not a time zone. Name one like \`Europe/Berlin\`.`);
  }
  if ([input.cron, input.at, input.in].filter((when) => when !== undefined).length !== 1) {
    throw refuse("Say when: exactly one of `cron` (it recurs), `at` (a moment) and `in` (a pause).");
  }
  if (made.live >= limits.schedulesPerThread) {
    throw refuse(
      `This chat has ${limits.schedulesPerThread} schedules, which is the most. Delete one that is no longer needed.`,
    );
  }
  const cron = input.cron === undefined ? null : normaliseCron(input.cron, timeZone, now);
  const dueAt = firstOf(input, cron, timeZone, now);
  checkOrigin(origin, cron, dueAt, now);
  if (cron !== null) checkSpacing(cron, timeZone, now);
  return {
    id: made.id,
    owner: made.owner,
    text,
    cron,
    timeZone,
    catchUp: input.catchUp ?? "latest",
    status: "active",
    note: "",
    madeBy: origin?.turn ?? null,
    createdAt: now,
    changedAt: now,
    dueAt,
    wakeAt: dueAt,
    pendingAt: null,
    lastAt: null,
    lastTurn: null,
    failures: 0,
    missed: null,
  };
}

/** Throws `schedule_invalid`. */
export function checkText(text: string): string {
  const said = text.trim();
  if (said === "") throw refuse("Say what is to be done: `text` is what you are told when it is due.");
  if (said.length > limits.scheduleTextChars) {
    throw refuse(
      `A schedule's text has at most ${limits.scheduleTextChars} characters. Put more into a file and name it.`,
    );
  }
  return said;
}

function firstOf(input: ScheduleInput, cron: string | null, timeZone: string, now: number): number {
  if (cron !== null) return nextRun(cron, timeZone, now) ?? now; // `normaliseCron` saw that there is one
  if (input.at !== undefined) return momentAt(input.at, timeZone, now);
  return momentIn(input.in ?? "", timeZone, now);
}

function checkOrigin(origin: Origin, cron: string | null, dueAt: number, now: number): void {
  if (!origin?.scheduled) return;
  if (cron !== null) {
    throw refuse(
      "This turn was started by a schedule, and such a turn cannot make one that recurs. Tell the user to ask for it in a message.",
    );
  }
  if (origin.reminders >= limits.remindersPerScheduledTurn) {
    throw refuse(
      "This turn was started by a schedule, and such a turn makes one reminder at most. It has made it.",
    );
  }
  if (dueAt - now < limits.cronSpacingMs) {
    throw refuse(
      `This turn was started by a schedule: its reminder comes ${limits.cronSpacingMs / 60_000} minutes from now or later.`,
    );
  }
}

/** Paused by someone, or because it kept failing. */
export const paused = (schedule: Schedule, now: number, note: string): Schedule => ({
  ...schedule,
  status: "paused",
  note,
  changedAt: now,
});

/** Runs again from now on. A recurring one goes on with its next occurrence; a one-off one that is overdue comes now. */
export function resumed(schedule: Schedule, now: number): Schedule {
  const dueAt =
    schedule.cron === null
      ? schedule.dueAt
      : (nextRun(schedule.cron, schedule.timeZone, now) ?? schedule.dueAt);
  return {
    ...schedule,
    status: "active",
    note: "",
    changedAt: now,
    dueAt,
    wakeAt: dueAt,
    failures: 0,
    missed: null,
  };
}

export const deleted = (schedule: Schedule, now: number): Schedule => ({
  ...schedule,
  status: "deleted",
  text: "",
  note: "",
  changedAt: now,
});

/** A run of it ended. One that fails again and again is paused, and says why. */
export function judged(
  schedule: Schedule,
  outcome: "completed" | "failed" | "cancelled" | "unknown",
  error: string,
  now: number,
): Schedule {
  const settled: Schedule = { ...schedule, lastTurn: null };
  if (outcome === "completed") return { ...settled, failures: 0 };
  if (outcome !== "failed") return settled; // stopped by a person, or taken back: says nothing of the schedule
  const failures = schedule.failures + 1;
  if (failures < limits.scheduleFailures || schedule.cron === null || schedule.status !== "active") {
    return { ...settled, failures };
  }
  const why = `Paused: it failed ${failures} times in a row. ${error}`.slice(0, NOTE_CHARS).trim();
  return paused({ ...settled, failures }, now, why);
}

const NOTE_CHARS = 400;

/** What stands in the way of a run, or does not. */
export interface Facts {
  now: number;
  /** Whether the journal has an input of that key. */
  seen(key: string): boolean;
  /** The last run has not ended. */
  busy: boolean;
  /** Runs of this conversation's schedules today. */
  runsToday: number;
}

export interface Step {
  /** The occurrence that runs now. */
  run: { at: number; text: string } | null;
  /** The occurrence that the journal has already, from a life that was cut off before it was noted. */
  ran: number | null;
  after: Schedule;
}

/**
 * The schedule after a run that the journal knows and the row does not; `null` when there is none. To be asked for every
 * schedule before any of them runs, so that what is counted is whole.
 */
export function recover(schedule: Schedule, facts: Pick<Facts, "now" | "seen">): Step | null {
  const { pendingAt } = schedule;
  if (pendingAt === null || schedule.status === "done" || schedule.status === "deleted") return null;
  if (!facts.seen(occurrenceKey(schedule.id, pendingAt))) return null;
  return { run: null, ran: pendingAt, after: advanced(schedule, pendingAt, facts.now) };
}

/** What happens to a schedule that is due. `null` when it is not. Its row has been through `recover`. */
export function step(schedule: Schedule, facts: Facts): Step | null {
  const { now } = facts;
  if (schedule.status !== "active" || schedule.wakeAt > now || schedule.dueAt > now) return null;
  const full = facts.runsToday >= limits.scheduledTurnsPerDay;
  const { runs, more } = occurrences(schedule, now);
  const newest = runs.at(-1);
  if (schedule.cron === null) {
    // A one-off one always runs: on a day that is full it waits for the next.
    if (full) return { run: null, ran: null, after: { ...schedule, wakeAt: nextDay(now), note: FULL } };
    return run(schedule, schedule.dueAt, null, now);
  }
  // Nothing between the row and now: the clock was set back, or the expression has no more runs.
  if (newest === undefined) return { run: null, ran: null, after: moved(schedule, now) };
  const late = now - newest > limits.scheduleLateMs;
  if (facts.busy || full || (late && schedule.catchUp === "skip")) {
    const note = facts.busy ? BUSY : full ? FULL : "";
    const after = { ...moved(schedule, now), missed: withMissed(schedule.missed, runs, more), note };
    return { run: null, ran: null, after };
  }
  const before = runs.slice(0, -1);
  return run(
    schedule,
    newest,
    before.length > 0 ? withMissed(schedule.missed, before, more) : schedule.missed,
    now,
  );
}

const FULL = `Not run: this chat had its ${limits.scheduledTurnsPerDay} scheduled turns of the day.`;
const BUSY = "Not run: the run before it had not ended.";

function run(schedule: Schedule, at: number, missed: Missed | null, now: number): Step {
  return {
    run: { at, text: occurrenceText(schedule, at, missed, now) },
    ran: null,
    after: advanced(schedule, at, now),
  };
}

/** The row after the occurrence at `ran` ran. What was missed before it has been told in its text. */
function advanced(schedule: Schedule, ran: number, now: number): Schedule {
  const after = { ...schedule, pendingAt: null, lastAt: ran, missed: null, note: "" };
  if (schedule.cron === null) return { ...after, status: "done", changedAt: now };
  const dueAt = nextRun(schedule.cron, schedule.timeZone, ran);
  if (dueAt === null) return { ...after, status: "done", changedAt: now };
  return { ...after, dueAt, wakeAt: dueAt };
}

/** The row with all occurrences up to now settled. */
function moved(schedule: Schedule, now: number): Schedule {
  const dueAt = schedule.cron === null ? null : nextRun(schedule.cron, schedule.timeZone, now);
  if (dueAt === null) return { ...schedule, status: "done", changedAt: now };
  return { ...schedule, dueAt, wakeAt: dueAt };
}

/** Occurrences that are due and not settled, oldest first. */
function occurrences(schedule: Schedule, now: number): { runs: number[]; more: boolean } {
  if (schedule.cron === null) return { runs: schedule.dueAt <= now ? [schedule.dueAt] : [], more: false };
  return runsBetween(schedule.cron, schedule.timeZone, schedule.dueAt, now, limits.scheduleMissedCounted);
}

function withMissed(before: Missed | null, runs: readonly number[], more: boolean): Missed | null {
  const [first] = runs;
  const last = runs.at(-1);
  if (first === undefined || last === undefined) return before;
  return {
    count: (before?.count ?? 0) + runs.length,
    more: more || (before?.more ?? false),
    firstAt: before?.firstAt ?? first,
    lastAt: last,
  };
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** The day that runs are counted by: in UTC, so that a change of zone starts no new one. */
export const dayOf = (now: number): number => Math.floor(now / DAY_MS);
const nextDay = (now: number): number => (dayOf(now) + 1) * DAY_MS;

/** What the agent is told: the schedule's own words first, then what it has to know of the occasion. */
function occurrenceText(schedule: Schedule, at: number, missed: Missed | null, now: number): string {
  const say = (moment: number) => sayWall(moment, schedule.timeZone);
  const facts = [
    `Schedule ${schedule.id}, due ${say(at)} ${schedule.timeZone}. Do it now; do not schedule it again.`,
  ];
  if (now - at > limits.scheduleLateMs) facts.push(`It comes ${sayPause(now - at)} late, at ${say(now)}.`);
  if (missed) facts.push(sayMissed(missed, say));
  return `${schedule.text}\n\n(${facts.join(" ")})`;
}

function sayMissed({ count, more, firstAt, lastAt }: Missed, say: (at: number) => string): string {
  if (count === 1) return `One run before it was missed: ${say(firstAt)}.`;
  const number = more ? `More than ${count}` : `${count}`;
  return `${number} runs before it were missed, ${more ? "the last" : `from ${say(firstAt)} to`} ${say(lastAt)}.`;
}

/** `3 minutes`, `2 hours`, `4 days`: in the largest unit of which there is more than one, rounded down. */
function sayPause(ms: number): string {
  const units: [string, number][] = [
    ["day", DAY_MS],
    ["hour", 60 * 60 * 1000],
    ["minute", 60 * 1000],
  ];
  for (const [name, size] of units) {
    const count = Math.floor(ms / size);
    if (count >= 2 || name === "minute") return `${count} ${name}${count === 1 ? "" : "s"}`;
  }
  return "";
}

/** As its list shows it; `null` for one that is over. */
export function infoOf(schedule: Schedule, thread: string): ScheduleInfo | null {
  const { id, text, cron, timeZone, catchUp, status, note, createdAt, lastAt, failures, missed } = schedule;
  if (status === "done" || status === "deleted") return null;
  const nextAt = status === "paused" ? null : Math.max(schedule.dueAt, schedule.wakeAt);
  return {
    id,
    thread,
    text,
    cron,
    timeZone,
    catchUp,
    status,
    note,
    createdAt,
    nextAt,
    lastAt,
    failures,
    missed,
  };
}
