/**
 * `alarms`: random stories of one conversation's wake inside workerd. They reach into objects, so they run in the
 * pool's workerd: this starts the test file with another seed and count, and reads what it says.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { stripVTControlCharacters } from "node:util";
import { z } from "zod";
import type { Report } from "../report.ts";

const ROOT = join(import.meta.dirname, "../../..");
const VITEST = join(ROOT, "node_modules/vitest/vitest.mjs");
const TEST = "test/workers/conversation/alarms.test.ts";

const said = z.object({
  stories: z.number(),
  inputs: z.number(),
  crashes: z.number(),
  deliveries: z.number(),
  cancels: z.number(),
  brokenKicks: z.number(),
});

/** For the table of `npm run campaign`. */
export async function alarmsReport(seed: number, stories: number): Promise<Report> {
  const child = spawn(process.execPath, [VITEST, "run", "--project", "workers", TEST], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, VITE_ALARM_SEED: String(seed), VITE_ALARM_STORIES: String(stories) },
  });
  const exited = once(child, "exit");
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout }))
    lines.push(stripVTControlCharacters(line));
  const [code] = await exited;
  const told = lines.find((line) => line.startsWith("alarms {"))?.slice("alarms ".length);
  const failures = lines.filter((line) => /^\s*(×|FAIL|AssertionError|Error:)/.test(line)).slice(0, 10);
  if (told === undefined) failures.push("the stories did not come to their end");
  else if (code !== 0 && failures.length === 0) failures.push(`the tests ended with ${code}`);
  const sum = said.parse(told === undefined ? EMPTY : JSON.parse(told));
  return {
    rows: [
      ["stories", sum.stories],
      ["inputs accepted, each with one outcome", sum.inputs],
      ["deaths of the object", sum.crashes],
      ["deliveries of an alarm, some twice or three times at once", sum.deliveries],
      ["stops together with an alarm", sum.cancels],
      ["alarms whose drive could not write", sum.brokenKicks],
    ],
    violations: failures,
  };
}

const EMPTY = { stories: 0, inputs: 0, crashes: 0, deliveries: 0, cancels: 0, brokenKicks: 0 };
