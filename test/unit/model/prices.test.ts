import { describe, expect, it } from "vitest";
import { failureOf } from "../../../src/model/failures.ts";
import {
  costMicros,
  dayEnd,
  dayOf,
  outputThatFits,
  type Price,
  type PriceTable,
  priceIn,
  priceOf,
  worstMicros,
} from "../../../src/model/prices.ts";
import { LIST_PRICES } from "../../../src/model/prices-table.ts";
import type { Providers } from "../../../src/model/providers.ts";
import { stoodIn, tariffOf } from "../../../src/model/tariff.ts";
import { parseSpending } from "../../../src/spending.ts";

const TODAY = "2026-11-23";
const price = (inputMicros: number, outputMicros: number, more: Partial<Price> = {}): Price => ({
  since: "",
  inputMicros,
  cachedInputMicros: inputMicros / 10,
  cacheWriteMicros: inputMicros,
  outputMicros,
  ...more,
});
const inputOf = (table: PriceTable, model: string, day = TODAY): number | null =>
  priceIn(table, model, day)?.inputMicros ?? null;

describe("which price a model has", () => {
  const table: PriceTable = {
    "openai/gpt-5": [price(1, 1)],
    "openai/gpt-5-mini": [price(2, 2)],
    "anthropic/claude-sonnet-4": [price(3, 3)],
    "anthropic/claude-sonnet-4-6": [price(4, 4)],
    "router/*": [price(5, 5)],
    "router/big-*": [price(6, 6)],
  };

  it.each([
    ["openai/gpt-5", 1],
    ["openai/gpt-5-2025-08-07", 1],
    ["openai/gpt-5-mini-2025-08-07", 2],
    ["openai/gpt-5-pro", null],
    ["openai/gpt-5.5", null],
    ["openai/gpt-5-latest", 1],
    ["anthropic/claude-sonnet-4-20250514", 3],
    ["anthropic/claude-sonnet-4-6", 4],
    ["anthropic/claude-sonnet-4.6", 4],
    ["anthropic/claude-sonnet-4-6@20260101", 4],
    ["anthropic/claude-sonnet-4-7", null],
    ["router/anything", 5],
    ["router/big-one", 6],
    ["openai", null],
    ["", null],
  ])("%s: %s", (model, expected) => {
    expect(inputOf(table, model)).toBe(expected);
  });

  it("changes on the first day of the new price", () => {
    const changed: PriceTable = { "a/b": [price(1, 1), price(2, 2, { since: "2026-10-07" })] };
    expect(inputOf(changed, "a/b", "2026-10-06")).toBe(1);
    expect(inputOf(changed, "a/b", "2026-10-07")).toBe(2);
  });

  it("is the deployment's own before the list's", () => {
    const own: PriceTable = { "anthropic/claude-sonnet-4-6": [price(7, 7)] };
    expect(priceOf(own, "anthropic/claude-sonnet-4-6-20260101", TODAY)?.inputMicros).toBe(7);
    expect(priceOf(own, "anthropic/claude-haiku-4-5", TODAY)?.inputMicros).toBe(1_000_000);
  });

  it("is known for every model that is offered before a provider was asked", async () => {
    const { knownModels } = await import("../../../local/gateway/providers/probe.ts");
    const names = Object.entries(knownModels).flatMap(([provider, models]) =>
      models.map(({ name }) => `${provider}/${name}`),
    );
    expect(names.length).toBeGreaterThan(3);
    expect(names.filter((name) => !priceIn(LIST_PRICES, name, TODAY))).toEqual([]);
  });

  it("is never above its own worst case, nor is cached input dearer than fresh", () => {
    for (const [name, prices] of Object.entries(LIST_PRICES)) {
      for (const each of prices) {
        expect(each.cachedInputMicros, name).toBeLessThanOrEqual(each.inputMicros);
        expect(each.inputMicros, name).toBeLessThanOrEqual(each.cacheWriteMicros);
        expect(each.outputMicros, name).toBeGreaterThan(each.inputMicros);
      }
    }
  });
});

describe("what a call costs", () => {
  const sonnet = priceIn(LIST_PRICES, "anthropic/claude-sonnet-4-6", TODAY) as Price; // the table has it

  it("counts input, cached input, cache writes and output at their rates, rounded up", () => {
    expect(costMicros(sonnet, { inputTokens: 1_000, outputTokens: 100 })).toBe(3_000 + 1_500);
    const cached = { inputTokens: 1_000, cachedInputTokens: 600, cacheWriteTokens: 100, outputTokens: 100 };
    expect(costMicros(sonnet, cached)).toBe(300 * 3 + 180 + 375 + 1_500);
    expect(costMicros(price(1, 1), { inputTokens: 1, outputTokens: 0 })).toBe(1);
    expect(costMicros(sonnet, { inputTokens: 0, outputTokens: 0 })).toBe(0);
  });

  it("takes the long rate for all of a call with more input than its limit", () => {
    const haiku = priceIn(LIST_PRICES, "anthropic/claude-haiku-5-5", TODAY) as Price; // the table has it
    expect(costMicros(haiku, { inputTokens: 100_000, outputTokens: 1_000 })).toBe(10_000 + 500);
    expect(costMicros(haiku, { inputTokens: 100_001, outputTokens: 1_000 })).toBe(50_001 + 2_500);
  });

  it("is at most the worst case for every usage within it", () => {
    for (const usage of [
      { inputTokens: 900, outputTokens: 1_000 },
      { inputTokens: 900, cacheWriteTokens: 900, outputTokens: 1_000 },
      { inputTokens: 900, cachedInputTokens: 900, outputTokens: 0 },
    ]) {
      expect(costMicros(sonnet, usage)).toBeLessThanOrEqual(worstMicros(sonnet, 900, 1_000));
    }
  });

  it("finds the longest answer that an amount pays for", () => {
    const prompt = 1_234;
    for (const micros of [4_628, 4_700, 20_000, 1_000_000]) {
      const output = outputThatFits(sonnet, prompt, micros);
      expect(worstMicros(sonnet, prompt, output)).toBeLessThanOrEqual(micros);
      expect(worstMicros(sonnet, prompt, output + 1)).toBeGreaterThan(micros);
    }
    expect(outputThatFits(sonnet, prompt, 10)).toBe(-1);
  });
});

