/**
 * The user actor, one per user: their list of chats, their agent's settings, and the live feed to their consoles.
 * This is the shell; what it knows is in `thread-list.ts` and `settings.ts`.
 */
import { type Connection, type ConnectionContext, Server } from "partyserver";
import { conversationStub, type Env, settingsOf } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { dayOf } from "../../model/prices.ts";
import { providersAt } from "../../model/providers.ts";
import { conversationName, isProgramThread, threadOf } from "../../names.ts";
import { PING, PONG } from "../../protocol/frames.ts";
import type {
  AgentSettings,
  FeedEvent,
  LeaseAnswer,
  LeaseRequest,
  SearchPage,
  SearchPlace,
  SearchUpdate,
  Sender,
  ThreadSummary,
  ThreadUpdate,
  UserRpc,
} from "../../protocol/rpc.ts";
import type { ScheduleInfo, SchedulesUpdate } from "../../protocol/schedules.ts";
import type { UsageReport } from "../../protocol/usage.ts";
import { migrate } from "../migrate.ts";
import type { Account } from "./account.ts";
import { Deletions } from "./deletions.ts";
import type { FacetHost } from "./facet.ts";
import { loggedFailure } from "./failure.ts";
import { answerFeed, greet } from "./feed.ts";
import type { Hooks } from "./hooks.ts";
import type { Keys } from "./keys.ts";
import type { Log } from "./log.ts";
import { Mirror } from "./mirror.ts";
import { People } from "./people.ts";
import { Programs } from "./programs.ts";
import { UserPurse } from "./purse.ts";
import type { Recall } from "./recall.ts";
import { openRecall } from "./recall-open.ts";
import { Records } from "./records.ts";
import { ScheduleList } from "./schedule-list.ts";
import { SCHEMA } from "./schema.ts";
import { Search } from "./search.ts";
import { changeSettings, readSettings, settingsDetail } from "./settings.ts";
import { pushSettings } from "./settings-push.ts";
import { Shares } from "./shares.ts";
import type { Team } from "./team.ts";
import { ThreadIndex } from "./thread-index.ts";
import { ThreadList } from "./thread-list.ts";
import { Vault } from "./vault.ts";

const after = (ms: number, run: () => void): (() => void) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

export class User extends Server<Env> implements UserRpc {
  static override options = { hibernate: true };

