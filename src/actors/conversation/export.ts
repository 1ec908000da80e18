/**
 * A journal as a file: JSON Lines. The first line is a header, the last a trailer with the transcript's hash, each
 * between is one entry with its head and, unless it was erased, its salt and payload byte for byte.
 */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import type { JournalLine } from "../../protocol/rpc.ts";
import { entryHash, GENESIS, payloadHash } from "../chain.ts";
import type { Entry, UnknownEntry } from "./entries.ts";
import { isKnown } from "./entry-schema.ts";
import { Vouchers } from "./stand-in.ts";

/** The file's format, not the journal's: entries carry versions of their own. */
export const EXPORT_FORMAT = 1;

const header = z.object({ holdfast: z.literal("journal"), format: z.number(), conversation: z.string() });
/** Names, hashes and salts are short; whatever has no bound could fill a row. */
const short = z.string().max(64);
const line: z.ZodType<JournalLine> = z.object({
  seq: z.number().int().min(1),
  kind: short,
  v: z.number().int(),
  hash: short,
  inner: short,
  salt: short.nullable(),
  payload: z.string().nullable(),
  /** What stands in for an erased payload. */
  left: z.string().optional(),
});
const trailer = z.object({
  transcript: z.string(),
  entries: z.number().int(),
  /** `[id, hash]` of each message: where two transcripts part ways, these say at which message. */
  messages: z.array(z.tuple([z.string(), z.string()])).optional(),
});

export type ExportLine = JournalLine;
type Trailer = z.infer<typeof trailer>;
export type MessageHash = readonly [id: string, hash: string];

export interface ExportedEntry extends ExportLine {
  entry: Entry | UnknownEntry;
}

export interface ExportedJournal {
  conversation: string;
  entries: ExportedEntry[];
  /** Hash of the transcript when it was exported. */
  transcript: string;
  /** The same message by message; null in a file that was written without. */
  messages: readonly MessageHash[] | null;
}

export interface ExportSource {
  conversation: string;
  /** The newest entry that belongs into the file. */
  until: number;
  /** Entries behind `after` and up to `until`, some at a time. */
  page(after: number, until: number): ExportLine[];
  transcript: string;
  messages?: readonly MessageHash[];
}

/** The file as a stream, page by page, so that no journal is too long for it. */
export function exportStream(source: ExportSource): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const { conversation, until, transcript, messages } = source;
  let after = 0;
  let entries = 0;
  return new ReadableStream({
    start(controller) {
      const head = { holdfast: "journal", format: EXPORT_FORMAT, conversation };
      controller.enqueue(encoder.encode(`${JSON.stringify(head)}\n`));
    },
    pull(controller) {
      const lines = after < until ? source.page(after, until) : [];
      if (lines.length === 0) {
        controller.enqueue(encoder.encode(`${JSON.stringify({ transcript, entries, messages })}\n`));
        controller.close();
        return;
      }
      entries += lines.length;
      after = lines.at(-1)?.seq ?? until;
      controller.enqueue(encoder.encode(`${lines.map((one) => JSON.stringify(one)).join("\n")}\n`));
    },
  });
}

/** Reads a whole file. Throws `bad_request` that names the line which cannot be read. */
export function readExport(text: string): ExportedJournal {
  const numbered = text
    .split("\n")
    .map((one, i) => ({ text: one, number: i + 1 }))
    .filter((one) => one.text.trim() !== "");
  const { conversation } = readHeader(numbered[0]?.text ?? "");
  const last = numbered.at(-1);
  const end = readTrailer(last?.text ?? "", last?.number ?? 1);
  const entries = numbered.slice(1, -1).map((one): ExportedEntry => {
    const read = readLine(one.text, one.number);
    try {
      return { ...read, entry: parseEntry(read) };
    } catch {
      throw new AppError("bad_request", `Line ${one.number} holds a payload that is not JSON.`);
    }
  });
  checkCount(entries.length, end.entries);
  return { conversation, entries, transcript: end.transcript, messages: end.messages ?? null };
}

/** The first line. Throws `bad_request`. */
export function readHeader(text: string): { conversation: string } {
  const head = parse(header, text, 1);
  if (head.format > EXPORT_FORMAT) {
    throw new AppError(
      "bad_request",
      `This file has format ${head.format}; this version reads up to ${EXPORT_FORMAT}.`,
    );
  }
  return { conversation: head.conversation };
}

/** A line between the first and the last. Throws `bad_request` that names the line. */
export const readLine = (text: string, number: number): ExportLine => parse(line, text, number);

/** The last line. Throws `bad_request`. */
export const readTrailer = (text: string, number: number): Trailer => parse(trailer, text, number);

/** Whether a line is the last one of a file: entries have a sequence number, and it has none. */
export const isTrailer = (text: string): boolean => trailer.safeParse(jsonOf(text)).success;

/** Throws `bad_request` when a file has not as many entries as it says. */
export function checkCount(found: number, said: number): void {
  if (found === said) return;
  throw new AppError("bad_request", `The file says that it has ${said} entries and has ${found}.`);
}

/**
 * The entry of a line; of one whose payload was erased, what stands in for it. One without that, or of a kind or version
 * that this code does not know, is carried under a name that no fold looks for. Throws `SyntaxError`.
 */
export function parseEntry(read: ExportLine): Entry | UnknownEntry {
  const text = read.payload ?? read.left;
  if (text === undefined) return { kind: `erased.${read.kind}` };
  const payload: unknown = JSON.parse(text);
  if (!isKnown(read.kind, read.v)) return { kind: `unknown.${read.kind}.${read.v}` };
  return { ...(payload as object), kind: read.kind } as Entry; // written by us, or checked by `payloadProblem`
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parse<T>(schema: z.ZodType<T>, text: string, number: number): T {
  const json = jsonOf(text);
  if (json === undefined) {
    throw new AppError(
      "bad_request",
      `Line ${number} is not JSON. Is this a journal that Holdfast exported?`,
    );
  }
  const read = schema.safeParse(json);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  const field = issue?.path.join(".");
  throw new AppError(
    "bad_request",
    `Line ${number} is not what it should be: ${field ? `${field}: ` : ""}${issue?.message}.`,
  );
}

export interface ChainBreak {
  seq: number;
  written: string;
  computed: string;
}

/** What does not hold between an entry and the one before it, whose hash is `previous`. */
export function chainBreaks(entry: ExportLine, seq: number, previous: string): ChainBreak[] {
  const broken: ChainBreak[] = [];
  if (entry.seq !== seq) broken.push({ seq: entry.seq, written: String(entry.seq), computed: String(seq) });
  if (entry.salt !== null && entry.payload !== null) {
    const inner = payloadHash(entry.salt, entry.payload);
    if (inner !== entry.inner) broken.push({ seq: entry.seq, written: entry.inner, computed: inner });
  }
  const hash = entryHash(previous, entry.seq, entry.kind, entry.v, entry.inner);
  if (hash !== entry.hash) broken.push({ seq: entry.seq, written: entry.hash, computed: hash });
  return broken;
}

/** Every place where the chain does not hold. Empty for a whole journal. */
export function verifyChain(journal: { entries: readonly ExportLine[] }): ChainBreak[] {
  let previous = GENESIS;
  const vouchers = new Vouchers();
  const broken = journal.entries.flatMap((entry, i) => {
    const found = chainBreaks(entry, i + 1, previous);
    previous = entry.hash;
    vouchers.add(entry, parseEntry(entry));
    return found;
  });
  return [...broken, ...vouchers.broken()];
}
