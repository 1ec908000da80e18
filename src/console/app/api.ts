/** The HTTP API as the console uses it: parsed answers, and failures as `ApiError` with the server's sentence. */
import { z } from "zod";
import type { AgentSettings, ThreadSummary } from "../../protocol/rpc.ts";
import { texts } from "../texts.ts";
import type { FetchInit, Platform } from "./platform.ts";

/** A failure that the reader may see: the server's code and sentence, or ours when it could not be reached. */
export class ApiError extends Error {
  /** An `ErrorCode` of the server, or `unreachable`. */
  readonly code: string;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  constructor(code: string, message: string, status: number, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
  }
}

/** The sentence to show for anything thrown. */
export function sentenceOf(error: unknown): string {
  return error instanceof ApiError ? error.message : texts.errors.unexpected;
}

const wireError = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

export const settingsSchema = z.object({
  name: z.string(),
  instructions: z.string(),
  model: z.string(),
  timeZone: z.string(),
  toolRisks: z.record(z.string(), z.enum(["auto", "ask", "deny"])),
  version: z.number(),
}) satisfies z.ZodType<AgentSettings>;

export const threadSchema = z.object({
  id: z.string(),
  title: z.string(),
  preview: z.string(),
  status: z.enum(["idle", "working", "asking", "failed"]),
  createdAt: z.number(),
  updatedAt: z.number(),
  undelivered: z.number().exactOptional(),
}) satisfies z.ZodType<ThreadSummary>;

const meSchema = z.object({
  user: z.object({
    id: z.string(),
    handle: z.string(),
    name: z.string(),
    role: z.string(),
    kind: z.string(),
  }),
  /** Guests have none. */
  agent: settingsSchema.nullable(),
  deployment: z.enum(["local", "cloud"]),
  defaultModel: z.string(),
});
export type Me = z.infer<typeof meSchema>;

/** Calls the API. `signedOut` is called on 401, when the page has to go through the sign-in again. */
export class Api {
  readonly #platform: Platform;
  readonly #signedOut: () => void;

  constructor(platform: Platform, signedOut: () => void) {
    this.#platform = platform;
    this.#signedOut = signedOut;
  }

  /** The raw answer of a successful call. Throws `ApiError`. */
  async call(path: string, init: FetchInit = {}): Promise<Response> {
    let response: Response;
    try {
      response = await this.#platform.fetch(path, init);
    } catch (cause) {
      if (init.signal?.aborted) throw cause;
      throw new ApiError("unreachable", texts.errors.unreachable, 0, { cause });
    }
    if (response.ok) return response;
    throw await this.failure(response);
  }

  /** What a refusal says. Also reloads the page when it says that nobody is signed in. */
  async failure(response: Response): Promise<ApiError> {
    if (response.status === 401) this.#signedOut();
    const body = wireError.safeParse(await response.json().catch(() => null)); // proxies answer in HTML
    if (body.success) return new ApiError(body.data.error.code, body.data.error.message, response.status);
    return new ApiError("internal", texts.errors.status(response.status), response.status);
  }

  /** A JSON answer, parsed. */
  async get<T extends z.ZodType>(path: string, schema: T, signal?: AbortSignal): Promise<z.output<T>> {
    const response = await this.call(path, signal ? { signal } : {});
    return parsed(schema, await response.json());
  }

  /** Sends JSON and parses a JSON answer. */
  async send<T extends z.ZodType>(
    method: string,
    path: string,
    body: unknown,
    schema: T,
  ): Promise<z.output<T>> {
    const response = await this.call(path, {
      method,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    return parsed(schema, text ? JSON.parse(text) : null);
  }

  /** An answer that was fetched by `call`, parsed. */
  read<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
    return parsed(schema, value);
  }

  me(): Promise<Me> {
    return this.get("/api/me", meSchema);
  }
}

function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ApiError("internal", texts.errors.garbled, 200, { cause: result.error });
}
