/**
 * Full-text search over a user's chats: a mirror of each thread's transcript, fed by the conversations. They send what
 * is missing; how far a thread has come is asked of the mirror itself, so that a crash on either side only delays it.
 */
import { z } from "zod";
import { limits } from "../../limits.ts";
import { threadOf } from "../../names.ts";
import type { SearchHit, SearchMessage, SearchPage, SearchPlace, SearchUpdate } from "../../protocol/rpc.ts";
import {
  find,
  indexText,
  matchExpression,
  snippetOf,
  threadExpression,
  threadTerm,
  type Wanted,
  wantedOf,
} from "./search-terms.ts";

const messageList = z.array(
  z.object({ id: z.string(), role: z.enum(["user", "assistant"]), at: z.number(), text: z.string() }),
);
const exchangeRow = z.object({ id: z.number(), thread: z.string(), start: z.number(), messages: z.string() });
const titleRow = z.object({ id: z.string(), title: z.string() });

interface Exchange {
  id: number;
  thread: string;
  /** Position of its first message in the transcript. */
  start: number;
  messages: SearchMessage[];
}

/** Ids are `milliseconds × this + n`: exchanges of one millisecond get the next free one. Safe until the year 37,000. */
const IDS_PER_MS = 8;
/** Clocks of imported chats are not ours: what they say is bounded so that an id stays a safe integer. */
const LATEST_MS = 1e15;

const NOTHING: SearchPlace = { count: 0, last: "" };

export class Search {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  /**
   * Takes what a conversation sends, in one transaction. The first of `places` that the mirror has too is where both
   * agree: what the mirror has behind it is gone from the transcript and is removed, and where that is the first place
   * the exchanges are appended. Says how far the mirror is now, and whether any place was known; if none was, nothing
   * changed. Sending the same again changes nothing. Throws `thread_invalid`.
   */
  take(update: SearchUpdate): SearchPlace & { matched: boolean } {
    const thread = threadOf(update.thread);
    return this.#storage.transactionSync(() => {
      const match = this.#agreed(thread, update.places);
      if (match === null) return { ...this.#place(thread), matched: false };
      this.#cut(thread, match.count);
      let start = match.count;
      if (start === update.places[0]?.count) {
        for (const messages of update.exchanges) {
          if (messages.length === 0) continue;
          this.#append(thread, start, messages);
          start += messages.length;
        }
      }
      return { ...this.#place(thread), matched: true };
    });
  }

