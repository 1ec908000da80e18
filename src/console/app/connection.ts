/**
 * A socket that stays: reconnects with backoff and jitter, notices a dead connection by its own pings, and stops
 * when the server says that trying again is pointless. Used by the chat and by the live feed.
 */
import { PING, PONG } from "../../protocol/frames.ts";
import type { Platform, SocketLike } from "./platform.ts";

/** How long a new socket may take to open before it counts as lost. */
export const OPEN_WITHIN_MS = 15_000;
/** First wait before another attempt; doubles up to the longest. */
export const FIRST_BACKOFF_MS = 500;
export const LONGEST_BACKOFF_MS = 30_000;
/** No answer to a ping within this time: the connection is dead, whatever the browser believes. */
export const PONG_WITHIN_MS = 10_000;

export type ConnectionStatus =
  | { kind: "connecting"; attempt: number }
  /** `doubted`: the network is said to be gone, and the server has not answered since. */
  | { kind: "open"; doubted?: true }
  /** Lost; the next attempt is at `retryAt` (milliseconds since the epoch). */
  | { kind: "waiting"; attempt: number; retryAt: number }
  /** Stopped for good, with the server's reason. */
  | { kind: "stopped"; code: number; reason: string };

export interface ConnectionOptions {
  platform: Platform;
  path: string;
  pingEveryMs: number;
  onStatus(status: ConnectionStatus): void;
  /** Called before any frame of the new socket. */
  onOpen(): void;
  onText(text: string): void;
  /**
   * Browsers do not tell why an upgrade was refused. Asked after an attempt that never opened: a status and a
   * sentence when the server refuses for good, or `null` to go on trying.
   */
  whyRefused?(): Promise<{ code: number; reason: string } | null>;
}

export interface Connection {
  /** False when there is no open socket. */
  send(text: string): boolean;
  /** Drops the wait, if any, and tries at once. */
  retry(): void;
  close(): void;
}

/** Policy violation, and the range that applications use: trying again cannot help. */
const isFinal = (code: number): boolean => code === 1008 || (code >= 4000 && code <= 4999);

/** Connects, and keeps connected until `close` or a final close code. */
export function connect(options: ConnectionOptions): Connection {
  const { platform } = options;
  let socket: SocketLike | null = null;
  let opened = false;
  let doubted = false;
  let ended = false;
  let attempt = 0;
  let waiting = false;
  let cancelRetry = () => {};
  let cancelPing = () => {};
  let cancelPong = () => {};
  let cancelOpening = () => {};

  function quiet(): void {
    cancelRetry();
    cancelPing();
    cancelPong();
    cancelOpening();
  }

  function drop(): void {
    quiet();
    const old = socket;
    socket = null;
    opened = false;
    doubted = false;
    if (!old) return;
    old.onopen = null;
    old.onmessage = null;
    old.onclose = null;
    // A dead socket answers no close handshake; nobody listens to it any more either way.
    old.close();
  }

  function stop(code: number, reason: string): void {
    drop();
    ended = true;
    stopListening();
    options.onStatus({ kind: "stopped", code, reason });
  }

  function wait(): void {
    const longest = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(attempt, 10));
    // Between half and the whole of the backoff, so that a restarted server is not met by everyone at once.
    const ms = Math.round(longest * (0.5 + platform.random() / 2));
    attempt += 1;
    waiting = true;
    options.onStatus({ kind: "waiting", attempt, retryAt: platform.now() + ms });
    cancelRetry = platform.after(ms, open);
  }

  async function lost(neverOpened: boolean): Promise<void> {
    drop();
    if (neverOpened && options.whyRefused) {
      const before = attempt;
      waiting = true; // a wake during the question goes ahead at once
      const refusal = await options.whyRefused().catch(() => null); // unreachable is no refusal: go on trying
      if (ended || socket || before !== attempt) return;
      if (refusal) return stop(refusal.code, refusal.reason);
    }
    wait();
  }

  function ping(): void {
    cancelPing();
    cancelPong();
    socket?.send(PING);
    cancelPong = platform.after(PONG_WITHIN_MS, () => void lost(false));
  }

  function armPing(): void {
    cancelPing();
    cancelPing = platform.after(options.pingEveryMs, ping);
  }

  function open(): void {
    quiet();
    if (ended || socket) return;
    waiting = false;
    options.onStatus({ kind: "connecting", attempt });
    const mine = platform.socket(options.path);
    socket = mine;
    cancelOpening = platform.after(OPEN_WITHIN_MS, () => void lost(true));
    mine.onopen = () => {
      cancelOpening();
      opened = true;
      attempt = 0;
      armPing();
      options.onStatus({ kind: "open" });
      options.onOpen();
    };
    mine.onmessage = (event) => {
      // Any frame proves that the connection lives.
      cancelPong();
      armPing();
      if (doubted) {
        doubted = false;
        options.onStatus({ kind: "open" });
      }
      if (typeof event.data === "string" && event.data !== PONG) options.onText(event.data);
    };
    mine.onclose = (event) => {
      if (isFinal(event.code)) return stop(event.code, event.reason);
      void lost(!opened);
    };
  }

  const retry = () => {
    if (waiting) open();
  };
  // A laptop that slept has sockets that look open: ask at once instead of at the next ping.
  const stopWaking = platform.onWake(() => (opened ? ping() : retry()));
  // A socket whose network is gone looks open for long, but a server on this machine needs no network: ask it.
  const stopOffline = platform.onOffline(() => {
    if (!opened) return;
    doubted = true;
    options.onStatus({ kind: "open", doubted });
    ping();
  });
  function stopListening(): void {
    stopWaking();
    stopOffline();
  }
  open();

  return {
    send: (text) => {
      if (!socket || !opened) return false;
      socket.send(text);
      return true;
    },
    retry,
    close: () => {
      ended = true;
      stopListening();
      drop();
    },
  };
}
