/** The user's settings as one conversation knows them: fetched from the user actor, believed for a while. */
import type { AgentSettings } from "../../protocol/rpc.ts";

export class SettingsCache {
  readonly #load: () => Promise<AgentSettings>;
  readonly #now: () => number;
  readonly #ttlMs: number;
  #settings: AgentSettings | null = null;
  #loadedAt = 0;
  #loading: Promise<void> | null = null;

  constructor(options: { load: () => Promise<AgentSettings>; now: () => number; ttlMs: number }) {
    this.#load = options.load;
    this.#now = options.now;
    this.#ttlMs = options.ttlMs;
  }

  /** Null when they have to be fetched first. */
  current(): AgentSettings | null {
    return this.#now() - this.#loadedAt < this.#ttlMs ? this.#settings : null;
  }

  /** A change was pushed. A late copy never wins over a newer one. */
  put(settings: AgentSettings): void {
    if (this.#settings && settings.version < this.#settings.version) return;
    this.#settings = settings;
    this.#loadedAt = this.#now();
  }

  /** Fetches them. When that fails the last known ones serve on; without any it throws. */
  async load(): Promise<void> {
    this.#loading ??= this.#load()
      .then((settings) => this.put(settings))
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
