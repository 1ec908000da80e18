/** The contract of a tool: one file a tool, all of them listed in `registry.ts`. */
import type { z } from "zod";
import type { SchedulesPort } from "../schedule/port.ts";

/** What a call may touch. Decides whether a person is asked first. */
export type Risk = "auto" | "ask" | "deny";

/**
 * What may happen to a call that was cut off. `safe`: it runs again with the same idempotency key.
 * `unsafe`: it never runs again; the model and the reader are told that its outcome is unknown.
 */
export type Replay = "safe" | "unsafe";

/** One call, as the journal's `intent` names it. */
export interface ToolCall {
  id: string;
  /** Contains the thread's id; the same for every run of this call. */
  idempotencyKey: string;
  userId: string;
  thread: string;
}

/** What tools see of the world. Built by the conversation's shell for one user; there is no way to another's. */
export interface ToolPorts {
  files: Workspace;
  /** The chat's schedules; absent where a tool runs outside one. */
  schedules?: SchedulesPort;
  now(): number;
}

export interface ToolContext {
  call: ToolCall;
  ports: ToolPorts;
  /** Aborted when the turn is stopped or the tool's time is over. */
  signal: AbortSignal;
  /** Shown live on the tool's card; not kept. */
  progress(text: string): void;
}

/** What a tool hands back. `output` is JSON and goes to the model and the card. */
export interface ToolOutcome {
  output: unknown;
  /** Workspace paths that changed, so that open file panels refresh. */
  changed?: string[];
}

export interface Tool<I = unknown> {
  name: string;
  description: string;
  input: z.ZodType<I>;
  risk: Risk;
  replay: Replay;
  /** What a call leaves behind: nothing, changes to the workspace (with versions to go back to), or things elsewhere. */
  effects: "none" | "workspace" | "outside";
  timeoutMs: number;
  /** Expected failures are thrown as `AppError`: the model reads code and message and may try again. */
  run(input: I, context: ToolContext): Promise<ToolOutcome>;
}

// --- the workspace: one user's files ------------------------------------------------------------------------

export interface FileInfo {
  /** Path inside the workspace, normalised: no leading slash, no `.` or `..`. */
  path: string;
  sizeBytes: number;
  /** Milliseconds since the epoch. */
  modifiedAt: number;
  /** Changes with the content; given back for a conditional write. */
  etag: string;
  mediaType: string;
}

export interface FileVersion {
  /** Opaque id, valid for this path only. */
  id: string;
  path: string;
  sizeBytes: number;
  /** When this version stopped being the current one. */
  replacedAt: number;
  /** Why it stopped: it was overwritten, or the file was deleted. */
  reason: "overwritten" | "deleted";
}

export interface DirectoryEntry {
  name: string;
  path: string;
  kind: "file" | "directory";
  sizeBytes?: number;
  modifiedAt?: number;
}

export interface WriteResult {
  /** Where the text went: on a conflict the other path. */
  file: FileInfo;
  created: boolean;
  /** Set when somebody else had changed the file: their text stayed, and ours went to this other path. */
  conflict?: { keptAs: string };
}

/** What a file's text becomes, and a note that a repeated call gets back. The note has at most 200 characters. */
export interface Change {
  text: string;
  note: string;
}

/** One user's files on R2. Every overwrite and delete leaves a version behind for `limits.versionsKeptMs`. */
export interface Workspace {
  /** The whole file, or a part of it that it has. Throws `file_unknown`, `path_invalid`. */
  read(
    path: string,
    range?: { offset: number; length: number },
  ): Promise<{ info: FileInfo; body: ReadableStream<Uint8Array> }>;
  /** `null` when there is no such file. */
  stat(path: string): Promise<FileInfo | null>;
  /**
   * Writes the whole file. With `ifEtag` (a known etag, or `null` for "must not exist yet") a file that changed
   * meanwhile is not overwritten: both are kept and `conflict` says where ours went.
   */
  write(
    path: string,
    body: string | ArrayBuffer | Uint8Array | ReadableStream<Uint8Array>,
    options?: { ifEtag?: string | null; mediaType?: string; key?: string },
  ): Promise<WriteResult>;
  /**
   * Changes a text file on condition that nobody else does meanwhile; when somebody did, `change` is asked again.
   * With a key that was used for this file before, `change` is not asked and the earlier outcome comes back.
   * Throws `file_unknown`, `bad_request` (not UTF-8 text), `body_too_large`, and what `change` throws.
   */
  update(
    path: string,
    change: (text: string) => Change,
    options?: { key?: string },
  ): Promise<{ file: FileInfo; note: string }>;
  /** Says which version brings the file back. With a key, a second run has the same result. Throws `file_unknown`. */
  delete(path: string, options?: { key?: string }): Promise<FileVersion>;
  /** One level of a directory, directories first; the root is `""`. */
  list(directory: string): Promise<{ entries: DirectoryEntry[]; truncated: boolean }>;
  /** Every file under a directory, depth first, at most `limits.listEntries`. */
  walk(directory: string): Promise<{ files: FileInfo[]; truncated: boolean }>;
  /** Newest first; those older than `limits.versionsKeptMs` are gone. */
  versions(path: string): Promise<FileVersion[]>;
  /** One version's content; `info.modifiedAt` is when it was put aside. Throws `version_unknown`. */
  readVersion(path: string, version: string): Promise<{ info: FileInfo; body: ReadableStream<Uint8Array> }>;
  /** Deleted files that can still come back. */
  deleted(): Promise<FileVersion[]>;
  /** The version's content becomes the current one; what it replaces becomes a version. Throws `version_unknown`. */
  restore(path: string, version: string): Promise<FileInfo>;
  /** Removes a file and all of its earlier versions for good. One that is not there is no error. */
  purge(path: string): Promise<void>;
}
