/** The journal of a scripted run as a file, with salts that are the same every time. */
import { entryHash, GENESIS, payloadHash, sha256 } from "../../src/actors/chain.ts";
import { ENTRY_VERSION, type Entry } from "../../src/actors/conversation/entries.ts";
import { type ExportLine, exportStream } from "../../src/actors/conversation/export.ts";
import { hashesOf, transcriptHash } from "../../src/actors/conversation/replay.ts";
import type { ChatMessage } from "../../src/protocol/message.ts";

/** Entries as a file holds them, chained. */
export function chained(entries: readonly Entry[]): ExportLine[] {
  let previous = GENESIS;
  return entries.map(({ kind, ...rest }, i) => {
    const v = ENTRY_VERSION[kind];
    const salt = sha256(`salt ${i}`).slice(0, 32);
    const payload = JSON.stringify(rest);
    const inner = payloadHash(salt, payload);
    const hash = entryHash(previous, i + 1, kind, v, inner);
    previous = hash;
    return { seq: i + 1, kind, v, hash, inner, salt, payload };
  });
}

/** The whole file. `messages` is the transcript as it was when the file was written. */
export function fileOf(lines: readonly ExportLine[], messages: readonly ChatMessage[]): Promise<string> {
  const stream = exportStream({
    conversation: "alice.main",
    until: lines.at(-1)?.seq ?? 0,
    page: (after) => lines.slice(after, after + 3),
    transcript: transcriptHash(messages),
    messages: hashesOf(messages),
  });
  return new Response(stream).text();
}
