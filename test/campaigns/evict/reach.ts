/** A Worker beside the one under test, in the same workerd, that evicts and resets its objects. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { V4WorkerOptions } from "miniflare";
import { z } from "zod";

export const REACH = "reach";
/** The Worker's name in `wrangler.toml`. */
const UNDER_TEST = "holdfast";
const MODULE = join(import.meta.dirname, "reach.worker.js");

export const reach = (): V4WorkerOptions => ({
  name: REACH,
  compatibilityDate: "2026-08-01",
  // workerd's own module for tests; no deployment has it.
  compatibilityFlags: ["experimental", "unsafe_module"],
  modulesRoot: import.meta.dirname,
  modules: [{ type: "ESModule", path: MODULE, contents: readFileSync(MODULE, "utf8") }],
  durableObjects: { CONVERSATION: { className: "Conversation", scriptName: UNDER_TEST } },
  unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
});

const answer = z.object({ done: z.boolean(), why: z.string() });

/** `busy`: workerd does not evict an object that is at work. `absent`: it is not in memory. */
export type Evicted = "evicted" | "busy" | "absent";

/** Takes an object out of memory as the platform does: its storage stays, and its sockets hibernate. */
export async function evict(reachUrl: string, name: string): Promise<Evicted> {
  const response = await fetch(`${reachUrl}/evict?name=${encodeURIComponent(name)}`, { method: "POST" });
  const { done, why } = answer.parse(await response.json());
  if (done) return "evicted";
  if (/active references/.test(why)) return "busy";
  if (/not running|not currently running/.test(why)) return "absent";
  throw new Error(`${name} could not be evicted: ${why}`);
}

/** Every object of every Worker dies in the middle of what it does, as on a host that loses them; workerd lives on. */
export async function resetAll(reachUrl: string): Promise<void> {
  const response = await fetch(`${reachUrl}/reset`, { method: "POST" });
  const { done, why } = answer.parse(await response.json());
  if (!done) throw new Error(`The objects could not be reset: ${why}`);
}
