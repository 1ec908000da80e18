/**
 * What the router, the actors and the tools know of one another: RPC interfaces and the records that cross them.
 * The classes implement these; nobody imports a class of another room.
 */

import type { AnswerReport } from "./ask.ts";
import type { HooksRpc } from "./hooks.ts";
import type { KeysRpc } from "./keys.ts";
import type { ChangesUpdate, Erased, EraseRequest, LogRpc } from "./log.ts";
import type { ScheduleInfo, ScheduleStep, SchedulesUpdate } from "./schedules.ts";
import type { SearchPage, SearchPlace, SearchUpdate } from "./search.ts";
import type { SharesRpc } from "./shares.ts";
import { type AccountRpc, TEAM_ROLES, type TeamRole, type TeamRpc } from "./teams.ts";
import type { UsageReport } from "./usage.ts";
import type { VaultRpc } from "./vault.ts";

export type { SearchHit, SearchMessage, SearchPage, SearchPlace, SearchUpdate } from "./search.ts";

export type Role = "admin" | "member" | "guest" | "service" | "key" | "hook" | "link";

/**
 * Who is asking. Made by the router from a verified token, key, signature or link, never from anything a client wrote.
 * A key, a hook and a link act for the agent that they belong to and carry the id of who made them.
 */
export interface Principal {
  kind: "person" | "service" | "key" | "hook" | "link";
  /** Opaque id of the user row in the catalog: `u` and 20 characters of base32. */
  userId: string;
  /** The user's handle, as in `/@alice`. */
  handle: string;
  /** E-mail of a person, common name of a service, the name that a key, a hook or a link was given. */
  name: string;
  role: Role;
  /** The request that it came with: why something happened. */
  request: string;
  /** What a key may do. */
  scopes?: readonly KeyScope[];
  /** Of a key, a hook or a link: its own id, and the id of the user or team whose agent it belongs to. */
  of?: { id: string; ownerId: string };
}

/** `chat`: talk to the agent. `read`: read what it answered, and which models there are. */
export const KEY_SCOPES = ["chat", "read"] as const;
export type KeyScope = (typeof KEY_SCOPES)[number];

/** Who did something, as it is kept. `request`: the id of the request that it came with. */
export interface Sender {
  id: string;
  name: string;
  /** Absent for a person. */
  kind?: Exclude<Principal["kind"], "person">;
  request?: string;
}

/** Which agent a request is about: that of a user or of a team. */
export interface AgentAddress {
  ownerId: string;
  handle: string;
}

/** What stands between a principal and the owner of something. A team's members are its owners, writers or readers. */
export type Relation = "self" | TeamRole | "stranger";
export { TEAM_ROLES, type TeamRole };

/** What a socket may be used for: decided by policy when it opens. When that changes, it is closed. */
export interface Rights {
  write: boolean;
  /** Decide on tool calls that wait for approval. */
  decide: boolean;
}

/** What a user has set for their agent. */
export interface AgentSettings {
  /** Name that the agent goes by. */
  name: string;
  /** Added to the system prompt. */
  instructions: string;
  /** `provider/model`, or empty for the deployment's default. */
  model: string;
  /** IANA name of the user's time zone, for schedules and dates; `UTC` until it is known. */
  timeZone: string;
  /** What the user wants done before a tool runs, by tool name; a tool that is not named here has its own risk. */
  toolRisks: Record<string, "auto" | "ask" | "deny">;
  /** Grows with every change; travels with the settings so that a late copy never wins. */
  version: number;
}

/** `asking`: it waits for a person's approval. */
export type ThreadStatus = "idle" | "working" | "asking" | "failed";

/** One row of the list of chats. */
export interface ThreadSummary {
  /** The thread's slug, as in `/@alice/<thread>`. */
  id: string;
  title: string;
  /** The beginning of the newest text, at most 140 characters. */
  preview: string;
  status: ThreadStatus;
  /** Milliseconds since the epoch. */
  createdAt: number;
  updatedAt: number;
  /** Answers that are owed to a channel and could not be delivered; absent for none. */
  undelivered?: number;
}

