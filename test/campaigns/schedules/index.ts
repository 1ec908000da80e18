/**
 * `schedules`: random schedules of one conversation on a virtual clock that jumps, over changes of summer time, with
 * alarms early, late and twice, and a process that dies before and after every effect. The code under test is the one
 * that the conversation runs; what should have happened is counted forward, occurrence by occurrence.
 */
import { limits } from "../../../src/limits.ts";
import type { ScheduleInput } from "../../../src/protocol/schedules.ts";
import { Chance } from "../random.ts";
import type { Report } from "../report.ts";
import { emptyTally, ScheduleWorld, type Tally } from "./world.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"];
const CRONS = [
  ...["*/5 * * * *", "*/5 * * * *", "0,5,10,40 * * * *", "*/30 1-3 * * *", "@hourly", "17 */2 * * *"],
  ...["30 2 * * *", "45 1 * * *", "0 9 * * 1-5", "30 2,14 * * *", "0 9 L * *", "0 0 29 2 *"],
];
/** Where stories begin: before changes of clocks, before a leap day, and on an ordinary day. */
const BEGINNINGS = [
  ...["2026-03-28T20:00Z", "2026-10-24T20:00Z", "2026-03-07T20:00Z", "2026-10-31T20:00Z"],
  ...["2026-10-02T12:00Z", "2026-04-03T12:00Z", "2028-02-28T12:00Z", "2026-11-23T18:00Z"],
].map((text) => Date.parse(text));

/** Violations that are shown; one fault shows itself in many stories. */
const SHOWN = 10;

/** For the table of `npm run campaign`. */
export async function schedulesReport(
  seed: number,
  count: number,
  progress: (done: number) => void,
): Promise<Report> {
  const sum = emptyTally();
  const violations: string[] = [];
  for (let i = 0; i < count; i++) {
    const chance = new Chance(seed + i);
    const world = chance.chance(0.1) ? flood(chance) : story(chance);
    for (const name of Object.keys(sum) as (keyof Tally)[]) sum[name] += world.tally[name]; // the keys of a literal
    violations.push(...world.violations.map((text) => `seed ${seed + i}: ${text}`));
    if (i % 50 === 0) progress(i);
  }
  return {
    rows: [
      ["stories", count],
      ["occurrences that ran, each once", sum.runs],
      ["of these late, and said so", sum.late],
      ["of these with a count of what was missed before", sum.missed],
      ["deaths of the process between two effects", sum.deaths],
      ["runs that a later life found noted in the journal only", sum.recovered],
      ["not stacked on a run that went on", sum.busy],
      [`not run, being beyond ${limits.scheduledTurnsPerDay} a day`, sum.full],
      ["paused after failing again and again", sum.pausedByFailure],
    ],
    violations: violations.slice(0, SHOWN),
    accepted: sum.runs,
    lost: sum.lost,
    doubled: sum.doubled,
  };
}

function story(chance: Chance): ScheduleWorld {
  const world = new ScheduleWorld(chance, chance.pick(BEGINNINGS) + chance.below(HOUR_MS));
  const failing = chance.chance(0.3);
  /** Whether the last alarm came to its end: the clock is set back only then, so that the oracle can follow. */
  let whole = true;
  for (let i = 0; i < 2 + chance.below(5); i++) world.add(randomInput(chance), chance.pick(ZONES));
  const steps = 40 + chance.below(160);
  for (let i = 0; i < steps; i++) {
    const fate = chance.next();
    const some = world.schedules.length > 0 ? chance.pick(world.schedules).id : "";
    if (fate < 0.04) world.add(randomInput(chance), chance.pick(ZONES));
    else if (fate < 0.07) world.pause(some);
    else if (fate < 0.12) world.resume(some);
    else if (fate < 0.13) world.remove(some);
    else if (fate < 0.16 && whole) world.now -= chance.below(2 * MINUTE_MS);
    else if (fate < 0.5) passTime(world, chance);
    else if (fate < 0.9) whole = alarm(world, chance);
    for (const turn of world.open) if (chance.chance(0.5)) world.end(turn, outcomeOf(chance, failing));
  }
  // What is due at the end runs, whatever died before.
  while (!world.alarm(0));
  return world;
}

/** A day on which schedules would start more turns than they may, alarm by alarm. */
function flood(chance: Chance): ScheduleWorld {
  const world = new ScheduleWorld(chance, chance.pick(BEGINNINGS));
  const often = { text: "Look again.", cron: "*/5 * * * *" };
  for (let i = 0; i < 4; i++) world.add(often, chance.pick(ZONES));
  world.add({ text: "Once.", in: "2 hours" }, "UTC");
  for (let i = 0; i < 60; i++) {
    world.now = Math.max(world.now, world.jobAt ?? 0);
    while (!world.alarm(0.02));
    for (const turn of world.open) world.end(turn, "completed");
  }
  return world;
}

function passTime(world: ScheduleWorld, chance: Chance): void {
  const { jobAt } = world;
  const fate = chance.next();
  if (fate < 0.5 && jobAt !== null && jobAt < world.now + 40 * 24 * HOUR_MS)
    world.now = Math.max(world.now, jobAt + chance.below(2_000));
  else if (fate < 0.8) world.now += chance.below(20 * MINUTE_MS);
  else if (fate < 0.95) world.now += chance.below(8 * HOUR_MS);
  else world.now += chance.below(3 * 24 * HOUR_MS);
}

/** An alarm, perhaps too early, perhaps twice; it may kill the process each time. */
function alarm(world: ScheduleWorld, chance: Chance): boolean {
  const roomy = chance.chance(0.9);
  const deadly = chance.pick([0, 0, 0.1, 0.4]);
  let whole = world.alarm(deadly, roomy);
  if (chance.chance(0.2)) whole = world.alarm(deadly, roomy);
  return whole;
}

function randomInput(chance: Chance): ScheduleInput {
  const text = "Say what time it is.";
  if (chance.chance(0.25)) return { text, in: `${1 + chance.below(300)} minutes` };
  return { text, cron: chance.pick(CRONS), catchUp: chance.chance(0.3) ? "skip" : "latest" };
}

const outcomeOf = (chance: Chance, failing: boolean) =>
  chance.chance(failing ? 0.85 : 0.1) ? "failed" : chance.chance(0.9) ? "completed" : "cancelled";
