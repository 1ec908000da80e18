/**
 * Whether a connection lives. A laptop that slept and a server that hangs leave sockets behind that look open and
 * deliver nothing: one that has been quiet is asked, and one that does not answer is dead.
 */

/** How long a new socket may take to open. */
export const OPEN_WITHIN_MS = 15_000;
/** How long it may be quiet before it is asked. */
export const QUIET_MS = 20_000;
/** How long the answer may take. */
export const ANSWER_WITHIN_MS = 10_000;

export interface PulseOptions {
  /** Calls back after a time; returns how to take it back. */
  after(ms: number, run: () => void): () => void;
  /** Asks the other side for a sign of life. */
  ask(): void;
  /** There was none. Told once; then it rests. */
  dead(): void;
}

export class Pulse {
  readonly #options: PulseOptions;
  #cancel: (() => void) | null = null;

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  /** A socket is being opened. */
  opening(): void {
    this.#set(OPEN_WITHIN_MS, this.#options.dead);
  }

  /** The other side was heard: the socket opened, or something came. */
  heard(): void {
    this.#set(QUIET_MS, () => {
      this.#set(ANSWER_WITHIN_MS, this.#options.dead);
      this.#options.ask();
    });
  }

  /** There is no socket any more. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #set(ms: number, run: () => void): void {
    this.stop();
    this.#cancel = this.#options.after(ms, () => {
      this.#cancel = null;
      run();
    });
  }
}
