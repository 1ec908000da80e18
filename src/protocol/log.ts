/** What happened: changes, requests, and erasures, as they cross a boundary. */
import { z } from "zod";
import type { Sender } from "./rpc.ts";

/** Milliseconds since the epoch. */
const moment = z.number().int();

/** One thing that was changed, as the index knows it. What exactly is in the record itself, at `thread` and `seq`. */
export const changeRowSchema = z.object({
  /** Of the entry in the chat's journal, or of the record in the agent's own log. */
  seq: z.number().int(),
  at: moment,
  kind: z.string(),
  /** Who: id and name of a person, a service, a key, a hook or a link; of a tool its name. */
  byId: z.string(),
  byName: z.string(),
  /** `person`, `service`, `key`, `hook`, `link`, `tool` or `schedule`. */
  byKind: z.string(),
  /** Why: id of the request, the turn of a tool's call, or the schedule's occurrence. */
  request: z.string(),
});
export type ChangeRow = z.infer<typeof changeRowSchema>;

/** What a conversation hands over: all that it changed behind the entry `after`. */
export interface ChangesUpdate {
  after: number;
  rows: ChangeRow[];
}

/** A change in a list over chats, or over agents. */
export const changeSchema = changeRowSchema.extend({
  ownerId: z.string(),
  /** The chat; empty for a change of the agent itself. */
  thread: z.string(),
  /** What the record says; absent when it was not asked for, `null` when it was erased. */
  detail: z.record(z.string(), z.unknown()).nullable().optional(),
});
export type Change = z.infer<typeof changeSchema>;

/** `next` is there when there is more: `before` of the next page. */
export const changePageSchema = z.object({ changes: z.array(changeSchema), next: z.string().optional() });
export type ChangePage = z.infer<typeof changePageSchema>;

/** One guarded request. */
export const requestRowSchema = z.object({
  id: z.string(),
  at: moment,
  /** Empty id and name: nobody that we know. */
  principalId: z.string(),
  principal: z.string(),
  kind: z.string(),
  method: z.string(),
  /** The route's pattern, never the address. Empty where there is no such route. */
  route: z.string(),
  ownerId: z.string(),
  resource: z.string(),
  action: z.string(),
  /** `allow`, `watch` (allowed, and the owner was told) or `deny`. */
  verdict: z.enum(["allow", "watch", "deny"]),
  status: z.number().int(),
});
export type RequestRow = z.infer<typeof requestRowSchema>;

/** With the owner's present handle, for reading; `null` where the owner is gone. */
export const foundRequestSchema = requestRowSchema.extend({ ownerHandle: z.string().nullable() });
export type FoundRequest = z.infer<typeof foundRequestSchema>;

export const requestPageSchema = z.object({
  requests: z.array(foundRequestSchema),
  next: z.string().optional(),
});
export type RequestPage = z.infer<typeof requestPageSchema>;

/** What agents spent, by owner and day (UTC). Money in micro-dollars. */
export const usageDaySchema = z.object({
  ownerId: z.string(),
  /** The owner's present handle; `null` where the owner is gone. */
  ownerHandle: z.string().nullable(),
  day: z.string(),
  micros: z.number().int(),
  tokens: z.number().int(),
});
export const usagePageSchema = z.object({ days: z.array(usageDaySchema) });
export type UsageDayRow = z.infer<typeof usageDaySchema>;

/** One record of an agent's own log as it is kept: with its salt and its hashes. `null`: the payload was erased. */
export interface ChangeLine {
  seq: number;
  at: number;
  kind: string;
  v: number;
  hash: string;
  inner: string;
  salt: string | null;
  payload: string | null;
}

/** What an erasure of a message did. */
export const erasedSchema = z.object({
  /** Messages that are gone, answers too. */
  messages: z.array(z.string()),
  /** Entries of the journal whose payload is gone. */
  entries: z.number().int(),
  /** Files that the message brought, or that its tools wrote, and that are still there. */
  files: z.array(z.string()),
  /** Chats that were copied from this one and may hold the same. */
  copies: z.array(z.string()),
  /** Channels that the answer was sent to: what they showed is theirs. */
  channels: z.array(z.string()),
  /** Something could not be reached: it is gone on with, without anyone asking. */
  pending: z.boolean(),
});
export type Erased = z.infer<typeof erasedSchema>;

/** What is to be erased of a chat. */
export interface EraseRequest {
  /** Id of a user's message, or of an answer. */
  message: string;
  /** What was answered, with all that it took. */
  answer: boolean;
  /** The files that came with it or that its tools wrote, with their earlier versions. */
  files: boolean;
}

/** A conversation tells its user actor that texts were erased in it. May be told again. */
export interface ThreadErased {
  thread: string;
  /** SHA-256 of titles that were made of erased texts: a title with one of these hashes goes. */
  titles: string[];
  /** What the chat would be called now, and the beginning of its newest text. */
  title: string;
  preview: string;
  /** Paths of files that were removed for good. */
  files: string[];
}

/** The agent's own log, and the index of what its chats changed. */
export interface LogRpc {
  /** Writes down what is about to be done elsewhere. */
  record(by: Sender, kind: string, detail: Record<string, unknown>): Promise<void>;
  /** The records with these numbers: what they say, `null` where it was erased. */
  details(seqs: number[]): Promise<Record<number, Record<string, unknown> | null>>;
  /** Records behind `after`, some at a time; empty at the end. */
  lines(after: number): Promise<ChangeLine[]>;
  /** Texts of a chat were erased. Says which chats were copied from it. */
  erased(update: ThreadErased): Promise<{ copies: string[] }>;
  /**
   * Erases everything of the owner, and the owner. Resolves when nothing is left; what could not be reached is gone on
   * with by the alarm. Throws `last_owner`.
   */
  eraseOwner(by: Sender): Promise<void>;
}
