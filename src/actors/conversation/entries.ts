/**
 * The journal's entries. One append-only list of these is the truth of a conversation; everything else is a fold.
 * Payloads are JSON; every kind has a version, so that old journals stay readable.
 */
import type { ErrorCode } from "../../errors.ts";
import type { AnswerPart } from "../../model/port.ts";
import type { ChatPart, Outcome, Usage } from "../../protocol/message.ts";
import type { Sender } from "../../protocol/rpc.ts";
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
  ask: 1,
  decide: 1,
  expire: 1,
  amend: 1,
  compact: 1,
  lease: 1,
  release: 1,
  end: 1,
  undo: 1,
  fork: 1,
  erase: 1,
  note: 1,
} as const;

export type { Sender };

export type EntryKind = keyof typeof ENTRY_VERSION;

export { senderOf } from "../../protocol/sender.ts";

/** A user's message as the journal keeps it. `id` is the client's, unique in the thread. */
export interface StoredMessage {
  id: string;
  parts: ChatPart[];
  /** In a team's chat: the name of who wrote it, for the model. */
  from?: string;
  /** Only in what stands in for an erased payload: `alone` when its answer stayed, `whole` when that went too. */
  erased?: "alone" | "whole";
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
  /** Set when a message is sent again in other words: that user message and all behind it leave the transcript. */
  replaces?: string;
  /**
   * The messages join a turn that exists already (`turn` names it). `burst`: it has not begun and waits for more of the
   * same sender; `steer`: it is running, and they are read before its next call.
   */
  joins?: "burst" | "steer";
  /** The turn does not begin before; more of a burst may come. */
  holdUntil?: number;
  /** Where a reply is owed, besides the transcript. */
  reply?: ReplyAddress;
  /** What was said before, elsewhere, as a program tells it. It goes onto the transcript in front of the messages. */
  history?: SaidBefore[];
  /** Of a program, for this turn only. */
  instructions?: string;
  /** The most that one of the turn's answers may have, where that is less than ours. */
  maxOutputTokens?: number;
  /** Only in what stands in for an erased payload: the whole turn was erased. */
  erased?: true;
}

export interface SaidBefore {
  role: "user" | "assistant";
  parts: ChatPart[];
}

/** A place on a channel that wants the answer. Opaque to the conversation; the channel's driver made it. */
export interface ReplyAddress {
  channel: string;
  /** The channel's own words for the place: a chat, a thread, a message to answer. */
  to: Record<string, string>;
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
  /** Reserved for the call's worst case, in micro-dollars; 0 for a free model. */
  reservationMicros: number;
  /** The same in tokens; absent or 0 for a free model, whose tokens do not count. */
  reservationTokens?: number;
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
  /** The provider refused the call before anything was generated: it costs nothing. */
  unbilled?: true;
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

/** A tool of risk `ask` waits for a person. Written before any of its round's tools run. */
export interface AskEntry extends Base {
  kind: "ask";
  turn: string;
  round: number;
  /** The tool call's id. */
  id: string;
  name: string;
  input: string;
  /** Undecided until then counts as no. */
  expiresAt: number;
}

/** Someone with the right to it decided. The first decision counts; later ones are never written. */
export interface DecideEntry extends Base {
  kind: "decide";
  turn: string;
  id: string;
  approved: boolean;
  by: Sender;
  /** Where it was said: `chat`, `http`, or a channel. */
  source: string;
  comment?: string;
}

/** Nobody decided in time. */
export interface ExpireEntry extends Base {
  kind: "expire";
  turn: string;
  id: string;
}

/** A message that waits was changed before its turn came. */
export interface AmendEntry extends Base {
  kind: "amend";
  /** The turn that waits. */
  turn: string;
  by: Sender;
  /** `edit` and `delete` name one of its messages; `steer` moves all of them into the running turn `into`. */
  change:
    | { action: "edit"; message: string; parts: ChatPart[] }
    | { action: "delete"; message: string }
    | { action: "steer"; into: string };
}

/** A summary stands in for the oldest part of the transcript. That part stays readable and searchable. */
export interface CompactEntry extends Base {
  kind: "compact";
  /** The call that made it. */
  call: { turn: string; round: number; attempt: number };
  /** How many items of the transcript it covers, from the beginning. */
  covered: number;
  summary: string;
  model: string;
  usage: Usage;
  priceMicros: number;
  keeps?: true;
}

/** A prepaid block of money that the user's purse granted to this conversation. See `purse.ts`. */
export interface LeaseEntry extends Base {
  kind: "lease";
  /** The day that it is for, `YYYY-MM-DD` in UTC. */
  day: string;
  /** Grows with every lease of the conversation; one that is not above the known number counts for nothing. */
  number: number;
  micros: number;
  tokens: number;
}

/** What was leased and is free goes back to the user's purse, which asked for it. See `purse.ts`. */
export interface ReleaseEntry extends Base {
  kind: "release";
  /** Leases up to this number are void if they did not come before. */
  number: number;
}

/** The turn's single terminal outcome. */
export interface EndEntry extends Base {
  kind: "end";
  turn: string;
  outcome: Outcome;
  /** What is left of the lease stays for the next turn. Without it, as in earlier journals, it went back here. */
  keeps?: true;
  error?: { code: string; message: string };
  /** Who stopped it. */
  by?: Sender;
}

/**
 * An overlay: takes off the transcript everything before it (`all`), or the newest question with its answer (`last`).
 * The entries stay.
 */
export interface UndoEntry extends Base {
  kind: "undo";
  scope: "all" | "last";
  by: Sender;
}

/**
 * Everything before it was copied from another journal, byte for byte. What was running or waiting there ends here
 * without a word: nothing of it is gone on with.
 */
export interface ForkEntry extends Base {
  kind: "fork";
  /** The conversation that it was copied from, or `file` for an import. */
  from: string;
  /** The newest entry that was copied. */
  seq: number;
  by: Sender;
}

/**
 * Payloads of these entries were removed; their heads stay, so that the chain still verifies. What stands in for them
 * (see `stand-in.ts`) is named by its hash, entry by entry: it cannot be changed afterwards either.
 */
export interface EraseEntry extends Base {
  kind: "erase";
  entries: number[];
  by: Sender;
  hashes?: string[];
}

/** Texts that calls name by hash, and remarks. */
export interface NoteEntry extends Base {
  kind: "note";
  topic: "prompt" | "tools" | "late" | "compact-failed";
  hash?: string;
  text: string;
  /** Of `compact-failed`, as at an end. */
  keeps?: true;
}

export type Entry =
  | InputEntry
  | CallEntry
  | BeganEntry
  | AnswerEntry
  | FaultEntry
  | IntentEntry
  | ResultEntry
  | AskEntry
  | DecideEntry
  | ExpireEntry
  | AmendEntry
  | CompactEntry
  | LeaseEntry
  | ReleaseEntry
  | EndEntry
  | UndoEntry
  | ForkEntry
  | EraseEntry
  | NoteEntry;

/** An entry of a kind that this code does not know: carried, never fatal. */
export interface UnknownEntry {
  kind: string;
}

const PROGRESS: ReadonlySet<string> = new Set(["answer", "result", "end"] satisfies EntryKind[]);

/** Whether entries of a kind move a turn forward: a turn with them is not a stuck one. */
export const isProgressKind = (kind: string): boolean => PROGRESS.has(kind);

export const isProgress = (entry: Entry): boolean => isProgressKind(entry.kind);
