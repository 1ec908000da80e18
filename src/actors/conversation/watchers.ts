/** Who follows answers beside the chat's sockets: each hears every chunk, and how turns end. */
import type { Turn } from "./state.ts";

export interface Watcher {
  /** A chunk of the stream with this id, as JSON. */
  chunk(stream: string, body: string): void;
  /** A turn waits for a person, and its stream is over for now. */
  rested(turn: Turn): void;
  /** A turn has its outcome. */
  ended(turn: Turn): void;
}

export class Watchers {
  readonly #watchers = new Set<Watcher>();

  add(watcher: Watcher): void {
    this.#watchers.add(watcher);
  }

  delete(watcher: Watcher): void {
    this.#watchers.delete(watcher);
  }

  chunk(stream: string, body: string): void {
    for (const watcher of this.#watchers) watcher.chunk(stream, body);
  }

  rested(turn: Turn): void {
    for (const watcher of this.#watchers) watcher.rested(turn);
  }

  ended(turn: Turn): void {
    for (const watcher of this.#watchers) watcher.ended(turn);
  }
}
