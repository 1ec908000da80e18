/** What a model costs here: list prices, the deployment's own, and what is free on one machine. Pure. */
import { type Price, type PriceTable, priceIn, priceOf } from "./prices.ts";
import type { Providers } from "./providers.ts";

export type Tariff =
  /** It costs nothing, and its tokens do not count: a server on this machine, or the demo model in another's place. */
  | { type: "free"; because: "local" | "stand-in" }
  | { type: "priced"; price: Price }
  | { type: "unpriced" }
  /** It has to be asked first who answers. */
  | { type: "unknown" };

/** How the demo model names itself in its answers. */
export const DEMO_MODEL = "holdfast-demo";

/** Providers that exist on one machine only. */
const LOCAL_ONLY = new Set(["demo", "ollama"]);

export function tariffOf(
  model: string,
  day: string,
  own: PriceTable,
  providers: Providers | "cloud" | "unknown",
): Tariff {
  const ownPrice = priceIn(own, model, day);
  const price = ownPrice ?? priceOf(own, model, day);
  const charged: Tariff = price ? { type: "priced", price } : { type: "unpriced" };
  if (providers === "cloud") return charged;
  const vendor = vendorOf(model);
  const local: Tariff = ownPrice ? charged : { type: "free", because: "local" };
  if (LOCAL_ONLY.has(vendor)) return local;
  if (providers === "unknown") return { type: "unknown" };
  const provider = providers.get(vendor);
  if (!provider) return { type: "free", because: "stand-in" };
  return provider.local ? local : charged;
}

/** Whether the demo model answered in place of the model that was asked for. */
export const stoodIn = (asked: string, answered: string): boolean =>
  answered === DEMO_MODEL && !LOCAL_ONLY.has(vendorOf(asked));

const vendorOf = (model: string): string => model.slice(0, Math.max(0, model.indexOf("/")));
