/** The workspace as the console sees it: listings by directory, kept while the panel is used, and the file calls. */
import { z } from "zod";
import type { DirectoryEntry, FileInfo, FileVersion } from "../../tools/tool.ts";
import type { Api } from "../app/api.ts";
import { ApiError } from "../app/api.ts";
import { texts } from "../texts.ts";
import { freeName } from "./names.ts";

/** What a preview reads at most. Longer files are cut, or offered for download. */
export const PREVIEW_BYTES = 1024 * 1024;
/** Names tried for one upload before it is left to the server to find one. */
const NAME_ATTEMPTS = 20;

const entrySchema = z.object({
  name: z.string(),
  path: z.string(),
  kind: z.enum(["file", "directory"]),
  sizeBytes: z.number().optional(),
  modifiedAt: z.number().optional(),
}) satisfies z.ZodType<Omit<DirectoryEntry, "sizeBytes" | "modifiedAt">>;
export type Entry = z.infer<typeof entrySchema>;

const infoSchema = z.object({
  path: z.string(),
  sizeBytes: z.number(),
  modifiedAt: z.number(),
  etag: z.string(),
  mediaType: z.string(),
}) satisfies z.ZodType<FileInfo>;

const versionSchema = z.object({
  id: z.string(),
  path: z.string(),
  sizeBytes: z.number(),
  replacedAt: z.number(),
  reason: z.enum(["overwritten", "deleted"]),
}) satisfies z.ZodType<FileVersion>;

const listingSchema = z.object({ entries: z.array(entrySchema), truncated: z.boolean().default(false) });
const linkSchema = z.object({ url: z.url({ protocol: /^https?$/ }) });
const versionsSchema = z.object({ versions: z.array(versionSchema) });
const writtenSchema = z.object({
  file: infoSchema,
  created: z.boolean().optional(),
  conflict: z.object({ keptAs: z.string() }).optional(),
});
export type Written = z.infer<typeof writtenSchema>;

export interface Listing {
  entries: readonly Entry[];
  truncated: boolean;
}

export interface FileContent {
  bytes: Blob;
  mediaType: string;
  etag: string | null;
  /** Of the whole file; `bytes` holds it all. */
  sizeBytes: number;
}

export interface FileStore {
  subscribe(listener: () => void): () => void;
  /** Grows with every change that was heard of: a dependency for effects that read. */
  revision(): number;
  /** The known listing of a directory; `undefined` until it has been loaded. */
  listing(directory: string): Listing | undefined;
  load(directory: string): Promise<void>;
  /** Paths changed, here or elsewhere: known listings are read again. */
  changed(paths: readonly string[]): void;
  /** Reads every known listing again: anything may have changed. */
  refresh(): void;
  /** The file's content, or that of one of its versions. */
  content(path: string, version?: string): Promise<FileContent>;
  /** Where the file can be downloaded from. */
  contentUrl(path: string): string;
  /** An address on the content host that shows the file in a frame. Good for minutes, and for whoever has it. */
  link(path: string): Promise<string>;
  versions(path: string): Promise<FileVersion[]>;
  deleted(): Promise<FileVersion[]>;
  restore(path: string, version: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Overwrites a text file if its etag is still the known one; else both are kept and `conflict` says where. */
  save(path: string, text: string, etag: string | null): Promise<Written>;
  /** Uploads under a free name in a directory; resolves with the path. `progress` is between 0 and 1. */
  upload(
    directory: string,
    file: File,
    options: { progress(done: number): void; signal: AbortSignal },
  ): Promise<string>;
}

/** The directory of a path; the root is `""`. */
export const directoryOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf("/"), 0));
export const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

