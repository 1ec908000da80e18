/**
 * The drive: plan, commit the intent, do it through a port, commit the outcome, plan again. A crash at any point
 * loses nothing, because waking is the same as going on.
 */
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { ModelRequest } from "../../model/port.ts";
import type { Decision } from "../../protocol/rpc.ts";
import { callModel } from "./calls.ts";
import { compact } from "./compaction.ts";
import type { AmendEntry, DecideEntry, Entry, InputEntry, Sender } from "./entries.ts";
import { Live } from "./live.ts";
import { cancelEntries, cutOff, lateOrNot, shrunk } from "./outcome.ts";
import { plan, type Step } from "./plan.ts";
import type { TurnPorts, TurnSettings } from "./ports.ts";
import { keeping } from "./purse.ts";
import { buildCall, plannedEntries } from "./request.ts";
import { type Ask, findTurn, nextTurn, reduceAll, type State, type Turn } from "./state.ts";
import type { LiveStream } from "./stream.ts";
import { runTools } from "./tool-runs.ts";
import { metadataOf } from "./transcript.ts";
import { findAsk } from "./turn-state.ts";
import { within } from "./within.ts";

/** A step, or one that only the drive takes: what planning needs is fetched before a call can be made. */
type DriveStep = Step | { type: "load-settings" } | { type: "lease"; request: ModelRequest };

export class Drive {
  readonly #ports: TurnPorts;
  readonly #live: Live;
  #running = false;
  #request: ModelRequest | null = null;
  /** Ends whatever is in flight. */
  #abort: AbortController | null = null;
  /** What is in flight is owed to nobody: anything that comes goes first. */
  #spare = false;
  /** When the newest tool calls were asked for, or this life began. Settings that are older do not decide on them. */
  #askedAt: number;

  constructor(ports: TurnPorts) {
    this.#ports = ports;
    this.#askedAt = ports.now();
    this.#live = new Live(ports);
  }

  /** The answer that is being streamed. */
  get live(): LiveStream | null {
    return this.#live.stream;
  }

  get running(): boolean {
    return this.#running;
  }

  /**
   * Takes an input: one commit holds it and, when nothing else runs, the call that answers it. Throws when storage
   * does; then it was not accepted.
   */
  accept(entry: InputEntry): void {
    if (this.#running) {
      this.#commit([entry]);
      this.dropSpare();
      return;
    }
    const first = this.#advance([entry]);
    void this.#loop(first);
  }

  /** What was to be summed up is being taken back. */
  dropSpare(): void {
    if (this.#spare) this.#abort?.abort();
  }

  /** Makes sure that the drive runs. Single-flight. */
  kick(): void {
    if (this.#running) return;
    void this.#loop(null);
  }

  /** Ends a turn at once (in whose name, if somebody's), by its id, its request's, or a key of any message in it. What comes late changes nothing. */
  cancel(target: string, by?: Sender): boolean {
    const state = this.#ports.state();
    const owner = state.seen.get(`request:${target}`);
    const turn = [state.active, ...state.waiting].find(
      (candidate) =>
        candidate?.outcome === null &&
        (candidate.id === target || candidate.request === target || candidate.id === owner),
    );
    if (!turn) return false;
    const { open } = state.purse;
    const reserved = open?.turn === turn.id ? open.micros : 0;
    this.#commit(cancelEntries(turn, this.#live.stream, this.#ports.now(), reserved, by));
    if (turn.id === state.active?.id) this.#abort?.abort();
    this.#finish({ ...turn, outcome: "cancelled" });
    // One that was parked has nobody in the loop to go on with what waits behind it.
    this.kick();
    return true;
  }

  /** Decides on a call that waits. The first decision counts. Null when no such call is known. */
  decide(
    id: string,
    by: Sender,
    decision: Pick<DecideEntry, "approved" | "source" | "comment">,
  ): Decision | null {
    const ports = this.#ports;
    const state = ports.state();
    const ask = findAsk(state.active, id);
    if (!ask) return decided(findAsk(newestTurn(state), id));
    const turn = state.active?.id ?? "";
    const at = ports.now();
    if (ask.decision === null) {
      const late = ask.expiresAt <= at;
      this.#commit([
        late ? { kind: "expire", at, turn, id } : { kind: "decide", at, turn, id, by, ...decision },
      ]);
      const said = findAsk(ports.state().active, id);
      if (said) this.#live.of(turn)?.decided(said);
      this.kick();
      if (!late) return { counted: true, approved: decision.approved, by: by.name };
    }
    return decided(findAsk(ports.state().active, id));
  }

