/**
 * A conversation that owes replies, without a platform: the real fold, the real `owe` and the real deliverer over a
 * virtual clock. The process can die before and after every port call and every commit; what is on disk and what the
 * channels' readers see stays.
 */
import type { Entry } from "../../../src/actors/conversation/entries.ts";
import { Deliverer, type OutboxStore } from "../../../src/actors/conversation/outbox.ts";
import {
  type Change,
  dropped,
  type OutboxRow,
  owe,
  resent,
} from "../../../src/actors/conversation/outbox-plan.ts";
import { emptyState, reduceAll, type State } from "../../../src/actors/conversation/state.ts";
import { limits } from "../../../src/limits.ts";
import type { ChannelDriver, ChannelTraits } from "../../../src/protocol/channel.ts";
import type { Chance } from "../random.ts";
import { Platform } from "./platform.ts";

/** Thrown into a dead process's hands, so that nothing of it goes on. */
export class Dead extends Error {}

/** Where a crash may strike: at every point, counted from 1. */
export type Strikes = (point: number) => boolean;

/** Keys are `<conversation>:<delivery>.<part>`, with a mark behind one that was begun anew. */
export const deliveryOf = (key: string): string => key.slice(key.indexOf(":") + 1, key.lastIndexOf("."));
export const partOf = (key: string): number => Number(key.slice(key.lastIndexOf(".") + 1).split("~")[0]);

interface Timer {
  at: number;
  order: number;
  run: () => void;
}

export class World {
  now = 1_700_000_000_000;
  state: State = emptyState;
  readonly journal: Entry[] = [];
  readonly rows = new Map<string, OutboxRow>();
  readonly waits = new Map<string, number>();
  readonly platforms = new Map<string, Platform>();
  /** What each delivery is for. A turn that was taken into another gives it its deliveries. */
  readonly deliveries = new Map<string, { turn: string; place: string }>();
  readonly everDead = new Set<string>();
  /** Attempts by key, without the mark. */
  readonly tries = new Map<string, number>();
  told = 0;
  /** What the list of chats shows. */
  shown = 0;
  /** The lifecycle job: it outlives the process. */
  jobAt: number | null = null;
  /** What the open round has said so far. */
  streaming: { turn: string; text: string } | null = null;
  points = 0;
  crashes = 0;
  readonly seen: string[] = [];
  readonly chance: Chance;
  readonly #strikes: Strikes;
  #generation = 0;
  #dead = false;
  #timers: Timer[] = [];
  #order = 0;
  #calls: (() => void)[] = [];
  /** The request that is under way at a place. */
  readonly #asking = new Map<string, AbortSignal>();
  readonly #editedAt = new Map<string, number>();
  #deliverer: Deliverer;

  constructor(chance: Chance, strikes: Strikes, channels: Record<string, ChannelTraits>, trouble: number) {
    this.chance = chance;
    this.#strikes = strikes;
    for (const [name, traits] of Object.entries(channels)) {
      this.platforms.set(name, new Platform(traits, chance, () => this.now, trouble));
    }
    this.#deliverer = new Deliverer(this.#ports());
  }

  get alive(): boolean {
    return !this.#dead;
  }

