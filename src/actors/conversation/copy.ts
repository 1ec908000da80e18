/**
 * A journal that is copied into a conversation that nobody has used yet: by a fork, from another actor, or by an
 * import, from a file. Pages are written as they come, and nothing of them can be seen before the commit that ends the
 * copy. A copy that nobody goes on with is taken away.
 */
import { LifecycleCapability, type LifecycleJobOutcome } from "agents/lifecycle";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { entryHash, GENESIS } from "../chain.ts";
import type { EraseEntry, ForkEntry } from "./entries.ts";
import type { ExportLine } from "./export.ts";
import { standInHash } from "./stand-in.ts";
import type { Store } from "./store.ts";

const JOB = "copy";

export interface CopyOptions {
  storage: DurableObjectStorage;
  store: Store;
  now(): number;
  /** Deletes everything that the object holds. */
  destroy(): Promise<void>;
}

interface Progress extends Record<string, SqlStorageValue> {
  source: string;
  seq: number;
  hash: string;
}

export class CopyTarget extends LifecycleCapability {
  readonly #options: CopyOptions;
  #touchedAt = 0;
  /** What the row says; undefined until it was read. */
  #known: Progress | null | undefined;

  constructor(options: CopyOptions) {
    super("copy");
    this.#options = options;
  }

  /** A copy has begun and has not ended: nothing of this conversation may be read or written. */
  get pending(): boolean {
    return this.#progress !== null;
  }

  /**
   * Takes the entries behind `after`, in rows. The first page begins the copy; one that was taken before changes
   * nothing. Throws `thread_exists` when the conversation is in use, and `storage_failed` when the page does not fit.
   */
  async receive(source: string, after: number, rows: readonly (readonly ExportLine[])[]): Promise<void> {
    this.#touchedAt = this.#options.now();
    const known = this.#progress;
    if (known ? known.source !== source : this.#options.store.state.seq > 0) {
      throw new AppError("thread_exists", "There is a chat of that name already. Choose another name.");
    }
    if (known && after < known.seq) return;
    const head = chainedHead(rows, after, known ?? { seq: 0, hash: GENESIS });
    this.#options.storage.transactionSync(() => {
      for (const row of rows) this.#options.store.journal.insert(row);
      this.#options.storage.sql.exec(
        `INSERT INTO copies (id, source, started_at, seq, hash) VALUES (1, ?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash`,
        source,
        this.#touchedAt,
        head.seq,
        head.hash,
      );
    });
    this.#known = { source, ...head };
    if (known) return;
    const time = this.#touchedAt + limits.copyAbandonedMs;
    await this.lifecycle.jobs.push({ id: JOB, fn: "abandoned", time });
  }

  /**
   * Makes the copy a conversation: one commit, before which there is nothing and after which it is all there. Throws
   * `storage_failed` when not exactly `seq` entries are here.
   */
  finish(source: string, seq: number, by: ForkEntry["by"]): void {
    const known = this.#progress;
    if (known?.source !== source || known.seq !== seq) {
      throw new AppError("storage_failed", "The copy is not whole. Copy the chat once more.");
    }
    const { storage, store, now } = this.#options;
    store.rebuild();
    storage.transactionSync(() => {
      storage.sql.exec("DELETE FROM copies");
      store.commit([{ kind: "fork", at: now(), from: source, seq, by }, ...this.#erased(by)]);
    });
    this.#known = null;
    // Should it fail, the job fires and finds nothing: nobody has to wait for it.
    this.lifecycle.jobs
      .cancel(JOB)
      .catch((error) => console.error("the end of a copy could not be unscheduled", error));
  }

  /** A copy may end before the entry that erased something in it: then it says so itself. */
  #erased(by: ForkEntry["by"]): EraseEntry[] {
    const { store, now } = this.#options;
    const lines = [...store.journal.lines(store.state.seq)].filter((line) => line.payload === null);
    if (lines.length === 0) return [];
    const entries = lines.map((line) => line.seq);
    return [
      {
        kind: "erase",
        at: now(),
        entries,
        hashes: lines.map((line) => standInHash(line.kind, line.left)),
        by,
      },
    ];
  }

  /** Takes away what was copied from there so far. */
  async abandon(source: string): Promise<void> {
    if (this.#progress?.source === source) await this.#options.destroy();
  }

  async onJob(): Promise<LifecycleJobOutcome> {
    if (!this.pending) return;
    const until = this.#touchedAt + limits.copyAbandonedMs;
    if (until > this.#options.now()) return { rescheduleAt: until };
    await this.#options.destroy();
  }

  onJobError(): LifecycleJobOutcome {
    return { rescheduleAt: this.#options.now() + limits.copyAbandonedMs };
  }

  get #progress(): Progress | null {
    if (this.#known === undefined) {
      const { sql } = this.#options.storage;
      this.#known = sql.exec<Progress>("SELECT source, seq, hash FROM copies").toArray()[0] ?? null;
    }
    return this.#known;
  }
}

/** Where the chain stands behind these rows. Throws `storage_failed` when they do not continue it. */
function chainedHead(
  rows: readonly (readonly ExportLine[])[],
  after: number,
  from: { seq: number; hash: string },
): { seq: number; hash: string } {
  let { seq, hash } = from;
  for (const { seq: number, kind, v, inner, hash: written } of rows.flat()) {
    const computed = entryHash(hash, seq + 1, kind, v, inner);
    if (after !== from.seq || number !== seq + 1 || computed !== written) {
      throw new AppError(
        "storage_failed",
        `The journal does not go on behind entry ${seq}: it is damaged there, or a page was lost.`,
      );
    }
    seq = number;
    hash = written;
  }
  return { seq, hash };
}
