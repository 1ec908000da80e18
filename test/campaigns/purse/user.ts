/** The user actor of a story: the real ledger and the real recall over books in memory, and a process that can die. */
import type { Amount } from "../../../src/actors/conversation/purse.ts";
import { type Account, type Accounts, Ledger } from "../../../src/actors/user/purse-ledger.ts";
import { Recall } from "../../../src/actors/user/recall.ts";
import { limits } from "../../../src/limits.ts";
import { dayOf } from "../../../src/model/prices.ts";
import type { LeaseAnswer, LeaseRequest, PurseStatement } from "../../../src/protocol/rpc.ts";
import type { Spending } from "../../../src/spending.ts";
import type { SimConversation } from "./conversation.ts";
import type { Network } from "./network.ts";

/** What a story runs against: the ledger, or one that a test has broken. */
export type LedgerMaker = (
  accounts: Accounts,
) => Pick<Ledger, "lease" | "tell" | "totals" | "missing" | "holders" | "bury">;

class MemoryAccounts implements Accounts {
  readonly #rows = new Map<string, Account>();
  get(day: string, thread: string): Account | null {
    return this.#rows.get(`${day} ${thread}`) ?? null;
  }
  of(day: string): Account[] {
    return [...this.#rows.values()].filter((row) => row.day === day);
  }
  put(account: Account): void {
    this.#rows.set(`${account.day} ${account.thread}`, account);
  }
}

export interface UserWorld {
  network: Network;
  spending: Spending;
  conversations: readonly SimConversation[];
  now(): number;
  /** An answer that is wrong. */
  wrong(what: string): void;
}

export class SimUser {
  readonly accounts = new MemoryAccounts();
  readonly ledger: ReturnType<LedgerMaker>;
  readonly #world: UserWorld;
  granted = 0;
  refused = 0;
  recalls = 0;
  /** Refusals and short grants of which it could be told that no chat at rest held enough. */
  judged = 0;
  /** Grows with everything after which a refusal may be right although a chat at rest holds money. */
  #moves = 0;
  #disturbedAt = Number.NEGATIVE_INFINITY;
  #life = 0;
  #recall: Recall;
  #timers: { at: number; run: () => void }[] = [];
  /** Requests that are being answered: they break off when the process dies. */
  #serving = new Set<() => void>();
  readonly #deleting = new Set<SimConversation>();

  constructor(world: UserWorld, make: LedgerMaker = (accounts) => new Ledger(accounts)) {
    this.#world = world;
    this.ledger = make(this.accounts);
    this.#recall = this.#newRecall();
  }

