/** What the console's "connect a model" page needs: which models there are, and connecting, testing, disconnecting. */
import { z } from "zod";
import { AppError } from "../../../src/errors.ts";
import {
  baseUrlOf,
  type Credential,
  type KeyedProvider,
  type KeyStore,
  keyHint,
  keyVariables,
  ollamaUrl,
  type Provider,
  providerNames,
} from "./keys.ts";
import { callOnce, type FoundModel, knownModels, listModels, listOllama } from "./probe.ts";
import { DEMO_MODEL } from "./target.ts";

/** How long a provider's list of models is believed. New models appear every few weeks. */
const LIST_BELIEVED_MS = 10 * 60_000;
/** Longest list that a page shows for one provider. */
const MODELS_PER_PROVIDER = 60;
/** Tried first when a key is tested: the cheapest that a fresh account has. */
const PREFERRED: Record<KeyedProvider, RegExp[]> = {
  anthropic: [/haiku-4-5/, /haiku/, /sonnet/],
  openai: [/^gpt-5-mini/, /mini$/, /^gpt-/],
};

export interface ModelInfo {
  /** `provider/model`, as agents name it. */
  id: string;
  label: string;
  /** Who answers for it now. */
  source: "demo" | "key" | "ollama" | "env";
  /** Whether the model itself answers. `false`: the demo model stands in for it. */
  connected: boolean;
}

export interface ProviderInfo {
  provider: Provider;
  name: string;
  source: "none" | "key" | "env" | "ollama";
  /** `…` and the key's last four characters; empty without a key. */
  keyHint: string;
  baseUrl: string;
}

export interface Connected {
  provider: Provider;
  keyHint: string;
  /** The model that answered the test call. */
  testedWith: string;
}

const connectInput = z.strictObject({
  provider: z.enum(["anthropic", "openai", "ollama"]),
  key: z.string().trim().optional(),
  baseUrl: z.string().trim().optional(),
});
export type ConnectInput = z.infer<typeof connectInput>;

export interface Manage {
  /** Every model that can be chosen, the demo model first. Never fails: a silent provider shows its known models. */
  models(): Promise<ModelInfo[]>;
  providers(): Promise<ProviderInfo[]>;
  /** Tests with real calls first; on failure nothing is stored. Throws an `AppError` that says what to do. */
  connect(input: ConnectInput): Promise<Connected>;
  /** One tiny call. Throws an `AppError` that says what to do. */
  test(id: string): Promise<{ model: string }>;
  /** Forgets a stored key. A key in the environment stays: then it throws `bad_request`. */
  disconnect(provider: Provider): Promise<void>;
}

