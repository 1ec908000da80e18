/**
 * The user's purse: for each day, what the user's conversations spent and what they were granted. What is spent and
 * what is promised together never exceed the limit. Every message may come late, twice or not at all: grants are
 * numbered by the conversation, statements are snapshots. Pure but for the store that it is given.
 */
import { limits } from "../../limits.ts";
import { dayEnd } from "../../model/prices.ts";
import type {
  BudgetRefusal,
  LeaseAnswer,
  LeaseRequest,
  PurseDay,
  PurseStatement,
} from "../../protocol/rpc.ts";

/** One conversation's account for one day. */
export interface Account extends PurseDay {
  thread: string;
  /** The newest statement's journal position. */
  seq: number;
  /** Grants up to this number are in the statement, or void. */
  told: number;
  /** The newest grant. Above `told` it is outstanding: the conversation may have it, or be about to. */
  lease: number;
  grantMicros: number;
  grantTokens: number;
  /** Spending that the conversation's journal forgot: it was restored to an earlier state, or payloads were erased. */
  lostMicros: number;
  lostTokens: number;
}

export interface Accounts {
  get(day: string, thread: string): Account | null;
  of(day: string): readonly Account[];
  put(account: Account): void;
}

/** A conversation that holds money, or may be about to. */
export interface Holder {
  thread: string;
  micros: number;
  tokens: number;
  /** The newest grant. */
  lease: number;
  /** Grows or changes with everything that the purse learns of the conversation. */
  mark: string;
}

/** `null`: no limit. */
export interface DayLimits {
  micros: number | null;
  tokens: number | null;
}

export interface DayTotals {
  spentMicros: number;
  spentTokens: number;
  /** Held by conversations, or on its way to them. */
  reservedMicros: number;
  reservedTokens: number;
}

const freshAccount = (day: string, thread: string): Account => ({
  day,
  thread,
  seq: 0,
  told: 0,
  lease: 0,
  grantMicros: 0,
  grantTokens: 0,
  spentMicros: 0,
  spentTokens: 0,
  lostMicros: 0,
  lostTokens: 0,
  heldMicros: 0,
  heldTokens: 0,
});

export class Ledger {
  readonly #accounts: Accounts;

  constructor(accounts: Accounts) {
    this.#accounts = accounts;
  }

  /** Takes what a conversation says of itself. What is older than what is known changes nothing. */
  tell(thread: string, statement: PurseStatement, today: string): void {
    this.#take(thread, statement, today, false);
  }

