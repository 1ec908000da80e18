/**
 * The conversation's Durable Object: a shell that lists its parts. Clock, randomness, storage and the network are
 * handed out from here; nothing else of the conversation touches them.
 */
import { DurableObject } from "cloudflare:workers";
import { Lifecycle } from "agents/lifecycle";
import { WebSockets } from "agents/websockets";
import journalSql from "../../../migrations/conversation/0001_journal.sql";
import { type Env, settingsOf, userStub } from "../../env.ts";
import { AppError, toWire } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { createModelPort } from "../../model/gateway.ts";
import { conversationName, filesPrefix, parseConversationName, versionsPrefix } from "../../names.ts";
import { ACTOR_PATHS, forwardedFrom } from "../../protocol/forwarded.ts";
import { PING, PONG } from "../../protocol/frames.ts";
import type { ChatMessage, ChatPart } from "../../protocol/message.ts";
import type {
  Accepted,
  AgentSettings,
  ConversationRpc,
  InboundMessage,
  Principal,
} from "../../protocol/rpc.ts";
import { openWorkspace } from "../../tools/files/workspace.ts";
import { migrate } from "../migrate.ts";
import { Announcer } from "./announce.ts";
import { Chat } from "./chat.ts";
import type { Entry, Sender } from "./entries.ts";
import { exportStream } from "./export.ts";
import type { PeerIdentity } from "./peers.ts";
import type { TurnPorts } from "./ports.ts";
import { transcriptHash } from "./replay.ts";
import { SettingsCache } from "./settings.ts";
import { findTurn, hasWork } from "./state.ts";
import { Store } from "./store.ts";
import { LiveStream } from "./stream.ts";
import type { ChatRequest } from "./submit.ts";
import { toolbox } from "./toolbox.ts";
import { transcript } from "./transcript.ts";
import { Drive } from "./turn.ts";
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
      ttlMs: limits.settingsTtlMs,
    });
    this.#announcer = new Announcer(where.thread, () => userStub(env, where.userId));
    this.#drive = new Drive(this.#ports(env));
    this.#chat = new Chat({
      state: () => this.#store.state,
      live: () => this.#drive.live,
      window: () => this.#window({ limit: limits.transcriptMessages }),
      submit: (request, sender) => this.#submit(request, sender),
      cancel: (target) => this.#drive.cancel(target),
      clear: (by) => this.#clear(by),
      identity: { name: ctx.id.name ?? "", agent: "conversation" },
    });
    this.#wake = new Wake({
      now,
      after,
      start: () => this.#load(),
      hasWork: () => this.#hasWork(),
      driving: () => this.#drive.running,
      kick: () => this.#drive.kick(),
      idle: () => void this.#settled(),
    });
    this.#webSockets = this.#sockets();
    this.#lifecycle = Lifecycle.install<Env>(this).use(this.#wake).use(this.#webSockets);
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
  }

  /** The chat's WebSocket upgrade, and `get-messages`. Requests come from the router only. */
  override async fetch(request: Request): Promise<Response> {
    try {
      forwardedFrom(request.headers); // throws unless the router made this request
      const url = new URL(request.url);
      if (url.pathname === ACTOR_PATHS.socket) {
        await this.#lifecycle.start();
        const response = await this.#lifecycle.fetch(request);
        // The SDK answers an uncaught error with its stack.
        if (response.status >= 500) throw new Error(`the upgrade failed: ${await response.text()}`);
        return response;
      }
      if (url.pathname === ACTOR_PATHS.messages) {
        await this.#lifecycle.start();
        const before = url.searchParams.get("before");
        const limit = Math.min(Number(url.searchParams.get("limit")) || limits.transcriptMessages, 500);
        return Response.json(this.#window({ limit, ...(before !== null && { before }) }));
      }
      if (url.pathname === ACTOR_PATHS.journal) {
        await this.#lifecycle.start();
        const messages = transcript(this.#store.state, { limit: Number.POSITIVE_INFINITY });
        const stream = exportStream({
          conversation: this.ctx.id.name ?? "",
          until: this.#store.state.seq,
          page: (after, until) => this.#store.journal.page(after, until),
          transcript: transcriptHash(messages),
        });
        return new Response(stream, { headers: { "content-type": "application/jsonl; charset=utf-8" } });
      }
      throw new AppError(
        "not_found",
        "A conversation has a socket, its messages and its journal, nothing else.",
      );
    } catch (error) {
      const wire = toWire(error);
      if (wire.code === "internal") console.error("conversation request failed", error);
      const status = error instanceof AppError ? error.status : 500;
      return Response.json({ error: wire }, { status });
    }
  }

  async send(principal: Principal, message: InboundMessage): Promise<Accepted> {
    await this.#lifecycle.start();
    const key = `${message.source}:${message.key}`;
    const earlier = this.#store.state.seen.get(key);
    if (earlier) return { turn: earlier, fresh: false };
    const text = message.text.trim();
    if (!text) throw new AppError("message_empty", "Write something first: the message is empty.");
    const request: ChatRequest = {
      type: "new",
      request: `q_${id()}`,
      keys: [key],
      messages: [{ id: `m_${id()}`, parts: [{ type: "text", text }] }],
    };
    return this.#submit(request, { id: principal.userId, name: principal.name }, message.source);
  }

  async settingsChanged(settings: AgentSettings): Promise<void> {
    await this.#lifecycle.start();
    this.#settings.put(settings);
  }

  // --- the parts ------------------------------------------------------------------------------------------

  #load(): void {
    migrate(this.ctx.storage, [{ version: 1, sql: journalSql }], now());
    this.#store.load();
    if (this.#hasWork() && this.#store.countWake() > limits.wakesWithoutProgress) {
      this.#drive.giveUp({
        code: "turn_stalled",
        message:
          "This answer was interrupted again and again and was given up. Send the message once more to retry.",
      });
    }
    for (const connection of this.#webSockets.getConnections()) this.#chat.peers.of(connection);
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

  async #submit(request: ChatRequest, sender: Sender, source = "chat"): Promise<Accepted> {
    const turn = `t${id()}`;
    this.#drive.accept({
      kind: "input",
      at: now(),
      turn,
      request: request.request,
      keys: request.keys,
      source,
      sender,
      messages: request.messages,
      ...(request.regenerate !== undefined && { regenerate: request.regenerate }),
    });
    const accepted = findTurn(this.#store.state, turn);
    if (accepted) this.#announcer.working(this.#store.state, accepted, now());
    await this.#wake.armed();
    return { turn, fresh: true };
  }

  #clear(by: Sender): void {
    const state = this.#store.state;
    for (const turn of [...state.waiting, ...(state.active ? [state.active] : [])]) {
      if (turn.outcome === null) this.#drive.cancel(turn.id);
    }
    this.#commit([{ kind: "undo", at: now(), scope: "all", by }]);
  }

  #commit(entries: readonly Entry[]): void {
    this.#store.commit(entries);
    if (hasWork(this.#store.state)) this.#wake.arm();
    this.#chat.committed(entries);
  }

  /** Nothing left to do: the user's list of chats is told, and only then the wake is let go. */
  async #settled(): Promise<void> {
    try {
      await this.#announcer.settled(this.#store.state);
    } catch (error) {
      console.error("the list of chats could not be told; the wake will try again", error);
      return;
    }
    if (!hasWork(this.#store.state)) await this.#wake.cancel();
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
      settings: () => {
        const agent = this.#settings.current();
        if (!agent) return null;
        const model = agent.model || settingsOf(env).defaultModel;
        return { agent, model, userId, thread };
      },
      loadSettings: () => this.#settings.load(),
      model: modelPort(env, async (path) => {
        const file = await workspace.read(path).catch(() => null);
        return file ? new Uint8Array(await new Response(file.body).arrayBuffer()) : null;
      }),
      tools: toolbox({
        userId,
        thread,
        ports: { files: workspace, now },
        changed: (paths) => this.ctx.waitUntil(this.#announcer.files(paths)),
      }),
      toolKey: (call) => `${conversationName(userId, thread)}:${call}`,
      openStream: (stream, turn) => {
        const live = new LiveStream(stream, turn, {
          windowMs: limits.frameWindowMs,
          windowBytes: limits.frameWindowBytes,
          after,
          sink: (seq, body) => this.#chat.chunk(stream, seq, body),
        });
        this.#chat.opened(live);
        return live;
      },
      streamReplaced: (old, next) => this.#chat.replaced(old, next),
      savePartial: (turn, parts) => {
        try {
          this.#store.savePartial(turn, parts);
        } catch (error) {
          console.error("the partial answer could not be flushed; it is still in memory", error);
        }
      },
      ended: (turn, live) => this.#chat.ended(turn, live),
      settled: () => void this.#settled(),
      broke: (error) => console.error("the drive broke off; the wake will start it again", error),
    };
  }

  #sockets(): WebSockets {
    return new WebSockets({
      protocol: false,
      handlers: {
        onConnect: (connection, { request }) => {
          const { principal } = forwardedFrom(request.headers);
          const identity: PeerIdentity = {
            principal,
            console: new URL(request.url).searchParams.get("client") === "holdfast",
          };
          connection.setState(identity);
          const peer = this.#chat.peers.add(connection, identity);
          this.#chat.connected(peer);
          if (!this.#settings.current()) void this.#settings.load().catch(() => {});
        },
        onMessage: async (connection, message) => {
          const peer = this.#chat.peers.of(connection);
          if (peer) await this.#chat.message(peer, message);
        },
        onClose: (connection) => {
          const peer = this.#chat.peers.of(connection);
          if (peer) this.#chat.forget(peer);
        },
        onError: (connection) => {
          const peer = this.#chat.peers.of(connection);
          if (peer) this.#chat.forget(peer);
        },
      },
    });
  }
}

/** The port is made when a model is first called: a deployment without a gateway must still show its chats. */
function modelPort(env: Env, loadFile: (path: string) => Promise<Uint8Array | null>): TurnPorts["model"] {
  let port: TurnPorts["model"] | null = null;
  return {
    call(request, emit, signal) {
      const settings = settingsOf(env);
      port ??= createModelPort({
        binding: env.AI,
        localUrl: settings.gatewayUrl,
        gatewayId: settings.gatewayId,
        loadFile,
      });
      return port.call(request, emit, signal);
    },
  };
}