  /** One commit of the journal with what it owes; then the job, and the deliverer is set going. */
  commit(entries: readonly Entry[]): void {
    if (this.#dead) return;
    survive(() => {
      this.#point();
      const next = reduceAll(this.state, entries);
      const changes = owe(entries, {
        next,
        rowsOf: (turn) => [...this.rows.values()].filter((row) => row.turn === turn && row.phase !== "dead"),
        traits: (channel) => this.platforms.get(channel)?.traits ?? null,
        now: this.now,
        conversation: "alice.main",
      });
      this.journal.push(...entries);
      this.#apply(changes);
      this.state = next;
      this.#point();
      this.#arm();
    });
  }

  resend(delivery: string): void {
    const rows = [...this.rows.values()].filter((row) => row.delivery === delivery);
    this.#byHand(resent(rows, this.state.seq, this.now));
  }

  drop(delivery: string): void {
    this.#byHand(dropped([...this.rows.values()].filter((row) => row.delivery === delivery)));
  }

  /** Something else wakes the object: nothing may be delivered twice for it. */
  kick(): void {
    if (!this.#dead) survive(() => this.#deliverer.kick());
  }

  die(): void {
    this.crashes++;
    this.#generation++;
    this.#dead = true;
    this.#timers = [];
    this.#calls = [];
    this.#asking.clear();
    this.streaming = null;
    for (const platform of this.platforms.values()) platform.unheard();
  }

  restart(): void {
    this.#dead = false;
    this.#deliverer = new Deliverer(this.#ports());
    this.kick();
  }

  /** One thing happens: a request goes on, or time passes until something is due. False when nothing ever will. */
  async step(): Promise<boolean> {
    await breathe();
    const call =
      this.#calls.length > 0 && this.chance.chance(0.8) ? this.chance.below(this.#calls.length) : -1;
    if (call >= 0) {
      this.#calls.splice(call, 1)[0]?.();
      return true;
    }
    const timer = this.#timers.reduce<Timer | null>(
      (first, next) =>
        first === null || next.at < first.at || (next.at === first.at && next.order < first.order)
          ? next
          : first,
      null,
    );
    const job = this.jobAt;
    if (job !== null && (timer === null || job < timer.at)) {
      this.now = Math.max(this.now, job);
      this.jobAt = null;
      if (this.#dead) this.restart();
      else this.kick();
      return true;
    }
    if (timer) {
      this.now = Math.max(this.now, timer.at);
      this.#timers.splice(this.#timers.indexOf(timer), 1);
      survive(timer.run);
      return true;
    }
    return this.#calls.length > 0;
  }

  /** The job first, then the deliverer: as the conversation does it behind a commit. */
  #arm(): void {
    const due = [...this.rows.values()].some((row) => row.phase === "owed" || row.phase === "begun");
    if (!due) return;
    if (this.jobAt === null || this.jobAt <= this.now) this.jobAt = this.now + limits.wakeMs;
    this.#after(0, () => this.#deliverer.kick());
  }

  #byHand(changes: readonly Change[]): void {
    if (this.#dead) return;
    survive(() => {
      this.#point();
      this.#apply(changes);
      if (this.jobAt === null || this.jobAt <= this.now) this.jobAt = this.now + limits.wakeMs;
      this.#point();
      this.#after(0, () => this.#deliverer.kick());
    });
  }

  #point(generation = this.#generation): void {
    if (generation !== this.#generation || this.#dead) throw new Dead();
    this.points++;
    if (this.#strikes(this.points)) {
      this.die();
      throw new Dead();
    }
  }

  #after(ms: number, run: () => void): () => void {
    const timer: Timer = { at: this.now + ms, order: this.#order++, run };
    this.#timers.push(timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
    };
  }

