/** A conversation's journal on its way: to another conversation as a fork, and in from a file. */
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { ConversationRpc, CopyStep, Principal } from "../../protocol/rpc.ts";
import type { CopyTarget } from "./copy.ts";
import type { Existence } from "./delete.ts";
import { type Sender, senderOf } from "./entries.ts";
import type { ExportLine } from "./export.ts";
import { copyPage, cutOf } from "./fork.ts";
import { JournalReader } from "./import.ts";
import type { Store } from "./store.ts";

/** What an imported journal names as its source. */
const FILE = "file";

export interface TransferOptions {
  /** The conversation's own name. */
  name: string;
  store: Store;
  target: CopyTarget;
  /** Another conversation of the same user. */
  conversation(thread: string): ConversationRpc;
  existence: Existence;
  /** The copy is a conversation now: its user's list of chats has to hear of it. `from` is the thread it came from. */
  announce(from: string | null, by: Sender): Promise<void>;
}

export class Transfer {
  readonly #options: TransferOptions;

  constructor(options: TransferOptions) {
    this.#options = options;
  }

  /**
   * Copies what came before a message (`cutOf`) into another thread, which nobody has used yet. Throws `not_found`,
   * `bad_request`, `thread_exists`; after an error the other thread is as if nothing had happened.
   */
  async fork(by: Principal, into: string, from: string, message?: string): Promise<{ draft?: string }> {
    const { store, name, existence } = this.#options;
    await existence.begin();
    if (store.state.seq === 0) throw new AppError("not_found", "There is nothing in this chat yet.");
    const cut = cutOf(store.journal, store.state, message);
    const target = this.#options.conversation(into);
    try {
      for (let after = 0, more = true; more; ) {
        const rows = copyPage(store.journal, after, cut.seq);
        await target.copy({ type: "page", source: name, after, rows });
        after = rows.at(-1)?.at(-1)?.seq ?? after;
        more = after < cut.seq && rows.length > 0;
      }
      await target.copy({ type: "end", source: name, seq: cut.seq, by: senderOf(by), from });
    } catch (error) {
      await target
        .copy({ type: "abandon", source: name })
        .catch((cause) => console.error("a broken fork is left to expire", cause));
      throw error;
    }
    return cut.draft === undefined ? {} : { draft: cut.draft };
  }

  /** One step of a copy from another conversation into this one. */
  async take(step: CopyStep): Promise<void> {
    const { existence, target, announce } = this.#options;
    await existence.enter();
    switch (step.type) {
      case "page":
        return target.receive(step.source, step.after, step.rows);
      case "end":
        target.finish(step.source, step.seq, step.by);
        return announce(step.from, step.by);
      case "abandon":
        return target.abandon(step.source);
    }
  }

  /**
   * Reads a file into this conversation, which nobody has used yet. Throws `bad_request` with the line that is wrong,
   * `body_too_large`, `thread_exists`; then nothing of it is left.
   */
  async importFile(by: Principal, body: ReadableStream<Uint8Array>): Promise<void> {
    const { target, store, existence, announce } = this.#options;
    await existence.begin();
    if (store.state.seq > 0) {
      throw new AppError("thread_exists", "There is a chat of that name already. Choose another name.");
    }
    let seq = 0;
    try {
      for await (const rows of pagesOf(body)) {
        await target.receive(FILE, seq, rows);
        seq = rows.at(-1)?.at(-1)?.seq ?? seq;
      }
      target.finish(FILE, seq, senderOf(by));
    } catch (error) {
      await existence.destroy().catch((cause) => console.error("a broken import is left to expire", cause));
      throw error;
    }
    await announce(null, senderOf(by));
  }
}

/** The file's entries, checked, in rows and pages of a bounded size. The last page may be empty. */
async function* pagesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ExportLine[][]> {
  const reader = new JournalReader();
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  const pages = new Pages();
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > limits.importBytes) {
      throw new AppError("body_too_large", `A journal to import has at most ${limits.importBytes} bytes.`);
    }
    yield* pages.add(reader.push(decoded(decoder, chunk)));
  }
  yield* pages.add([...reader.push(decoded(decoder)), ...reader.end()]);
  yield pages.rest();
}

function decoded(decoder: TextDecoder, chunk?: Uint8Array): string {
  try {
    return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
  } catch (cause) {
    throw new AppError("bad_request", "The file is not UTF-8 text. Nothing was imported.", { cause });
  }
}

/** Entries gathered to rows, rows to pages. */
class Pages {
  #rows: ExportLine[][] = [];
  #row: ExportLine[] = [];
  #rowChars = 0;
  #pageChars = 0;

  *add(lines: readonly ExportLine[]): Generator<ExportLine[][]> {
    for (const line of lines) {
      const size = line.payload?.length ?? 0;
      if (this.#row.length > 0 && this.#rowChars + size > limits.importRowBytes) this.#endRow();
      this.#row.push(line);
      this.#rowChars += size;
      this.#pageChars += size;
      if (this.#pageChars >= limits.copyPageBytes) yield this.rest();
    }
  }

  rest(): ExportLine[][] {
    this.#endRow();
    const rows = this.#rows;
    this.#rows = [];
    this.#pageChars = 0;
    return rows;
  }

  #endRow(): void {
    if (this.#row.length > 0) this.#rows.push(this.#row);
    this.#row = [];
    this.#rowChars = 0;
  }
}