  /** A conversation's request arrives. `answered` with null: the call broke off. */
  lease(request: LeaseRequest, answered: (answer: LeaseAnswer | null) => void): void {
    const life = this.#life;
    if (this.#conversation(request.thread)?.deleted) return answered(null);
    const brokenOff = () => answered(null);
    this.#serving.add(brokenOff);
    const calm = this.#isCalm();
    const moves = this.#moves;
    const fresh = (this.accounts.get(request.day, request.thread)?.lease ?? 0) < request.number;
    void this.#recall.lease(request).then((answer) => {
      if (life !== this.#life) return;
      this.#serving.delete(brokenOff);
      if (answer.type === "granted") this.granted++;
      if (answer.type === "refused") this.refused++;
      if (fresh && calm && moves === this.#moves) this.#judge(request, answer);
      answered(answer);
    });
  }

  tell(thread: string, statement: PurseStatement): void {
    this.ledger.tell(thread, statement, dayOf(this.#world.now()));
  }

  /** A chat is deleted for good, whatever it is doing. */
  delete(conversation: SimConversation): void {
    this.disturb();
    this.#deleting.add(conversation);
    void this.#delete(conversation);
  }

  async #delete(conversation: SimConversation): Promise<void> {
    const life = this.#life;
    const { thread } = conversation;
    const day = dayOf(this.#world.now());
    await this.#recall.settle(thread, day);
    if (life !== this.#life) return;
    conversation.delete();
    this.disturb();
    await this.#recall.settle(thread, day);
    if (life === this.#life) this.#deleting.delete(conversation);
  }

  /** The process dies and comes back: the books stay. */
  crash(): void {
    this.#life++;
    this.disturb();
    this.#timers = [];
    this.#recall = this.#newRecall();
    const serving = [...this.#serving];
    this.#serving.clear();
    for (const brokenOff of serving) brokenOff();
    for (const conversation of this.#deleting) void this.#delete(conversation);
  }

  /** A call began, or a turn ended: who asked for money before is not to be judged by what is idle now. */
  moved(): void {
    this.#moves++;
  }

  /** Something went wrong: chats may hold money that they were asked for in vain. */
  disturb(): void {
    this.#moves++;
    this.#disturbedAt = this.#world.now();
  }

  /** Time has passed. */
  tick(): void {
    const due = this.#timers.filter(({ at }) => at <= this.#world.now());
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { run } of due) {
      this.disturb();
      run();
    }
  }

  /** Somebody waits for money. */
  get serves(): boolean {
    return this.#serving.size > 0;
  }

  /** Something is waited for that time alone can end. */
  get waits(): boolean {
    return this.#timers.length > 0;
  }

  #conversation(thread: string): SimConversation | undefined {
    return this.#world.conversations.find((one) => one.thread === thread);
  }

  #newRecall(): Recall {
    const life = this.#life;
    const { spending, now } = this.#world;
    const dayLimits = { micros: spending.limitMicros, tokens: spending.limitTokens };
    const { ledger } = this;
    return new Recall({
      books: {
        lease: (request, whole) => ledger.lease(request, dayLimits, whole),
        missing: (request) => ledger.missing(request, dayLimits),
        holders: (day, except) => ledger.holders(day, except),
        tell: (thread, statement) => this.tell(thread, statement),
        bury: (thread, day) => ledger.bury(thread, day),
      },
      ask: (thread, newest) => this.#ask(thread, newest, life),
      now,
      after: (ms, run) => {
        const timer = { at: now() + ms, run };
        this.#timers.push(timer);
        return () => {
          this.#timers = this.#timers.filter((other) => other !== timer);
        };
      },
      failed: () => this.disturb(),
    });
  }

  /** A recall and its answer, each a message of its own. A process that has died hears of nothing any more. */
  #ask(thread: string, newest: number, life: number): Promise<PurseStatement | null> {
    const { network } = this.#world;
    this.recalls++;
    return new Promise((resolve, reject) => {
      const lose = () => {
        if (life === this.#life) reject(new Error("the recall or its answer was lost"));
      };
      const carry = () => {
        const statement = this.#conversation(thread)?.returnLease(newest) ?? null;
        const arrive = () => {
          if (life === this.#life) resolve(statement);
        };
        network.send({ thread, carry: arrive, lose });
      };
      network.send({ thread, carry, lose });
    });
  }

  /** Nobody calls, everybody has told how they stand, and nothing has gone wrong for a while. */
  #isCalm(): boolean {
    const { conversations, now } = this.#world;
    return (
      now() - this.#disturbedAt > limits.recallAgainMs &&
      conversations.every((one) => !one.restored && (one.deleted || (one.phase !== "calling" && !one.owes)))
    );
  }

  /** A chat was refused, or got less than it wanted: then what chats at rest hold must not be enough for it. */
  #judge(request: LeaseRequest, answer: LeaseAnswer): void {
    if (answer.type === "stale") return;
    const refused = answer.type === "refused";
    const got: Amount = refused ? { micros: 0, tokens: 0 } : answer;
    const needs: Amount = refused ? { micros: request.leastMicros, tokens: request.leastTokens } : request;
    if (!refused && got.micros >= needs.micros && got.tokens >= needs.tokens) return;
    this.judged++;
    const { conversations, spending, wrong } = this.#world;
    const all = this.ledger.totals(request.day);
    const free: Amount = {
      micros:
        (spending.limitMicros ?? Number.POSITIVE_INFINITY) -
        all.spentMicros -
        all.reservedMicros +
        got.micros,
      tokens:
        (spending.limitTokens ?? Number.POSITIVE_INFINITY) -
        all.spentTokens -
        all.reservedTokens +
        got.tokens,
    };
    for (const { phase, thread } of conversations) {
      if (phase !== "idle" || thread === request.thread) continue;
      const held = reservedIn(this.accounts.get(request.day, thread));
      free.micros += held.micros;
      free.tokens += held.tokens;
    }
    if (needs.micros > free.micros || needs.tokens > free.tokens) return;
    wrong(`${request.thread} got ${got.micros} of ${needs.micros} although chats at rest hold enough`);
  }
}

/** What the books reserve for a conversation. */
export function reservedIn(account: Account | null): Amount {
  if (!account) return { micros: 0, tokens: 0 };
  const outstanding = account.lease > account.told;
  return {
    micros: account.heldMicros + (outstanding ? account.grantMicros : 0),
    tokens: account.heldTokens + (outstanding ? account.grantTokens : 0),
  };
}
