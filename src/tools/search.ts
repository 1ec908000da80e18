import { z } from "zod";
import { AppError } from "../errors.ts";
import { limits } from "../limits.ts";
import { isBinary } from "./files/lines.ts";
import { mediaTypeOf } from "./files/media.ts";
import { normaliseDirectory } from "./files/paths.ts";
import { readingFailed } from "./files/store.ts";
import { RESULTS_DIRECTORY } from "./overflow.ts";
import { fitting } from "./size.ts";
import type { FileInfo, Tool, Workspace } from "./tool.ts";

/** Characters of a matching line that are shown, with the match in the middle. */
const LINE_CHARS = 240;
/** Media types of files that are not opened. What is none of these and still not text shows itself when read. */
const NOT_TEXT = /^(?:image\/(?!svg)|audio\/|video\/|application\/(?:pdf|zip|gzip|x-tar|vnd\.))/;

const input = z.strictObject({
  query: z
    .string()
    .trim()
    .min(1)
    .max(500)
    .describe("The text to look for. Upper and lower case are the same."),
  path: z
    .string()
    .optional()
    .describe("A directory or a file to search in. Leave it out for the whole workspace."),
});

interface Match {
  path: string;
  /** From 1; 0 when it is the file's name that matches. */
  line: number;
  text: string;
}

/** Finds text in the workspace's files and in their names. */
export const search: Tool<z.infer<typeof input>> = {
  name: "search",
  description:
    "Find a piece of text in the files of the workspace and in their names. It is a plain text search without " +
    "patterns. Returns {matches: [{path, line, text}], filesSearched, truncated}; `line` 0 means that the name of the " +
    `file matched. Opens at most ${limits.searchFiles} text files of at most ${limits.searchFileBytes} bytes and ` +
    `returns at most ${limits.searchMatches} matches; when \`truncated\` is true, search in a directory with \`path\`.`,
  input,
  risk: "auto",
  replay: "safe",
  effects: "none",
  timeoutMs: limits.toolTimeoutMs,
  async run({ query, path = "" }, { ports, signal, progress }) {
    const wanted = fold(query);
    const { files, truncated: more } = await filesAt(ports.files, normaliseDirectory(path));
    const worthwhile = files.filter((file) => file.sizeBytes > 0 && !NOT_TEXT.test(file.mediaType));
    const isSmall = (file: Candidate) => file.sizeBytes <= limits.searchFileBytes;
    const opened = new Set(worthwhile.filter(isSmall).slice(0, limits.searchFiles));

    const matches: Match[] = [];
    let filesSearched = 0;
    let full = false;
    // Five at a time and in the order of the files, so that the same search always gives the same answer.
    for (let at = 0; at < files.length && !full; at += limits.parallelTools) {
      signal.throwIfAborted();
      const batch = files.slice(at, at + limits.parallelTools);
      const found = await Promise.all(
        batch.map((file) => (opened.has(file) ? matchesIn(ports.files, file, wanted) : [])),
      );
      for (const [index, file] of batch.entries()) {
        if (opened.has(file)) filesSearched += 1;
        if (fold(file.path).includes(wanted)) matches.push({ path: file.path, line: 0, text: file.path });
        matches.push(...(found[index] ?? []));
      }
      full = matches.length > limits.searchMatches;
      progress(`${Math.min(at + batch.length, files.length)} of ${files.length} files`);
    }
    const fits = fitting(matches.slice(0, limits.searchMatches), limits.readBytes);
    const truncated = more || opened.size < worthwhile.length || fits.length < matches.length;
    return { output: { matches: fits, filesSearched, truncated } };
  },
};

// One spelling for each character, as paths have, and no case.
const fold = (text: string): string => text.normalize("NFC").toLowerCase();

type Candidate = Pick<FileInfo, "path" | "sizeBytes" | "mediaType">;

interface Found {
  files: Candidate[];
  truncated: boolean;
}

/** The files below a directory, and the file of this name if there is one. */
async function filesAt(workspace: Workspace, path: string): Promise<Found> {
  if (path === "") return await everything(workspace);
  const [below, file] = await Promise.all([workspace.walk(path), workspace.stat(path)]);
  return { files: file ? [file, ...below.files] : below.files, truncated: below.truncated };
}

/**
 * The whole workspace without the results that were put aside: they sort first, would use up the walk's limit, and
 * hold what earlier searches found.
 */
async function everything(workspace: Workspace): Promise<Found> {
  const top = await workspace.list("");
  if (!top.entries.some((entry) => entry.path === RESULTS_DIRECTORY)) return await workspace.walk("");
  const files: Candidate[] = [];
  let truncated = top.truncated;
  for (const entry of top.entries) {
    if (files.length >= limits.listEntries) return { files, truncated: true };
    if (entry.path === RESULTS_DIRECTORY) continue;
    if (entry.kind === "directory") {
      const below = await workspace.walk(entry.path);
      files.push(...below.files);
      truncated ||= below.truncated;
    } else {
      files.push({ path: entry.path, sizeBytes: entry.sizeBytes ?? 0, mediaType: mediaTypeOf(entry.path) });
    }
  }
  return { files, truncated };
}

/** Matching lines of one file; none when it is not text. One more than is shown, so that the cut is noticed. */
async function matchesIn(workspace: Workspace, file: Candidate, wanted: string): Promise<Match[]> {
  const content = await workspace.read(file.path).catch((error: unknown) => {
    if (isGone(error)) return null; // deleted since it was listed
    throw error;
  });
  if (!content) return [];
  const bytes = await bytesOf(content.body).catch((error: unknown) => {
    throw readingFailed(file.path, error);
  });
  if (isBinary(bytes)) return [];
  const found: Match[] = [];
  for (const [index, line] of new TextDecoder().decode(bytes).split("\n").entries()) {
    const at = fold(line).indexOf(wanted);
    if (at < 0) continue;
    found.push({ path: file.path, line: index + 1, text: excerpt(line.replace(/\r$/, ""), at) });
    if (found.length > limits.searchMatches) break;
  }
  return found;
}

const isGone = (error: unknown): boolean => error instanceof AppError && error.code === "file_unknown";
const bytesOf = async (body: ReadableStream): Promise<Uint8Array> =>
  new Uint8Array(await new Response(body).arrayBuffer());

function excerpt(line: string, at: number): string {
  if (line.length <= LINE_CHARS) return line;
  const from = Math.max(0, Math.min(at - LINE_CHARS / 4, line.length - LINE_CHARS));
  const piece = line.slice(from, from + LINE_CHARS).toWellFormed();
  return `${from > 0 ? "…" : ""}${piece}${from + LINE_CHARS < line.length ? "…" : ""}`;
}
