/** Reads a file, or one of its versions, as what it can be shown as. */
import { kindOf, textFrom } from "./kinds.ts";
import type { Shown } from "./Preview.tsx";
import { type FileStore, PREVIEW_BYTES } from "./store.ts";

export async function readShown(files: FileStore, path: string, version?: string): Promise<Shown> {
  const { bytes, mediaType, etag, sizeBytes } = await files.content(path, version);
  const named = kindOf(path, mediaType);
  const head = new Uint8Array(await bytes.slice(0, PREVIEW_BYTES).arrayBuffer());
  const text = named === "image" && mediaType !== "image/svg+xml" ? null : textFrom(head);
  const kind = named === "binary" && text !== null ? "text" : named;
  return { path, kind, text, bytes, etag, cut: sizeBytes > PREVIEW_BYTES };
}
