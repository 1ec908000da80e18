/** What must hold in the end, read from the journal and from what the world outside saw. */
import { answerId, emptyState, hasWork, reduceAll } from "../../src/actors/conversation/state.ts";
import { limits } from "../../src/limits.ts";
import type { Sim } from "./sim.ts";
import { nameOf } from "./sim-watch.ts";

/** The bound of P4 for a first sign: an input's own, or after a crash the wake's horizon. */
const SIGN_MS = 5_000;

/** Why a call may have a result without ever having begun. */
const REFUSALS = new Set(["denied", "approval_expired"]);
/** Tools of the simulation that a person is asked about. */
const ASKS = new Set(["wire", "post"]);

export function violations(sim: Sim): string[] {
  const found: string[] = [];
  const say = (text: string) => found.push(text);
  for (const what of sim.watch.wrong) say(what);
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
  for (const [message, at] of sim.accepted) {
    const turn = sim.turnOf(message) ?? "";
    const ends = sim.watch.outcomes.get(turn) ?? [];
    if (ends.length !== 1) say(`message ${message} has ${ends.length} outcomes: ${ends.join(", ")}`);
    const sign = sim.signs.get(turn);
    if (sign === undefined) say(`turn ${turn} never showed a sign`);
    else if (sim.accepted.size === 1 && sim.crashes + sim.refusals + sim.hung === 0 && sign - at > SIGN_MS) {
      say(`turn ${turn} was silent for ${sign - at} ms`);
    }
  }
  for (const [turn, ends] of sim.watch.outcomes) {
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
  const asked = new Set<string>();
  const decided = new Map<string, boolean>();
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
    if (entry.kind === "result" && !late && !intents.has(entry.id) && !REFUSALS.has(entry.error?.code ?? ""))
      say(`result of ${entry.id} without an intent`);
    if (entry.kind === "decide" || entry.kind === "expire") {
      if (decided.has(entry.id)) say(`${entry.id} was decided twice`);
      decided.set(entry.id, entry.kind === "decide" && entry.approved);
    }
    if (entry.kind === "ask") asked.add(entry.id);
    if (entry.kind === "intent" && asked.has(entry.id) && !decided.get(entry.id))
      say(`${entry.id} was begun without approval`);
    if (entry.kind === "intent" && ASKS.has(entry.name) && !asked.has(entry.id))
      say(`${entry.id} was begun without a question`);
    if (entry.kind === "intent" && entry.name === "shell") say("a forbidden tool was begun");
    if (entry.kind === "answer") {
      const key = `${entry.turn}:${entry.round}`;
      if (answered.has(key)) say(`round ${key} was answered twice`);
      answered.add(key);
      rounds = Math.max(rounds, entry.round + 1);
    }
  }
  for (const effect of sim.effects)
    if (!intents.has(effect.call)) say(`effect of ${effect.call} without an intent`);
  if (rounds > limits.roundsPerTurn + sim.accepted.size) say(`a turn took ${rounds} rounds`);
}

/** Nobody's message vanishes: every accepted one and its answer are on the transcript, once, or were taken off it. */
function transcript(sim: Sim, say: (text: string) => void): void {
  const names = sim.state.items.slice(0).map(nameOf);
  for (const item of sim.state.items.slice(0)) {
    if (item.type !== "turn" || item.turn.outcome !== "completed") continue;
    if (item.turn.joined.some((joined) => joined.round === null))
      say(`${item.turn.id} is complete, and what joined it was never read`);
  }
  const times = (name: string) => names.filter((one) => one === name).length;
  for (const message of sim.accepted.keys()) {
    if (sim.watch.gone.has(message)) continue;
    if (times(message) !== 1) say(`message ${message} is on the transcript ${times(message)} times`);
    const answer = answerId(sim.turnOf(message) ?? "");
    if (times(answer) !== 1 && !sim.watch.gone.has(answer)) {
      say(`the answer to ${message} is on the transcript ${times(answer)} times`);
    }
  }
}
