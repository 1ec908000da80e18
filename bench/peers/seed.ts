/** Makes a long journal out of a short one: the newest turn again and again, through the Journal itself. */
import { z } from "zod";
import type { Entry } from "../../src/actors/conversation/entries.ts";
import type { Journal } from "../../src/actors/conversation/journal.ts";

const heads = z.array(z.tuple([z.number(), z.string()]).rest(z.unknown()));
const bodies = z.array(z.tuple([z.string(), z.string()]));

/** Returns the rows of the journal. The instance that wrote them knows nothing of it: break it off afterwards. */
export function seedJournal(storage: DurableObjectStorage, journal: Journal, turns: number): number {
  const loaded = journal.load();
  const commits = newestTurn(storage.sql);
  const turn = commits[0]?.find((entry) => entry.kind === "input")?.turn;
  if (!turn) throw new Error("There is no turn to repeat.");
  let have = 0;
  for (let i = 0; i < loaded.state.items.length; i++) if (loaded.state.items.at(i)?.type === "turn") have++;
  let { seq } = loaded.state;
  for (let n = have; n < turns; n++) {
    storage.transactionSync(() => {
      for (const commit of commits) {
        const entries = commit.map((entry) => renamed(entry, turn, n));
        journal.append(entries, seq).commit();
        seq += entries.length;
      }
    });
  }
  return storage.sql.exec<{ rows: number }>("SELECT count(*) AS rows FROM journal").one().rows;
}

/** The commits of the newest turn, in order; notes of the prompt belong to the first turn alone. */
function newestTurn(sql: SqlStorage): Entry[][] {
  const commits: Entry[][] = [];
  for (const row of sql.exec<{ heads: string; bodies: string }>(
    "SELECT heads, bodies FROM journal ORDER BY seq DESC LIMIT 8",
  )) {
    const kinds = heads.parse(JSON.parse(row.heads)).map((head) => head[1]);
    const payloads = bodies.parse(JSON.parse(row.bodies));
    const entries = kinds.map(
      (kind, i) => ({ ...JSON.parse(payloads[i]?.[1] ?? "null"), kind }) as Entry, // written by the journal
    );
    commits.unshift(entries);
    if (kinds.includes("input")) break;
  }
  return commits;
}

/** The entry with ids of its own: the turn's, the request's, the messages' and their keys. */
function renamed(entry: Entry, turn: string, n: number): Entry {
  if (entry.kind === "input") {
    const messages = entry.messages.map((message) => ({ ...message, id: `${message.id}-${n}` }));
    return {
      ...entry,
      turn: `${turn}-${n}`,
      request: `${entry.request}-${n}`,
      messages,
      keys: entry.keys.map((key) => `${key}-${n}`),
    };
  }
  return "turn" in entry ? { ...entry, turn: `${turn}-${n}` } : entry;
}