  /**
   * Grants a block: what is asked for and, where there is plenty, as much again, so that the next turn need not ask;
   * but never more than the day's limit leaves. With less than the least that is of use it refuses. The same number
   * gets the same grant. `whole`: nothing is written unless all that is asked for is granted.
   */
  lease(request: LeaseRequest, dayLimits: DayLimits, whole = false): LeaseAnswer {
    const draft = new Draft(this.#accounts);
    const answer = new Ledger(draft).#grant(request, dayLimits);
    if (!whole || !isLess(answer)) draft.write();
    return answer;
  }

  /** What a request asks for beyond what the day has left. */
  missing({ day, micros, tokens }: LeaseRequest, dayLimits: DayLimits): { micros: number; tokens: number } {
    const left = leftOn(totalsOf(this.#accounts.of(day)), dayLimits);
    return { micros: Math.max(0, micros - left.micros), tokens: Math.max(0, tokens - left.tokens) };
  }

  /** The other conversations that hold something for a day. */
  holders(day: string, except: string): Holder[] {
    return this.#accounts.of(day).flatMap((account) => {
      const { thread, lease, seq, told } = account;
      const { micros, tokens } = reservedOf(account);
      if (thread === except || (micros <= 0 && tokens <= 0)) return [];
      return [{ thread, micros, tokens, lease, mark: `${seq}/${told}/${lease}` }];
    });
  }

  /**
   * A conversation is gone for good. Nobody says any more how the call ended that ran when it went: what it still held
   * counts as spent, as for every outcome that is unknown, and what it said before and comes late changes nothing.
   */
  bury(thread: string, day: string): void {
    const account = this.#accounts.get(day, thread);
    if (!account) return;
    const { micros, tokens } = reservedOf(account);
    this.#accounts.put({
      ...account,
      seq: Number.MAX_SAFE_INTEGER,
      told: Math.max(account.told, account.lease),
      heldMicros: 0,
      heldTokens: 0,
      lostMicros: account.lostMicros + micros,
      lostTokens: account.lostTokens + tokens,
    });
  }

  #grant(request: LeaseRequest, dayLimits: DayLimits): LeaseAnswer {
    const { thread, day, number, statement } = request;
    const known = this.#accounts.get(day, thread);
    const newest = Math.max(known?.lease ?? 0, known?.told ?? 0);
    const stale: LeaseAnswer = { type: "stale", number: newest + 1, seq: known?.seq ?? 0 };
    const behind = known !== null && statement.seq < known.seq;
    if (behind && (request.after !== known.seq || number !== newest + 1)) return stale;
    // Restored, and so far on since that its position is no sign of it.
    if (!behind && holdsMore(statement, day, known)) return stale;
    this.#take(thread, withDay(statement, day, known), day, behind);
    const account = this.#accounts.get(day, thread) ?? freshAccount(day, thread);
    if (number <= newest) {
      if (number < account.lease || account.told >= number) return stale;
      const { grantMicros: micros, grantTokens: tokens } = account;
      return { type: "granted", number, micros, tokens, short: false };
    }
    const settled = { ...account, told: number - 1 };
    const others = totalsOf(this.#accounts.of(day).filter((other) => other.thread !== thread));
    const all = sum(others, totalsOf([settled]));
    const left = leftOn(all, dayLimits);
    const refusal = refusalOf(request, dayLimits, left, all);
    if (refusal) return { type: "refused", refusal };
    const micros = block(request.micros, settled.heldMicros, limits.leaseMicros, left.micros);
    const tokens = block(request.tokens, settled.heldTokens, limits.leaseTokens, left.tokens);
    const short = micros < request.micros || tokens < request.tokens;
    if (micros > 0 || tokens > 0) {
      const grant = { lease: number, grantMicros: micros, grantTokens: tokens };
      this.#accounts.put({ ...settled, seq: Math.max(settled.seq, statement.seq), ...grant });
    }
    return { type: "granted", number, micros, tokens, short };
  }

  totals(day: string): DayTotals {
    return totalsOf(this.#accounts.of(day));
  }

  /** `restored`: it is the newest, although the purse knew one of a later position of the journal. */
  #take(thread: string, statement: PurseStatement, today: string, restored: boolean): void {
    const [newest] = statement.days;
    for (const told of statement.days) {
      if (told.day < oldestDay(today)) continue;
      const account = this.#accounts.get(told.day, thread);
      const base = account ?? freshAccount(told.day, thread);
      const back = restored && told.day === today;
      if (statement.seq < base.seq && !back) continue;
      const next: Account = {
        ...base,
        ...told,
        ...forgotten(base, told, back),
        ...heldAtMost(base, told, statement.lease, back),
        seq: statement.seq,
        told: Math.max(base.told, statement.lease),
      };
      if (told === newest ? account || !isEmpty(next) : !sameMoney(base, next)) this.#accounts.put(next);
    }
    if (newest?.day !== today) this.#giveUp(thread, statement, today);
  }

  /** A grant for today that the conversation gave up before it came: its statement does not speak of today yet. */
  #giveUp(thread: string, { lease }: PurseStatement, today: string): void {
    const account = this.#accounts.get(today, thread);
    if (account && account.lease > account.told && account.lease <= lease) {
      this.#accounts.put({ ...account, told: lease });
    }
  }
}

/** Accounts as they will be: each is read once and written once, whatever changes it on the way. */
class Draft implements Accounts {
  readonly #kept: Accounts;
  readonly #known = new Map<string, Account | null>();
  readonly #changed = new Map<string, Account>();

  constructor(kept: Accounts) {
    this.#kept = kept;
  }

