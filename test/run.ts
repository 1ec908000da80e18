/**
 * `npm test`: style, types, build, a dry-run deployment, and every test. With `--campaigns` also the bounded share of
 * every campaign. Ends with `N passed, N failed`: tests as the runner's own report counts them, and one for each
 * check. Other arguments go to vitest.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { z } from "zod";

const root = join(import.meta.dirname, "..");
const bin = join(root, "node_modules", ".bin");
const reportDir = mkdtempSync(join(tmpdir(), "holdfast-test-"));
const report = join(reportDir, "report.json");
const withCampaigns = process.argv.includes("--campaigns");
const args = process.argv.slice(2).filter((arg) => arg !== "--campaigns");

function run(title: string, command: string, ...rest: string[]): boolean {
  const started = performance.now();
  console.log(`\n› ${title}`);
  const result = spawnSync(command, rest, {
    cwd: root,
    stdio: "inherit",
    env: {
      ...process.env,
      PATH: `${bin}${delimiter}${process.env.PATH ?? ""}`,
      WRANGLER_SEND_METRICS: "false",
      CI: "true",
    },
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const passed = result.status === 0;
  console.log(`${passed ? "✓" : "✗"} ${title} (${seconds} s)`);
  return passed;
}

const node = ["--disable-warning=ExperimentalWarning"];
const checks = [
  run("style", "biome", "check", "."),
  run("types of the Worker", "tsc", "-p", "."),
  run("types of the local parts", "tsc", "-p", "local"),
  run("types of the console", "tsc", "-p", "src/console"),
  run("types of the tests", "tsc", "-p", "test"),
  run("types of the benchmark", "tsc", "-p", "bench"),
  run("types of the Worker that is measured", "tsc", "-p", "bench/peers/tsconfig.ours.json"),
  run("build", "node", ...node, "local/build.ts"),
  run("dry-run deployment", "wrangler", "deploy", "--dry-run", "--outdir", join(reportDir, "deploy")),
];
const tests = run(
  "tests",
  "vitest",
  "run",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${report}`,
  ...args,
);

if (withCampaigns) {
  checks.push(run("campaigns", "node", ...node, "test/campaigns/run.ts", "all", "--quick"));
}

const reportShape = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  success: z.boolean(),
});
let counted = { numPassedTests: 0, numFailedTests: 1, success: false };
try {
  counted = reportShape.parse(JSON.parse(readFileSync(report, "utf8")));
} catch (error) {
  console.error("The test runner left no report.", error);
}
rmSync(reportDir, { recursive: true, force: true });
const brokenChecks = checks.filter((passed) => !passed).length;
const failed = counted.numFailedTests + brokenChecks + (counted.numFailedTests === 0 && !tests ? 1 : 0);
console.log(`\n${counted.numPassedTests + checks.length - brokenChecks} passed, ${failed} failed`);
process.exit(failed === 0 && tests ? 0 : 1);
