/** The API of an agent's log, and of erasing. All calls throw `ApiError`. */
import { z } from "zod";
import {
  type Change,
  type ChangePage,
  changePageSchema,
  type Erased,
  type EraseRequest,
  erasedSchema,
} from "../../protocol/log.ts";
import type { Api } from "../app/api.ts";

export interface LogFilter {
  person: string;
  kind: string;
  /** `null`: everywhere; empty: the agent itself. */
  thread: string | null;
  /** Dates as fields have them; empty for none. */
  from: string;
  to: string;
}

export const noFilter: LogFilter = { person: "", kind: "", thread: null, from: "", to: "" };

const DAY_MS = 24 * 60 * 60 * 1000;

/** Midnight of a date in the reader's zone, in milliseconds; `days` later. */
export const midnight = (date: string, days = 0): string =>
  String(new Date(`${date}T00:00:00`).getTime() + days * DAY_MS);

function queryOf({ person, kind, thread, from, to }: LogFilter, before?: string): URLSearchParams {
  const query = new URLSearchParams();
  if (person) query.set("person", person);
  if (kind) query.set("kind", kind);
  if (thread !== null) query.set("thread", thread);
  if (from) query.set("from", midnight(from));
  // The whole last day.
  if (to) query.set("to", midnight(to, 1));
  if (before !== undefined) query.set("before", before);
  return query;
}

const lineSchema = z.union([
  z.looseObject({ seq: z.number(), hash: z.string() }),
  z.looseObject({ entries: z.number() }),
]);

export interface Chain {
  records: number;
  /** Hash of the newest record; empty when there is none. */
  head: string;
}

export interface LogApi {
  page(filter: LogFilter, before?: string, signal?: AbortSignal): Promise<ChangePage>;
  /** What the record of a change in a chat says. */
  detail(change: Change): Promise<Change["detail"]>;
  export(): Promise<{ file: Blob; chain: Chain }>;
  eraseMessage(thread: string, request: EraseRequest): Promise<Erased>;
}

export function logApi(api: Api, handle: string): LogApi {
  const agent = `/api/agents/${encodeURIComponent(handle)}`;
  return {
    page: (filter, before, signal) =>
      api.get(`${agent}/log?${queryOf(filter, before)}`, changePageSchema, signal),
    detail: async ({ thread, at, seq }) => {
      const query = new URLSearchParams({ thread, from: String(at), to: String(at + 1), detail: "true" });
      const { changes } = await api.get(`${agent}/log?${query}`, changePageSchema);
      return changes.find((change) => change.seq === seq)?.detail;
    },
    export: async () => {
      const file = await (await api.call(`${agent}/log.jsonl`)).blob();
      return { file, chain: chainOf(await file.text()) };
    },
    eraseMessage: (thread, request) =>
      api.send("POST", `${agent}/threads/${encodeURIComponent(thread)}/erase`, request, erasedSchema),
  };
}

/** The end of an exported chain: its last record stands before the line that counts them. */
export function chainOf(text: string): Chain {
  const lines = text.trimEnd().split("\n");
  let head = "";
  let records = 0;
  for (const line of lines.slice(-2)) {
    const parsed = lineSchema.safeParse(JSON.parse(line));
    if (!parsed.success) continue;
    if ("hash" in parsed.data) head = String(parsed.data.hash);
    else records = Number(parsed.data.entries);
  }
  return { records, head };
}
