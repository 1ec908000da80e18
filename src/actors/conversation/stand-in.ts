/**
 * What is left of an entry whose payload was erased: the frame that the fold needs (which turn, which call, how it
 * ended, what it cost) and nothing that anybody said. With it the journal folds to the same places, the same money and
 * the same answers to "was this seen before" as it did with the payload. Pure.
 */
import { sha256 } from "../chain.ts";
import type { Entry, EraseEntry, UnknownEntry } from "./entries.ts";
import { isKnown } from "./entry-schema.ts";
import type { ExportLine } from "./export.ts";

const NO_TEXT = "";

/** The frame of an entry; null for a kind that is never erased. `whole`: the turn that it belongs to goes with it. */
export function standIn(entry: Entry, whole: boolean): Entry | null {
  switch (entry.kind) {
    case "input": {
      const { reply, messages, erased, ...rest } = entry;
      const left = whole ? ("whole" as const) : ("alone" as const);
      return {
        ...rest,
        messages: messages.map(({ id }) => ({ id, parts: [], erased: left })),
        ...(whole && { erased: true as const }),
      };
    }
    case "call":
      return { ...entry, fingerprint: NO_TEXT };
    case "began":
      return { ...entry, run: NO_TEXT };
    case "answer":
      return { ...entry, parts: [] };
    case "fault":
      return { ...entry, message: NO_TEXT };
    case "intent":
    case "ask":
      return { ...entry, input: NO_TEXT };
    case "result": {
      const { output, error, ...rest } = entry;
      return {
        ...rest,
        ...(output !== undefined && { output: null }),
        ...(error && { error: { code: error.code, message: NO_TEXT } }),
      };
    }
    case "decide": {
      const { comment, ...rest } = entry;
      return rest;
    }
    case "expire":
      return entry;
    case "amend": {
      const { change } = entry;
      return change.action === "edit" ? { ...entry, change: { ...change, parts: [] } } : entry;
    }
    case "compact":
      return { ...entry, covered: 0, summary: NO_TEXT };
    case "end":
      return entry.error ? { ...entry, error: { code: entry.error.code, message: NO_TEXT } } : entry;
    default:
      return null;
  }
}

/** The stand-in as the journal keeps it; null for a kind that is never erased. */
export function standInText(entry: Entry, whole: boolean): string | null {
  const left = standIn(entry, whole);
  if (!left) return null;
  const { kind, ...payload } = left;
  return JSON.stringify(payload);
}

/** What an `erase` entry names a stand-in by; an empty text where nothing stands in. */
export const standInHash = (kind: string, left: string | undefined): string =>
  left === undefined ? "" : sha256(`${kind}\n${left}`);

/** Whether a text holds no more than a stand-in does. Throws `SyntaxError`. */
export function isStandIn(kind: string, version: number, left: string): boolean {
  if (!isKnown(kind, version)) return false;
  const payload: unknown = JSON.parse(left);
  if (typeof payload !== "object" || payload === null) return false;
  const entry = { ...payload, kind } as Entry; // its shape is checked by whoever reads it from outside
  return standInText(entry, true) === left || standInText(entry, false) === left;
}

/** Keeps book of what was erased in a journal, and of who vouches for what is left. Feed it every line in order. */
export class Vouchers {
  readonly #left = new Map<number, string>();
  readonly #named = new Map<number, string>();

  add(line: Pick<ExportLine, "seq" | "kind" | "payload" | "left">, entry: Entry | UnknownEntry): void {
    if (line.payload === null) this.#left.set(line.seq, standInHash(line.kind, line.left));
    if (entry.kind !== "erase") return;
    const { entries, hashes } = entry as EraseEntry; // kinds that are not known have another name
    for (const [i, seq] of entries.entries()) this.#named.set(seq, hashes?.[i] ?? "");
  }

  /**
   * Erased entries that no `erase` entry names as they are now: what was written of them, and what is there. With
   * `strict` also those that say nothing any more and that none names: somebody took the payload out of a file.
   */
  broken(strict = false): { seq: number; written: string; computed: string }[] {
    return [...this.#left].flatMap(([seq, hash]) => {
      const named = this.#named.get(seq);
      if (named === hash || (named === undefined && hash === "" && !strict)) return [];
      return [
        {
          seq,
          written: named === undefined ? "not erased" : named || "nothing left",
          computed: hash || "nothing left",
        },
      ];
    });
  }
}