describe("days", () => {
  it("are UTC's", () => {
    expect(dayOf(Date.UTC(2026, 10, 23, 23, 59, 59, 999))).toBe("2026-11-23");
    expect(dayEnd("2026-11-23")).toBe(Date.UTC(2026, 10, 24));
    expect(dayOf(dayEnd("2026-12-31"))).toBe("2027-01-01");
  });
});

describe("what is free on one machine", () => {
  const none: Providers = new Map();
  const keyed: Providers = new Map([["anthropic", { local: false }]]);
  const here: Providers = new Map([["openai", { local: true }]]);
  const own: PriceTable = { "demo/priced": [price(1, 1)], "openai/gpt-5": [price(1, 1)] };

  it.each([
    ["no key", "anthropic/claude-sonnet-4-6", none, "free"],
    ["a key", "anthropic/claude-sonnet-4-6", keyed, "priced"],
    ["another provider's key", "openai/gpt-5-mini", keyed, "free"],
    ["a server of one's own", "openai/some-model", here, "free"],
    ["a server of one's own, with a price", "openai/gpt-5", here, "priced"],
    ["no key, and a price of one's own", "openai/gpt-5", none, "free"],
    ["a model without a price", "anthropic/claude-unheard-of", keyed, "unpriced"],
    ["the demo", "demo/holdfast-demo", keyed, "free"],
    ["the demo, with a price", "demo/priced", none, "priced"],
    ["Ollama", "ollama/qwen3", none, "free"],
    ["nobody asked yet", "anthropic/claude-sonnet-4-6", "unknown" as const, "unknown"],
    ["the demo, nobody asked yet", "demo/holdfast-demo", "unknown" as const, "free"],
    ["the cloud", "anthropic/claude-sonnet-4-6", "cloud" as const, "priced"],
    ["the cloud has no free names", "ollama/qwen3", "cloud" as const, "unpriced"],
    ["the cloud has no demo", "demo/holdfast-demo", "cloud" as const, "unpriced"],
  ])("%s: %s", (_case, model, providers, expected) => {
    expect(tariffOf(model, TODAY, own, providers).type).toBe(expected);
  });

  it("knows the demo model by its name in the answer", () => {
    expect(stoodIn("anthropic/claude-sonnet-4-6", "holdfast-demo")).toBe(true);
    expect(stoodIn("demo/priced", "holdfast-demo")).toBe(false);
    expect(stoodIn("anthropic/claude-sonnet-4-6", "claude-sonnet-4-6")).toBe(false);
  });
});

describe("settings of a deployment", () => {
  it("are a limit of $5 and 5,000,000 tokens unless they say otherwise", () => {
    expect(parseSpending({})).toEqual({
      spending: { limitMicros: 5_000_000, limitTokens: 5_000_000, prices: {} },
      problems: [],
    });
  });

  it("may be other amounts, or off", () => {
    const set = parseSpending({ DAILY_LIMIT_USD: "0.25", DAILY_LIMIT_TOKENS: " OFF " });
    expect(set.spending).toMatchObject({ limitMicros: 250_000, limitTokens: null });
    expect(parseSpending({ DAILY_LIMIT_USD: "0" }).spending.limitMicros).toBe(0);
  });

  it.each(["-1", "5 dollars", "1e9", "NaN", "0.12345678"])("a limit of %s is refused by name", (text) => {
    const { problems } = parseSpending({ DAILY_LIMIT_USD: text });
    expect(problems).toEqual(['DAILY_LIMIT_USD is neither an amount in dollars nor "off"']);
  });

  it("price models in dollars per million tokens", () => {
    const { spending, problems } = parseSpending({
      PRICES:
        '{"groq/llama-*": {"input": 0.59, "cachedInput": 0.1, "output": 0.79}, "x/y": {"input": 1, "output": 2}}',
    });
    expect(problems).toEqual([]);
    expect(priceIn(spending.prices, "groq/llama-4", TODAY)).toMatchObject({
      inputMicros: 590_000,
      cachedInputMicros: 100_000,
      outputMicros: 790_000,
    });
    expect(priceIn(spending.prices, "x/y", TODAY)?.cachedInputMicros).toBe(1_000_000);
  });

  it.each([
    ["nonsense", "PRICES is not JSON"],
    ['{"claude": {"input": 1, "output": 2}}', "provider/model"],
    ['{"a/b": {"input": -1, "output": 2}}', "a/b.input"],
    ['{"a/b": {"input": 1}}', "a/b.output"],
    ['{"a/b": {"input": 1, "output": 2, "inptu": 3}}', "a/b"],
  ])("prices that are not understood are refused: %s", (text, expected) => {
    const { problems } = parseSpending({ PRICES: text });
    expect(problems.join()).toContain(expected);
  });
});

describe("a call that the provider refused", () => {
  it.each([
    [429, true],
    [404, true],
    [401, true],
    [500, true],
    [529, true],
    [504, false],
    [524, false],
    [408, false],
    [undefined, false],
    [200, false],
  ])("status %s: unbilled %s", (statusCode, unbilled) => {
    expect(failureOf(Object.assign(new Error("no"), { statusCode })).unbilled).toBe(unbilled);
  });
});
