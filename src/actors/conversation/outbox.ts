/**
 * The deliverer: takes what is owed to each place in order, tries it, and writes down what became of it. Single-flight
 * per place, side by side over places. It sees only ports; a crash at any point loses nothing, because each attempt is
 * written before it is made, and waking is the same as going on.
 */
import { limits } from "../../limits.ts";
import { type ChannelDriver, DeliveryError } from "../../protocol/channel.ts";
import {
  beginAttempt,
  type Change,
  type Ended,
  exhausted,
  failed,
  inOrder,
  type OutboxRow,
  PLACEHOLDER,
  progressText,
  renewed,
  type Step,
  stepOf,
  succeeded,
} from "./outbox-plan.ts";

/** Where the rows are kept. Every call is synchronous, and `write` is one transaction. */
export interface OutboxStore {
  /** All rows but dead letters. */
  pending(): OutboxRow[];
  /** The place's end of waiting, in milliseconds since the epoch; 0 when it does not wait. */
  waitOf(place: string): number;
  /** Deliveries that are dead letters. */
  deadCount(): number;
  /** How many of them the list of chats knows of; -1 while that is not certain. */
  told(): number;
  write(changes: readonly Change[]): void;
}

export interface OutboxPorts {
  store: OutboxStore;
  now(): number;
  /** 0 to 1, for jitter. */
  random(): number;
  after(ms: number, run: () => void): () => void;
  /** Null for a channel that is not configured. */
  driver(channel: string): ChannelDriver | null;
  /** What a turn has said so far, while it streams; null when it does not. */
  said(turn: string): string | null;
  /** Tells the list of chats how many answers are undelivered. */
  tell(count: number): Promise<void>;
  /**
   * Called whenever it may have changed when there is something to do next: `at` in milliseconds since the epoch, null
   * for never. `busy`: something is under way besides, which has to be looked after if this life ends.
   */
  rest(next: { at: number | null; busy: boolean }): void;
  /** Something broke that is not a channel's fault. The place is tried again later. */
  broke(error: unknown): void;
}

/** Stands for the number that the list of chats knows of while it is being told. */
const TOLD_UNKNOWN = -1;

/** A placed message whose answer streams: what it shows, and when that was last changed. */
interface Shown {
  text: string;
  at: number;
}

export class Deliverer {
  readonly #ports: OutboxPorts;
  readonly #busy = new Set<string>();
  readonly #shown = new Map<string, Shown>();
  /** Places that broke, and until when they are left alone. */
  readonly #broken = new Map<string, number>();
  #telling = false;
  #tellAt = 0;
  #looks = 0;
  #cancelLook: (() => void) | null = null;

  constructor(ports: OutboxPorts) {
    this.#ports = ports;
  }

  /** Makes sure that everything that is due is under way. Call it after each commit that may owe something. */
  kick(): void {
    this.#looks = 0;
    this.#run();
  }

  #run(): void {
    const lanes = this.#lanes();
    for (const place of lanes.keys()) {
      if (this.#busy.size >= limits.deliveryLanes) break;
      if (!this.#busy.has(place) && this.#next(place, lanes.get(place) ?? []) !== null)
        void this.#lane(place);
    }
    if (this.#mustTell() && this.#tellAt <= this.#ports.now()) void this.#tell();
    this.#rest();
  }

  /** Pending rows by place, each in its order. */
  #lanes(): Map<string, OutboxRow[]> {
    const rows = this.#ports.store.pending().sort(inOrder);
    return Map.groupBy(rows, (row) => row.place);
  }

  /** One place's deliveries, one after the other, until nothing more is due there. */
  async #lane(place: string): Promise<void> {
    this.#busy.add(place);
    try {
      for (;;) {
        const job = this.#next(place, this.#lanes().get(place) ?? []);
        if (job === null) break;
        await job();
      }
    } catch (error) {
      this.#broken.set(place, this.#ports.now() + limits.wakeMs);
      this.#ports.broke(error);
    } finally {
      this.#busy.delete(place);
    }
    this.#runSafely();
  }

