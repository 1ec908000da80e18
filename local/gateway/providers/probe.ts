/** Small real calls to a provider: which models it has, and whether one of them answers. */
import { z } from "zod";
import { AppError } from "../../../src/errors.ts";
import { type Credential, type KeyedProvider, keyVariables, providerNames } from "./keys.ts";

/** A local server answers at once or is not there; the model list must not wait for it. */
const OLLAMA_PROBE_MS = 300;
/** How long a provider may take to list its models. */
const LIST_MS = 5_000;
/** How long the tiny call of a test may take; a local model may have to be loaded first. */
const CALL_MS = 60_000;
/** Anthropic's API version that the calls here are written for. */
export const ANTHROPIC_VERSION = "2023-06-01";

export interface FoundModel {
  /** As the provider spells it. */
  name: string;
  label: string;
}

/** Models offered before a provider has been asked, and when it does not list any. */
export const knownModels: Record<KeyedProvider, FoundModel[]> = {
  anthropic: ["claude-sonnet-4-6", "claude-opus-4-8", "claude-haiku-4-5"].map((name) => ({
    name,
    label: labelOf(name),
  })),
  openai: ["gpt-5.5", "gpt-5-mini"].map((name) => ({ name, label: labelOf(name) })),
};

const anthropicModels = z.object({
  data: z.array(z.object({ id: z.string(), display_name: z.string().optional() })),
});
const openaiModels = z.object({ data: z.array(z.object({ id: z.string() })) });
const ollamaTags = z.object({ models: z.array(z.object({ name: z.string() })) });

/** OpenAI lists everything it has; these are the ones that chat. */
const CHATS = /^(?:gpt-|chatgpt-|o\d)/;
const DOES_NOT_CHAT = /audio|realtime|image|tts|transcribe|search|instruct|embedding|moderation|codex/;

/** `claude-sonnet-4-6` → `Claude Sonnet 4.6`, `gpt-5-mini` → `GPT 5 Mini`. Anything else stays as it is. */
export function labelOf(name: string): string {
  if (!/^(?:claude|gpt)-/.test(name)) return name;
  return name
    .replace(/-\d{8}$/, "")
    .replace(/(\d)-(\d)/g, "$1.$2")
    .split("-")
    .map((word) => (word === "gpt" ? "GPT" : word.charAt(0).toUpperCase() + word.slice(1)))
    .join(" ");
}

/**
 * What the provider says it has; `null` when it has no such list. Throws `bad_request` for a refused key,
 * `model_unreachable` when nobody answers.
 */
export async function listModels(
  provider: KeyedProvider,
  credential: Credential,
): Promise<FoundModel[] | null> {
  const response = await ask(provider, credential, "models?limit=100", { method: "GET" }, LIST_MS);
  if (response.status === 401 || response.status === 403) throw await refusal(provider, credential, response);
  const json = response.ok ? await jsonOf(response) : undefined;
  if (provider === "anthropic") {
    const models = anthropicModels.safeParse(json).data?.data;
    return models
      ? models.map(({ id, display_name }) => ({ name: id, label: display_name ?? labelOf(id) }))
      : null;
  }
  const models = openaiModels.safeParse(json).data?.data;
  if (!models) return null;
  const chatting = models.filter(({ id }) => CHATS.test(id) && !DOES_NOT_CHAT.test(id));
  // A server of somebody else's behind an OpenAI interface names its models as it likes.
  return (chatting.length > 0 ? chatting : models).map(({ id }) => ({ name: id, label: labelOf(id) }));
}

/** The models of a local Ollama; `null` when none answers within 300 ms. */
export async function listOllama(baseUrl: string): Promise<FoundModel[] | null> {
  try {
    const response = await fetch(`${baseUrl}/api/tags`, { signal: AbortSignal.timeout(OLLAMA_PROBE_MS) });
    const tags = ollamaTags.safeParse(response.ok ? await jsonOf(response) : undefined);
    return tags.success ? tags.data.models.map(({ name }) => ({ name, label: `${name} (Ollama)` })) : null;
  } catch {
    return null; // not there, or too slow to be of use: both mean that it is not offered
  }
}

/** One call with a handful of tokens. Throws an `AppError` whose message says what to do. */
export async function callOnce(
  provider: KeyedProvider | "ollama",
  credential: Credential,
  model: string,
): Promise<void> {
  const messages = [{ role: "user", content: "Say OK." }];
  const [endpoint, body] =
    provider === "anthropic"
      ? (["messages", { model, max_tokens: 8, messages }] as const)
      : provider === "openai"
        ? (["chat/completions", { model, max_completion_tokens: 16, messages }] as const)
        : (["chat/completions", { model, max_tokens: 16, messages }] as const);
  const init = { method: "POST", body: JSON.stringify(body) };
  const response = await ask(provider, credential, endpoint, init, CALL_MS);
  if (!response.ok) throw await refusal(provider, credential, response, model);
  await response.body?.cancel();
}

async function ask(
  provider: KeyedProvider | "ollama",
  credential: Credential,
  endpoint: string,
  init: { method: string; body?: string },
  timeLimitMs: number,
): Promise<Response> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (provider === "anthropic") {
    headers["x-api-key"] = credential.key;
    headers["anthropic-version"] = ANTHROPIC_VERSION;
  } else if (provider === "openai") headers.authorization = `Bearer ${credential.key}`;
  try {
    const signal = AbortSignal.timeout(timeLimitMs);
    // Redirects are refused, since the key would go along.
    return await fetch(`${credential.baseUrl}/v1/${endpoint}`, {
      ...init,
      headers,
      redirect: "error",
      signal,
    });
  } catch (error) {
    const name = providerNames[provider];
    const todo =
      provider === "ollama"
        ? "Start it with `ollama serve`."
        : "Check the network, the address and any proxy.";
    throw new AppError("model_unreachable", `${name} does not answer at ${credential.baseUrl}. ${todo}`, {
      cause: error,
    });
  }
}

async function refusal(
  provider: KeyedProvider | "ollama",
  credential: Credential,
  response: Response,
  model?: string,
): Promise<AppError> {
  const name = providerNames[provider];
  // Some servers repeat the key that they refuse; the sentence goes to a screen and a log.
  const answer = messageIn(await jsonOf(response));
  const said = credential.key === "" ? answer : answer.replaceAll(credential.key, "…");
  const quoted = said ? ` It says: ${said}` : "";
  switch (response.status) {
    case 401:
    case 403: {
      const variable = provider === "ollama" ? "" : ` or set ${keyVariables[provider]}`;
      return new AppError(
        "bad_request",
        `${name} refused the key. Copy it again from your account${variable}.${quoted}`,
      );
    }
    case 404:
      return new AppError(
        "model_unknown",
        `${name} does not know the model ${model ?? ""}. Choose another.${quoted}`,
      );
    case 429:
      return new AppError(
        "model_rate_limited",
        `${name} accepts the key, but its limit is reached. Try again later.${quoted}`,
      );
    default:
      return new AppError(
        "model_failed",
        `${name} answered with status ${response.status}.${quoted || " Try again later."}`,
      );
  }
}

async function jsonOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined; // an error page instead of JSON: the status alone has to do
  }
}

const errorBody = z.object({ error: z.union([z.string(), z.object({ message: z.string() })]) });

function messageIn(body: unknown): string {
  const error = errorBody.safeParse(body).data?.error;
  const message = typeof error === "string" ? error : (error?.message ?? "");
  return message.slice(0, 300);
}
