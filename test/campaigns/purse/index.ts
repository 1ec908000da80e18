/**
 * `purse`: conversations of one user race for the user's money, die, and talk to the purse over a network that delays,
 * doubles and loses. Spent plus reserved stays below the limit at every step, what lies idle comes back when another
 * chat needs it, and every call is counted exactly once.
 */
import { Chance } from "../random.ts";
import type { Report } from "../report.ts";
import { emptyTally, type PurseTally, Story } from "./story.ts";
import type { LedgerMaker } from "./user.ts";

export interface PurseOutcome extends PurseTally {
  stories: number;
  violations: string[];
}

const MAX_VIOLATIONS = 20;

/** `make`: another ledger than the real one, to see that the campaign finds what is wrong with it. */
export async function purse(options: {
  seed: number;
  count: number;
  progress?: (done: number) => void;
  make?: LedgerMaker;
}): Promise<PurseOutcome> {
  const { seed, count, progress = () => {}, make } = options;
  const tally = emptyTally();
  const violations: string[] = [];
  for (let i = 0; i < count; i++) {
    const wrong = await new Story(new Chance(seed + i), tally, make).run();
    if (wrong !== null && violations.length < MAX_VIOLATIONS) violations.push(`seed ${seed + i}: ${wrong}`);
    if (i % 50 === 49) progress(i + 1);
  }
  return { ...tally, stories: count, violations };
}

/** For the table of `npm run campaign`. */
export async function purseReport(
  seed: number,
  count: number,
  progress?: (done: number) => void,
): Promise<Report> {
  const done = await purse({ seed, count, ...(progress && { progress }) });
  return {
    rows: [
      ["stories", done.stories],
      ["steps, the money counted after each", done.steps],
      ["model calls", done.calls],
      ["... of unknown outcome", done.unknown],
      ["leases granted", done.leases],
      ["leases refused", done.refusals],
      ["... or short, and no chat at rest held enough", done.judged],
      ["recalls of money that lies idle", done.recalls],
      ["deaths of a conversation or of the purse", done.crashes],
      ["chats deleted", done.deletions],
      ["journals restored to an earlier state", done.restores],
      ["messages lost, before or behind their effect", done.lost],
      ["messages that came twice", done.doubled],
      ["days seen", done.days],
    ],
    violations: done.violations,
    // After each story every call is looked for in the books: missing, or in them twice, it would have been named.
    accepted: done.calls,
    ...(done.violations.length === 0 && { lost: 0, doubled: 0 }),
  };
}