  readonly #threads: ThreadList;
  readonly #index: ThreadIndex;
  readonly #deletions: Deletions;
  readonly #schedules: ScheduleList;
  readonly #search: Search;
  readonly #records: Records;
  readonly #mirror: Mirror;
  readonly #people: People;
  readonly #programs: Programs;
  readonly #vault: Vault;
  readonly #shares: Shares;
  readonly #purse: UserPurse;
  readonly #recall: Recall;

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
      settle: async (thread) => this.#recall.settle(thread, dayOf(Date.now())),
      destroy: (thread) => conversationStub(env, conversationName(this.name, thread)).destroy(),
      unindex: (thread) => this.#index.remove(thread),
    });
    this.#schedules = new ScheduleList(ctx.storage.sql);
    this.#search = new Search(ctx.storage);
    this.#purse = new UserPurse(ctx.storage.sql);
    this.#recall = openRecall(env, this.name, this.#purse, {
      ...{ now: () => Date.now(), after },
      failed: (thread, error) => void this.#logged(`recall from ${thread}`, error),
    });
    this.#records = new Records({
      ...{ ctx, catalog: env.CATALOG, ownerId: this.name, deletions: this.#deletions },
      ...{ threads: this.#threads, purse: this.#purse },
      host: () => host,
      people: () => this.#people,
      feeds: () => this.getConnections(),
      syncIndex: () => this.#syncIndex(),
      untold: (error) => this.#indexFailed(error),
    });
    this.#mirror = new Mirror(ctx.storage.sql, env.CATALOG);
    const host = this.#facetHost();
    this.#people = new People(host);
    this.#programs = new Programs(host, this.#deletions, (userId) => this.#people.runs(userId));
    this.#vault = new Vault(host);
    this.#shares = new Shares(host, (thread) => this.#threads.titleOf(thread));
    // Pings of idle consoles are answered by the platform, without waking the object.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
  }

  // --- RPC ----------------------------------------------------------------------------------------------------

  async settings(): Promise<AgentSettings> {
    return this.#answer("settings", () => readSettings(this.ctx.storage.sql));
  }

  async changeSettings(
    change: Partial<Pick<AgentSettings, "name" | "instructions" | "model" | "timeZone" | "toolRisks">>,
    by: Sender,
  ): Promise<AgentSettings> {
    return this.#answer("changeSettings", () => {
      const before = readSettings(this.ctx.storage.sql);
      const settings = this.ctx.storage.transactionSync(() => {
        const after = changeSettings(this.ctx.storage.sql, change);
        if (after.version !== before.version)
          this.#records.log.commit(by, "settings-changed", settingsDetail(before, after), () => {});
        return after;
      });
      if (settings.version === before.version) return settings;
      this.#tell({ type: "settings", settings });
      this.ctx.waitUntil(this.#pushSettings(settings));
      return settings;
    });
  }

  async threads(options: { query?: string; limit?: number } = {}): Promise<ThreadSummary[]> {
    return this.#answer("threads", () => this.#threads.list(options));
  }

  async renameThread(thread: string, title: string, by: Sender): Promise<ThreadSummary> {
    return this.#answer("renameThread", () => {
      const rename = () => this.#threads.rename(thread, title);
      const summary = this.#records.log.commit(by, "thread-renamed", { thread, title }, rename);
      this.#tell({ type: "thread", thread: summary });
      this.#syncIndex();
      return summary;
    });
  }

  async archiveThread(thread: string, by: Sender): Promise<void> {
    return this.#answer("archiveThread", () => {
      this.#records.log.commit(by, "thread-archived", { thread }, () => this.#threads.archive(thread));
      this.#tell({ type: "thread_removed", thread });
      this.#syncIndex();
    });
  }

  async threadCopied(thread: string, from: string, by: Sender): Promise<void> {
    return this.#answer("threadCopied", () => {
      const copy = () => this.#threads.titleCopy(thread, from);
      const summary = this.#records.log.commit(by, "thread-copied", { thread, from }, copy);
      this.#tell({ type: "thread", thread: summary });
      this.#syncIndex();
    });
  }

  async deleteThread(thread: string, by: Sender): Promise<void> {
    this.#answer("deleteThread", () =>
      this.#records.log.commit(by, "thread-deleted", { thread: threadOf(thread) }, () =>
        this.#deletions.begin(thread),
      ),
    );
    this.#tell({ type: "thread_removed", thread });
    // Set before anything is deleted elsewhere: should this life end in between, the next one goes on.
    await this.#remember(Date.now() + limits.deletionRetryMs);
    try {
      await this.#deletions.finish(thread);
    } catch (error) {
      throw this.#logged("deleteThread", error);
    }
  }

  async threadDeleted(thread: string): Promise<boolean> {
    return this.#answer("threadDeleted", () => this.#deletions.has(thread));
  }

  async threadChanged(update: ThreadUpdate): Promise<number | null> {
    return this.#answer("threadChanged", () => {
      if (update.purse) this.#purse.tell(update.thread, update.purse, Date.now());
      if (this.#deletions.has(update.thread)) return null;
      const told = this.#threads.toldOf(update.thread);
      if (update.changes && update.changes.after > told) return told;
      const summary = this.ctx.storage.transactionSync(() => {
        const fresh = update.changes?.rows.filter(({ seq }) => seq > told) ?? [];
        this.#records.changes.owe(update.thread, fresh);
        return this.#threads.apply(update);
      });
      if (!summary) {
        if (isProgramThread(update.thread) && !update.transient)
          this.#tell({ type: "thread_removed", thread: update.thread });
        return null;
      }
      this.#tell({ type: "thread", thread: summary });
      this.ctx.waitUntil(this.account.noticed(update.thread).catch((error) => this.#logged("cut", error)));
      if (!update.transient) this.#syncIndex();
      return null;
    });
  }

  async lease(request: LeaseRequest): Promise<LeaseAnswer> {
    try {
      if (this.#deletions.has(request.thread)) throw new AppError("thread_deleted", "That chat was deleted.");
      return await this.#recall.lease(request);
    } catch (error) {
      throw this.#logged("lease", error);
    }
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
      if (paths.length > 0) this.#tell({ type: "files", paths: paths.slice(0, limits.filesEventPaths) });
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

  get log(): Log {
    return this.#records.facet;
  }

  get team(): Team {
    return this.#people.team;
  }

  get account(): Account {
    return this.#people.account;
  }

  get keys(): Keys {
    return this.#programs.keys;
  }

  get hooks(): Hooks {
    return this.#programs.hooks;
  }

  get vault(): Vault {
    return this.#vault;
  }

  get shares(): Shares {
    return this.#shares;
  }

  #facetHost(): FacetHost {
    return {
      ownerId: this.name,
      env: this.env,
      storage: this.ctx.storage,
      log: this.#records.log,
      mirror: this.#mirror,
      now: () => Date.now(),
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      answer: (method, work) => this.#answer(method, work),
      tell: (event) => this.#tell(event),
      feeds: (userId) => [...this.getConnections<string>()].filter(({ state }) => state === userId),
      published: () => this.#mirror.sync().catch((error: unknown) => this.#indexFailed(error)),
      remember: (at) => this.#remember(at),
    };
  }

  // --- the feed -----------------------------------------------------------------------------------------------

  override fetch(request: Request): Promise<Response> {
    return answerFeed(request, {
      ownerId: this.name,
      admits: (userId) => this.#people.admits(userId),
      open: () => super.fetch(request),
      failed: (error) => this.#logged("fetch", error),
    });
  }

  override onConnect(connection: Connection, { request }: ConnectionContext): void {
    greet(connection, request, {
      admits: (userId) => this.#people.admits(userId),
      threads: () => this.#threads.list(),
      failed: (error) => this.#logged("onConnect", error),
    });
  }

  /** The feed only speaks; what a client says beside pings is not looked at. */
  override onMessage(): void {}

  override onError(_connection: Connection, error: unknown): void {
    this.#logged("feed socket", error);
  }

  // --- duties -------------------------------------------------------------------------------------------------

  override async onAlarm(): Promise<void> {
    await this.#index.sync().catch((error: unknown) => this.#indexFailed(error));
    await this.#mirror.sync().catch((error: unknown) => this.#indexFailed(error));
    if (await this.#records.duties((what, error) => void this.#logged(what, error))) return;
    await this.#people.duties((what, error) => void this.#logged(what, error));
    await this.#programs.threads.duties((what, error) => void this.#logged(what, error));
    for (const thread of this.#deletions.owed()) {
      await this.#deletions.finish(thread).catch(async (error: unknown) => {
        this.#logged("deletion", error);
        await this.#remember(Date.now() + limits.deletionRetryMs);
      });
    }
  }

  /** Takes a thread out of everything that is kept of it here, its titles in the log too. */
  #forget(thread: string): void {
    this.#records.log.erase(["thread-renamed"], (detail) => detail.thread === thread);
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
    this.#logged("catalog", error);
    await this.#remember(Date.now() + limits.catalogRetryMs);
  }

  #pushSettings(settings: AgentSettings): Promise<void> {
    return pushSettings(settings, {
      now: Date.now(),
      list: (options) => this.#threads.list(options),
      tell: (thread, news) =>
        conversationStub(this.env, conversationName(this.name, thread)).settingsChanged(news),
      failed: (thread, error) => void this.#logged(`settings push to ${thread}`, error),
    });
  }

  #tell(event: FeedEvent): void {
    this.broadcast(JSON.stringify(event));
  }

  /** Every RPC goes through here: what was not foreseen is logged, and leaves as a generic error. */
  #answer<T>(method: string, work: () => T): T {
    try {
      this.#records.erasure.refuse();
      return work();
    } catch (error) {
      throw this.#logged(method, error);
    }
  }

  #logged(where: string, error: unknown): AppError {
    return loggedFailure(this.name, where, error);
  }
}
