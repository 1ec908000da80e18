/**
 * A conversation in a world of chance: the real state, plan, turn and stream on a virtual clock, where every port call
 * waits until a seeded scheduler lets it go on, and where the process can die before and after each of them. What the
 * world outside saw (effects of tools, frames, acceptances) survives; memory does not.
 */
import type { Entry, InputEntry } from "../../src/actors/conversation/entries.ts";
import type { TurnPorts } from "../../src/actors/conversation/ports.ts";
import { emptyState, hasWork, reduceAll, type State } from "../../src/actors/conversation/state.ts";
import { LiveStream } from "../../src/actors/conversation/stream.ts";
import { Drive } from "../../src/actors/conversation/turn.ts";
import { limits } from "../../src/limits.ts";
import { ModelError } from "../../src/model/errors.ts";
import type { Answer, AnswerDelta, AnswerPart } from "../../src/model/port.ts";
import type { Replay } from "../../src/tools/tool.ts";
import type { Chance } from "./random.ts";

/** Thrown into a dead process's hands, so that nothing of it goes on. */
class Dead extends Error {}

/** Where a crash may strike: before or after each port call, counted from 1. */
export interface CrashPlan {
  /** Called at every point with its number and name; true ends the process there. */
  strikes(point: number, name: string): boolean;
}

interface Pending {
  name: string;
  run: () => void;
  generation: number;
}

/** An effect of a tool on the world outside. */
export interface Effect {
  call: string;
  key: string;
  replay: Replay;
}

const TOOLS: Record<string, Replay> = { read: "safe", write: "safe", pay: "unsafe", mail: "unsafe" };

