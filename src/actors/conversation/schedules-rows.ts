/** The conversation's schedules as rows. Synchronous; what belongs together is written in one transaction. */
import { z } from "zod";
import { limits } from "../../limits.ts";
import type { Schedule } from "../../schedule/schedule.ts";

const missed = z.object({
  count: z.number(),
  more: z.boolean(),
  firstAt: z.number(),
  lastAt: z.number(),
});

const row = z
  .object({
    id: z.string(),
    owner_id: z.string(),
    owner_name: z.string(),
    text: z.string(),
    cron: z.string().nullable(),
    time_zone: z.string(),
    catch_up: z.enum(["latest", "skip"]),
    status: z.enum(["active", "paused", "done", "deleted"]),
    note: z.string(),
    made_by: z.string().nullable(),
    created_at: z.number(),
    changed_at: z.number(),
    due_at: z.number(),
    wake_at: z.number(),
    pending_at: z.number().nullable(),
    last_at: z.number().nullable(),
    last_turn: z.string().nullable(),
    failures: z.number(),
    missed: z.string().nullable(),
  })
  .transform(
    (kept): Schedule => ({
      id: kept.id,
      owner: { id: kept.owner_id, name: kept.owner_name },
      text: kept.text,
      cron: kept.cron,
      timeZone: kept.time_zone,
      catchUp: kept.catch_up,
      status: kept.status,
      note: kept.note,
      madeBy: kept.made_by,
      createdAt: kept.created_at,
      changedAt: kept.changed_at,
      dueAt: kept.due_at,
      wakeAt: kept.wake_at,
      pendingAt: kept.pending_at,
      lastAt: kept.last_at,
      lastTurn: kept.last_turn,
      failures: kept.failures,
      missed: kept.missed === null ? null : missed.parse(JSON.parse(kept.missed)),
    }),
  );

const counters = z.object({ seq: z.number(), told: z.number(), day: z.number(), runs: z.number() });
export type Counters = z.infer<typeof counters>;

const NONE: Counters = { seq: 0, told: 0, day: 0, runs: 0 };

export class ScheduleRows {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Those that live, active and paused, by when they are to be looked at. */
  live(): Schedule[] {
    return this.#read("SELECT * FROM schedules WHERE status IN ('active', 'paused') ORDER BY wake_at, id");
  }

  /** Also one that is over. */
  get(id: string): Schedule | null {
    return this.#read("SELECT * FROM schedules WHERE id = ?", id)[0] ?? null;
  }

  /** How many one-off ones a turn has made. */
  remindersOf(turn: string): number {
    return this.#storage.sql
      .exec<{ n: number }>("SELECT COUNT(*) AS n FROM schedules WHERE made_by = ? AND cron IS NULL", turn)
      .one().n;
  }

  counters(): Counters {
    const [found] = this.#storage.sql.exec("SELECT seq, told, day, runs FROM schedule_state").toArray();
    return found ? counters.parse(found) : NONE;
  }

  /** Runs that were noted on a day. A clock that was set back does not begin the day anew. */
  runsOn(day: number): number {
    const known = this.counters();
    return known.day >= day ? known.runs : 0;
  }

  /** Keeps a schedule; with `ranOn`, counts a run on that day; with `seen`, counts a change that the list shows. */
  save(schedule: Schedule, options: { ranOn: number | null; seen: boolean }): void {
    const { ranOn, seen } = options;
    this.#storage.transactionSync(() => {
      this.#write(schedule);
      if (ranOn === null && !seen) return;
      const before = this.counters();
      const ran = ranOn === null ? {} : { day: Math.max(before.day, ranOn), runs: this.runsOn(ranOn) + 1 };
      this.#count({ ...before, ...ran, seq: before.seq + (seen ? 1 : 0) });
    });
  }

  /** The user actor knows the list up to `seq`. */
  told(seq: number): void {
    const before = this.counters();
    if (before.told < seq) this.#count({ ...before, told: seq });
  }

  /** Removes all that these turns made, over or not; the list counts it as a change. */
  erase(turns: readonly string[]): void {
    const { sql } = this.#storage;
    const list = JSON.stringify(turns);
    const made = "made_by IN (SELECT value FROM json_each(?))";
    const { n } = sql.exec<{ n: number }>(`SELECT COUNT(*) AS n FROM schedules WHERE ${made}`, list).one();
    if (n === 0) return;
    sql.exec(`UPDATE schedules SET text = zeroblob(length(CAST(text AS BLOB))) WHERE ${made}`, list);
    sql.exec(`DELETE FROM schedules WHERE ${made}`, list);
    const before = this.counters();
    this.#count({ ...before, seq: before.seq + 1 });
  }

  /** Forgets those that are over and that no call will ask for again. */
  sweep(now: number): void {
    this.#storage.sql.exec(
      "DELETE FROM schedules WHERE status IN ('done', 'deleted') AND changed_at < ?",
      now - limits.scheduleKeptMs,
    );
  }

  #read(query: string, ...bindings: string[]): Schedule[] {
    return this.#storage.sql
      .exec(query, ...bindings)
      .toArray()
      .map((found) => row.parse(found));
  }

  #count({ seq, told, day, runs }: Counters): void {
    this.#storage.sql.exec(
      "INSERT OR REPLACE INTO schedule_state (id, seq, told, day, runs) VALUES (1, ?, ?, ?, ?)",
      seq,
      told,
      day,
      runs,
    );
  }

  #write(schedule: Schedule): void {
    this.#storage.sql.exec(
      `INSERT OR REPLACE INTO schedules (id, owner_id, owner_name, text, cron, time_zone, catch_up, status, note,
         made_by, created_at, changed_at, due_at, wake_at, pending_at, last_at, last_turn, failures, missed)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      schedule.id,
      schedule.owner.id,
      schedule.owner.name,
      schedule.text,
      schedule.cron,
      schedule.timeZone,
      schedule.catchUp,
      schedule.status,
      schedule.note,
      schedule.madeBy,
      schedule.createdAt,
      schedule.changedAt,
      schedule.dueAt,
      schedule.wakeAt,
      schedule.pendingAt,
      schedule.lastAt,
      schedule.lastTurn,
      schedule.failures,
      schedule.missed === null ? null : JSON.stringify(schedule.missed),
    );
  }
}
