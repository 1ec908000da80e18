/** `npm run campaign`: the long proofs. Prints seed and counts, and ends with a non-zero code on any violation. */
import { parseArgs } from "node:util";
import { mutants } from "./mutants.ts";
import { crashPoints, simulate, type Tally } from "./simulate.ts";

const USAGE = `Usage: npm run campaign -- NAME [--seed S] [--count N]

  simulate       N random stories (default 100000) on a virtual clock: messages sent, sent twice and stopped, models
                 and tools that fail, hang and answer late, the process dying before and after every port call
  crash-points   N stories (default 150), each run again for every point of it: the process dies there once, and once
                 more while it recovers
  mutants        each guard of the turn is taken out of the source in turn; the campaign must fail without it
  all            every one of them

  --seed S       where to begin (default 1); the same seed gives the same campaign
  --count N      how many
  --help         show this text
`;

type Campaign = (seed: number, count: number, progress: (done: number) => void) => Promise<Tally>;
const CAMPAIGNS: Record<string, { run: Campaign; count: number }> = {
  simulate: { run: simulate, count: 100_000 },
  "crash-points": { run: crashPoints, count: 150 },
};

async function main(): Promise<number> {
  let parsed: ReturnType<typeof read>;
  try {
    parsed = read();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  if (parsed.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const names = parsed.name === "all" ? [...Object.keys(CAMPAIGNS), "mutants"] : [parsed.name];
  let broken = 0;
  for (const name of names) {
    if (name === "mutants") {
      broken += await removeGuards();
      continue;
    }
    const campaign = CAMPAIGNS[name];
    if (!campaign) {
      process.stderr.write(`There is no campaign "${name}".\n\n${USAGE}`);
      return 2;
    }
    const count = parsed.count ?? campaign.count;
    const started = performance.now();
    const tally = await campaign.run(parsed.seed, count, (done) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${name}: ${done} of ${count}`);
    });
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
    report(name, parsed.seed, tally, (performance.now() - started) / 1000);
    broken += tally.violations.length;
  }
  return broken === 0 ? 0 : 1;
}

/** Returns how many guards nobody missed. */
async function removeGuards(): Promise<number> {
  const results = await mutants((done) => {
    if (process.stderr.isTTY) process.stderr.write(`\rmutants: ${done}`);
  });
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  for (const { guard, killed, how } of results) console.log(`${killed ? "✓" : "✗"} ${guard} (${how})`);
  const killed = results.filter((result) => result.killed).length;
  console.log(`guards killed ${killed}/${results.length}\n`);
  return results.length - killed;
}

function read(): { name: string; seed: number; count: number | undefined; help: boolean } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: "string", default: "1" },
      count: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const whole = (text: string, flag: string): number => {
    const n = Number(text);
    if (!Number.isSafeInteger(n) || n < 1)
      throw new Error(`${flag} takes a whole number from 1 on, not "${text}".`);
    return n;
  };
  const [name] = positionals;
  if (!values.help && name === undefined) throw new Error("Name a campaign.");
  return {
    name: name ?? "",
    seed: whole(values.seed, "--seed"),
    count: values.count === undefined ? undefined : whole(values.count, "--count"),
    help: values.help,
  };
}

function report(name: string, seed: number, tally: Tally, seconds: number): void {
  const rows: [string, string | number][] = [
    ["campaign", name],
    ["first seed", seed],
    ["stories", tally.runs],
    ["points where a process could die", tally.points],
    ["times that it died", tally.crashes],
    ["inputs accepted", tally.inputs],
    ["turns completed / failed / cancelled", `${tally.completed} / ${tally.failed} / ${tally.cancelled}`],
    ["effects of tools", tally.effects],
    ["violations", tally.violations.length],
    ["seconds", seconds.toFixed(1)],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  for (const [label, value] of rows) console.log(`${label.padEnd(width)}  ${value}`);
  for (const violation of tally.violations) console.log(`  ✗ ${violation}`);
  console.log("");
}

process.exitCode = await main();