export class Sim {
  now = 1_700_000_000_000;
  readonly journal: Entry[] = [];
  readonly commits: number[] = [];
  readonly effects: Effect[] = [];
  /** Turns that a client was told are accepted, and when; and when each showed its first sign. */
  readonly accepted = new Map<string, number>();
  readonly signs = new Map<string, number>();
  readonly outcomes = new Map<string, string[]>();
  crashes = 0;
  points = 0;
  broke: unknown[] = [];
  /** What went wrong while it happened, not only in the end. */
  readonly seen: string[] = [];
  #calling = 0;
  readonly chance: Chance;
  readonly #plan: CrashPlan;
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
    this.#drive = new Drive(this.#ports());
  }

  get state(): State {
    return this.#state;
  }

  get alive(): boolean {
    return this.#restartAt === null;
  }

  /** A client sends; it is accepted only if the process lives long enough to say so. */
  send(entry: InputEntry): boolean {
    if (!this.alive) return false;
    if (entry.keys.some((key) => this.#state.seen.get(key))) return true; // counted once
    const generation = this.#generation;
    try {
      this.#drive.accept(entry);
    } catch (error) {
      if (error instanceof Dead || generation !== this.#generation) return false;
      throw error;
    }
    if (generation !== this.#generation) return false;
    if (!this.accepted.has(entry.turn)) this.accepted.set(entry.turn, this.now);
    return true;
  }

  cancel(turn: string): void {
    if (this.alive) survive(() => void this.#drive.cancel(turn));
  }

  input(): InputEntry {
    const n = ++this.#ids;
    return {
      kind: "input",
      at: this.now,
      turn: `t${n}`,
      request: `r${n}`,
      keys: [`message:m${n}`],
      source: "chat",
      sender: { id: "alice", name: "Alice" },
      messages: [{ id: `m${n}`, parts: [{ type: "text", text: `message ${n}` }] }],
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
    if (timer && (hasWork(this.#state) || this.#drive.running)) {
      this.#timers = timers.slice(1);
      this.now = Math.max(this.now, timer.at);
      survive(timer.run);
      return true;
    }
    return ready.length > 0;
  }

  /** Something else wakes the object: the drive must not start twice. */
  kick(): void {
    if (this.alive) survive(() => this.#drive.kick());
  }

  /** The process dies here. It comes back when its wake is due, or at once if something else wakes it. */
  die(): void {
    this.crashes++;
    this.#generation++;
    this.#restartAt = this.now + this.chance.below(limits.wakeMs);
  }

  #restart(): void {
    this.#restartAt = null;
    this.#calling = 0;
    this.#state = reduceAll(emptyState, this.journal);
    this.#drive = new Drive(this.#ports());
    // Clients come back and read the transcript: an outcome in it is a sign.
    for (const turn of this.outcomes.keys()) if (!this.signs.has(turn)) this.signs.set(turn, this.now);
    if (hasWork(this.#state)) survive(() => this.#drive.kick());
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
        this.journal.push(...entries);
        this.commits.push(entries.length);
        this.#state = reduceAll(this.#state, entries);
        for (const entry of entries) this.#observe(entry);
        point("after commit");
      },
      settings: () => ({
        agent: { name: "Sim", instructions: "", model: "", version: 1 },
        model: "sim/model",
        userId: "alice",
        thread: "main",
      }),
      loadSettings: async () => {},
      model: {
        call: async (request, emit, signal) => {
          if (++this.#calling > 1) this.seen.push("two calls of one conversation run at once");
          try {
            return await this.#model(request.metadata.turn, emit, signal, generation);
          } finally {
            if (live()) this.#calling--;
          }
        },
      },
      tools: {
        definitions: () => [],
        replay: (name) => TOOLS[name] ?? "safe",
        run: (call, signal) => this.#tool(call, signal, generation),
      },
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
      settled: () => {},
      broke: (error) => {
        if (!(error instanceof Dead)) this.broke.push(error);
      },
    };
  }

  #observe(entry: Entry): void {
    if (entry.kind !== "end") return;
    this.outcomes.set(entry.turn, [...(this.outcomes.get(entry.turn) ?? []), entry.outcome]);
  }

  async #model(
    turn: string,
    emit: (delta: AnswerDelta) => void,
    signal: AbortSignal,
    generation: number,
  ): Promise<Answer> {
    this.#point("before call", generation);
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")));
    });
    aborted.catch(() => {});
    const step = async (name: string) => {
      await Promise.race([this.#turnOf(name, generation), aborted]);
      if (generation === this.#generation && this.outcomes.has(turn) && !signal.aborted) {
        this.seen.push(`the call of turn ${turn} goes on after its end`);
      }
    };
    await step("model begins");
    const fate = this.chance.next();
    if (fate < 0.08) throw new ModelError("model_failed", "The provider is down.", { retryable: true });
    if (fate < 0.1) throw new ModelError("model_failed", "The provider refuses.", { retryable: false });
    if (fate < 0.12) return await aborted; // silence, until the watchdog ends it
    const words = 1 + this.chance.below(4);
    let text = "";
    for (let i = 0; i < words; i++) {
      const word = `w${i} `;
      emit({ type: "text", id: "0", delta: word });
      text += word;
      if (this.chance.chance(0.3)) await step("a word");
      if (this.chance.chance(0.03)) throw new ModelError("model_failed", "cut", { retryable: true });
    }
    const parts: AnswerPart[] = [{ type: "text", text }];
    if (this.chance.chance(0.45)) {
      for (let i = 0; i <= this.chance.below(3); i++) {
        parts.push({ type: "tool", id: `c${i}`, name: this.chance.pick(Object.keys(TOOLS)), input: "{}" });
      }
    }
    await step("model ends");
    this.#point("after call", generation);
    return { parts, usage: { inputTokens: 1, outputTokens: words }, finish: "stop", model: "sim", run: "" };
  }

  async #tool(
    call: { id: string; name: string; key: string },
    _signal: AbortSignal,
    generation: number,
  ): Promise<{ output: unknown } | { error: { code: string; message: string } }> {
    this.#point("before tool", generation);
    await this.#turnOf("tool begins", generation);
    if (this.chance.chance(0.1)) return { error: { code: "tool_failed", message: "it did not work" } };
    this.effects.push({ call: call.id, key: call.key, replay: TOOLS[call.name] ?? "safe" });
    this.#point("tool had its effect", generation);
    await this.#turnOf("tool ends", generation);
    this.#point("after tool", generation);
    return { output: { ok: true } };
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
