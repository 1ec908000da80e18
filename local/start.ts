/** `npm start`: serves Holdfast on this machine. */
import { spawn } from "node:child_process";
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { z } from "zod";
import { CommandError, EXIT, readFlags, runCommand, UsageError } from "./lib/command.ts";
import { resetDataDir } from "./lib/data-dir.ts";
import { DEFAULT_DATA, DEFAULT_PORT, dataFlag, portFlag, wholeNumber } from "./lib/flags.ts";
import { projectPaths } from "./lib/paths.ts";
import type { Server } from "./lib/server.ts";
import { painter, printable, table } from "./lib/terminal.ts";

const USAGE = `Usage: npm start -- [flags]

Serves Holdfast on 127.0.0.1: the Worker with its Durable Objects, D1 and R2, a stand-in for AI Gateway with a demo
model, and a stand-in for Cloudflare Access with a sign-in page. Needs no account, no key and no network.

  --port N       port to serve on; 0 picks a free one (default ${DEFAULT_PORT})
  --data DIR     where everything is kept (default ${DEFAULT_DATA})
  --reset        first remove everything that Holdfast made in that directory; asks nothing
  --open         open the browser when ready
  --pace-ms N    milliseconds between two tokens of the demo model
  --channels     also serve a stand-in chat platform, and make its rooms channels that answers can be sent to
  --scriptable   let tests put words in the demo model's mouth
  --help         show this text

Programs sign in with the output of "npm run token" in the header cf-access-token.
`;

/** Longest pause between tokens that makes sense: beyond it a turn counts as stalled. */
const MAX_PACE_MS = 60_000;
/** Stopping takes well under a second; whatever hangs longer is left to the next start. */
const STOP_WITHIN_MS = 4_500;

const schema = z.object({
  port: portFlag.default(DEFAULT_PORT),
  data: dataFlag.default(DEFAULT_DATA),
  reset: z.boolean().default(false),
  open: z.boolean().default(false),
  "pace-ms": wholeNumber("The pace", 0, MAX_PACE_MS).optional(),
  channels: z.boolean().default(false),
  scriptable: z.boolean().default(false),
  help: z.boolean().default(false),
  positionals: z.array(z.string()),
});

async function main(argv: readonly string[]): Promise<number> {
  const flags = readFlags(
    argv,
    {
      port: { type: "string", short: "p" },
      data: { type: "string" },
      reset: { type: "boolean" },
      open: { type: "boolean" },
      "pace-ms": { type: "string" },
      channels: { type: "boolean" },
      scriptable: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
    schema,
  );
  if (flags.positionals.length > 0) throw new UsageError(`Unexpected argument "${flags.positionals[0]}".`);
  if (flags.help) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  if (flags.reset) resetDataDir(flags.data);

  const stopped = stopSignal();
  const note = (line: string): void => void process.stderr.write(`${line}\n`);
  const pace = flags["pace-ms"];
  // Miniflare is a large module: the second start loads it compiled.
  enableCompileCache(join(projectPaths.dist, ".compile-cache"));
  const { startServer } = await import("./lib/server.ts");
  let server: Server;
  try {
    server = await startServer({
      port: flags.port,
      data: flags.data,
      channels: flags.channels,
      scriptable: flags.scriptable,
      now: () => Date.now(),
      log: (line) => note(printable(line)),
      progress: note,
      signal: stopped,
      ...(pace === undefined ? {} : { paceMs: pace }),
    });
  } catch (error) {
    // Stopped while starting: what had been started is stopped again, as asked.
    if (stopped.aborted) return EXIT.ok;
    throw error;
  }
  process.stdout.write(`\n${table(server.rows, painter(process.stdout))}\n`);
  process.stdout.write(`Holdfast is ready at ${server.url}\n`);
  if (flags.open) openBrowser(server.url, note);
  if (!stopped.aborted)
    await new Promise((resolve) => stopped.addEventListener("abort", resolve, { once: true }));
  note("Stopping …");
  await within(server.close(), STOP_WITHIN_MS);
  return EXIT.ok;
}

/** Aborts at the first Ctrl-C, SIGTERM or closed terminal. The second one ends the process on the spot. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(EXIT.interrupted);
      stop.abort();
    });
  }
  return stop.signal;
}

async function within(work: Promise<void>, ms: number): Promise<void> {
  const late = new Promise<never>((_resolve, reject) => {
    const error = new CommandError("Something did not stop in time. The next start cleans up after it.");
    setTimeout(reject, ms, error).unref();
  });
  await Promise.race([work, late]);
}

function openBrowser(url: string, note: (line: string) => void): void {
  const opener =
    process.platform === "darwin" ? "open" : process.platform === "win32" ? "explorer" : "xdg-open";
  const child = spawn(opener, [url], { stdio: "ignore", detached: true });
  child.once("error", () => note(`No browser could be opened. Go to ${url}`));
  child.unref();
}

// A terminal that was closed cannot be written to any more, which is no reason to leave things running.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
await runCommand(USAGE, () => main(process.argv.slice(2)));
// Everything has been stopped and awaited; a handle that somebody forgot must not keep the terminal waiting.
process.exit();
