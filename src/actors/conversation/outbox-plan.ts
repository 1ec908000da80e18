/**
 * What is owed to whom, and what an attempt changes: the outbox's rows and every way in which they change. Pure: rows
 * in, rows out. `outbox.ts` does what they say, `outbox-table.ts` keeps them.
 */
import { limits } from "../../limits.ts";
import type { ChannelTraits, DeliveryError } from "../../protocol/channel.ts";
import type { EndEntry, Entry, InputEntry, ReplyAddress } from "./entries.ts";
import { splitText } from "./outbox-split.ts";
import { findTurn, type State, type Turn } from "./state.ts";

/** One message of one turn's answer for one place. See `migrations/conversation/0002_outbox.sql`. */
export interface OutboxRow {
  id: string;
  delivery: string;
  turn: string;
  place: string;
  channel: string;
  to: Record<string, string>;
  part: number;
  parts: number;
  phase: "waiting" | "begun" | "owed" | "dead";
  text: string;
  due: number;
  key: string;
  placed: string | null;
  unsure: boolean;
  renewed: number;
  attempts: number;
  /** Not tried before, in milliseconds since the epoch. */
  nextAt: number;
  /** Why the newest attempt failed; empty when none did. */
  error: string;
  /** When the row last changed its phase. */
  at: number;
}

export type Change =
  | { put: OutboxRow }
  | { remove: string }
  /** A platform wants to be left alone until then; 0 forgets it. */
  | { wait: string; until: number }
  /** The list of chats knows of so many undelivered answers. */
  | { told: number };

/** What readers see until there is something to read. */
export const PLACEHOLDER = "…";
/** Behind a text that is still being written. */
const GOES_ON = " …";
const STOPPED = "This answer was stopped.";
const NOTHING_SAID = "Done; there is nothing to say about it.";
const EARLIER_PART = "An earlier part of this answer could not be delivered.";
const CUT_OFF = "Every attempt to deliver this was cut off.";

/** For a channel that is not configured any more; nothing is sent to it, and the text must be split somehow. */
const UNKNOWN_CHANNEL: ChannelTraits = { maxChars: 4_000, canEdit: false, idempotent: false };

/** The name of a place: the channel and the address together. */
export const placeOf = (reply: ReplyAddress): string =>
  JSON.stringify([reply.channel, ...Object.entries(reply.to).sort(([a], [b]) => (a < b ? -1 : 1))]);

export interface Owing {
  /** The state behind the commit. */
  next: State;
  /** Rows of a turn that are not dead. */
  rowsOf(turn: string): readonly OutboxRow[];
  traits(channel: string): ChannelTraits | null;
  now: number;
  /** The conversation's name: keys contain it, so that a fork's reply is another one. */
  conversation: string;
}

/**
 * What one commit of the journal owes. An input notes where its answer goes; the turn's first call owes a placeholder
 * where the channel can edit; its end owes the text.
 */
export function owe(entries: readonly Entry[], owing: Owing): Change[] {
  const draft = new Draft(owing);
  const before = owing.next.seq - entries.length;
  for (const [i, entry] of entries.entries()) {
    const due = before + i + 1;
    if (entry.kind === "input" && entry.reply) draft.note(entry, entry.reply, due);
    if (entry.kind === "call" && entry.round === 0 && entry.attempt === 1) draft.begin(entry.turn, due);
    if (entry.kind === "amend" && entry.change.action === "steer")
      draft.move(entry.turn, entry.change.into, due);
    if (entry.kind === "end") draft.end(entry, due);
  }
  return draft.changes();
}

/** Whether an entry may change what is owed. Most commits hold none, and cost nothing here. */
export const mayOwe = (entry: Entry): boolean =>
  entry.kind === "input" || entry.kind === "call" || entry.kind === "amend" || entry.kind === "end";

/** The rows that one commit changes, each written once however often it changes. */
class Draft {
  readonly #owing: Owing;
  readonly #turns = new Map<string, OutboxRow[]>();
  readonly #dirty = new Set<string>();
  readonly #removed = new Set<string>();

  constructor(owing: Owing) {
    this.#owing = owing;
  }

  note(entry: InputEntry, reply: ReplyAddress, due: number): void {
    const rows = this.#rows(entry.turn);
    const place = placeOf(reply);
    if (rows.some((row) => row.place === place)) return;
    const delivery = `${entry.turn}-${rows.length}`;
    rows.push({
      id: `${delivery}.0`,
      delivery,
      turn: entry.turn,
      place,
      channel: reply.channel,
      to: reply.to,
      part: 0,
      parts: 1,
      phase: "waiting",
      text: "",
      due,
      key: `${this.#owing.conversation}:${delivery}.0`,
      placed: null,
      unsure: false,
      renewed: 0,
      attempts: 0,
      nextAt: 0,
      error: "",
      at: this.#owing.now,
    });
    this.#dirty.add(`${delivery}.0`);
    // It joins a turn that has begun: there will be no other first call.
    if (entry.joins === "steer") this.begin(entry.turn, due);
  }

