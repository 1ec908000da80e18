/**
 * The model port over AI Gateway: `createAI` of the Agents SDK with the deployment's AI binding, or locally with a
 * binding of two methods that forwards the same requests to `local/gateway`. `doStream` of the provider packages is
 * driven directly.
 */
import type { LanguageModelV4, LanguageModelV4Prompt, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { type AI, createAI } from "agents/models/ai-sdk";
import { limits } from "../limits.ts";
import { ModelError } from "./errors.ts";
import { failureOf } from "./failures.ts";
import { mergingFetch } from "./merge.ts";
import type { Answer, AnswerDelta, AnswerPart, ModelPort, ModelRequest } from "./port.ts";

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
      const [model, messages] = await Promise.all([
        languageModel(provider(), request.model, request.metadata),
        withFiles(request.messages, options.loadFile),
      ]);
      try {
        const { stream } = await model.doStream({
          prompt: [{ role: "system", content: request.system }, ...messages],
          tools: request.tools,
          maxOutputTokens: request.maxOutputTokens,
          abortSignal: signal,
        });
        return await readAnswer(stream, request, emit);
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
  if (slash <= 0) {
    throw new ModelError("model_unknown", `"${name}" is not a model. Models are named provider/model.`, {
      retryable: false,
    });
  }
  return ai(name as `@cf/${string}`, options); // the gateway itself knows which names exist
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
          const path = decodeURIComponent(part.data.url.pathname);
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

/** Reads the parts of one answer, telling each to `emit` as it comes. */
async function readAnswer(
  stream: ReadableStream<LanguageModelV4StreamPart>,
  request: ModelRequest,
  emit: (delta: AnswerDelta) => void,
): Promise<Answer> {
  const reading = new AnswerReader(request.model, emit);
  for await (const part of stream) reading.add(part);
  return reading.done();
}

class AnswerReader {
  readonly #emit: (delta: AnswerDelta) => void;
  readonly #answer: Answer;
  readonly #blocks = new Map<string, Extract<AnswerPart, { type: "text" | "reasoning" }>>();
  readonly #toolIds = new Map<string, number>();
  readonly #toolNames = new Map<string, string>();
  #bytes = 0;
  #began = false;
  #finished = false;

  constructor(model: string, emit: (delta: AnswerDelta) => void) {
    this.#emit = emit;
    this.#answer = { parts: [], usage: { inputTokens: 0, outputTokens: 0 }, finish: "other", model, run: "" };
  }

  add(part: LanguageModelV4StreamPart): void {
    switch (part.type) {
      case "response-metadata":
        if (part.modelId) this.#answer.model = part.modelId;
        if (part.id) this.#answer.run = part.id;
        return this.#begin();
      case "text-delta":
      case "reasoning-delta":
        return this.#say(part.type === "text-delta" ? "text" : "reasoning", part.id, part.delta);
      case "text-end":
      case "reasoning-end":
        return this.#endBlock(part);
      case "tool-input-start":
        this.#begin();
        this.#toolNames.set(part.id, part.toolName);
        return this.#emit({ type: "tool-input", id: part.id, name: part.toolName, delta: "" });
      case "tool-input-delta":
        this.#grow(part.delta.length);
        return this.#emit({
          type: "tool-input",
          id: part.id,
          name: this.#toolNames.get(part.id) ?? "",
          delta: part.delta,
        });
      case "tool-call":
        return this.#tool(part.toolCallId, part.toolName, part.input);
      case "finish":
        return this.#finish(part);
      case "error":
        throw part.error;
      default:
        return;
    }
  }

  #begin(): void {
    if (this.#began) return;
    this.#began = true;
    this.#emit({ type: "began", model: this.#answer.model, run: this.#answer.run });
  }

  #grow(chars: number): void {
    this.#bytes += chars;
    if (this.#bytes > limits.answerBytes) {
      throw new ModelError("model_failed", "The model's answer grew past one megabyte and was stopped.", {
        retryable: false,
      });
    }
  }

  #say(type: "text" | "reasoning", id: string, delta: string): void {
    if (delta === "") return;
    this.#begin();
    this.#grow(delta.length);
    const key = `${type}:${id}`;
    const known = this.#blocks.get(key);
    const block = known ?? { type, text: "" };
    if (!known) {
      this.#blocks.set(key, block);
      this.#answer.parts.push(block);
    }
    block.text += delta;
    this.#emit({ type, id, delta });
  }

  #endBlock(part: Extract<LanguageModelV4StreamPart, { type: "text-end" | "reasoning-end" }>): void {
    const key = `${part.type === "text-end" ? "text" : "reasoning"}:${part.id}`;
    const block = this.#blocks.get(key);
    this.#blocks.delete(key);
    if (block?.type === "reasoning" && part.providerMetadata) block.providerMetadata = part.providerMetadata;
    this.#emit({ type: "block-end", id: part.id });
  }

  /** Two calls of one answer may carry the same id; the journal needs them apart. */
  #tool(id: string, name: string, input: string): void {
    this.#begin();
    const times = this.#toolIds.get(id) ?? 0;
    this.#toolIds.set(id, times + 1);
    this.#answer.parts.push({ type: "tool", id: times === 0 ? id : `${id}.${times}`, name, input });
  }

  #finish(part: Extract<LanguageModelV4StreamPart, { type: "finish" }>): void {
    const { unified } = part.finishReason;
    if (unified === "interrupted" || unified === "error") return;
    this.#finished = true;
    this.#answer.finish = FINISH[unified];
    this.#answer.usage = {
      inputTokens: part.usage.inputTokens.total ?? 0,
      outputTokens: part.usage.outputTokens.total ?? 0,
    };
    const gateway = part.providerMetadata?.cloudflare;
    const run = gateway?.runId ?? gateway?.logId;
    if (typeof run === "string") this.#answer.run = run;
  }

  /** A stream that ends without saying so was cut. */
  done(): Answer {
    if (!this.#finished && !this.#began) {
      throw new ModelError(
        "model_garbage",
        "The model's provider answered something that is not an answer. Try again, or choose another model.",
        { retryable: true },
      );
    }
    if (!this.#finished) {
      throw new ModelError("model_failed", "The model's answer broke off before its end. Try again.", {
        retryable: true,
      });
    }
    return this.#answer;
  }
}

const FINISH = {
  stop: "stop",
  length: "length",
  "tool-calls": "tools",
  "content-filter": "filter",
  other: "other",
} as const;
