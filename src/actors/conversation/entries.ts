/**
 * The journal's entries. One append-only list of these is the truth of a conversation; everything else is a fold.
 * Payloads are JSON; every kind has a version, so that old journals stay readable.
 */
import type { ErrorCode } from "../../errors.ts";
import type { AnswerPart } from "../../model/port.ts";
import type { ChatPart, Outcome, Usage } from "../../protocol/message.ts";
import type { Replay } from "../../tools/tool.ts";

/** The version that this code writes, by kind. Readers accept any and carry what they do not know. */
export const ENTRY_VERSION = {
  input: 1,
  call: 1,
  began: 1,
  answer: 1,
  fault: 1,
  intent: 1,
  result: 1,
  end: 1,
  undo: 1,
  note: 1,
} as const;

export type EntryKind = keyof typeof ENTRY_VERSION;

export interface Sender {
  id: string;
  name: string;
}

/** A user's message as the journal keeps it. `id` is the client's, unique in the thread. */
export interface StoredMessage {
  id: string;
  parts: ChatPart[];
}

interface Base {
  /** When it was written, in milliseconds since the epoch. */
  at: number;
}

/** Something to answer. Committed before anyone is told that it was accepted. */
export interface InputEntry extends Base {
  kind: "input";
  turn: string;
  /** The client's id for the request: frames of the answer carry it. */
  request: string;
  /** Deduplication keys; an input all of whose keys were seen is never written. */
  keys: string[];
  source: string;
  sender: Sender;
  messages: StoredMessage[];
  /** Set when an answer is asked for again: the user message whose answer is replaced. */
  regenerate?: string;
}

/** Written before a model is called. The hashes name `note` entries that hold the texts, for replay. */
export interface CallEntry extends Base {
  kind: "call";
  turn: string;
  round: number;
  attempt: number;
  model: string;
  /** SHA-256 of the request, chained message by message. */
  fingerprint: string;
  prompt: string;
  tools: string;
  maxOutputTokens: number;
  /** Budget of the window that the model saw. */
  windowTokens: number;
  /** Reserved for the call's worst case, in micro-dollars. */
  reservationMicros: number;
}

/** The first bytes came. */
export interface BeganEntry extends Base {
  kind: "began";
  turn: string;
  round: number;
  attempt: number;
  run: string;
}

/** The model's message is complete (or was stopped: `partial`). */
export interface AnswerEntry extends Base {
  kind: "answer";
  turn: string;
  round: number;
  attempt: number;
  parts: AnswerPart[];
  usage: Usage;
  finish: string;
  model: string;
  priceMicros: number;
  partial?: true;
}

/** A call ended without an answer. `retryAt` is set when it will be made again. */
export interface FaultEntry extends Base {
  kind: "fault";
  turn: string;
  round: number;
  attempt: number;
  code: ErrorCode;
  message: string;
  retryAt?: number;
}

/** Written before a tool runs. */
export interface IntentEntry extends Base {
  kind: "intent";
  turn: string;
  round: number;
  id: string;
  name: string;
  /** Raw JSON as the model wrote it. */
  input: string;
  replay: Replay;
  key: string;
}

/** Written after it. Exactly one of `output`, `error`, `interrupted` is set. */
export interface ResultEntry extends Base {
  kind: "result";
  turn: string;
  id: string;
  output?: unknown;
  error?: { code: string; message: string };
  interrupted?: true;
  /** The turn had ended when this came: kept, and changes nothing. */
  late?: true;
}

/** The turn's single terminal outcome. */
export interface EndEntry extends Base {
  kind: "end";
  turn: string;
  outcome: Outcome;
  error?: { code: string; message: string };
}

/** An overlay: everything before it is taken off the transcript. The entries stay. */
export interface UndoEntry extends Base {
  kind: "undo";
  scope: "all";
  by: Sender;
}

/** Texts that calls name by hash, and remarks. */
export interface NoteEntry extends Base {
  kind: "note";
  topic: "prompt" | "tools" | "late";
  hash?: string;
  text: string;
}

export type Entry =
  | InputEntry
  | CallEntry
  | BeganEntry
  | AnswerEntry
  | FaultEntry
  | IntentEntry
  | ResultEntry
  | EndEntry
  | UndoEntry
  | NoteEntry;

/** An entry of a kind that this code does not know: carried, never fatal. */
export interface UnknownEntry {
  kind: string;
}

/** Whether an entry moves a turn forward: such a turn is not a stuck one. */
export const isProgress = (entry: Entry): boolean =>
  entry.kind === "answer" || entry.kind === "result" || entry.kind === "end";
