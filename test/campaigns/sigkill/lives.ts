/** Lives of the server one after another on the same data, in a process group of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { type LifeCommand, type LifeOptions, lifeEvent } from "./life.ts";

const RUNNER = join(import.meta.dirname, "life.ts");
/** A start, or an end, that takes longer has failed. A few hundred actors come back in far less. */
const WITHIN_MS = 30_000;

export interface Life {
  /** Where the Worker listens. */
  url: string;
  /** Where objects can be evicted and reset; empty unless that was asked for. */
  reachUrl: string;
  /** When it was ready, on the clock of `performance.now`. */
  readyAt: number;
  /** Ends everything of it at once, with SIGKILL, and resolves when nothing of it runs any more. */
  kill(): Promise<void>;
}

export interface LivesOptions {
  /** Everything that outlives a kill is below this directory. */
  dir: string;
  /** The built Worker, unless it is the project's own. */
  workerDir?: string | undefined;
  /** Whether objects are to be evicted and reset from outside. */
  reach: boolean;
  /** A line of a Worker. */
  log(line: string): void;
}

export class Lives {
  /** What the gate in front of the Worker wants to see. */
  readonly secret = randomBytes(32).toString("hex");
  readonly stateDir: string;
  readonly #options: LivesOptions;
  readonly #runner: Runner;
  #current: Life | null = null;
  #count = 0;

  constructor(options: LivesOptions) {
    this.#options = options;
    this.stateDir = join(options.dir, "state");
    this.#runner = new Runner(options.log);
  }

  /** Starts a life with the Worker's variables given. The one before it must have been killed. */
  async begin(vars: LifeOptions["vars"]): Promise<Life> {
    if (this.#current) throw new Error("One life at a time: the one before must be killed first.");
    const tmpDir = join(this.#options.dir, `tmp-${this.#count++}`);
    mkdirSync(tmpDir, { recursive: true });
    const { stateDir, secret } = this;
    const { reach, workerDir } = this.#options;
    const ready = await this.#runner.run({ stateDir, tmpDir, workerDir, secret, vars, reach });
    const life: Life = {
      ...ready,
      readyAt: performance.now(),
      kill: async () => {
        await this.#runner.kill();
        this.#current = null;
        rmSync(tmpDir, { recursive: true, force: true });
      },
    };
    this.#current = life;
    return life;
  }

  /** Ends everything: nothing of it runs any more when this resolves. */
  async end(): Promise<void> {
    await this.#current?.kill();
    await this.#runner.end();
  }
}

type Event<Type extends string> = Extract<ReturnType<typeof lifeEvent.parse>, { type: Type }>;

class Runner {
  readonly #child: ChildProcess;
  readonly #loaded: Promise<unknown>;
  readonly #signal = (): void => signalGroup(this.#pid);
  #waiting: { type: string; resolve(event: unknown): void; reject(error: Error): void }[] = [];

  constructor(log: (line: string) => void) {
    // A group of its own: the runner and workerd die in the same instant when this process does.
    this.#child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", RUNNER], {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
      env: { ...process.env, NODE_ENV: undefined, VITEST: undefined, NODE_OPTIONS: undefined },
    });
    process.once("exit", this.#signal);
    const { stdout, stderr } = this.#child;
    if (!stdout || !stderr) throw new Error("The runner has no output.");
    createInterface({ input: stdout }).on("line", (line) => {
      const said = lifeEvent.parse(JSON.parse(line));
      if (said.type === "log") return log(said.text);
      const waiting = this.#waiting.filter(({ type }) => type === said.type);
      this.#waiting = this.#waiting.filter(({ type }) => type !== said.type);
      for (const { resolve } of waiting) resolve(said);
    });
    createInterface({ input: stderr }).on("line", log);
    this.#child.once("exit", (code, signal) => {
      const error = new Error(`The server's runner ended by itself (${code ?? signal}).`);
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    });
    this.#loaded = this.#next("loaded");
    // Whoever begins a life hears of it; a runner that is never used may die unheard.
    this.#loaded.catch(() => {});
  }

  get #pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error("The runner could not be started.");
    return pid;
  }

  async run(options: LifeOptions): Promise<{ url: string; reachUrl: string }> {
    await this.#loaded;
    const ready = this.#next("ready");
    this.#tell({ type: "run", options });
    const { url, reachUrl } = await ready;
    return { url, reachUrl };
  }

  async kill(): Promise<void> {
    const dead = this.#next("dead");
    this.#tell({ type: "kill" });
    await dead;
  }

  async end(): Promise<void> {
    process.removeListener("exit", this.#signal);
    const ended = this.#child.exitCode !== null || this.#child.signalCode !== null;
    const exited = ended ? Promise.resolve() : once(this.#child, "exit");
    signalGroup(this.#pid);
    await exited;
  }

  #tell(command: LifeCommand): void {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  /** The next event of a kind. Rejects when the runner ends, or takes too long. */
  async #next<Type extends Event<string>["type"]>(type: Type): Promise<Event<Type>> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null)
      throw new Error("The server's runner has ended.");
    const said = Promise.withResolvers<unknown>();
    this.#waiting.push({ type, ...said });
    const late = new AbortController();
    try {
      const event = await Promise.race([
        said.promise,
        delay(WITHIN_MS, undefined, { signal: late.signal }).then(() => {
          throw new Error(`The server was not ${type} within ${WITHIN_MS} ms.`);
        }),
      ]);
      return event as Event<Type>; // `#waiting` is told by type
    } finally {
      late.abort();
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