  /**
   * Removes everything of a thread, and the words of it that the index still holds for what was removed before: the
   * index is written anew without them. Costs what the index weighs; for deleting for good. Throws `thread_invalid`.
   */
  forget(thread: string): void {
    const known = threadOf(thread);
    this.#storage.transactionSync(() => {
      this.#cut(known, 0);
      this.#sql.exec("INSERT INTO search_index (search_index) VALUES ('optimize')");
    });
  }

  /** Exchanges that hold all that is asked for, newest first; in one thread or all. Throws `thread_invalid`. */
  search(query: { text: string; thread?: string; limit?: number; before?: number }): SearchPage {
    const wanted = wantedOf(query.text.slice(0, limits.searchQueryChars));
    if (wanted.length === 0) return { hits: [] };
    const limit = Math.max(1, Math.min(query.limit ?? limits.searchHits, limits.searchHits));
    const thread = query.thread === undefined ? undefined : threadOf(query.thread);
    // One more than asked for says whether there is a next page.
    const found = this.#sql
      .exec(
        `SELECT e.* FROM search_index JOIN search_exchanges e ON e.id = search_index.rowid
          WHERE search_index MATCH ? AND search_index.rowid < ? ORDER BY search_index.rowid DESC LIMIT ?`,
        matchExpression(wanted, thread),
        query.before ?? Number.MAX_SAFE_INTEGER,
        limit + 1,
      )
      .toArray()
      .map(exchangeOf);
    const shown = found.slice(0, limit);
    const titles = this.#titles(shown.map((exchange) => exchange.thread));
    const hits = shown.flatMap((exchange) => hitOf(exchange, wanted, titles.get(exchange.thread) ?? ""));
    const last = shown.at(-1);
    return found.length > limit && last ? { hits, next: String(last.id) } : { hits };
  }

  /** The first of the places that the mirror has too. An empty place agrees with everything. */
  #agreed(thread: string, places: readonly SearchPlace[]): SearchPlace | null {
    const exchanges = this.#newestFirst(thread);
    let exchange = exchanges.next().value;
    // Both are newest first, so each exchange is looked at once.
    for (const place of places) {
      if (place.count === 0) return place;
      while (exchange && exchange.start >= place.count) exchange = exchanges.next().value;
      if (exchange?.messages[place.count - 1 - exchange.start]?.id === place.last) return place;
    }
    return null;
  }

  #place(thread: string): SearchPlace {
    const newest = this.#newestFirst(thread).next().value;
    const last = newest?.messages.at(-1);
    return newest && last ? { count: newest.start + newest.messages.length, last: last.id } : NOTHING;
  }

  /** Removes the messages from position `count` on. */
  #cut(thread: string, count: number): void {
    const gone: number[] = [];
    let split: Exchange | null = null;
    for (const exchange of this.#newestFirst(thread)) {
      if (exchange.start + exchange.messages.length <= count) break;
      gone.push(exchange.id);
      if (exchange.start < count) split = exchange;
    }
    if (gone.length === 0) return;
    const ids = JSON.stringify(gone);
    this.#sql.exec("DELETE FROM search_index WHERE rowid IN (SELECT value FROM json_each(?))", ids);
    this.#sql.exec("DELETE FROM search_exchanges WHERE id IN (SELECT value FROM json_each(?))", ids);
    // An answer that is made again leaves its question.
    if (split) this.#write({ ...split, messages: split.messages.slice(0, count - split.start) });
  }

  #append(thread: string, start: number, messages: SearchMessage[]): void {
    const newest = this.#newestFirst(thread).next().value;
    const at = Math.min(Math.max(messages.at(-1)?.at ?? 0, 0), LATEST_MS);
    // Within a thread ids follow the transcript, whatever its clocks said.
    let id = Math.max(Math.floor(at) * IDS_PER_MS, (newest?.id ?? -1) + 1);
    while (this.#sql.exec("SELECT 1 FROM search_exchanges WHERE id = ?", id).toArray().length > 0) id++;
    this.#write({ id, thread, start, messages });
  }

  #write({ id, thread, start, messages }: Exchange): void {
    this.#sql.exec(
      "INSERT INTO search_exchanges (id, thread, start, messages) VALUES (?, ?, ?, ?)",
      id,
      thread,
      start,
      JSON.stringify(messages),
    );
    this.#sql.exec(
      "INSERT INTO search_index (rowid, terms, thread) VALUES (?, ?, ?)",
      id,
      indexText(messages.map(({ text }) => text)),
      threadTerm(thread),
    );
  }

  /** A thread's exchanges, read as they are asked for. Nothing may be written before the last that is wanted was read. */
  *#newestFirst(thread: string): Generator<Exchange, undefined> {
    const rows = this.#sql.exec(
      `SELECT e.* FROM search_index JOIN search_exchanges e ON e.id = search_index.rowid
        WHERE search_index MATCH ? ORDER BY search_index.rowid DESC`,
      threadExpression(thread),
    );
    for (const row of rows) yield exchangeOf(row);
    return undefined;
  }

  #titles(threads: readonly string[]): ReadonlyMap<string, string> {
    const rows = this.#sql
      .exec(
        "SELECT id, title FROM threads WHERE id IN (SELECT value FROM json_each(?))",
        JSON.stringify(threads),
      )
      .toArray();
    return new Map(rows.map((row) => titleRow.parse(row)).map(({ id, title }) => [id, title]));
  }
}

function exchangeOf(row: unknown): Exchange {
  const { messages, ...rest } = exchangeRow.parse(row);
  return { ...rest, messages: messageList.parse(JSON.parse(messages)) };
}

/** The message of an exchange that holds the most of what was looked for. */
function hitOf({ thread, messages }: Exchange, wanted: readonly Wanted[], title: string): SearchHit[] {
  const found = messages.map((message) => ({ message, ...find(message.text, wanted) }));
  const [best] = found.toSorted((a, b) => b.kinds - a.kinds);
  if (!best) return [];
  const { id, role, at, text } = best.message;
  return [{ thread, title, message: id, role, at, snippet: snippetOf(text, best.ranges) }];
}
