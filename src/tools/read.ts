import { z } from "zod";
import { AppError } from "../errors.ts";
import { limits } from "../limits.ts";
import { readLines } from "./files/lines.ts";
import { readingFailed } from "./files/store.ts";
import { helpWhenMissing } from "./missing.ts";
import type { Tool } from "./tool.ts";

/** Lines of one answer when nobody says how many. */
const LINES = 2_000;

const input = z.strictObject({
  path: z.string().describe('The file, relative to the workspace, for example "notes/plan.md".'),
  from: z.int().min(1).optional().describe("First line to read, counted from 1. Default: 1."),
  lines: z.int().min(1).max(LINES).optional().describe(`How many lines to read. Default and most: ${LINES}.`),
});

/** Reads a text file by lines. A binary file is described, not dumped. */
export const read: Tool<z.infer<typeof input>> = {
  name: "read",
  description:
    "Read a text file of the workspace. Use it before you edit a file or answer about its content. Returns " +
    "{path, text, lines, from, totalLines, truncated, etag, sizeBytes}: `text` holds the lines exactly as they are " +
    `stored. One call returns at most ${LINES} lines and ${limits.readBytes} bytes; when \`truncated\` is true the ` +
    "file goes on, and you read on with `from` = from + lines. A file that is not text returns " +
    "{path, binary: true, mediaType, sizeBytes} instead.",
  input,
  risk: "auto",
  replay: "safe",
  effects: "none",
  timeoutMs: limits.toolTimeoutMs,
  async run({ path, from = 1, lines = LINES }, { ports, signal }) {
    const { info, body } = await helpWhenMissing(ports.files, path, () => ports.files.read(path));
    try {
      const range = await readLines(body, { from, lines, maxBytes: limits.readBytes }, signal);
      const { sizeBytes, mediaType, etag } = info;
      if (!range) return { output: { path: info.path, binary: true, mediaType, sizeBytes } };
      const { text, totalLines } = range;
      const truncated = range.cut || from + range.lines - 1 < totalLines;
      const note = noteOn(range, from);
      const output = {
        path: info.path,
        text,
        lines: range.lines,
        from,
        totalLines,
        truncated,
        etag,
        sizeBytes,
      };
      return { output: note === "" ? output : { ...output, note } };
    } catch (error) {
      throw error instanceof AppError ? error : readingFailed(info.path, error);
    }
  },
};

function noteOn(range: { cut: boolean; totalLines: number }, from: number): string {
  if (range.cut)
    return `Line ${from} is too long for one answer; this is its beginning. The next line is ${from + 1}.`;
  if (range.totalLines > 0 && from > range.totalLines) return `The file has only ${range.totalLines} lines.`;
  return "";
}
