/**
 * `run.json`: who is serving a data directory, and which workerd processes it started. Written when they start, read
 * by the next start, which stops what a killed launcher left behind.
 */
import { rmSync } from "node:fs";
import { basename } from "node:path";
import { z } from "zod";
import { readIfThere, writeWhole } from "./files.ts";
import { isRunning, processIdentity, stopProcess } from "./processes.ts";

const runFile = z.object({
  launcher: processIdentity,
  /** Where it is served. */
  url: z.string(),
  /** The local AI Gateway, where tests script the demo model. */
  gatewayUrl: z.string().optional(),
  /** Processes that the launcher started and that would outlive a `kill -9` of it. */
  children: z.array(processIdentity),
});
export type RunFile = z.infer<typeof runFile>;

/** The file's content; `null` when there is none, or when it is not ours to understand. */
export function readRunFile(file: string): RunFile | null {
  const text = readIfThere(file);
  if (text === null) return null;
  try {
    return runFile.parse(JSON.parse(text));
  } catch {
    // Written whole or not at all, so this is from another version: it names no process that we could verify.
    return null;
  }
}

export function writeRunFile(file: string, run: RunFile): void {
  writeWhole(file, `${JSON.stringify(run, null, 2)}\n`, 0o600);
}

export function removeRunFile(file: string): void {
  rmSync(file, { force: true });
}

/** Whether the launcher of a run file is alive. */
export const runningServer = (run: RunFile): boolean => isRunning(run.launcher);

/**
 * Stops what an earlier launcher left running. Call it with the directory's lock held: then that launcher is dead.
 * Returns the ids of the processes that were stopped.
 */
export async function stopLeftovers(file: string): Promise<number[]> {
  const run = readRunFile(file);
  const stopped: number[] = [];
  for (const child of run?.children ?? []) {
    const program = basename(child.command.split(" ")[0] ?? "");
    if (program === "workerd" && (await stopProcess(child))) stopped.push(child.pid);
  }
  removeRunFile(file);
  return stopped;
}
