/** `npm run campaign`: the long proofs. Prints seed and counts, and ends with a non-zero code on any violation. */
import { parseArgs } from "node:util";
import { mutants } from "./mutants.ts";
import type { Report } from "./report.ts";
import { crashPoints, simulate, type Tally } from "./simulate.ts";

const USAGE = `Usage: npm run campaign -- NAME [--seed S] [--count N]

  simulate       N random stories (default 100000) on a virtual clock: messages sent, sent twice and stopped, models
                 and tools that fail, hang and answer late, the process dying before and after every port call
  crash-points   N stories (default 150), each run again for every point of it: the process dies there once, and once
                 more while it recovers
  sigkill        N kills (default 500) of the real Worker in workerd, in the middle of turns and of going on with them;
                 then journals, transcripts and files are judged. What a kill hits depends on the machine
  stream         the model port with the real provider packages: streams cut and split at every byte, refusals, silence,
                 errors and garbage between any two events, then N random mixtures (default 20000)
  alarms         N random stories (default 200) inside workerd: alarms twice, late, with an input, with a stop, failing
  mutants        each guard of the turn is taken out of the source in turn; the campaign must fail without it
  all            every one of them

  --seed S       where to begin (default 1); the same seed gives the same campaign
  --count N      how many
  --help         show this text
`;

interface Campaign {
  run(seed: number, count: number, progress: (done: number) => void): Promise<Report>;
  count: number;
}

const CAMPAIGNS: Record<string, Campaign> = {
  simulate: { run: told(simulate), count: 100_000 },
  "crash-points": { run: told(crashPoints), count: 150 },
  // Loaded when asked for: these bring the runtime and the provider packages along.
  sigkill: {
    run: async (...args) => (await import("./sigkill/index.ts")).sigkillReport(...args),
    count: 500,
  },
  stream: {
    run: async (...args) => (await import("./stream/index.ts")).streamReport(...args),
    count: 20_000,
  },
  alarms: {
    run: async (seed, count) => (await import("./alarms/index.ts")).alarmsReport(seed, count),
    count: 200,
  },
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
    const report = await campaign.run(parsed.seed, count, (done) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${name}: ${done} of ${count}`);
    });
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
    print(name, parsed.seed, report, (performance.now() - started) / 1000);
    broken += report.violations.length;
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

/** A campaign on the virtual clock, with its tally put into words. */
function told(
  campaign: (seed: number, count: number, progress: (done: number) => void) => Promise<Tally>,
): Campaign["run"] {
  return async (...args) => {
    const tally = await campaign(...args);
    return {
      rows: [
        ["stories", tally.runs],
        ["points where a process could die", tally.points],
        ["times that it died", tally.crashes],
        ["inputs accepted", tally.inputs],
        ["turns completed / failed / cancelled", `${tally.completed} / ${tally.failed} / ${tally.cancelled}`],
        ["effects of tools", tally.effects],
      ],
      violations: tally.violations,
    };
  };
}

function print(name: string, seed: number, report: Report, seconds: number): void {
  const rows: Report["rows"] = [
    ["campaign", name],
    ["first seed", seed],
    ...report.rows,
    ["violations", report.violations.length],
    ["seconds", seconds.toFixed(1)],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  for (const [label, value] of rows) console.log(`${label.padEnd(width)}  ${value}`);
  for (const violation of report.violations) console.log(`  ✗ ${violation}`);
  console.log("");
}

process.exitCode = await main();
