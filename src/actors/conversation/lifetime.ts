/** How a conversation comes into being, new or as a copy, and how it ends for good. */
import { limits } from "../../limits.ts";
import type { ConversationRpc, CopyStep, Principal, Sender, UserRpc } from "../../protocol/rpc.ts";
import { CopyTarget } from "./copy.ts";
import { DELETED, Existence } from "./delete.ts";
import type { Peers } from "./peers.ts";
import { hasWork } from "./state.ts";
import type { Store } from "./store.ts";
import { Transfer } from "./transfer.ts";

export interface LifetimeOptions {
  ctx: DurableObjectState;
  store: Store;
  /** The conversation's own thread. */
  thread: string;
  now(): number;
  user(): UserRpc;
  /** Another conversation of the same user. */
  conversation(thread: string): ConversationRpc;
  lifecycle(): { start(): Promise<void>; disableAlarms(): Promise<void> };
  /** Stops a turn. */
  cancel(turn: string): void;
  /** Who is connected. */
  peers: Peers;
  after(ms: number, run: () => void): () => void;
  /** Sets the wake, and tells the user's list of chats what there is now. */
  announce(): Promise<void>;
}

export class Lifetime {
  /** To be listed with the object's other capabilities. */
  readonly copy: CopyTarget;
  readonly #options: LifetimeOptions;
  readonly #existence: Existence;
  readonly #transfer: Transfer;

  constructor(options: LifetimeOptions) {
    this.#options = options;
    const { ctx, store, now } = options;
    const destroy = async () => void (await this.#existence.destroy());
    this.copy = new CopyTarget({ storage: ctx.storage, store, now, destroy });
    this.#existence = new Existence({
      storage: ctx.storage,
      start: () => options.lifecycle().start(),
      deleted: () => options.user().threadDeleted(options.thread),
      after: options.after,
      copying: () => this.copy.pending,
      stop: () => this.#stop(),
      disarm: () => options.lifecycle().disableAlarms(),
    });
    this.#transfer = new Transfer({
      name: ctx.id.name ?? "",
      store,
      target: this.copy,
      existence: this.#existence,
      conversation: (thread) => options.conversation(thread),
      announce: (from, by) => this.#announce(from, by),
    });
  }

  /** A copy into this conversation has begun and has not ended: its journal is not to be read. */
  get copying(): boolean {
    return this.copy.pending;
  }

  /** It is being deleted: nobody is to be told of it any more. */
  get ended(): boolean {
    return this.#existence.ended;
  }

  /** Before anything else that is asked of the conversation. Throws `thread_deleted`, `thread_unknown`. */
  begin(): Promise<void> {
    return this.#existence.begin();
  }

  /** The same for who asks on the side and must not bring a chat into being: false when there is none. */
  async beginKnown(): Promise<boolean> {
    if (!this.#existence.known) return false;
    await this.begin();
    return true;
  }

  /** See `Transfer.fork`. */
  fork(by: Principal, into: string, message?: string): Promise<{ draft?: string }> {
    return this.#transfer.fork(by, into, this.#options.thread, message);
  }

  /** One step of a copy into this conversation. */
  take(step: CopyStep): Promise<void> {
    return this.#transfer.take(step);
  }

  /** See `Transfer.importFile`. */
  importFile(by: Principal, body: ReadableStream<Uint8Array>): Promise<void> {
    return this.#transfer.importFile(by, body);
  }

  /**
   * Deletes everything that the conversation holds, whatever runs. What is in memory goes as well, timers and calls in
   * flight included, and with it this call: it breaks off. Called again, it finds nothing and resolves.
   */
  async destroy(): Promise<void> {
    if (!(await this.#existence.destroy())) return;
    const { ctx, after, peers } = this.#options;
    // What was sent last would go with the memory, and clients have to learn why they were cut off. Not all say so.
    await Promise.race([peers.gone(), new Promise<void>((resolve) => after(limits.leaveMs, resolve))]);
    ctx.abort(DELETED.reason);
  }

  /** Whatever runs ends, and clients learn why. */
  #stop(): void {
    const { store, cancel, peers } = this.#options;
    const { active, waiting } = store.state;
    if (!store.readOnly && hasWork(store.state)) {
      for (const turn of [...waiting, ...(active ? [active] : [])])
        if (turn.outcome === null) cancel(turn.id);
    }
    for (const peer of peers) peer.connection.close(DELETED.code, DELETED.reason);
  }

  async #announce(from: string | null, by: Sender): Promise<void> {
    const { announce, user, thread } = this.#options;
    await announce();
    if (from === null) return;
    // The copy is listed; that it has its source's title is a courtesy.
    await user()
      .threadCopied(thread, from, by)
      .catch((error) => console.error("a fork kept the title of its first message", error));
  }
}
