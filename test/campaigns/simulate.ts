/** `simulate`: seeds of chance. `crash-points`: every point of a number of stories, struck one by one, then in pairs. */
import { violations } from "./oracle.ts";
import { Chance } from "./random.ts";
import { type CrashPlan, Sim } from "./sim.ts";

export interface Tally {
  runs: number;
  inputs: number;
  completed: number;
  failed: number;
  cancelled: number;
  crashes: number;
  points: number;
  effects: number;
  /** The first few violations, each with what makes it happen again. */
  violations: string[];
}

export const emptyTally = (): Tally => ({
  runs: 0,
  inputs: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  crashes: 0,
  points: 0,
  effects: 0,
  violations: [],
});

/** Steps after which a story counts as stuck. */
const STEPS = 4_000;

/** One story: a few messages, some twice, some stopped, with crashes as planned. */
export async function story(seed: number, plan: CrashPlan): Promise<Sim> {
  const chance = new Chance(seed);
  const sim = new Sim(chance, plan);
  const messages = 1 + chance.below(4);
  const sent = Array.from({ length: messages }, () => sim.said());
  const unsent = [...sent];
  // People stop a turn once or twice, not for ever: what hangs must end by itself.
  let stops = 2;
  let undos = 1;
  for (let step = 0; step < STEPS; step++) {
    const next = unsent[0];
    const whim = chance.next();
    if (next && whim < (next.burst ? 0.6 : 0.2)) {
      // A client keeps what was not accepted and sends it again: it counts once.
      if (sim.send(next)) unsent.shift();
    } else if (whim < 0.22) {
      const again = chance.pick(sent);
      if (!unsent.includes(again)) sim.send(again);
    } else if (whim < 0.23) {
      if (stops-- > 0) sim.cancel(chance.pick(sent).id);
    } else if (whim < 0.25) {
      sim.kick();
    } else if (whim < 0.3) {
      sim.decide(chance.chance(0.6));
    } else if (whim < 0.32) {
      sim.amend(chance.pick(["edit", "delete", "steer"] as const));
    } else if (whim < 0.323) {
      if (undos-- > 0) sim.undo();
    } else if (whim < 0.335) {
      sim.recall();
    }
    const went = await sim.step();
    if (!went && unsent.length === 0) return sim;
  }
  sim.broke.push(new Error(`the story did not end within ${STEPS} steps`));
  return sim;
}

export function count(tally: Tally, sim: Sim, name: string): void {
  tally.runs++;
  tally.inputs += sim.accepted.size;
  tally.crashes += sim.crashes;
  tally.points += sim.points;
  tally.effects += sim.effects.length;
  for (const ends of sim.watch.outcomes.values()) {
    if (ends[0] === "completed") tally.completed++;
    if (ends[0] === "failed") tally.failed++;
    if (ends[0] === "cancelled") tally.cancelled++;
  }
  for (const violation of violations(sim)) {
    if (tally.violations.length < 10) tally.violations.push(`${name}: ${violation}`);
  }
}

/** Random stories with random crashes. */
export async function simulate(seed: number, runs: number, progress: (done: number) => void): Promise<Tally> {
  const tally = emptyTally();
  for (let i = 0; i < runs; i++) {
    const own = seed + i;
    const fate = new Chance(own ^ 0x5bd1e995);
    const rate = fate.pick([0, 0.01, 0.03, 0.1]);
    // A process that dies for ever proves nothing: after a while it lives. Storage too.
    let left = 1 + fate.below(12);
    const bad = fate.pick([0, 0, 0.05, 0.2]);
    let failures = fate.below(6);
    const plan: CrashPlan = {
      strikes: () => left > 0 && fate.chance(rate) && left-- > 0,
      fails: () => failures > 0 && fate.chance(bad) && failures-- > 0,
    };
    count(tally, await story(own, plan), `seed ${own}`);
    if (i % 500 === 499) progress(i + 1);
  }
  return tally;
}

/** Every point of every story: the process dies there, once, and once more while it recovers. */
export async function crashPoints(
  seed: number,
  stories: number,
  progress: (done: number) => void,
): Promise<Tally> {
  const tally = emptyTally();
  for (let i = 0; i < stories; i++) {
    const own = seed + i;
    const calm = await story(own, { strikes: () => false });
    count(tally, calm, `story ${own}`);
    for (let at = 1; at <= calm.points; at++) {
      count(
        tally,
        await story(own, { strikes: (point) => point === at }),
        `story ${own}, crash at point ${at}`,
      );
      const again = at + 1 + (at % 3);
      count(
        tally,
        await story(own, { strikes: (point) => point === at || point === again }),
        `story ${own}, crashes at points ${at} and ${again}`,
      );
    }
    progress(i + 1);
  }
  return tally;
}
