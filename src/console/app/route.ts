/** Client-side routing: `/@{handle}`, `/@{handle}/{thread}` and `/join/{handle}/{token}`, by the History API. */
import { useSyncExternalStore } from "react";

export interface Route {
  handle: string;
  /** `null`: the newest chat, or an empty one. */
  thread: string | null;
}

/** The route of a path, or `null` for a path that is not the console's. */
export function routeOf(path: string): Route | null {
  const match = path.match(/^\/@([^/]+)(?:\/([^/]+))?\/?$/);
  if (!match?.[1]) return null;
  return { handle: decodeURIComponent(match[1]), thread: match[2] ? decodeURIComponent(match[2]) : null };
}

export const pathOf = (handle: string, thread?: string): string =>
  thread
    ? `/@${encodeURIComponent(handle)}/${encodeURIComponent(thread)}`
    : `/@${encodeURIComponent(handle)}`;

/** The invitation that a path is the page of, or `null`. */
export function invitationOf(path: string): { handle: string; token: string } | null {
  const match = path.match(/^\/join\/([^/]+)\/([^/]+)\/?$/);
  if (!match?.[1] || !match[2]) return null;
  return { handle: decodeURIComponent(match[1]), token: decodeURIComponent(match[2]) };
}

const listeners = new Set<() => void>();

/** Goes to a path of the console. `replace` leaves no entry to go back to. */
export function navigate(path: string, replace = false): void {
  if (path === location.pathname) return;
  if (replace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("popstate", listener);
  };
}

/** The path that is shown now. */
export const usePath = (): string => useSyncExternalStore(subscribe, () => location.pathname);
