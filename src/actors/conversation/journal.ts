/**
 * The journal's storage. A row is a commit: heads of its entries in one column, their payloads and salts in another.
 * What does not fit is spread: a long payload over rows of its own, a commit of many entries over several rows, all
 * in the same transaction. Everything here is synchronous: `append` is called inside one `transactionSync`.
 */
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { entryHash, GENESIS, payloadHash } from "../chain.ts";
import { bytesOf, joined, slices, textOf } from "./bytes.ts";
import { ENTRY_VERSION, type Entry, isProgress, isProgressKind } from "./entries.ts";
import { type ExportLine, parseEntry } from "./export.ts";
import { emptyState, reduce, type State } from "./state.ts";

/** `[seq, kind, version, hash, payload hash]`. Heads outlive an erased payload, and the chain verifies from them. */
export type Head = [seq: number, kind: string, version: number, hash: string, payload: string];
/**
 * `[salt, payload]`, or `[salt, "", parts]` where the payload is in `journal_parts`. Once erased `[null, left]`, with what
 * stands in for it, or null.
 */
type Body = [salt: string, payload: string, parts?: number] | [salt: null, left: string] | null;

interface Row extends Record<string, SqlStorageValue> {
  seq: number;
  heads: string;
  bodies: string;
}

/** A state and the hash of the newest entry that is folded into it. */
export interface Folded {
  state: State;
  head: string;
}

export interface Loaded extends Folded {
  /** Bytes of the entries that were folded. */
  bytes: number;
  /** Set when a row could not be read: the conversation opens read-only up to it. */
  poison: { seq: number; reason: string } | null;
}

/** Rows that a fold reads before it offers its state to be kept, and that an export reads at once. */
const PAGE_ROWS = 100;

export class Journal {
  readonly #sql: SqlStorage;
  readonly #salt: () => string;
  #head = GENESIS;

  constructor(sql: SqlStorage, salt: () => string) {
    this.#sql = sql;
    this.#salt = salt;
  }

  /** Hash of the newest entry. */
  get head(): string {
    return this.#head;
  }

  /** Whether the journal's rows end somewhere with this entry. */
  has(seq: number, hash: string): boolean {
    const row = this.#sql
      .exec<{ heads: string }>("SELECT heads FROM journal WHERE seq <= ? ORDER BY seq DESC LIMIT 1", seq)
      .toArray()[0];
    const last = row ? (JSON.parse(row.heads) as Head[]).at(-1) : undefined; // written by `append`
    return last?.[0] === seq && last[3] === hash;
  }

  /**
   * Folds the journal, behind `from` if that is given. `keep` is called now and then with what was folded so far and the
   * bytes of it since it last returned a state; the fold goes on with the state that it returns.
   */
  load(
    from: Folded = { state: emptyState, head: GENESIS },
    keep: (folded: Folded, bytes: number) => State | null = () => null,
  ): Loaded {
    let { state, head } = from;
    let poison: Loaded["poison"] = null;
    let bytes = 0;
    for (let more = true; more && !poison; ) {
      const pageFrom = state.seq;
      for (const row of this.#rows(pageFrom, Number.MAX_SAFE_INTEGER)) {
        try {
          for (const line of this.#linesOf(row)) {
            state = reduce(state, parseEntry(line));
            head = line.hash;
            bytes += line.payload?.length ?? 0;
          }
        } catch (error) {
          poison = { seq: state.seq + 1, reason: String(error) };
          break;
        }
        if (bytes >= limits.checkpointBytes) break;
      }
      more = state.seq > pageFrom;
      const kept = more ? keep({ state, head }, bytes) : null;
      if (kept) {
        state = kept;
        bytes = 0;
      }
    }
    this.#head = head;
    return { state, head, bytes, poison };
  }

