import { describe, expect, it } from "vitest";
import type { ModelInfo, ProviderInfo } from "../../../local/gateway/index.ts";
import { chooseModel } from "../../../local/lib/default-model.ts";

const CONFIGURED = "anthropic/claude-sonnet-4-6";
const model = (id: string, connected: boolean): ModelInfo => ({ id, label: id, source: "key", connected });
const provider = (name: ProviderInfo["provider"], source: ProviderInfo["source"]): ProviderInfo => ({
  provider: name,
  name,
  source,
  keyHint: source === "none" ? "" : "…abcd",
  baseUrl: "",
});

const choose = (providers: ProviderInfo[], models: ModelInfo[] = []) =>
  chooseModel({ providers: async () => providers, models: async () => models }, CONFIGURED);

describe("the default model", () => {
  it("is the deployment's own when its provider has a key", async () => {
    expect(await choose([provider("anthropic", "env"), provider("openai", "key")])).toEqual({
      id: CONFIGURED,
      label: `${CONFIGURED} (key …abcd from the environment)`,
    });
  });

  it("is the first real model of another provider when only that one is connected", async () => {
    const models = [
      model("demo/holdfast-demo", true),
      model("anthropic/x", false),
      model("ollama/qwen3", true),
    ];
    expect(await choose([provider("anthropic", "none"), provider("ollama", "ollama")], models)).toEqual({
      id: "ollama/qwen3",
      label: "ollama/qwen3 (Ollama on this machine)",
    });
  });

  it("stays the deployment's own with the demo model behind it when nothing is connected", async () => {
    const chosen = await choose([provider("anthropic", "none"), provider("openai", "none")]);
    expect(chosen.id).toBe(CONFIGURED);
    expect(chosen.label).toMatch(/^demo model/);
  });
});
