/** What a build depends on, as one hash, so that nothing is built twice. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";

/**
 * Hash over the names and contents of files. `paths` are files and directories below `root`; one that does not exist
 * counts as absent. `skip` sees paths relative to `root`, with forward slashes.
 */
export function hashOf(
  root: string,
  paths: readonly string[],
  skip: (path: string) => boolean = () => false,
): string {
  const hash = createHash("sha256");
  const visit = (path: string): void => {
    const name = relative(root, path).split(sep).join("/");
    if (skip(name)) return;
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) return;
    if (stat.isDirectory()) {
      for (const entry of readdirSync(path).sort()) visit(join(path, entry));
      return;
    }
    const content = readFileSync(path);
    // The length keeps the end of one file from passing for the beginning of the next.
    hash.update(`${name}\0${content.byteLength}\0`).update(content);
  };
  for (const path of paths) visit(join(root, path));
  return hash.digest("hex");
}
