/**
 * The conversation's Durable Object: a shell that lists its parts. Clock, randomness, storage and the network are
 * handed out from here; nothing else of the conversation touches them.
 */
import { DurableObject } from "cloudflare:workers";
import { Lifecycle } from "agents/lifecycle";
import type { WebSockets } from "agents/websockets";
import { conversationStub, type Env, settingsOf, userStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { conversationName, filesPrefix, parseConversationName, versionsPrefix } from "../../names.ts";
import { PING, PONG } from "../../protocol/frames.ts";
import type { ChatMessage, ChatPart } from "../../protocol/message.ts";
import type {
  Accepted,
  AgentSettings,
  ConversationRpc,
  CopyStep,
  Decision,
  Delivery,
  InboundMessage,
  Principal,
  Undone,
} from "../../protocol/rpc.ts";
import type { ScheduleInfo, ScheduleStep } from "../../protocol/schedules.ts";
import { effectOf } from "../../tools/effects.ts";
import { openWorkspace } from "../../tools/files/workspace.ts";
import { migrate } from "../migrate.ts";
import { Announcer } from "./announce.ts";
import { Chat } from "./chat.ts";
import { answerRequest } from "./endpoints.ts";
import { type Entry, type InputEntry, type ReplyAddress, type Sender, senderOf } from "./entries.ts";
import { Lifetime } from "./lifetime.ts";
import { lazyModelPort } from "./models.ts";
import { moneyPorts } from "./money.ts";
import type { Outbox } from "./outbox-job.ts";
import { openOutbox } from "./outbox-open.ts";
import { restsUntil } from "./plan.ts";
import type { TurnPorts } from "./ports.ts";
import { Schedules } from "./schedules.ts";
import { SCHEMA } from "./schema.ts";
import { SettingsCache } from "./settings.ts";
import { chatSockets } from "./sockets.ts";
import { findTurn, hasWork, nextTurn } from "./state.ts";
import { Store } from "./store.ts";
import { LiveStream } from "./stream.ts";
import { type ChatRequest, inputEntry, requireRoom } from "./submit.ts";
import { toolbox } from "./toolbox.ts";
import { transcript } from "./transcript.ts";
import { Drive } from "./turn.ts";
import { undoneBy } from "./undo.ts";
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
  readonly #wake: Wake;
  readonly #schedules: Schedules;
  readonly #outbox: Outbox;
  readonly #lifetime: Lifetime;
  readonly #webSockets: WebSockets;
  readonly #lifecycle: Lifecycle<Env>;
  readonly #where: { userId: string; thread: string };

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const where = parseConversationName(ctx.id.name ?? "");
    if (!where) throw new Error("A conversation has a name that names.ts made.");
    this.#where = where;
    this.#store = new Store(ctx.storage, () => id() + id());
    this.#settings = new SettingsCache({
      load: () => userStub(env, where.userId).settings(),
      now,
      after,
      ttlMs: limits.settingsTtlMs,
    });
    this.#announcer = new Announcer(where.thread, () => userStub(env, where.userId));
    this.#schedules = new Schedules({
      ...{ name: ctx.id.name ?? "", thread: where.thread, storage: ctx.storage, now, id, after },
      ...{ state: () => this.#store.state, readOnly: () => this.#store.readOnly },
      accept: (entry) => this.#accept(entry, true),
      timeZone: async () => (await this.#settings.known()).timeZone,
      tell: (update) => userStub(env, where.userId).schedulesChanged(update),
    });
    this.#drive = new Drive(this.#ports(env));
    this.#chat = new Chat({
      state: () => this.#store.state,
      live: () => this.#drive.live,
      streams: () => this.#hasWork() && restsUntil(this.#store.state, limits, now()) === null,
      window: () => this.#window({ limit: limits.transcriptMessages }),
      submit: (request, sender) => this.#submit(request, sender),
      cancel: (target) => this.#drive.cancel(target),
      decide: (call, by, said) => this.#drive.decide(call, by, { ...said, source: "chat" }),
      amend: (message, by, change) => this.#drive.amend(message, by, change),
      clear: (by) => this.#clear(by),
      identity: { name: ctx.id.name ?? "", agent: "conversation" },
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
    this.#webSockets = chatSockets(this.#chat, () => {
      if (!this.#settings.current()) void this.#settings.load().catch(() => {});
    });
    this.#lifetime = new Lifetime({
      ...{ ctx, store: this.#store, thread: where.thread, peers: this.#chat.peers, now, after },
      user: () => userStub(env, where.userId),
      conversation: (thread) => conversationStub(env, conversationName(where.userId, thread)),
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
      upgrade: (upgrade: Request) => this.#lifecycle.fetch(upgrade),
      window: (options: { limit: number; before?: string }) => this.#window(options),
    };
    return answerRequest(host, request);
  }

  async send(principal: Principal, message: InboundMessage): Promise<Accepted> {
    await this.#lifetime.begin();
    const key = `${message.source}:${message.key}`;
    const earlier = this.#store.state.seen.get(key);
    if (earlier) return { turn: earlier, fresh: false };
    requireRoom(this.#store.state);
    const text = message.text.trim();
    if (!text) throw new AppError("message_empty", "Write something first: the message is empty.");
    const request: ChatRequest = {
      type: "new",
      request: `q_${id()}`,
      keys: [key],
      messages: [{ id: `m_${id()}`, parts: [{ type: "text", text }] }],
      ...(message.mode === "steer" && { steer: true as const }),
    };
    const { source, burst, reply } = message;
    return this.#submit(request, senderOf(principal), {
      source,
      ...(burst && { burst }),
      ...(reply && { reply }),
    });
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

  async undo(principal: Principal): Promise<Undone> {
    await this.#lifetime.begin();
    const running = this.#store.state.active;
    if (running) this.#drive.cancel(running.id);
    const undone = undoneBy(this.#store.state, effectOf);
    if (!undone) throw new AppError("nothing_to_undo", "There is nothing in this chat that could be undone.");
    this.#commit([{ kind: "undo", at: now(), scope: "last", by: senderOf(principal) }]);
    this.#chat.removed(undone.messageIds);
    if (!this.#drive.running) void this.#announce();
    return undone;
  }

  async stop(turn?: string): Promise<boolean> {
    await this.#lifetime.begin();
    const target = turn ?? nextTurn(this.#store.state)?.id;
    return target !== undefined && this.#drive.cancel(target);
  }

  async settingsChanged(settings: AgentSettings): Promise<void> {
    await this.#lifetime.begin();
    this.#settings.put(settings);
  }

  fork(principal: Principal, into: string, message?: string): Promise<{ draft?: string }> {
    return this.#lifetime.fork(principal, into, message);
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

  #window(options: { limit: number; before?: string }): ChatMessage[] {
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
    this.#drive.accept(entry);
    const accepted = announced ? findTurn(this.#store.state, entry.turn) : null;
    if (accepted) this.#announcer.working(this.#store.state, accepted, now());
  }

  #clear(by: Sender): void {
    const { active, waiting } = this.#store.state;
    for (const turn of active ? [...waiting, active] : waiting) this.#drive.cancel(turn.id);
    this.#commit([{ kind: "undo", at: now(), scope: "all", by }]);
    void this.#announce();
  }

  /** As at the end of a turn: should this life end before the list of chats was told, the wake tells it. */
  async #announce(): Promise<void> {
    this.#wake.arm();
    await this.#wake.armed();
    await this.#settled();
  }

  #commit(entries: readonly Entry[]): void {
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
      await this.#announcer.settled(state);
    } catch (error) {
      console.error("the list of chats could not be told; the wake will try again", error);
      return;
    }
    // What came meanwhile is told by whoever wrote it, and needs the wake until then.
    if (!hasWork(this.#store.state) && this.#store.state.seq === state.seq) await this.#wake.cancel();
  }

  #ports(env: Env): TurnPorts {
    const { userId, thread } = this.#where;
    const workspace = openWorkspace({
      bucket: env.FILES,
      files: filesPrefix(userId),
      versions: versionsPrefix(userId),
      now,
      id,
    });
    return {
      now,
      id,
      random: () => Math.random(),
      after,
      state: () => this.#store.state,
      commit: (entries) => this.#commit(entries),
      settings: (since) => {
        const agent = this.#settings.current(since);
        if (!agent) return null;
        const { defaultModel, compactModel } = settingsOf(env);
        return { agent, model: agent.model || defaultModel, compactModel, userId, thread };
      },
      loadSettings: () => this.#settings.load(),
      model: lazyModelPort(env, workspace),
      tools: toolbox({
        userId,
        thread,
        ports: { files: workspace, schedules: this.#schedules.port(), now },
        changed: (paths) => this.ctx.waitUntil(this.#announcer.files(paths)),
      }),
      ...moneyPorts(env, this.#where, () => this.#store.state, now),
      toolKey: (call) => `${conversationName(userId, thread)}:${call}`,
      openStream: (stream, turn, again) => {
        // Offered before it says anything: what the journal has of the turn comes with the replay, once.
        this.#chat.offers.opened(stream);
        if (again) this.#chat.offers.reopened(stream, turn.request);
        return new LiveStream(stream, turn, {
          windowMs: limits.frameWindowMs,
          windowBytes: limits.frameWindowBytes,
          after,
          sink: (seq, body) => this.#chat.offers.chunk(stream, seq, body),
        });
      },
      streamReplaced: (old, next) => this.#chat.offers.replaced(old, next),
      savePartial: (turn, parts) => {
        try {
          this.#store.savePartial(turn, parts);
        } catch (error) {
          console.error("the partial answer could not be flushed; it is still in memory", error);
        }
      },
      ended: (turn, live) => {
        this.#chat.ended(turn, live);
        this.#schedules.turnEnded(turn);
        after(0, () => this.#store.checkpoint()); // once its readers were told
      },
      rested: (turn, live) => this.#chat.rested(turn, live),
      parked: (until) => {
        this.#wake.rest(until);
        void this.#settled();
      },
      settled: () => void this.#settled(),
      broke: (error) => console.error("the drive broke off; the wake will start it again", error),
    };
  }
}
