/**
 * What a conversation does when schedules are due. Synchronous, and every effect goes through a port: the row names the
 * occurrence, the input is committed, the row moves on. Cut off anywhere, and run again, it does what was left.
 */
import { dayOf, judged, occurrenceKey, recover, resumed, type Schedule, step } from "./schedule.ts";

/** How a run ended. `unknown`: it is not on the transcript any more. */
export interface Ending {
  outcome: "running" | "completed" | "failed" | "cancelled" | "unknown";
  error: string;
}

export interface RunPorts {
  now(): number;
  /** All that live, active and paused, the longest due first. */
  live(): Schedule[];
  /** The turn of the input with that key; undefined when the journal has none. */
  seen(key: string): string | undefined;
  ending(turn: string): Ending;
  /** Runs that were noted on a day, as `dayOf` counts days. */
  runsOn(day: number): number;
  /** Whether one more input may wait for its turn. */
  hasRoom(): boolean;
  /** Commits the occurrence as an input; returns its turn. Throws when it could not be, and then it is not there. */
  accept(occurrence: { schedule: Schedule; key: string; at: number; text: string }): string;
  /** Keeps a schedule and, with `ranOn`, counts a run on that day, both or neither. */
  save(schedule: Schedule, ranOn: number | null): void;
}

/** Runs what is due. False when something is left that had no room: to be tried again soon. Throws what ports throw. */
export function runDue(ports: RunPorts): boolean {
  const now = ports.now();
  const day = dayOf(now);
  const seen = (key: string): boolean => ports.seen(key) !== undefined;
  for (const schedule of ports.live()) recovered(schedule, ports, now);
  let all = true;
  for (const known of ports.live()) {
    if (known.status !== "active" || known.wakeAt > now || known.dueAt > now) continue;
    const schedule = settle(known, ports, now);
    const busy = schedule.lastTurn !== null;
    const next = step(schedule, { now, seen, busy, runsToday: ports.runsOn(day) });
    if (next?.run == null) {
      const after = next?.after ?? schedule;
      if (after !== known) ports.save(after, null);
      continue;
    }
    if (!ports.hasRoom()) {
      all = false;
      continue;
    }
    const { at, text } = next.run;
    ports.save({ ...schedule, pendingAt: at }, null);
    const lastTurn = ports.accept({ schedule, key: occurrenceKey(schedule.id, at), at, text });
    ports.save({ ...next.after, lastTurn }, day);
  }
  return all;
}

/**
 * The schedule with the run that an earlier life could not note any more, now noted. To be asked for before anything
 * about it changes.
 */
export function recovered(schedule: Schedule, ports: Pick<RunPorts, "seen" | "save">, now: number): Schedule {
  const found = recover(schedule, { now, seen: (key) => ports.seen(key) !== undefined });
  if (found?.ran == null) return schedule;
  const lastTurn = ports.seen(occurrenceKey(schedule.id, found.ran)) ?? null;
  const noted = { ...found.after, lastTurn };
  ports.save(noted, dayOf(now));
  return noted;
}

/** The schedule with the outcome of its last run, if that is known by now. */
export function settle(schedule: Schedule, ports: Pick<RunPorts, "ending">, now: number): Schedule {
  if (schedule.lastTurn === null) return schedule;
  const { outcome, error } = ports.ending(schedule.lastTurn);
  return outcome === "running" ? schedule : judged(schedule, outcome, error, now);
}

/**
 * The schedule runs again from now on, and begins anew to count failures: a run that had ended before, and that nobody
 * had noted yet, is of the past. One that goes on over the pause counts for what comes after it.
 */
export const resume = (schedule: Schedule, ports: Pick<RunPorts, "ending">, now: number): Schedule =>
  resumed(settle(schedule, ports, now), now);
