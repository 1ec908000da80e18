/**
 * The outbox as a part of the conversation: its rows beside the journal, the deliverer over them, and one lifecycle job
 * that only makes sure that the deliverer runs. Nothing here needs the drive: a reply is delivered whatever the turn does.
 */
import { LifecycleCapability, type LifecycleJobOutcome } from "agents/lifecycle";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { ChannelDriver } from "../../protocol/channel.ts";
import type { Delivery, ThreadUpdate } from "../../protocol/rpc.ts";
import type { Entry } from "./entries.ts";
import { Deliverer } from "./outbox.ts";
import { type Change, dropped, mayOwe, type OutboxRow, owe, resent, saidText } from "./outbox-plan.ts";
import { OutboxTable } from "./outbox-table.ts";
import type { State } from "./state.ts";
import type { LiveStream } from "./stream.ts";

const JOB = "outbox";
/** What the list of dead letters shows of a text. */
const PREVIEW_CHARS = 500;
/** A job that is due this much too early is left alone: moving it costs as much as what it saves. */
const EARLY_MS = 1_000;

export interface OutboxOptions {
  storage: DurableObjectStorage;
  /** The conversation's name, for idempotency keys. */
  conversation: string;
  thread: string;
  now(): number;
  random(): number;
  after(ms: number, run: () => void): () => void;
  state(): State;
  driver(channel: string): ChannelDriver | null;
  /** The answer that streams. */
  live(): Pick<LiveStream, "turn" | "said"> | null;
  /** Tells the user actor, which shows it in the list of chats. */
  tell(update: ThreadUpdate): Promise<void>;
}

export class Outbox extends LifecycleCapability {
  readonly table: OutboxTable;
  readonly #options: OutboxOptions;
  readonly #deliverer: Deliverer;
  /** Whether there are rows that an attempt or a turn's end may change. */
  #pending = true;
  /** When the job is due; 0 when there is none. */
  #dueAt = 0;
  #kicking = false;

