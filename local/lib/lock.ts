/**
 * A lock that the kernel lets go of when its holder dies, however it dies: SQLite's exclusive lock on a small file.
 * Nothing has to be cleaned up after a crash, and no process id is trusted.
 */
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";

/** SQLite's result code for "somebody else holds the lock". Extended codes carry it in the low byte. */
const SQLITE_BUSY = 5;
/** A kernel lock held by another process gives no event when it is released. */
const LOOK_EVERY_MS = 100;

export interface Lock {
  release(): void;
}

/** Takes the lock on a file, or answers `null` at once if another process (or another holder in this one) has it. */
export function tryLock(file: string): Lock | null {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    // `memory`: the file only carries the lock, there is never a journal beside it.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (isBusy(error)) return null;
    throw error;
  }
  return { release: () => database.close() };
}

/** Waits until the lock is free. `onWait` is called once if somebody else has it. */
export async function waitForLock(file: string, onWait: () => void): Promise<Lock> {
  for (let tries = 0; ; tries++) {
    const lock = tryLock(file);
    if (lock) return lock;
    if (tries === 0) onWait();
    await delay(LOOK_EVERY_MS);
  }
}

const isBusy = (error: unknown): boolean =>
  error instanceof Error &&
  "errcode" in error &&
  typeof error.errcode === "number" &&
  (error.errcode & 0xff) === SQLITE_BUSY;
