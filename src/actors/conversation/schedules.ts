/**
 * The conversation's schedules: one lifecycle job for the earliest that is due. Like the wake it runs no turn itself: it
 * commits the occurrence as an input, and the drive does the rest. See `schedule/run.ts` for what a crash leaves.
 */
import { createHash } from "node:crypto";
import { LifecycleCapability, type LifecycleJobOutcome } from "agents/lifecycle";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type {
  ScheduleChange,
  ScheduleInfo,
  ScheduleInput,
  ScheduleStep,
  SchedulesUpdate,
} from "../../protocol/schedules.ts";
import type { SchedulesPort } from "../../schedule/port.ts";
import { type Ending, recovered, resume, runDue, settle } from "../../schedule/run.ts";
import {
  checkText,
  deleted,
  infoOf,
  newSchedule,
  type Origin,
  paused,
  type Schedule,
} from "../../schedule/schedule.ts";
import type { InputEntry, Sender } from "./entries.ts";
import { ScheduleRows } from "./schedules-rows.ts";
import { findTurn, type State, type Turn } from "./state.ts";

const JOB = "schedules";
/** What an input that a schedule made says of where it came from. */
export const SCHEDULE_SOURCE = "schedule";

export interface SchedulesOptions {
  /** The conversation's name, and its thread. */
  name: string;
  thread: string;
  storage: DurableObjectStorage;
  now(): number;
  id(): string;
  after(ms: number, run: () => void): () => void;
  state(): State;
  /** The journal cannot be added to: nothing runs. */
  readOnly(): boolean;
  /** Commits the input and sees to it that it is answered. Throws when it could not be kept. */
  accept(entry: InputEntry): void;
  /** The user's time zone. */
  timeZone(): Promise<string>;
  /** Tells the user actor; throws when that could not be told. */
  tell(update: SchedulesUpdate): Promise<void>;
}

export class Schedules extends LifecycleCapability {
  readonly #options: SchedulesOptions;
  readonly #rows: ScheduleRows;
  /** When the job is due; 0 when there is none. */
  #jobAt = 0;
  #pushed: Promise<unknown> = Promise.resolve();
  /** While the job runs its outcome says when it comes next. */
  #inJob = false;
  /** After a failure nothing is tried before. */
  #notBefore = 0;
  /** When the user actor is told again; 0 while it knows all. */
  #tellAt = 0;
  #telling = false;

  constructor(options: SchedulesOptions) {
    super("schedules");
    this.#options = options;
    this.#rows = new ScheduleRows(options.storage);
  }

