/** `/local/models`: the console's way to see and connect model providers, which only exists on one machine. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { AppError, toWire } from "../../src/errors.ts";
import type { Gateway } from "../gateway/index.ts";
import { EdgeError } from "./errors.ts";
import { readBody, sendJson } from "./respond.ts";

export const MODELS_PATH = "/local/models";

/** Names of models are short; keys can be long (service accounts), addresses too. */
const NAME_CHARS = 200;
const KEY_CHARS = 8_192;
const URL_CHARS = 2_048;

const provider = z.enum(["anthropic", "openai", "ollama"]);
const action = z.discriminatedUnion("action", [
  z.strictObject({
    action: z.literal("connect"),
    provider,
    key: z.string().max(KEY_CHARS).optional(),
    baseUrl: z.string().max(URL_CHARS).optional(),
  }),
  z.strictObject({ action: z.literal("test"), id: z.string().min(1).max(NAME_CHARS) }),
  z.strictObject({ action: z.literal("disconnect"), provider }),
]);

/** What the local gateway can do for the console. Its errors are `AppError`s, whose messages never hold a key. */
export type ModelsPort = Pick<Gateway, "models" | "providers" | "connect" | "test" | "disconnect">;

export interface ModelsHandler {
  /** Answers a request of somebody who is signed in. `fromPage`: it came from a page of our own origin. */
  handle(req: IncomingMessage, res: ServerResponse, fromPage: boolean): Promise<void>;
}

export function createModels(port: ModelsPort, log: (line: string) => void): ModelsHandler {
  async function act(text: string): Promise<unknown> {
    const wanted = action.safeParse(parseJson(text));
    if (!wanted.success) {
      throw new AppError(
        "bad_request",
        "Send an action: connect (provider, key, baseUrl), test (id) or disconnect (provider).",
      );
    }
    switch (wanted.data.action) {
      case "connect": {
        const { provider: name, key, baseUrl } = wanted.data;
        return port.connect({ provider: name, ...(key ? { key } : {}), ...(baseUrl ? { baseUrl } : {}) });
      }
      case "test":
        return port.test(wanted.data.id);
      case "disconnect":
        return port.disconnect(wanted.data.provider);
    }
  }

  return {
    async handle(req, res, fromPage) {
      if (req.method === "GET" || req.method === "HEAD") {
        const [models, providers] = await Promise.all([port.models(), port.providers()]);
        sendJson(res, 200, { models, providers });
        return;
      }
      if (req.method !== "POST")
        throw new EdgeError("method_not_allowed", "This address takes GET or POST only.");
      if (!fromPage) throw new EdgeError("origin_refused", "Only Holdfast's own page may connect models.");
      const body = await readBody(req);
      try {
        sendJson(res, 200, (await act(body)) ?? { ok: true });
      } catch (error) {
        const wire = toWire(error);
        // Only what the wire sees: the thrown value may hold the request, and the request the key.
        log(`local models: ${wire.code}: ${wire.message}`);
        sendJson(res, error instanceof AppError ? error.status : 500, { error: wire });
      }
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new AppError("bad_request", "The body is not JSON.");
  }
}
