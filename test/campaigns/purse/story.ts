/**
 * One story of the purse campaign: a few conversations of one user, the user's purse, and a network that delays,
 * doubles and loses. After every step the money is counted again from the outside.
 */
import { type Amount, leftOn, type Quote } from "../../../src/actors/conversation/purse.ts";
import { limits } from "../../../src/limits.ts";
import { dayEnd, dayOf } from "../../../src/model/prices.ts";
import type { LeaseAnswer, LeaseRequest } from "../../../src/protocol/rpc.ts";
import type { Spending } from "../../../src/spending.ts";
import type { Chance } from "../random.ts";
import { SimConversation, type SimWorld } from "./conversation.ts";
import { Network } from "./network.ts";
import { type LedgerMaker, reservedIn, SimUser } from "./user.ts";

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
  recalls: number;
  /** Refusals that were looked into: no chat at rest held enough. */
  judged: number;
  deletions: number;
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
  recalls: 0,
  judged: 0,
  deletions: 0,
});

const MODELS = ["anthropic/claude-sonnet-4-6", "anthropic/claude-haiku-4-5", "openai/gpt-5-mini"];
const STEPS = 250;
const HOUR = 3_600_000;

export class Story {
  readonly #chance: Chance;
  readonly #tally: PurseTally;
  readonly #network: Network;
  readonly #user: SimUser;
  readonly #spending: Spending;
  readonly conversations: SimConversation[];
  readonly #days = new Set<string>();
  #wrong: string | null = null;
  #now: number;

