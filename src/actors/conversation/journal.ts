/**
 * The journal's storage. A row is a commit: heads of its entries in one column, their payloads and salts in another.
 * Everything here is synchronous: `append` is called inside one `transactionSync`.
 */
import { AppError } from "../../errors.ts";
import { entryHash, GENESIS, payloadHash } from "./chain.ts";
import { ENTRY_VERSION, type Entry, isProgress } from "./entries.ts";
import { type ExportLine, parseEntry } from "./export.ts";
import { emptyState, reduce, type State } from "./state.ts";

/** `[seq, kind, version, hash, payload hash]`. Heads outlive an erased payload, and the chain verifies from them. */
export type Head = [seq: number, kind: string, version: number, hash: string, payload: string];
/** `[salt, payload]`, or null once erased. */
type Body = [salt: string, payload: string] | null;

interface Row extends Record<string, SqlStorageValue> {
  heads: string;
  bodies: string;
}

export interface Loaded {
  state: State;
  /** Hash of the newest entry. */
  head: string;
  /** Set when a row could not be read: the conversation opens read-only up to it. */
  poison: { seq: number; reason: string } | null;
}

/** A commit that would not fit into a row. Rows end at 2 MB; the margin is for heads and for growth by escapes. */
const ROW_BYTES = 1_900_000;

/** Rows that an export reads at once: the object answers others in between. */
const PAGE_ROWS = 100;

export class Journal {
  readonly #sql: SqlStorage;
  readonly #salt: () => string;
  #head = GENESIS;

  constructor(sql: SqlStorage, salt: () => string) {
    this.#sql = sql;
    this.#salt = salt;
  }

  /** Folds the whole journal. */
  load(): Loaded {
    let state = emptyState;
    let poison: Loaded["poison"] = null;
    this.#head = GENESIS;
    for (const row of this.#sql.exec<Row>("SELECT heads, bodies FROM journal ORDER BY seq")) {
      try {
        for (const line of linesOf(row)) {
          state = reduce(state, parseEntry(line));
          this.#head = line.hash;
        }
      } catch (error) {
        poison = { seq: state.seq + 1, reason: String(error) };
        break;
      }
    }
    return { state, head: this.#head, poison };
  }

  /** Writes the entries of one commit as one row. The caller reduces them after the transaction. */
  append(entries: readonly Entry[], seq: number): { commit: () => void } {
    let head = this.#head;
    const heads: Head[] = [];
    const bodies: Body[] = [];
    entries.forEach((entry, i) => {
      const { kind, ...rest } = entry;
      const salt = this.#salt();
      const payload = JSON.stringify(rest);
      const inner = payloadHash(salt, payload);
      head = entryHash(head, seq + i + 1, kind, ENTRY_VERSION[kind], inner);
      heads.push([seq + i + 1, kind, ENTRY_VERSION[kind], head, inner]);
      bodies.push([salt, payload]);
    });
    const text = JSON.stringify(bodies);
    if (text.length > ROW_BYTES / 3 && new TextEncoder().encode(text).length > ROW_BYTES) {
      throw new AppError(
        "message_too_large",
        "That is too large to keep in one piece. Put it in a file and refer to it.",
      );
    }
    this.#sql.exec(
      "INSERT INTO journal (seq, progress, heads, bodies) VALUES (?, ?, ?, ?)",
      seq + 1,
      entries.some(isProgress) ? 1 : 0,
      JSON.stringify(heads),
      text,
    );
    return {
      commit: () => {
        this.#head = head;
      },
    };
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
    const rows = this.#sql.exec<Row>(
      "SELECT heads, bodies FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
      after,
      until,
      PAGE_ROWS,
    );
    return rows.toArray().flatMap(linesOf);
  }
}

function linesOf(row: Row): ExportLine[] {
  const heads = JSON.parse(row.heads) as Head[]; // written by `append`
  const bodies = JSON.parse(row.bodies) as Body[];
  return heads.map(([seq, kind, v, hash, inner], i): ExportLine => {
    const [salt, payload] = bodies[i] ?? [null, null];
    return { seq, kind, v, hash, inner, salt, payload };
  });
}
