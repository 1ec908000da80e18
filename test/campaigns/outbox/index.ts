/** `npm run campaign -- outbox`: random stories of replies that are owed to four kinds of channels, with crashes. */
import { Chance } from "../random.ts";
import type { Report } from "../report.ts";
import { judge } from "./oracle.ts";
import { story } from "./story.ts";

/** Violations that are shown. */
const SHOWN = 10;

/** `count` stories from `seed` on. Every story is the same on every machine. */
export async function outboxReport(
  seed: number,
  count: number,
  progress: (done: number) => void,
): Promise<Report> {
  const sum = { deliveries: 0, delivered: 0, dead: 0, meddled: 0, orphans: 0, doubled: 0 };
  const wrong = { lost: 0, doubled: 0, unended: 0 };
  let crashes = 0;
  let points = 0;
  let requests = 0;
  const violations: string[] = [];
  for (let i = 0; i < count; i++) {
    const own = seed + i;
    const fate = new Chance(own ^ 0x2c1b3c6d);
    const rate = fate.pick([0, 0.01, 0.05, 0.2]);
    // A process that dies for ever delivers nothing: after a while it lives.
    let left = 1 + fate.below(10);
    const told = await story(own, () => left > 0 && fate.chance(rate) && left-- > 0);
    const verdict = judge(told);
    sum.deliveries += verdict.deliveries;
    sum.delivered += verdict.delivered;
    sum.dead += verdict.dead;
    sum.meddled += verdict.meddled;
    sum.orphans += verdict.orphans;
    sum.doubled += verdict.doubled;
    wrong.lost += verdict.lost;
    wrong.doubled += verdict.twice;
    wrong.unended += verdict.stuck;
    crashes += told.world.crashes;
    points += told.world.points;
    for (const platform of told.world.platforms.values()) requests += platform.asked.length;
    for (const violation of verdict.violations) {
      if (violations.length < SHOWN) violations.push(`seed ${own}: ${violation}`);
    }
    if (i % 500 === 499) progress(i + 1);
  }
  return {
    rows: [
      ["stories", count],
      ["points where the process could die", points],
      ["times that it died", crashes],
      ["requests to channels", requests],
      ["replies owed", sum.deliveries],
      ["delivered / dead letters / given up", `${sum.delivered} / ${sum.dead} / ${sum.meddled}`],
      ["seen twice (no keys, no edits)", sum.doubled],
      ["placeholders left (edits, no keys)", sum.orphans],
    ],
    violations,
    accepted: sum.deliveries,
    answered: sum.delivered,
    ...wrong,
  };
}
