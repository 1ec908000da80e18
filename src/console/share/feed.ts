/**
 * What is behind a link, kept up to date while somebody looks. Once the link is withdrawn or over, nothing of it is
 * kept here either.
 */
import { type SharedMessage, type SharedPage, sharedPageSchema } from "../../protocol/shares.ts";
import type { Platform } from "../app/platform.ts";

/** How often a page asks that follows its chat: about as fast as one reads. */
export const LIVE_MS = 4_000;
/** ... and one that does not, to learn that the link was withdrawn. */
export const FIXED_MS = 20_000;
/** The longest pause after failures; it doubles from `LIVE_MS`. */
const FAILED_MS = 60_000;
/** Browsers hold timers to 24 days. */
const LONGEST_TIMER_MS = 24 * 60 * 60 * 1000;

export type ShareView =
  | { kind: "loading" }
  /** `reason` is the server's sentence; empty when it expired while it was open. */
  | { kind: "gone"; reason: string }
  /** It was never shown, and cannot be reached. */
  | { kind: "failed" }
  | { kind: "shown"; page: SharedPage; reachable: boolean; loadingOlder: boolean };

export interface ShareFeed {
  subscribe(listener: () => void): () => void;
  view(): ShareView;
  loadOlder(): void;
  /** Asks at once. */
  again(): void;
  close(): void;
}

/** @param path the page's own, `/s/{token}` */
export function shareFeed(platform: Platform, path: string, visible: () => boolean): ShareFeed {
  const listeners = new Set<() => void>();
  let view: ShareView = { kind: "loading" };
  let etag = "";
  let failures = 0;
  let asking = false;
  let closed = false;
  let cancel = () => {};
  let cancelExpiry = () => {};

  const show = (next: ShareView): void => {
    view = next;
    for (const listener of listeners) listener();
  };

  function gone(reason: string): void {
    etag = "";
    cancel();
    cancelExpiry();
    show({ kind: "gone", reason });
  }

  function expireAt(at: number): void {
    cancelExpiry();
    const left = at - platform.now();
    if (left <= 0) return gone("");
    cancelExpiry = platform.after(Math.min(left, LONGEST_TIMER_MS), () => expireAt(at));
  }

  /** Older messages that were loaded stay in front; those of the newest page are as the server has them now. */
  function taken(page: SharedPage): void {
    failures = 0;
    const before = view.kind === "shown" ? view.page : null;
    const first = page.messages[0]?.id;
    const at = before?.messages.findIndex(({ id }) => id === first) ?? -1;
    const kept = before && at > 0 ? before.messages.slice(0, at) : [];
    const whole: SharedPage =
      kept.length > 0 ? { ...withOlder(page, before?.older), messages: [...kept, ...page.messages] } : page;
    show({ kind: "shown", page: whole, reachable: true, loadingOlder: false });
    expireAt(page.expiresAt);
  }

  async function ask(): Promise<void> {
    if (asking || closed || view.kind === "gone") return;
    asking = true;
    try {
      const response = await platform.fetch(`${path}/messages`, {
        headers: etag ? { "if-none-match": etag } : {},
        cache: "no-store",
      });
      if (response.status === 304) unchanged();
      else if (response.ok) {
        const page = sharedPageSchema.parse(await response.json());
        etag = response.headers.get("etag") ?? "";
        if (!closed) taken(page);
      } else if (response.status === 404 || response.status === 410 || response.status === 403) {
        gone(await sentenceOf(response));
      } else failed();
    } catch {
      failed();
    } finally {
      asking = false;
      plan();
    }
  }

  function unchanged(): void {
    failures = 0;
    if (view.kind === "shown" && !view.reachable) show({ ...view, reachable: true });
  }

  function failed(): void {
    failures += 1;
    if (view.kind === "shown") show({ ...view, reachable: false });
    else if (view.kind === "loading") show({ kind: "failed" });
  }

  function plan(): void {
    cancel();
    if (closed || view.kind === "gone") return;
    const calm = view.kind === "shown" && !view.page.live ? FIXED_MS : LIVE_MS;
    const pause = failures > 0 ? Math.min(LIVE_MS * 2 ** failures, FAILED_MS) : calm;
    // Nobody looks: whoever comes back asks at once.
    cancel = platform.after(pause, () => (visible() ? void ask() : plan()));
  }

  async function loadOlder(): Promise<void> {
    if (view.kind !== "shown" || view.loadingOlder || view.page.older === undefined) return;
    show({ ...view, loadingOlder: true });
    const { older } = view.page;
    try {
      const response = await platform.fetch(`${path}/messages?before=${encodeURIComponent(older)}`, {
        cache: "no-store",
      });
      if (response.status === 404 || response.status === 410) return gone(await sentenceOf(response));
      if (!response.ok) throw new Error(`The server answered ${response.status}.`);
      const page = sharedPageSchema.parse(await response.json());
      if (view.kind !== "shown") return;
      show({
        ...view,
        page: { ...withOlder(view.page, page.older), messages: joined(page.messages, view.page.messages) },
      });
    } catch {
      failed();
    } finally {
      if (view.kind === "shown" && view.loadingOlder) show({ ...view, loadingOlder: false });
    }
  }

  const offWake = platform.onWake(() => void ask());
  void ask();
  return {
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    view: () => view,
    loadOlder: () => void loadOlder(),
    again: () => void ask(),
    close() {
      closed = true;
      cancel();
      cancelExpiry();
      offWake();
    },
  };
}

function withOlder({ older: _, ...page }: SharedPage, older: string | undefined): SharedPage {
  return { ...page, ...(older !== undefined && { older }) };
}

function joined(older: readonly SharedMessage[], known: readonly SharedMessage[]): SharedMessage[] {
  const ids = new Set(known.map(({ id }) => id));
  return [...older.filter(({ id }) => !ids.has(id)), ...known];
}

async function sentenceOf(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => null); // proxies answer in HTML
  const error = body && typeof body === "object" && "error" in body ? body.error : null;
  return error && typeof error === "object" && "message" in error ? String(error.message) : "";
}
