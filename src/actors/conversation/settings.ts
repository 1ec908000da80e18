/** The user's settings as one conversation knows them: fetched from the user actor, believed for a while. */
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { AgentSettings } from "../../protocol/rpc.ts";
import { within } from "./within.ts";

export class SettingsCache {
  readonly #load: () => Promise<AgentSettings>;
  readonly #now: () => number;
  readonly #ttlMs: number;
  readonly #after: (ms: number, run: () => void) => () => void;
  #settings: AgentSettings | null = null;
  #loadedAt = 0;
  #loading: Promise<void> | null = null;

  constructor(options: {
    load: () => Promise<AgentSettings>;
    now: () => number;
    after: (ms: number, run: () => void) => () => void;
    ttlMs: number;
  }) {
    this.#load = options.load;
    this.#now = options.now;
    this.#ttlMs = options.ttlMs;
    this.#after = options.after;
  }

  /** Null when they have to be fetched first: they are unknown, too old, or were fetched before `since`. */
  current(since = 0): AgentSettings | null {
    const fresh = this.#loadedAt >= since && this.#now() - this.#loadedAt < this.#ttlMs;
    return fresh ? this.#settings : null;
  }

  /** The settings, fetched first when they are not known. Throws when they never were and cannot be. */
  async known(): Promise<AgentSettings> {
    if (!this.current()) await this.load();
    const known = this.#settings;
    if (!known) throw new AppError("internal", "The settings are not known yet. Try again.");
    return known;
  }

  /** A change was pushed. A late copy never wins over a newer one. */
  put(settings: AgentSettings): void {
    if (this.#settings && settings.version < this.#settings.version) return;
    this.#settings = settings;
    this.#loadedAt = this.#now();
  }

  /** Fetches them. When that fails the last known ones serve on; without any it throws. */
  async load(): Promise<void> {
    this.#loading ??= within(this.#after, limits.askWithinMs, "the user actor", this.#load())
      .then((settings) => {
        this.put(settings);
        // Also when it is an older copy (the user's data were restored): asked again, it would be the same.
        this.#loadedAt = this.#now();
      })
      .catch((error) => {
        if (!this.#settings) throw error;
        console.error("settings could not be fetched; the last known ones serve", error);
        this.#loadedAt = this.#now();
      })
      .finally(() => {
        this.#loading = null;
      });
    await this.#loading;
  }
}
