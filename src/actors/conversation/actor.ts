/**
 * The conversation's Durable Object: a shell that lists its parts. Clock, randomness, storage and the network are
 * handed out from here; nothing else of the conversation touches them.
 */
import { DurableObject } from "cloudflare:workers";
import { Lifecycle } from "agents/lifecycle";
import type { WebSockets } from "agents/websockets";
import { conversationStub, type Env, userStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import {
  conversationName,
  filesPrefix,
  isTeamId,
  parseConversationName,
  versionsPrefix,
} from "../../names.ts";
import type { AnswerReport } from "../../protocol/ask.ts";
import { PING, PONG } from "../../protocol/frames.ts";
import type { Erased, EraseRequest } from "../../protocol/log.ts";
import type { ChatMessage, ChatPart } from "../../protocol/message.ts";
import type {
  Accepted,
  AgentSettings,
  ConversationRpc,
  CopyStep,
  Decision,
  Delivery,
  InboundMessage,
  JournalLine,
  Principal,
  PurseStatement,
  Undone,
} from "../../protocol/rpc.ts";
import type { ScheduleInfo, ScheduleStep } from "../../protocol/schedules.ts";
import { effectOf } from "../../tools/effects.ts";
import { openWorkspace } from "../../tools/files/workspace.ts";
import { migrate } from "../migrate.ts";
import { Announcer } from "./announce.ts";
import { Asks } from "./ask.ts";
import { Chat } from "./chat.ts";
import { answerRequest } from "./endpoints.ts";
import { type Entry, type InputEntry, type ReplyAddress, type Sender, senderOf } from "./entries.ts";
import { Eraser } from "./erase.ts";
import { Lifetime } from "./lifetime.ts";
import type { Outbox } from "./outbox-job.ts";
import { openOutbox } from "./outbox-open.ts";
import { restsUntil } from "./plan.ts";
import { Presence } from "./presence.ts";
import { releaseOf, statementOf } from "./purse.ts";
import { Schedules } from "./schedules.ts";
import { SCHEMA } from "./schema.ts";
import { SettingsCache } from "./settings.ts";
import { chatSockets } from "./sockets.ts";
import { hasWork, nextTurn } from "./state.ts";
import { Store } from "./store.ts";
import { type ChatRequest, inputEntry, named } from "./submit.ts";
import { type TranscriptWindow, transcript } from "./transcript.ts";
import { Drive } from "./turn.ts";
import { turnPorts } from "./turn-ports.ts";
import { undo } from "./undo.ts";
import { Wake } from "./wake.ts";

const now = (): number => Date.now();
const id = (): string => crypto.randomUUID().replaceAll("-", "").slice(0, 16);
const after = (ms: number, run: () => void): (() => void) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

export class Conversation extends DurableObject<Env> implements ConversationRpc {
  readonly #store: Store;
  readonly #settings: SettingsCache;
  readonly #announcer: Announcer;
  readonly #drive: Drive;
  readonly #chat: Chat;
  readonly #asks: Asks;
  readonly #wake: Wake;
  readonly #schedules: Schedules;
  readonly #outbox: Outbox;
  readonly #eraser: Eraser;
  readonly #lifetime: Lifetime;
  readonly #presence: Presence;
  readonly #webSockets: WebSockets;
  readonly #lifecycle: Lifecycle<Env>;
  readonly #where: { ownerId: string; thread: string };

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const where = parseConversationName(ctx.id.name ?? "");
    if (!where) throw new Error("A conversation has a name that names.ts made.");
    this.#where = where;
    this.#store = new Store(ctx.storage, () => id() + id());
    this.#settings = new SettingsCache({
      load: () => userStub(env, where.ownerId).settings(),
      now,
      after,
      ttlMs: limits.settingsTtlMs,
    });
    const user = () => userStub(env, where.ownerId);
    this.#announcer = new Announcer(where.thread, user, () => this.#store.journal, after);
    this.#schedules = new Schedules({
      ...{ name: ctx.id.name ?? "", thread: where.thread, storage: ctx.storage, now, id, after },
      ...{ state: () => this.#store.state, readOnly: () => this.#store.readOnly },
      accept: (entry) => this.#accept(entry, true),
      timeZone: async () => (await this.#settings.known()).timeZone,
      tell: (update) => userStub(env, where.ownerId).schedulesChanged(update),
    });
    const files = { files: filesPrefix(where.ownerId), versions: versionsPrefix(where.ownerId) };
    const workspace = openWorkspace({ bucket: env.FILES, ...files, now, id });
    this.#drive = new Drive(
      turnPorts({
        ...{ env, where, workspace, store: this.#store, settings: this.#settings, now, id, after },
        ...{ schedules: this.#schedules, announcer: this.#announcer, chat: () => this.#chat },
        random: () => Math.random(),
        commit: (entries) => this.#commit(entries),
        keepAlive: (work) => ctx.waitUntil(work),
        rest: (until) => this.#wake.rest(until),
        settled: () => void this.#settled(),
      }),
    );
    this.#chat = new Chat({
      state: () => this.#store.state,
      live: () => this.#drive.live,
      streams: () => this.#hasWork() && restsUntil(this.#store.state, limits, now()) === null,
      window: () => this.#window({ limit: limits.transcriptMessages }),
      submit: (request, sender) => this.#submit(request, sender),
      cancel: (target, by) => this.#drive.cancel(target, by),
      decide: (call, by, said) => this.#drive.decide(call, by, { ...said, source: "chat" }),
      amend: (message, by, change) => this.#drive.amend(message, by, change),
      clear: (by) => this.#clear(by),
      identity: { name: ctx.id.name ?? "", agent: "conversation" },
    });
    this.#asks = new Asks({
      ...{ state: () => this.#store.state, live: () => this.#drive.live, id, watchers: this.#chat.watchers },
      submit: (request, sender, from) => this.#submit(request, sender, from),
      cancel: (turn, by) => this.#drive.cancel(turn, by),
    });
    this.#wake = new Wake({
      now,
      after,
      start: () => this.#load(),
      hasWork: () => this.#hasWork(),
      driving: () => this.#drive.running,
      kick: () => this.#goOn(),
      restsUntil: () => restsUntil(this.#store.state, limits, now()),
      idle: () => void this.#settled(),
    });
    this.#outbox = openOutbox(env, where, {
      ...{ storage: ctx.storage, now, random: () => Math.random(), after },
      ...{ state: () => this.#store.state, live: () => this.#drive.live },
    });
    this.#presence = new Presence({
      ...{ ...where, peers: this.#chat.peers, after },
      team: () => userStub(env, where.ownerId).team,
    });
    this.#webSockets = chatSockets(this.#chat, this.#presence, () => {
      if (!this.#settings.current()) void this.#settings.load().catch(() => {});
    });
    this.#eraser = new Eraser({
      ...{ storage: ctx.storage, store: this.#store, thread: where.thread, now, user },
      ...{ drive: this.#drive, outbox: this.#outbox, schedules: this.#schedules, wake: this.#wake },
      ...{ chat: this.#chat, announcer: this.#announcer },
      purge: (path) => workspace.purge(path),
    });
    this.#lifetime = new Lifetime({
      ...{ ctx, store: this.#store, thread: where.thread, peers: this.#chat.peers, now, after },
      user: () => userStub(env, where.ownerId),
      conversation: (thread) => conversationStub(env, conversationName(where.ownerId, thread)),
      lifecycle: () => this.#lifecycle,
      cancel: (turn) => this.#drive.cancel(turn),
      announce: () => this.#announce(),
    });
    const parts = [this.#wake, this.#schedules, this.#webSockets, this.#lifetime.copy, this.#outbox];
    this.#lifecycle = parts.reduce((all, part) => all.use(part), Lifecycle.install<Env>(this));
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
  }

  /** Requests come from the router only. */
  override fetch(request: Request): Promise<Response> {
    const host = {
      name: this.ctx.id.name ?? "",
      store: this.#store,
      start: () => this.#lifetime.begin(),
      lifetime: this.#lifetime,
      presence: this.#presence,
      asks: this.#asks,
      upgrade: (upgrade: Request) => this.#lifecycle.fetch(upgrade),
      window: (options: TranscriptWindow) => this.#window(options),
    };
    return answerRequest(host, request);
  }

  async send(principal: Principal, message: InboundMessage): Promise<Accepted> {
    await this.#lifetime.begin();
    return this.#asks.send(principal, message);
  }

  async decide(
    principal: Principal,
    call: string,
    decision: { approved: boolean; source: string; comment?: string },
  ): Promise<Decision> {
    await this.#lifetime.begin();
    const decided = this.#drive.decide(call, senderOf(principal), decision);
    if (!decided)
      throw new AppError("approval_unknown", "No call of that name waits for approval in this chat.");
    await this.#wake.armed();
    return decided;
  }

  async erase(principal: Principal, request: EraseRequest): Promise<Erased> {
    await this.#lifetime.begin();
    const erased = await this.#eraser.erase(senderOf(principal), request);
    if (!this.#drive.running) void this.#announce();
    return erased;
  }

  async details(seqs: number[]): Promise<Record<number, JournalLine>> {
    if (!(await this.#lifetime.beginKnown())) return {};
    return this.#store.journal.at(seqs);
  }

  async undo(principal: Principal): Promise<Undone> {
    await this.#lifetime.begin();
    const running = this.#store.state.active;
    const by = senderOf(principal);
    if (running) this.#drive.cancel(running.id, by);
    const { entries, undone } = undo(this.#store.state, by, now(), effectOf);
    if (!undone) throw new AppError("nothing_to_undo", "There is nothing in this chat that could be undone.");
    this.#commit(entries);
    this.#chat.removed(undone.messageIds);
    if (!this.#drive.running) void this.#announce();
    return undone;
  }

  async stop(principal?: Principal): Promise<boolean> {
    await this.#lifetime.begin();
    const target = nextTurn(this.#store.state)?.id;
    return target !== undefined && this.#drive.cancel(target, principal && senderOf(principal));
  }

  async settingsChanged(settings: AgentSettings): Promise<void> {
    await this.#lifetime.begin();
    this.#settings.put(settings);
  }

  fork(principal: Principal, into: string, message?: string): Promise<{ draft?: string }> {
    return this.#lifetime.fork(principal, into, message);
  }

  async answer(principal: Principal, turn: string): Promise<AnswerReport | null> {
    return (await this.#lifetime.beginKnown()) ? this.#asks.report(principal, turn) : null;
  }

  async cancelAnswer(principal: Principal, turn: string): Promise<AnswerReport | null> {
    return (await this.#lifetime.beginKnown()) ? this.#asks.cancel(principal, turn) : null;
  }

  async returnLease(newest: number): Promise<PurseStatement | null> {
    if (!(await this.#lifetime.beginKnown())) return null;
    const release = releaseOf(this.#store.state.purse, newest, now());
    if (release) this.#commit([release]);
    return statementOf(this.#store.state.purse, this.#store.state.seq);
  }

  async disconnect(userId: string, reason: string, upTo: number | null): Promise<void> {
    // Without a socket there is nobody to wake up for; one that is on its way is known by its number.
    if (this.ctx.getWebSockets().length > 0) await this.#lifecycle.start();
    this.#presence.disconnect(userId, reason, upTo, (peer) => this.#chat.forget(peer));
  }

  async outbox(): Promise<Delivery[]> {
    await this.#lifetime.begin();
    return this.#outbox.deliveries();
  }

  async resendDelivery(delivery: string): Promise<void> {
    await this.#lifetime.begin();
    this.#outbox.resend(delivery);
  }

  async dropDelivery(delivery: string): Promise<void> {
    await this.#lifetime.begin();
    this.#outbox.drop(delivery);
  }

  copy(step: CopyStep): Promise<void> {
    return this.#lifetime.take(step);
  }

  destroy(): Promise<void> {
    return this.#lifetime.destroy();
  }

  async schedules(by: Principal, step: ScheduleStep): Promise<ScheduleInfo[]> {
    await this.#lifetime.begin();
    return this.#schedules.take(step, senderOf(by));
  }

  // --- the parts ------------------------------------------------------------------------------------------

  #load(): void {
    migrate(this.ctx.storage, SCHEMA, now());
    if (!this.#lifetime.copying) this.#store.load();
    for (const connection of this.#webSockets.getConnections()) this.#chat.peers.of(connection);
  }

  /** Goes on with what there is to do, or gives up a turn that life after life did not get anywhere with. */
  #goOn(): void {
    const at = now();
    if (!this.#drive.running && restsUntil(this.#store.state, limits, at) === null) {
      const { count, since } = this.#store.countWake(at);
      // Both, so that deployments in quick succession do not use up a turn's tries.
      if (count > limits.wakesWithoutProgress && at - since >= limits.stalledMs) {
        this.#drive.giveUp({
          code: "turn_stalled",
          message:
            "This answer was interrupted again and again and was given up. Send the message once more to retry.",
        });
      }
    }
    this.#drive.kick();
  }

  /** A journal that cannot be read to its end is open for reading: nothing of it can be gone on with. */
  #hasWork(): boolean {
    return !this.#store.readOnly && hasWork(this.#store.state);
  }

  #window(options: TranscriptWindow): ChatMessage[] {
    const state = this.#store.state;
    const live = this.#drive.live;
    let partial: readonly ChatPart[] = [];
    if (state.active) partial = live ? [] : this.#store.partial(state.active.id);
    return transcript(state, { ...options, partial });
  }

  async #submit(
    request: ChatRequest,
    sender: Sender,
    from: { source: string; burst?: boolean; reply?: ReplyAddress } = { source: "chat" },
  ): Promise<Accepted> {
    const { entry, announced } = inputEntry(this.#store.state, request, sender, from, now(), `t${id()}`);
    this.#accept(entry, announced);
    await this.#wake.armed();
    return { turn: entry.turn, fresh: true };
  }

  #accept(entry: InputEntry, announced: boolean): void {
    this.#drive.accept(isTeamId(this.#where.ownerId) ? named(entry) : entry);
    if (announced) this.#announcer.accepted(entry.turn, () => this.#store.state, now);
  }

  #clear(by: Sender): void {
    const { active, waiting } = this.#store.state;
    for (const turn of active ? [...waiting, active] : waiting) this.#drive.cancel(turn.id, by);
    this.#commit([{ kind: "undo", at: now(), scope: "all", by }]);
    void this.#announce();
  }

  /** As at the end of a turn: should this life end before the list of chats was told, the wake tells it. */
  async #announce(): Promise<void> {
    this.#wake.arm();
    await this.#wake.armed();
    await this.#settled();
  }

  #commit(written: readonly Entry[]): void {
    const entries = this.#eraser.fit(written);
    if (entries.some((entry) => entry.kind === "undo")) this.#drive.dropSpare();
    this.#store.commit(entries, (after) => this.#outbox.owe(entries, after));
    this.#outbox.committed();
    if (hasWork(this.#store.state)) this.#wake.arm();
    this.#chat.committed(entries);
    this.#announcer.committed(entries, this.#store.state, now());
  }

  /** Nothing left to do: the user's list of chats is told, and only then the wake is let go. */
  async #settled(): Promise<void> {
    if (this.#lifetime.ended) return;
    const { state } = this.#store;
    try {
      if (this.#eraser.owing) await this.#eraser.finish();
      await this.#announcer.settled(state);
    } catch (error) {
      console.error("the list of chats could not be told; the wake will try again", error);
      return;
    }
    // What came meanwhile is told by whoever wrote it, and needs the wake until then.
    if (!hasWork(this.#store.state) && this.#store.state.seq === state.seq) await this.#wake.cancel();
  }
}