/** What a conversation tells its user actor. Idempotent: an update with a `seq` not above the known one is dropped. */
export interface ThreadUpdate {
  thread: string;
  /** The journal's sequence number that this update describes. */
  seq: number;
  status: ThreadStatus;
  /** A title for a thread that has none yet; a title that a person gave stays. */
  suggestedTitle: string;
  preview: string;
  /** Milliseconds since the epoch. */
  at: number;
  /** Tokens that this turn used; zero while it runs. */
  inputTokens: number;
  outputTokens: number;
  /** True for news that need not survive a restart (a turn began): shown on the feed, not stored. */
  transient: boolean;
  /** How many answers could not be delivered. An update with it says nothing else about a thread that is listed. */
  undelivered?: number;
  /** What it changed since it was last told of; absent for news that need not survive. */
  changes?: ChangesUpdate;
  /** How the conversation stands with the purse; absent when nothing of it was ever priced. */
  purse?: PurseStatement;
}

/** Messages on the feed socket, server to console. */
export type FeedEvent =
  | { type: "threads"; threads: ThreadSummary[] }
  | { type: "thread"; thread: ThreadSummary }
  | { type: "thread_removed"; thread: string }
  | { type: "settings"; settings: AgentSettings }
  | { type: "files"; paths: string[] };

/** What a conversation spent in one day, and what it holds of what it was granted for that day. */
export interface PurseDay {
  /** `YYYY-MM-DD` in UTC. */
  day: string;
  spentMicros: number;
  spentTokens: number;
  /** Granted and neither spent nor given back: free to spend, or reserved for calls that run. */
  heldMicros: number;
  heldTokens: number;
}

/** How a conversation stands with its user's purse. A snapshot, so that it may be told any number of times. */
export interface PurseStatement {
  /** The journal's sequence number that it describes. */
  seq: number;
  /** The newest lease that was taken or given up: grants up to this number are in `days`, or void. */
  lease: number;
  /** The newest day, and the one before. Empty when nothing was ever priced. */
  days: PurseDay[];
}

/** A conversation asks for money before a call. */
export interface LeaseRequest {
  thread: string;
  /** The day that it is for, by the asker's clock. */
  day: string;
  /** One above the newest of the statement. Asked again with the same number, the same grant comes back. */
  number: number;
  /** What the call's worst case takes beyond what the conversation holds. */
  micros: number;
  tokens: number;
  /** The least that is of use: the same call with the shortest answer that is worth it. */
  leastMicros: number;
  leastTokens: number;
  statement: PurseStatement;
  /** The position that a `stale` answer named. It shows that this is no late copy, so that its statement counts. */
  after?: number;
}

/**
 * Whose budget ended the spending. Today a user has one for the day, set for the whole deployment; budgets of a thread
 * or of a turn join this union when they exist.
 */
export type BudgetScope = "user-day";

export interface BudgetRefusal {
  scope: BudgetScope;
  of: "money" | "tokens";
  /** Micro-dollars or tokens, as `of` says. */
  limit: number;
  spent: number;
  /** Set aside by conversations. */
  reserved: number;
}

export type LeaseAnswer =
  | {
      type: "granted";
      number: number;
      micros: number;
      tokens: number /** There was less than was asked for. */;
      short: boolean;
    }
  | { type: "refused"; refusal: BudgetRefusal }
  /**
   * The purse knows of newer statements or leases than this: it is a late copy that nobody waits for, or the journal
   * was restored to an earlier state. Who is alive asks again, with `number` and with `seq` as `after`.
   */
  | { type: "stale"; number: number; seq: number };

