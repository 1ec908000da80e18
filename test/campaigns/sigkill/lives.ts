/** Lives of the server one after another on the same data, each in a process group that is killed with SIGKILL. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { LifeOptions } from "./life.ts";

const RUNNER = join(import.meta.dirname, "life.ts");
/** A start that takes longer has failed. A few hundred actors come back in far less. */
const START_WITHIN_MS = 30_000;
/** How long a killed group may take to leave the machine, and how often that is looked at: it gives no event. */
const GONE_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 2;

const event = z.discriminatedUnion("type", [
  z.object({ type: z.literal("loaded") }),
  z.object({ type: z.literal("ready"), url: z.string() }),
  z.object({ type: z.literal("log"), text: z.string() }),
]);

export interface Life {
  /** Where the Worker listens. */
  url: string;
  /** When it was ready, on the clock of `performance.now`. */
  readyAt: number;
  /** Ends everything of it at once, and resolves when nothing of it runs any more. */
  kill(): Promise<void>;
}

export interface LivesOptions {
  /** Everything that outlives a kill is below this directory. */
  dir: string;
  /** A line of a Worker. */
  log(line: string): void;
}

export class Lives {
  /** What the gate in front of the Worker wants to see. */
  readonly secret = randomBytes(32).toString("hex");
  readonly stateDir: string;
  readonly #options: LivesOptions;
  #next: Runner | null = null;
  #count = 0;

  constructor(options: LivesOptions) {
    this.#options = options;
    this.stateDir = join(options.dir, "state");
  }

  /** Starts a life with the Worker's variables given. The one before it must have been killed. */
  async begin(vars: LifeOptions["vars"]): Promise<Life> {
    const runner = this.#next ?? new Runner(this.#options.log);
    this.#next = null;
    await runner.loaded;
    const tmpDir = join(this.#options.dir, `tmp-${this.#count++}`);
    mkdirSync(tmpDir, { recursive: true });
    const { stateDir, secret } = this;
    const url = await runner.run({ stateDir, tmpDir, secret, vars });
    const readyAt = performance.now();
    this.#next = new Runner(this.#options.log);
    return {
      url,
      readyAt,
      kill: async () => {
        await runner.kill();
        rmSync(tmpDir, { recursive: true, force: true });
      },
    };
  }

  /** Kills the life that was loaded and never lived. */
  async end(): Promise<void> {
    await this.#next?.kill();
    this.#next = null;
  }
}

class Runner {
  readonly #child: ChildProcess;
  readonly #loaded = Promise.withResolvers<void>();
  readonly #ready = Promise.withResolvers<string>();
  readonly #kill = (): void => signalGroup(this.#pid);

  constructor(log: (line: string) => void) {
    // A group of its own: the runner and workerd die in the same instant.
    this.#child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", RUNNER], {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
      env: { ...process.env, NODE_ENV: undefined, VITEST: undefined, NODE_OPTIONS: undefined },
    });
    process.once("exit", this.#kill);
    const { stdout, stderr } = this.#child;
    if (!stdout || !stderr) throw new Error("The runner has no output.");
    createInterface({ input: stdout }).on("line", (line) => {
      const said = event.parse(JSON.parse(line));
      if (said.type === "log") log(said.text);
      else if (said.type === "loaded") this.#loaded.resolve();
      else this.#ready.resolve(said.url);
    });
    createInterface({ input: stderr }).on("line", log);
    this.#child.once("exit", (code, signal) => {
      const error = new Error(`The server ended by itself (${code ?? signal}) before it was ready.`);
      this.#loaded.reject(error);
      this.#ready.reject(error);
    });
    // Whoever waits hears of it; a runner that is never used may die unheard.
    this.#loaded.promise.catch(() => {});
    this.#ready.promise.catch(() => {});
  }

  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  get #pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error("The runner could not be started.");
    return pid;
  }

  async run(options: LifeOptions): Promise<string> {
    this.#child.stdin?.write(`${JSON.stringify(options)}\n`);
    const late = new AbortController();
    try {
      return await Promise.race([
        this.#ready.promise,
        delay(START_WITHIN_MS, undefined, { signal: late.signal }).then(() => {
          throw new Error(`The server was not ready within ${START_WITHIN_MS} ms.`);
        }),
      ]);
    } finally {
      late.abort();
    }
  }

  async kill(): Promise<void> {
    process.removeListener("exit", this.#kill);
    const ended = this.#child.exitCode !== null || this.#child.signalCode !== null;
    const exited = ended ? Promise.resolve() : once(this.#child, "exit");
    signalGroup(this.#pid);
    await exited;
    for (const until = performance.now() + GONE_WITHIN_MS; groupRuns(this.#pid); await delay(LOOK_EVERY_MS)) {
      if (performance.now() > until) throw new Error(`Process group ${this.#pid} does not go.`);
    }
  }
}

function signalGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** Whether anything of a process group still runs. What only waits to be collected does not. */
function groupRuns(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false; // nobody belongs to it any more
  }
  if (process.platform !== "linux") return true;
  return readdirSync("/proc").some((name) => /^\d+$/.test(name) && isMember(name, group));
}

function isMember(pid: string, group: number): boolean {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return false; // it has gone since the directory was read
  }
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[2]) === group && fields[0] !== "Z" && fields[0] !== "X";
}
