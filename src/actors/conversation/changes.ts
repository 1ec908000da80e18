/** Which entries change something for somebody, and who did that: what the audit index knows of a journal. Pure. */
import type { ChangeRow } from "../../protocol/log.ts";
import { toolByName } from "../../tools/registry.ts";
import type { Entry, Sender, UnknownEntry } from "./entries.ts";

/** Text that is kept of a name or a reason. */
const CHARS = 200;

/** The rows of consecutive entries, the first of which is `first`. What was copied from elsewhere is not ours. */
export function changesOf(entries: readonly (Entry | UnknownEntry)[], first: number): ChangeRow[] {
  let rows: ChangeRow[] = [];
  for (const [i, entry] of entries.entries()) {
    if (entry.kind === "fork") rows = [];
    const row = changeOf(entry, first + i);
    if (row) rows.push(row);
  }
  return rows;
}

/** Null for an entry that only says how an answer came about. */
export function changeOf(entry: Entry | UnknownEntry, seq: number): ChangeRow | null {
  const known = entry as Entry; // other kinds fall through
  switch (known.kind) {
    case "input": {
      const scheduled = known.source === "schedule";
      const row = by(known.sender, known.at, known.kind, seq);
      return scheduled ? { ...row, byKind: "schedule", request: clip(known.keys[0] ?? "") } : row;
    }
    case "decide":
    case "amend":
    case "undo":
    case "fork":
    case "erase":
      return by(known.by, known.at, known.kind, seq);
    case "end":
      return known.by ? by(known.by, known.at, "stop", seq) : null;
    case "intent": {
      const effects = toolByName(known.name)?.effects ?? "none";
      if (effects === "none") return null;
      const { at, kind, name, turn } = known;
      return { seq, at, kind, byId: "", byName: clip(name), byKind: "tool", request: turn };
    }
    default:
      return null;
  }
}

const by = ({ id, name, kind, request }: Sender, at: number, what: string, seq: number): ChangeRow => ({
  seq,
  at,
  kind: what,
  byId: id,
  byName: clip(name),
  byKind: kind ?? "person",
  request: clip(request ?? ""),
});

const clip = (text: string): string => text.slice(0, CHARS).toWellFormed();