/** The user actor, one per user or team. What belongs together is a part of its own; see `facets`. `fetch` takes the feed's WebSocket upgrade. */
export interface UserRpc {
  settings(): Promise<AgentSettings>;
  changeSettings(
    change: Partial<Pick<AgentSettings, "name" | "instructions" | "model" | "timeZone" | "toolRisks">>,
    by: Sender,
  ): Promise<AgentSettings>;
  /** Newest first. `query` matches titles and previews, case folded. */
  threads(options: { query?: string; limit?: number }): Promise<ThreadSummary[]>;
  /** Throws `thread_unknown`. */
  renameThread(thread: string, title: string, by: Sender): Promise<ThreadSummary>;
  /** Takes the thread off the list; its journal stays. Throws `thread_unknown`. */
  archiveThread(thread: string, by: Sender): Promise<void>;
  /**
   * Null, or when it does not know all that the chat changed before `update.changes`, the newest entry that it knows of:
   * then nothing was taken, and it has to be told from there.
   */
  threadChanged(update: ThreadUpdate): Promise<number | null>;
  /** The schedules of all chats, in the order in which they come; paused ones last. */
  schedules(): Promise<ScheduleInfo[]>;
  /** A conversation's schedules changed. */
  schedulesChanged(update: SchedulesUpdate): Promise<void>;
  /** A listed thread is a fork of another one: it gets its title, with a remark. Throws `thread_unknown`. */
  threadCopied(thread: string, from: string, by: Sender): Promise<void>;
  /** Deletes a chat for good, its conversation included. The name is not used again. May be called again. */
  deleteThread(thread: string, by: Sender): Promise<void>;
  /** Whether a chat of that name was deleted for good. */
  threadDeleted(thread: string): Promise<boolean>;
  /** Grants a block of money to a conversation. Idempotent by thread and number. */
  lease(request: LeaseRequest): Promise<LeaseAnswer>;
  usage(): Promise<UsageReport>;
  /**
   * Takes texts for search and says how far the index is; `matched` false when it knows none of the places, and then
   * nothing changed. Sending the same again changes nothing.
   */
  indexThread(update: SearchUpdate): Promise<SearchPlace & { matched: boolean }>;
  /** Removes a thread from search for good. A conversation that goes on sends its transcript anew. */
  forgetThread(thread: string): Promise<void>;
  /** Messages that hold all words and "phrases" of `text`; the last word may be incomplete. */
  search(query: { text: string; thread?: string; limit?: number; before?: number }): Promise<SearchPage>;
  /** Paths in the workspace that changed; broadcast, never stored. */
  filesChanged(paths: string[]): Promise<void>;
  readonly log: LogRpc;
  readonly team: TeamRpc;
  readonly keys: KeysRpc;
  readonly hooks: HooksRpc;
  readonly vault: VaultRpc;
  readonly shares: SharesRpc;
  readonly account: AccountRpc;
}

/** A message for a conversation that did not come over its socket (HTTP API, hook, channel). */
export interface InboundMessage {
  /** Deduplication key: an input with a key that the thread has seen is not accepted again. */
  key: string;
  source: string;
  text: string;
  /** `steer` joins the running turn, if there is one. */
  mode?: "queue" | "steer";
  /** More may follow at once (`limits.burstMs`): messages of one sender are answered together. */
  burst?: boolean;
  /** Where the answer is owed, besides the transcript. */
  reply?: { channel: string; to: Record<string, string> };
}

/** A turn's answer for one place on a channel, as long as it is not delivered. */
export interface Delivery {
  id: string;
  turn: string;
  channel: string;
  to: Record<string, string>;
  /** `running`: its turn is; `owed`: it is being tried; `dead`: it waits for a person. */
  state: "running" | "owed" | "dead";
  /** The beginning of the text, or of the first part that is dead. */
  text: string;
  /** Messages that it takes, and how many of them are left. */
  parts: number;
  left: number;
  attempts: number;
  /** Why the newest attempt failed; empty when none did. */
  error: string;
  /** Milliseconds since the epoch: since when it stands so, and when it is tried next. */
  at: number;
  nextAt?: number;
}

export interface Accepted {
  turn: string;
  /** False when the key had been seen: the earlier turn is the one that counts. */
  fresh: boolean;
}

/** An effect on the world outside that taking a turn back does not undo. */
export interface RemainingEffect {
  tool: string;
  /** What it did, in a line. */
  what: string;
  /** False when the call was cut off: it may or may not have happened. */
  certain: boolean;
  /** How to take it back by hand, where there is a way. */
  remedy?: string;
}

export interface Undone {
  /** The text of what was asked, for asking again. */
  text: string;
  messageIds: string[];
  effects: RemainingEffect[];
}

