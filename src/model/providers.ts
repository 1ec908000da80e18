/**
 * Which providers answer for themselves on one machine. Without a key the demo model stands in for a provider, and
 * costs nothing; a key can be connected at any time. In the cloud every provider answers for itself.
 */
import { z } from "zod";
import { limits } from "../limits.ts";
import type { PriceTable } from "./prices.ts";

/** Providers that answer, by the first part of a model's name. */
export type Providers = ReadonlyMap<
  string,
  { /** A server on this machine: nobody charges for it. */ local: boolean }
>;

const answer = z.object({
  providers: z.array(z.object({ provider: z.string(), local: z.boolean() })),
});

export interface ProvidersOptions {
  /** Base URL of the local gateway; empty in the cloud. Asked for when first needed. */
  gatewayUrl(): string;
  fetch(url: string): Promise<Response>;
  now(): number;
  ttlMs: number;
}

export class ProviderCache {
  readonly #options: ProvidersOptions;
  #known: Providers | null = null;
  #loadedAt = 0;

  constructor(options: ProvidersOptions) {
    this.#options = options;
  }

  /** `cloud`: all of them answer. `unknown`: they have to be loaded first. */
  current(): Providers | "cloud" | "unknown" {
    if (this.#options.gatewayUrl() === "") return "cloud";
    const fresh = this.#options.now() - this.#loadedAt < this.#options.ttlMs;
    return fresh && this.#known ? this.#known : "unknown";
  }

  /** What was known last, however old. */
  last(): Providers | "cloud" | "unknown" {
    return this.#options.gatewayUrl() === "" ? "cloud" : (this.#known ?? "unknown");
  }

  /** Asks the gateway. One that does not say is taken to have them all: money is not spent on a guess. */
  async load(): Promise<void> {
    const url = this.#options.gatewayUrl();
    if (url === "") return;
    this.#known = await this.#ask(`${url}/v1/providers`);
    this.#loadedAt = this.#options.now();
  }

  /** Whether a model is connected that costs something; `own`: the deployment's own prices. */
  async anyCharges(own: PriceTable): Promise<boolean> {
    if (this.current() === "unknown") await this.load();
    const known = this.last();
    return (
      typeof known === "string" || Object.keys(own).length > 0 || [...known.values()].some((it) => !it.local)
    );
  }

  /** Somebody else answered than was thought: what is known is out of date. */
  forget(): void {
    this.#loadedAt = 0;
  }

  async #ask(url: string): Promise<Providers> {
    try {
      const response = await this.#options.fetch(url);
      const parsed = answer.parse(await response.json());
      return new Map(parsed.providers.map(({ provider, local }) => [provider, { local }]));
    } catch (error) {
      console.warn("the gateway does not say which providers are connected; all are taken to be", error);
      return ALL;
    }
  }
}

const ALL: Providers = new Map(["anthropic", "openai"].map((provider) => [provider, { local: false }]));

const caches = new Map<string, ProviderCache>();

/** One for all conversations of an isolate: a new chat does not ask again what the last one learned. */
export function providersAt(gatewayUrl: string, now: () => number): ProviderCache {
  const known = caches.get(gatewayUrl);
  if (known) return known;
  const made = new ProviderCache({
    gatewayUrl: () => gatewayUrl,
    fetch: (url) => fetch(url),
    now,
    ttlMs: limits.providersTtlMs,
  });
  caches.set(gatewayUrl, made);
  return made;
}
