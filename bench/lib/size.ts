/** What is uploaded of a built Worker, and how large that is. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { moduleType } from "../../local/lib/deployment.ts";

/** Names of a Worker's modules in a directory, without source maps and wrangler's own files. */
export const bundleFiles = (directory: string): string[] =>
  readdirSync(directory).filter((name) => moduleType(name) !== null);

/** Bytes of these files, each gzipped on its own. */
export function gzipBytes(directory: string, files: readonly string[]): number {
  let bytes = 0;
  for (const name of files) bytes += gzipSync(readFileSync(join(directory, name))).length;
  return bytes;
}
