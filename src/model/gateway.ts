/**
 * The model port over AI Gateway: `createAI` of the Agents SDK with the deployment's AI binding, or locally with a
 * binding of two methods that forwards the same requests to `local/gateway`. `doStream` of the provider packages is
 * driven directly.
 */
import type { LanguageModelV4, LanguageModelV4Prompt } from "@ai-sdk/provider";
import { type AI, createAI } from "agents/models/ai-sdk";
import { readAnswer } from "./answer.ts";
import { ModelError } from "./errors.ts";
import { failureOf } from "./failures.ts";
import { mergingFetch } from "./merge.ts";
import type { ModelPort, ModelRequest } from "./port.ts";

/** The account segment of local gateway URLs; nothing is billed to it. */
const LOCAL_ACCOUNT = "local";

/** The two methods of an AI binding that `createAI` calls. */
interface GatewayBinding {
  fetch(input: string, init?: RequestInit): Promise<Response>;
  run(model: string, input: unknown, options?: unknown): Promise<unknown>;
}

export interface GatewayOptions {
  /** The deployment's AI binding; absent on one machine. */
  binding: Ai | undefined;
  /** Base URL of the local gateway; empty in production. */
  localUrl: string;
  gatewayId: string;
  /** Bytes of a workspace file that a message shows to the model; null when it is gone. */
  loadFile(path: string): Promise<Uint8Array | null>;
}

export function createModelPort(options: GatewayOptions): ModelPort {
  let ai: AI | null = null;
  const provider = (): AI => {
    ai ??= createAI({ binding: bindingOf(options) as unknown as Ai, id: options.gatewayId }); // it calls these two methods only
    return ai;
  };
  return {
    async call(request, emit, signal) {
      try {
        const ask = async () => {
          const [model, messages] = await Promise.all([
            languageModel(provider(), request.model, request.metadata),
            withFiles(request.messages, options.loadFile),
          ]);
          const { stream } = await model.doStream({
            prompt: [{ role: "system", content: request.system }, ...messages],
            tools: request.tools,
            maxOutputTokens: request.maxOutputTokens,
            abortSignal: signal,
          });
          return readAnswer(stream, request, emit, signal);
        };
        return await orAborted(signal, ask());
      } catch (error) {
        throw failureOf(error);
      }
    },
  };
}

function bindingOf(options: GatewayOptions): GatewayBinding {
  if (!options.localUrl) {
    // `fetch` exists at run time; the types of the platform do not declare it.
    const binding = options.binding as unknown as GatewayBinding;
    return {
      fetch: mergingFetch((input, init) => binding.fetch(input, init)),
      run: (model, input, runOptions) => binding.run(model, input, runOptions),
    };
  }
  const root = `${options.localUrl}/v1/${LOCAL_ACCOUNT}`;
  return {
    fetch: mergingFetch((input, init) =>
      fetch(input.replace(/^https:\/\/workers-binding\.ai\/ai-gateway\/gateways/, root), init),
    ),
    async run(model) {
      throw new ModelError(
        "model_unknown",
        `The model ${model} runs on Cloudflare only. On this machine choose anthropic/…, openai/…, ollama/… or demo/….`,
        { retryable: false },
      );
    },
  };
}

/** `anthropic/…` and `openai/…` speak their vendor's own format; anything else is a name of the gateway's catalog. */
async function languageModel(
  ai: AI,
  name: string,
  metadata: ModelRequest["metadata"],
): Promise<LanguageModelV4> {
  const slash = name.indexOf("/");
  const vendor = name.slice(0, slash);
  const model = name.slice(slash + 1);
  const options = { metadata };
  // The packages are evaluated when first needed: most wakes of an object call no model.
  if (vendor === "anthropic") {
    const { createAnthropic } = await import("@ai-sdk/anthropic");
    return ai(createAnthropic({ apiKey: "gateway" })(model), options);
  }
  // Ollama and the demo model are known to the local gateway only; it takes them on OpenAI's path, by their whole name.
  if (vendor === "openai" || vendor === "ollama" || vendor === "demo") {
    const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
    const openai = createOpenAICompatible({
      name: "openai",
      baseURL: "https://api.openai.com/v1",
      apiKey: "gateway",
      includeUsage: true,
    });
    return ai(openai(vendor === "openai" ? model : name), options);
  }
  try {
    return ai(name as `@cf/${string}`, options); // the gateway itself knows which names exist
  } catch (cause) {
    // It makes no request here: all that it can refuse is a name of the wrong form.
    throw new ModelError("model_unknown", `"${name}" is not a model. Models are named provider/model.`, {
      retryable: false,
      cause,
    });
  }
}

/** Replaces references to workspace files by their bytes, just before the call. */
async function withFiles(
  messages: LanguageModelV4Prompt,
  load: GatewayOptions["loadFile"],
): Promise<LanguageModelV4Prompt> {
  return Promise.all(
    messages.map(async (message) => {
      if (message.role !== "user") return message;
      const content = await Promise.all(
        message.content.map(async (part) => {
          if (part.type !== "file" || part.data.type !== "url" || part.data.url.protocol !== "workspace:")
            return part;
          const path = pathOf(part.data.url);
          const bytes = await load(path);
          return bytes
            ? { ...part, data: { type: "data" as const, data: bytes } }
            : { type: "text" as const, text: `[The file ${path} is gone.]` };
        }),
      );
      return { ...message, content };
    }),
  );
}

/** A client wrote the URL: what is not encoded as it should be is a name as it stands. */
function pathOf({ pathname }: URL): string {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return pathname;
  }
}

/**
 * The work's outcome, or a rejection as soon as the signal aborts: who cuts a silent call must not depend on whether
 * a provider's package, or what carries its requests, heeds the signal.
 */
async function orAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const stop = () =>
    aborted.reject(new ModelError("model_failed", "The call to the model was stopped.", { retryable: true }));
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
