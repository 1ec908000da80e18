/** What can be done with a whole conversation over HTTP, beside chatting in it: take back, branch, keep, search. */
import { z } from "zod";
import type { Delivery, Undone } from "../../protocol/rpc.ts";
import type { Api } from "./api.ts";

const undoneSchema = z.object({
  text: z.string(),
  messageIds: z.array(z.string()),
  effects: z.array(
    z.object({
      tool: z.string(),
      what: z.string(),
      certain: z.boolean(),
      remedy: z.string().exactOptional(),
    }),
  ),
}) satisfies z.ZodType<Undone>;

const forkedSchema = z.object({ thread: z.string(), draft: z.string().default("") });
const importedSchema = z.object({ thread: z.string() });

const hitSchema = z.object({
  thread: z.string(),
  title: z.string(),
  message: z.string(),
  role: z.string(),
  /** Milliseconds since the epoch. */
  at: z.number(),
  snippet: z.array(z.object({ text: z.string(), mark: z.boolean() })),
});
export type Hit = z.infer<typeof hitSchema>;
const hitsSchema = z.object({ hits: z.array(hitSchema) });

const letterSchema = z.object({
  id: z.string(),
  turn: z.string(),
  channel: z.string(),
  to: z.record(z.string(), z.string()),
  state: z.enum(["running", "owed", "dead"]),
  text: z.string(),
  parts: z.number(),
  left: z.number(),
  attempts: z.number(),
  error: z.string(),
  at: z.number(),
  nextAt: z.number().exactOptional(),
}) satisfies z.ZodType<Delivery>;
const outboxSchema = z.object({ letters: z.array(letterSchema) });

export interface Conversations {
  /** Takes the newest question and its answer back. Throws `ApiError` with `nothing_to_undo`. */
  undo(thread: string): Promise<Undone>;
  /** Stops whatever answer runs. */
  stop(thread: string): Promise<void>;
  /** A new chat with everything up to a message; without one, with everything. */
  fork(thread: string, message?: string): Promise<{ thread: string; draft: string }>;
  /** The journal as JSON Lines, with its hash chain. */
  journal(thread: string): Promise<Blob>;
  markdown(thread: string): Promise<Blob>;
  /** Makes a chat of an exported journal and returns its name. */
  import(file: Blob): Promise<string>;
  deleteForever(thread: string): Promise<void>;
  /** Messages that match, best first. */
  search(query: string, signal: AbortSignal): Promise<Hit[]>;
  /** Answers that were owed to a channel and could not be delivered. */
  outbox(thread: string): Promise<Delivery[]>;
  resend(thread: string, letter: string): Promise<void>;
  drop(thread: string, letter: string): Promise<void>;
}

/** The calls of one agent. All of them throw `ApiError`. */
export function conversations(api: Api, handle: string): Conversations {
  const agent = `/api/agents/${encodeURIComponent(handle)}`;
  const of = (thread: string): string => `${agent}/threads/${encodeURIComponent(thread)}`;
  const letterOf = (thread: string, letter: string): string =>
    `${of(thread)}/outbox/${encodeURIComponent(letter)}`;
  return {
    undo: (thread) => api.send("POST", `${of(thread)}/undo`, {}, undoneSchema),
    stop: async (thread) => {
      await api.call(`${of(thread)}/stop`, { method: "POST" });
    },
    fork: (thread, message) =>
      api.send("POST", `${of(thread)}/fork`, message === undefined ? {} : { message }, forkedSchema),
    journal: async (thread) => (await api.call(`${of(thread)}/journal`)).blob(),
    markdown: async (thread) => (await api.call(`${of(thread)}/transcript.md`)).blob(),
    import: async (file) => {
      const headers = { "content-type": "application/jsonl" };
      const response = await api.call(`${agent}/import`, { method: "POST", headers, body: file });
      return api.read(importedSchema, await response.json()).thread;
    },
    deleteForever: async (thread) => {
      await api.call(`${of(thread)}?forever=true`, { method: "DELETE" });
    },
    search: async (query, signal) =>
      (await api.get(`${agent}/search?q=${encodeURIComponent(query)}`, hitsSchema, signal)).hits,
    outbox: async (thread) => (await api.get(`${of(thread)}/outbox`, outboxSchema)).letters,
    resend: async (thread, letter) => {
      await api.call(`${letterOf(thread, letter)}/resend`, { method: "POST" });
    },
    drop: async (thread, letter) => {
      await api.call(letterOf(thread, letter), { method: "DELETE" });
    },
  };
}
