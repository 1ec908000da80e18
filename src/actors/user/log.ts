/** The agent's own log as it is asked for, and what an erasure takes out of what is kept here. */
import { z } from "zod";
import type { ChangeLine, LogRpc, ThreadErased } from "../../protocol/log.ts";
import type { Sender } from "../../protocol/rpc.ts";
import { Facet, type FacetHost } from "./facet.ts";
import type { OwnerErasure } from "./owner-erasure.ts";
import type { ThreadList } from "./thread-list.ts";

export interface LogParts {
  threads: ThreadList;
  erasure: OwnerErasure;
  /** The catalog's index of threads has to learn of a change. */
  syncIndex(): void;
}

const copyRecord = z.object({ from: z.string(), thread: z.string() });
const namedFile = z.object({ path: z.string() });

export class Log extends Facet implements LogRpc {
  // Fields of an instance cannot be reached over RPC.
  readonly #parts: LogParts;

  constructor(host: FacetHost, parts: LogParts) {
    super(host);
    this.#parts = parts;
  }

  async record(by: Sender, kind: string, detail: Record<string, unknown>): Promise<void> {
    this.host.answer("log.record", () => this.host.log.commit(by, kind, detail, () => {}));
  }

  async details(seqs: number[]): Promise<Record<number, Record<string, unknown> | null>> {
    return this.host.answer("log.details", () => {
      const found: Record<number, Record<string, unknown> | null> = {};
      for (const seq of seqs) {
        const detail = this.host.log.detail(seq);
        if (detail !== undefined) found[seq] = detail;
      }
      return found;
    });
  }

  async lines(after: number): Promise<ChangeLine[]> {
    return this.host.answer("log.lines", () => this.host.log.lines(after));
  }

  async erased(update: ThreadErased): Promise<{ copies: string[] }> {
    return this.host.answer("log.erased", () => {
      const { threads, syncIndex } = this.#parts;
      const paths = new Set(update.files);
      this.host.storage.transactionSync(() => {
        const summary = threads.erased(update);
        if (summary) this.host.tell({ type: "thread", thread: summary });
        this.host.log.erase(FILE_KINDS, (detail) => paths.has(namedFile.safeParse(detail).data?.path ?? ""));
      });
      syncIndex();
      return { copies: this.#copiesOf(update.thread) };
    });
  }

  async eraseOwner(by: Sender): Promise<void> {
    await this.#parts.erasure.erase(by);
  }

  /** Chats that were copied from one, or from a copy of it, as far as it is known. */
  #copiesOf(thread: string): string[] {
    const made = [...this.host.log.of("thread-copied")].flatMap(
      (detail) => copyRecord.safeParse(detail).data ?? [],
    );
    const found = new Set<string>([thread]);
    for (let size = 0; size < found.size; ) {
      size = found.size;
      for (const copy of made) if (found.has(copy.from)) found.add(copy.thread);
    }
    found.delete(thread);
    return [...found];
  }
}

/** Records that name a file. */
const FILE_KINDS = ["file-write", "file-delete", "file-restore"];
