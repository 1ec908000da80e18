/** Schedules of all of a user's chats: one row a chat, a copy of what its conversation holds. */
import { z } from "zod";
import { threadOf } from "../../names.ts";
import { type ScheduleInfo, type SchedulesUpdate, scheduleInfo } from "../../protocol/schedules.ts";

export class ScheduleList {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Takes what a conversation tells; a copy that is not newer than the known one changes nothing. Throws `thread_invalid`. */
  apply(update: SchedulesUpdate): void {
    this.#sql.exec(
      `INSERT INTO schedules (thread, seq, schedules) VALUES (?, ?, ?)
       ON CONFLICT (thread) DO UPDATE SET seq = excluded.seq, schedules = excluded.schedules
       WHERE excluded.seq > schedules.seq`,
      threadOf(update.thread),
      update.seq,
      JSON.stringify(update.schedules),
    );
  }

  /** In the order in which they come; paused ones last. */
  list(): ScheduleInfo[] {
    const last = Number.POSITIVE_INFINITY;
    return this.#sql
      .exec<{ schedules: string }>("SELECT schedules FROM schedules")
      .toArray()
      .flatMap(({ schedules }) => z.array(scheduleInfo).parse(JSON.parse(schedules)))
      .sort((a, b) => (a.nextAt ?? last) - (b.nextAt ?? last) || a.createdAt - b.createdAt);
  }

  /** The chat was deleted for good. */
  forget(thread: string): void {
    this.#sql.exec("DELETE FROM schedules WHERE thread = ?", thread);
  }
}
