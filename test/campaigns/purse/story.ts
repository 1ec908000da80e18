/**
 * One story of the purse campaign: a few conversations of one user, the user's purse, and a network that delays,
 * doubles and loses. After every step the money is counted again from the outside.
 */
import type { Amount, Quote } from "../../../src/actors/conversation/purse.ts";
import { type Account, type Accounts, Ledger } from "../../../src/actors/user/purse-ledger.ts";
import { dayEnd, dayOf } from "../../../src/model/prices.ts";
import type { LeaseAnswer, LeaseRequest, PurseStatement } from "../../../src/protocol/rpc.ts";
import type { Spending } from "../../../src/spending.ts";
import type { Chance } from "../random.ts";
import { SimConversation, type SimWorld } from "./conversation.ts";

export interface PurseTally {
  steps: number;
  calls: number;
  unknown: number;
  leases: number;
  refusals: number;
  crashes: number;
  lost: number;
  doubled: number;
  restores: number;
  days: number;
}

export const emptyTally = (): PurseTally => ({
  steps: 0,
  calls: 0,
  unknown: 0,
  leases: 0,
  refusals: 0,
  crashes: 0,
  lost: 0,
  doubled: 0,
  restores: 0,
  days: 0,
});

/** What a story runs against: the ledger, or one that a test has broken. */
export type LedgerMaker = (accounts: Accounts) => Pick<Ledger, "lease" | "tell" | "totals">;

const MODELS = ["anthropic/claude-sonnet-4-6", "anthropic/claude-haiku-4-5", "openai/gpt-5-mini"];
const STEPS = 250;
const HOUR = 3_600_000;

type Message = { thread: string } & (
  | { request: LeaseRequest; answered: ((answer: LeaseAnswer | null) => void) | null }
  | { statement: PurseStatement; taken: (() => void) | null }
);

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
  all(): Account[] {
    return [...this.#rows.values()];
  }
}

export class Story {
  readonly #chance: Chance;
  readonly #tally: PurseTally;
  readonly #accounts = new MemoryAccounts();
  readonly #ledger: ReturnType<LedgerMaker>;
  readonly #spending: Spending;
  readonly conversations: SimConversation[];
  readonly #days = new Set<string>();
  #network: Message[] = [];
  #now: number;

