/**
 * A conversation in a world of chance: the real state, plan, turn and stream on a virtual clock, where every port call
 * waits until a seeded scheduler lets it go on, and where the process can die before and after each of them. What the
 * world outside saw (effects of tools, frames, acceptances) survives; memory does not.
 */
import type { Entry } from "../../src/actors/conversation/entries.ts";
import type { TurnPorts } from "../../src/actors/conversation/ports.ts";
import { releaseOf } from "../../src/actors/conversation/purse.ts";
import {
  emptyState,
  findUserMessage,
  hasWork,
  reduceAll,
  type State,
} from "../../src/actors/conversation/state.ts";
import { LiveStream } from "../../src/actors/conversation/stream.ts";
import { type ChatRequest, inputEntry } from "../../src/actors/conversation/submit.ts";
import { Drive } from "../../src/actors/conversation/turn.ts";
import { TooLate } from "../../src/actors/conversation/within.ts";
import { AppError } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import type { Chance } from "./random.ts";
import { moneyWrong, simMoney } from "./sim-money.ts";
import { callModel, type Effect, type Life, replayOf, riskOf, runTool } from "./sim-outside.ts";
import { Watch } from "./sim-watch.ts";

/** Thrown into a dead process's hands, so that nothing of it goes on. */
class Dead extends Error {}

/** Storage that does not take a commit, while the process lives on. */
class StorageFailed extends Error {}

/** What a client sends, and sends again until it is accepted. */
export interface Said {
  id: string;
  request: ChatRequest;
  burst: boolean;
}

/** Where a crash may strike: before or after each port call, counted from 1. */
export interface CrashPlan {
  /** Called at every point with its number and name; true ends the process there. */
  strikes(point: number, name: string): boolean;
  /** Called at every commit; true makes storage refuse it. */
  fails?(): boolean;
}

interface Pending {
  name: string;
  run: () => void;
  generation: number;
}

const ALICE = { id: "alice", name: "Alice" };

export class Sim {
  now = 1_700_000_000_000;
  readonly journal: Entry[] = [];
  readonly commits: number[] = [];
  readonly effects: Effect[] = [];
  /** Messages that a client was told are accepted, and when; and when each turn showed its first sign. */
  readonly accepted = new Map<string, number>();
  readonly signs = new Map<string, number>();
  crashes = 0;
  /** Commits that storage refused. */
  refusals = 0;
  /** How often the user's purse did not answer in time. */
  hung = 0;
  points = 0;
  broke: unknown[] = [];
  readonly watch = new Watch();
  #calling = 0;
  readonly chance: Chance;
  readonly #plan: CrashPlan;
  /** Whether this story's messages come from a channel on which people send several at once. */
  readonly #bursty: boolean;
  /** Whether its model costs something. */
  readonly #costs: boolean;
  #state: State = emptyState;
  #pending: Pending[] = [];
  #timers: { at: number; run: () => void; generation: number }[] = [];
  #generation = 0;
  #ids = 0;
  #restartAt: number | null = null;
  #drive: Drive;

  constructor(chance: Chance, plan: CrashPlan) {
    this.chance = chance;
    this.#plan = plan;
    this.#bursty = chance.chance(0.25);
    this.#costs = chance.chance(0.4);
    this.#drive = new Drive(this.#ports());
  }

  get state(): State {
    return this.#state;
  }

  get alive(): boolean {
    return this.#restartAt === null;
  }

