/**
 * A conversation's part of its user's money: a fold of the journal beside the state's own. Blocks are leased from the
 * user's purse for a day, calls reserve their worst case out of them, answers settle at their price. Pure and total.
 *
 * What is left at the end of a turn pays for the next one, which then asks nobody. It goes back when the user's purse
 * wants it for another chat (`release`), or when its day is over.
 */
import { dayOf } from "../../model/prices.ts";
import type { Usage } from "../../protocol/message.ts";
import type { PurseDay, PurseStatement } from "../../protocol/rpc.ts";
import type {
  AnswerEntry,
  CallEntry,
  CompactEntry,
  EndEntry,
  Entry,
  LeaseEntry,
  NoteEntry,
  ReleaseEntry,
  UnknownEntry,
} from "./entries.ts";

/** Micro-dollars and tokens that go together. */
export interface Amount {
  micros: number;
  tokens: number;
}

/** A call's worst case, reserved while nobody knows how it ended. */
export interface Reservation extends Amount {
  /** Whose money it is: a call that begins before midnight costs the day on which it began. */
  day: string;
  turn: string;
  round: number;
  attempt: number;
}

export interface Purse {
  /** The UTC day that the rest is about; empty while nothing was priced. */
  readonly day: string;
  /** The newest lease that was taken, or given up before it came. */
  readonly lease: number;
  /** Leased and neither spent nor reserved. Below zero when a call cost more than it had reserved. */
  readonly left: Amount;
  readonly open: Reservation | null;
  /** Settled in `day`. */
  readonly spent: Amount;
  /** The day before that has anything in it: its money is void, what it spent is still to be told. */
  readonly before: { readonly day: string; readonly spent: Amount } | null;
}

/** What a call will take: the most that it can. */
export interface Quote {
  /** `provider/model`. */
  model: string;
  /** System prompt, window and tool schemas, in bytes of UTF-8 (in characters, for plain English). */
  promptChars: number;
  maxOutputTokens: number;
}

export type Reserve =
  | { ok: true; micros: number; tokens: number; maxOutputTokens: number }
  | { ok: false; needs: "lease" }
  | {
      ok: false;
      needs: "refusal";
      error: { code: "budget_exceeded" | "model_unpriced"; message: string };
    };

/** Money as the drive sees it. */
export interface PursePort {
  /**
   * What a call may cost. Synchronous; `needs: "lease"` when `lease()` has to be awaited first, and then asked again.
   * `maxOutputTokens` is less than was asked for when no more than that can be paid.
   */
  reserve(purse: Purse, quote: Quote, now: number): Reserve;
  /**
   * Asks the user's purse; resolves with the entry to commit before the call, or null when there is none to commit:
   * it was refused (then `reserve` says so), or turned out not to be needed. A `release` means that the purse knows
   * better what this chat holds: it has to be asked again then. Rejects when the purse cannot be reached.
   */
  lease(quote: Quote): Promise<LeaseEntry | ReleaseEntry | null>;
  /** Price of a finished call, in micro-dollars; 0 for free models. `answeredBy`: the model that the answer names. */
  price(model: string, usage: Usage, answeredBy?: string): number;
}

const NOTHING: Amount = { micros: 0, tokens: 0 };

export const emptyPurse: Purse = {
  day: "",
  lease: 0,
  left: NOTHING,
  open: null,
  spent: NOTHING,
  before: null,
};

const plus = (a: Amount, b: Amount): Amount => ({ micros: a.micros + b.micros, tokens: a.tokens + b.tokens });
const minus = (a: Amount, b: Amount): Amount => ({
  micros: a.micros - b.micros,
  tokens: a.tokens - b.tokens,
});
const covers = (a: Amount, b: Amount): boolean => a.micros >= b.micros && a.tokens >= b.tokens;
const isNothing = ({ micros, tokens }: Amount): boolean => micros === 0 && tokens === 0;

/** Adds one entry of the journal. Never throws; entries that have nothing to do with money give the same object back. */
export function foldPurse(purse: Purse, entry: Entry | UnknownEntry): Purse {
  const known = entry as Entry; // kinds that are not ours fall through to the default branch
  switch (known.kind) {
    case "lease":
      return onLease(purse, known);
    case "call":
      return onCall(purse, known);
    case "answer":
      return onAnswer(purse, known);
    case "fault":
      return isOpen(purse, known) ? settle(purse, known.unbilled ? NOTHING : null) : purse;
    case "compact":
      return onCompact(purse, known);
    case "note":
      return known.topic === "compact-failed" ? rest(purse, known) : purse;
    case "release":
      return { ...purse, left: NOTHING, lease: Math.max(purse.lease, known.number) };
    case "end":
      return onEnd(purse, known);
    case "fork":
      // The journal before it is another conversation's, which answers for its own money.
      return emptyPurse;
    default:
      return purse;
  }
}

function onLease(purse: Purse, entry: LeaseEntry): Purse {
  if (entry.number <= purse.lease) return purse; // it came after its turn had ended, or twice
  const today = inDay(purse, entry.day);
  return { ...today, lease: entry.number, left: plus(today.left, entry) };
}

/** The purse of another day: money is void over night. */
function inDay(purse: Purse, day: string): Purse {
  if (purse.day === day) return purse;
  const kept = !isNothing(purse.spent) || (purse.open !== null && purse.open.day === purse.day);
  const before = kept ? { day: purse.day, spent: purse.spent } : purse.before;
  return { ...purse, day, left: NOTHING, spent: NOTHING, before };
}

