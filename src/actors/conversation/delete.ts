/**
 * Whether a conversation exists, and its end. A chat that was deleted for good leaves nothing behind in its own actor;
 * its name is kept by the user's, and is asked for whenever an actor without a database is addressed.
 */
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { within } from "./within.ts";

/** What a client's socket is closed with. The sentence is shown. */
export const DELETED = { code: 4410, reason: "This chat was deleted for good." } as const;

export interface ExistenceOptions {
  storage: DurableObjectStorage;
  /** Loads the object. */
  start(): Promise<void>;
  /** Whether the owner has deleted a chat of this name for good. */
  deleted(): Promise<boolean>;
  after(ms: number, run: () => void): () => void;
  /** Whether a journal is just being copied into the object. */
  copying(): boolean;
  /** Ends what runs, and tells the clients. */
  stop(): void;
  /** Clears the alarm, and never sets it again. */
  disarm(): Promise<void>;
}

export class Existence {
  readonly #options: ExistenceOptions;
  #known: Promise<void> | null = null;
  #destroyed: Promise<void> | null = null;

  constructor(options: ExistenceOptions) {
    this.#options = options;
  }

  /** It is being deleted, or was: nobody is to be told anything of it. */
  get ended(): boolean {
    return this.#destroyed !== null;
  }

  /** Whether there is a conversation, without making one. */
  get known(): boolean {
    return !this.ended && !isNew(this.#options.storage);
  }

  /**
   * Before anything is asked of the conversation: it exists or may begin, and is loaded. Throws `thread_deleted`, and
   * `thread_unknown` while a journal is being copied into it.
   */
  async begin(): Promise<void> {
    await this.enter();
    if (this.#options.copying()) {
      throw new AppError("thread_unknown", "This chat is just being copied. It opens in a moment.");
    }
  }

  /** The same for who copies. */
  async enter(): Promise<void> {
    if (this.#destroyed) throw gone();
    this.#known ??= this.#ask();
    try {
      await this.#known;
    } catch (error) {
      this.#known = null;
      throw error;
    }
    await this.#options.start();
    if (this.#destroyed) throw gone();
  }

  /**
   * Deletes everything that the object holds. Resolves when it is gone, with false if there was nothing; a second call
   * waits for the first. Otherwise the name is refused for as long as this life of the object lasts.
   */
  async destroy(): Promise<boolean> {
    if (!this.#destroyed && isNew(this.#options.storage)) return false;
    this.#destroyed ??= this.#destroy();
    try {
      await this.#destroyed;
    } catch (error) {
      this.#destroyed = null; // it may be tried again
      throw error;
    }
    return true;
  }

  /** A database that has no table is that of a new conversation, or of one that was deleted. */
  async #ask(): Promise<void> {
    const { storage, deleted, after } = this.#options;
    if (!isNew(storage)) return;
    if (await within(after, limits.askWithinMs, "The list of chats", deleted())) throw gone();
  }

  async #destroy(): Promise<void> {
    const { storage, start, stop, disarm } = this.#options;
    // A journal that cannot be loaded, or that takes no more entries, can be deleted all the same.
    await start().catch((error) => console.error("a chat is deleted unloaded", error));
    try {
      stop();
    } catch (error) {
      console.error("a chat is deleted while a turn runs that could not be stopped", error);
    }
    await disarm();
    await storage.deleteAll();
    await storage.sync();
  }
}

const gone = (): AppError =>
  new AppError(
    "thread_deleted",
    "This chat was deleted for good. Start a new one; its name is not used again.",
  );

function isNew(storage: DurableObjectStorage): boolean {
  const known = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'journal'");
  return known.toArray().length === 0;
}