  #runSafely(): void {
    try {
      this.#run();
    } catch (error) {
      this.#ports.broke(error);
    }
  }

  /** What is to be done at a place now. */
  #next(place: string, rows: readonly OutboxRow[]): (() => Promise<void>) | null {
    const now = this.#ports.now();
    if (this.#heldUntil(place) > now) return null;
    const head = this.#headOf(rows);
    if (head && head.row.nextAt <= now) return () => this.#attempt(head.row, head.step, rows);
    const edit = this.#editDue(rows, now);
    return edit && (() => this.#showProgress(edit.row, edit.id, edit.text));
  }

  #heldUntil(place: string): number {
    return Math.max(this.#ports.store.waitOf(place), this.#broken.get(place) ?? 0);
  }

  /** The first row that wants an attempt: all behind it wait for it. */
  #headOf(rows: readonly OutboxRow[]): { row: OutboxRow; step: Step } | null {
    for (const row of rows) {
      const step = stepOf(row, this.#ports.driver(row.channel));
      if (step) return { row, step };
    }
    return null;
  }

  // --- attempts ---------------------------------------------------------------------------------------------

  async #attempt(row: OutboxRow, step: Step, rows: readonly OutboxRow[]): Promise<void> {
    const { store, now } = this.#ports;
    const siblings = rows.filter((other) => other.delivery === row.delivery && other.id !== row.id);
    const lost = exhausted(row, siblings, now());
    if (lost) return store.write(lost);
    store.write([{ put: beginAttempt(row, step, now(), this.#ports.random()) }, ...this.#forgetWait(row)]);
    this.#shown.delete(row.id);
    const driver = this.#ports.driver(row.channel);
    const outcome = driver
      ? await this.#call(driver, (signal) => perform(driver, row, step, signal))
      : { error: new DeliveryError("failed", `The channel "${row.channel}" is not configured.`) };
    const pending = store.pending();
    const current = pending.find((other) => other.id === row.id);
    // Dropped meanwhile, or erased; what the platform said of the place counts all the same.
    if (!current) return "error" in outcome ? this.#heed(row.place, outcome.error) : undefined;
    const ended: Ended = {
      row: current,
      tried: row,
      step,
      now: now(),
      siblings: pending.filter((other) => other.delivery === row.delivery && other.id !== row.id),
    };
    store.write("error" in outcome ? failed(ended, outcome.error) : succeeded(ended, outcome.id));
    if (step.type === "placeholder" && !("error" in outcome))
      this.#shown.set(row.id, { text: "", at: now() });
  }

  /** A platform that wants to be left alone is, whatever became of the row that it said it to. */
  #heed(place: string, error: DeliveryError): void {
    if (error.kind !== "limited") return;
    const until = this.#ports.now() + (error.retryAfterMs ?? limits.deliveryBackoffMs);
    this.#ports.store.write([{ wait: place, until }]);
  }

  /** A wait that has passed is forgotten with the first attempt behind it. */
  #forgetWait(row: OutboxRow): Change[] {
    return this.#ports.store.waitOf(row.place) === 0 ? [] : [{ wait: row.place, until: 0 }];
  }

  /** One call of a driver, for as long as it may take. Never rejects. */
  async #call<T>(
    driver: ChannelDriver,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | { error: DeliveryError }> {
    const abort = new AbortController();
    let cancel = () => {};
    const late = new Promise<never>((_resolve, reject) => {
      cancel = this.#ports.after(limits.deliveryTimeoutMs, () => {
        reject(new DeliveryError("failed", "The channel did not answer in time."));
        abort.abort();
      });
    });
    try {
      return await Promise.race([run(abort.signal), late]);
    } catch (error) {
      if (error instanceof DeliveryError) return { error };
      // Its message may hold an address with a token in it: that is for the log, not for the row.
      this.#ports.broke(error);
      const message = `The driver of "${driver.name}" failed. The log says why.`;
      return { error: new DeliveryError("failed", message, { cause: error }) };
    } finally {
      cancel();
    }
  }

  // --- while an answer streams --------------------------------------------------------------------------------

  /** A placed message that shows less than its turn has said. */
  #editDue(rows: readonly OutboxRow[], now: number): { row: OutboxRow; id: string; text: string } | null {
    for (const row of rows) {
      if (row.phase !== "begun" || row.placed === null) continue;
      const shown = this.#shownOf(row, now);
      const driver = this.#ports.driver(row.channel);
      const said = this.#ports.said(row.turn);
      if (said === null || !driver?.canEdit || now - shown.at < limits.deliveryEditMs) continue;
      const text = progressText(said, driver.maxChars);
      if (said.trim() !== "" && text !== shown.text) return { row, id: row.placed, text };
    }
    return null;
  }

  /** After a restart nobody knows when the message was last changed: it counts as just now. */
  #shownOf(row: OutboxRow, now: number): Shown {
    const known = this.#shown.get(row.id) ?? { text: "", at: now };
    this.#shown.set(row.id, known);
    return known;
  }

  /** Best effort: it has no row and no second attempt, and the end of the turn brings the whole text. */
  async #showProgress(row: OutboxRow, id: string, text: string): Promise<void> {
    const { store, now } = this.#ports;
    this.#shown.set(row.id, { text, at: now() });
    this.#looks = 0;
    const driver = this.#ports.driver(row.channel);
    if (!driver) return;
    const outcome = await this.#call(driver, async (signal) => {
      await driver.edit(row.to, id, text, { signal });
      return { id };
    });
    this.#shown.set(row.id, { text, at: now() });
    if (!("error" in outcome)) return;
    this.#heed(row.place, outcome.error);
    const current = store.pending().find((other) => other.id === row.id && other.placed === id);
    // Its reader took it away: the answer comes as a message of its own.
    if (current && outcome.error.kind === "gone") store.write([{ put: renewed(current, now()) }]);
  }

  /** Looks again in a while, as long as there is a message to change and something may still be said. */
  #lookAgain(): void {
    this.#cancelLook?.();
    this.#cancelLook = null;
    const streams = this.#ports.store
      .pending()
      .some((row) => row.phase === "begun" && row.placed !== null && this.#ports.said(row.turn) !== null);
    if (!streams || this.#looks >= limits.deliveryIdleLooks) return;
    this.#cancelLook = this.#ports.after(limits.deliveryEditMs, () => {
      this.#cancelLook = null;
      this.#looks++;
      this.#runSafely();
    });
  }

  // --- resting --------------------------------------------------------------------------------------------------

  /** Says when there is something to do next. */
  #rest(): void {
    const times: number[] = [];
    for (const [place, rows] of this.#lanes()) {
      const head = this.#busy.has(place) ? null : this.#headOf(rows);
      if (head) times.push(Math.max(head.row.nextAt, this.#heldUntil(place)));
    }
    if (this.#mustTell()) times.push(this.#tellAt);
    this.#lookAgain();
    const at = times.length === 0 ? null : Math.min(...times);
    this.#ports.rest({ at, busy: this.#busy.size > 0 || this.#telling });
  }

  #mustTell(): boolean {
    const { store } = this.#ports;
    return !this.#telling && store.deadCount() !== store.told();
  }

  async #tell(): Promise<void> {
    this.#telling = true;
    const { store, now } = this.#ports;
    try {
      const count = store.deadCount();
      // From here on nobody knows what the list shows, should this life end: it is told again then.
      if (store.told() !== TOLD_UNKNOWN) store.write([{ told: TOLD_UNKNOWN }]);
      await this.#ports.tell(count);
      store.write([{ told: count }]);
      this.#tellAt = 0;
    } catch (error) {
      this.#tellAt = now() + limits.deliveryTellMs;
      this.#ports.broke(error);
    }
    this.#telling = false;
    this.#runSafely();
  }
}

async function perform(
  driver: ChannelDriver,
  row: OutboxRow,
  step: Step,
  signal: AbortSignal,
): Promise<{ id: string }> {
  switch (step.type) {
    case "placeholder":
      return driver.send(row.to, PLACEHOLDER, { key: step.key, signal });
    case "send":
      return driver.send(row.to, row.text, { key: step.key, signal });
    case "edit":
      await driver.edit(row.to, step.id, row.text, { signal });
      return { id: step.id };
  }
}
