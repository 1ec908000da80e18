/**
 * `access`: the table of tokens, claims, carriers and key sets, each with what must come of it, on a clock of its own;
 * then a storm of key ids that nobody knows. With the full count all of it once more against the built Worker.
 */
import { Chance } from "../random.ts";
import type { Report } from "../report.ts";
import { CASES, type Case } from "./cases.ts";
import { CLAIMS } from "./claims.ts";
import { type Keys, makeKeys } from "./forge.ts";
import { KEY_SETS } from "./keysets.ts";
import { storm } from "./storm.ts";
import { createWorld } from "./world.ts";

/** From so many key ids on the Worker is asked as well: it takes half a minute. */
const OVER_HTTP_FROM = 10_000;
const MAX_VIOLATIONS = 40;

export const TABLE: readonly Case[] = [...CASES, ...CLAIMS];

/** What is wrong with the table itself: two cases of one name say that one was written twice. */
function doubled(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return names.flatMap((name) =>
    seen.size === seen.add(name).size ? [`two cases are named "${name}"`] : [],
  );
}

export interface TableResult {
  admitted: number;
  refused: number;
  violations: string[];
}

/** Every case of the table, each with caches that know nothing. */
export async function walkTable(keys: Keys): Promise<TableResult> {
  const result: TableResult = {
    admitted: 0,
    refused: 0,
    violations: doubled([...TABLE, ...KEY_SETS].map(({ name }) => name)),
  };
  for (const one of TABLE) {
    const world = createWorld(keys);
    const outcome = await world.ask(one.headers(world.mint)).catch((error: unknown) => String(error));
    if (outcome === "person" || outcome === "service") result.admitted += 1;
    else result.refused += 1;
    if (outcome !== one.expect) result.violations.push(`${one.name}: ${outcome}, not ${one.expect}`);
    if (world.addresses.some((address) => address !== `${world.mint.issuer}/cdn-cgi/access/certs`))
      result.violations.push(`${one.name}: ${world.addresses.join(", ")} was fetched`);
  }
  return result;
}

/** Every case of the key set. They wait for nothing but the one that is about waiting. */
export async function walkKeySets(keys: Keys): Promise<string[]> {
  const outcomes = await Promise.all(
    KEY_SETS.map(({ name, run }) =>
      run(keys).then(
        () => [],
        (error: unknown) => [`${name}: ${error instanceof Error ? error.message : String(error)}`],
      ),
    ),
  );
  return outcomes.flat();
}

export async function accessReport(
  seed: number,
  count: number,
  progress: (done: number) => void = () => {},
): Promise<Report> {
  const quiet = silence();
  try {
    const keys = makeKeys();
    const table = await walkTable(keys);
    const keySets = await walkKeySets(keys);
    const virtual = await storm(keys, count, new Chance(seed));
    progress(count);
    const violations = [...table.violations, ...keySets, ...virtual.violations];
    const rows: Report["rows"] = [
      ["cases", TABLE.length + KEY_SETS.length],
      ["... tokens that had to be let in", TABLE.filter(({ expect }) => expect !== "unauthenticated").length],
      [
        "... tokens that had to be refused",
        TABLE.filter(({ expect }) => expect === "unauthenticated").length,
      ],
      ["... tokens let in / refused", `${table.admitted} / ${table.refused}`],
      ["... key sets and rotations", KEY_SETS.length],
      ["key ids that nobody knows", virtual.tokens],
      ["... refused", virtual.refused],
      ["... fetches of the key set, and in how many seconds", spread(virtual.fetches)],
    ];
    if (count >= OVER_HTTP_FROM) {
      const { overHttp } = await import("./worker.ts");
      const http = await overHttp(
        keys,
        TABLE.filter((one) => !one.virtual),
        count,
        new Chance(seed + 1),
      );
      violations.push(...http.violations);
      rows.push(
        ["over HTTP, in workerd: cases", http.cases],
        ["... key ids that nobody knows", http.storm],
        [
          "... fetches of the key set, and in how many seconds",
          `${http.fetches} in ${http.seconds.toFixed(1)}`,
        ],
      );
    }
    return { rows, violations: violations.slice(0, MAX_VIOLATIONS) };
  } finally {
    quiet();
  }
}

const spread = (fetches: readonly number[]): string =>
  `${fetches.length} in ${((fetches.at(-1) ?? 0) / 1_000).toFixed(0)}`;

/** The door writes a line for each key set that it could not use: that is most of them here. */
function silence(): () => void {
  const { error } = console;
  console.error = (...parts: unknown[]) => {
    if (!String(parts[0]).includes('"key_set_failed"')) error(...parts);
  };
  return () => {
    console.error = error;
  };
}
