/**
 * What the console takes from the browser, in one place. Everything below `app/` and `chat/` is handed a `Platform`,
 * so that its tests run on a clock, a socket and a storage of their own.
 */

/** Text by key that survives a reload. Never throws: a browser that refuses storage gives one that forgets. */
export interface TextStore {
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
  keys(prefix: string): string[];
  /** Changes made by other tabs; `value` is `null` for a removed key. Returns the unsubscriber. */
  onChange(listener: (key: string, value: string | null) => void): () => void;
}

/** The part of a WebSocket that the console uses. */
export interface SocketLike {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** `keepalive`: the request is finished even when the page is left meanwhile. */
export type FetchInit = RequestInit & { keepalive?: boolean };

export interface Platform {
  /** Milliseconds since the epoch. */
  now(): number;
  /** A number in [0, 1), for jitter only. */
  random(): number;
  /** A new id: the prefix and 24 random base32 characters. */
  id(prefix: string): string;
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
  /** Calls back when trying again at once is worthwhile: the network is back, or the page is looked at again. */
  onWake(callback: () => void): () => void;
  /** Calls back when the browser believes that the network is gone. */
  onOffline(callback: () => void): () => void;
  /** What the browser believes. It is wrong for a server on the same machine: use it for words, never for decisions. */
  online(): boolean;
  storage: TextStore;
  /** Opens a WebSocket to a path of this origin. */
  socket(path: string): SocketLike;
  /** `fetch` with this origin's cookies. */
  fetch(path: string, init?: FetchInit): Promise<Response>;
}
