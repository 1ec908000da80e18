/** `mutants`: each guard is taken out in turn, in a process of its own; some campaign must fail. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { GUARDS } from "./guards.ts";

const here = import.meta.dirname;
/** Stories that a mutant has to survive, and how long it may hang before that counts as failing. */
const STORIES = 3_000;
const WITHIN_MS = 60_000;
/** `mutate.ts` ends with this when a guard's text is not in its file. */
const NOT_FOUND = 3;

export interface Killed {
  guard: string;
  killed: boolean;
  how: string;
}

export async function mutants(progress: (done: number) => void): Promise<Killed[]> {
  const results: Killed[] = [];
  for (const [i, guard] of GUARDS.entries()) {
    const how = await campaignWithout(guard.name);
    results.push({ guard: guard.name, killed: how !== "survived" && how !== "not found", how });
    progress(i + 1);
  }
  return results;
}

function campaignWithout(name: string): Promise<"failed" | "hung" | "survived" | "not found"> {
  const child = spawn(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      "--import",
      join(here, "mutate.ts"),
      join(here, "run.ts"),
      "simulate",
      "--count",
      String(STORIES),
    ],
    { env: { ...process.env, HOLDFAST_MUTANT: name }, stdio: "ignore" },
  );
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      resolve("hung");
    }, WITHIN_MS);
    child.once("exit", (code) => {
      clearTimeout(timer);
      if (code === 0) resolve("survived");
      else resolve(code === NOT_FOUND ? "not found" : "failed");
    });
  });
}
