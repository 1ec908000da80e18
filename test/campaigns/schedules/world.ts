/**
 * A conversation's schedules on a virtual clock: what is kept survives, everything else dies with the process, which it
 * does before or after any effect. Watches every occurrence that runs; knows what should have run by counting forward.
 */
import { limits } from "../../../src/limits.ts";
import { nextRun } from "../../../src/schedule/cron.ts";
import { type Ending, type RunPorts, recovered, resume, runDue, settle } from "../../../src/schedule/run.ts";
import {
  dayOf,
  deleted,
  newSchedule,
  occurrenceKey,
  paused,
  type Schedule,
} from "../../../src/schedule/schedule.ts";
import type { Chance } from "../random.ts";

class Death extends Error {}

interface Input {
  key: string;
  schedule: string;
  occurrence: number;
  turn: string;
  at: number;
  text: string;
  /** The day that it counts for: a clock that is set back begins no day anew. */
  day: number;
  outcome: Ending["outcome"];
}

export interface Tally {
  runs: number;
  missed: number;
  late: number;
  deaths: number;
  recovered: number;
  busy: number;
  full: number;
  pausedByFailure: number;
  /** Occurrences that were due, and neither ran nor were told of; those that ran twice. Each is a violation, too. */
  lost: number;
  doubled: number;
}

export const emptyTally = (): Tally => ({
  ...{ runs: 0, missed: 0, late: 0, deaths: 0, recovered: 0, busy: 0, full: 0, pausedByFailure: 0 },
  ...{ lost: 0, doubled: 0 },
});

export class ScheduleWorld {
  readonly #chance: Chance;
  readonly violations: string[] = [];
  readonly tally: Tally = emptyTally();
  now: number;

  // --- what is kept ---
  readonly #rows = new Map<string, Schedule>();
  readonly #inputs: Input[] = [];
  #day = 0;
  #runs = 0;

  /** Per schedule, as the oracle counts: everything up to `settled` is settled, and it began, or was resumed, at `from`. */
  readonly #settled = new Map<string, number>();
  readonly #from = new Map<string, { at: number; input: number }>();
  #deadly = 0;
  #roomy = true;

  constructor(chance: Chance, now: number) {
    this.#chance = chance;
    this.now = now;
  }

