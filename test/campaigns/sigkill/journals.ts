/** Journals as they are on the disk, read from copies beside a server, whether it lives or not. */
import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { entryHash, GENESIS, payloadHash } from "../../../src/actors/chain.ts";
import type { Entry } from "../../../src/actors/conversation/entries.ts";

/**
 * A row of the journal: heads of its entries, and their salts and payloads. None is ever erased here, and none is so
 * long that it would be kept in rows of its own.
 */
const row = z.object({ heads: z.string(), bodies: z.string() });
const heads = z.array(z.tuple([z.number(), z.string(), z.number(), z.string(), z.string()]));
const bodies = z.array(z.tuple([z.string(), z.string()]));

export interface JournalCopy {
  /** The database's file name: opaque, the same for every copy. */
  file: string;
  entries: readonly Entry[];
  /** The first entry that does not fit into the hash chain, or `null`. */
  broken: number | null;
  /** Wakes that are still set; that of the schedules is not one of them. */
  jobs: number;
  schedules: readonly ScheduleRow[];
}

/** A schedule as the conversation keeps it. */
const scheduleRow = z.object({
  id: z.string(),
  text: z.string(),
  cron: z.string().nullable(),
  status: z.enum(["active", "paused", "done", "deleted"]),
  made_by: z.string().nullable(),
  created_at: z.number(),
  due_at: z.number(),
  missed: z
    .string()
    .nullable()
    .transform((text) => (text === null ? 0 : z.object({ count: z.number() }).parse(JSON.parse(text)).count)),
});
export type ScheduleRow = z.infer<typeof scheduleRow>;

/** Reads every conversation's journal; what has not changed since the last look is not read again. */
export class Journals {
  readonly #folder: string;
  readonly #known = new Map<string, { version: string; copy: JournalCopy }>();

  constructor(stateDir: string) {
    this.#folder = join(stateDir, "do", "holdfast-Conversation");
  }

  /** `live`: a database that is being written this moment may be left as it was at the last look. */
  read(options: { live: boolean }): JournalCopy[] {
    const scratch = mkdtempSync(join(tmpdir(), "holdfast-journals-"));
    try {
      for (const file of this.#files()) {
        const version = this.#versionOf(file);
        if (this.#known.get(file)?.version === version) continue;
        try {
          this.#known.set(file, { version, copy: this.#copy(file, scratch) });
        } catch (error) {
          if (!options.live) throw error;
        }
      }
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
    return [...this.#known.values()].map(({ copy }) => copy);
  }

  #files(): string[] {
    try {
      return readdirSync(this.#folder).filter(
        (name) => name.endsWith(".sqlite") && name !== "metadata.sqlite",
      );
    } catch (error) {
      // The first kill may come before the first conversation.
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
      throw error;
    }
  }

  #versionOf(file: string): string {
    return ["", "-wal"]
      .map((suffix) => {
        const stat = statSync(join(this.#folder, file + suffix), { throwIfNoEntry: false });
        return stat ? `${stat.mtimeMs}:${stat.size}` : "-";
      })
      .join(" ");
  }

  /** The database and its log are copied, never opened where they are: a reader's locks would be in workerd's way. */
  #copy(file: string, scratch: string): JournalCopy {
    for (const suffix of ["", "-wal"]) {
      const from = join(this.#folder, file + suffix);
      if (statSync(from, { throwIfNoEntry: false })) copyFileSync(from, join(scratch, file + suffix));
    }
    const database = new DatabaseSync(join(scratch, file));
    try {
      if (!hasTable(database, "journal")) return { file, entries: [], broken: null, jobs: 0, schedules: [] };
      const jobs = hasTable(database, "cf_agents_jobs")
        ? Number(
            database.prepare("SELECT COUNT(*) AS n FROM cf_agents_jobs WHERE id <> 'schedules'").get()?.n,
          )
        : 0;
      const schedules = hasTable(database, "schedules")
        ? z.array(scheduleRow).parse(database.prepare(SCHEDULES).all())
        : [];
      return {
        file,
        jobs,
        schedules,
        ...readChain(database.prepare("SELECT heads, bodies FROM journal ORDER BY seq").all()),
      };
    } finally {
      database.close();
    }
  }
}

const SCHEDULES =
  "SELECT id, text, cron, status, made_by, created_at, due_at, missed FROM schedules ORDER BY id";

/** An object that was killed while it made its first tables has some of them. */
const hasTable = (database: DatabaseSync, name: string): boolean =>
  database.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(name) !== undefined;

/** Reads rows and checks every hash from the first entry on: written anew here, so that the journal's own code is judged. */
function readChain(rows: unknown[]): Pick<JournalCopy, "entries" | "broken"> {
  const entries: Entry[] = [];
  let prev = GENESIS;
  let broken: number | null = null;
  for (const raw of rows) {
    const { heads: headText, bodies: bodyText } = row.parse(raw);
    const payloads = bodies.parse(JSON.parse(bodyText));
    heads.parse(JSON.parse(headText)).forEach(([seq, kind, version, hash, inner], i) => {
      const [salt, payload] = payloads[i] ?? ["", ""];
      const fits =
        seq === entries.length + 1 &&
        payloadHash(salt, payload) === inner &&
        entryHash(prev, seq, kind, version, inner) === hash;
      if (!fits) broken ??= seq;
      prev = hash;
      entries.push({ ...JSON.parse(payload), kind } as Entry); // the Worker under test wrote it; the oracle looks at each field it uses
    });
  }
  return { entries, broken };
}

/** Turns that were accepted and have not ended. */
export function openTurns(journal: JournalCopy): string[] {
  const open = new Set<string>();
  for (const entry of journal.entries) {
    if (entry.kind === "input") open.add(entry.turn);
    if (entry.kind === "end") open.delete(entry.turn);
  }
  return [...open];
}
