/**
 * The list of a user's chats. One row a thread, one row written for each thing that a conversation tells; what need
 * not survive a restart ("a turn began") lives in memory, over the rows.
 */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { isProgramThread, threadOf } from "../../names.ts";
import type { ThreadErased } from "../../protocol/log.ts";
import type { ThreadSummary, ThreadUpdate } from "../../protocol/rpc.ts";
import { sha256 } from "../chain.ts";

/** Threads of one listing, and of the first frame on the feed: what a sidebar can show. */
export const THREADS_LISTED = 200;
/** The beginning of the newest text, as the list shows it. */
export const PREVIEW_CHARS = 140;

const threadRow = z.object({
  id: z.string(),
  title: z.string(),
  preview: z.string(),
  status: z.enum(["idle", "working", "asking", "failed"]),
  created_at: z.number(),
  updated_at: z.number(),
  seq: z.number(),
  archived: z.number(),
  input_tokens: z.number(),
  output_tokens: z.number(),
  index_seq: z.number(),
  indexed_seq: z.number(),
  undelivered: z.number(),
});
type ThreadRow = z.infer<typeof threadRow>;

/** A row that the catalog's thread index does not know yet. */
export interface IndexRow {
  thread: string;
  title: string;
  createdAt: number;
  archived: boolean;
  seq: number;
}

export class ThreadList {
  readonly #sql: SqlStorage;
  /** Newest transient update per thread. Lost with the memory, which is what transient means. */
  readonly #live = new Map<string, ThreadUpdate>();
  /** Whether the catalog may be owed news. True at first: the rows of an earlier life are not looked at yet. */
  #owing = true;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /**
   * Takes an update of a conversation. Returns the thread as the list now shows it, or `null` if the update was
   * stale and changed nothing. Throws `thread_invalid`.
   */
  apply(update: ThreadUpdate): ThreadSummary | null {
    const thread = threadOf(update.thread);
    const row = this.#row(thread);
    const live = this.#live.get(thread);
    if (row && update.undelivered !== undefined) {
      // News of the outbox, which has no place in the journal: nothing else of the row is its business.
      const after = { ...row, undelivered: update.undelivered };
      this.#write(after);
      return row.archived === 1 && !live ? null : summaryOf(after, live);
    }
    const storedSeq = row?.seq ?? -1;
    const hidden = isHidden(update);
    if (update.transient && hidden) return null;
    if (update.transient) {
      if (update.seq <= Math.max(storedSeq, live?.seq ?? -1)) return null;
      this.#live.set(thread, update);
      return summaryOf(row, update);
    }
    if (update.seq <= storedSeq) return null;
    // Of two turns close together, the end of the first may be told after the beginning of the second.
    const newer = live && live.seq > update.seq ? live : undefined;
    if (!newer) this.#live.delete(thread);
    const after = merged(row, update);
    this.#write(after);
    return hidden ? null : summaryOf(after, newer);
  }

