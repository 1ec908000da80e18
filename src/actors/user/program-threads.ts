/** Chats of calls that brought their own history: each is deleted for good when its time has come. */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { isProgramThread } from "../../names.ts";
import type { Deletions } from "./deletions.ts";
import type { FacetHost } from "./facet.ts";

/** When one could not be deleted, it is tried again then. */
const RETRY_MS = 10 * 60_000;

const dueRow = z.object({ thread: z.string() });
const nextRow = z.object({ at: z.number().nullable() });

export class ProgramThreads {
  readonly #host: FacetHost;
  readonly #deletions: Deletions;

  constructor(host: FacetHost, deletions: Deletions) {
    this.#host = host;
    this.#deletions = deletions;
  }

  /** It lives until then, or longer when that was said before. Throws `thread_invalid`. */
  open(thread: string, deleteAt: number): void {
    if (!isProgramThread(thread))
      throw new AppError("thread_invalid", "That is no name for a chat of a program.");
    this.#host.storage.sql.exec(
      `INSERT INTO program_threads (thread, delete_at) VALUES (?, ?)
         ON CONFLICT (thread) DO UPDATE SET delete_at = max(delete_at, excluded.delete_at)`,
      thread,
      deleteAt,
    );
  }

  /** Deletes what is due, some at a time, and sets the alarm for what comes next. */
  async duties(failed: (what: string, error: unknown) => void): Promise<void> {
    const { storage, now, remember } = this.#host;
    const due = storage.sql
      .exec(
        "SELECT thread FROM program_threads WHERE delete_at <= ? ORDER BY delete_at LIMIT ?",
        now(),
        limits.programThreadsAtOnce,
      )
      .toArray()
      .map((row) => dueRow.parse(row).thread);
    for (const thread of due) {
      try {
        this.#deletions.begin(thread);
        await this.#deletions.finish(thread);
        storage.sql.exec("DELETE FROM program_threads WHERE thread = ?", thread);
      } catch (error) {
        failed(`deletion of ${thread}`, error);
        storage.sql.exec(
          "UPDATE program_threads SET delete_at = ? WHERE thread = ?",
          now() + RETRY_MS,
          thread,
        );
      }
    }
    const next = nextRow.parse(storage.sql.exec("SELECT min(delete_at) AS at FROM program_threads").one()).at;
    if (next !== null) await remember(next);
  }

  /** It was deleted before its time. */
  forget(thread: string): void {
    this.#host.storage.sql.exec("DELETE FROM program_threads WHERE thread = ?", thread);
  }
}
