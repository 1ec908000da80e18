/** What a model costs. Pure: tables in, integer micro-dollars out. */
import type { Usage } from "../protocol/message.ts";
import { LIST_PRICES } from "./prices-table.ts";

/** Micro-dollars per million tokens. */
export interface Rates {
  inputMicros: number;
  /** Input that the provider read from its cache. */
  cachedInputMicros: number;
  /** Input that the provider wrote to its cache. */
  cacheWriteMicros: number;
  outputMicros: number;
}

export interface Price extends Rates {
  /** The first day that it holds, `YYYY-MM-DD` in UTC; empty for a model's first price. */
  since: string;
  /** A call with more input than this many tokens is charged by other rates, all of it. */
  long?: Rates & { aboveTokens: number };
}

/** `provider/model`, or `provider/prefix*`, to its prices, oldest first. */
export type PriceTable = Readonly<Record<string, readonly Price[]>>;

/** How providers date a model's name: `-20250929`, `-2025-08-07`, `-latest`, `@20250929`. */
const DATE_SUFFIX = /^(?:[-@](?:\d{8}|\d{4}-\d{2}-\d{2})|-latest)$/;

/**
 * The price of a model on a day, or `null` when it has none. The longest name of the table that fits wins: the name
 * itself, the name before a date, or a `prefix*`. Nothing else counts as a prefix: `gpt-5-pro` is no dated `gpt-5`.
 */
export function priceIn(table: PriceTable, model: string, day: string): Price | null {
  const name = canonical(model);
  let best = "";
  for (const key of Object.keys(table))
    if (key.length > best.length && fits(canonical(key), name)) best = key;
  return table[best]?.findLast((price) => price.since <= day) ?? null;
}

/** A deployment's own price if it has one, else the list price. */
export const priceOf = (own: PriceTable, model: string, day: string): Price | null =>
  priceIn(own, model, day) ?? priceIn(LIST_PRICES, model, day);

/** The gateway's catalog writes Anthropic's versions with a dot, Anthropic itself with a hyphen. */
const canonical = (model: string): string =>
  model.startsWith("anthropic/") ? model.replaceAll(".", "-") : model;

function fits(key: string, name: string): boolean {
  if (key.endsWith("*")) return name.startsWith(key.slice(0, -1));
  return name === key || (name.startsWith(key) && DATE_SUFFIX.test(name.slice(key.length)));
}

/** What a finished call cost, in whole micro-dollars, rounded up. */
export function costMicros(price: Price, usage: Usage): number {
  const { inputMicros, cachedInputMicros, cacheWriteMicros, outputMicros } = ratesFor(
    price,
    usage.inputTokens,
  );
  const cached = Math.min(usage.cachedInputTokens ?? 0, usage.inputTokens);
  const written = Math.min(usage.cacheWriteTokens ?? 0, usage.inputTokens - cached);
  return perMillion(
    (usage.inputTokens - cached - written) * inputMicros +
      cached * cachedInputMicros +
      written * cacheWriteMicros +
      usage.outputTokens * outputMicros,
  );
}

/** The most that a call can cost: nothing of its input cached, and an answer of full length. */
export function worstMicros(price: Price, promptTokens: number, outputTokens: number): number {
  const { dearestInput, outputMicros } = worstRates(price, promptTokens);
  return perMillion(promptTokens * dearestInput + outputTokens * outputMicros);
}

/** The longest answer, in tokens, whose worst case `micros` covers; negative when not even the input fits. */
export function outputThatFits(price: Price, promptTokens: number, micros: number): number {
  const { dearestInput, outputMicros } = worstRates(price, promptTokens);
  const left = micros * MILLION - promptTokens * dearestInput;
  if (left < 0) return -1;
  return outputMicros === 0 ? Number.MAX_SAFE_INTEGER : Math.floor(left / outputMicros);
}

function worstRates(price: Price, promptTokens: number): { dearestInput: number; outputMicros: number } {
  const { inputMicros, cacheWriteMicros, outputMicros } = ratesFor(price, promptTokens);
  return { dearestInput: Math.max(inputMicros, cacheWriteMicros), outputMicros };
}

const ratesFor = (price: Price, inputTokens: number): Rates =>
  price.long && inputTokens > price.long.aboveTokens ? price.long : price;

const MILLION = 1_000_000;
const perMillion = (total: number): number => Math.ceil(total / MILLION);

/** The UTC day of a time in milliseconds, `YYYY-MM-DD`. */
export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** The first millisecond of the day after. */
export const dayEnd = (day: string): number => Date.parse(`${day}T00:00:00.000Z`) + 86_400_000;