  get schedules(): Schedule[] {
    return [...this.#rows.values()];
  }

  get open(): string[] {
    return this.#inputs.filter(({ outcome }) => outcome === "running").map(({ turn }) => turn);
  }

  // --- what people and the model do -----------------------------------------------------------------------

  add(input: Parameters<typeof newSchedule>[0], timeZone: string): void {
    const id = `s${this.#rows.size}`;
    const live = this.schedules.filter(({ status }) => status === "active" || status === "paused").length;
    const owner = { id: "alice", name: "alice@example.com" };
    const made = newSchedule(input, { id, owner, timeZone, now: this.now, live, origin: null });
    this.#rows.set(id, made);
    this.#begin(id);
  }

  pause(id: string): void {
    this.#change(id, "active", (schedule) => paused(schedule, this.now, ""));
  }

  resume(id: string): void {
    this.#change(id, "paused", (schedule) => {
      this.#begin(id);
      return resume(schedule, { ending: (turn) => this.#ending(turn) }, this.now);
    });
  }

  remove(id: string): void {
    for (const status of ["active", "paused"] as const) {
      this.#change(id, status, (schedule) => deleted(schedule, this.now));
    }
  }

  /** A turn ends; the conversation may or may not live to note it. */
  end(turn: string, outcome: "completed" | "failed" | "cancelled"): void {
    const input = this.#inputs.find((one) => one.turn === turn);
    if (input?.outcome !== "running") return;
    input.outcome = outcome;
    const row = this.#rows.get(input.schedule);
    if (!row || row.lastTurn !== turn || this.#chance.chance(0.3)) return;
    this.#keep(settle(row, { ending: (id) => this.#ending(id) }, this.now));
  }

  #change(id: string, status: Schedule["status"], change: (schedule: Schedule) => Schedule): void {
    const row = this.#rows.get(id);
    if (row?.status !== status) return;
    const noted = recovered(row, this.#ports(), this.now);
    if (noted.status === status) this.#rows.set(id, change(noted));
  }

  #begin(id: string): void {
    this.#settled.set(id, this.now);
    // A run that goes on over a pause counts for what comes after it.
    const last = this.#inputs.findLastIndex((input) => input.schedule === id);
    const input = this.#inputs[last]?.outcome === "running" ? last : this.#inputs.length;
    this.#from.set(id, { at: this.now, input });
  }

  // --- the alarm ------------------------------------------------------------------------------------------

  /** When the job is due; null for never. */
  get jobAt(): number | null {
    const active = this.schedules.filter(({ status }) => status === "active");
    return active.length === 0
      ? null
      : Math.min(...active.map(({ dueAt, wakeAt }) => Math.max(dueAt, wakeAt)));
  }

  /** Delivers the alarm; `deadly` is the chance that the process dies at each point of it. False when it died. */
  alarm(deadly: number, roomy = true): boolean {
    this.#deadly = deadly;
    this.#roomy = roomy;
    const before = new Map(this.#rows);
    try {
      if (runDue(this.#ports())) this.#checkDone(before);
      return true;
    } catch (error) {
      if (!(error instanceof Death)) throw error;
      this.tally.deaths++;
      return false;
    } finally {
      this.#deadly = 0;
    }
  }

  #ports(): RunPorts {
    return {
      now: () => this.now,
      live: () =>
        this.schedules
          .filter(({ status }) => status === "active" || status === "paused")
          .sort((a, b) => a.wakeAt - b.wakeAt || (a.id < b.id ? -1 : 1)),
      seen: (key) => this.#inputs.find((input) => input.key === key)?.turn,
      ending: (turn) => this.#ending(turn),
      runsOn: (day) => (this.#day >= day ? this.#runs : 0),
      hasRoom: () => this.#roomy,
      accept: (occurrence) => {
        this.#mayDie();
        const turn = this.#accept(occurrence);
        this.#mayDie();
        return turn;
      },
      save: (schedule, ranOn) => {
        this.#mayDie();
        if (ranOn !== null) {
          this.#runs = (this.#day >= ranOn ? this.#runs : 0) + 1;
          this.#day = Math.max(this.#day, ranOn);
        }
        this.#keep(schedule);
        this.#mayDie();
      },
    };
  }

  #mayDie(): void {
    if (this.#chance.chance(this.#deadly)) throw new Death();
  }

  #ending(turn: string): Ending {
    const outcome = this.#inputs.find((input) => input.turn === turn)?.outcome ?? "unknown";
    return { outcome, error: outcome === "failed" ? "The model is away." : "" };
  }

  #keep(schedule: Schedule): void {
    const before = this.#rows.get(schedule.id);
    this.#rows.set(schedule.id, schedule);
    if (before?.status === "active" && schedule.status === "paused") this.#checkFailures(schedule);
  }

  // --- what must hold -------------------------------------------------------------------------------------

  #violated(text: string): void {
    this.violations.push(`at ${new Date(this.now).toISOString()}: ${text}`);
  }

  /** An occurrence runs: it may, it is one, and it never did before. */
  #accept({ schedule, key, at, text }: Parameters<RunPorts["accept"]>[0]): string {
    const kept = this.#rows.get(schedule.id);
    if (kept?.status !== "active") this.#violated(`${key} runs though its schedule is ${kept?.status}`);
    if (key !== occurrenceKey(schedule.id, at)) this.#violated(`${key} has another name than its instant`);
    if (this.#inputs.some((input) => input.key === key)) {
      this.tally.doubled++;
      this.#violated(`${key} runs twice`);
    }
    if (at > this.now) this.#violated(`${key} runs before it is due`);
    const newest = this.#newest(schedule);
    if (newest !== at) this.#violated(`${key} runs, and the newest that is due is ${newest}`);
    if (this.#isBusy(schedule.id)) this.#violated(`${key} runs on top of the run before it`);
    if (this.#inputsToday() >= limits.scheduledTurnsPerDay) this.#violated(`${key} is one too many today`);
    if (!this.#roomy) this.#violated(`${key} runs though there is no room`);
    const late = this.now - at > limits.scheduleLateMs;
    if (late && schedule.cron !== null && schedule.catchUp === "skip")
      this.#violated(`${key} is made up for`);
    if (late !== text.includes(" late, at ")) this.#violated(`${key} says wrongly whether it is late`);
    this.#checkMissed(schedule, at, text);
    if (this.#failedInARow(schedule.id) >= limits.scheduleFailures)
      this.#violated(`${key} runs though it failed and failed`);
    const turn = `t${this.#inputs.length}`;
    const input = { key, schedule: schedule.id, occurrence: at, turn, at: this.now, text };
    this.#inputs.push({ ...input, day: this.#today(), outcome: "running" });
    this.tally.runs++;
    if (late) this.tally.late++;
    if (text.includes("missed")) this.tally.missed++;
    return turn;
  }

  /** All that was due is settled: it ran, or there is a reason why it did not. */
  #checkDone(before: Map<string, Schedule>): void {
    for (const schedule of this.schedules) {
      const was = before.get(schedule.id);
      if (was?.status !== "active") continue;
      const newest = this.#newest(was);
      const waits = was.wakeAt > this.now;
      if (newest !== null && !waits && schedule.status !== "paused")
        this.#checkSettled(schedule, newest, was.dueAt > this.now);
      if (schedule.status !== "active" || waits) continue;
      if (schedule.cron !== null) this.#settled.set(schedule.id, Math.max(this.now, this.#settledAt(was)));
      const next = this.#next(schedule);
      if (schedule.cron !== null && schedule.dueAt !== next)
        this.#violated(`${schedule.id} waits for ${schedule.dueAt}, and ${next} comes next`);
      if (schedule.wakeAt <= this.now) this.#violated(`${schedule.id} is left due`);
    }
  }

  /** `earlier`: an attempt that was cut off had settled it, for reasons of that moment. */
  #checkSettled(schedule: Schedule, newest: number, earlier: boolean): void {
    const input = this.#inputs.find(({ key }) => key === occurrenceKey(schedule.id, newest));
    if (input) {
      if (input.at < this.now) this.tally.recovered++;
      return;
    }
    const busy = this.#isBusy(schedule.id);
    const full = this.#day >= dayOf(this.now) && this.#runs >= limits.scheduledTurnsPerDay;
    const late = this.now - newest > limits.scheduleLateMs;
    const skipped = late && schedule.catchUp === "skip" && schedule.cron !== null;
    if (busy) this.tally.busy++;
    if (full) this.tally.full++;
    const key = occurrenceKey(schedule.id, newest);
    const wrong: string[] = [];
    if (!busy && !full && !skipped && !earlier) wrong.push(`${key} never ran`);
    if (schedule.cron === null ? schedule.status !== "active" : schedule.missed === null)
      wrong.push(`${key} did not run, and nothing says so`);
    if (wrong.length > 0) this.tally.lost++;
    for (const text of wrong) this.#violated(text);
  }

  /** The text counts what was missed since the last run, or since it began. */
  #checkMissed(schedule: Schedule, at: number, text: string): void {
    if (schedule.cron === null) return;
    const began = this.#from.get(schedule.id)?.at ?? 0;
    const ran = this.#inputs.findLast((input) => input.schedule === schedule.id)?.occurrence ?? 0;
    let count = 0;
    for (let next = following(schedule, Math.max(began, ran)); next !== null && next < at; count++)
      next = following(schedule, next);
    const told =
      count === 1 ? "One run before it was" : count > 0 ? ` ${count} runs before it were` : "Do it now";
    const many = count > limits.scheduleMissedCounted && text.includes("More than ");
    if (!many && !text.includes(told)) this.#violated(`${schedule.id} missed ${count}, and says: ${text}`);
    if (count === 0 && text.includes("missed"))
      this.#violated(`${schedule.id} missed none, and says: ${text}`);
  }

  #failedInARow(id: string): number {
    const from = this.#from.get(id)?.input ?? 0;
    const outcomes = this.#inputs
      .slice(from)
      .filter((input) => input.schedule === id && ["completed", "failed"].includes(input.outcome));
    return outcomes.length - 1 - outcomes.findLastIndex(({ outcome }) => outcome !== "failed");
  }

