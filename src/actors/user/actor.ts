/// <reference path="../../sql.d.ts" />
/**
 * The user actor, one per user: their list of chats, their agent's settings, and the live feed to their consoles.
 * This is the shell; what it knows is in `thread-list.ts` and `settings.ts`.
 */
import { type Connection, Server } from "partyserver";
import firstSchema from "../../../migrations/user/0001_user.sql";
import settingsSchema from "../../../migrations/user/0002_settings.sql";
import purseSchema from "../../../migrations/user/0003_purse.sql";
import searchSchema from "../../../migrations/user/0004_search.sql";
import deletionsSchema from "../../../migrations/user/0005_deletions.sql";
import undeliveredSchema from "../../../migrations/user/0006_undelivered.sql";
import { conversationStub, type Env, settingsOf } from "../../env.ts";
import { AppError, toWire } from "../../errors.ts";
import { providersAt } from "../../model/providers.ts";
import { conversationName } from "../../names.ts";
import { ACTOR_PATHS, forwardedFrom } from "../../protocol/forwarded.ts";
import { PING, PONG } from "../../protocol/frames.ts";
import type {
  AgentSettings,
  FeedEvent,
  LeaseAnswer,
  LeaseRequest,
  SearchPage,
  SearchPlace,
  SearchUpdate,
  ThreadSummary,
  ThreadUpdate,
  UserRpc,
} from "../../protocol/rpc.ts";
import type { ScheduleInfo, SchedulesUpdate } from "../../protocol/schedules.ts";
import type { UsageReport } from "../../protocol/usage.ts";
import { migrate } from "../migrate.ts";
import { Deletions } from "./deletions.ts";
import { UserPurse } from "./purse.ts";
import { ScheduleList } from "./schedule-list.ts";
import { Search } from "./search.ts";
import { changeSettings, readSettings } from "./settings.ts";
import { ThreadIndex } from "./thread-index.ts";
import { ThreadList } from "./thread-list.ts";

/** Whom changed settings are pushed to; all others ask again when their copy is older than `settingsTtlMs`. */
export const SETTINGS_PUSH_WINDOW_MS = 10 * 60_000;
/** A push is a request to another actor: a bound on what one change of settings may cost. */
export const SETTINGS_PUSH_THREADS = 20;
/** When the catalog did not take the thread index, it is tried again then, or at the next update. */
export const INDEX_RETRY_MS = 60_000;
/** When a deletion could not be carried to its end, it is tried again then. */
export const DELETION_RETRY_MS = 60_000;
/** Paths of one `files` event. A panel that is told this many reads its directory anew anyway. */
export const FILES_EVENT_PATHS = 1_000;

const SCHEMA = [
  { version: 1, sql: firstSchema },
  { version: 2, sql: settingsSchema },
  { version: 3, sql: purseSchema },
  { version: 4, sql: searchSchema },
  { version: 5, sql: deletionsSchema },
  { version: 6, sql: undeliveredSchema },
];

export class User extends Server<Env> implements UserRpc {
  static override options = { hibernate: true };

