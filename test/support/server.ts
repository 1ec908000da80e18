/** A Holdfast of its own for a test: the launcher as a child process, on a free port and in a directory of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openDataDir } from "../../local/lib/data-dir.ts";
import { type RunFile, readRunFile } from "../../local/lib/run-file.ts";
import { personToken } from "../../local/lib/token.ts";

const START = fileURLToPath(new URL("../../local/start.ts", import.meta.url).href);
const READY = /^Holdfast is ready at (http:\/\/127\.0\.0\.1:\d+)$/m;
/** Lines of output that are kept for a failing test's report. */
const KEPT_LINES = 2_000;

export interface ServerOptions {
  /** Absent: a temporary directory, removed when the server is stopped. */
  data?: string;
  /** Absent: a free port. */
  port?: number;
  paceMs?: number;
  /** Serves `/_test/...` at the gateway, to script the demo model. */
  scriptable?: boolean;
  /** More flags of `npm start`. */
  flags?: readonly string[];
}

export interface TestServer {
  url: string;
  data: string;
  /** The launcher. */
  pid: number;
  /** The local AI Gateway. */
  gatewayUrl: string;
  /** What the launcher says of itself now: children and addresses. */
  run(): RunFile;
  /** Resolves with its exit code when it has ended, by whatever cause. */
  exited: Promise<number | null>;
  /** Stops it as Ctrl-C does and resolves with its exit code. A temporary directory is removed. */
  stop(): Promise<number | null>;
  /** Kills the launcher and resolves when it is gone. The directory stays. */
  kill9(): Promise<void>;
  /** A token for a person, with the groups that the sign-in page gives them unless others are named. */
  token(email: string, groups?: readonly string[]): Promise<string>;
  /** Everything that it wrote so far. */
  logs(): string;
}

/** Starts a server and resolves when it says that it is ready. Rejects with its output when it ends before that. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const data = options.data ?? mkdtempSync(join(tmpdir(), "holdfast-"));
  const temporary = options.data === undefined;
  const { child, logs, ready } = launch([
    "--port",
    String(options.port ?? 0),
    "--data",
    data,
    ...(options.paceMs === undefined ? [] : ["--pace-ms", String(options.paceMs)]),
    ...(options.scriptable ? ["--scriptable"] : []),
    ...(options.flags ?? []),
  ]);
  const exited = once(child, "exit").then(([code]): number | null => code);
  const ended = exited.then((code) => ({ code }));
  const first = await Promise.race([ready, ended]);
  if (typeof first !== "string") {
    if (temporary) rmSync(data, { recursive: true, force: true });
    throw new Error(`The server ended with ${first.code} before it was ready:\n${logs()}`);
  }
  const url = first;
  const run = (): RunFile => {
    const file = readRunFile(openDataDir(data).runFile);
    if (!file) throw new Error(`There is no run file in ${data}.`);
    return file;
  };
  return {
    url,
    data,
    pid: run().launcher.pid,
    gatewayUrl: run().gatewayUrl ?? "",
    run,
    exited,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGINT");
      const code = await exited;
      if (temporary) rmSync(data, { recursive: true, force: true });
      return code;
    },
    async kill9() {
      child.kill("SIGKILL");
      await exited;
    },
    token: (email, groups) => personToken(openDataDir(data), { email, groups, now: Date.now(), origin: url }),
    logs,
  };
}

/**
 * Runs the launcher to its end, for starts that are meant to fail. `onOutput` is called with the process when it has
 * said something for the first time.
 */
export async function runLauncher(
  flags: readonly string[],
  onOutput?: (child: ChildProcess) => void,
): Promise<{ code: number | null; output: string }> {
  const { child, logs } = launch(flags);
  if (onOutput) child.stderr?.once("data", () => onOutput(child));
  const [code] = await once(child, "close");
  return { code, output: logs() };
}

function launch(flags: readonly string[]): { child: ChildProcess; logs(): string; ready: Promise<string> } {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", START, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
    // Vitest's own settings would change how libraries behave in the server.
    env: { ...process.env, NODE_ENV: undefined, VITEST: undefined, NODE_OPTIONS: undefined },
  });
  // A test run that breaks off must not leave servers behind.
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.removeListener("exit", kill));
  const lines: string[] = [];
  let stdout = "";
  const { promise, resolve } = Promise.withResolvers<string>();
  const keep = (part: string): void => {
    lines.push(part);
    if (lines.length > KEPT_LINES) lines.shift();
  };
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    keep(part);
    stdout += part;
    const url = READY.exec(stdout)?.[1];
    if (url) resolve(url);
  });
  child.stderr.setEncoding("utf8").on("data", keep);
  return { child, logs: () => lines.join(""), ready: promise };
}