  get(day: string, thread: string): Account | null {
    const key = `${day} ${thread}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const account = this.#kept.get(day, thread);
    this.#known.set(key, account);
    return account;
  }

  of(day: string): Account[] {
    const changed = [...this.#changed.values()].filter((account) => account.day === day);
    const others = this.#kept.of(day).filter(({ thread }) => !this.#changed.has(`${day} ${thread}`));
    return [...others, ...changed];
  }

  put(account: Account): void {
    const key = `${account.day} ${account.thread}`;
    this.#known.set(key, account);
    this.#changed.set(key, account);
  }

  write(): void {
    for (const account of this.#changed.values()) this.#kept.put(account);
  }
}

/** A journal that was restored to before a day says nothing of it: it spent nothing then, as far as it knows. */
function withDay(statement: PurseStatement, day: string, known: Account | null): PurseStatement {
  if (!known || statement.days.some((told) => told.day === day)) return statement;
  const nothing = { day, spentMicros: 0, spentTokens: 0, heldMicros: 0, heldTokens: 0 };
  return { ...statement, days: [nothing, ...statement.days] };
}

/** The oldest day that is kept. */
export const oldestDay = (today: string): string => {
  const daysMs = (limits.usageDays + 1) * 86_400_000;
  return new Date(dayEnd(today) - daysMs).toISOString().slice(0, 10);
};

/**
 * What a conversation spent and does not know of any more stays spent. After a restore (`back`) nobody knows what
 * became of the money that it held then: all of it counts as spent.
 */
function forgotten(
  known: Account,
  told: PurseDay,
  back: boolean,
): Pick<Account, "lostMicros" | "lostTokens"> {
  const { micros, tokens } = back ? reservedOf(known) : { micros: 0, tokens: 0 };
  return {
    lostMicros: known.lostMicros + Math.max(0, known.spentMicros + micros - told.spentMicros),
    lostTokens: known.lostTokens + Math.max(0, known.spentTokens + tokens - told.spentTokens),
  };
}

/** What a conversation holds, or what is on its way to it. */
function reservedOf(account: Account): { micros: number; tokens: number } {
  const outstanding = account.lease > account.told;
  return {
    micros: account.heldMicros + (outstanding ? account.grantMicros : 0),
    tokens: account.heldTokens + (outstanding ? account.grantTokens : 0),
  };
}

/**
 * No statement makes money: a conversation holds no more than the books reserve for it. One that was restored believes
 * to hold what it spent since.
 */
function heldAtMost(
  known: Account,
  told: PurseDay,
  lease: number,
  back: boolean,
): Pick<PurseDay, "heldMicros" | "heldTokens"> {
  if (back) return { heldMicros: 0, heldTokens: 0 };
  // A grant that the statement does not speak of yet is reserved beside it.
  const most =
    known.lease <= lease ? reservedOf(known) : { micros: known.heldMicros, tokens: known.heldTokens };
  return {
    heldMicros: Math.min(told.heldMicros, most.micros),
    heldTokens: Math.min(told.heldTokens, most.tokens),
  };
}

function holdsMore(statement: PurseStatement, day: string, known: Account | null): boolean {
  const told = statement.days.find((one) => one.day === day);
  const most = known ? reservedOf(known) : { micros: 0, tokens: 0 };
  return told !== undefined && (told.heldMicros > most.micros || told.heldTokens > most.tokens);
}

/** A block that pays for what is wanted. `held`: what the asker has of its next call already. */
function block(wanted: number, held: number, least: number, left: number): number {
  if (wanted === 0) return 0;
  const more = Math.min(wanted + held, Math.floor((left - wanted) * limits.leaseShare));
  return Math.max(0, Math.min(left, Math.max(wanted + Math.max(0, more), least)));
}

/** Whether an answer falls short of what was asked for. */
export const isLess = (answer: LeaseAnswer): boolean =>
  answer.type === "refused" || (answer.type === "granted" && answer.short);

const leftOn = (all: DayTotals, dayLimits: DayLimits): { micros: number; tokens: number } => ({
  micros: leftOf(dayLimits.micros, all.spentMicros + all.reservedMicros),
  tokens: leftOf(dayLimits.tokens, all.spentTokens + all.reservedTokens),
});

const leftOf = (limit: number | null, used: number): number =>
  limit === null ? Number.POSITIVE_INFINITY : limit - used;

function refusalOf(
  request: LeaseRequest,
  dayLimits: DayLimits,
  left: { micros: number; tokens: number },
  all: DayTotals,
): BudgetRefusal | null {
  if (dayLimits.micros !== null && request.leastMicros > left.micros) {
    const { spentMicros: spent, reservedMicros: reserved } = all;
    return { scope: "user-day", of: "money", limit: dayLimits.micros, spent, reserved };
  }
  if (dayLimits.tokens !== null && request.leastTokens > left.tokens) {
    const { spentTokens: spent, reservedTokens: reserved } = all;
    return { scope: "user-day", of: "tokens", limit: dayLimits.tokens, spent, reserved };
  }
  return null;
}

function totalsOf(accounts: readonly Account[]): DayTotals {
  let totals: DayTotals = { spentMicros: 0, spentTokens: 0, reservedMicros: 0, reservedTokens: 0 };
  for (const account of accounts) {
    const reserved = reservedOf(account);
    totals = sum(totals, {
      spentMicros: account.spentMicros + account.lostMicros,
      spentTokens: account.spentTokens + account.lostTokens,
      reservedMicros: reserved.micros,
      reservedTokens: reserved.tokens,
    });
  }
  return totals;
}

const sum = (a: DayTotals, b: DayTotals): DayTotals => ({
  spentMicros: a.spentMicros + b.spentMicros,
  spentTokens: a.spentTokens + b.spentTokens,
  reservedMicros: a.reservedMicros + b.reservedMicros,
  reservedTokens: a.reservedTokens + b.reservedTokens,
});

const isEmpty = (day: PurseDay): boolean =>
  day.spentMicros === 0 && day.spentTokens === 0 && day.heldMicros === 0 && day.heldTokens === 0;

const sameMoney = (a: PurseDay, b: PurseDay): boolean =>
  a.spentMicros === b.spentMicros &&
  a.spentTokens === b.spentTokens &&
  a.heldMicros === b.heldMicros &&
  a.heldTokens === b.heldTokens;
