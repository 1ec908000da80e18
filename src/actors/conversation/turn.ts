/**
 * The drive: plan, commit the intent, do it through a port, commit the outcome, plan again. A crash at any point
 * loses nothing, because waking is the same as going on.
 */
import { limits } from "../../limits.ts";
import type { ModelRequest } from "../../model/port.ts";
import type { Entry, InputEntry, ResultEntry } from "./entries.ts";
import { answerEntries, type CallId, cancelEntries, faultEntry, lateOrNot, toolIdsOf } from "./outcome.ts";
import { type AskedTool, plan, type Step } from "./plan.ts";
import type { TurnPorts, TurnSettings } from "./ports.ts";
import { buildCall } from "./request.ts";
import { findTurn, reduceAll, type State, type Turn } from "./state.ts";
import type { LiveStream } from "./stream.ts";
import { metadataOf } from "./transcript.ts";

/** A step, or one that only the drive takes: settings are fetched before a call can be planned. */
type DriveStep = Step | { type: "load-settings" };

export class Drive {
  readonly #ports: TurnPorts;
  #running = false;
  #live: LiveStream | null = null;
  #request: ModelRequest | null = null;
  /** Ends whatever is in flight for the active turn. */
  #abort: AbortController | null = null;
  #cancelFlush: (() => void) | null = null;

  constructor(ports: TurnPorts) {
    this.#ports = ports;
  }

  /** The answer that is being streamed. */
  get live(): LiveStream | null {
    return this.#live;
  }

  get running(): boolean {
    return this.#running;
  }

  /**
   * Takes an input: one commit holds it and, when nothing else runs, the call that answers it. Throws when storage
   * does; then it was not accepted.
   */
  accept(entry: InputEntry): void {
    if (this.#running) return this.#ports.commit([entry]);
    const first = this.#advance([entry]);
    void this.#loop(first);
  }

  /** Makes sure that the drive runs. Single-flight. */
  kick(): void {
    if (this.#running) return;
    void this.#loop(null);
  }

  /** Ends a turn at once, by its id or its request's. What comes late is kept and changes nothing. */
  cancel(target: string): boolean {
    const state = this.#ports.state();
    const turn = [state.active, ...state.waiting].find(
      (candidate) => candidate?.outcome === null && (candidate.id === target || candidate.request === target),
    );
    if (!turn) return false;
    this.#ports.commit(cancelEntries(turn, this.#live, this.#ports.now()));
    if (turn.id === state.active?.id) this.#abort?.abort();
    this.#finish(turn.id);
    return true;
  }

  /** Ends the turn that cannot be finished, visibly. Called before the drive runs. */
  giveUp(error: { code: string; message: string }): void {
    const state = this.#ports.state();
    const turn = state.active ?? state.waiting.find((waiting) => waiting.outcome === null);
    if (!turn) return;
    this.#ports.commit([{ kind: "end", at: this.#ports.now(), turn: turn.id, outcome: "failed", error }]);
    this.#finish(turn.id);
  }

  async #loop(first: DriveStep | null): Promise<void> {
    this.#running = true;
    try {
      let step = first ?? this.#advance([]);
      while (step.type !== "idle") step = this.#advance(await this.#execute(step));
      this.#running = false;
      this.#ports.settled();
    } catch (error) {
      this.#running = false;
      this.#dropLive();
      this.#ports.broke(error);
    }
  }

  /** Folds an outcome, plans, and writes both the outcome and what the next step has to have written. One commit. */
  #advance(outcome: readonly Entry[]): DriveStep {
    const ports = this.#ports;
    const state = ports.state();
    const fresh = outcome.map((entry) => lateOrNot(state, entry));
    const draft = reduceAll(state, fresh);
    const step = plan(draft, limits, ports.now());
    const settings = ports.settings();
    if (step.type === "call" && !settings) {
      if (fresh.length > 0) ports.commit(fresh);
      return { type: "load-settings" };
    }
    const entries = [...fresh, ...this.#entriesOf(step, draft, settings)];
    if (entries.length > 0) ports.commit(entries);
    this.#announce(step);
    return step;
  }

  #entriesOf(step: Step, draft: State, settings: TurnSettings | null): Entry[] {
    const at = this.#ports.now();
    switch (step.type) {
      case "call":
        return settings ? this.#callEntries(step, draft, settings, at) : []; // without them no call is planned
      case "tools":
        return step.calls
          .filter((call) => !call.known)
          .map((call) => ({
            kind: "intent",
            at,
            turn: step.turn,
            round: step.round,
            id: call.id,
            name: call.name,
            input: call.input,
            replay: this.#ports.tools.replay(call.name),
            key: this.#ports.toolKey(call.id),
          }));
      case "interrupt":
        return step.tools.map((tool) => ({
          kind: "result",
          at,
          turn: step.turn,
          id: tool.id,
          interrupted: true,
        }));
      case "end":
        return step.outcome === "failed"
          ? [{ kind: "end", at, turn: step.turn, outcome: "failed", error: step.error }]
          : [{ kind: "end", at, turn: step.turn, outcome: "completed" }];
      default:
        return [];
    }
  }