  constructor(chance: Chance, tally: PurseTally, make?: LedgerMaker) {
    this.#chance = chance;
    this.#tally = tally;
    this.#network = new Network(chance);
    this.#network.reliable = chance.chance(0.3);
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
      moved: () => this.#user.moved(),
    };
    const length = 2 + (chance.chance(0.2) ? chance.below(11) : chance.below(4));
    this.conversations = Array.from({ length }, (_, i) => new SimConversation(`t${i}`, world));
    this.#user = new SimUser(
      {
        network: this.#network,
        spending: this.#spending,
        conversations: this.conversations,
        now: () => this.#now,
        wrong: (what) => {
          this.#wrong ??= what;
        },
      },
      make,
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
      this.#tally.lost += this.#network.lost;
      this.#tally.doubled += this.#network.doubled;
      this.#tally.leases += this.#user.granted;
      this.#tally.refusals += this.#user.refused;
      this.#tally.recalls += this.#user.recalls;
      this.#tally.judged += this.#user.judged;
    }
  }

  #step(): void {
    const chance = this.#chance;
    this.#now += chance.chance(0.02) ? chance.below(3 * HOUR) : chance.below(3_000);
    this.#user.tick();
    // In a peaceful story nothing is lost, nobody dies, and a recall mostly ends before anything else happens: only
    // then can be told who had to get what.
    const peaceful = this.#network.reliable;
    const hurry = peaceful && this.#user.serves ? 0.97 : 0.5;
    if (this.#network.busy && chance.chance(hurry)) return this.#network.deliver();
    if (!peaceful && chance.chance(0.01)) return this.#userCrash();
    const conversation = chance.pick(this.conversations);
    if (conversation.deleted) return;
    if (!peaceful && chance.chance(0.03)) return this.#crash(conversation);
    if (!peaceful && chance.chance(0.004)) return this.#delete(conversation);
    const told = conversation.phase === "idle" && !conversation.owes;
    if (!peaceful && told && chance.chance(0.03)) return this.#restore(conversation);
    if (chance.chance(0.02)) return conversation.cancelWaiting();
    switch (conversation.phase) {
      case "idle":
        if (conversation.owes && chance.chance(peaceful ? 0.95 : 0.5)) return this.#tell(conversation);
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
    this.#user.disturb();
    if (!conversation.crash()) throw new Error(`${conversation.thread}: its journal folds to another purse`);
  }

  #restore(conversation: SimConversation): void {
    this.#tally.restores++;
    // A restore takes minutes: nothing of before is under way any more. (Spending that was never told before it is
    // known to nobody afterwards, so only a conversation that has told everything is restored here.)
    this.#now += 10 * 60_000;
    this.#network.drop(conversation.thread);
    this.#user.tick();
    this.#user.disturb();
    conversation.restore(this.#chance.pick(conversation.rests));
  }

  #userCrash(): void {
    this.#tally.crashes++;
    this.#user.crash();
  }

  #delete(conversation: SimConversation): void {
    this.#tally.deletions++;
    this.#user.delete(conversation);
  }

  #ask(request: LeaseRequest): Promise<LeaseAnswer> {
    const { thread } = request;
    return new Promise((resolve, reject) => {
      const lose = () => reject(new Error("the request or its answer was lost"));
      const carry = () =>
        this.#user.lease(request, (answer) => {
          if (answer === null) return lose();
          this.#network.send({ thread, carry: () => resolve(answer), lose });
        });
      this.#network.send({ thread, carry, lose });
    });
  }

  #tell(conversation: SimConversation): void {
    const { thread } = conversation;
    const statement = conversation.statement();
    const taken = (): void => {
      if (conversation.statement().seq === statement.seq) conversation.owes = false;
    };
    const nothing = (): void => {};
    const carry = () => {
      this.#user.tell(thread, statement);
      this.#network.send({ thread, carry: taken, lose: nothing });
    };
    this.#network.send({ thread, carry, lose: nothing });
  }

  /** Promises run, no time passes. */
  async #breathe(): Promise<void> {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }

  /** Spent and reserved, counted twice: by the purse, and from outside by what every call may have cost. */
  #count(): void {
    if (this.#wrong !== null) throw new Error(this.#wrong);
    this.#days.add(dayOf(this.#now));
    for (const conversation of this.conversations) this.#journalKnows(conversation);
    for (const day of this.#days) {
      const { spentMicros, spentTokens, reservedMicros, reservedTokens } = this.#user.ledger.totals(day);
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

  /** Everything comes to its end: then nobody holds what the books do not know, and every call is in them once. */
  async #settleAll(): Promise<void> {
    await this.#drain();
    for (const conversation of this.conversations) {
      if (conversation.deleted) continue;
      if (conversation.phase !== "idle") conversation.end("cancelled");
      this.#user.tell(conversation.thread, conversation.statement());
    }
    this.#count();
    for (const conversation of this.conversations)
      for (const day of this.#days) this.#exact(conversation, day);
    this.#network.reliable = true;
    await this.#allComesBack();
    await this.#freeTomorrow();
  }

  async #drain(): Promise<void> {
    await this.#breathe();
    while (this.#network.busy || this.#user.waits) {
      if (this.#network.busy) this.#network.deliver();
      else this.#now += limits.recallWithinMs;
      this.#user.tick();
      await this.#breathe();
    }
  }

  #exact(conversation: SimConversation, day: string): void {
    const account = this.#user.accounts.get(day, conversation.thread);
    const cost = costOn(conversation, day);
    const booked = {
      micros: (account?.spentMicros ?? 0) + (account?.lostMicros ?? 0),
      tokens: (account?.spentTokens ?? 0) + (account?.lostTokens ?? 0),
    };
    const aside = reservedIn(account);
    // What a journal has forgotten stays counted, as spent or as set aside: never less than it cost.
    const right =
      conversation.restored || conversation.deleted
        ? booked.micros + aside.micros >= cost.micros && booked.tokens + aside.tokens >= cost.tokens
        : booked.micros === cost.micros && booked.tokens === cost.tokens;
    const where = `${conversation.thread} on ${day}`;
    if (!right) throw new Error(`${where}: ${booked.micros} booked for calls that cost ${cost.micros}`);
    if (conversation.restored || day !== dayOf(this.#now)) return;
    const left = conversation.deleted ? { micros: 0, tokens: 0 } : leftOn(conversation.purse, day);
    // More is right: a grant whose answer was lost is set aside until somebody needs it.
    if (aside.micros < left.micros || aside.tokens < left.tokens)
      throw new Error(`${where}: ${aside.micros} are set aside for ${left.micros} that it holds`);
  }

  /** Nobody runs: who asks for all that is not spent gets all of it, to the last. */
  async #allComesBack(): Promise<void> {
    if (this.conversations.some(({ restored }) => restored)) return;
    this.#now += limits.recallAgainMs;
    const { limitMicros, limitTokens } = this.#spending;
    const day = dayOf(this.#now);
    const { spentMicros, spentTokens } = this.#user.ledger.totals(day);
    const gone = { micros: 0, tokens: 0 };
    for (const { deleted, thread } of this.conversations) {
      const held = reservedIn(deleted ? this.#user.accounts.get(day, thread) : null);
      gone.micros += held.micros;
      gone.tokens += held.tokens;
    }
    const micros = limitMicros === null ? 1 : limitMicros - spentMicros - gone.micros;
    const tokens = limitTokens === null ? 1 : limitTokens - spentTokens - gone.tokens;
    await this.#grantedWhole("everything", day, micros, tokens, "what chats at rest hold did not come back");
    for (const conversation of this.conversations) {
      const free = conversation.free(day);
      if ((limitMicros !== null && free.micros > 0) || (limitTokens !== null && free.tokens > 0))
        throw new Error(`${conversation.thread} kept what it gave back`);
    }
  }

  /** After a day change the whole limit is there again. */
  async #freeTomorrow(): Promise<void> {
    const { limitMicros, limitTokens } = this.#spending;
    const day = dayOf(dayEnd(dayOf(this.#now)) + HOUR);
    const missing = "yesterday's money is missing today";
    await this.#grantedWhole("tomorrow", day, limitMicros ?? 1, limitTokens ?? 1, missing);
  }

  async #grantedWhole(thread: string, day: string, micros: number, tokens: number, what: string) {
    const request = { thread, day, number: 1, micros, tokens, leastMicros: micros, leastTokens: tokens };
    const answers: LeaseAnswer[] = [];
    this.#ask({ ...request, statement: { seq: 1, lease: 0, days: [] } }).then(
      (answer) => answers.push(answer),
      (error: Error) => {
        this.#wrong ??= error.message;
      },
    );
    await this.#drain();
    const [answer] = answers;
    if (answer?.type !== "granted" || answer.short) throw new Error(what);
  }
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