function onCall(purse: Purse, entry: CallEntry): Purse {
  const idle = settle(purse, null);
  const worst = {
    micros: entry.reservationMicros,
    // Calls that were written before tokens were reserved: the whole window, and an answer of full length.
    tokens:
      entry.reservationTokens ??
      (entry.reservationMicros > 0 ? entry.windowTokens + entry.maxOutputTokens : 0),
  };
  if (isNothing(worst)) return idle;
  // A call without a lease (there is no limit) counts for the day in which it was made.
  const paid = covers(idle.left, worst) ? idle : inDay(idle, dayOf(entry.at));
  const { turn, round, attempt } = entry;
  return { ...paid, left: minus(paid.left, worst), open: { ...worst, day: paid.day, turn, round, attempt } };
}

function onAnswer(purse: Purse, entry: AnswerEntry): Purse {
  if (!isOpen(purse, entry)) return unreserved(purse, entry);
  return settle(purse, entry.partial ? null : costOf(entry));
}

function onCompact(purse: Purse, entry: CompactEntry): Purse {
  const { call } = entry;
  return rest(call && isOpen(purse, call) ? settle(purse, costOf(entry)) : unreserved(purse, entry), entry);
}

/** A call that was thought to be free had a price after all (a key was connected while it ran): it is counted. */
function unreserved(purse: Purse, entry: AnswerEntry | CompactEntry): Purse {
  if (!(entry.priceMicros > 0)) return purse;
  const today = purse.day === "" ? inDay(purse, dayOf(entry.at)) : purse;
  return { ...today, spent: plus(today.spent, { micros: entry.priceMicros, tokens: total(entry.usage) }) };
}

/** Null when the provider did not say what it used: then nobody knows what it cost. */
function costOf({ usage, priceMicros }: { usage: Usage; priceMicros: number }): Amount | null {
  const tokens = total(usage);
  return tokens === 0 ? null : { micros: priceMicros || 0, tokens };
}

const total = (usage: Usage): number => usage.inputTokens + usage.outputTokens;

/** Settles the open call. `null`: its outcome is unknown, and it costs all that was reserved for it. */
function settle(purse: Purse, cost: Amount | null): Purse {
  const { open } = purse;
  if (!open) return purse;
  const paid = cost ?? { micros: open.micros, tokens: open.tokens };
  if (open.day === purse.day) {
    const left = plus(purse.left, minus(open, paid));
    return { ...purse, open: null, spent: plus(purse.spent, paid), left };
  }
  // It began on the day before, whose money is void by now.
  const { before } = purse;
  const then = before?.day === open.day ? { ...before, spent: plus(before.spent, paid) } : before;
  return { ...purse, open: null, before: then };
}

export const isOpen = ({ open }: Purse, call: { turn: string; round: number; attempt: number }): boolean =>
  open?.turn === call.turn && open.round === call.round && open.attempt === call.attempt;

function onEnd(purse: Purse, entry: EndEntry): Purse {
  if (purse.open && purse.open.turn !== entry.turn) return purse; // a turn that waited was cancelled beside the running one
  return rest(settle(purse, null), entry);
}

/**
 * Nothing is to be paid for now. What is left is kept if the entry says so; what was overdrawn is in the books as
 * spent, and is not owed again. Otherwise all of it goes back, and the lease that may be on its way is given up.
 */
function rest(purse: Purse, { keeps }: { keeps?: true }): Purse {
  if (!keeps) return { ...purse, left: NOTHING, lease: purse.lease + 1 };
  return {
    ...purse,
    left: { micros: Math.max(0, purse.left.micros), tokens: Math.max(0, purse.left.tokens) },
  };
}

const isRest = (entry: Entry): entry is EndEntry | CompactEntry | NoteEntry =>
  entry.kind === "end" ||
  entry.kind === "compact" ||
  (entry.kind === "note" && entry.topic === "compact-failed");

const hasMore = ({ left }: Purse): boolean => left.micros > 0 || left.tokens > 0;

/** Entries that are about to be written, those marked behind which something is left that the chat keeps. */
export function keeping(purse: Purse, entries: readonly Entry[]): Entry[] {
  let folded = purse;
  return entries.map((entry): Entry => {
    const kept = isRest(entry) ? { ...entry, keeps: true as const } : entry;
    const after = foldPurse(folded, kept);
    const written = hasMore(after) ? kept : entry;
    folded = written === kept ? after : foldPurse(folded, entry);
    return written;
  });
}

/**
 * What has to be written so that nothing is left to spend unasked. Null when there is nothing, and no lease up to
 * `newest`, the last that the user's purse granted, can still come.
 */
export function releaseOf(purse: Purse, newest: number, at: number): ReleaseEntry | null {
  if (!hasMore(purse) && purse.lease >= newest) return null;
  return { kind: "release", at, number: Math.max(purse.lease + 1, newest) };
}

/** Whether what is leased for the day covers a call. */
export function reserve(purse: Purse, day: string, micros: number, tokens: number): "ok" | "needs-lease" {
  return covers(leftOn(purse, day), { micros, tokens }) ? "ok" : "needs-lease";
}

/** What is free to spend on a day. An open call does not change it: its reservation is taken out already. */
export const leftOn = (purse: Purse, day: string): Amount => (purse.day === day ? purse.left : NOTHING);

/** What the user's purse is told. `seq`: the journal's newest entry. */
export function statementOf({ day, spent, left, open, before, lease }: Purse, seq: number): PurseStatement {
  const days: PurseDay[] = [];
  if (day !== "") days.push(dayOfPurse(day, spent, open?.day === day ? plus(left, open) : left));
  if (before) days.push(dayOfPurse(before.day, before.spent, open?.day === before.day ? open : NOTHING));
  return { seq, lease, days };
}

const dayOfPurse = (day: string, spent: Amount, held: Amount): PurseDay => ({
  day,
  spentMicros: spent.micros,
  spentTokens: spent.tokens,
  heldMicros: Math.max(0, held.micros),
  heldTokens: Math.max(0, held.tokens),
});