  begin(turn: string, due: number): void {
    const { now, traits } = this.#owing;
    this.#change(turn, (row) =>
      row.phase === "waiting" && traits(row.channel)?.canEdit
        ? { ...row, phase: "begun", due, nextAt: now, at: now }
        : row,
    );
  }

  /** A message that waited was taken into the running turn, and its reply with it. */
  move(from: string, into: string, due: number): void {
    const target = this.#rows(into);
    for (const row of this.#rows(from)) {
      if (target.some((other) => other.place === row.place)) this.#removed.add(row.id);
      else {
        target.push({ ...row, turn: into });
        this.#dirty.add(row.id);
      }
    }
    this.#turns.set(from, []);
    this.begin(into, due);
  }

  end(entry: EndEntry, due: number): void {
    const said = finalText(findTurn(this.#owing.next, entry.turn), entry);
    const { now, traits } = this.#owing;
    const rows = this.#rows(entry.turn).filter((row) => row.phase === "waiting" || row.phase === "begun");
    for (const row of rows) {
      const texts = splitText(said, (traits(row.channel) ?? UNKNOWN_CHANNEL).maxChars);
      const all = texts.map((text, part): OutboxRow => {
        const owed = { ...row, parts: texts.length, phase: "owed" as const, text, due, at: now };
        const fresh = { ...owed, nextAt: now, attempts: 0, error: "" };
        if (part === 0) return fresh;
        const id = `${row.delivery}.${part}`;
        const key = `${this.#owing.conversation}:${id}`;
        return { ...fresh, id, part, key, placed: null, unsure: false, renewed: 0 };
      });
      const kept = this.#rows(entry.turn).filter((other) => other.id !== row.id);
      this.#turns.set(entry.turn, [...kept, ...all]);
      for (const one of all) this.#dirty.add(one.id);
    }
  }

  changes(): Change[] {
    const puts = [...this.#turns.values()].flat().filter((row) => this.#dirty.has(row.id));
    return [...puts.map((put) => ({ put })), ...[...this.#removed].map((remove) => ({ remove }))];
  }

  #rows(turn: string): OutboxRow[] {
    const known = this.#turns.get(turn) ?? [...this.#owing.rowsOf(turn)];
    this.#turns.set(turn, known);
    return known;
  }

  #change(turn: string, change: (row: OutboxRow) => OutboxRow): void {
    const rows = this.#rows(turn).map((row) => {
      const after = change(row);
      if (after !== row) this.#dirty.add(row.id);
      return after;
    });
    this.#turns.set(turn, rows);
  }
}

/** Everything that a turn said, as one text; empty when it said nothing. */
export const saidText = (turn: Turn | null): string =>
  (turn?.rounds ?? [])
    .flatMap((round) => round.parts)
    .map((part) => (part.type === "text" ? part.text.trim() : ""))
    .filter((text) => text !== "")
    .join("\n\n");

/** What is owed when a turn has ended: what it said, and why there is no more of it. */
function finalText(turn: Turn | null, end: EndEntry): string {
  const why = { completed: "", cancelled: STOPPED, failed: end.error?.message ?? "The answer failed." };
  const texts = [saidText(turn), why[end.outcome]].filter((text) => text !== "");
  return texts.join("\n\n") || NOTHING_SAID;
}

/** What readers see of a text that is still being written: as much as the first message will hold. */
export function progressText(said: string, maxChars: number): string {
  const [first = ""] = splitText(said.trim(), maxChars - GOES_ON.length);
  return first === "" ? PLACEHOLDER : first + GOES_ON;
}

// --- attempts -----------------------------------------------------------------------------------------------

export type Step =
  | { type: "placeholder"; key: string }
  | { type: "send"; key: string }
  | { type: "edit"; id: string };

/** What the row's next attempt is; null when it wants none. A channel that is not known is tried as one that can nothing. */
export function stepOf(row: OutboxRow, known: ChannelTraits | null): Step | null {
  const traits = known ?? UNKNOWN_CHANNEL;
  const key = row.renewed === 0 ? row.key : `${row.key}~${row.renewed}`;
  if (row.phase === "begun") return row.placed === null ? { type: "placeholder", key } : null;
  if (row.phase !== "owed") return null;
  if (row.placed !== null) {
    // A channel that could edit when the placeholder was sent, and cannot any more, gets a message of its own.
    return traits.canEdit ? { type: "edit", id: row.placed } : { type: "send", key: `${key}~text` };
  }
  // The text goes out under an id that is known beforehand, or under a key that never stood for another text. Without
  // keys only an edit can be repeated safely; with them a placeholder that may be out there has to be found first.
  const placeFirst = traits.canEdit && (!traits.idempotent || row.unsure);
  return placeFirst ? { type: "placeholder", key } : { type: "send", key };
}

/** The order within a place. */
export const inOrder = (a: OutboxRow, b: OutboxRow): number =>
  a.due - b.due || (a.delivery < b.delivery ? -1 : a.delivery > b.delivery ? 1 : a.part - b.part);

