/** Writes the section of `docs/performance.md` that a run of `peers` is: every figure in it was measured in that run. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { SURVIVAL, withSection } from "../../../bench/lib/sections.ts";
import { projectPaths } from "../../../local/lib/paths.ts";

const PAGE = join(projectPaths.root, "docs/performance.md");

/** Returns the path that was written. `columns`: one for everybody who is compared. */
export function writeSurvival(
  notes: readonly string[],
  run: { seed: number; kills: number; columns: readonly string[]; rows: readonly (readonly string[])[] },
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const text = [
    `Written by \`npm run campaign -- peers --count ${run.kills} --seed ${run.seed} --write-docs\`: ${run.kills} SIGKILLs of workerd each, on one schedule,`,
    `one after the other, with one scripted model behind, on ${cpus().length} processors. What a kill hits depends on the machine.`,
    "What this project promises is proven by `sigkill` and `evict`; this compares.",
    "",
    line(["", ...run.columns]),
    line(["---", ...run.columns.map(() => "---:")]),
    ...run.rows.map(line),
    "",
    ...notes,
  ].join("\n");
  writeFileSync(PAGE, withSection(readFileSync(PAGE, "utf8"), SURVIVAL, text));
  return PAGE;
}
