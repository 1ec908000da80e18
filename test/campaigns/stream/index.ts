/**
 * `stream`: the model port with the real provider packages over a gateway that answers in every way it can: cut after
 * every byte, split at every byte, with errors, noise and garbage between any two events, refused, silent.
 */
import { Chance } from "../random.ts";
import type { Report } from "../report.ts";
import { type Case, run } from "./case.ts";
import { betweenEvents, cuts, randomCase, refusals, silences, splits } from "./cases.ts";
import { RECORDINGS } from "./recordings.ts";

export interface StreamTally {
  /** Cases by kind. */
  cases: Record<string, number>;
  answers: number;
  errors: number;
  hangs: number;
  /** Whole answers behind which the usage was cut off. */
  unmetered: number;
  /** What escaped a call: nobody awaited it. */
  escaped: number;
  violations: string[];
}

const MAX_VIOLATIONS = 20;

/** Everything that can be counted, then `random` stories from `seed` on. `every`: cuts and splits at each n-th byte. */
export async function stream(options: {
  seed: number;
  random: number;
  every?: number;
  progress?: (done: number) => void;
}): Promise<StreamTally> {
  const { seed, random, every = 1, progress = () => {} } = options;
  const tally: StreamTally = {
    cases: {},
    answers: 0,
    errors: 0,
    hangs: 0,
    unmetered: 0,
    escaped: 0,
    violations: [],
  };
  const escaped = (reason: unknown): void => {
    tally.escaped++;
    note(tally, `nobody caught ${String(reason)}`);
  };
  process.on("unhandledRejection", escaped);
  try {
    for (const recording of RECORDINGS) {
      await all(tally, "cut", cuts(recording, every));
      await all(tally, "split", splits(recording, every));
      await all(tally, "between events", betweenEvents(recording));
      await all(tally, "silent", silences(recording));
      await all(tally, "refused", refusals(recording));
    }
    for (let i = 0; i < random; i++) {
      await all(tally, "random", [randomCase(new Chance(seed + i), seed + i)]);
      if (i % 100 === 99) progress(i + 1);
    }
    await new Promise((resolve) => setImmediate(resolve)); // what escaped the last case is reported by now
  } finally {
    process.removeListener("unhandledRejection", escaped);
  }
  return tally;
}

async function all(tally: StreamTally, kind: string, cases: Iterable<Case>): Promise<void> {
  for (const one of cases) {
    const settled = await run(one);
    tally.cases[kind] = (tally.cases[kind] ?? 0) + 1;
    if (settled.outcome === "answer") tally.answers++;
    else if (settled.outcome === "error") tally.errors++;
    else tally.hangs++;
    if (settled.unmetered) tally.unmetered++;
    for (const wrong of settled.wrong) note(tally, wrong);
  }
}

function note(tally: StreamTally, violation: string): void {
  if (tally.violations.length < MAX_VIOLATIONS) tally.violations.push(violation);
}

/** For the table of `npm run campaign`. */
export async function streamReport(
  seed: number,
  random: number,
  progress: (done: number) => void,
): Promise<Report> {
  const tally = await stream({ seed, random, progress });
  return {
    rows: [
      ...Object.entries(tally.cases).map(([kind, count]): [string, number] => [`cases: ${kind}`, count]),
      ["settled with the whole answer", tally.answers],
      ["of these, the usage was cut off behind it", tally.unmetered],
      ["settled with an error of ours", tally.errors],
      ["never settled", tally.hangs],
      ["rejections that nobody awaited", tally.escaped],
    ],
    violations: tally.violations,
  };
}
