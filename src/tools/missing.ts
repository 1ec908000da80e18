/** Turns "there is no such file" into an answer that a model can act on. */
import { AppError } from "../errors.ts";
import { normalisePath } from "./files/paths.ts";
import type { Workspace } from "./tool.ts";

/** Names that are offered when one was not found. */
const SUGGESTIONS = 5;

const folded = (name: string): string => name.normalize("NFKC").toLowerCase();
const stem = (name: string): string => folded(name).replace(/\.[^.]*$/, "");

async function explain(files: Workspace, path: string): Promise<string | null> {
  const below = await files.list(path);
  if (below.entries.length > 0) return `"${path}" is a directory, not a file. Use list to see what is in it.`;
  const slash = path.lastIndexOf("/");
  const directory = path.slice(0, Math.max(slash, 0));
  const name = path.slice(slash + 1);
  const { entries } = await files.list(directory);
  if (entries.length === 0 && directory !== "")
    return `There is no file "${path}", and no directory "${directory}".`;
  const alike = entries.filter(
    (entry) => stem(entry.name) === stem(name) || folded(entry.name).includes(folded(name)),
  );
  const offered = alike.slice(0, SUGGESTIONS).map((entry) => `"${entry.path}"`);
  return offered.length > 0 ? `There is no file "${path}". Did you mean ${offered.join(" or ")}?` : null;
}

/** Runs `work`; when the file is not there, the error says what is there instead. */
export async function helpWhenMissing<T>(files: Workspace, text: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "file_unknown") throw error;
    // The first error stands by itself: a look around that fails as well must not hide it.
    const message = await explain(files, normalisePath(text)).catch(() => null);
    throw message === null ? error : new AppError("file_unknown", message);
  }
}
