/** The models of one machine: which there are, which providers are connected, and how to change that. */
import { z } from "zod";
import type { Api } from "../app/api.ts";
import type { Value } from "../app/value.ts";
import { watched } from "../app/value.ts";

const modelSchema = z.object({
  id: z.string(),
  label: z.string(),
  source: z.enum(["demo", "key", "ollama", "env"]),
  connected: z.boolean(),
});
export type LocalModel = z.infer<typeof modelSchema>;

const providerSchema = z
  .object({
    provider: z.enum(["anthropic", "openai", "ollama"]),
    name: z.string(),
    /** What answers for it: a stored key, one of the environment, a program on this machine, or nothing. */
    source: z.enum(["none", "key", "env", "ollama"]),
    /** The end of the key, for telling keys apart. */
    keyHint: z.string().default(""),
    baseUrl: z.string().default(""),
  })
  .transform((provider) => ({ ...provider, connected: provider.source !== "none" }));
export type LocalProvider = z.infer<typeof providerSchema>;

const modelsSchema = z.object({ models: z.array(modelSchema), providers: z.array(providerSchema) });
export type LocalModels = z.infer<typeof modelsSchema>;

const connectedSchema = z.looseObject({ testedWith: z.string().default("") });

export interface ModelStore {
  /** `null` until loaded, and in the cloud. */
  known: Value<LocalModels | null>;
  load(): Promise<void>;
  /** Tests before it keeps anything. Resolves with the id of the model that answered. Throws `ApiError`. */
  connect(provider: LocalProvider["provider"], secret: { key?: string; baseUrl?: string }): Promise<string>;
  disconnect(provider: LocalProvider["provider"]): Promise<void>;
  /** Asks the model something small. Throws `ApiError` with the reason when it does not answer. */
  test(id: string): Promise<void>;
}

const PATH = "/local/models";

export function modelStore(api: Api): ModelStore {
  const known = watched<LocalModels | null>(null);
  const load = async () => known.set(await api.get(PATH, modelsSchema));
  return {
    known,
    load,
    connect: async (provider, secret) => {
      const sent = { action: "connect", provider, ...secret };
      const { testedWith } = await api.send("POST", PATH, sent, connectedSchema);
      await load();
      return testedWith;
    },
    disconnect: async (provider) => {
      await api.send("POST", PATH, { action: "disconnect", provider }, z.unknown());
      await load();
    },
    test: async (id) => {
      await api.send("POST", PATH, { action: "test", id }, z.unknown());
    },
  };
}

/** What answers: the agent's model, or the deployment's default. */
export interface EffectiveModel {
  id: string;
  label: string;
  demo: boolean;
}

/** `models`: `null` in the cloud, where ids speak for themselves. */
export function effectiveModel(chosen: string, fallback: string, models: LocalModels | null): EffectiveModel {
  const id = chosen || fallback;
  const known = models?.models.find((model) => model.id === id);
  // On one machine the demo model steps in for a model that is not connected.
  const demo = models !== null && (known === undefined || known.source === "demo" || !known.connected);
  return { id, label: known?.label ?? id.slice(id.indexOf("/") + 1), demo };
}