export function fileStore(api: Api, handle: string): FileStore {
  const base = `/api/agents/${encodeURIComponent(handle)}/files`;
  const listeners = new Set<() => void>();
  const listings = new Map<string, Listing>();
  let revision = 0;

  const publish = () => {
    revision += 1;
    for (const listener of listeners) listener();
  };
  const contentUrl = (path: string) => `${base}/content?path=${encodeURIComponent(path)}`;

  async function load(directory: string): Promise<void> {
    try {
      listings.set(directory, await api.get(`${base}?path=${encodeURIComponent(directory)}`, listingSchema));
    } catch (error) {
      // A directory exists only while something is in it.
      if (error instanceof ApiError && error.status === 404 && directory) listings.delete(directory);
      else throw error;
    } finally {
      publish();
    }
  }

  function changed(paths: readonly string[]): void {
    const stale = new Set<string>();
    for (const path of paths) {
      // Every directory on the way: the first file in a new directory makes the directory appear.
      for (let at = path; at; at = directoryOf(at))
        if (listings.has(directoryOf(at))) stale.add(directoryOf(at));
    }
    publish();
    reread(stale);
  }

  // A listing that cannot be read again now stays as it was; opening it says why.
  function reread(directories: Iterable<string>): void {
    for (const directory of directories) load(directory).catch(() => {});
  }

  return {
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    revision: () => revision,
    listing: (directory) => listings.get(directory),
    load,
    changed,
    refresh: () => reread([...listings.keys()]),
    contentUrl,
    link: async (path) => (await api.get(`${base}/link?path=${encodeURIComponent(path)}`, linkSchema)).url,
    content: async (path, version) => {
      const of = version === undefined ? "" : `&version=${encodeURIComponent(version)}`;
      const response = await api.call(contentUrl(path) + of);
      const bytes = await response.blob();
      return {
        bytes,
        mediaType: mediaTypeOf(response.headers.get("content-type")),
        etag: response.headers.get("etag"),
        sizeBytes: bytes.size,
      };
    },
    versions: async (path) =>
      (await api.get(`${base}/versions?path=${encodeURIComponent(path)}`, versionsSchema)).versions,
    deleted: async () => (await api.get(`${base}/deleted`, versionsSchema)).versions,
    restore: async (path, version) => {
      await api.send("POST", `${base}/restore`, { path, version }, z.unknown());
      changed([path]);
    },
    remove: async (path) => {
      await api.call(contentUrl(path), { method: "DELETE" });
      changed([path]);
    },
    save: async (path, text, etag) => {
      const headers: Record<string, string> = { "content-type": "text/plain; charset=utf-8" };
      if (etag) headers["if-match"] = etag;
      const response = await api.call(contentUrl(path), { method: "PUT", headers, body: text });
      const written = writtenSchema.parse(await response.json());
      changed([path, ...(written.conflict ? [written.conflict.keptAs] : [])]);
      return written;
    },
    upload: async (directory, file, { progress, signal }) => {
      const wanted = directory ? `${directory}/${file.name}` : file.name;
      await load(directory);
      const taken = new Set(listings.get(directory)?.entries.map((entry) => entry.path));
      const attempt = Array.from({ length: NAME_ATTEMPTS }, (_, at) => freeName(wanted, at));
      // When all are taken, or one is meanwhile, the server keeps both and says what it called ours.
      const path = attempt.find((name) => !taken.has(name)) ?? freeName(wanted, 0);
      const response = await put(contentUrl(path), file, progress, signal);
      if (!response.ok) throw await api.failure(response);
      const written = writtenSchema.parse(await response.json());
      const kept = written.conflict?.keptAs ?? written.file.path;
      changed([kept]);
      return kept;
    },
  };
}

const mediaTypeOf = (header: string | null): string =>
  (header ?? "application/octet-stream").split(";")[0]?.trim().toLowerCase() ?? "";

// `fetch` tells nothing of how far an upload is; XMLHttpRequest does.
function put(
  url: string,
  file: File,
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    request.setRequestHeader("if-none-match", "*");
    request.setRequestHeader("content-type", file.type || "application/octet-stream");
    request.upload.onprogress = (event) => {
      if (event.lengthComputable && event.total > 0) progress(event.loaded / event.total);
    };
    request.onload = () => resolve(new Response(request.responseText || null, { status: request.status }));
    request.onerror = () => reject(new ApiError("unreachable", texts.errors.unreachable, 0));
    request.onabort = () => reject(new DOMException("The upload was taken back.", "AbortError"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}
