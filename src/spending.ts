/** What may be spent, as the deployment set it: limits of a user's day, and prices of its own. */
import { z } from "zod";
import { limits } from "./limits.ts";
import type { PriceTable } from "./model/prices.ts";

export interface Spending {
  /** What one user may spend in a day (UTC), in micro-dollars; `null` for no limit. */
  limitMicros: number | null;
  /** ... and in tokens. */
  limitTokens: number | null;
  /** The deployment's own prices. They win over list prices, and over a local model's being free. */
  prices: PriceTable;
}

export interface SpendingVars {
  /** JSON: `{"provider/model": {"input": 3, "cachedInput": 0.3, "output": 15}}`, in dollars per million tokens. */
  PRICES?: string | undefined;
  /** Dollars, or `off`. */
  DAILY_LIMIT_USD?: string | undefined;
  /** Tokens, or `off`. */
  DAILY_LIMIT_TOKENS?: string | undefined;
}

/** Dollars per million tokens. No model costs more than a cent a token; more is a price in another unit. */
const rate = z.number().min(0).max(10_000);
const pricesSchema = z.record(
  z.string(),
  z.strictObject({ input: rate, cachedInput: rate.optional(), output: rate }),
);

const MICROS = 1_000_000;

/** Reads the settings. What cannot be read is said in `problems`, a sentence each. */
export function parseSpending(vars: SpendingVars): { spending: Spending; problems: string[] } {
  const problems: string[] = [];
  const usd = amount("DAILY_LIMIT_USD", "dollars", vars.DAILY_LIMIT_USD, problems);
  const tokens = amount("DAILY_LIMIT_TOKENS", "tokens", vars.DAILY_LIMIT_TOKENS, problems);
  const spending: Spending = {
    limitMicros: usd === undefined ? limits.dailyLimitMicros : usd === null ? null : Math.round(usd * MICROS),
    limitTokens: tokens === undefined ? limits.dailyLimitTokens : tokens === null ? null : Math.floor(tokens),
    prices: pricesIn(vars.PRICES, problems),
  };
  return { spending, problems };
}

/** `undefined` when it is not set, `null` for `off`. */
function amount(
  name: string,
  unit: string,
  text: string | undefined,
  problems: string[],
): number | null | undefined {
  const value = text?.trim() ?? "";
  if (value === "") return undefined;
  if (value.toLowerCase() === "off") return null;
  // Above this, micro-dollars would no longer be exact.
  if (/^\d{1,9}(?:\.\d{1,6})?$/.test(value)) return Number(value);
  problems.push(`${name} is neither an amount in ${unit} nor "off"`);
  return undefined;
}

function pricesIn(text: string | undefined, problems: string[]): PriceTable {
  if (!text?.trim()) return {};
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    problems.push("PRICES is not JSON");
    return {};
  }
  const parsed = pricesSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    problems.push(`PRICES is not understood: ${issue?.path.join(".")}: ${issue?.message}`);
    return {};
  }
  const unnamed = Object.keys(parsed.data).find((name) => !/^[^/\s]+\/\S+$/.test(name));
  if (unnamed !== undefined) {
    problems.push(`PRICES names "${unnamed}", but models are named provider/model`);
    return {};
  }
  return Object.fromEntries(
    Object.entries(parsed.data).map(([model, { input, cachedInput, output }]) => {
      const inputMicros = Math.round(input * MICROS);
      const cachedInputMicros = cachedInput === undefined ? inputMicros : Math.round(cachedInput * MICROS);
      const outputMicros = Math.round(output * MICROS);
      return [
        model,
        [{ since: "", inputMicros, cachedInputMicros, cacheWriteMicros: inputMicros, outputMicros }],
      ];
    }),
  );
}
