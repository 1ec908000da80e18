/** What the simulation sees go wrong while it happens, not only in the end. */
import type { Entry } from "../../src/actors/conversation/entries.ts";
import { answerId, findTurn, type Item, reduce, type State } from "../../src/actors/conversation/state.ts";
import { limits } from "../../src/limits.ts";

/** A call that was decided on goes on at once: only silence of a model or a pause before a retry may come between. */
const RESUME_MS = limits.modelSilenceMs + limits.retryWaitMs;

export class Watch {
  readonly wrong: string[] = [];
  /** Messages and answers that a person took off the transcript. */
  readonly gone = new Set<string>();
  readonly outcomes = new Map<string, string[]>();
  /** Calls that were decided on and have not gone on, by turn and id, and since when nothing holds them up. */
  readonly #decided = new Map<string, Map<string, number>>();

  /** Before a commit is folded and after. `now` in milliseconds. */
  commit(before: State, after: State, entries: readonly Entry[], now: number): void {
    this.#vanished(before, after, entries);
    let state = before;
    for (const entry of entries) {
      this.#entry(state, entry, now);
      state = reduce(state, entry);
    }
  }

  /** The object was told that it may sleep. */
  parked(until: number, now: number): void {
    if (until <= now) this.wrong.push("it sleeps until a time that has passed");
  }

  /** Time that passes while the process is dead, or its drive broken off, is not the turn's. */
  stopped(): void {
    this.#decided.clear();
  }

  /** Nothing leaves the transcript unless a person wanted it. */
  #vanished(before: State, after: State, entries: readonly Entry[]): void {
    const left = new Set(before.items.slice(0).map(nameOf));
    for (const item of after.items.slice(0)) left.delete(nameOf(item));
    if (left.size === 0) return;
    const wanted = entries.some(
      (entry) =>
        entry.kind === "undo" ||
        ((entry.kind === "call" || entry.kind === "end") && findTurn(after, entry.turn)?.replaces),
    );
    for (const name of left) {
      this.gone.add(name);
      if (!wanted) this.wrong.push(`${name} vanished from the transcript`);
    }
  }

  #entry(before: State, entry: Entry, now: number): void {
    switch (entry.kind) {
      case "end":
        this.outcomes.set(entry.turn, [...(this.outcomes.get(entry.turn) ?? []), entry.outcome]);
        this.#decided.delete(entry.turn);
        return;
      case "amend":
        if (entry.change.action === "delete") this.gone.add(entry.change.message);
        return;
      case "call": {
        const turn = findTurn(before, entry.turn);
        if (turn && turn.holdUntil > now) this.wrong.push(`${turn.id} began before its burst was over`);
        if (turn && turn.retryAt > now)
          this.wrong.push(`${turn.id} was tried again before its pause was over`);
        if (turn && turn.messages.length + turn.joined.length === 0)
          this.wrong.push(`${turn.id} asks a model about nothing`);
        return;
      }
      case "decide":
        this.#decided.set(entry.turn, (this.#decided.get(entry.turn) ?? new Map()).set(entry.id, now));
        return;
      case "intent":
      case "result": {
        const decided = this.#decided.get(entry.turn);
        const at = decided?.get(entry.id);
        if (at !== undefined && now - at > RESUME_MS)
          this.wrong.push(`${entry.turn} went on ${now - at} ms after it was decided`);
        decided?.delete(entry.id);
        // It waits for the tools of its turn that run, as long as they take.
        if (entry.kind === "result") for (const id of decided?.keys() ?? []) decided?.set(id, now);
        return;
      }
    }
  }
}

/** A line of the transcript by its name: a message's id, or an answer's. */
export const nameOf = (item: Item): string =>
  item.type === "user" ? item.message.id : answerId(item.turn.id);
