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
   * Grants a block: what is asked for, or more where that is little, but never more than the day's limit leaves. With
   * less than the least that is of use it refuses. The same number gets the same grant.
   */
  lease(request: LeaseRequest, dayLimits: DayLimits): LeaseAnswer {
    const draft = new Draft(this.#accounts);
    const answer = new Ledger(draft).#grant(request, dayLimits);
    draft.write();
    return answer;
  }

  #grant(request: LeaseRequest, dayLimits: DayLimits): LeaseAnswer {
    const { thread, day, number, statement } = request;
    const known = this.#accounts.get(day, thread);
    const newest = Math.max(known?.lease ?? 0, known?.told ?? 0);
    const stale: LeaseAnswer = { type: "stale", number: newest + 1, seq: known?.seq ?? 0 };
    const behind = known !== null && statement.seq < known.seq;
    if (behind && (request.after !== known.seq || number !== newest + 1)) return stale;
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
    const left = {
      micros: leftOf(dayLimits.micros, all.spentMicros + all.reservedMicros),
      tokens: leftOf(dayLimits.tokens, all.spentTokens + all.reservedTokens),
    };
    const refusal = refusalOf(request, dayLimits, left, all);
    if (refusal) return { type: "refused", refusal };
    const micros = block(request.micros, limits.leaseMicros, left.micros);
    const tokens = block(request.tokens, limits.leaseTokens, left.tokens);
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

function block(wanted: number, least: number, left: number): number {
  return wanted === 0 ? 0 : Math.max(0, Math.min(left, Math.max(wanted, least)));
}

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
