/** Reads a range of lines out of a stream of any length, in the memory of the range. */
import { jsonBytes } from "../size.ts";

/** How much of the beginning decides whether a file is text. */
const SNIFF_BYTES = 8_000;

export interface Range {
  /** The first line, counted from 1. */
  from: number;
  /** At most this many lines. */
  lines: number;
  /** At most this many bytes once the text is a JSON string. */
  maxBytes: number;
}

export interface Lines {
  /** The lines as they are, with their ends. */
  text: string;
  lines: number;
  totalLines: number;
  /** Set when the first line alone was too long: `text` is its beginning. */
  cut: boolean;
}

/** Whether the beginning of a file is something else than UTF-8 text. */
export function isBinary(beginning: Uint8Array): boolean {
  const head = beginning.subarray(0, SNIFF_BYTES);
  if (head.includes(0)) return true;
  try {
    // As a stream: a character that is cut off at the end of the sample is no error.
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(head, { stream: true });
    return false;
  } catch {
    return true;
  }
}

/** The longest beginning of `text` that takes at most `maxBytes` as JSON, without half a character at its end. */
export function beginningOf(text: string, maxBytes: number): string {
  let low = 0;
  let high = Math.min(text.length, maxBytes);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (jsonBytes(text.slice(0, middle)) <= maxBytes) low = middle;
    else high = middle - 1;
  }
  const last = text.charCodeAt(low - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? low - 1 : low);
}

/**
 * `null` when the stream is not text; then it is cancelled. Else the whole stream is read, because lines are
 * counted. Throws what the stream throws, and the signal's reason once it is aborted.
 */
export async function readLines(
  body: ReadableStream<Uint8Array>,
  range: Range,
  signal: AbortSignal,
): Promise<Lines | null> {
  const collector = collect(range);
  // As in a file: a mark at the beginning belongs to the text, and what is not UTF-8 far inside becomes a mark.
  const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
  let sample: Uint8Array | null = new Uint8Array();
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (signal.aborted) {
      await reader.cancel();
      throw signal.reason;
    }
    if (sample !== null) {
      // A first chunk may be shorter than what is needed to decide.
      sample = value ? joined(sample, value) : sample;
      if (!done && sample.byteLength < SNIFF_BYTES) continue;
      if (isBinary(sample)) {
        await reader.cancel();
        return null;
      }
      collector.add(decoder.decode(sample, { stream: true }));
      sample = null;
    } else if (value) {
      collector.add(decoder.decode(value, { stream: true }));
    }
    if (done) break;
  }
  collector.add(decoder.decode());
  return collector.result();
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.byteLength + b.byteLength);
  both.set(a);
  both.set(b, a.byteLength);
  return both;
}

function collect(range: Range): { add(text: string): void; result(): Lines } {
  let number = 1; // of the line that is being read
  let pending = ""; // what has been read of it, while it is wanted
  let isEmpty = true;
  let text = "";
  let lines = 0;
  let room = range.maxBytes;
  let full = false;
  let cut = false;

  const take = (piece: string): void => {
    pending += piece;
    if (jsonBytes(pending) <= room) return;
    full = true;
    if (lines > 0)
      pending = ""; // whole lines only ...
    else {
      cut = true; // ... unless there would be none
      text = beginningOf(pending, room);
      pending = "";
      lines = 1;
    }
  };
  const endLine = (): void => {
    if (pending !== "") {
      text += pending;
      room -= jsonBytes(pending);
      lines += 1;
      pending = "";
    }
    number += 1;
    isEmpty = true;
  };
  return {
    add(chunk) {
      for (let at = 0; at < chunk.length; ) {
        const end = chunk.indexOf("\n", at) + 1 || chunk.length;
        const wanted = !full && number >= range.from && number < range.from + range.lines;
        if (wanted) take(chunk.slice(at, end));
        isEmpty = false;
        if (chunk[end - 1] === "\n") endLine();
        at = end;
      }
    },
    result() {
      if (!isEmpty) endLine();
      return { text, lines, totalLines: number - 1, cut };
    },
  };
}
