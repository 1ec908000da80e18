/**
 * Two append-only collections that share structure between versions, so that `reduce` stays pure and a long
 * conversation costs no more to append to than a short one.
 */

const CHUNK = 128;

/** A list. `push` copies at most one chunk and, each 128 pushes, the list of chunks. */
export class Log<T> {
  static readonly empty: Log<never> = new Log([], []);
  readonly #chunks: readonly (readonly T[])[];
  readonly #tail: readonly T[];

  private constructor(chunks: readonly (readonly T[])[], tail: readonly T[]) {
    this.#chunks = chunks;
    this.#tail = tail;
  }

  get length(): number {
    return this.#chunks.length * CHUNK + this.#tail.length;
  }

  at(index: number): T | undefined {
    const full = this.#chunks.length * CHUNK;
    if (index < 0) return undefined;
    return index < full ? this.#chunks[Math.floor(index / CHUNK)]?.[index % CHUNK] : this.#tail[index - full];
  }

  push(value: T): Log<T> {
    const tail = [...this.#tail, value];
    return tail.length < CHUNK ? new Log(this.#chunks, tail) : new Log([...this.#chunks, tail], []);
  }

  /** The first `length` values. */
  take(length: number): Log<T> {
    if (length >= this.length) return this;
    const kept = Math.floor(length / CHUNK);
    const rest = this.#chunks[kept] ?? this.#tail;
    return new Log(this.#chunks.slice(0, kept), rest.slice(0, length - kept * CHUNK));
  }

  /** Values from `from` to `to`, as an array. */
  slice(from: number, to: number = this.length): T[] {
    const out: T[] = [];
    for (let i = Math.max(from, 0); i < Math.min(to, this.length); i++) {
      const value = this.at(i);
      if (value !== undefined) out.push(value);
    }
    return out;
  }
}

/** A map that only grows. Small generations are merged like a binary counter: log n look-ups, log n copies. */
export class Keys {
  static readonly empty: Keys = new Keys([]);
  readonly #levels: readonly ReadonlyMap<string, string>[];

  private constructor(levels: readonly ReadonlyMap<string, string>[]) {
    this.#levels = levels;
  }

  get(key: string): string | undefined {
    for (let i = this.#levels.length - 1; i >= 0; i--) {
      const value = this.#levels[i]?.get(key);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  set(keys: readonly string[], value: string): Keys {
    if (keys.length === 0) return this;
    const levels = [...this.#levels];
    let merged = new Map<string, string>();
    for (const key of keys) merged.set(key, value);
    for (let last = levels.at(-1); last && last.size <= merged.size * 2; last = levels.at(-1)) {
      levels.pop();
      const older = new Map(last);
      for (const [k, v] of merged) older.set(k, v);
      merged = older;
    }
    levels.push(merged);
    return new Keys(levels);
  }
}