  /** After the wake's, which brings the database to its schema and loads the journal. */
  override onStart(): void {
    this.#jobAt = this.lifecycle.jobs.list().find((job) => job.id === JOB)?.time ?? 0;
    if (this.#options.readOnly()) return;
    this.#arm();
    // Not during start-up: it must not wait for another object.
    if (this.#owing()) this.#options.after(0, () => void this.#tell());
  }

  onJob(): LifecycleJobOutcome {
    if (this.#options.readOnly()) {
      this.#jobAt = 0;
      return undefined;
    }
    this.#inJob = true;
    try {
      if (!this.#runDue()) this.#notBefore = this.#options.now() + limits.scheduleRetryMs;
    } catch (error) {
      console.error("what is due could not be run; it is tried again", error);
      this.#notBefore = this.#options.now() + limits.scheduleRetryMs;
    } finally {
      this.#inJob = false;
    }
    if (this.#owing()) void this.#tell();
    const next = this.#next();
    this.#jobAt = next ?? 0;
    return next === null ? undefined : { rescheduleAt: next };
  }

  onJobError(): LifecycleJobOutcome {
    this.#jobAt = this.#options.now() + limits.scheduleRetryMs;
    return { rescheduleAt: this.#jobAt };
  }

  /** What the API asks for, in the name of `by`. Throws `schedule_unknown`, `schedule_invalid`. */
  async take(step: ScheduleStep, by: Sender): Promise<ScheduleInfo[]> {
    switch (step.type) {
      case "list":
        return this.list();
      case "add": {
        const made = await this.#add(step.input, step.key, by, null);
        return made ? [made] : [];
      }
      case "change":
        return [await this.#change(step.id, step.change)];
      case "remove":
        await this.#remove(step.id);
        return [];
    }
  }

  // --- for people, programs and the tool ------------------------------------------------------------------

  /** In the order in which they come; paused ones last. */
  list(): ScheduleInfo[] {
    const last = Number.POSITIVE_INFINITY;
    return this.#rows
      .live()
      .flatMap((schedule) => infoOf(schedule, this.#options.thread) ?? [])
      .sort((a, b) => (a.nextAt ?? last) - (b.nextAt ?? last) || a.createdAt - b.createdAt);
  }

  async #change(id: string, change: ScheduleChange): Promise<ScheduleInfo> {
    const now = this.#options.now();
    const before = this.#live(id, now);
    let after = before;
    if (change.text !== undefined) after = { ...after, text: checkText(change.text) };
    if (change.paused === true && before.status === "active") after = paused(after, now, "");
    if (change.paused === false && before.status === "paused") {
      after = resume(after, { ending: (turn) => this.#ending(turn) }, now);
    }
    if (after !== before) await this.#changed(after);
    const info = infoOf(after, this.#options.thread);
    if (!info) throw unknown();
    return info;
  }

  async #remove(id: string): Promise<void> {
    if (this.#rows.get(id)?.status === "deleted") return;
    const now = this.#options.now();
    await this.#changed(deleted(this.#live(id, now), now));
  }

  /** The tool's way in: schedules are made in the name of who asked in the turn that runs. */
  port(): SchedulesPort {
    return {
      list: async () => this.list(),
      create: (input, key) => {
        const turn = this.#options.state().active;
        if (!turn) throw new AppError("schedule_invalid", "A schedule is made in a turn, and none runs.");
        const scheduled = turn.source === SCHEDULE_SOURCE;
        const reminders = scheduled ? this.#rows.remindersOf(turn.id) : 0;
        return this.#add(input, key, turn.sender, { turn: turn.id, scheduled, reminders });
      },
      change: (id, change) => this.#change(id, change),
      remove: (id) => this.#remove(id),
      timeZone: () => this.#options.timeZone(),
    };
  }

  /** Removes what these turns made, and what it was. Within the transaction of their erasure; `erased` tells of it. */
  erase(turns: readonly string[]): void {
    this.#rows.erase(turns);
  }

  /** The user actor, which has a copy of the list, learns of it. Should it not, it is told again later. */
  async erased(): Promise<void> {
    this.#arm();
    if (this.#owing()) await this.#tell();
  }

  /** A turn has its outcome: one that fails again and again pauses its schedule at once. */
  turnEnded(turn: Turn): void {
    if (turn.source !== SCHEDULE_SOURCE) return;
    try {
      const now = this.#options.now();
      for (const schedule of this.#rows.live()) {
        if (schedule.lastTurn !== turn.id) continue;
        const after = settle(schedule, { ending: (id) => this.#ending(id) }, now);
        if (after !== schedule) void this.#changed(after).catch((error) => this.#untold(error));
      }
    } catch (error) {
      console.error("the outcome of a schedule's turn was not noted; its next run will find it", error);
    }
  }

  // --- inside -----------------------------------------------------------------------------------------------

  #runDue(): boolean {
    const { now, id, state, accept } = this.#options;
    return runDue({
      now,
      live: () => this.#rows.live(),
      seen: (key) => state().seen.get(key),
      ending: (turn) => this.#ending(turn),
      runsOn: (day) => this.#rows.runsOn(day),
      hasRoom: () => openTurns(state()) < limits.scheduledInputs,
      accept: ({ schedule, key, at, text }) => {
        const turn = `t${id()}`;
        accept({
          kind: "input",
          at: now(),
          turn,
          request: `q_${id()}`,
          keys: [key],
          source: SCHEDULE_SOURCE,
          sender: schedule.owner,
          messages: [{ id: `m_${schedule.id}_${at}`, parts: [{ type: "text", text }] }],
        });
        return turn;
      },
      save: (schedule, ranOn) => this.#save(schedule, ranOn),
    });
  }

  async #add(input: ScheduleInput, key: string, owner: Sender, origin: Origin): Promise<ScheduleInfo | null> {
    const { name, thread, now } = this.#options;
    if (this.#options.readOnly()) throw new AppError("storage_failed", "This chat is open for reading only.");
    const id = `s${createHash("sha256").update(`${name}\n${key}`).digest("hex").slice(0, 12)}`;
    const timeZone = input.timeZone ?? (await this.#options.timeZone());
    // Looked for after the wait, so that two runs of one call make one.
    const known = this.#rows.get(id);
    if (known) return infoOf(known, thread);
    const live = this.#rows.live().length;
    const schedule = newSchedule(input, { id, owner, timeZone, now: now(), live, origin });
    this.#rows.sweep(now());
    await this.#changed(schedule);
    return infoOf(schedule, thread);
  }

  #live(id: string, now: number): Schedule {
    const row = this.#rows.get(id);
    const ports = {
      seen: (key: string) => this.#options.state().seen.get(key),
      save: (noted: Schedule, ranOn: number | null) => this.#save(noted, ranOn),
    };
    const found = row && recovered(row, ports, now);
    if (!found || found.status === "done" || found.status === "deleted") throw unknown();
    return found;
  }

  /** Keeps it, and resolves when the job is set that will look at it. */
  async #changed(schedule: Schedule): Promise<void> {
    this.#save(schedule, null);
    if (this.#owing()) void this.#tell();
    await this.#pushed;
  }

  #save(schedule: Schedule, ranOn: number | null): void {
    const before = this.#rows.get(schedule.id);
    const shown = (one: Schedule | null) => JSON.stringify(one && infoOf(one, this.#options.thread));
    this.#rows.save(schedule, { ranOn, seen: shown(before) !== shown(schedule) });
    // Right behind the commit, with no other I/O between: both are kept or neither.
    this.#arm();
  }

  #ending(turnId: string): Ending {
    const turn = findTurn(this.#options.state(), turnId);
    if (!turn) return { outcome: "unknown", error: "" };
    return { outcome: turn.outcome ?? "running", error: turn.error?.message ?? "" };
  }

  /** The earliest moment at which there is something to do; null for never. */
  #next(): number | null {
    const active = this.#rows.live().filter(({ status }) => status === "active");
    const moments = active.map(({ dueAt, wakeAt }) => Math.max(dueAt, wakeAt, this.#notBefore));
    if (this.#owing()) {
      this.#tellAt ||= this.#options.now() + limits.scheduleRetryMs;
      moments.push(this.#tellAt);
    }
    return moments.length === 0 ? null : Math.min(...moments);
  }

  #arm(): void {
    if (this.#inJob) return;
    const next = this.#next();
    if (next === this.#jobAt || (next === null && this.#jobAt === 0)) return;
    this.#jobAt = next ?? 0;
    const { jobs } = this.lifecycle;
    this.#pushed = next === null ? jobs.cancel(JOB) : jobs.push({ id: JOB, fn: "run", time: next });
    this.#pushed.catch((error) => console.error("the schedules' job could not be set", error));
  }

  #owing(): boolean {
    const { seq, told } = this.#rows.counters();
    return told < seq;
  }

  /** Single-flight; what changes meanwhile is told in the same go. The job stays until it was taken. */
  async #tell(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (let { seq, told } = this.#rows.counters(); told < seq; { seq, told } = this.#rows.counters()) {
        await this.#options.tell({ thread: this.#options.thread, seq, schedules: this.list() });
        this.#rows.told(seq);
      }
      this.#tellAt = 0;
    } catch (error) {
      this.#untold(error);
      this.#tellAt = this.#options.now() + limits.scheduleRetryMs;
    } finally {
      this.#telling = false;
    }
    this.#arm();
  }

  #untold(error: unknown): void {
    console.error("the list of schedules could not be told; it is tried again", error);
  }
}

const openTurns = (state: State): number =>
  state.waiting.filter((turn) => turn.outcome === null).length + (state.active ? 1 : 0);

const unknown = (): AppError =>
  new AppError(
    "schedule_unknown",
    "There is no such schedule in this chat. It may have run, or been deleted.",
  );
