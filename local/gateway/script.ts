/** What tests put in the model's mouth, and what they read of the requests that came. */
import { z } from "zod";
import { lastUserText, type Message, type ModelCall } from "./wire/call.ts";

/** Requests that the log keeps, and how many characters they may hold together; the oldest go first. */
const LOG_REQUESTS = 1_000;
const LOG_CHARS = 8_000_000;

const stepSchema = z.union([
  /** A tool call each. `rawInput` is sent as it stands, for inputs that are no JSON. */
  z.strictObject({
    tools: z
      .array(z.strictObject({ name: z.string(), input: z.unknown(), rawInput: z.string().optional() }))
      .min(1),
    text: z.string().optional(),
    paceMs: z.number().min(0).optional(),
  }),
  /** An answer of the HTTP status and body given. */
  z.strictObject({
    status: z.int().min(100).max(599),
    body: z.unknown(),
    headers: z.record(z.string(), z.string()).optional(),
  }),
  /** A successful answer whose body is this, whatever it is. */
  z.strictObject({ garbage: z.string() }),
  /** The connection ends after exactly so many bytes of the body. */
  z.strictObject({ cutAfterBytes: z.int().min(0), text: z.string(), paceMs: z.number().min(0).optional() }),
  /** Silence after so many tokens, until the client gives up. */
  z.strictObject({
    stallAfterTokens: z.int().min(0),
    text: z.string(),
    paceMs: z.number().min(0).optional(),
  }),
  /** A text; with `tokens` its words are repeated, or cut, to exactly so many. */
  z.strictObject({
    text: z.string(),
    tokens: z.int().min(1).optional(),
    paceMs: z.number().min(0).optional(),
  }),
]);

const entrySchema = z.strictObject({ match: z.string().optional(), steps: z.array(stepSchema).min(1) });
/** One or several entries, as `POST /_test/script` takes them. */
export const scriptSchema = z.union([entrySchema.transform((entry) => [entry]), z.array(entrySchema)]);

export type Step = z.infer<typeof stepSchema>;
/** Steps for the calls whose newest user text contains `match`; for any call without it. One step a call. */
export type ScriptEntry = z.infer<typeof entrySchema>;

export class Script {
  #entries: ScriptEntry[] = [];

  /** Throws a `ZodError` for a step that is none. */
  push(...entries: ScriptEntry[]): void {
    for (const entry of z.array(entrySchema).parse(entries))
      this.#entries.push({ ...entry, steps: [...entry.steps] });
  }

  clear(): void {
    this.#entries = [];
  }

  /** Steps that no call has taken yet. */
  get pending(): number {
    return this.#entries.reduce((sum, entry) => sum + entry.steps.length, 0);
  }

  /** The next step for this call, which is then used up; `null` when the script has nothing for it. */
  take(call: ModelCall): Step | null {
    const said = lastUserText(call.messages);
    const entry = this.#entries.find((one) => one.match === undefined || said.includes(one.match));
    const step = entry?.steps.shift() ?? null;
    this.#entries = this.#entries.filter((one) => one.steps.length > 0);
    return step;
  }
}

export interface RequestRecord {
  /** Counts from 1 since the start. */
  seq: number;
  receivedAt: number;
  provider: string;
  endpoint: string;
  /** `cf-aig-metadata`, parsed; `null` when there was none. */
  metadata: unknown;
  model: string;
  system: string;
  messages: Message[];
  tools: string[];
  stream: boolean;
  /** Who answered: the script, the demo model, or a provider's base URL. */
  answeredBy: string;
  status: number;
  /** Tokens handed to the socket so far; 0 for answers that came from a provider. */
  tokensSent: number;
  outcome: "open" | "completed" | "aborted" | "cut" | "failed";
}

/** The newest requests, bounded in number and size. */
export class RequestLog {
  #records: { record: RequestRecord; chars: number }[] = [];
  #chars = 0;
  #seq = 0;
  #waiting: (() => void)[] = [];

  open(
    fields: Omit<RequestRecord, "seq" | "answeredBy" | "status" | "tokensSent" | "outcome">,
  ): RequestRecord {
    const record: RequestRecord = {
      ...fields,
      seq: ++this.#seq,
      answeredBy: "",
      status: 0,
      tokensSent: 0,
      outcome: "open",
    };
    const chars = record.system.length + JSON.stringify(record.messages).length;
    this.#records.push({ record, chars });
    this.#chars += chars;
    while (this.#records.length > LOG_REQUESTS || (this.#chars > LOG_CHARS && this.#records.length > 1)) {
      this.#chars -= this.#records.shift()?.chars ?? 0;
    }
    return record;
  }

  close(record: RequestRecord, outcome: RequestRecord["outcome"]): void {
    record.outcome = outcome;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  list(): RequestRecord[] {
    return this.#records.map(({ record }) => record);
  }

  /** Resolves with the first logged request that fits, as soon as one has been answered, cut or aborted. */
  async settled(fits: (record: RequestRecord) => boolean): Promise<RequestRecord> {
    for (;;) {
      const found = this.list().find((record) => record.outcome !== "open" && fits(record));
      if (found) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  clear(): void {
    this.#records = [];
    this.#chars = 0;
  }
}