  /** A client sends; it is accepted only if the process lives long enough to say so. */
  send(said: Said): boolean {
    if (!this.alive) return false;
    if (said.request.keys.some((key) => this.#state.seen.get(key))) return true; // counted once
    const generation = this.#generation;
    const from = { source: said.burst ? "telegram" : "chat", burst: said.burst };
    const replaces = this.#stillThere(said.request.replaces);
    const { replaces: _, ...rest } = said.request;
    const request = { ...rest, ...(replaces !== undefined && { replaces }) };
    const { entry } = inputEntry(this.#state, request, ALICE, from, this.now, `t${++this.#ids}`);
    try {
      this.#drive.accept(entry);
    } catch (error) {
      if (error instanceof StorageFailed) return false;
      if (error instanceof Dead || generation !== this.#generation) return false;
      throw error;
    }
    if (generation !== this.#generation) return false;
    if (!this.accepted.has(said.id)) this.accepted.set(said.id, this.now);
    return true;
  }

  #stillThere(message: string | undefined): string | undefined {
    return message !== undefined && findUserMessage(this.#state.items, message) >= 0 ? message : undefined;
  }

  /** The turn that answers a message, by the journal's own account. */
  turnOf(message: string): string | undefined {
    return this.#state.seen.get(`message:${message}`);
  }

  cancel(message: string): void {
    const turn = this.turnOf(message);
    if (this.alive && turn) this.#survive(() => void this.#drive.cancel(turn));
  }

  /** Somebody clicks on a question that waits; sometimes two do. */
  decide(approved: boolean): void {
    const ask = this.#state.active?.rounds.at(-1)?.asks.find((one) => one.decision === null);
    if (!this.alive || !ask) return;
    const click = (answer: boolean) =>
      this.#survive(() => {
        const decision = this.#drive.decide(ask.id, ALICE, { approved: answer, source: "chat" });
        if (!decision) this.watch.wrong.push(`nobody knows the question ${ask.id}`);
      });
    click(approved);
    if (this.alive && this.chance.chance(0.3)) click(!approved);
  }

  /** Changes a message that waits. */
  amend(action: "edit" | "delete" | "steer"): void {
    const waiting = this.#state.waiting.find((turn) => turn.outcome === null);
    const message = waiting?.messages[0]?.id;
    if (!this.alive || message === undefined) return;
    const parts = [{ type: "text" as const, text: "in other words" }];
    const change = action === "edit" ? { action, parts } : { action };
    this.#survive(() => this.#drive.amend(message, ALICE, change));
  }

  /** Takes the newest exchange back, as the shell does: what runs is stopped first. */
  undo(): void {
    if (!this.alive) return;
    this.#survive(() => {
      const running = this.#state.active;
      if (running) this.#drive.cancel(running.id);
      this.#ports().commit([{ kind: "undo", at: this.now, scope: "last", by: ALICE }]);
    });
  }

  /** The user's purse wants back what is free. */
  recall(): void {
    const { purse } = this.#state;
    const release = releaseOf(purse, purse.lease, this.now);
    if (this.alive && release) this.#survive(() => this.#ports().commit([release]));
  }

  said(): Said {
    const id = `m${++this.#ids}`;
    const whim = this.chance.next();
    const messages = [{ id, parts: [{ type: "text" as const, text: `message ${id}` }] }];
    return {
      id,
      burst: this.#bursty && whim < 0.7,
      request: {
        type: "new",
        request: `r_${id}`,
        keys: [`message:${id}`, `request:r_${id}`],
        messages,
        ...(whim > 0.7 && whim < 0.9 && { steer: true as const }),
        ...(whim > 0.9 && { replaces: `m${1 + this.chance.below(this.#ids)}` }),
      },
    };
  }

  /** One thing happens: a pending call goes on, a timer fires, or the process comes back. False when nothing is left. */
  async step(): Promise<boolean> {
    await breathe();
    if (this.#restartAt !== null) {
      this.now = this.#restartAt;
      this.#restart();
      return true;
    }
    const ready = this.#pending.filter((pending) => pending.generation === this.#generation);
    this.#pending = ready;
    const timers = this.#timers.filter((timer) => timer.generation === this.#generation);
    this.#timers = timers;
    // Mostly calls go on; sometimes time passes first.
    if (ready.length > 0 && (timers.length === 0 || !this.chance.chance(0.1))) {
      const chosen = this.chance.pick(ready);
      this.#pending = ready.filter((pending) => pending !== chosen);
      chosen.run();
      return true;
    }
    timers.sort((a, b) => a.at - b.at);
    const timer = timers[0];
    // A question is mostly answered before it expires.
    const far = timer && timer.at - this.now > limits.retryWaitMs * 2;
    if (far && ready.length === 0 && !this.chance.chance(0.1)) return true;
    if (timer && (hasWork(this.#state) || this.#drive.running)) {
      this.#timers = timers.slice(1);
      this.now = Math.max(this.now, timer.at);
      this.#survive(timer.run);
      return true;
    }
    return ready.length > 0;
  }

  /** Something else wakes the object: the drive must not start twice. */
  kick(): void {
    if (this.alive) this.#survive(() => this.#drive.kick());
  }

  /** The process dies here. It comes back when its wake is due, or at once if something else wakes it. */
  die(): void {
    this.crashes++;
    this.watch.stopped();
    this.#generation++;
    this.#restartAt = this.now + this.chance.below(limits.wakeMs);
  }

  #restart(): void {
    this.#restartAt = null;
    this.#calling = 0;
    this.#state = reduceAll(emptyState, this.journal);
    this.#drive = new Drive(this.#ports());
    // Clients come back and read the transcript: an outcome in it is a sign.
    for (const turn of this.watch.outcomes.keys()) if (!this.signs.has(turn)) this.signs.set(turn, this.now);
    if (hasWork(this.#state)) this.#survive(() => this.#drive.kick());
  }

  /** A point where the process may die. */
  #point(name: string, generation: number): void {
    if (generation !== this.#generation) throw new Dead();
    this.points++;
    if (this.#plan.strikes(this.points, name)) {
      this.die();
      throw new Dead();
    }
  }

  /** A call that the scheduler lets go on. A dead process's call never does. */
  #turnOf(name: string, generation: number): Promise<void> {
    return new Promise((resolve) => {
      this.#pending.push({ name, run: resolve, generation });
    });
  }

  #ports(): TurnPorts {
    const generation = this.#generation;
    const point = (name: string) => this.#point(name, generation);
    const live = () => generation === this.#generation;
    const life: Life = {
      chance: this.chance,
      point,
      turnOf: (name) => this.#turnOf(name, generation),
      alive: live,
      over: (turn) => this.watch.outcomes.has(turn),
      wrong: (what) => this.watch.wrong.push(what),
      effect: (effect) => this.effects.push(effect),
    };
    return {
      now: () => this.now,
      id: () => `i${++this.#ids}`,
      random: () => this.chance.next(),
      after: (ms, run) => {
        const timer = { at: this.now + ms, run: () => live() && run(), generation };
        this.#timers.push(timer);
        return () => {
          this.#timers = this.#timers.filter((other) => other !== timer);
        };
      },
      state: () => this.#state,
      commit: (entries) => {
        point("before commit");
        if (this.#plan.fails?.()) {
          this.refusals++;
          throw new StorageFailed("the disk is full");
        }
        this.journal.push(...entries);
        this.commits.push(entries.length);
        const before = this.#state;
        const wrong = moneyWrong(before.purse, entries);
        if (wrong) this.watch.wrong.push(wrong);
        this.#state = reduceAll(before, entries);
        this.watch.commit(before, this.#state, entries, this.now);
        point("after commit");
      },
      settings: () => ({
        agent: { name: "Sim", instructions: "", model: "", timeZone: "UTC", toolRisks: {}, version: 1 },
        model: "sim/model",
        compactModel: "",
        userId: "alice",
        thread: "main",
      }),
      loadSettings: async () => {},
      model: {
        call: async (request, emit, signal) => {
          if (++this.#calling > 1) this.watch.wrong.push("two calls of one conversation run at once");
          try {
            return await callModel(life, request.metadata.turn, emit, signal);
          } finally {
            if (live()) this.#calling--;
          }
        },
      },
      tools: {
        definitions: () => [],
        risk: riskOf,
        replay: replayOf,
        run: (call) => runTool(life, call),
      },
      ...simMoney(
        this.#costs ? life : null,
        () => this.#state.purse,
        () => this.now,
      ),
      price: () => (this.#costs ? 1 : 0),
      toolKey: (id) => `alice.main:${id}`,
      openStream: (id, turn) =>
        new LiveStream(id, turn, {
          windowMs: limits.frameWindowMs,
          windowBytes: limits.frameWindowBytes,
          after: (ms, run) => {
            const timer = { at: this.now + ms, run: () => live() && run(), generation };
            this.#timers.push(timer);
            return () => {
              this.#timers = this.#timers.filter((other) => other !== timer);
            };
          },
          sink: () => {
            if (live() && !this.signs.has(turn.id)) this.signs.set(turn.id, this.now);
          },
        }),
      streamReplaced: () => {},
      savePartial: () => point("partial saved"),
      ended: (turn) => {
        if (!this.signs.has(turn.id)) this.signs.set(turn.id, this.now);
      },
      rested: () => {},
      parked: (until) => {
        this.watch.parked(until, this.now);
        this.#wakeAt(until, generation);
      },
      settled: () => {},
      broke: (error) => {
        this.watch.stopped();
        // The wake was left to fire: it starts the drive again.
        if (error instanceof TooLate) this.hung++;
        if (error instanceof StorageFailed || error instanceof TooLate)
          this.#wakeAt(this.now + limits.wakeMs, generation);
        else if (!(error instanceof Dead)) this.broke.push(error);
      },
    };
  }

  /** Runs something that may end the process, or that storage may refuse. */
  #survive(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof Dead || error instanceof StorageFailed || error instanceof AppError))
        throw error;
    }
  }

  #wakeAt(at: number, generation: number): void {
    this.#timers.push({ at, generation, run: () => generation === this.#generation && this.#drive.kick() });
  }
}

/** Lets every promise that can go on go on. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