  #checkFailures(schedule: Schedule): void {
    this.tally.pausedByFailure++;
    const failed = this.#failedInARow(schedule.id);
    if (failed < limits.scheduleFailures)
      this.#violated(`${schedule.id} was paused after ${failed} failures`);
    if (!schedule.note.includes("failed 5 times"))
      this.#violated(`${schedule.id} does not say why it paused`);
  }

  // --- the oracle's own counting: forward, one by one -----------------------------------------------------

  #settledAt(schedule: Schedule): number {
    return this.#settled.get(schedule.id) ?? 0;
  }

  /** The newest occurrence that is due; null when none is. */
  #newest(schedule: Schedule): number | null {
    if (schedule.cron === null) return schedule.dueAt <= this.now ? schedule.dueAt : null;
    let newest: number | null = null;
    let at = following(schedule, this.#settledAt(schedule));
    while (at !== null && at <= this.now) {
      newest = at;
      at = following(schedule, at);
    }
    return newest;
  }

  /** What comes after now. */
  #next(schedule: Schedule): number | null {
    let at = following(schedule, this.#settledAt(schedule));
    while (at !== null && at <= this.now) at = following(schedule, at);
    return at;
  }

  #isBusy(id: string): boolean {
    return this.#inputs.findLast((input) => input.schedule === id)?.outcome === "running";
  }

  #inputsToday(): number {
    const today = this.#today();
    return this.#inputs.filter(({ day }) => day === today).length;
  }

  #today(): number {
    return Math.max(dayOf(this.now), this.#inputs.at(-1)?.day ?? 0);
  }
}

/** Instants that follow one another, by expression and zone: stories walk over the same days again and again. */
const walks = new Map<string, Map<number, number | null>>();

function following(schedule: Schedule, at: number): number | null {
  if (schedule.cron === null) return null;
  const name = `${schedule.timeZone} ${schedule.cron}`;
  const walk = walks.get(name) ?? new Map<number, number | null>();
  walks.set(name, walk);
  const known = walk.get(at);
  if (known !== undefined) return known;
  const next = nextRun(schedule.cron, schedule.timeZone, at);
  walk.set(at, next);
  return next;
}
