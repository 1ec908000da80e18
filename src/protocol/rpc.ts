/**
 * What the router, the actors and the tools know of one another: RPC interfaces and the records that cross them.
 * The classes implement these; nobody imports a class of another room.
 */

/** Who is asking. Made by `router/access.ts` from a verified token, never from anything a client wrote. */
export interface Principal {
  kind: "person" | "service";
  /** Opaque id of the user row in the catalog: `u` and 20 characters of base32. */
  userId: string;
  /** The user's handle, as in `/@alice`. */
  handle: string;
  /** E-mail of a person, common name of a service. */
  name: string;
  role: "admin" | "member" | "guest" | "service";
}

/** Which agent a request is about: the owner of the addressed user id or handle. */
export interface AgentAddress {
  userId: string;
  handle: string;
}

/** What a user has set for their agent. */
export interface AgentSettings {
  /** Name that the agent goes by. */
  name: string;
  /** Added to the system prompt. */
  instructions: string;
  /** `provider/model`, or empty for the deployment's default. */
  model: string;
  /** Grows with every change; travels with the settings so that a late copy never wins. */
  version: number;
}

export type ThreadStatus = "idle" | "working" | "failed";

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
}

/** Messages on the feed socket, server to console. */
export type FeedEvent =
  | { type: "threads"; threads: ThreadSummary[] }
  | { type: "thread"; thread: ThreadSummary }
  | { type: "thread_removed"; thread: string }
  | { type: "settings"; settings: AgentSettings }
  | { type: "files"; paths: string[] };

/** The user actor, one per user. `fetch` takes the feed's WebSocket upgrade. */
export interface UserRpc {
  settings(): Promise<AgentSettings>;
  changeSettings(
    change: Partial<Pick<AgentSettings, "name" | "instructions" | "model">>,
  ): Promise<AgentSettings>;
  /** Newest first. `query` matches titles and previews, case folded. */
  threads(options: { query?: string; limit?: number }): Promise<ThreadSummary[]>;
  /** Throws `thread_unknown`. */
  renameThread(thread: string, title: string): Promise<ThreadSummary>;
  /** Takes the thread off the list; its journal stays. Throws `thread_unknown`. */
  archiveThread(thread: string): Promise<void>;
  threadChanged(update: ThreadUpdate): Promise<void>;
  /** Paths in the workspace that changed; broadcast, never stored. */
  filesChanged(paths: string[]): Promise<void>;
}

/** A message for a conversation that did not come over its socket (HTTP API, hook, channel). */
export interface InboundMessage {
  /** Deduplication key: an input with a key that the thread has seen is not accepted again. */
  key: string;
  source: string;
  text: string;
}

export interface Accepted {
  turn: string;
  /** False when the key had been seen: the earlier turn is the one that counts. */
  fresh: boolean;
}

/** The conversation actor, one per thread. `fetch` takes the chat's WebSocket upgrade and `get-messages`. */
export interface ConversationRpc {
  send(principal: Principal, message: InboundMessage): Promise<Accepted>;
  /** The user's settings changed: forget the cached copy. */
  settingsChanged(settings: AgentSettings): Promise<void>;
}