export interface Decision {
  counted: boolean;
  approved: boolean;
  /** Who decided: with `counted` false, whose decision it was that counted. */
  by: string;
}

/** The conversation actor, one per thread. `fetch` takes the chat's WebSocket upgrade and `get-messages`. */
export interface ConversationRpc {
  send(principal: Principal, message: InboundMessage): Promise<Accepted>;
  /** The user's settings changed: forget the cached copy. */
  settingsChanged(settings: AgentSettings): Promise<void>;
  /** Decides on a tool call that waits. Throws `approval_unknown`. */
  decide(
    principal: Principal,
    call: string,
    decision: { approved: boolean; source: string; comment?: string },
  ): Promise<Decision>;
  /** Takes the newest question and its answer off the transcript; a running turn is stopped first. Throws `nothing_to_undo`. */
  undo(principal: Principal): Promise<Undone>;
  /** Deliveries that are not done: running, owed and dead, in order. */
  outbox(): Promise<Delivery[]>;
  /** Sends a dead letter again. Throws `delivery_unknown`. */
  resendDelivery(id: string): Promise<void>;
  /** Gives up a delivery that is owed or dead. Throws `delivery_unknown`. */
  dropDelivery(id: string): Promise<void>;
  /**
   * The user's purse wants back what was leased and is free. `newest`: the number of its last grant, so that one that
   * is still on its way counts for nothing. Says how the chat stands then; null when there is no such chat.
   */
  returnLease(newest: number): Promise<PurseStatement | null>;
  /**
   * Closes the sockets of a user with 4403 and a sentence; those that arrived after number `upTo` stay (null: none
   * does). See `TeamRpc.arrived`.
   */
  disconnect(userId: string, reason: string, upTo: number | null): Promise<void>;
  /** Erases a message; a turn that answers it is stopped first. Throws `not_found`. */
  erase(principal: Principal, request: EraseRequest): Promise<Erased>;
  /** Entries of the journal, as far as they exist. */
  details(seqs: number[]): Promise<Record<number, JournalLine>>;
  /** Stops what runs, in somebody's name. False when nothing ran. */
  stop(principal?: Principal): Promise<boolean>;
  /** How a turn stands that the key asked for; null when there is none, and then no chat is made for it. */
  answer(principal: Principal, turn: string): Promise<AnswerReport | null>;
  /** Stops it, if it is still being given, and says how it stands then. */
  cancelAnswer(principal: Principal, turn: string): Promise<AnswerReport | null>;
  /** Looks at the chat's schedules or changes them; see `ScheduleStep`. Throws `schedule_unknown`, `schedule_invalid`. */
  schedules(principal: Principal, step: ScheduleStep): Promise<ScheduleInfo[]>;
  /**
   * Copies what came before a message into the unused thread `into` of the same user. At a user message the text of it
   * comes back as `draft`. Throws `not_found`, `bad_request`, `thread_exists`.
   */
  fork(principal: Principal, into: string, message?: string): Promise<{ draft?: string }>;
  /** Of one conversation to another: takes a piece of its journal. Nothing of it is visible before the end. */
  copy(step: CopyStep): Promise<void>;
  /**
   * Deletes everything that the conversation holds, whatever it is doing, and its memory too: the call breaks off when
   * it did. One that finds nothing resolves.
   */
  destroy(): Promise<void>;
}

/** One entry of a journal as it is kept: with the salt and the hashes that it has. `null`: the payload was erased. */
export interface JournalLine {
  seq: number;
  kind: string;
  v: number;
  hash: string;
  inner: string;
  salt: string | null;
  payload: string | null;
  /** What stands in for an erased payload. */
  left?: string | undefined;
}

/** A step of copying a journal. `source` is the name of the conversation that it comes from. */
export type CopyStep =
  /** The entries behind `after`, in the rows that hold them. */
  | { type: "page"; source: string; after: number; rows: JournalLine[][] }
  /** It is all there, up to the entry `seq` (0 for none). `from` is the source's thread, for the title. */
  | { type: "end"; source: string; seq: number; by: Sender; from: string }
  | { type: "abandon"; source: string };