  /** Newest first, at most `limit`. `query` matches titles and previews, case folded; archived threads are not listed. */
  list(options: { query?: string; limit?: number } = {}): ThreadSummary[] {
    const limit = Math.max(0, Math.min(options.limit ?? THREADS_LISTED, THREADS_LISTED));
    const query = fold(options.query ?? "").trim();
    const rows = new Map(this.#rows("SELECT * FROM threads WHERE archived = 0").map((row) => [row.id, row]));
    const summaries: ThreadSummary[] = [];
    for (const id of new Set([...rows.keys(), ...this.#live.keys()])) {
      const live = this.#live.get(id);
      const row = rows.get(id) ?? this.#row(id);
      const summary = summaryOf(row, live);
      if (query && !fold(`${summary.title}\n${summary.preview}`).includes(query)) continue;
      summaries.push(summary);
    }
    summaries.sort((a, b) => b.updatedAt - a.updatedAt || (a.id < b.id ? -1 : 1));
    return summaries.slice(0, limit);
  }

  /** Gives the title that a person wants. Throws `thread_unknown`, `bad_request`. */
  rename(thread: string, title: string): ThreadSummary {
    const text = title.trim().replace(/\s+/g, " ");
    if (!text || text.length > limits.titleChars) {
      throw new AppError("bad_request", `A title has 1 to ${limits.titleChars} characters.`);
    }
    const row = this.#known(thread);
    const after: ThreadRow = { ...row, title: text, index_seq: row.index_seq + 1 };
    this.#write(after);
    return summaryOf(after, this.#live.get(thread));
  }

  /** Takes the thread off the list until something newer happens in it. Throws `thread_unknown`. */
  archive(thread: string): void {
    const row = this.#known(thread);
    this.#live.delete(thread);
    this.#write({ ...row, archived: 1, index_seq: row.index_seq + 1 });
  }

  /** Gives a fork the title of the thread that it was copied from, with a remark. Throws `thread_unknown`. */
  titleCopy(thread: string, from: string): ThreadSummary {
    const title = this.#row(from)?.title || this.#known(thread).title;
    return this.rename(thread, forkTitle(title));
  }

  /** Undefined when there is no such thread; empty while it has none. */
  titleOf(thread: string): string | undefined {
    return this.#row(thread)?.title ?? this.#live.get(thread)?.suggestedTitle;
  }

  /** The newest entry of a thread's journal that it told of; 0 before it told anything. */
  toldOf(thread: string): number {
    return Math.max(0, this.#row(threadOf(thread))?.seq ?? 0);
  }

  /**
   * Texts of a thread were erased: a title that was made of them goes, and what is shown of it is said anew. Null when it
   * is not on the list. Throws `thread_invalid`.
   */
  erased(update: ThreadErased): ThreadSummary | null {
    const thread = threadOf(update.thread);
    this.#live.delete(thread);
    const row = this.#row(thread);
    if (!row) return null;
    const gone = update.titles.includes(sha256(row.title.replace(FORK_REMARK, "")));
    const title = gone ? clip(update.title, limits.titleChars) : row.title;
    const after = {
      ...row,
      title,
      preview: clip(update.preview, PREVIEW_CHARS),
      index_seq: row.index_seq + 1,
    };
    this.#write(after);
    return row.archived ? null : summaryOf(after, undefined);
  }

  /** Forgets a thread as if it had never been there. */
  remove(thread: string): void {
    this.#live.delete(thread);
    this.#sql.exec("DELETE FROM threads WHERE id = ?", thread);
  }

  /** Whether to look at `owed` at all: it reads every row. */
  get owing(): boolean {
    return this.#owing;
  }

  /** What the catalog does not know yet, at most `count` rows. */
  owed(count: number): IndexRow[] {
    const rows = this.#rows("SELECT * FROM threads WHERE indexed_seq < index_seq LIMIT ?", count);
    if (rows.length === 0) this.#owing = false;
    return rows.map((row) => ({
      thread: row.id,
      title: row.title,
      createdAt: row.created_at,
      archived: row.archived === 1,
      seq: row.index_seq,
    }));
  }

  /** The catalog has these rows. One that changed meanwhile stays owed. */
  indexed(rows: readonly IndexRow[]): void {
    for (const row of rows) {
      this.#sql.exec(
        "UPDATE threads SET indexed_seq = ? WHERE id = ? AND indexed_seq < ?",
        row.seq,
        row.thread,
        row.seq,
      );
    }
  }

  /** A visible thread. One that so far is only live (its first turn runs) counts: it gets its row now. */
  #known(thread: string): ThreadRow {
    const row = this.#row(thread);
    const live = this.#live.get(thread);
    if (row && (!row.archived || live)) return row;
    if (!live)
      throw new AppError("thread_unknown", "There is no such chat on your list. It may have been archived.");
    // Its sequence is one that any real update exceeds, so that the turn's own end still counts.
    return merged(undefined, { ...live, seq: -1 });
  }

  #row(thread: string): ThreadRow | undefined {
    return this.#rows("SELECT * FROM threads WHERE id = ?", thread)[0];
  }

  #rows(query: string, ...bindings: (string | number)[]): ThreadRow[] {
    return this.#sql
      .exec(query, ...bindings)
      .toArray()
      .map((row) => threadRow.parse(row));
  }

  #write(row: ThreadRow): void {
    if (row.index_seq > row.indexed_seq) this.#owing = true;
    this.#sql.exec(
      `INSERT OR REPLACE INTO threads (id, title, preview, status, created_at, updated_at, seq, archived,
         input_tokens, output_tokens, index_seq, indexed_seq, undelivered)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      row.id,
      row.title,
      row.preview,
      row.status,
      row.created_at,
      row.updated_at,
      row.seq,
      row.archived,
      row.input_tokens,
      row.output_tokens,
      row.index_seq,
      row.indexed_seq,
      row.undelivered,
    );
  }
}

/** A chat of a program is on the list only while a person has to decide something in it. */
const isHidden = ({ thread, status }: ThreadUpdate): boolean =>
  isProgramThread(thread) && status !== "asking";

/** The row after an update that counts. */
function merged(row: ThreadRow | undefined, update: ThreadUpdate): ThreadRow {
  // The first title stays: whoever wants another one says so, and nothing that is suggested later takes it away.
  const title = row?.title || clip(update.suggestedTitle.trim().replace(/\s+/g, " "), limits.titleChars);
  const hidden = isHidden(update);
  const news = !hidden && (row === undefined || title !== row.title || row.archived === 1);
  return {
    id: update.thread,
    title,
    preview: clip(update.preview, PREVIEW_CHARS) || (row?.preview ?? ""),
    status: update.status,
    created_at: row?.created_at ?? update.at,
    updated_at: Math.max(row?.updated_at ?? 0, update.at),
    seq: update.seq,
    archived: hidden ? 1 : 0,
    input_tokens: (row?.input_tokens ?? 0) + update.inputTokens,
    output_tokens: (row?.output_tokens ?? 0) + update.outputTokens,
    index_seq: (row?.index_seq ?? 0) + (news ? 1 : 0),
    indexed_seq: row?.indexed_seq ?? 0,
    undelivered: update.undelivered ?? row?.undelivered ?? 0,
  };
}

/** What the list shows: the row with the live update over it. At least one of the two is there. */
function summaryOf(row: ThreadRow | undefined, live: ThreadUpdate | undefined): ThreadSummary {
  const shown = live ? merged(row, live) : row;
  if (!shown) throw new AppError("thread_unknown", "There is no such chat.");
  return {
    id: shown.id,
    title: shown.title,
    preview: shown.preview,
    status: shown.status,
    createdAt: shown.created_at,
    updatedAt: shown.updated_at,
    ...(shown.undelivered > 0 && { undelivered: shown.undelivered }),
  };
}

const FORK_REMARK = / \(fork(?: (\d{1,4}))?\)$/;

/** `Plan`, `Plan (fork)`, `Plan (fork 2)`: a remark is counted on, not repeated, and stays whole in a long title. */
function forkTitle(title: string): string {
  const before = FORK_REMARK.exec(title);
  const remark = before ? ` (fork ${Number(before[1] ?? 1) + 1})` : " (fork)";
  const base = before ? title.slice(0, before.index) : title || "Chat";
  return clip(base, limits.titleChars - remark.length).trimEnd() + remark;
}

const fold = (text: string): string => text.normalize("NFC").toLowerCase();

/** At most `chars` UTF-16 units, never half a character. */
const clip = (text: string, chars: number): string => {
  if (text.length <= chars) return text;
  const cut = text.slice(0, chars);
  return /[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut;
};
