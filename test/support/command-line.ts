/** One of our commands as a process, run to its end. */
import { execFile } from "node:child_process";
import { join } from "node:path";

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export function runCommandLine(script: string, args: readonly string[]): Promise<Ran> {
  const file = join(import.meta.dirname, "../../local", `${script}.ts`);
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", file, ...args],
      (error, stdout, stderr) => {
        // Node types a child's exit code as the error's code.
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
      },
    );
  });
}
