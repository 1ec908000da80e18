/** Checking the chains of exported files: journals of chats, and logs of agents. Pure. */
import { z } from "zod";
import { CHANGES_GENESIS, entryHash, payloadHash } from "../../src/actors/chain.ts";
import { readExport, verifyChain } from "../../src/actors/conversation/export.ts";
import { Vouchers } from "../../src/actors/conversation/stand-in.ts";
import { AppError } from "../../src/errors.ts";

export interface Checked {
  of: "journal" | "log";
  /** The conversation, or the owner. */
  name: string;
  entries: number;
  /** Entries without a payload: it was erased. */
  erased: number;
  /** What does not hold. */
  problems: { seq: number; what: string }[];
}

const headers = z.discriminatedUnion("holdfast", [
  z.object({ holdfast: z.literal("journal") }),
  z.object({ holdfast: z.literal("log"), format: z.literal(1), owner: z.string() }),
]);
const record = z.object({
  seq: z.number().int(),
  at: z.number(),
  kind: z.string(),
  v: z.number().int(),
  hash: z.string(),
  inner: z.string(),
  salt: z.string().nullable(),
  payload: z.string().nullable(),
});
const end = z.strictObject({ entries: z.number().int() });

/** Checks a file of either kind. Throws `bad_request` for one that is neither, or that was cut off. */
export function check(text: string): Checked {
  const first = headers.safeParse(jsonOf(text.slice(0, text.indexOf("\n"))));
  if (!first.success) {
    throw new AppError("bad_request", "That is neither a journal nor a log that Holdfast exported.");
  }
  return first.data.holdfast === "journal" ? checkJournal(text) : checkLog(text, first.data.owner);
}

function checkJournal(text: string): Checked {
  const journal = readExport(text);
  const vouchers = new Vouchers();
  for (const line of journal.entries) vouchers.add(line, line.entry);
  const problems = verifyChain(journal).map(({ seq, written, computed }) => ({
    seq,
    what: `${written} is written, ${computed} was computed`,
  }));
  const known = new Set(problems.map(({ seq }) => seq));
  for (const { seq } of vouchers.broken(true))
    if (!known.has(seq))
      problems.push({ seq, what: "its payload is gone, and no entry says that it was erased" });
  const erased = journal.entries.filter(({ payload }) => payload === null).length;
  return { of: "journal", name: journal.conversation, entries: journal.entries.length, erased, problems };
}

function checkLog(text: string, owner: string): Checked {
  const lines = text.trimEnd().split("\n").slice(1);
  const last = end.safeParse(jsonOf(lines.pop() ?? ""));
  if (!last.success) throw new AppError("bad_request", "The file is not whole: its last line is missing.");
  const problems: Checked["problems"] = [];
  let previous = CHANGES_GENESIS;
  let erased = 0;
  for (const [i, line] of lines.entries()) {
    const read = record.safeParse(jsonOf(line));
    if (!read.success) throw new AppError("bad_request", `Line ${i + 2} is no record of a log.`);
    const { seq, kind, v, hash, inner, salt, payload } = read.data;
    if (seq !== i + 1) problems.push({ seq, what: `stands where ${i + 1} should` });
    if (salt !== null && payload !== null) {
      if (payloadHash(salt, payload) !== inner) problems.push({ seq, what: "its payload was changed" });
    } else erased++;
    if (entryHash(previous, seq, kind, v, inner) !== hash)
      problems.push({ seq, what: "it does not follow the one before it" });
    previous = hash;
  }
  if (lines.length !== last.data.entries)
    problems.push({ seq: 0, what: `the file says ${last.data.entries} records and has ${lines.length}` });
  return { of: "log", name: owner, entries: lines.length, erased, problems };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
