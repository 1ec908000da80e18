/** The browser as a `Platform`: the only file of the console that asks for the time, for randomness or for storage. */
import type { Platform, SocketLike, TextStore } from "./platform.ts";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const ID_CHARS = 24;

function browserStorage(): TextStore {
  const memory = new Map<string, string>();
  // Private windows and full disks make localStorage throw on any access; then this tab remembers by itself.
  const attempt = <T>(work: () => T, otherwise: () => T): T => {
    try {
      return work();
    } catch {
      return otherwise();
    }
  };
  return {
    get: (key) =>
      memory.get(key) ??
      attempt(
        () => localStorage.getItem(key),
        () => null,
      ),
    set: (key, value) =>
      attempt(
        () => {
          localStorage.setItem(key, value);
          memory.delete(key);
        },
        () => void memory.set(key, value),
      ),
    remove: (key) => {
      memory.delete(key);
      attempt(
        () => localStorage.removeItem(key),
        () => undefined,
      );
    },
    keys: (prefix) => {
      const stored = attempt(
        () => Object.keys(localStorage),
        () => [],
      );
      return [...new Set([...stored, ...memory.keys()])].filter((key) => key.startsWith(prefix));
    },
    onChange: (listener) => {
      const heard = (event: StorageEvent) => {
        if (event.key !== null && event.storageArea === localStorage) listener(event.key, event.newValue);
      };
      addEventListener("storage", heard);
      return () => removeEventListener("storage", heard);
    },
  };
}

function browserSocket(path: string): SocketLike {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`);
  const like: SocketLike = {
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (text) => socket.send(text),
    close: (code, reason) => socket.close(code, reason),
  };
  socket.onopen = () => like.onopen?.();
  socket.onmessage = (event) => like.onmessage?.({ data: event.data });
  socket.onclose = ({ code, reason }) => like.onclose?.({ code, reason });
  return like;
}

/** The browser itself. Made once, in `main.tsx`. */
export function browserPlatform(): Platform {
  return {
    now: () => Date.now(),
    random: () => Math.random(),
    id: (prefix) => {
      const bytes = crypto.getRandomValues(new Uint8Array(ID_CHARS));
      return prefix + Array.from(bytes, (byte) => ALPHABET[byte & 31]).join("");
    },
    after: (ms, callback) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    onWake: (callback) => {
      const seen = () => {
        if (document.visibilityState === "visible") callback();
      };
      addEventListener("online", callback);
      addEventListener("pageshow", seen);
      document.addEventListener("visibilitychange", seen);
      return () => {
        removeEventListener("online", callback);
        removeEventListener("pageshow", seen);
        document.removeEventListener("visibilitychange", seen);
      };
    },
    onOffline: (callback) => {
      addEventListener("offline", callback);
      return () => removeEventListener("offline", callback);
    },
    online: () => navigator.onLine,
    storage: browserStorage(),
    socket: browserSocket,
    fetch: (path, init) => fetch(path, { credentials: "same-origin", ...init }),
  };
}
