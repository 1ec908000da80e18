/** What must hold in the end, read from the journal and from what the world outside saw. */
import { emptyState, hasWork, reduceAll } from "../../src/actors/conversation/state.ts";
import { limits } from "../../src/limits.ts";
import type { Sim } from "./sim.ts";

/** The bound of P4 for a first sign: an input's own, or after a crash the wake's horizon. */
const SIGN_MS = 5_000;

export function violations(sim: Sim): string[] {
  const found: string[] = [];
  const say = (text: string) => found.push(text);
  for (const what of sim.seen) say(what);
  for (const error of sim.broke) say(`the drive broke: ${String(error)}`);
  if (hasWork(sim.state)) say("there is work left that nobody does");
  inputs(sim, say);
  effects(sim, say);
  order(sim, say);
  transcript(sim, say);
  const folded = reduceAll(emptyState, sim.journal);
  if (folded.seq !== sim.state.seq || folded.items.length !== sim.state.items.length) {
    say("memory and journal differ");
  }
  return found;
}

/** P1: every accepted input has exactly one terminal outcome. P4: and showed a sign in time. */
function inputs(sim: Sim, say: (text: string) => void): void {
  for (const [turn, at] of sim.accepted) {
    const ends = sim.outcomes.get(turn) ?? [];
    if (ends.length !== 1) say(`turn ${turn} has ${ends.length} outcomes: ${ends.join(", ")}`);
    const sign = sim.signs.get(turn);
    if (sign === undefined) say(`turn ${turn} never showed a sign`);
    else if (sim.accepted.size === 1 && sim.crashes === 0 && sign - at > SIGN_MS) {
      say(`turn ${turn} was silent for ${sign - at} ms`);
    }
  }
  for (const [turn, ends] of sim.outcomes) {
    if (ends.length > 1) say(`turn ${turn} ended ${ends.length} times`);
  }
}

/** P2: an unsafe call has at most one effect; a safe one repeats under one key only. */
function effects(sim: Sim, say: (text: string) => void): void {
  const seen = new Map<string, { count: number; keys: Set<string> }>();
  for (const effect of sim.effects) {
    const entry = seen.get(effect.call) ?? { count: 0, keys: new Set() };
    entry.count++;
    entry.keys.add(effect.key);
    seen.set(effect.call, entry);
    if (effect.replay === "unsafe" && entry.count > 1)
      say(`unsafe call ${effect.call} ran ${entry.count} times`);
    if (entry.keys.size > 1) say(`call ${effect.call} ran under several keys`);
  }
}

/** The journal's own order: intents before effects, one answer a round, nothing after the end but what is late. */
function order(sim: Sim, say: (text: string) => void): void {
  const ended = new Set<string>();
  const answered = new Set<string>();
  const intents = new Set<string>();
  let rounds = 0;
  for (const entry of sim.journal) {
    if (!("turn" in entry)) continue;
    const late = entry.kind === "result" && entry.late;
    if (ended.has(entry.turn) && !late && entry.kind !== "began") {
      say(`${entry.kind} of ${entry.turn} comes after its end`);
    }
    if (entry.kind === "end") ended.add(entry.turn);
    if (entry.kind === "intent") {
      if (intents.has(entry.id)) say(`the intent of ${entry.id} was written twice`);
      intents.add(entry.id);
    }
    if (entry.kind === "result" && !late && !intents.has(entry.id))
      say(`result of ${entry.id} without an intent`);
    if (entry.kind === "answer") {
      const key = `${entry.turn}:${entry.round}`;
      if (answered.has(key)) say(`round ${key} was answered twice`);
      answered.add(key);
      rounds = Math.max(rounds, entry.round + 1);
    }
  }
  for (const effect of sim.effects)
    if (!intents.has(effect.call)) say(`effect of ${effect.call} without an intent`);
  if (rounds > limits.roundsPerTurn) say(`a turn took ${rounds} rounds`);
}

/** Nobody's message vanishes: every accepted turn and its messages are on the transcript, once. */
function transcript(sim: Sim, say: (text: string) => void): void {
  const items = sim.state.items.slice(0);
  for (const turn of sim.accepted.keys()) {
    const answers = items.filter((item) => item.type === "turn" && item.turn.id === turn).length;
    const asked = items.filter((item) => item.type === "user" && item.turn === turn).length;
    if (answers !== 1 || asked !== 1) say(`turn ${turn} is on the transcript ${asked} and ${answers} times`);
  }
}