  constructor(chance: Chance, tally: PurseTally, make: LedgerMaker = (accounts) => new Ledger(accounts)) {
    this.#chance = chance;
    this.#tally = tally;
    this.#ledger = make(this.#accounts);
    const none = chance.below(6);
    this.#spending = {
      limitMicros: none === 0 ? null : 20_000 + chance.below(1_500_000),
      limitTokens: none === 1 ? null : 10_000 + chance.below(400_000),
      prices: {},
    };
    // Two hours before a midnight at most, so that many stories see one.
    this.#now = Date.UTC(2026, 10, 23) - chance.below(2 * HOUR);
    const world: SimWorld = {
      now: () => this.#now,
      spending: this.#spending,
      ask: (request) => this.#ask(request),
    };
    this.conversations = Array.from(
      { length: 2 + chance.below(4) },
      (_, i) => new SimConversation(`t${i}`, world),
    );
  }

  /** Null, or what went wrong. */
  async run(): Promise<string | null> {
    try {
      for (let step = 0; step < STEPS; step++) {
        this.#tally.steps++;
        this.#step();
        await this.#breathe();
        this.#count();
      }
      await this.#settleAll();
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      this.#tally.days += this.#days.size;
    }
  }

  #step(): void {
    const chance = this.#chance;
    this.#now += chance.chance(0.02) ? chance.below(3 * HOUR) : chance.below(3_000);
    if (this.#network.length > 0 && chance.chance(0.4)) return this.#deliver();
    const conversation = chance.pick(this.conversations);
    if (chance.chance(0.03)) return this.#crash(conversation);
    const told = conversation.phase === "idle" && !conversation.owes;
    if (told && chance.chance(0.03)) return this.#restore(conversation);
    if (chance.chance(0.02)) return conversation.cancelWaiting();
    switch (conversation.phase) {
      case "idle":
        if (conversation.owes && chance.chance(0.5)) return this.#tell(conversation);
        return conversation.begin(this.#quote());
      case "deciding":
        if (chance.chance(0.1)) return conversation.end("completed");
        return conversation.decide(chance.chance(0.5));
      case "leasing":
        if (chance.chance(0.3)) conversation.end("cancelled");
        return;
      case "calling":
        return this.#outcome(conversation);
    }
  }

  #quote(): Quote {
    const chance = this.#chance;
    return {
      model: chance.pick(MODELS),
      promptChars: 100 + chance.below(60_000),
      maxOutputTokens: chance.pick([500, 4_000, 16_000]),
    };
  }

  #outcome(conversation: SimConversation): void {
    const chance = this.#chance;
    this.#tally.calls++;
    const kind = chance.below(10);
    if (kind < 6) {
      conversation.answer({ input: chance.next(), output: chance.next(), silent: chance.chance(0.05) });
      return;
    }
    if (kind !== 6) this.#tally.unknown++;
    if (kind < 8) return conversation.fault(kind === 6);
    conversation.end("cancelled", kind === 8);
  }

  #crash(conversation: SimConversation): void {
    this.#tally.crashes++;
    if (!conversation.crash()) throw new Error(`${conversation.thread}: its journal folds to another purse`);
  }

  #restore(conversation: SimConversation): void {
    this.#tally.restores++;
    // A restore takes minutes: nothing of before is under way any more. (Spending that was never told before it is
    // known to nobody afterwards, so only a conversation that has told everything is restored here.)
    this.#network = this.#network.filter((message) => message.thread !== conversation.thread);
    conversation.restore(this.#chance.pick(conversation.rests));
  }

  #ask(request: LeaseRequest): Promise<LeaseAnswer> {
    return new Promise((resolve, reject) => {
      const answered = (answer: LeaseAnswer | null): void =>
        answer ? resolve(answer) : reject(new Error("the answer was lost"));
      this.#network.push({ thread: request.thread, request, answered });
    });
  }

  #tell(conversation: SimConversation): void {
    const statement = conversation.statement();
    const taken = (): void => {
      if (conversation.statement().seq === statement.seq) conversation.owes = false;
    };
    this.#network.push({ thread: conversation.thread, statement, taken });
  }

  /** Some message of those on their way arrives: not at all, once, or again later. */
  #deliver(): void {
    const chance = this.#chance;
    const [message] = this.#network.splice(chance.below(this.#network.length), 1);
    if (!message) return;
    const fate = chance.below(10);
    if (fate === 0) {
      this.#tally.lost++;
      if ("request" in message) message.answered?.(null);
      return;
    }
    if (fate === 1) {
      this.#tally.doubled++;
      this.#network.push("request" in message ? { ...message, answered: null } : { ...message, taken: null });
    }
    if ("statement" in message) {
      this.#ledger.tell(message.thread, message.statement, dayOf(this.#now));
      if (fate !== 2) message.taken?.();
      return;
    }
    const answer = this.#lease(message.request);
    if (fate === 2) this.#tally.lost++;
    message.answered?.(fate === 2 ? null : answer);
  }

  #lease(request: LeaseRequest): LeaseAnswer {
    const { limitMicros, limitTokens } = this.#spending;
    const answer = this.#ledger.lease(request, { micros: limitMicros, tokens: limitTokens });
    if (answer.type === "granted") this.#tally.leases++;
    if (answer.type === "refused") this.#tally.refusals++;
    return answer;
  }

  /** Promises run, no time passes. */
  async #breathe(): Promise<void> {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }

  /** Spent and reserved, counted twice: by the purse, and from outside by what every call may have cost. */
  #count(): void {
    this.#days.add(dayOf(this.#now));
    for (const conversation of this.conversations) this.#journalKnows(conversation);
    for (const day of this.#days) {
      const { spentMicros, spentTokens, reservedMicros, reservedTokens } = this.#ledger.totals(day);
      this.#within(day, "the purse's books", {
        micros: spentMicros + reservedMicros,
        tokens: spentTokens + reservedTokens,
      });
      const truth = { micros: 0, tokens: 0 };
      for (const conversation of this.conversations) {
        const free = conversation.free(day);
        const cost = costOn(conversation, day);
        truth.micros += cost.micros + free.micros;
        truth.tokens += cost.tokens + free.tokens;
      }
      this.#within(day, "calls and what may be spent unasked", truth);
    }
  }

  /** The journal's fold knows what each call of its day cost, or reserved while that is open. */
  #journalKnows(conversation: SimConversation): void {
    const { day, spent, open } = conversation.purse;
    const cost = costOn(conversation, day);
    const reserved = open?.day === day ? open : { micros: 0, tokens: 0 };
    const known = { micros: spent.micros + reserved.micros, tokens: spent.tokens + reserved.tokens };
    if (conversation.restored || (known.micros === cost.micros && known.tokens === cost.tokens)) return;
    throw new Error(`${conversation.thread} on ${day}: its journal knows ${known.micros} of ${cost.micros}`);
  }

  #within(day: string, what: string, amount: Amount): void {
    const { limitMicros, limitTokens } = this.#spending;
    if (limitMicros !== null && amount.micros > limitMicros)
      throw new Error(`${day}: ${what}: ${amount.micros} of ${limitMicros} micro-dollars`);
    if (limitTokens !== null && amount.tokens > limitTokens)
      throw new Error(`${day}: ${what}: ${amount.tokens} of ${limitTokens} tokens`);
  }

  /** Everything comes to its end: then nothing is set aside, and every call is in the books exactly once. */
  async #settleAll(): Promise<void> {
    while (this.#network.length > 0) {
      this.#deliver();
      await this.#breathe();
    }
    for (const conversation of this.conversations) {
      if (conversation.phase !== "idle") conversation.end("cancelled");
      this.#ledger.tell(conversation.thread, conversation.statement(), dayOf(this.#now));
    }
    this.#count();
    for (const conversation of this.conversations)
      for (const day of this.#days) this.#exact(conversation, day);
    this.#freeTomorrow();
  }

  #exact(conversation: SimConversation, day: string): void {
    const account = this.#accounts.get(day, conversation.thread);
    const cost = costOn(conversation, day);
    const booked = {
      micros: (account?.spentMicros ?? 0) + (account?.lostMicros ?? 0),
      tokens: (account?.spentTokens ?? 0) + (account?.lostTokens ?? 0),
    };
    const aside = reservedIn(account);
    // What a journal has forgotten stays counted, as spent or as set aside: never less than it cost.
    const right = conversation.restored
      ? booked.micros + aside.micros >= cost.micros && booked.tokens + aside.tokens >= cost.tokens
      : booked.micros === cost.micros && booked.tokens === cost.tokens;
    const where = `${conversation.thread} on ${day}`;
    if (!right) throw new Error(`${where}: ${booked.micros} booked for calls that cost ${cost.micros}`);
    if (conversation.restored || day !== dayOf(this.#now)) return;
    if (aside.micros !== 0 || aside.tokens !== 0) throw new Error(`${where}: ${aside.micros} stay set aside`);
  }

  /** After a day change the whole limit is there again. */
  #freeTomorrow(): void {
    const { limitMicros, limitTokens } = this.#spending;
    const day = dayOf(dayEnd(dayOf(this.#now)) + HOUR);
    const answer = this.#lease({
      thread: "tomorrow",
      day,
      number: 1,
      micros: limitMicros ?? 1,
      tokens: limitTokens ?? 1,
      leastMicros: limitMicros ?? 1,
      leastTokens: limitTokens ?? 1,
      statement: { seq: 1, lease: 0, days: [] },
    });
    if (answer.type !== "granted" || answer.short) throw new Error("yesterday's money is missing today");
  }
}

function reservedIn(account: Account | null): Amount {
  if (!account) return { micros: 0, tokens: 0 };
  const outstanding = account.lease > account.told;
  return {
    micros: account.heldMicros + (outstanding ? account.grantMicros : 0),
    tokens: account.heldTokens + (outstanding ? account.grantTokens : 0),
  };
}

function costOn(conversation: SimConversation, day: string): Amount {
  const cost = { micros: 0, tokens: 0 };
  for (const call of conversation.calls) {
    if (call.day !== day) continue;
    cost.micros += (call.counted ?? call.worst).micros;
    cost.tokens += (call.counted ?? call.worst).tokens;
  }
  return cost;
}