  /** Changes a message that waits. Throws `message_begun` when it does not wait any more. */
  amend(message: string, by: Sender, change: AmendChange): void {
    const state = this.#ports.state();
    const turn = state.waiting.find(
      (waiting) => waiting.outcome === null && waiting.messages.some((one) => one.id === message),
    );
    if (!turn)
      throw new AppError("message_begun", "That message does not wait any more: it is being answered.");
    if (change.action === "edit" && turn.sender.id !== by.id)
      throw new AppError("forbidden", "Only who wrote a message can change its words.");
    const at = this.#ports.now();
    const whole = change.action === "delete" && turn.messages.length === 1;
    this.#commit([
      { kind: "amend", at, turn: turn.id, by, change: amendment(change, message, turn, state.active) },
      ...(whole ? cancelEntries(turn, null, at, 0, by) : []),
    ]);
    if (whole) this.#finish({ ...turn, outcome: "cancelled" });
    this.kick();
  }

  /** Ends the turn that cannot be finished, visibly. Called before the drive runs. */
  giveUp(error: { code: string; message: string }): void {
    const turn = nextTurn(this.#ports.state());
    if (!turn) return;
    const at = this.#ports.now();
    this.#commit([...cutOff(turn, at), { kind: "end", at, turn: turn.id, outcome: "failed", error }]);
    this.#finish({ ...turn, outcome: "failed", error });
  }

  /** Whatever the drive writes passes here: what is left of a lease outlives the turn that ends. */
  #commit(entries: readonly Entry[]): void {
    this.#ports.commit(this.#keeping(this.#ports.state(), entries));
  }

  /** A chat that nobody goes on with gives back at once what its turn leaves. */
  #keeping({ purse }: State, entries: readonly Entry[]): readonly Entry[] {
    return this.#ports.transient ? entries : keeping(purse, entries);
  }

  async #loop(first: DriveStep | null): Promise<void> {
    this.#running = true;
    try {
      let step = first ?? this.#advance([]);
      while (step.type !== "idle" && step.type !== "park") step = this.#advance(await this.#execute(step));
      this.#running = false;
      if (step.type === "park") this.#ports.parked(step.until);
      else this.#ports.settled();
    } catch (error) {
      this.#running = false;
      this.#live.drop();
      this.#ports.broke(error);
    }
  }

  /** Folds an outcome, plans, and writes both the outcome and what the next step has to have written. One commit. */
  #advance(outcome: readonly Entry[]): DriveStep {
    const ports = this.#ports;
    const state = ports.state();
    const fresh = this.#keeping(
      state,
      outcome.map((entry) => lateOrNot(state, entry)),
    );
    const draft = reduceAll(state, fresh);
    const settings = ports.settings();
    let blind = false;
    // What a tool may do is decided by what its owner wants now, not a minute ago. Looked up once: all calls of a
    // round are decided on by the same settings, or none is.
    const recent = ports.settings(this.#askedAt);
    const riskOf = (name: string) => {
      if (!recent) blind = true;
      return recent ? ports.tools.risk(name, recent.agent) : "ask";
    };
    const planned = plan(draft, limits, ports.now(), riskOf);
    // A chat that will not be read again is not summed up.
    const step: Step = planned.type === "compact" && ports.transient ? { type: "idle" } : planned;
    if (blind || (!settings && (step.type === "call" || step.type === "compact"))) {
      if (fresh.length > 0) this.#commit(fresh);
      return { type: "load-settings" };
    }
    const next = this.#plan(step, draft, settings);
    return this.#write(fresh, next.entries, next.step);
  }

  #write(fresh: readonly Entry[], planned: readonly Entry[], step: DriveStep): DriveStep {
    try {
      if (fresh.length + planned.length > 0) this.#commit([...fresh, ...planned]);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "message_too_large") throw error;
      // In two commits, or without what is too large: a turn that can never be written would be tried for ever.
      if (fresh.length > 0 && planned.length > 0) {
        this.#write(fresh, [], { type: "idle" });
        return this.#advance([]);
      }
      const smaller = shrunk(fresh.length > 0 ? fresh : planned);
      if (!smaller) throw error;
      return this.#advance(smaller);
    }
    this.#announce(step);
    return step;
  }

  /** What a step has to have written before it is taken; a call that may not be paid for becomes another step. */
  #plan(step: Step, draft: State, settings: TurnSettings | null): { step: DriveStep; entries: Entry[] } {
    const ports = this.#ports;
    const at = ports.now();
    if (step.type !== "call") return { step, entries: plannedEntries(step, ports, at) };
    if (!settings) throw new Error("A call was planned without settings.");
    const tools = ports.tools.definitions(settings.agent);
    const reserve: TurnPorts["reserve"] = (state, request) => ports.reserve(state, request);
    const call = buildCall(step, draft, settings, tools, at, reserve);
    if (call.type === "lease") return { step: call, entries: [] };
    if (call.type === "refused") {
      const end: Step = { type: "end", turn: step.turn, outcome: "failed", error: call.error };
      return { step: end, entries: plannedEntries(end, ports, at) };
    }
    this.#request = call.request;
    return { step, entries: call.entries };
  }

  /** Tells readers what was just committed. */
  #announce(step: DriveStep): void {
    const { active, seq } = this.#ports.state();
    switch (step.type) {
      case "call":
        if (active) this.#live.startCall(active, step);
        return;
      case "tools":
        if (active) this.#live.startTools(active, step.round, seq);
        return;
      case "ask":
        for (const call of step.calls) {
          const ask = findAsk(active, call.id);
          if (ask) this.#live.stream?.asked(ask);
        }
        return;
      case "refuse":
      case "interrupt": {
        const ids = new Set((step.type === "refuse" ? step.calls : step.tools).map((call) => call.id));
        const runs = active?.rounds.at(-1)?.tools.filter((tool) => ids.has(tool.id)) ?? [];
        for (const run of runs) this.#live.stream?.toolDone(run);
        return;
      }
      case "park":
        if (active) this.#rest(active);
        return;
      case "end": {
        const turn = findTurn(this.#ports.state(), step.turn);
        if (turn) this.#finish(turn);
        return;
      }
    }
  }

  /** Until a person decides there is nothing to stream: the reader sees what was said, and the question. */
  #rest(turn: Turn): void {
    const live = this.#live.of(turn.id);
    if (!live) return;
    live.finish(metadataOf(turn));
    this.#live.drop();
    this.#ports.rested(turn, live);
  }

  /** The turn's outcome is in the journal: say so, and let go of its stream. */
  #finish(ended: Turn): void {
    const turn = findTurn(this.#ports.state(), ended.id) ?? ended;
    const live = this.#live.of(turn.id);
    if (live) {
      live.finish(metadataOf(turn));
      this.#live.drop();
    }
    this.#ports.ended(turn, live);
  }

  async #execute(step: Exclude<DriveStep, { type: "idle" | "park" }>): Promise<Entry[]> {
    const ports = this.#ports;
    switch (step.type) {
      case "load-settings":
        await within(ports.after, limits.askWithinMs, "the user's settings", ports.loadSettings());
        return [];
      case "lease": {
        const lease = await within(ports.after, limits.askWithinMs, "the purse", ports.lease(step.request));
        return lease ? [lease] : [];
      }
      case "wait":
        await this.#wait(step.until);
        return [];
      case "call": {
        const live = this.#live.stream;
        if (!this.#request || !live) throw new Error("A call was planned without a request.");
        const { turn, round, attempt } = step;
        const where = { turn, round, attempt };
        return callModel(ports, this.#request, where, live, this.#fresh(), () => {
          this.#askedAt = ports.now();
          // Here by the time the arguments are complete; if not, the next plan waits for them.
          ports.loadSettings().catch(() => {});
        });
      }
      case "tools":
        return runTools(ports, step, this.#live, this.#fresh().signal);
      case "compact":
        return this.#compact(step.covered);
      default:
        return [];
    }
  }

  /** Everything that was owed is told first; an input that comes ends it. */
  async #compact(covered: number): Promise<Entry[]> {
    this.#ports.settled();
    this.#spare = true;
    try {
      return await compact(this.#ports, covered, this.#fresh());
    } finally {
      this.#spare = false;
    }
  }

  #fresh(): AbortController {
    this.#abort = new AbortController();
    return this.#abort;
  }

  async #wait(until: number): Promise<void> {
    const { signal } = this.#fresh();
    await new Promise<void>((resolve) => {
      const cancel = this.#ports.after(Math.max(0, until - this.#ports.now()), resolve);
      signal.addEventListener("abort", () => {
        cancel();
        resolve();
      });
    });
  }
}

