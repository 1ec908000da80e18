/**
 * Processes by id, safely: ids are used again, so a process is named by id, start time and boot, and is only ever
 * signalled while all of them still match.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";

export const processIdentity = z.object({
  pid: z.number().int().positive(),
  /** Opaque: the kernel's start time, with the boot id where there is one. */
  startedAt: z.string().min(1),
  /** The command line as the kernel knows it, arguments separated by spaces. */
  command: z.string(),
});
export type ProcessIdentity = z.infer<typeof processIdentity>;

/** How long a killed process may take to disappear. SIGKILL is not refused; disks can delay it. */
const GONE_WITHIN_MS = 5_000;
/** Other people's children give no event when they end, so we look this often. */
const LOOK_EVERY_MS = 10;

/** Who has this id now, or `null` if nobody does (or only the remains that a parent has not collected). */
export function identify(pid: number): ProcessIdentity | null {
  return process.platform === "linux" ? identifyByProc(pid) : identifyByPs(pid);
}

function identifyByProc(pid: number): ProcessIdentity | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may itself hold spaces and parentheses: fields are counted behind the last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, startTicks] = [fields[0], fields[19]];
    if (state === "Z" || state === "X" || !startTicks) return null;
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replace(/\0+$/, "").replaceAll("\0", " ");
    return { pid, startedAt: `${boot}/${startTicks}`, command };
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

function identifyByPs(pid: number): ProcessIdentity | null {
  try {
    const line = execFileSync("ps", ["-o", "state=,lstart=,command=", "-p", String(pid)], {
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C" },
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
    // "S Mon Nov 23 15:36:07 2026 /path/to/workerd serve ..."
    const match = /^(\S+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/s.exec(line);
    if (!match?.[2] || match[1]?.startsWith("Z")) return null;
    return { pid, startedAt: match[2].replace(/\s+/g, " "), command: match[3] ?? "" };
  } catch {
    // `ps` ends with 1 when there is no such process; that is its only answer to a well-formed question.
    return null;
  }
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH");

/** Whether that very process is still running. */
export function isRunning(known: ProcessIdentity): boolean {
  const now = identify(known.pid);
  return now !== null && now.startedAt === known.startedAt && now.command === known.command;
}

/**
 * Kills that very process and waits until it is gone. Does nothing if its id belongs to somebody else by now.
 * True when there was something to stop. Throws when it does not go.
 */
export async function stopProcess(known: ProcessIdentity): Promise<boolean> {
  if (!isRunning(known)) return false;
  try {
    process.kill(known.pid, "SIGKILL");
  } catch (error) {
    if (isGone(error)) return true;
    throw error;
  }
  for (let waitedMs = 0; isRunning(known); waitedMs += LOOK_EVERY_MS) {
    if (waitedMs > GONE_WITHIN_MS) throw new Error(`Process ${known.pid} (${known.command}) does not stop.`);
    await delay(LOOK_EVERY_MS);
  }
  return true;
}
