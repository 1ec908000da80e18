/**
 * One life of the server: the built Worker in workerd, in a process group of its own that is killed from outside.
 * Loads everything first and says so, then waits to be told where to run: the next life is loaded while one is lived.
 */
import { createInterface } from "node:readline";
import { z } from "zod";
import { startRuntime } from "../../../local/lib/runtime.ts";

/** What the parent writes: one line of JSON. */
export const lifeOptions = z.object({
  stateDir: z.string(),
  tmpDir: z.string(),
  secret: z.string(),
  vars: z.looseObject({ ACCESS_TEAM_DOMAIN: z.string() }).catchall(z.string()),
});
export type LifeOptions = z.infer<typeof lifeOptions>;

const say = (event: Record<string, string>): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

async function main(): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  say({ type: "loaded" });
  for await (const line of lines) {
    const options = lifeOptions.parse(JSON.parse(line));
    const runtime = await startRuntime({
      ...options,
      log: (text) => say({ type: "log", text }),
    });
    say({ type: "ready", url: runtime.url.origin });
  }
  // Its parent has gone: nobody is left who would kill it.
  process.kill(-process.pid, "SIGKILL");
}

if (import.meta.main) await main();
