/** The list of chats: loaded once, kept current by the feed, with what the reader has seen of each. */
import { z } from "zod";
import type { FeedEvent, ThreadSummary } from "../../protocol/rpc.ts";
import type { Api } from "./api.ts";
import { threadSchema } from "./api.ts";
import type { TextStore } from "./platform.ts";

export interface ThreadItem extends ThreadSummary {
  /** It changed since the reader last looked at it. */
  unread: boolean;
}

export interface ThreadsSnapshot {
  loaded: boolean;
  /** Newest first. */
  threads: readonly ThreadItem[];
}

export interface ThreadList {
  subscribe(listener: () => void): () => void;
  snapshot(): ThreadsSnapshot;
  load(): Promise<void>;
  onEvent(event: FeedEvent): void;
  /** The reader looks at this chat (or at none): it stays read while it changes. */
  look(thread: string | null): void;
  /** A new chat's id. It joins the list with its first message. */
  create(): Promise<string>;
  search(query: string, signal: AbortSignal): Promise<ThreadSummary[]>;
  rename(thread: string, title: string): Promise<void>;
  /** Hides the chat at once; `archive` tells the server. */
  hide(thread: string): void;
  show(thread: string): void;
  archive(thread: string): Promise<void>;
}

const listSchema = z.object({ threads: z.array(threadSchema) });
const createdSchema = z.object({ thread: z.looseObject({ id: z.string() }) });
const renamedSchema = z.object({ thread: threadSchema });
const seenSchema = z.record(z.string(), z.number());

/** A chat that was seen for the last time this long ago need not be remembered: it is read, or long gone. */
const SEEN_KEPT = 500;

export function threadList(api: Api, store: TextStore, handle: string): ThreadList {
  const base = `/api/agents/${encodeURIComponent(handle)}/threads`;
  const seenKey = `holdfast:seen:${handle}`;
  const listeners = new Set<() => void>();
  const known = new Map<string, ThreadSummary>();
  const hidden = new Set<string>();
  let seen = readSeen(store.get(seenKey));
  let looking: string | null = null;
  let loaded = false;
  let view: ThreadsSnapshot | null = null;

  const publish = () => {
    view = null;
    for (const listener of listeners) listener();
  };
  const markSeen = (thread: string, at: number) => {
    if ((seen[thread] ?? 0) >= at) return;
    const entries = Object.entries({ ...seen, [thread]: at }).sort((a, b) => b[1] - a[1]);
    seen = Object.fromEntries(entries.slice(0, SEEN_KEPT));
    store.set(seenKey, JSON.stringify(seen));
  };
  const put = (thread: ThreadSummary) => {
    known.set(thread.id, thread);
    if (thread.id === looking) markSeen(thread.id, thread.updatedAt);
    // What was there before this browser first looked is not news.
    if (seen[thread.id] === undefined && !loaded) markSeen(thread.id, thread.updatedAt);
  };
  const replaceAll = (threads: readonly ThreadSummary[]) => {
    known.clear();
    for (const thread of threads) put(thread);
    loaded = true;
  };
  store.onChange((key, value) => {
    if (key !== seenKey) return;
    seen = readSeen(value);
    publish();
  });

  async function list(query: string, signal?: AbortSignal): Promise<ThreadSummary[]> {
    const path = query ? `${base}?query=${encodeURIComponent(query)}` : base;
    return (await api.get(path, listSchema, signal)).threads;
  }

  return {
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    snapshot: () => {
      view ??= {
        loaded,
        threads: [...known.values()]
          .filter((thread) => !hidden.has(thread.id))
          .sort((a, b) => b.updatedAt - a.updatedAt)
          .map((thread) => ({
            ...thread,
            unread:
              thread.id !== looking &&
              thread.status !== "working" &&
              thread.updatedAt > (seen[thread.id] ?? 0),
          })),
      };
      return view;
    },
    load: async () => {
      replaceAll(await list(""));
      publish();
    },
    onEvent: (event) => {
      if (event.type === "threads") replaceAll(event.threads);
      else if (event.type === "thread") put(event.thread);
      else if (event.type === "thread_removed") known.delete(event.thread);
      else return;
      publish();
    },
    look: (thread) => {
      looking = thread;
      const summary = thread === null ? undefined : known.get(thread);
      if (summary) markSeen(summary.id, summary.updatedAt);
      publish();
    },
    create: async () => (await api.send("POST", base, {}, createdSchema)).thread.id,
    search: (query, signal) => list(query, signal),
    rename: async (thread, title) => {
      const before = known.get(thread);
      if (before) put({ ...before, title });
      publish();
      try {
        const renamed = await api.send(
          "PATCH",
          `${base}/${encodeURIComponent(thread)}`,
          { title },
          renamedSchema,
        );
        put(renamed.thread);
      } catch (error) {
        if (before) put(before);
        throw error;
      } finally {
        publish();
      }
    },
    hide: (thread) => {
      hidden.add(thread);
      publish();
    },
    show: (thread) => {
      hidden.delete(thread);
      publish();
    },
    archive: async (thread) => {
      // It may be told on the way out of the page.
      await api.call(`${base}/${encodeURIComponent(thread)}`, { method: "DELETE", keepalive: true });
      known.delete(thread);
      hidden.delete(thread);
      publish();
    },
  };
}

function readSeen(text: string | null): Record<string, number> {
  try {
    const parsed = seenSchema.safeParse(JSON.parse(text ?? "{}"));
    return parsed.success ? parsed.data : {};
  } catch {
    return {}; // written by something else: everything counts as seen on the next load
  }
}