  constructor(options: OutboxOptions) {
    super("outbox");
    this.#options = options;
    this.table = new OutboxTable(options.storage);
    this.#deliverer = new Deliverer({
      store: this.table,
      now: options.now,
      random: options.random,
      after: options.after,
      driver: options.driver,
      said: (turn) => this.#said(turn),
      tell: (count) => options.tell(undelivered(options.thread, count, options.now())),
      rest: (next) => this.#rest(next.at, next.busy),
      broke: (error) => console.error("a delivery broke off; it will be tried again", error),
    });
  }

  /** After the conversation's own start: the tables are there. */
  override onStart(): void {
    this.#dueAt = this.lifecycle.jobs.list().find((job) => job.id === JOB)?.time ?? 0;
    this.#pending = this.table.pending().length > 0;
    if (this.#pending || this.table.deadCount() !== this.table.told()) this.#kickSoon();
  }

  /** Writes what a commit owes. Called within its transaction: both stand or fall together. */
  owe(entries: readonly Entry[], next: State): void {
    const fresh = entries.some((entry) => entry.kind === "input" && entry.reply);
    if (!fresh && !(this.#pending && entries.some(mayOwe))) return;
    const { conversation, driver, now } = this.#options;
    const changes = owe(entries, {
      next,
      rowsOf: (turn) => this.table.rowsOfTurn(turn),
      traits: driver,
      now: now(),
      conversation,
    });
    this.table.writeInside(changes);
    if (changes.length > 0) this.#pending = true;
  }

  /** Called right behind a commit: sets the job before any other I/O, then makes sure that the deliverer runs. */
  committed(): void {
    if (!this.#pending) return;
    const due = this.table.pending().some((row) => row.phase === "owed" || row.phase === "begun");
    if (!due) return;
    if (this.#dueAt <= this.#options.now()) this.#set(this.#options.now() + limits.wakeMs);
    this.#kickSoon();
  }

  /** Every delivery that is not done, in order. */
  deliveries(): Delivery[] {
    const groups = Map.groupBy(this.table.all(), (row) => row.delivery);
    return [...groups.values()].map(deliveryOf);
  }

  /** A person sends a dead letter again. Throws `delivery_unknown`. */
  resend(delivery: string): void {
    const changes = resent(this.#rowsOf(delivery), this.#options.state().seq, this.#options.now());
    if (changes.length === 0) throw unknownDelivery();
    this.#write(changes);
  }

  /** A person gives a delivery up. Throws `delivery_unknown`, also while its turn is still running. */
  drop(delivery: string): void {
    const changes = dropped(this.#rowsOf(delivery));
    if (changes.length === 0) throw unknownDelivery();
    this.#write(changes);
  }

  /** Removes what is owed of these turns, whatever becomes of it. Within the transaction of their erasure. */
  erase(turns: readonly string[]): void {
    this.table.erase(turns);
    this.#pending = true; // the list of chats may have to hear of it
  }

  /** The job is set with it: the list of chats has to learn of it too. */
  #write(changes: readonly Change[]): void {
    this.table.write(changes);
    this.#pending = true;
    if (this.#dueAt <= this.#options.now()) this.#set(this.#options.now() + limits.wakeMs);
    this.#kickSoon();
  }

  // --- the job ------------------------------------------------------------------------------------------------

  onJob(): LifecycleJobOutcome {
    this.#dueAt = 0;
    this.#deliverer.kick(); // ends with `#rest`, which sets the job again if there is anything left
    return this.#dueAt === 0 ? undefined : { rescheduleAt: this.#dueAt };
  }

  onJobError(): LifecycleJobOutcome {
    this.#dueAt = this.#options.now() + limits.wakeMs;
    return { rescheduleAt: this.#dueAt };
  }

  /** Once a commit's own work is over: nothing may come between it and its job. */
  #kickSoon(): void {
    if (this.#kicking) return;
    this.#kicking = true;
    this.#options.after(0, () => {
      this.#kicking = false;
      try {
        this.#deliverer.kick();
      } catch (error) {
        console.error("the outbox could not be read; its job will try again", error);
      }
    });
  }

  #rest(at: number | null, busy: boolean): void {
    const now = this.#options.now();
    if (at === null && !busy) {
      this.#pending = this.table.pending().length > 0;
      if (this.#dueAt === 0) return;
      this.#dueAt = 0;
      this.lifecycle.jobs.cancel(JOB).catch(jobFailed);
      return;
    }
    // While something is under way the job is only for a life that ends: any time soon will do.
    const latest = now + (busy ? limits.wakeMs : limits.deliveryJobMs);
    const wanted = Math.max(now + 1, Math.min(at ?? latest, latest));
    if (busy && this.#dueAt > now && this.#dueAt <= latest) return;
    if (this.#dueAt > now && wanted >= this.#dueAt && wanted - this.#dueAt < EARLY_MS) return;
    this.#set(busy ? latest : wanted);
  }

  #set(at: number): void {
    const known = this.#dueAt !== 0;
    this.#dueAt = at;
    const { jobs } = this.lifecycle;
    const set = known ? jobs.reschedule(JOB, at) : jobs.push({ id: JOB, fn: "deliver", time: at });
    set.catch(jobFailed);
  }

  // --- what is said ---------------------------------------------------------------------------------------------

  /** What a turn has said so far; null when it does not run, or nothing of it streams and nobody is asked. */
  #said(turn: string): string | null {
    const { active } = this.#options.state();
    const live = this.#options.live();
    if (active?.id !== turn) return null;
    const last = active.rounds.at(-1);
    const asked = last?.asks.find((ask) => ask.decision === null);
    // While it waits for a person nothing streams, and its reader has to know for what.
    const streams = live?.turn === turn;
    if (!streams && !asked) return null;
    const said = streams ? live.said() : [];
    const open = said.flatMap((part) => (part.type === "text" ? [part.text.trim()] : []));
    // The stream holds a round until the next begins; its answer is in the journal before that.
    const kept = last ? saidText({ ...active, rounds: [last] }) : "";
    const fresh = open.filter((text) => text !== "").join("\n\n");
    const waits = asked ? `Waiting for approval: ${asked.name}` : "";
    const texts = [saidText(active), fresh === kept ? "" : fresh, waits];
    return texts.filter((text) => text !== "").join("\n\n");
  }

  #rowsOf(delivery: string): OutboxRow[] {
    return this.table.all().filter((row) => row.delivery === delivery);
  }
}

const jobFailed = (error: unknown): void => console.error("the outbox's job could not be set", error);

const unknownDelivery = (): AppError =>
  new AppError("delivery_unknown", "There is no such delivery any more. Look at the list again.");

/** News of undelivered answers and of nothing else: its sequence number is below that of any other. */
const undelivered = (thread: string, count: number, at: number): ThreadUpdate => ({
  thread,
  seq: 0,
  status: "idle",
  suggestedTitle: "",
  preview: "",
  at,
  inputTokens: 0,
  outputTokens: 0,
  transient: false,
  undelivered: count,
});

function deliveryOf(rows: readonly OutboxRow[]): Delivery {
  // The part that says how the whole delivery stands: what is dead is so from there on.
  const row = rows.find((one) => one.phase === "dead") ?? rows[0];
  if (!row) throw new Error("A delivery has at least one row.");
  const waits = row.phase === "waiting" || row.phase === "begun";
  return {
    id: row.delivery,
    turn: row.turn,
    channel: row.channel,
    to: row.to,
    state: row.phase === "dead" ? "dead" : waits ? "running" : "owed",
    text: row.text.slice(0, PREVIEW_CHARS),
    parts: row.parts,
    left: rows.length,
    attempts: row.attempts,
    error: row.error,
    at: row.at,
    ...(row.phase === "owed" && { nextAt: row.nextAt }),
  };
}
