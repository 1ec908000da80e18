/// <reference path="../../sql.d.ts" />
/**
 * The user actor, one per user: their list of chats, their agent's settings, and the live feed to their consoles.
 * This is the shell; what it knows is in `thread-list.ts` and `settings.ts`.
 */
import { type Connection, Server } from "partyserver";
import firstSchema from "../../../migrations/user/0001_user.sql";
import { conversationStub, type Env } from "../../env.ts";
import { AppError, toWire } from "../../errors.ts";
import { conversationName } from "../../names.ts";
import { ACTOR_PATHS, forwardedFrom } from "../../protocol/forwarded.ts";
import { PING, PONG } from "../../protocol/frames.ts";
import type { AgentSettings, FeedEvent, ThreadSummary, ThreadUpdate, UserRpc } from "../../protocol/rpc.ts";
import { migrate } from "../migrate.ts";
import { changeSettings, readSettings } from "./settings.ts";
import { ThreadIndex } from "./thread-index.ts";
import { ThreadList } from "./thread-list.ts";

/** Whom changed settings are pushed to; all others ask again when their copy is older than `settingsTtlMs`. */
export const SETTINGS_PUSH_WINDOW_MS = 10 * 60_000;
/** A push is a request to another actor: a bound on what one change of settings may cost. */
export const SETTINGS_PUSH_THREADS = 20;
/** When the catalog did not take the thread index, it is tried again then, or at the next update. */
export const INDEX_RETRY_MS = 60_000;
/** Paths of one `files` event. A panel that is told this many reads its directory anew anyway. */
export const FILES_EVENT_PATHS = 1_000;

const SCHEMA = [{ version: 1, sql: firstSchema }];

export class User extends Server<Env> implements UserRpc {
  static override options = { hibernate: true };

  readonly #threads: ThreadList;
  readonly #index: ThreadIndex;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    // Here and not in `onStart`, which does not run before a plain RPC call.
    migrate(ctx.storage, SCHEMA, Date.now());
    this.#threads = new ThreadList(ctx.storage.sql);
    this.#index = new ThreadIndex(env.CATALOG, this.name, this.#threads);
    // Pings of idle consoles are answered by the platform, without waking the object.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
  }

  // --- RPC ----------------------------------------------------------------------------------------------------

  async settings(): Promise<AgentSettings> {
    return this.#answer("settings", () => readSettings(this.ctx.storage.sql));
  }

  async changeSettings(
    change: Partial<Pick<AgentSettings, "name" | "instructions" | "model">>,
  ): Promise<AgentSettings> {
    return this.#answer("changeSettings", () => {
      const before = readSettings(this.ctx.storage.sql);
      const settings = changeSettings(this.ctx.storage.sql, change);
      if (settings.version === before.version) return settings;
      this.#tell({ type: "settings", settings });
      this.ctx.waitUntil(this.#pushSettings(settings));
      return settings;
    });
  }

  async threads(options: { query?: string; limit?: number } = {}): Promise<ThreadSummary[]> {
    return this.#answer("threads", () => this.#threads.list(options));
  }

  async renameThread(thread: string, title: string): Promise<ThreadSummary> {
    return this.#answer("renameThread", () => {
      const summary = this.#threads.rename(thread, title);
      this.#tell({ type: "thread", thread: summary });
      this.#syncIndex();
      return summary;
    });
  }

  async archiveThread(thread: string): Promise<void> {
    return this.#answer("archiveThread", () => {
      this.#threads.archive(thread);
      this.#tell({ type: "thread_removed", thread });
      this.#syncIndex();
    });
  }

  async threadChanged(update: ThreadUpdate): Promise<void> {
    return this.#answer("threadChanged", () => {
      const summary = this.#threads.apply(update);
      if (!summary) return;
      this.#tell({ type: "thread", thread: summary });
      if (!update.transient) this.#syncIndex();
    });
  }

  async filesChanged(paths: string[]): Promise<void> {
    return this.#answer("filesChanged", () => {
      if (paths.length > 0) this.#tell({ type: "files", paths: paths.slice(0, FILES_EVENT_PATHS) });
    });
  }

  // --- the feed -----------------------------------------------------------------------------------------------

  /** Takes the feed's upgrade and nothing else, and only for this user. Errors leave as JSON without a stack. */
  override async fetch(request: Request): Promise<Response> {
    try {
      if (new URL(request.url).pathname !== ACTOR_PATHS.feed)
        throw new AppError("not_found", "There is nothing here.");
      if (request.headers.get("Upgrade")?.toLowerCase() !== "websocket") {
        throw new AppError("upgrade_refused", "The feed is a WebSocket: ask for it with an upgrade.");
      }
      const { principal, agent } = forwardedFrom(request.headers);
      // The router has decided this already. Should it ever be wrong, the actor still is not.
      if (principal.userId !== this.name || agent.userId !== this.name) {
        throw new AppError("forbidden", "This feed belongs to someone else.");
      }
      return await super.fetch(request);
    } catch (error) {
      const wire = this.#logged("fetch", error);
      return Response.json({ error: toWire(wire) }, { status: wire.status });
    }
  }

  override onConnect(connection: Connection): void {
    try {
      const event: FeedEvent = { type: "threads", threads: this.#threads.list() };
      connection.send(JSON.stringify(event));
    } catch (error) {
      // Left to partyserver, the stack would go out on the socket.
      this.#logged("onConnect", error);
      connection.close(1011, "internal");
    }
  }

  /** The feed only speaks; what a client says beside pings is not looked at. */
  override onMessage(): void {}

  override onError(_connection: Connection, error: unknown): void {
    this.#logged("feed socket", error);
  }

  // --- duties -------------------------------------------------------------------------------------------------

  override async onAlarm(): Promise<void> {
    await this.#index.sync().catch((error: unknown) => this.#indexFailed(error));
  }

  #syncIndex(): void {
    if (!this.#threads.owing) return;
    this.ctx.waitUntil(this.#index.sync().catch((error: unknown) => this.#indexFailed(error)));
  }

  async #indexFailed(error: unknown): Promise<void> {
    this.#logged("thread index", error);
    await this.ctx.storage.setAlarm(Date.now() + INDEX_RETRY_MS);
  }

  async #pushSettings(settings: AgentSettings): Promise<void> {
    const since = Date.now() - SETTINGS_PUSH_WINDOW_MS;
    const recent = this.#threads
      .list({ limit: SETTINGS_PUSH_THREADS })
      .filter((thread) => thread.updatedAt >= since);
    await Promise.all(
      recent.map(async (thread) => {
        try {
          await conversationStub(this.env, conversationName(this.name, thread.id)).settingsChanged(settings);
        } catch (error) {
          this.#logged(`settings push to ${thread.id}`, error);
        }
      }),
    );
  }

  #tell(event: FeedEvent): void {
    this.broadcast(JSON.stringify(event));
  }

  /** Every RPC goes through here: what was not foreseen is logged, and leaves as a generic error. */
  #answer<T>(method: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#logged(method, error);
    }
  }

  /** Logs what was not foreseen, and gives back an error that may leave the actor. */
  #logged(where: string, error: unknown): AppError {
    if (error instanceof AppError && error.status < 500) return error;
    console.error(
      JSON.stringify({ event: "user_actor_failed", user: this.name, where, error: describe(error) }),
    );
    const { code, message } = toWire(error);
    return error instanceof AppError ? error : new AppError(code, message);
  }
}

const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
