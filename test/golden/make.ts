/**
 * Writes the golden journals that are not there yet, from the scripted runs in `stories.ts`:
 * `node --disable-warning=ExperimentalWarning test/golden/make.ts`. Files of a release are never written again; before
 * one, `--force` writes all of them anew.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chained, fileOf } from "../support/journal-file.ts";
import { STORIES } from "./stories.ts";

const LONG_CHARS = 100_000;
const force = process.argv.includes("--force");

for (const [name, story] of Object.entries(STORIES)) {
  const journal = join(import.meta.dirname, `${name}.jsonl`);
  if (existsSync(journal) && !force) continue;
  const world = await story();
  if (world.broken.length > 0) throw new Error(`${name}: ${String(world.broken[0])}`);
  const messages = world.messages();
  writeFileSync(journal, await fileOf(chained(world.entries), messages));
  const transcript = messages.map((message) => `${JSON.stringify(message)}\n`).join("");
  // Of a long one the journal's last line is enough: it has the hash of every message.
  if (transcript.length < LONG_CHARS) {
    writeFileSync(join(import.meta.dirname, `${name}.messages.jsonl`), transcript);
  }
  const kinds = [...new Set(world.entries.map((entry) => entry.kind))].join(" ");
  process.stdout.write(`${name}: ${world.entries.length} entries, ${messages.length} messages (${kinds})\n`);
}
