/**
 * Two append-only collections that share structure between versions, so that `reduce` stays pure and a long
 * conversation costs no more to append to than a short one. Their oldest parts may be kept elsewhere (`checkpoint.ts`)
 * and are loaded, synchronously, when somebody asks for them.
 */

const CHUNK = 128;

/** A value of a `Log` knows how much of the log is before it. `before` grows from one value to the next. */
export interface Placed {
  readonly weight: number;
  readonly before: number;
}

/** Consecutive values of a `Log` that are kept elsewhere. */
export interface StoredChunk<T> {
  /** How many there are; at least one. */
  readonly size: number;
  /** `before` of the first. */
  readonly before: number;
  load(): readonly T[];
}

/** The beginning of a log that is kept elsewhere. */
interface Stored<T> {
  readonly chunks: readonly StoredChunk<T>[];
  /** Index of each chunk's first value. */
  readonly starts: readonly number[];
  readonly length: number;
}

/** A list. `push` copies at most one chunk and, each 128 pushes, the list of chunks. */
export class Log<T extends Placed> {
  static readonly empty: Log<never> = Log.of<never>([], [], null);
  readonly #stored: Stored<T>;
  readonly #chunks: readonly (readonly T[])[];
  readonly #tail: readonly T[];
  /** Names of stored values → their index. Null: there is none, and nothing stored either. */
  readonly #index: Keys | null;

  private constructor(
    stored: Stored<T>,
    chunks: readonly (readonly T[])[],
    tail: readonly T[],
    index: Keys | null,
  ) {
    this.#stored = stored;
    this.#chunks = chunks;
    this.#tail = tail;
    this.#index = index;
  }

  /** A log that begins with stored chunks and goes on with `values`. `index` names the stored ones, see `find`. */
  static of<T extends Placed>(
    chunks: readonly StoredChunk<T>[],
    values: readonly T[],
    index: Keys | null,
  ): Log<T> {
    const starts: number[] = [];
    let length = 0;
    for (const chunk of chunks) {
      starts.push(length);
      length += chunk.size;
    }
    const full: (readonly T[])[] = [];
    let at = 0;
    for (; values.length - at >= CHUNK; at += CHUNK) full.push(values.slice(at, at + CHUNK));
    return new Log({ chunks, starts, length }, full, values.slice(at), index);
  }

  get length(): number {
    return this.#stored.length + this.#chunks.length * CHUNK + this.#tail.length;
  }

  /** Values before this index are kept elsewhere. */
  get storedLength(): number {
    return this.#stored.length;
  }

  get storedChunks(): readonly StoredChunk<T>[] {
    return this.#stored.chunks;
  }

  get index(): Keys {
    return this.#index ?? Keys.empty;
  }

  at(index: number): T | undefined {
    if (index < 0) return undefined;
    if (index < this.#stored.length) {
      const chunk = lastAtMost(this.#stored.starts, index);
      return this.#stored.chunks[chunk]?.load()[index - (this.#stored.starts[chunk] ?? 0)];
    }
    const rest = index - this.#stored.length;
    const full = this.#chunks.length * CHUNK;
    return rest < full ? this.#chunks[Math.floor(rest / CHUNK)]?.[rest % CHUNK] : this.#tail[rest - full];
  }

  push(value: T): Log<T> {
    const tail = [...this.#tail, value];
    return tail.length < CHUNK
      ? new Log(this.#stored, this.#chunks, tail, this.#index)
      : new Log(this.#stored, [...this.#chunks, tail], [], this.#index);
  }

  /** The first `length` values. */
  take(length: number): Log<T> {
    if (length >= this.length) return this;
    if (length < this.#stored.length) return this.#takeStored(Math.max(length, 0));
    const rest = length - this.#stored.length;
    const kept = Math.floor(rest / CHUNK);
    const last = this.#chunks[kept] ?? this.#tail;
    return new Log(
      this.#stored,
      this.#chunks.slice(0, kept),
      last.slice(0, rest - kept * CHUNK),
      this.#index,
    );
  }

  /** What is left of a chunk that is cut is held in memory. */
  #takeStored(length: number): Log<T> {
    const cut = lastAtMost(this.#stored.starts, length);
    const left = length - (this.#stored.starts[cut] ?? 0);
    const values = left > 0 ? (this.#stored.chunks[cut]?.load().slice(0, left) ?? []) : [];
    return Log.of(this.#stored.chunks.slice(0, cut), values, this.#index);
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

  /** Index of the first value whose `before` is at least `before`; `length` when there is none. Loads one chunk at most. */
  search(before: number): number {
    const { chunks, starts, length } = this.#stored;
    const first = this.at(length);
    if (length === 0 || (first !== undefined && first.before < before)) {
      return this.#firstFrom(length, this.length, before);
    }
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((chunks[middle]?.before ?? 0) >= before) high = middle;
      else low = middle + 1;
    }
    // The chunk before it begins too early, but may hold the value.
    return low === 0 ? 0 : this.#firstFrom(starts[low - 1] ?? 0, starts[low] ?? length, before);
  }

  #firstFrom(from: number, to: number, before: number): number {
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.at(middle)?.before ?? 0) >= before) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /**
   * Index of the newest value that `is` recognises; -1 when there is none. Values in memory are looked at one by one,
   * stored ones are looked up by `name`, which must be what they were indexed under.
   */
  find(name: string, is: (value: T) => boolean): number {
    for (let i = this.length - 1; i >= this.#stored.length; i--) {
      const value = this.at(i);
      if (value !== undefined && is(value)) return i;
    }
    const known = this.#index?.get(name);
    if (known === undefined) return -1;
    // The index never shrinks: since then the log may have been cut, and something else stand there.
    const place = Number(known);
    const value = place < this.#stored.length ? this.at(place) : undefined;
    return value !== undefined && is(value) ? place : -1;
  }
}

/** Index of the last of ascending numbers that is at most `limit`; 0 when none is. */
function lastAtMost(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((numbers[middle] ?? 0) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** A part of a `Keys` that is kept elsewhere, or a `Map`. */
export interface KeyRun {
  readonly size: number;
  get(key: string): string | undefined;
}

/** A map that only grows. Small generations are merged like a binary counter: log n look-ups, log n copies. */
export class Keys {
  static readonly empty: Keys = new Keys([]);
  /** Oldest first; the newest that knows a key decides. */
  readonly runs: readonly KeyRun[];

  private constructor(runs: readonly KeyRun[]) {
    this.runs = runs;
  }

  static of(runs: readonly KeyRun[]): Keys {
    return new Keys(runs.filter((run) => run.size > 0));
  }

  get(key: string): string | undefined {
    for (let i = this.runs.length - 1; i >= 0; i--) {
      const value = this.runs[i]?.get(key);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  set(keys: readonly string[], value: string): Keys {
    if (keys.length === 0) return this;
    const runs = [...this.runs];
    let merged = new Map<string, string>();
    for (const key of keys) merged.set(key, value);
    for (let last = runs.at(-1); last instanceof Map && last.size <= merged.size * 2; last = runs.at(-1)) {
      runs.pop();
      const older = new Map<string, string>(last);
      for (const [k, v] of merged) older.set(k, v);
      merged = older;
    }
    runs.push(merged);
    return new Keys(runs);
  }
}