/** What a person wants of a message that waits. */
export type AmendChange =
  /** Other words; the files that came with the message stay. */
  | { action: "edit"; parts: Extract<AmendEntry["change"], { action: "edit" }>["parts"] }
  | { action: "delete" }
  | { action: "steer" };

function amendment(
  change: AmendChange,
  message: string,
  turn: Turn,
  active: Turn | null,
): AmendEntry["change"] {
  if (change.action === "delete") return { action: "delete", message };
  if (change.action === "edit") {
    const said = turn.messages.find((one) => one.id === message);
    const files = said?.parts.filter((part) => part.type === "file") ?? [];
    return { action: "edit", message, parts: [...change.parts, ...files] };
  }
  if (!active || turn.regenerate !== null || turn.replaces !== null) {
    throw new AppError("message_begun", "There is no running answer that this message could join.");
  }
  return { action: "steer", into: active.id };
}

const decided = (ask: Ask | null): Decision | null =>
  ask?.decision
    ? { counted: false, approved: ask.decision.approved, by: ask.decision.by?.name ?? "nobody (it expired)" }
    : null;

/** The newest turn on the transcript: a second click comes late. */
function newestTurn(state: State): Turn | null {
  const item = state.items.at(state.items.length - 1);
  return item?.type === "turn" ? item.turn : null;
}
