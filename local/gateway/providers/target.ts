/** Who answers a request: the demo model, or which upstream address with which headers. */
import type { KeyStore } from "./keys.ts";

/** How the demo model calls itself in answers. */
export const DEMO_MODEL = "holdfast-demo";

export type Target =
  | { kind: "demo" }
  | {
      kind: "forward";
      provider: "anthropic" | "openai" | "ollama";
      url: URL;
      /** Replace what the caller sent under the same names. */
      headers: Record<string, string>;
      /** Set when the body's model has to be rewritten; the rest of the body is sent as it came. */
      model?: string;
    };

/** Slugs of the gateway's providers that this stand-in serves. */
export const servedProviders = ["anthropic", "openai", "compat"] as const;
export type ServedProvider = (typeof servedProviders)[number];

const isDemo = (model: string): boolean => model === DEMO_MODEL || model.startsWith("demo/");

/**
 * Where a request goes. `endpoint` is the path after the provider's slug with its query; `model` is what the body
 * names, empty when it names none.
 */
export function targetOf(keys: KeyStore, provider: ServedProvider, endpoint: string, model: string): Target {
  if (isDemo(model)) return { kind: "demo" };
  if (provider === "anthropic") return anthropic(keys, endpoint);
  if (model.startsWith("ollama/")) return ollama(keys, model.slice("ollama/".length));
  if (provider === "openai") return openai(keys, endpoint);
  const slash = model.indexOf("/");
  const author = model.slice(0, Math.max(slash, 0));
  const name = model.slice(slash + 1);
  if (author === "openai") return openai(keys, endpoint, name);
  // Anthropic answers chat completions too. The gateway's catalog writes versions with a dot, Anthropic with a hyphen.
  if (author === "anthropic") return anthropic(keys, endpoint, name.replaceAll(".", "-"));
  return { kind: "demo" };
}

function anthropic(keys: KeyStore, endpoint: string, model?: string): Target {
  const credential = keys.credential("anthropic");
  if (!credential) return { kind: "demo" };
  const url = join(credential.baseUrl, endpoint);
  if (model !== undefined) {
    return {
      kind: "forward",
      provider: "anthropic",
      url,
      headers: { authorization: `Bearer ${credential.key}` },
      model,
    };
  }
  return { kind: "forward", provider: "anthropic", url, headers: { "x-api-key": credential.key } };
}

function openai(keys: KeyStore, endpoint: string, model?: string): Target {
  const credential = keys.credential("openai");
  if (!credential) return { kind: "demo" };
  const headers = { authorization: `Bearer ${credential.key}` };
  const url = join(credential.baseUrl, endpoint);
  return { kind: "forward", provider: "openai", url, headers, ...(model === undefined ? {} : { model }) };
}

function ollama(keys: KeyStore, model: string): Target {
  return {
    kind: "forward",
    provider: "ollama",
    url: join(keys.ollamaBase(), "chat/completions"),
    headers: {},
    model,
  };
}

/** The upstream's address: base, `/v1/`, and the endpoint without the `v1/` that some callers write. */
function join(baseUrl: string, endpoint: string): URL {
  return new URL(`${baseUrl}/v1/${endpoint.replace(/^\/*(?:v1\/)?/, "")}`);
}
