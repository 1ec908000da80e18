/** What the page knows of a chat and may do with it. `client.ts` makes it so. */
import type { ConnectionStatus } from "../app/connection.ts";
import type { Platform } from "../app/platform.ts";
import type { Line } from "./lines.ts";
import type { Message } from "./message.ts";
import type { Failure } from "./transcript.ts";
import type { SentPart, Unsent } from "./unsent.ts";

export interface ChatSnapshot {
  connection: ConnectionStatus;
  loaded: boolean;
  lines: readonly Line[];
  /** What the server has not accepted, in the order of sending. */
  unsent: readonly Unsent[];
  /** Ids of unsent requests that are on their way over the open connection. */
  sending: ReadonlySet<string>;
  /** Messages that stand inside of an answer, by id. */
  joined: ReadonlyMap<string, Message>;
  /** Decisions on tool calls that were sent from here and not yet confirmed, by tool call. */
  deciding: Readonly<Record<string, boolean>>;
  /** Whose decision counted, for calls that were decided on from here. */
  decided: Readonly<Record<string, Decided>>;
  /** A tool call waits for a person: nothing goes on until then. */
  asking: boolean;
  working: boolean;
  recovering: boolean;
  /** An answer streams whose message is in `lines`. */
  answering: boolean;
  failure: Failure | null;
  /** Something other than a message was refused: the server's sentence. */
  notice: string | null;
  hasOlder: boolean;
  loadingOlder: boolean;
}

export interface Decided {
  counted: boolean;
  approved: boolean;
  by: string;
}

/** What may be done to a message that waits. */
export type Amendment = { action: "edit"; text: string } | { action: "delete" } | { action: "steer" };

export interface SendOptions {
  /** Joins the running answer instead of waiting for a turn of its own. */
  steer?: boolean;
  /** Id of the message that this one is said instead of; it and all behind it are taken back. */
  replaces?: string;
}

export interface ChatOptions {
  platform: Platform;
  userId: string;
  handle: string;
  thread: string;
  /** Any answer of 401: the page has to sign in again. */
  signedOut(): void;
}

export interface ChatClient {
  subscribe(listener: () => void): () => void;
  snapshot(): ChatSnapshot;
  /** Puts a message on its way and returns its request id. */
  send(parts: SentPart[], options?: SendOptions): string;
  /** Changes a message that waits. False without a connection; a refusal becomes the `notice`. */
  amend(messageId: string, change: Amendment): boolean;
  /** Decides on a tool call that waits. False without a connection. `comment` is told to the agent. */
  decide(toolCallId: string, approved: boolean, comment?: string): boolean;
  /** Ends the running turn. False when this client knows of none. */
  stop(): boolean;
  /** Asks for the answer again. `messageId`: the answer, or the user message that got none. */
  regenerate(messageId: string): void;
  /** Takes a refused message out of the queue and returns it, for editing or to forget it. */
  discard(requestId: string): Unsent | null;
  /** Sends a refused message once more, with the same ids. */
  sendAgain(requestId: string): void;
  loadOlder(): Promise<void>;
  /** Loads older messages until this one is among them. False when it is on no page. */
  reach(messageId: string): Promise<boolean>;
  dismissNotice(): void;
  /** Tries to connect at once. */
  reconnect(): void;
  close(): void;
}
