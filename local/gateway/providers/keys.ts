/**
 * Which provider has a key, and where it lives. Keys are kept in `<dataDir>/gateway.json`, readable by its owner
 * only; they are never logged and never given back, only their last four characters.
 */
import { chmod, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { AppError } from "../../../src/errors.ts";

export type KeyedProvider = "anthropic" | "openai";
export type Provider = KeyedProvider | "ollama";

export interface Credential {
  key: string;
  /** Without a trailing slash and without `/v1`. */
  baseUrl: string;
  /** Stored by `connect`, or found in the environment. */
  source: "key" | "env";
}

export const providerNames: Record<Provider, string> = {
  anthropic: "Anthropic",
  openai: "OpenAI",
  ollama: "Ollama",
};
export const keyVariables: Record<KeyedProvider, string> = {
  anthropic: "ANTHROPIC_API_KEY",
  openai: "OPENAI_API_KEY",
};
const baseVariables: Record<KeyedProvider, string> = {
  anthropic: "ANTHROPIC_BASE_URL",
  openai: "OPENAI_BASE_URL",
};
const defaultBases: Record<Provider, string> = {
  anthropic: "https://api.anthropic.com",
  openai: "https://api.openai.com",
  ollama: "http://127.0.0.1:11434",
};
/** Where Ollama listens unless it is told otherwise. */
const OLLAMA_PORT = "11434";

const stored = z.object({
  version: z.literal(1),
  providers: z.object({
    anthropic: z.object({ key: z.string().min(1), baseUrl: z.string() }).optional(),
    openai: z.object({ key: z.string().min(1), baseUrl: z.string() }).optional(),
    ollama: z.object({ baseUrl: z.string() }).optional(),
  }),
});
type Stored = z.infer<typeof stored>;

export type Environment = Record<string, string | undefined>;
/** Base URLs that stand in for the providers' own, for tests. */
export type BaseUrls = Partial<Record<Provider, string>>;

export class KeyStore {
  readonly #file: string;
  readonly #env: Environment;
  readonly #bases: BaseUrls;
  #state: Stored;
  /** Changes happen one after another, so that no write overtakes a newer one. */
  #changing: Promise<void> = Promise.resolve();

  private constructor(file: string, env: Environment, bases: BaseUrls, state: Stored) {
    this.#file = file;
    this.#env = env;
    this.#bases = bases;
    this.#state = state;
  }

  /** Opens the store and creates its directory. Throws `config_missing` if the file is there but no key file. */
  static async open(dataDir: string, env: Environment, bases: BaseUrls): Promise<KeyStore> {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const file = join(dataDir, "gateway.json");
    return new KeyStore(file, env, bases, await load(file));
  }

  /** The key that requests to this provider are sent with; `null` when there is none. */
  credential(provider: KeyedProvider): Credential | null {
    const own = this.#state.providers[provider];
    if (own) return { ...own, source: "key" };
    const key = this.#env[keyVariables[provider]]?.trim();
    if (!key) return null;
    const baseUrl = baseUrlOf(this.#env[baseVariables[provider]] || this.defaultBase(provider));
    return { key, baseUrl, source: "env" };
  }

  ollamaBase(): string {
    const fromEnv = this.#env.OLLAMA_HOST ? ollamaUrl(this.#env.OLLAMA_HOST) : undefined;
    return this.#state.providers.ollama?.baseUrl ?? fromEnv ?? this.defaultBase("ollama");
  }

  defaultBase(provider: Provider): string {
    return baseUrlOf(this.#bases[provider] ?? defaultBases[provider]);
  }

  async set(provider: Provider, value: { key: string; baseUrl: string }): Promise<void> {
    await this.#change((providers) => {
      if (provider === "ollama") return { ...providers, ollama: { baseUrl: value.baseUrl } };
      return { ...providers, [provider]: { key: value.key, baseUrl: value.baseUrl } };
    });
  }

  async remove(provider: Provider): Promise<void> {
    await this.#change((providers) => {
      const { [provider]: _removed, ...rest } = providers;
      return rest;
    });
  }

  #change(edit: (providers: Stored["providers"]) => Stored["providers"]): Promise<void> {
    const done = this.#changing.then(async () => {
      const next: Stored = { version: 1, providers: edit(this.#state.providers) };
      await save(this.#file, next);
      this.#state = next;
    });
    // A failed change is the caller's to hear of; the next one may still succeed.
    this.#changing = done.catch(() => undefined);
    return done;
  }
}

/** The last four characters of a key that is long enough not to be given away by them. */
export function keyHint(key: string): string {
  return key.length >= 16 ? `…${key.slice(-4)}` : "…";
}

/** A base URL without a trailing slash and without `/v1`, so that both spellings in use lead to the same place. */
export function baseUrlOf(url: string): string {
  return url.trim().replace(/\/+$/, "").replace(/\/v1$/, "");
}

/** What people put into OLLAMA_HOST (`0.0.0.0`, `:11434`, `host:port`, a URL) as an address to connect to. */
export function ollamaUrl(host: string): string {
  const text = host.trim();
  const withScheme = /^https?:\/\//.test(text)
    ? text
    : `http://${text.startsWith(":") ? `127.0.0.1${text}` : text}`;
  if (!URL.canParse(withScheme)) return defaultBases.ollama;
  const url = new URL(withScheme);
  if (url.hostname === "0.0.0.0" || url.hostname === "[::]") url.hostname = "127.0.0.1";
  if (!url.port && url.protocol === "http:" && !/:80(?:\/|$)/.test(withScheme)) url.port = OLLAMA_PORT;
  return baseUrlOf(url.href);
}

async function load(file: string): Promise<Stored> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT")
      return { version: 1, providers: {} };
    throw new AppError("config_missing", `${file} cannot be read. Check who owns it.`, { cause: error });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const parsed = stored.safeParse(json);
  if (!parsed.success) {
    throw new AppError(
      "config_missing",
      `${file} is not a key file of this version. Remove it and connect the model again.`,
    );
  }
  await chmod(file, 0o600);
  return parsed.data;
}

/** Written beside and renamed, so that a crash leaves the old file or the new one, never half of one. */
async function save(file: string, state: Stored): Promise<void> {
  const next = `${file}.new`;
  try {
    await rm(next, { force: true });
    const handle = await open(next, "wx", 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(state, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(next, file);
  } catch (error) {
    await rm(next, { force: true });
    throw new AppError(
      "storage_failed",
      `The key could not be saved in ${file}. Check that the disk is writable.`,
      {
        cause: error,
      },
    );
  }
}
