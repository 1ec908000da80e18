/**
 * List prices of the models that deployments use most, in dollars per million tokens as the providers' pages print
 * them. A price that changes gets a second row with its first day, so that earlier days stay as they were. A model that is not here is priced by the setting `PRICES`, or refused while there is a limit.
 *
 * Checked on 2026-11-23. Standard tier, global endpoints. Rates for very long inputs (over 200,000 tokens and more) are
 * left out where the window of a conversation cannot reach them.
 */
import type { Price, PriceTable } from "./prices.ts";

const dollars = (usd: number): number => Math.round(usd * 1_000_000);

/** A cache write costs as much as input unless it is given. */
function usd(input: number, cached: number, output: number, write = input): Price {
  return {
    since: "",
    inputMicros: dollars(input),
    cachedInputMicros: dollars(cached),
    cacheWriteMicros: dollars(write),
    outputMicros: dollars(output),
  };
}

/** Anthropic: 5-minute cache writes cost 1.25 times the input. */
const claude = (input: number, cached: number, output: number): Price =>
  usd(input, cached, output, input * 1.25);

const from = (since: string, price: Price): Price => ({ ...price, since });

const OPUS_4_5: readonly Price[] = [claude(5, 0.5, 25)];
const OPUS_4: readonly Price[] = [claude(15, 1.5, 75)];
const SONNET_4: readonly Price[] = [claude(3, 0.3, 15)];
const HAIKU_5_5: Price = {
  ...claude(0.1, 0.01, 0.5),
  long: { ...claude(0.5, 0.05, 2.5), aboveTokens: 100_000 },
};

/** platform.claude.com/docs/en/about-claude/pricing */
const ANTHROPIC: PriceTable = {
  "anthropic/claude-fable-5-1": [claude(10, 0.25, 50)],
  "anthropic/claude-fable-5": [claude(10, 1, 50)],
  "anthropic/claude-opus-5-5": [claude(4, 0.2, 20)],
  "anthropic/claude-opus-5": [claude(5, 0.5, 25)],
  "anthropic/claude-opus-4-8": OPUS_4_5,
  "anthropic/claude-opus-4-7": OPUS_4_5,
  "anthropic/claude-opus-4-6": OPUS_4_5,
  "anthropic/claude-opus-4-5": OPUS_4_5,
  "anthropic/claude-opus-4-1": OPUS_4,
  "anthropic/claude-opus-4": OPUS_4,
  "anthropic/claude-sonnet-5-5": [claude(2, 0.2, 10), from("2026-10-07", claude(2, 0.1, 10))],
  "anthropic/claude-sonnet-5": [claude(2, 0.2, 10)],
  "anthropic/claude-sonnet-4-6": SONNET_4,
  "anthropic/claude-sonnet-4-5": SONNET_4,
  "anthropic/claude-sonnet-4": SONNET_4,
  "anthropic/claude-haiku-5-5": [HAIKU_5_5],
  "anthropic/claude-haiku-4-5": [claude(1, 0.1, 5)],
  "anthropic/claude-3-5-haiku": [claude(0.8, 0.08, 4)],
};

/** developers.openai.com/api/docs/pricing */
const OPENAI: PriceTable = {
  "openai/gpt-6.1-sol": [usd(2, 0.1, 10, 2.5)],
  "openai/gpt-6.1-terra": [usd(1, 0.05, 5, 1.25)],
  "openai/gpt-6-astra": [usd(10, 1, 50, 12.5)],
  "openai/gpt-6-sol": [usd(2, 0.2, 10, 2.5)],
  "openai/gpt-6-luna": [usd(0.1, 0.01, 0.5, 0.125)],
  "openai/gpt-5.6-sol": [usd(5, 0.5, 30, 6.25), from("2026-08-21", usd(4, 0.4, 20, 5))],
  "openai/gpt-5.6-terra": [usd(2.5, 0.25, 15, 3.125), from("2026-07-30", usd(2, 0.2, 12, 2.5))],
  "openai/gpt-5.6-luna": [usd(1, 0.1, 6, 1.25), from("2026-07-30", usd(0.2, 0.02, 1.2, 0.25))],
  "openai/gpt-5.5": [usd(5, 0.5, 30)],
  "openai/gpt-5.5-pro": [usd(30, 30, 180)],
  "openai/gpt-5.4": [usd(2.5, 0.25, 15)],
  "openai/gpt-5.4-mini": [usd(0.75, 0.075, 4.5)],
  "openai/gpt-5.4-nano": [usd(0.2, 0.02, 1.25)],
  "openai/gpt-5.2": [usd(1.75, 0.175, 14)],
  "openai/gpt-5.1": [usd(1.25, 0.125, 10)],
  "openai/gpt-5": [usd(1.25, 0.125, 10)],
  "openai/gpt-5-mini": [usd(0.25, 0.025, 2)],
  "openai/gpt-5-nano": [usd(0.05, 0.005, 0.4)],
  "openai/gpt-5-pro": [usd(15, 15, 120)],
  "openai/gpt-4.1": [usd(2, 0.5, 8)],
  "openai/gpt-4.1-mini": [usd(0.4, 0.1, 1.6)],
  "openai/gpt-4.1-nano": [usd(0.1, 0.025, 0.4)],
  "openai/gpt-4o": [usd(2.5, 1.25, 10)],
  "openai/gpt-4o-mini": [usd(0.15, 0.075, 0.6)],
  "openai/o3": [usd(2, 0.5, 8)],
  "openai/o4-mini": [usd(1.1, 0.275, 4.4)],
};

/** The gateway's catalog; ai.google.dev/gemini-api/docs/pricing */
const GOOGLE: PriceTable = {
  "google/gemini-3.7-flash": [usd(0.75, 0.075, 3.75)],
  "google/gemini-3.1-flash-lite": [usd(0.25, 0.03, 1.5)],
  "google/gemini-2.5-pro": [usd(1.25, 0.125, 10)],
};

export const LIST_PRICES: PriceTable = { ...ANTHROPIC, ...OPENAI, ...GOOGLE };
