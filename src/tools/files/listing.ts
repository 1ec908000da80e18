/** Directories are prefixes. A file `a` and a directory `a` may both be there; neither hides the other. */
import { limits } from "../../limits.ts";
import type { DirectoryEntry, FileInfo } from "../tool.ts";
import { infoOf, isTombstone, pages, type Store, sweep, TOMBSTONE_MS } from "./store.ts";

const prefixOf = (store: Store, directory: string): string =>
  store.files + (directory === "" ? "" : `${directory}/`);

/** Some mounts make an empty object whose key ends in a slash for every directory. It is no file. */
const isMarker = (object: R2Object): boolean => object.key.endsWith("/");

const isLeftBehind = (store: Store, object: R2Object): boolean =>
  isTombstone(object) && object.uploaded.getTime() < store.now() - TOMBSTONE_MS;

const byName = (a: DirectoryEntry, b: DirectoryEntry): number =>
  a.kind === b.kind ? (a.name < b.name ? -1 : a.name > b.name ? 1 : 0) : a.kind === "directory" ? -1 : 1;

/** One level, directories first, by name. At most `limits.listEntries` entries. */
export async function listDirectory(
  store: Store,
  directory: string,
): Promise<{ entries: DirectoryEntry[]; truncated: boolean }> {
  const prefix = prefixOf(store, directory);
  const entries: DirectoryEntry[] = [];
  const leftBehind: string[] = [];
  for await (const page of pages(store, { prefix, delimiter: "/", include: ["customMetadata"] })) {
    for (const found of page.delimitedPrefixes) {
      const name = found.slice(prefix.length, -1);
      if (name !== "") entries.push({ name, path: found.slice(store.files.length, -1), kind: "directory" });
    }
    for (const object of page.objects) {
      if (isLeftBehind(store, object)) leftBehind.push(object.key);
      if (isTombstone(object) || isMarker(object)) continue;
      const path = object.key.slice(store.files.length);
      const { sizeBytes, modifiedAt } = infoOf(object, path);
      entries.push({ name: object.key.slice(prefix.length), path, kind: "file", sizeBytes, modifiedAt });
    }
    if (entries.length > limits.listEntries) break;
  }
  await sweep(store, leftBehind);
  const truncated = entries.length > limits.listEntries;
  // What is cut off is last by name, as in every other answer, and not "all files".
  const shown = truncated
    ? entries.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, limits.listEntries)
    : entries;
  return { entries: shown.sort(byName), truncated };
}

/** Every file below a directory in the order of their keys. */
export async function* filesBelow(store: Store, directory: string): AsyncGenerator<FileInfo> {
  const leftBehind: string[] = [];
  const include: R2ListOptions["include"] = ["customMetadata", "httpMetadata"];
  for await (const page of pages(store, { prefix: prefixOf(store, directory), include })) {
    for (const object of page.objects) {
      if (isLeftBehind(store, object)) leftBehind.push(object.key);
      if (!isTombstone(object) && !isMarker(object))
        yield infoOf(object, object.key.slice(store.files.length));
    }
  }
  await sweep(store, leftBehind);
}

/** Every file below a directory, at most `limits.listEntries`. */
export async function walkDirectory(
  store: Store,
  directory: string,
): Promise<{ files: FileInfo[]; truncated: boolean }> {
  const files: FileInfo[] = [];
  for await (const file of filesBelow(store, directory)) {
    if (files.length === limits.listEntries) return { files, truncated: true };
    files.push(file);
  }
  return { files, truncated: false };
}
