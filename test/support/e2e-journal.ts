/** Reads a conversation's journal from a data directory, beside the server: what is on the disk is what counts. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { entryHash, GENESIS, payloadHash } from "../../src/actors/chain.ts";

/** A row, as `migrations/conversation/0001_journal.sql` describes it. */
const heads = z.array(z.tuple([z.number(), z.string(), z.number(), z.string(), z.string()]));
const bodies = z.array(z.tuple([z.string(), z.string()]).nullable());
const row = z.object({ heads: z.string(), bodies: z.string() });

export interface JournalCopy {
  /** Kinds of the entries, in order. */
  kinds: string[];
  /** The first entry that does not fit into the hash chain, or `null`. */
  broken: number | null;
}

/** The journal of the conversation that holds `needle`, from a copy of its database. Throws when none does. */
export function journalHolding(data: string, needle: string): JournalCopy {
  const folder = join(data, "state", "do", "holdfast-Conversation");
  const copies = mkdtempSync(join(tmpdir(), "holdfast-journal-"));
  try {
    cpSync(folder, copies, { recursive: true });
    for (const name of readdirSync(copies)) {
      if (!name.endsWith(".sqlite") || basename(name) === "metadata.sqlite") continue;
      const journal = read(join(copies, name), needle);
      if (journal) return journal;
    }
  } finally {
    rmSync(copies, { recursive: true, force: true });
  }
  throw new Error(`No conversation in ${folder} holds ${needle}.`);
}

function read(file: string, needle: string): JournalCopy | null {
  const database = new DatabaseSync(file);
  try {
    const holds = database.prepare("SELECT 1 FROM journal WHERE instr(bodies, ?) > 0 LIMIT 1");
    if (!holds.get(needle)) return null;
    const rows = database.prepare("SELECT heads, bodies FROM journal ORDER BY seq").all();
    const kinds: string[] = [];
    let broken: number | null = null;
    let before: string = GENESIS;
    for (const raw of rows) {
      const commit = row.parse(raw);
      const payloads = bodies.parse(JSON.parse(commit.bodies));
      for (const [i, [seq, kind, version, hash, inner]] of heads.parse(JSON.parse(commit.heads)).entries()) {
        kinds.push(kind);
        const body = payloads[i];
        const fits =
          seq === kinds.length &&
          (!body || payloadHash(...body) === inner) &&
          entryHash(before, seq, kind, version, inner) === hash;
        if (!fits) broken ??= kinds.length;
        before = hash;
      }
    }
    return { kinds, broken };
  } finally {
    database.close();
  }
}
