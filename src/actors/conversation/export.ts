/**
 * A journal as a file: JSON Lines. The first line is a header, the last a trailer with the transcript's hash, each
 * between is one entry with its head and, unless it was erased, its salt and payload byte for byte.
 */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { entryHash, GENESIS, payloadHash } from "./chain.ts";
import type { Entry, UnknownEntry } from "./entries.ts";

/** The file's format, not the journal's: entries carry versions of their own. */
export const EXPORT_FORMAT = 1;

const header = z.object({ holdfast: z.literal("journal"), format: z.number(), conversation: z.string() });
const line = z.object({
  seq: z.number().int().min(1),
  kind: z.string(),
  v: z.number().int(),
  hash: z.string(),
  inner: z.string(),
  salt: z.string().nullable(),
  payload: z.string().nullable(),
});
const trailer = z.object({ transcript: z.string(), entries: z.number().int() });

export type ExportLine = z.infer<typeof line>;

export interface ExportedEntry extends ExportLine {
  entry: Entry | UnknownEntry;
}

export interface ExportedJournal {
  conversation: string;
  entries: ExportedEntry[];
  /** Hash of the transcript when it was exported. */
  transcript: string;
}

export interface ExportSource {
  conversation: string;
  /** The newest entry that belongs into the file. */
  until: number;
  /** Entries behind `after` and up to `until`, some at a time. */
  page(after: number, until: number): ExportLine[];
  transcript: string;
}

/** The file as a stream, page by page, so that no journal is too long for it. */
export function exportStream(source: ExportSource): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const { conversation, until, transcript } = source;
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
        controller.enqueue(encoder.encode(`${JSON.stringify({ transcript, entries })}\n`));
        controller.close();
        return;
      }
      entries += lines.length;
      after = lines.at(-1)?.seq ?? until;
      controller.enqueue(encoder.encode(`${lines.map((one) => JSON.stringify(one)).join("\n")}\n`));
    },
  });
}

/** Throws `bad_request` that names the line which cannot be read. */
export function readExport(text: string): ExportedJournal {
  const lines = text.split("\n").filter((one) => one.trim() !== "");
  const head = parse(header, lines[0], 1);
  if (head.format > EXPORT_FORMAT) {
    throw new AppError(
      "bad_request",
      `This file has format ${head.format}; this version reads up to ${EXPORT_FORMAT}.`,
    );
  }
  const end = parse(trailer, lines.at(-1), lines.length);
  const entries = lines.slice(1, -1).map((one, i): ExportedEntry => {
    const read = parse(line, one, i + 2);
    try {
      return { ...read, entry: parseEntry(read) };
    } catch {
      throw new AppError("bad_request", `Line ${i + 2} holds a payload that is not JSON.`);
    }
  });
  if (entries.length !== end.entries) {
    throw new AppError(
      "bad_request",
      `The file says that it has ${end.entries} entries and has ${entries.length}.`,
    );
  }
  return { conversation: head.conversation, entries, transcript: end.transcript };
}

/** The entry of a line; one whose payload was erased is carried as a kind of its own. Throws `SyntaxError`. */
export function parseEntry(read: ExportLine): Entry | UnknownEntry {
  if (read.payload === null) return { kind: `erased.${read.kind}` };
  return { ...JSON.parse(read.payload), kind: read.kind } as Entry; // `reduce` is total: what makes no sense changes nothing
}

function parse<T>(schema: z.ZodType<T>, text: string | undefined, number: number): T {
  let json: unknown;
  try {
    json = JSON.parse(text ?? "");
  } catch {
    throw new AppError(
      "bad_request",
      `Line ${number} is not JSON. Is this a journal that Holdfast exported?`,
    );
  }
  const read = schema.safeParse(json);
  if (read.success) return read.data;
  throw new AppError(
    "bad_request",
    `Line ${number} is not what it should be: ${read.error.issues[0]?.message}.`,
  );
}

/** Every place where the chain does not hold. Empty for a whole journal. */
export function verifyChain(
  journal: Pick<ExportedJournal, "entries">,
): { seq: number; written: string; computed: string }[] {
  const broken: { seq: number; written: string; computed: string }[] = [];
  let previous = GENESIS;
  for (const [i, entry] of journal.entries.entries()) {
    if (entry.seq !== i + 1)
      broken.push({ seq: entry.seq, written: String(entry.seq), computed: String(i + 1) });
    if (entry.salt !== null && entry.payload !== null) {
      const inner = payloadHash(entry.salt, entry.payload);
      if (inner !== entry.inner) broken.push({ seq: entry.seq, written: entry.inner, computed: inner });
    }
    const hash = entryHash(previous, entry.seq, entry.kind, entry.v, entry.inner);
    if (hash !== entry.hash) broken.push({ seq: entry.seq, written: entry.hash, computed: hash });
    previous = entry.hash;
  }
  return broken;
}
