import { z } from "zod";
import { AppError } from "../errors.ts";
import { limits } from "../limits.ts";
import { normaliseDirectory } from "./files/paths.ts";
import { fitting } from "./size.ts";
import type { DirectoryEntry, Tool } from "./tool.ts";

const input = z.strictObject({
  path: z.string().optional().describe("The directory. Leave it out for the whole workspace's top level."),
});

const shown = ({ name, kind, sizeBytes, modifiedAt }: DirectoryEntry) => ({
  name,
  kind,
  ...(sizeBytes === undefined ? {} : { sizeBytes }),
  ...(modifiedAt === undefined ? {} : { modifiedAt: new Date(modifiedAt).toISOString() }),
});

/** Lists one level of a directory. */
export const list: Tool<z.infer<typeof input>> = {
  name: "list",
  description:
    "List one directory of the workspace: its directories first, then its files, by name. Returns {path, entries, " +
    "truncated}; an entry has `name`, `kind` (file or directory), and for files `sizeBytes` and `modifiedAt`. At most " +
    `${limits.listEntries} entries; when \`truncated\` is true there are more, and search finds files by name.`,
  input,
  risk: "auto",
  replay: "safe",
  effects: "none",
  timeoutMs: limits.toolTimeoutMs,
  async run({ path: text = "" }, { ports }) {
    const path = normaliseDirectory(text);
    const { entries, truncated } = await ports.files.list(path);
    if (entries.length === 0 && path !== "") {
      const file = await ports.files.stat(path);
      const message = file ? `"${path}" is a file: use read.` : `There is no directory "${path}".`;
      throw new AppError("file_unknown", `${message} Call list without a path to see what there is.`);
    }
    const fits = fitting(entries.map(shown), limits.readBytes);
    return { output: { path, entries: fits, truncated: truncated || fits.length < entries.length } };
  },
};
