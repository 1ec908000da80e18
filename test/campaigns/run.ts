/** `npm run campaign`: the long proofs. Prints seed and counts, and ends with a non-zero code on any violation. */
import { parseArgs } from "node:util";
import { CAMPAIGNS, type Campaign, type CampaignName, isCampaign } from "./campaigns.ts";
import { mutants } from "./mutants.ts";
import { type Done, figures, table } from "./table.ts";

/** How it ends: nothing found, something found, asked for something that is not there, or broken by itself. */
const EXIT = { clean: 0, violated: 1, usage: 2, broken: 3 } as const;
/** How many stories are run before it is looked whether one of them failed, with `--until-violation`. */
const CHUNKS = 30;

const USAGE = `Usage: npm run campaign -- NAME [--seed S] [--count N] [--quick]

${Object.entries(CAMPAIGNS).map(usageOf).join("\n")}
  ${"mutants".padEnd(13)} each guard is taken out of the source in turn; the campaign that it names must fail without it
  ${"all".padEnd(13)} every one of them, and one table of what came out

  --seed S            where to begin (default 1); the same seed gives the same campaign
  --count N           how many
  --quick             the share that every change is judged by
  --until-violation   stop soon after the first violation
  --write-docs        put what came out into the documents, for a campaign that has a place there: peers
  --help              show this text
`;

function usageOf([name, { about, of, count, quick }]: [string, Campaign]): string {
  const share = quick === 0 || quick === count ? "" : `; ${quick} with --quick`;
  const [first = "", ...more] = `${about} (${count} ${of}${share})`.split("\n");
  return [`  ${name.padEnd(13)} ${first}`, ...more.map((line) => `  ${"".padEnd(13)} ${line}`)].join("\n");
}

type Options = Exclude<ReturnType<typeof read>, null>;

async function main(): Promise<number> {
  let options: ReturnType<typeof read>;
  try {
    options = read();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return EXIT.usage;
  }
  if (options === null) {
    process.stdout.write(USAGE);
    return EXIT.clean;
  }
  const all: Done[] = [];
  for (const name of options.names) {
    const done = await runOne(name, options);
    console.log(`${figures(done)}\n`);
    if (options.writeDocs) writeDocs(done);
    all.push(done);
  }
  if (all.length > 1) console.log(`${table(all)}\n`);
  const survivors = options.mutants ? await removeGuards() : 0;
  const violations = all.reduce((sum, { report }) => sum + report.violations.length, 0);
  return violations + survivors === 0 ? EXIT.clean : EXIT.violated;
}

async function runOne(name: CampaignName, options: Options): Promise<Done> {
  const campaign: Campaign = CAMPAIGNS[name];
  const { seed } = options;
  const count = options.count ?? (options.quick ? campaign.quick || campaign.count : campaign.count);
  const run = await campaign.load();
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const show = progressLine();
  const told = (done: number): void =>
    show(`${name}: ${done} of ${count} ${campaign.of}, ${seconds().toFixed(0)} s`);
  const size = options.untilViolation && campaign.light ? Math.ceil(count / CHUNKS) : count;
  let done = 0;
  try {
    for (;;) {
      const chunk = Math.min(size, count - done);
      const report = await thrownIsFound(seed + done, () =>
        run(seed + done, chunk, (part) => told(done + part)),
      );
      done += chunk;
      if (done >= count || report.violations.length > 0)
        return { name, seed, count: done, of: campaign.of, seconds: seconds(), report };
    }
  } finally {
    show(null);
  }
}

function writeDocs({ name, seed, count, report }: Done): void {
  const path = report.document?.({ seed, count });
  console.error(path ? `written: ${path}` : `${name} has no place in the documents.`);
}

/** A campaign that throws has found something too, though nobody foresaw it. */
async function thrownIsFound(seed: number, run: () => Promise<Done["report"]>): Promise<Done["report"]> {
  try {
    return await run();
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { rows: [], violations: [`from seed ${seed} on: it broke off: ${text}`] };
  }
}

/** Returns how many guards nobody missed. */
async function removeGuards(): Promise<number> {
  const show = progressLine();
  const results = await mutants((done, of) => show(`mutants: ${done} of ${of}`));
  show(null);
  for (const { guard, by, killed, how } of results)
    console.log(`${killed ? "✓" : "✗"} ${guard} (${by}: ${how})`);
  const killed = results.filter((result) => result.killed).length;
  console.log(`guards killed ${killed}/${results.length}\n`);
  return results.length - killed;
}

/** One line that is written over again and again, on a terminal only. `null` takes it away. */
function progressLine(): (text: string | null) => void {
  if (!process.stderr.isTTY) return () => {};
  return (text) => process.stderr.write(text === null ? "\r\u001b[K" : `\r${text}\u001b[K`);
}

/** What the command line asks for; `null` for help. Throws what is wrong with it. */
function read() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: "string", default: "1" },
      count: { type: "string" },
      quick: { type: "boolean", default: false },
      "write-docs": { type: "boolean", default: false },
      "until-violation": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) throw new Error("Name one campaign.");
  if (name !== "all" && name !== "mutants" && !isCampaign(name))
    throw new Error(`There is no campaign "${name}".`);
  return {
    names: namesOf(name),
    mutants: name === "all" || name === "mutants",
    seed: whole(values.seed, "--seed"),
    count: values.count === undefined ? undefined : whole(values.count, "--count"),
    quick: values.quick,
    writeDocs: values["write-docs"],
    untilViolation: values["until-violation"],
  };
}

function namesOf(name: string): CampaignName[] {
  if (isCampaign(name)) return [name];
  if (name === "mutants") return [];
  return Object.keys(CAMPAIGNS)
    .filter(isCampaign)
    .filter((each) => !("apart" in CAMPAIGNS[each]));
}

function whole(text: string, flag: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 1)
    throw new Error(`${flag} takes a whole number from 1 on, not "${text}".`);
  return n;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error);
  process.exitCode = EXIT.broken;
}
