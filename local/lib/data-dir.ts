/**
 * The data directory: everything that a local Holdfast keeps. A marker file says that it is ours, so that a
 * mistyped `--data` neither fills nor empties somebody's home directory.
 */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { CommandError } from "./command.ts";
import { createWhole, hasCode, readIfThere, writeWhole } from "./files.ts";
import { DEFAULT_PORT } from "./flags.ts";
import { type Lock, tryLock } from "./lock.ts";
import { readRunFile, runningServer } from "./run-file.ts";

const MARKER = "holdfast.json";
const marker = z.object({
  format: z.literal(1),
  /** The port that this directory was last served on: part of the issuer's name, hence of every token. */
  port: z.number().int().min(1).max(65_535),
});

/** Everything that we make in a data directory; `--reset` empties these and touches nothing else. */
const OURS = ["access", "gateway", "state", "tmp", "run.json", "lock", MARKER] as const;

export interface DataDir {
  /** Absolute. */
  path: string;
  /** Keys, audience and service credentials of the local Access. */
  access: string;
  /** What the local AI Gateway keeps: providers and their keys. */
  gateway: string;
  /** Durable Objects, D1 and R2. */
  state: string;
  /** Emptied at every start. */
  tmp: string;
  runFile: string;
  /** The port that this directory was last served on. */
  port(): number;
  rememberPort(port: number): void;
}

/** Opens a data directory, making it if need be. Throws when it holds things that are not ours. */
export function openDataDir(given: string): DataDir {
  const path = resolve(given);
  const file = join(path, MARKER);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CommandError(`The data directory ${path} cannot be made: ${reason(error)}.`, undefined, {
      cause: error,
    });
  }
  if (readIfThere(file) === null) {
    const others = readdirSync(path).filter((name) => !isOurs(name));
    if (others.length > 0) {
      throw new CommandError(
        `${path} is not empty and was not made by Holdfast (it holds ${others.slice(0, 3).join(", ")}). ` +
          "Choose another directory with --data.",
      );
    }
    createWhole(file, format(DEFAULT_PORT));
  }
  const dir: DataDir = {
    path,
    access: join(path, "access"),
    gateway: join(path, "gateway"),
    state: join(path, "state"),
    tmp: join(path, "tmp"),
    runFile: join(path, "run.json"),
    port: () => parseMarker(file).port,
    rememberPort(port) {
      if (parseMarker(file).port !== port) writeWhole(file, format(port));
    },
  };
  dir.port(); // a marker that cannot be read is found now, not in the middle of a start
  for (const folder of [dir.access, dir.gateway, dir.state, dir.tmp]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  return dir;
}

/** Takes the directory for one server. Throws an error that names the server which has it. */
export function lockDataDir(dir: DataDir): Lock {
  const lock = tryLock(join(dir.path, "lock"));
  if (lock) return lock;
  const run = readRunFile(dir.runFile);
  const who = run && runningServer(run) ? ` (process ${run.launcher.pid}, ${run.url})` : "";
  throw new CommandError(
    `The data directory ${dir.path} is in use by a running Holdfast${who}. ` +
      "Stop it with Ctrl-C in its terminal, or give this one another directory with --data.",
  );
}

/**
 * Removes everything that Holdfast kept in a directory, and nothing else; the directory stays, and stays ours. Does
 * nothing when there is no directory. Throws when a server is using it, and when it is not ours.
 */
export function resetDataDir(given: string): void {
  const path = resolve(given);
  let names: string[];
  try {
    names = readdirSync(path);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw new CommandError(`The data directory ${path} cannot be read: ${reason(error)}.`, undefined, {
      cause: error,
    });
  }
  if (names.length === 0) return;
  if (!names.includes(MARKER)) {
    throw new CommandError(`${path} was not made by Holdfast (it has no ${MARKER}), so nothing was removed.`);
  }
  const lock = lockDataDir(openDataDir(path));
  try {
    for (const name of OURS) {
      if (name !== "lock" && name !== MARKER) rmSync(join(path, name), { recursive: true, force: true });
    }
    writeWhole(join(path, MARKER), format(DEFAULT_PORT));
  } finally {
    lock.release();
  }
}

const format = (port: number): string => `${JSON.stringify({ format: 1, port })}\n`;
/** Ours, or what a crash left of writing one of ours. */
const isOurs = (name: string): boolean =>
  OURS.some((ours) => name === ours || name.startsWith(`${ours}.`) || name === `${ours}-journal`);
const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function parseMarker(file: string): z.infer<typeof marker> {
  const text = readIfThere(file);
  if (text === null) throw new CommandError(`${file} has disappeared. Start again.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  const parsed = marker.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CommandError(
    `${file} is not a marker of this version of Holdfast. Choose another directory with --data.`,
  );
}
