/**
 * Lives of the server, one after another: the built Worker in workerd, killed on command. It stays loaded between them,
 * because loading takes longer than a start. workerd gets SIGKILL and nothing before it; all that a turn has is there.
 */
import { createInterface } from "node:readline";
import { z } from "zod";
import { type Runtime, startRuntime } from "../../../local/lib/runtime.ts";
import { REACH, reach } from "../evict/reach.ts";

const lifeOptions = z.object({
  stateDir: z.string(),
  tmpDir: z.string(),
  /** The built Worker, unless it is the project's own. */
  workerDir: z.string().optional(),
  secret: z.string(),
  vars: z.looseObject({ ACCESS_TEAM_DOMAIN: z.string() }).catchall(z.string()),
  /** Whether objects are to be evicted and reset from outside. */
  reach: z.boolean(),
});
export type LifeOptions = z.infer<typeof lifeOptions>;

/** What the parent writes: lines of JSON. */
const command = z.discriminatedUnion("type", [
  z.object({ type: z.literal("run"), options: lifeOptions }),
  z.object({ type: z.literal("kill") }),
]);
export type LifeCommand = z.infer<typeof command>;

/** What it answers. `loaded` comes once, by itself. */
export const lifeEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("loaded") }),
  z.object({ type: z.literal("ready"), url: z.string(), reachUrl: z.string() }),
  z.object({ type: z.literal("dead") }),
  z.object({ type: z.literal("log"), text: z.string() }),
]);
type LifeEvent = z.infer<typeof lifeEvent>;

const RATE_TIMES = 1000;

const say = (event: LifeEvent): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

async function main(): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  say({ type: "loaded" });
  let runtime: Runtime | null = null;
  for await (const line of lines) {
    const told = command.parse(JSON.parse(line));
    if (told.type === "kill") {
      await runtime?.close();
      runtime = null;
      say({ type: "dead" });
      continue;
    }
    const { reach: reachable, workerDir, ...options } = told.options;
    runtime = await startRuntime({
      ...options,
      ...(workerDir !== undefined && { workerDir }),
      // A campaign asks faster than anybody may.
      rateLimitsTimes: RATE_TIMES,
      log: (text) => say({ type: "log", text }),
      beside: reachable ? [reach()] : [],
    });
    const reachUrl = reachable ? (await runtime.urlOf(REACH)).origin : "";
    say({ type: "ready", url: runtime.url.origin, reachUrl });
  }
  // Its parent has gone: nobody is left who would kill it.
  process.kill(-process.pid, "SIGKILL");
}

if (import.meta.main) await main();