  /**
   * Writes the entries of one commit. The caller reduces them after the transaction and then calls `commit`. Returns
   * their size besides. Throws `message_too_large` for an input that is more than one may be.
   */
  append(entries: readonly Entry[], seq: number): { bytes: number; commit: () => void } {
    let head = this.#head;
    let bytes = 0;
    let row = new PendingRow(seq + 1);
    for (const [i, entry] of entries.entries()) {
      const number = seq + i + 1;
      const { kind, ...rest } = entry;
      const salt = this.#salt();
      const payload = JSON.stringify(rest);
      if (kind === "input" && sizeOf(payload) > limits.inputBytes) {
        throw new AppError(
          "message_too_large",
          "That is too much at once. Send fewer messages, or put long texts into files and refer to them.",
        );
      }
      bytes += payload.length;
      const inner = payloadHash(salt, payload);
      head = entryHash(head, number, kind, ENTRY_VERSION[kind], inner);
      const body = this.#bodyOf(number, salt, payload);
      if (!row.takes(body)) {
        this.#insert(row);
        row = new PendingRow(number);
      }
      row.add([number, kind, ENTRY_VERSION[kind], head, inner], body, isProgress(entry));
    }
    this.#insert(row);
    return {
      bytes,
      commit: () => {
        this.#head = head;
      },
    };
  }

