/**
 * `mutants`: each guard is taken out in turn, in a copy of the project; what the guard names must fail there. The same
 * runs on the copy as it is first: what fails by itself proves nothing about a guard.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { z } from "zod";
import { allGuards, type Guard, type Killer } from "./guard.ts";

const ROOT = join(import.meta.dirname, "../..");
/** Stories, or whatever is counted, that a mutant has to survive. Guards fall within the first few hundred. */
const COUNTS: Partial<Record<Killer, number>> = {
  simulate: 3_000,
  "crash-points": 15,
  alarms: 20,
  evict: 20,
  schedules: 30,
};
const OTHERWISE = 500;
/** How long what is run may hang before that counts as failing. On the virtual clock it takes two seconds. */
const WITHIN_MS = 120_000;
const VIRTUAL_WITHIN_MS = 20_000;
/** Copies that are worked on side by side. */
const SIDE_BY_SIDE = Math.min(4, availableParallelism());
/** Reasons that are longer than a line of a terminal say no more. */
const REASON_CHARS = 140;

export interface Killed {
  guard: string;
  by: Killer;
  killed: boolean;
  how: string;
}

type Fate = { fate: "failed" | "hung" | "survived" | "broken"; why: string };

/** `progress` is told how many guards of how many are through. Results come in the order of the lists. */
export async function mutants(progress: (done: number, of: number) => void): Promise<Killed[]> {
  const guards = await allGuards();
  const killers = [...new Set(guards.map(killerOf))];
  const copies = Array.from({ length: SIDE_BY_SIDE }, () => new Copy());
  try {
    const sound = new Map<Killer, Fate>();
    await shared(copies, killers, async (copy, killer) => void sound.set(killer, await copy.run(killer)));
    const results = new Map<Guard, Killed>();
    await shared(copies, guards, async (copy, guard) => {
      results.set(guard, await judged(copy, guard, sound));
      progress(results.size, guards.length);
    });
    return guards.flatMap((guard) => results.get(guard) ?? []);
  } finally {
    for (const copy of copies) copy.remove();
  }
}

const killerOf = ({ by }: Guard): Killer => by ?? "simulate";

async function judged(copy: Copy, guard: Guard, sound: ReadonlyMap<Killer, Fate>): Promise<Killed> {
  const by = killerOf(guard);
  const told = { guard: guard.name, by };
  const before = sound.get(by);
  if (before?.fate !== "survived")
    return { ...told, killed: false, how: `fails with the guard as well: ${before?.why}` };
  const problem = misplaced(guard, copy.read(guard.file));
  if (problem !== null) return { ...told, killed: false, how: problem };
  const { fate, why } = await copy.runWithout(guard, by);
  return { ...told, killed: fate === "failed" || fate === "hung", how: why ? `${fate}: ${why}` : fate };
}

/** What is wrong with a guard's place in its file, or `null`. */
export function misplaced(guard: Guard, source: string): string | null {
  const times = source.split(guard.from).length - 1;
  if (times === 1) return guard.from === guard.to ? "it takes nothing away" : null;
  return `its text stands ${times} times in ${guard.file}`;
}

/** Each of `values` is taken by whichever copy is free. */
async function shared<T>(
  copies: readonly Copy[],
  values: readonly T[],
  run: (copy: Copy, value: T) => Promise<void>,
): Promise<void> {
  const queue = [...values];
  await Promise.all(
    copies.map(async (copy) => {
      for (let value = queue.shift(); value !== undefined; value = queue.shift()) await run(copy, value);
    }),
  );
}

/** A copy of the project, without what is built or installed. */
class Copy {
  readonly #dir = mkdtempSync(join(tmpdir(), "holdfast-mutant-"));

  constructor() {
    const left = new Set(["node_modules", "dist"]);
    cpSync(ROOT, this.#dir, {
      recursive: true,
      filter: (from) => from === ROOT || !(left.has(basename(from)) || basename(from).startsWith(".")),
    });
    symlinkSync(join(ROOT, "node_modules"), join(this.#dir, "node_modules"));
  }

  read(file: string): string {
    return readFileSync(join(this.#dir, file), "utf8");
  }

  async runWithout(guard: Guard, killer: Killer): Promise<Fate> {
    const source = this.read(guard.file);
    const path = join(this.#dir, guard.file);
    writeFileSync(
      path,
      source.replace(guard.from, () => guard.to),
    );
    try {
      return await this.run(killer);
    } finally {
      writeFileSync(path, source);
    }
  }

  run(killer: Killer): Promise<Fate> {
    const [project, file] = killer.split(":");
    return file === undefined ? this.#campaign(killer) : this.#test(project ?? "", file);
  }

  async #campaign(name: Killer): Promise<Fate> {
    const count = String(COUNTS[name] ?? OTHERWISE);
    const withinMs = name === "simulate" || name === "crash-points" ? VIRTUAL_WITHIN_MS : WITHIN_MS;
    const { code, out } = await this.#node(withinMs, [
      "test/campaigns/run.ts",
      ...[name, "--count", count, "--until-violation"],
    ]);
    if (code === null) return { fate: "hung", why: "" };
    if (code === 0) return { fate: "survived", why: "" };
    const found = out.split("\n").find((line) => line.startsWith("  ✗ "));
    // Without a violation nothing was judged: a mutant that cannot be loaded is not one that was seen.
    return found
      ? { fate: "failed", why: reason(found.slice(4)) }
      : { fate: "broken", why: reason(out.trim()) };
  }

  async #test(project: string, file: string): Promise<Fate> {
    const path = `test/${project}/${file}.test.ts`;
    const to = join(this.#dir, ".report.json");
    rmSync(to, { force: true });
    const { code, out } = await this.#node(WITHIN_MS, [
      "node_modules/vitest/vitest.mjs",
      ...["run", "--project", project, path, "--bail", "1"],
      ...["--reporter", "json", "--outputFile", to],
    ]);
    if (code === null) return { fate: "hung", why: "" };
    if (code === 0) return { fate: "survived", why: "" };
    const failed = failedTests(to);
    return failed[0] === undefined
      ? { fate: "broken", why: reason(out.trim()) }
      : { fate: "failed", why: reason(failed[0]) };
  }

  /** Runs a program in the copy. `code` is `null` when it did not end in time and was killed. */
  async #node(withinMs: number, args: readonly string[]): Promise<{ code: number | null; out: string }> {
    // A group of its own: what it started goes with it.
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
      cwd: this.#dir,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let out = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        out += text;
      });
    const timer = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, "SIGKILL"), withinMs);
    const [code] = await once(child, "close");
    clearTimeout(timer);
    return { code: typeof code === "number" ? code : null, out };
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

const vitestReport = z.object({
  testResults: z.array(
    z.object({ assertionResults: z.array(z.object({ status: z.string(), fullName: z.string() })) }),
  ),
});

function failedTests(path: string): string[] {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return []; // it ended before it could report
  }
  return vitestReport
    .parse(json)
    .testResults.flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === "failed")
    .map(({ fullName }) => fullName);
}

const reason = (text: string): string => {
  const [line = ""] = text.split("\n");
  return line.length > REASON_CHARS ? `${line.slice(0, REASON_CHARS)}…` : line;
};
