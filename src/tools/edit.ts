import { z } from "zod";
import { limits } from "../limits.ts";
import { VERSION_DAYS } from "./files/store.ts";
import { helpWhenMissing } from "./missing.ts";
import { substitute } from "./substitute.ts";
import type { Tool } from "./tool.ts";

const input = z.strictObject({
  path: z.string().describe('The file, relative to the workspace, for example "notes/plan.md".'),
  find: z
    .string()
    .min(1)
    .describe("The text to replace, exactly as it is in the file, with spaces and line ends."),
  replace: z.string().describe("What to put in its place. Empty to remove the text."),
  all: z
    .boolean()
    .optional()
    .describe("Replace every occurrence. Default: false, and the text must occur once."),
});

/** Replaces text inside a file. Running it again with the same key gives the same result and changes nothing. */
export const edit: Tool<z.infer<typeof input>> = {
  name: "edit",
  description:
    "Change a part of a text file: replaces `find`, which must match exactly and only once, by `replace`. Read the " +
    "file first. When the text is not there or occurs more than once, nothing is changed and the error shows near " +
    "lines: then give more of the lines around it, or set `all`. The previous content is kept as a version for " +
    `${VERSION_DAYS} days. ` +
    "Returns {path, replacements, etag}.",
  input,
  risk: "auto",
  replay: "safe",
  effects: "workspace",
  timeoutMs: limits.toolTimeoutMs,
  async run({ path, find, replace, all = false }, { call, ports }) {
    const change = (text: string) => {
      const changed = substitute(text, { find, replace, all });
      return { text: changed.text, note: String(changed.replacements) };
    };
    const options = { key: call.idempotencyKey };
    const edited = await helpWhenMissing(ports.files, path, () => ports.files.update(path, change, options));
    const output = { path: edited.file.path, replacements: Number(edited.note), etag: edited.file.etag };
    return { output, changed: [edited.file.path] };
  },
};