  /** What the row holds of a payload: all of it, or how many rows of its own it takes. Writes those. */
  #bodyOf(seq: number, salt: string, payload: string): Body {
    if (sizeOf(payload) <= limits.payloadBytes) return [salt, payload];
    const parts = slices(bytesOf(payload));
    for (const [part, body] of parts.entries()) {
      this.#sql.exec("INSERT INTO journal_parts (seq, part, body) VALUES (?, ?, ?)", seq, part, body);
    }
    return [salt, "", parts.length];
  }

  #insert(row: PendingRow): void {
    this.#sql.exec(
      "INSERT INTO journal (seq, progress, heads, bodies) VALUES (?, ?, ?, ?)",
      row.seq,
      row.progress ? 1 : 0,
      `[${row.heads.join(",")}]`,
      `[${row.bodies.join(",")}]`,
    );
  }

  /** First entry of the newest commit that moved a turn forward; 0 for none. Reads a few rows from the end. */
  lastProgress(): number {
    const row = this.#sql
      .exec<{ seq: number }>("SELECT seq FROM journal WHERE progress = 1 ORDER BY seq DESC LIMIT 1")
      .toArray()[0];
    return row?.seq ?? 0;
  }

  /** The next entries behind `after` and up to `until`, as a file holds them. Empty when there are no more. */
  page(after: number, until: number): ExportLine[] {
    const lines: ExportLine[] = [];
    let bytes = 0;
    for (const row of this.#rows(after, until)) {
      for (const line of this.#linesOf(row)) {
        lines.push(line);
        bytes += line.payload?.length ?? 0;
      }
      // The object answers others between two pages, and holds no more than one of them.
      if (bytes >= limits.checkpointBytes) break;
    }
    return lines;
  }

  /** The same row by row, at most a hundred: entries that one row holds together. For copies, which keep the rows. */
  *rows(after: number, until: number): Generator<ExportLine[]> {
    for (const row of this.#rows(after, until)) yield this.#linesOf(row).filter((line) => line.seq <= until);
  }

  /**
   * Writes entries of another journal as one row, or as several if they do not fit, with the salts and hashes that they
   * have. Nothing is checked here.
   */
  insert(lines: readonly ExportLine[]): void {
    let row = new PendingRow(lines[0]?.seq ?? 0);
    for (const { seq, kind, v, hash, inner, salt, payload, left } of lines) {
      let body: Body = left === undefined ? null : [null, left];
      if (salt !== null) body = this.#bodyOf(seq, salt, payload ?? "");
      if (!row.takes(body)) {
        this.#insert(row);
        row = new PendingRow(seq);
      }
      row.add([seq, kind, v, hash, inner], body, isProgressKind(kind));
    }
    this.#insert(row);
  }

  /** The entries with these numbers, as far as they exist. */
  at(seqs: readonly number[]): Record<number, ExportLine> {
    const found: Record<number, ExportLine> = {};
    for (const seq of seqs) {
      const row = this.#sql
        .exec<Row>("SELECT seq, heads, bodies FROM journal WHERE seq <= ? ORDER BY seq DESC LIMIT 1", seq)
        .toArray()[0];
      const line = row && this.#linesOf(row).find((one) => one.seq === seq);
      if (line) found[seq] = line;
    }
    return found;
  }

  /** Every line up to `until`, one row after the other. */
  *lines(until: number, after = 0): Generator<ExportLine> {
    for (let last = after; last < until; ) {
      const from = last;
      for (const row of this.rows(last, until)) {
        yield* row;
        last = row.at(-1)?.seq ?? last;
      }
      if (last === from) return;
    }
  }

  /**
   * Takes payloads and salts away for good and puts what is left in their place. What stood there is written over before
   * it is let go: a freed place in the database keeps its bytes until it is used again. Within a transaction.
   */
  erase(lefts: ReadonlyMap<number, string>): void {
    const sql = this.#sql;
    const done = new Set<number>();
    for (const seq of lefts.keys()) {
      if (done.has(seq)) continue;
      const row = sql
        .exec<Row>("SELECT seq, heads, bodies FROM journal WHERE seq <= ? ORDER BY seq DESC LIMIT 1", seq)
        .one();
      const heads = JSON.parse(row.heads) as Head[]; // written by `append`
      const bodies = JSON.parse(row.bodies) as Body[];
      const after = heads.map(([number], i): Body => {
        const left = lefts.get(number);
        if (left === undefined) return bodies[i] ?? null;
        done.add(number);
        sql.exec("UPDATE journal_parts SET body = zeroblob(length(body)) WHERE seq = ?", number);
        sql.exec("DELETE FROM journal_parts WHERE seq = ?", number);
        return [null, left];
      });
      sql.exec("UPDATE journal SET bodies = zeroblob(length(CAST(bodies AS BLOB))) WHERE seq = ?", row.seq);
      sql.exec("UPDATE journal SET bodies = ? WHERE seq = ?", JSON.stringify(after), row.seq);
    }
  }

  #rows(after: number, until: number): Iterable<Row> {
    return this.#sql.exec<Row>(
      "SELECT seq, heads, bodies FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
      after,
      until,
      PAGE_ROWS,
    );
  }

  #linesOf(row: Row): ExportLine[] {
    const heads = JSON.parse(row.heads) as Head[]; // written by `append`
    const bodies = JSON.parse(row.bodies) as Body[];
    return heads.map(([seq, kind, v, hash, inner], i): ExportLine => {
      const body = bodies[i] ?? null;
      const head = { seq, kind, v, hash, inner };
      if (body === null) return { ...head, salt: null, payload: null };
      const [salt, text, parts] = body;
      if (salt === null) return { ...head, salt, payload: null, left: text };
      const payload = parts === undefined ? text : this.#readParts(seq, parts);
      return { ...head, salt, payload };
    });
  }

  #readParts(seq: number, parts: number): string {
    const rows = this.#sql
      .exec<{ body: ArrayBuffer }>("SELECT body FROM journal_parts WHERE seq = ? ORDER BY part", seq)
      .toArray();
    if (rows.length !== parts) throw new Error(`Entry ${seq} has ${rows.length} of its ${parts} parts.`);
    return textOf(joined(rows.map((row) => row.body)));
  }
}

/** A row of the journal while it fills. */
class PendingRow {
  readonly seq: number;
  readonly heads: string[] = [];
  readonly bodies: string[] = [];
  progress = false;
  #bytes = 0;

  constructor(seq: number) {
    this.seq = seq;
  }

  /** Whether there is room for a body; a row without entries takes any. */
  takes(body: Body): boolean {
    return this.bodies.length === 0 || this.#bytes + sizeOf(JSON.stringify(body)) <= limits.rowBytes;
  }

  add(head: Head, body: Body, progress: boolean): void {
    const headText = JSON.stringify(head);
    const bodyText = JSON.stringify(body);
    this.heads.push(headText);
    this.bodies.push(bodyText);
    this.#bytes += headText.length + sizeOf(bodyText);
    this.progress ||= progress;
  }
}

/** Bytes of a text in UTF-8. Of short ones the most that they can be: no UTF-16 unit takes more than three. */
function sizeOf(text: string): number {
  const most = text.length * 3;
  return most <= limits.payloadBytes ? most : bytesOf(text).length;
}
