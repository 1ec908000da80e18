/** What every terminal command shares: flags, errors that a person can act on, and exit codes. */
import { parseArgs } from "node:util";
import type { z } from "zod";

/** Exit codes of all commands. `waiting`: a person has to decide first. `130` is what a shell reports for Ctrl-C. */
export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 3, waiting: 4, interrupted: 130 } as const;

/** A failure that the person at the terminal can do something about; printed without a stack. */
export class CommandError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number = EXIT.failed, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "CommandError";
    this.exitCode = exitCode;
  }
}

/** A command line that we cannot follow. Printed with the command's usage. */
export class UsageError extends CommandError {
  constructor(message: string) {
    super(message, EXIT.usage);
    this.name = "UsageError";
  }
}

/** The flags of a command, as `node:util` wants them. */
export type FlagOptions = Record<string, { type: "string" | "boolean"; short?: string }>;

/**
 * Reads a command line: flags by `options`, then checked and typed by `schema` (one key a flag, plus `positionals`).
 * Throws `UsageError` for unknown flags, missing values and values that the schema refuses.
 */
export function readFlags<S extends z.ZodType>(
  argv: readonly string[],
  options: FlagOptions,
  schema: S,
): z.output<S> {
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    // Node's sentences are good, but the second half explains how to escape a dash, which nobody asked.
    const [sentence] = (error instanceof Error ? error.message : String(error)).split(". To specify");
    throw new UsageError(`${sentence?.replace(/\.$/, "")}.`);
  }
  const result = schema.safeParse({ ...parsed.values, positionals: parsed.positionals });
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const flag = String(issue?.path[0] ?? "");
  throw new UsageError(
    flag && flag !== "positionals" ? `--${flag}: ${issue?.message}` : (issue?.message ?? "Wrong flags."),
  );
}

/** The usage lines alone: the flags in full would push the mistake off the screen. */
const summaryOf = (usage: string): string => `${usage.split("\n\n")[0]}\nAll flags: --help\n`;

/**
 * Runs a command's `main` and turns its outcome into an exit code: what `main` returns, 2 with the usage for a
 * `UsageError`, the code of a `CommandError`, 1 with the stack for a bug.
 */
export async function runCommand(usage: string, main: () => Promise<number>): Promise<void> {
  // Whoever reads our output may stop reading (`| head`): that is no error of ours.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.ok);
    throw error;
  });
  try {
    process.exitCode = await main();
  } catch (error) {
    if (error instanceof UsageError) process.stderr.write(`${error.message}\n\n${summaryOf(usage)}`);
    else if (error instanceof CommandError) process.stderr.write(`${error.message}\n`);
    else process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = error instanceof CommandError ? error.exitCode : EXIT.failed;
  }
}
