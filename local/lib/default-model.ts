/** Which model agents use on this machine until somebody chooses another, and how the terminal names it. */
import type { Gateway, ModelInfo } from "../gateway/index.ts";

export interface DefaultModel {
  /** `provider/model`, for `DEFAULT_MODEL`. */
  id: string;
  /** For the table of `npm start`. */
  label: string;
}

/** How to get a real model; said as long as there is none. */
const ADVICE = "no key needed; connect a real one under Settings, or set ANTHROPIC_API_KEY";

/**
 * The deployment's own default if its provider is connected, else the first connected model of any provider, else
 * the deployment's default with the demo model standing in for it, so that a key added later takes effect at once.
 */
export async function chooseModel(
  gateway: Pick<Gateway, "models" | "providers">,
  configured: string,
): Promise<DefaultModel> {
  const providers = await gateway.providers();
  const connected = providers.filter(({ source }) => source !== "none");
  const own = connected.find(({ provider }) => configured.startsWith(`${provider}/`));
  if (own) return { id: configured, label: `${configured} (${describe(own.source, own.keyHint)})` };
  if (connected.length > 0) {
    const [first] = (await gateway.models()).filter(isReal);
    const provider = connected.find((candidate) => first?.id.startsWith(`${candidate.provider}/`));
    if (first && provider) {
      return { id: first.id, label: `${first.id} (${describe(provider.source, provider.keyHint)})` };
    }
  }
  return { id: configured, label: `demo model (${ADVICE})` };
}

const isReal = (model: ModelInfo): boolean => model.connected && !model.id.startsWith("demo/");

function describe(source: string, keyHint: string): string {
  if (source === "env") return `key ${keyHint} from the environment`;
  return source === "ollama" ? "Ollama on this machine" : `stored key ${keyHint}`;
}
