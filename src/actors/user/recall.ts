/**
 * Money that lies with chats at rest is asked back before another chat is refused. Whoever holds most is asked first;
 * after every wait the books decide anew, because anything may have happened meanwhile. Nothing is awaited that could
 * await this: a chat answers from its own memory. Clock and network are handed in.
 */
import { limits } from "../../limits.ts";
import type { LeaseAnswer, LeaseRequest, PurseStatement } from "../../protocol/rpc.ts";
import { type Holder, isLess } from "./purse-ledger.ts";

/** The user's purse, as far as leases go. */
export interface Books {
  /** `whole`: nothing is written unless all that is asked for is granted. */
  lease(request: LeaseRequest, whole: boolean): LeaseAnswer;
  missing(request: LeaseRequest): { micros: number; tokens: number };
  holders(day: string, except: string): Holder[];
  tell(thread: string, statement: PurseStatement): void;
  bury(thread: string, day: string): void;
}

export interface RecallOptions {
  books: Books;
  /** Asks a chat to give back what it holds; null when there is no such chat any more. `lease`: its newest grant. */
  ask(thread: string, lease: number): Promise<PurseStatement | null>;
  now(): number;
  after(ms: number, run: () => void): () => void;
  failed(thread: string, error: unknown): void;
}

/** First the fewest that may hold enough; then, as some of them may be in the middle of a call, all others. */
const WAVES = 2;

export class Recall {
  readonly #options: RecallOptions;
  /** Who is just being asked. Others who want the same wait for the same answer. */
  readonly #running = new Map<string, Promise<void>>();
  /** When a chat was asked, and how it stood then. */
  readonly #asked = new Map<string, { at: number; mark: string }>();

  constructor(options: RecallOptions) {
    this.#options = options;
  }

  /** Grants what is asked for; less than that, or nothing, only after the chats at rest were asked. */
  async lease(request: LeaseRequest): Promise<LeaseAnswer> {
    const { books } = this.#options;
    const done = new Set<string>();
    for (let wave = 1; wave <= WAVES; wave++) {
      const answer = books.lease(request, true);
      if (!isLess(answer)) return answer;
      const holders = this.#next(request, done, wave === WAVES);
      if (holders.length === 0) break;
      for (const { thread } of holders) done.add(thread);
      await Promise.all(holders.map((holder) => this.#ask(holder, request.day)));
    }
    return books.lease(request, false);
  }

  /** Before a chat is deleted: what it holds is free again. Never rejects. */
  async settle(thread: string, day: string): Promise<void> {
    const holder = this.#options.books.holders(day, "").find((one) => one.thread === thread);
    if (holder) await this.#ask(holder, day);
  }

  #next(request: LeaseRequest, done: ReadonlySet<string>, all: boolean): Holder[] {
    const { books } = this.#options;
    const missing = books.missing(request);
    const share = ({ micros, tokens }: Holder): number =>
      (missing.micros > 0 ? micros / missing.micros : 0) + (missing.tokens > 0 ? tokens / missing.tokens : 0);
    const holders = books
      .holders(request.day, request.thread)
      .filter((holder) => !done.has(holder.thread) && share(holder) > 0 && !this.#isKnown(holder))
      .sort((a, b) => share(b) - share(a))
      .slice(0, limits.recallChats - done.size);
    if (all) return holders;
    let micros = 0;
    let tokens = 0;
    return holders.filter((holder) => {
      const enough = micros >= missing.micros && tokens >= missing.tokens;
      micros += holder.micros;
      tokens += holder.tokens;
      return !enough;
    });
  }

  /** It was asked a moment ago and has done nothing since. */
  #isKnown({ thread, mark }: Holder): boolean {
    const asked = this.#asked.get(thread);
    return asked?.mark === mark && this.#options.now() - asked.at < limits.recallAgainMs;
  }

  /** Never rejects: who does not answer keeps what it has. */
  #ask(holder: Holder, day: string): Promise<void> {
    const { thread } = holder;
    const running = this.#running.get(thread);
    if (running) return running;
    const asking = this.#within(this.#recall(holder, day)).then(() => {
      this.#running.delete(thread);
      this.#remember(thread, day);
    });
    this.#running.set(thread, asking);
    return asking;
  }

  /** An answer that comes late is booked all the same. */
  async #recall({ thread, lease }: Holder, day: string): Promise<void> {
    const { ask, books, failed } = this.#options;
    try {
      const statement = await ask(thread, lease);
      if (statement) books.tell(thread, statement);
      else books.bury(thread, day);
    } catch (error) {
      failed(thread, error);
    }
  }

  #within(work: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.after(limits.recallWithinMs, resolve);
      void work.then(() => {
        cancel();
        resolve();
      });
    });
  }

  #remember(thread: string, day: string): void {
    const { books, now } = this.#options;
    const at = now();
    for (const [other, asked] of this.#asked)
      if (at - asked.at >= limits.recallAgainMs) this.#asked.delete(other);
    // One that gave everything back is not among them, and need not be remembered.
    const holder = books.holders(day, "").find((one) => one.thread === thread);
    if (holder) this.#asked.set(thread, { at, mark: holder.mark });
  }
}