/** Attempts that a row has in its phase. */
const attemptsOf = (row: OutboxRow): number =>
  row.phase === "begun" ? limits.placeholderAttempts : limits.deliveryAttempts;

/** Written before an attempt, so that one which takes the process with it counts too. `random` is 0 to 1. */
export function beginAttempt(row: OutboxRow, step: Step, now: number, random: number): OutboxRow {
  const backoff = Math.min(limits.deliveryBackoffMs * 3 ** row.attempts, limits.deliveryBackoffMaxMs);
  return {
    ...row,
    attempts: row.attempts + 1,
    nextAt: now + Math.round(backoff * (0.5 + random / 2)),
    unsure: row.unsure || step.type === "placeholder",
  };
}

/** The attempt ended. `row` is as it stands now, `tried` as it was before the attempt; others may have changed it. */
export interface Ended {
  row: OutboxRow;
  tried: OutboxRow;
  step: Step;
  now: number;
  /** The other rows of its delivery. */
  siblings: readonly OutboxRow[];
}

/** The attempt did what it should. `id` is the platform's, of a message that was sent. */
export function succeeded({ row, step, now }: Ended, id: string): Change[] {
  if (step.type !== "placeholder") return [{ remove: row.id }];
  return [{ put: { ...row, placed: id, unsure: false, attempts: 0, nextAt: now, error: "" } }];
}

export function failed(ended: Ended, error: DeliveryError): Change[] {
  const { row, tried, step, now, siblings } = ended;
  const sent = error.kind === "failed";
  const unsure = sent ? row.unsure : tried.unsure;
  if (error.kind === "limited" && error.retryAfterMs !== null) {
    return limited(ended, unsure, error.message, now + error.retryAfterMs);
  }
  // The turn ended meanwhile: what failed was the placeholder, and the text has all its attempts before it.
  if (row.phase !== tried.phase) return [{ put: { ...row, unsure, nextAt: now } }];
  const after = { ...row, unsure, error: error.message };
  if (error.kind === "gone" && step.type === "edit" && row.renewed === 0)
    return [{ put: renewed(after, now) }];
  const lasting = error.kind === "refused" || error.kind === "gone";
  return lasting || after.attempts >= attemptsOf(after) ? giveUp(after, siblings, now) : [{ put: after }];
}

/**
 * A long pause is no failure, and its attempt does not count. Short ones do: a platform that asks for one again and
 * again would be asked without an end, so the attempts grow rarer, as after any failure, and come to their end.
 */
function limited(
  { row, tried, now, siblings }: Ended,
  unsure: boolean,
  error: string,
  until: number,
): Change[] {
  const wait = { wait: row.place, until };
  const short = until - now < limits.deliveryBackoffMaxMs;
  // The turn ended meanwhile: what counts are attempts of the text.
  if (!short || row.phase !== tried.phase) {
    const attempts = Math.min(row.attempts, tried.attempts);
    return [{ put: { ...row, unsure, attempts, nextAt: until, error } }, wait];
  }
  const after = { ...row, unsure, nextAt: Math.max(until, row.nextAt), error };
  return [...(after.attempts >= attemptsOf(after) ? giveUp(after, siblings, now) : [{ put: after }]), wait];
}

/** All attempts were begun and none ended: they took the process with them. */
export const exhausted = (row: OutboxRow, siblings: readonly OutboxRow[], now: number): Change[] | null =>
  row.attempts >= attemptsOf(row) ? giveUp({ ...row, error: row.error || CUT_OFF }, siblings, now) : null;

/** A placeholder is given up without a word: the text is owed later anyway. A text becomes a dead letter. */
function giveUp(row: OutboxRow, siblings: readonly OutboxRow[], now: number): Change[] {
  if (row.phase === "begun") return [{ put: { ...row, phase: "waiting", attempts: 0, at: now } }];
  const behind = siblings.filter((other) => other.phase === "owed" && other.part > row.part);
  const dead = { phase: "dead" as const, at: now };
  return [
    { put: { ...row, ...dead } },
    // The rest of an answer without its beginning helps nobody.
    ...behind.map((other) => ({ put: { ...other, ...dead, error: EARLIER_PART } })),
  ];
}

/** The message is gone, by its reader's hand perhaps: what is owed is owed still, as a message of its own. */
export const renewed = (row: OutboxRow, now: number): OutboxRow => ({
  ...row,
  phase: row.phase === "begun" ? "waiting" : row.phase,
  placed: null,
  unsure: false,
  renewed: row.renewed + 1,
  nextAt: now,
});

/** A person sends a dead letter again: every part of it, from its first attempt, behind what is owed already. */
export const resent = (rows: readonly OutboxRow[], due: number, now: number): Change[] =>
  rows
    .filter((row) => row.phase === "dead")
    .map((row) => ({
      put: { ...row, phase: "owed", due, attempts: 0, nextAt: now, error: "", at: now },
    }));

/** A person gives an answer up that is owed or dead. */
export const dropped = (rows: readonly OutboxRow[]): Change[] =>
  rows.filter((row) => row.phase === "dead" || row.phase === "owed").map((row) => ({ remove: row.id }));
