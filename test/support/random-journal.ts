/** Journals of chance: every kind of entry, mostly where it makes sense, sometimes where it does not. */
import type { Entry, UnknownEntry } from "../../src/actors/conversation/entries.ts";
import { hasWork, type State } from "../../src/actors/conversation/state.ts";
import type { Chance } from "../campaigns/random.ts";

const ALICE = { id: "alice", name: "Alice" };
const WORDS = ["tide", "kelp", "holdfast", "ebb 😀", '\u0000quote "\\', "ä".repeat(50), "word ".repeat(200)];

/** Makes the next entry for a state. Ids are numbered, so that the same chance gives the same journal. */
export class RandomJournal {
  readonly #chance: Chance;
  #ids = 0;
  #at = 1_700_000_000_000;
  readonly keys: string[] = [];
  readonly messages: string[] = [];
  readonly turns: string[] = [];

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  next(state: State): Entry | UnknownEntry {
    const chance = this.#chance;
    this.#at += 1 + chance.below(1000);
    const at = this.#at;
    const whim = chance.next();
    if (whim < 0.001) return { kind: "undo", at, scope: "all", by: ALICE };
    if (whim < 0.006) return { kind: "undo", at, scope: "last", by: ALICE };
    if (whim < 0.007) return { kind: "fork", at, from: "elsewhere", seq: state.seq, by: ALICE };
    if (whim < 0.03) return { kind: "erase", at, entries: [1 + chance.below(100)], by: ALICE };
    if (whim < 0.04) return { kind: "of.a.later.version", at } as UnknownEntry; // carries what it likes
    if (whim < 0.05)
      return { kind: "lease", at, day: "2026-11-23", number: ++this.#ids, micros: 500, tokens: 10 };
    if (whim < 0.07) {
      return {
        kind: "note",
        at,
        topic: chance.pick(["prompt", "tools"]),
        hash: this.#id("h"),
        text: this.#words(),
      };
    }
    if (whim < 0.075) return { kind: "note", at, topic: "compact-failed", text: "no model" };
    if (whim < 0.09) {
      const covered = chance.below(state.items.length + 2);
      const usage = { inputTokens: 5, outputTokens: 5 };
      return { kind: "compact", at, covered, summary: this.#words(), model: "m", usage, priceMicros: 1 };
    }
    if (whim < 0.11) return this.#amend(state, at);
    if (!hasWork(state) || whim < 0.22) return this.#input(state, at);
    return this.#step(state, at);
  }

  #id(letter: string): string {
    return `${letter}${++this.#ids}`;
  }

  #words(): string {
    return this.#chance.pick(WORDS);
  }

  #input(state: State, at: number): Entry {
    const chance = this.#chance;
    const joins = state.active && chance.chance(0.2) ? ("steer" as const) : undefined;
    const burst = !joins && state.waiting[0] && chance.chance(0.2) ? state.waiting[0] : undefined;
    const again = chance.chance(0.03) && this.messages.length > 0 ? chance.pick(this.messages) : undefined;
    const turn = (joins && state.active?.id) || burst?.id || this.#id("t");
    const messages = Array.from({ length: 1 + chance.below(2) }, () => {
      const id = this.#id("m");
      this.messages.push(id);
      return { id, parts: [{ type: "text" as const, text: this.#words() }] };
    });
    const keys = [...messages.map((message) => `message:${message.id}`), `request:${this.#id("r")}`];
    this.keys.push(...keys);
    this.turns.push(turn);
    const regenerates = again !== undefined && chance.chance(0.5);
    return {
      kind: "input",
      at,
      turn,
      request: this.#id("q"),
      keys,
      source: "chat",
      sender: ALICE,
      messages: regenerates ? [] : messages,
      ...(again && (regenerates ? { regenerate: again } : { replaces: again })),
      ...(joins && { joins }),
      ...(burst && { joins: "burst" as const, holdUntil: at + 600 }),
    };
  }

  #amend(state: State, at: number): Entry {
    const turn = state.waiting[0];
    const message = turn?.messages[0]?.id ?? "nobody";
    const change = this.#chance.pick([
      { action: "edit" as const, message, parts: [{ type: "text" as const, text: this.#words() }] },
      { action: "delete" as const, message },
      { action: "steer" as const, into: state.active?.id ?? "nobody" },
    ]);
    return { kind: "amend", at, turn: turn?.id ?? "nobody", by: ALICE, change };
  }

  #step(state: State, at: number): Entry {
    const chance = this.#chance;
    const active = state.active;
    const waits = state.waiting.find((waiting) => waiting.outcome === null);
    if (!active || chance.chance(0.03)) {
      const turn = active?.id ?? waits?.id ?? "nobody";
      if (!active && chance.chance(0.1)) return { kind: "end", at, turn, outcome: "cancelled" };
      return this.#call(turn, active?.rounds.length ?? 0, (active?.attempts ?? 0) + 1, at);
    }
    const turn = active.id;
    if (active.open) {
      const { round, attempt } = active.open;
      const fate = chance.next();
      if (fate < 0.1) {
        return {
          kind: "fault",
          at,
          turn,
          round,
          attempt,
          code: "model_failed",
          message: "down",
          retryAt: at + 5,
        };
      }
      const calls = fate < 0.35 ? 1 + chance.below(2) : 0;
      const usage = { inputTokens: 3, outputTokens: 4 };
      const parts = [
        { type: "text" as const, text: this.#words() },
        ...Array.from({ length: calls }, () => ({
          type: "tool" as const,
          id: this.#id("c"),
          name: "read",
          input: '{"path":"a"}',
        })),
      ];
      return {
        kind: "answer",
        at,
        turn,
        round,
        attempt,
        parts,
        usage,
        finish: "stop",
        model: "m",
        priceMicros: 7,
      };
    }
    return this.#tools(state, at) ?? { kind: "end", at, turn, outcome: chance.pick(["completed", "failed"]) };
  }

  #tools(state: State, at: number): Entry | null {
    const active = state.active;
    const last = active?.rounds.at(-1);
    if (!active || !last) return this.#call(active?.id ?? "nobody", 0, (active?.attempts ?? 0) + 1, at);
    const turn = active.id;
    const asked = last.parts.filter((part) => part.type === "tool");
    const open = asked.find((part) => !last.tools.some((tool) => tool.id === part.id && tool.result));
    if (!open) return asked.length > 0 ? this.#call(turn, last.round + 1, 1, at) : null;
    const { id, name, input } = open;
    const ask = last.asks.find((one) => one.id === id);
    const whim = this.#chance.next();
    if (!ask && whim < 0.3)
      return { kind: "ask", at, turn, round: last.round, id, name, input, expiresAt: at + 9 };
    if (ask && !ask.decision) {
      if (whim < 0.2) return { kind: "expire", at, turn, id };
      return { kind: "decide", at, turn, id, approved: whim < 0.7, by: ALICE, source: "chat" };
    }
    if (last.tools.some((tool) => tool.id === id)) {
      if (whim < 0.2) return { kind: "result", at, turn, id, interrupted: true };
      return { kind: "result", at, turn, id, output: { text: this.#words(), n: [1, null, { deep: true }] } };
    }
    return { kind: "intent", at, turn, round: last.round, id, name, input, replay: "safe", key: `k:${id}` };
  }

  #call(turn: string, round: number, attempt: number, at: number): Entry {
    return {
      kind: "call",
      at,
      turn,
      round,
      attempt,
      model: "m",
      fingerprint: "f",
      prompt: "p",
      tools: "t",
      maxOutputTokens: 10,
      windowTokens: 10,
      reservationMicros: 0,
    };
  }
}