  #apply(changes: readonly Change[]): void {
    for (const change of changes) {
      if ("put" in change) this.#put(change.put);
      else if ("remove" in change) this.rows.delete(change.remove);
      else if ("told" in change) this.told = change.told;
      else if (change.until === 0) this.waits.delete(change.wait);
      else this.#wait(change.wait, change.until);
    }
  }

  #put(row: OutboxRow): void {
    this.rows.set(row.id, row);
    this.deliveries.set(row.delivery, { turn: row.turn, place: `${row.channel} ${row.to.chat}` });
    if (row.phase === "dead") this.everDead.add(row.delivery);
  }

  /** The deliverer writes about a place: it has heard whatever the platform last said there. */
  #heard(change: Change): void {
    const place = "put" in change ? change.put.place : "wait" in change ? change.wait : null;
    if (place === null) return;
    const [channel, [, chat]] = JSON.parse(place) as [string, [string, string]]; // made by `placeOf`
    this.platforms.get(channel)?.heard(`${channel} ${chat}`);
  }

  #wait(place: string, until: number): void {
    this.waits.set(place, until);
  }

  get deadCount(): number {
    const dead = [...this.rows.values()].filter((row) => row.phase === "dead");
    return new Set(dead.map((row) => row.delivery)).size;
  }

  #store(generation: number): OutboxStore {
    const alive = () => {
      if (generation !== this.#generation) throw new Dead();
    };
    return {
      pending: () => {
        alive();
        return [...this.rows.values()].filter((row) => row.phase !== "dead");
      },
      waitOf: (place) => this.waits.get(place) ?? 0,
      deadCount: () => this.deadCount,
      told: () => this.told,
      write: (changes) => {
        this.#point(generation);
        for (const change of changes) this.#heard(change);
        this.#apply(changes);
        this.#point(generation);
      },
    };
  }

  #ports(): ConstructorParameters<typeof Deliverer>[0] {
    const generation = this.#generation;
    const live = () => generation === this.#generation;
    return {
      store: this.#store(generation),
      now: () => this.now,
      random: () => this.chance.next(),
      after: (ms, run) => (live() ? this.#after(ms, () => live() && run()) : () => {}),
      driver: (channel) => this.#driver(channel, generation),
      said: (turn) => (this.streaming?.turn === turn ? this.streaming.text : null),
      tell: async (count) => {
        this.#point(generation);
        await this.#turn(generation);
        if (this.chance.chance(0.1)) throw new Error("the list of chats is busy");
        this.shown = count;
        this.#point(generation);
      },
      rest: ({ at, busy }) => {
        if (!live()) return;
        const latest = this.now + (busy ? limits.wakeMs : limits.deliveryJobMs);
        if (busy) this.jobAt = latest;
        else this.jobAt = at === null ? null : Math.max(this.now, Math.min(at, latest));
      },
      broke: (error) => {
        const meant = error instanceof Dead || (error instanceof Error && /mistake|busy/.test(error.message));
        if (live() && !meant) this.seen.push(`broke: ${String(error)}`);
      },
    };
  }

  #driver(channel: string, generation: number): ChannelDriver | null {
    const platform = this.platforms.get(channel);
    if (!platform) return null;
    // A request that is broken off before it came to the platform never comes there.
    const ask = async (place: string, signal: AbortSignal, run: () => string | null): Promise<string> => {
      if (this.#asking.has(place)) this.seen.push(`two requests to ${place} are under way at once`);
      this.#asking.set(place, signal);
      signal.addEventListener("abort", () => this.#asking.delete(place));
      try {
        await this.#turn(generation, signal);
        const id = run();
        this.#point(generation);
        if (id === null) return await new Promise<never>(() => {}); // never answered
        await this.#turn(generation);
        return id;
      } finally {
        if (this.#asking.get(place) === signal) this.#asking.delete(place);
      }
    };
    return {
      name: channel,
      ...platform.traits,
      send: async (to, text, { key, signal }) => {
        const place = `${channel} ${to.chat}`;
        this.#owed(key, text);
        this.#tries(key);
        return { id: await ask(place, signal, () => platform.send(place, text, key)) };
      },
      edit: async (to, id, text, { signal }) => {
        const place = `${channel} ${to.chat}`;
        if (text.endsWith(" …")) this.#progress(`${channel} ${id}`);
        const message = platform.messages.find((candidate) => candidate.id === id);
        if (message) this.#owed(message.key, text);
        if (message) this.#tries(message.key);
        await ask(place, signal, () => platform.edit(place, id, text));
      },
    };
  }

  #tries(key: string): void {
    const base = key.split("~")[0] ?? "";
    this.tries.set(base, (this.tries.get(base) ?? 0) + 1);
  }

  /** Nothing is sent before it is owed: a sign once the turn has begun, its text once it has ended. */
  #owed(key: string, text: string): void {
    const turn = this.deliveries.get(deliveryOf(key))?.turn;
    const is = (kind: "call" | "end") =>
      this.journal.some((entry) => entry.kind === kind && entry.turn === turn);
    const sign = text.endsWith("…");
    if (!is("end") && !(sign && is("call"))) this.seen.push(`"${text}" is sent and not owed`);
  }

  /** Changes while an answer streams have to be rare. */
  #progress(id: string): void {
    const last = this.#editedAt.get(id) ?? 0;
    if (this.now - last < limits.deliveryEditMs) this.seen.push(`message ${id} is changed too often`);
    this.#editedAt.set(id, this.now);
  }

  /** A call that the scheduler lets go on. A dead process's call never does. */
  #turn(generation: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (generation !== this.#generation) return reject(new Dead());
      this.#calls.push(resolve);
      signal?.addEventListener("abort", () => {
        this.#calls = this.#calls.filter((call) => call !== resolve);
      });
    });
  }
}

/** Runs something that may end the process. */
function survive(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof Dead)) throw error;
  }
}

/** Lets every promise that can go on go on. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
