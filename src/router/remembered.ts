/** What an isolate remembers for a while: at most so many values, each until its own time, the oldest gone first. */
export class Remembered<T> {
  readonly #entries = new Map<string, { value: T; until: number }>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** `now` and `until` are milliseconds since the epoch. */
  get(key: string, now: number): T | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    if (entry.until > now) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** Forgets the values that fit. */
  drop(fits: (value: T) => boolean): void {
    for (const [key, { value }] of this.#entries) if (fits(value)) this.#entries.delete(key);
  }

  set(key: string, value: T, until: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until });
    if (this.#entries.size <= this.#most) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