export function manage(keys: KeyStore, now: () => number): Manage {
  const lists = new Map<KeyedProvider, { at: number; key: string; models: FoundModel[] }>();

  async function found(provider: KeyedProvider, credential: Credential): Promise<FoundModel[]> {
    const kept = lists.get(provider);
    if (kept && kept.key === credential.key && now() - kept.at < LIST_BELIEVED_MS) return kept.models;
    try {
      const models = (await listModels(provider, credential)) ?? knownModels[provider];
      lists.set(provider, { at: now(), key: credential.key, models });
      return models;
    } catch (error) {
      if (error instanceof AppError) return knownModels[provider]; // `test` says what is wrong; a list need not
      throw error;
    }
  }

  async function modelsOf(provider: KeyedProvider): Promise<ModelInfo[]> {
    const credential = keys.credential(provider);
    const models = credential ? await found(provider, credential) : knownModels[provider];
    return models.slice(0, MODELS_PER_PROVIDER).map(({ name, label }) => ({
      id: `${provider}/${name}`,
      label,
      source: credential?.source ?? "demo",
      connected: credential !== null,
    }));
  }

  return {
    async models() {
      const [anthropic, openai, ollama] = await Promise.all([
        modelsOf("anthropic"),
        modelsOf("openai"),
        listOllama(keys.ollamaBase()),
      ]);
      const local = (ollama ?? []).map(
        ({ name, label }): ModelInfo => ({ id: `ollama/${name}`, label, source: "ollama", connected: true }),
      );
      const demo: ModelInfo = {
        id: `demo/${DEMO_MODEL}`,
        label: "Demo model (no key needed)",
        source: "demo",
        connected: true,
      };
      return [demo, ...anthropic, ...openai, ...local];
    },

    async providers() {
      const keyed = (["anthropic", "openai"] as const).map((provider): ProviderInfo => {
        const credential = keys.credential(provider);
        return {
          provider,
          name: providerNames[provider],
          source: credential?.source ?? "none",
          keyHint: credential ? keyHint(credential.key) : "",
          baseUrl: credential?.baseUrl ?? keys.defaultBase(provider),
        };
      });
      const baseUrl = keys.ollamaBase();
      const source = (await listOllama(baseUrl)) ? "ollama" : "none";
      return [...keyed, { provider: "ollama", name: providerNames.ollama, source, keyHint: "", baseUrl }];
    },

    async connect(input) {
      const parsed = connectInput.safeParse(input);
      if (!parsed.success)
        throw new AppError("bad_request", "Choose Anthropic, OpenAI or Ollama, and give a key.");
      const { provider, key, baseUrl } = parsed.data;
      if (provider === "ollama") return connectOllama(keys, baseUrl);
      if (!key) throw new AppError("bad_request", `Paste a key of ${providerNames[provider]}.`);
      if (!/^[\x21-\x7e]{8,500}$/.test(key)) {
        throw new AppError(
          "bad_request",
          "That does not look like a key. Copy it again, without spaces or line breaks.",
        );
      }
      const credential: Credential = {
        key,
        baseUrl: baseUrl ? checkedBase(baseUrl) : keys.defaultBase(provider),
        source: "key",
      };
      const models = (await listModels(provider, credential)) ?? knownModels[provider];
      const model = preferred(provider, models);
      await callOnce(provider, credential, model);
      await keys.set(provider, { key, baseUrl: credential.baseUrl });
      lists.set(provider, { at: now(), key, models });
      return { provider, keyHint: keyHint(key), testedWith: `${provider}/${model}` };
    },

    async test(id) {
      const slash = id.indexOf("/");
      const provider = id.slice(0, Math.max(slash, 0));
      const model = id.slice(slash + 1);
      if (provider === "demo" && model === DEMO_MODEL) return { model: id };
      if (provider === "ollama") {
        await callOnce("ollama", { key: "", baseUrl: keys.ollamaBase(), source: "key" }, model);
        return { model: id };
      }
      if (provider !== "anthropic" && provider !== "openai") {
        throw new AppError("model_unknown", `There is no model ${id}. Choose one of the list.`);
      }
      const credential = keys.credential(provider);
      if (!credential) {
        const name = providerNames[provider];
        throw new AppError(
          "bad_request",
          `${name} has no key yet. Add one, or set ${keyVariables[provider]}.`,
        );
      }
      await callOnce(provider, credential, model);
      return { model: id };
    },

    async disconnect(provider) {
      const before = provider === "ollama" ? null : keys.credential(provider);
      if (provider !== "ollama" && before?.source === "env") {
        const variable = keyVariables[provider];
        throw new AppError(
          "bad_request",
          `This key comes from ${variable}. Unset it and start Holdfast again.`,
        );
      }
      await keys.remove(provider);
      if (provider !== "ollama") lists.delete(provider);
    },
  };
}

async function connectOllama(keys: KeyStore, given: string | undefined): Promise<Connected> {
  const baseUrl = given ? checkedBase(ollamaUrl(given)) : keys.ollamaBase();
  const models = await listOllama(baseUrl);
  if (!models) {
    throw new AppError(
      "model_unreachable",
      `Ollama does not answer at ${baseUrl}. Start it with \`ollama serve\`.`,
    );
  }
  const first = models[0];
  if (!first)
    throw new AppError(
      "model_unknown",
      "Ollama has no models yet. Get one, for example `ollama pull qwen3`.",
    );
  await callOnce("ollama", { key: "", baseUrl, source: "key" }, first.name);
  await keys.set("ollama", { key: "", baseUrl });
  return { provider: "ollama", keyHint: "", testedWith: `ollama/${first.name}` };
}

function preferred(provider: KeyedProvider, models: FoundModel[]): string {
  for (const pattern of PREFERRED[provider]) {
    const match = models.find(({ name }) => pattern.test(name));
    if (match) return match.name;
  }
  const first = models[0];
  if (!first) throw new AppError("model_unknown", `${providerNames[provider]} offers this key no models.`);
  return first.name;
}

/** A key travels only encrypted, or to this machine. Throws `bad_request`. */
function checkedBase(baseUrl: string): string {
  if (URL.canParse(baseUrl)) {
    const url = new URL(baseUrl);
    const here = ["localhost", "[::1]"].includes(url.hostname) || /^127(\.\d{1,3}){3}$/.test(url.hostname);
    if (url.username || url.password || url.search || url.hash) {
      throw new AppError("bad_request", "The address may not hold a user name, a password or a query.");
    }
    if (url.protocol === "https:" || (url.protocol === "http:" && here)) return baseUrlOf(url.href);
  }
  throw new AppError("bad_request", "The address must begin with https://, or with http:// on this machine.");
}