  #callEntries(
    step: Extract<Step, { type: "call" }>,
    draft: State,
    settings: TurnSettings,
    at: number,
  ): Entry[] {
    const { entries, request } = buildCall(step, draft, settings, this.#ports.tools.definitions(), at);
    this.#request = request;
    return entries;
  }

  /** Tells readers what was just committed. */
  #announce(step: Step): void {
    if (step.type === "call") this.#announceCall(step);
    if (step.type === "end") this.#finish(step.turn);
  }

  #announceCall(step: Extract<Step, { type: "call" }>): void {
    const turn = this.#ports.state().active;
    if (!turn) return;
    const old = this.#live;
    if (!old) {
      // A turn that began in an earlier life of the object streams anew: its chunks have other numbers.
      const first = step.round === 0 && step.attempt === 1;
      this.#live = this.#ports.openStream(first ? turn.request : streamId(turn, step), turn);
      this.#scheduleFlush(0);
    } else if (old.hasPartial && step.attempt > 1) {
      // Readers saw the beginning of an answer that is asked for again: it is replaced, never spliced.
      const next = this.#ports.openStream(streamId(turn, step), turn);
      this.#live = next;
      old.close();
      this.#ports.streamReplaced(old, next);
    } else if (step.attempt > 1) return;
    this.#live?.startRound(step.round);
  }

  /** The turn's outcome is in the journal: say so, and let go of its stream. */
  #finish(turnId: string): void {
    const turn = findTurn(this.#ports.state(), turnId);
    const live = this.#live?.turn === turnId ? this.#live : null;
    if (live) {
      if (turn) live.finish(metadataOf(turn));
      this.#dropLive();
    }
    if (turn) this.#ports.ended(turn, live);
  }

  #dropLive(): void {
    this.#live?.close();
    this.#live = null;
    this.#cancelFlush?.();
    this.#cancelFlush = null;
  }

  #scheduleFlush(index: number): void {
    const { flushAtMs, flushEveryMs } = limits;
    const last = index > 0 ? (flushAtMs[index - 1] ?? 0) : 0;
    const wait = index < flushAtMs.length ? (flushAtMs[index] ?? 0) - last : flushEveryMs;
    this.#cancelFlush = this.#ports.after(wait, () => {
      const live = this.#live;
      if (!live) return;
      if (live.hasPartial) this.#ports.savePartial(live.turn, live.partial());
      this.#scheduleFlush(index + 1);
    });
  }

  async #execute(step: Exclude<DriveStep, { type: "idle" }>): Promise<Entry[]> {
    switch (step.type) {
      case "load-settings":
        await this.#ports.loadSettings();
        return [];
      case "wait":
        await this.#wait(step.until);
        return [];
      case "call":
        return this.#call(step);
      case "tools":
        return this.#runTools(step);
      default:
        return [];
    }
  }

  async #wait(until: number): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    await new Promise<void>((resolve) => {
      const cancel = this.#ports.after(Math.max(0, until - this.#ports.now()), resolve);
      abort.signal.addEventListener("abort", () => {
        cancel();
        resolve();
      });
    });
  }

  async #call(step: Extract<Step, { type: "call" }>): Promise<Entry[]> {
    const ports = this.#ports;
    const request = this.#request;
    const live = this.#live;
    if (!request || !live) throw new Error("A call was planned without a request.");
    const abort = new AbortController();
    this.#abort = abort;
    const where: CallId = { turn: step.turn, round: step.round, attempt: step.attempt };
    const toolIds = toolIdsOf(where);
    const silence = this.#watchSilence(abort);
    let run = "";
    try {
      const answer = await ports.model.call(
        request,
        (delta) => {
          silence.heard();
          if (delta.type === "began") run = delta.run;
          if (!abort.signal.aborted) {
            live.delta(delta.type === "tool-input" ? { ...delta, id: toolIds(delta.id) } : delta);
          }
        },
        abort.signal,
      );
      if (abort.signal.aborted) return [];
      live.answered(answer, toolIds);
      return answerEntries(answer, where, toolIds, run || answer.run, ports.now());
    } catch (error) {
      if (abort.signal.aborted && !silence.stalled()) return [];
      return [
        faultEntry(error, where, {
          faults: ports.state().active?.faults ?? 0,
          random: ports.random(),
          stalled: silence.stalled(),
          at: ports.now(),
        }),
      ];
    } finally {
      silence.stop();
    }
  }

  /** A stream without a byte for too long counts as cut. */
  #watchSilence(abort: AbortController) {
    let stalled = false;
    const ring = () => {
      stalled = true;
      abort.abort();
    };
    let cancel = this.#ports.after(limits.modelSilenceMs, ring);
    let heardAt = this.#ports.now();
    return {
      heard: () => {
        // Re-arming a timer for every delta would cost more than the delta: once a second is enough.
        const now = this.#ports.now();
        if (now - heardAt < 1000) return;
        heardAt = now;
        cancel();
        cancel = this.#ports.after(limits.modelSilenceMs, ring);
      },
      stalled: () => stalled,
      stop: () => cancel(),
    };
  }

  /**
   * Runs a round's tools, side by side where all are safe to run again, else one after the other. The result of an
   * unsafe one is committed at once: if it were lost, nobody could know that it ran.
   */
  async #runTools(step: Extract<Step, { type: "tools" }>): Promise<Entry[]> {
    const abort = new AbortController();
    this.#abort = abort;
    const results: Entry[] = [];
    const side = step.calls.every((call) => this.#ports.tools.replay(call.name) === "safe");
    const queue = [...step.calls];
    const worker = async () => {
      for (let call = queue.shift(); call && !abort.signal.aborted; call = queue.shift()) {
        const result = await this.#runTool(step.turn, call, abort.signal);
        const entry = lateOrNot(this.#ports.state(), result);
        if (this.#ports.tools.replay(call.name) === "unsafe") this.#ports.commit([entry]);
        else results.push(entry);
        if (this.#live?.turn === step.turn && !(entry.kind === "result" && entry.late)) {
          this.#live.toolDone({ id: call.id, result: resultOf(result) });
        }
      }
    };
    await Promise.all(Array.from({ length: side ? limits.parallelTools : 1 }, worker));
    return results;
  }

  async #runTool(turn: string, call: AskedTool, signal: AbortSignal): Promise<ResultEntry> {
    const live = this.#live;
    const answer = await this.#ports.tools.run({ ...call, key: this.#keyOf(call.id) }, signal, (text) => {
      if (!signal.aborted) live?.progress(call.id, text);
    });
    return { kind: "result", at: this.#ports.now(), turn, id: call.id, ...answer };
  }

  /** The key that the intent names: the same for every run of the call. */
  #keyOf(id: string): string {
    const intent = this.#ports
      .state()
      .active?.rounds.at(-1)
      ?.tools.find((tool) => tool.id === id);
    return intent?.key ?? this.#ports.toolKey(id);
  }
}

const resultOf = (entry: ResultEntry) => ({
  ...(entry.output !== undefined && { output: entry.output }),
  ...(entry.error && { error: entry.error }),
});

/** The name of a stream that takes another's place. Calls are numbered, so no two streams of a turn share one. */
const streamId = (turn: Turn, call: { round: number; attempt: number }): string =>
  `${turn.request}~${call.round}.${call.attempt}`;
