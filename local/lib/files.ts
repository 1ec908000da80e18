/** Small files that must never be seen half-written. */
import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

/** A name beside `file` for the time of writing. */
const beside = (file: string): string => `${file}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;

/** Replaces a file in one step. `mode` is the new file's permissions. */
export function writeWhole(file: string, text: string, mode = 0o644): void {
  const temporary = beside(file);
  try {
    writeFileSync(temporary, text, { mode, flush: true });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Creates a file in one step; false, and nothing written, if it exists already. */
export function createWhole(file: string, text: string, mode = 0o644): boolean {
  const temporary = beside(file);
  try {
    writeFileSync(temporary, text, { mode, flush: true });
    linkSync(temporary, file);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** A file's text, or `null` if there is no such file. */
export function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
}

/** Whether a thrown value is a system error of that code, such as `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