  readonly #threads: ThreadList;
  readonly #index: ThreadIndex;
  readonly #deletions: Deletions;
  readonly #schedules: ScheduleList;
  readonly #search: Search;
  readonly #purse: UserPurse;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    // Here and not in `onStart`, which does not run before a plain RPC call.
    migrate(ctx.storage, SCHEMA, Date.now());
    this.#threads = new ThreadList(ctx.storage.sql);
    this.#index = new ThreadIndex(env.CATALOG, this.name, this.#threads);
    this.#deletions = new Deletions({
      storage: ctx.storage,
      now: () => Date.now(),
      forget: (thread) => this.#forget(thread),
      destroy: (thread) => conversationStub(env, conversationName(this.name, thread)).destroy(),
      unindex: (thread) => this.#index.remove(thread),
    });
    this.#schedules = new ScheduleList(ctx.storage.sql);
    this.#search = new Search(ctx.storage);
    this.#purse = new UserPurse(ctx.storage.sql);
    // Pings of idle consoles are answered by the platform, without waking the object.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
  }

  // --- RPC ----------------------------------------------------------------------------------------------------

  async settings(): Promise<AgentSettings> {
    return this.#answer("settings", () => readSettings(this.ctx.storage.sql));
  }

  async changeSettings(
    change: Partial<Pick<AgentSettings, "name" | "instructions" | "model" | "timeZone" | "toolRisks">>,
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

  async threadCopied(thread: string, from: string): Promise<void> {
    return this.#answer("threadCopied", () => {
      const summary = this.#threads.titleCopy(thread, from);
      this.#tell({ type: "thread", thread: summary });
      this.#syncIndex();
    });
  }

  async deleteThread(thread: string): Promise<void> {
    this.#answer("deleteThread", () => this.#deletions.begin(thread));
    this.#tell({ type: "thread_removed", thread });
    // Set before anything is deleted elsewhere: should this life end in between, the next one goes on.
    await this.#remember(Date.now() + DELETION_RETRY_MS);
    try {
      await this.#deletions.finish(thread);
    } catch (error) {
      throw this.#logged("deleteThread", error);
    }
  }

  async threadDeleted(thread: string): Promise<boolean> {
    return this.#answer("threadDeleted", () => this.#deletions.has(thread));
  }

  async threadChanged(update: ThreadUpdate): Promise<void> {
    return this.#answer("threadChanged", () => {
      if (update.purse) this.#purse.tell(update.thread, update.purse, Date.now());
      if (this.#deletions.has(update.thread)) return;
      const summary = this.#threads.apply(update);
      if (!summary) return;
      this.#tell({ type: "thread", thread: summary });
      if (!update.transient) this.#syncIndex();
    });
  }

  async lease(request: LeaseRequest): Promise<LeaseAnswer> {
    return this.#answer("lease", () => this.#purse.lease(request, settingsOf(this.env).spending));
  }

  async usage(): Promise<UsageReport> {
    const { spending, gatewayUrl } = this.#answer("usage", () => settingsOf(this.env));
    const connected = await providersAt(gatewayUrl, () => Date.now()).anyCharges(spending.prices);
    return this.#answer("usage", () => this.#purse.usage(spending, connected, Date.now()));
  }

  async schedules(): Promise<ScheduleInfo[]> {
    return this.#answer("schedules", () => this.#schedules.list());
  }

  async schedulesChanged(update: SchedulesUpdate): Promise<void> {
    return this.#answer("schedulesChanged", () => {
      if (!this.#deletions.has(update.thread)) this.#schedules.apply(update);
    });
  }

  async filesChanged(paths: string[]): Promise<void> {
    return this.#answer("filesChanged", () => {
      if (paths.length > 0) this.#tell({ type: "files", paths: paths.slice(0, FILES_EVENT_PATHS) });
    });
  }

  async indexThread(update: SearchUpdate): Promise<SearchPlace & { matched: boolean }> {
    return this.#answer("indexThread", () => {
      if (this.#deletions.has(update.thread)) throw new AppError("thread_deleted", "That chat was deleted.");
      return this.#search.take(update);
    });
  }

  async forgetThread(thread: string): Promise<void> {
    return this.#answer("forgetThread", () => this.#search.forget(thread));
  }

  async search(query: Parameters<UserRpc["search"]>[0]): Promise<SearchPage> {
    return this.#answer("search", () => this.#search.search(query));
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
    for (const thread of this.#deletions.owed()) {
      await this.#deletions.finish(thread).catch(async (error: unknown) => {
        this.#logged("deletion", error);
        await this.#remember(Date.now() + DELETION_RETRY_MS);
      });
    }
  }

  /** Takes a thread out of everything that is kept of it here. */
  #forget(thread: string): void {
    this.#threads.remove(thread);
    this.#schedules.forget(thread);
    this.#search.forget(thread);
  }

  /** Makes sure that there is an alarm by then. */
  async #remember(at: number): Promise<void> {
    const set = await this.ctx.storage.getAlarm();
    if (set === null || set > at) await this.ctx.storage.setAlarm(at);
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
