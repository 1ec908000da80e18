import { z } from "zod";
import { limits } from "../limits.ts";
import { VERSION_DAYS } from "./files/store.ts";
import { helpWhenMissing } from "./missing.ts";
import type { Tool } from "./tool.ts";

const input = z.strictObject({
  path: z
    .string()
    .describe("The file to delete, relative to the workspace. Directories go with their last file."),
});

/** Deletes a file that can come back. Running it again with the same key gives the same result. */
export const deleteFile: Tool<z.infer<typeof input>> = {
  name: "delete",
  description:
    `Delete one file of the workspace. The user can bring it back for ${VERSION_DAYS} days. ` +
    "A directory cannot be deleted as a " +
    "whole: delete its files one by one. Returns {path, deleted: true, restorableUntil}.",
  input,
  risk: "auto",
  replay: "safe",
  effects: "workspace",
  timeoutMs: limits.toolTimeoutMs,
  async run({ path }, { call, ports }) {
    const options = { key: call.idempotencyKey };
    const version = await helpWhenMissing(ports.files, path, () => ports.files.delete(path, options));
    const restorableUntil = new Date(version.replacedAt + limits.versionsKeptMs).toISOString();
    return { output: { path: version.path, deleted: true, restorableUntil }, changed: [version.path] };
  },
};
