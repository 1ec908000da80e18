/**
 * What the reader has sent and the server has not yet accepted. Kept in the browser's storage, one key a request,
 * so that a reload or a crash loses nothing and two tabs never overwrite each other. A request keeps its ids for
 * ever: however often it is sent, it counts once.
 */
import { z } from "zod";
import type { TextStore } from "../app/platform.ts";
import type { Message } from "./message.ts";

const sentPart = z.union([
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({
    type: z.literal("file"),
    mediaType: z.string(),
    filename: z.string().optional(),
    url: z.string(),
  }),
]);
export type SentPart = z.infer<typeof sentPart>;

const unsentSchema = z.object({
  /** Request id. */
  id: z.string(),
  message: z.object({ id: z.string(), role: z.literal("user"), parts: z.array(sentPart) }),
  /** Milliseconds since the epoch at which it was sent first; the order of the queue. */
  at: z.number(),
  /** Tells requests of one millisecond apart. */
  order: z.number(),
  /** The server will not have it; the reader decides. */
  refused: z.object({ code: z.string(), message: z.string() }).optional(),
  /** Meant for the answer that ran when it was written, instead of a turn of its own. */
  steer: z.boolean().optional(),
  /** The message on the transcript that this one is said instead of. */
  replaces: z.string().optional(),
});
export type Unsent = z.infer<typeof unsentSchema>;

export interface UnsentQueue {
  /** In the order of sending. The same array until something changes. */
  list(): readonly Unsent[];
  add(entry: Omit<Unsent, "order" | "refused">): void;
  refuse(id: string, refusal: { code: string; message: string }): void;
  /** Puts a refused one back in the queue. */
  revive(id: string): void;
  /** Accepted, or discarded by the reader. */
  remove(id: string): Unsent | null;
  close(): void;
}

/** The queue of one user and thread. `changed` is called when another tab settles one of its entries. */
export function unsentQueue(
  store: TextStore,
  user: string,
  thread: string,
  changed: () => void,
): UnsentQueue {
  const prefix = `holdfast:unsent:${user}:${thread}:`;
  const bySending = (a: Unsent, b: Unsent) => a.at - b.at || a.order - b.order;
  let entries: readonly Unsent[] = store
    .keys(prefix)
    .map((key) => read(store.get(key)))
    .filter((entry) => entry !== null)
    .sort(bySending);

  const put = (entry: Unsent) => {
    store.set(prefix + entry.id, JSON.stringify(entry));
    entries = [...entries.filter((known) => known.id !== entry.id), entry].sort(bySending);
  };
  const change = (id: string, make: (entry: Unsent) => Unsent) => {
    const entry = entries.find((known) => known.id === id);
    if (entry) put(make(entry));
  };
  // Only removals matter: another tab's new messages are that tab's to send, unless it dies and we are reloaded.
  const unsubscribe = store.onChange((key, value) => {
    if (value !== null || !key.startsWith(prefix)) return;
    const id = key.slice(prefix.length);
    if (!entries.some((entry) => entry.id === id)) return;
    entries = entries.filter((entry) => entry.id !== id);
    changed();
  });

  return {
    list: () => entries,
    add: (entry) => put({ ...entry, order: (entries.at(-1)?.order ?? 0) + 1 }),
    refuse: (id, refused) => change(id, (entry) => ({ ...entry, refused })),
    revive: (id) => change(id, ({ refused: _, ...entry }) => entry),
    remove: (id) => {
      const entry = entries.find((known) => known.id === id) ?? null;
      store.remove(prefix + id);
      if (entry) entries = entries.filter((known) => known.id !== id);
      return entry;
    },
    close: unsubscribe,
  };
}

function read(text: string | null): Unsent | null {
  try {
    const parsed = unsentSchema.safeParse(JSON.parse(text ?? "null"));
    return parsed.success ? parsed.data : null;
  } catch {
    return null; // written by something else; it stays where it is
  }
}

/** An unsent message as the transcript shows it. */
export function asMessage(entry: Unsent): Message {
  return {
    id: entry.message.id,
    role: "user",
    parts: entry.message.parts.map((part, index) =>
      part.type === "text"
        ? { type: "text", key: `text-${index}`, text: part.text, streaming: false }
        : { ...part, key: `file-${index}`, filename: part.filename ?? "" },
    ),
    metadata: { createdAt: entry.at },
  };
}
