/**
 * Keeps hold of the workerd processes that Miniflare starts (and starts again after a crash) without telling anyone.
 * Each is written to the run file in the same turn of the event loop, and gets a guardian: a tiny shell that waits
 * on a pipe from us and kills workerd when the pipe breaks, so that a `kill -9` of the launcher takes workerd along.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { basename } from "node:path";
import { identify, type ProcessIdentity } from "./processes.ts";

export interface ChildWatch {
  /** The workerd processes that are running now. */
  running(): ProcessIdentity[];
  /** Stops watching and waits until the guardians have ended. Call it when the children have been stopped. */
  close(): Promise<void>;
}

/**
 * Watches this process's children whose program is `program`. `changed` is called with the running ones whenever one
 * starts or ends, synchronously after it started.
 */
export function watchChildren(program: string, changed: (children: ProcessIdentity[]) => void): ChildWatch {
  const children = new Map<ChildProcess, ProcessIdentity>();
  const guardians = new Set<ChildProcess>();
  const running = (): ProcessIdentity[] => [...children.values()];

  const onCreated = (message: unknown): void => {
    const child = childOf(message);
    // The announcement comes from the constructor: program and id are known when the current call has returned.
    if (child) queueMicrotask(() => adopt(child));
  };

  const adopt = (child: ChildProcess): void => {
    if (child.pid === undefined || basename(child.spawnfile) !== program) return;
    const identity = identify(child.pid);
    if (identity === null) return;
    children.set(child, identity);
    const guardian = guard(child.pid);
    guardians.add(guardian);
    // Without a shell there is no guardian, and the run file alone names the process: the next start stops it.
    guardian.once("error", () => guardians.delete(guardian));
    guardian.once("exit", () => guardians.delete(guardian));
    child.once("exit", () => {
      children.delete(child);
      guardian.stdin?.end("\n");
      changed(running());
    });
    changed(running());
  };

  subscribe("child_process", onCreated);
  return {
    running,
    async close() {
      unsubscribe("child_process", onCreated);
      await Promise.all(
        [...guardians].map((guardian) => {
          const exited = once(guardian, "exit");
          guardian.stdin?.end("\n");
          return exited;
        }),
      );
    },
  };
}

function childOf(message: unknown): ChildProcess | null {
  const inside =
    typeof message === "object" && message !== null && "process" in message ? message.process : null;
  // The channel's documented message is `{ process: ChildProcess }`.
  return inside === null ? null : (inside as ChildProcess);
}

/**
 * The shell that outlives us just long enough. `read` fails when we die, because the kernel closes our end of the
 * pipe; a line means that the child has ended and its id must not be touched any more.
 */
function guard(pid: number): ChildProcess {
  const guardian = spawn(
    "/bin/sh",
    ["-c", 'read -r _ || kill -9 "$1" 2>/dev/null', "holdfast-guardian", String(pid)],
    {
      stdio: ["pipe", "ignore", "ignore"],
      // In a session of its own, so that Ctrl-C and a killed process group leave it alive to do its work.
      detached: true,
    },
  );
  // Writing to a guardian that has just ended is not a failure: its exit is what we wait for.
  guardian.stdin?.on("error", () => {});
  guardian.unref();
  return guardian;
}
