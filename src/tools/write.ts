import { z } from "zod";
import { limits } from "../limits.ts";
import { normalisePath } from "./files/paths.ts";
import { VERSION_DAYS } from "./files/store.ts";
import type { Tool } from "./tool.ts";

const input = z.strictObject({
  path: z.string().describe('The file, relative to the workspace, for example "notes/plan.md".'),
  text: z.string().describe("The whole new content of the file."),
  etag: z
    .string()
    .optional()
    .describe("The etag that read gave. With it, a file that changed since then is not replaced."),
});

/** Writes a whole text file. Running it again with the same key gives the same result and changes nothing. */
export const write: Tool<z.infer<typeof input>> = {
  name: "write",
  description:
    "Create a text file in the workspace, or replace the whole content of one. Directories come into being by " +
    "themselves. To change a part of a file use edit instead. The previous content is kept as a version for " +
    `${VERSION_DAYS} days. Returns {path, sizeBytes, created, etag}. With \`etag\`, and when somebody else has ` +
    "changed the file meanwhile, their text stays at `path` and yours goes to the path in `conflict.keptAs`.",
  input,
  risk: "auto",
  replay: "safe",
  effects: "workspace",
  timeoutMs: limits.toolTimeoutMs,
  async run({ path: asked, text, etag: ifEtag }, { call, ports }) {
    const path = normalisePath(asked);
    const condition = ifEtag === undefined ? {} : { ifEtag };
    const options = { key: call.idempotencyKey, ...condition };
    const { file, created, conflict } = await ports.files.write(path, text, options);
    const { sizeBytes, etag } = file;
    const output = { path, sizeBytes, created, etag };
    return { output: conflict ? { ...output, conflict } : output, changed: [file.path] };
  },
};
