import { describe, expect, it, vi } from "vitest";
import type { Entry } from "../../../src/actors/conversation/entries.ts";
import { emptyPurse, foldPurse, type Purse, type Quote } from "../../../src/actors/conversation/purse.ts";
import { ConversationPurse, quoteOf } from "../../../src/actors/conversation/purse-port.ts";
import { limits } from "../../../src/limits.ts";
import type { ModelRequest } from "../../../src/model/port.ts";
import { ProviderCache } from "../../../src/model/providers.ts";
import type { LeaseAnswer, LeaseRequest } from "../../../src/protocol/rpc.ts";
import type { Spending } from "../../../src/spending.ts";

const AT = Date.UTC(2026, 10, 23, 12);
const SONNET = "anthropic/claude-sonnet-4-6";
/** 1,000 tokens of prompt (cache writes cost 3.75 each) and 16,000 of answer at 15. */
const QUOTE: Quote = { model: SONNET, promptChars: 3_000, maxOutputTokens: 16_000 };
const WORST = 1_000 * 3.75 + 16_000 * 15;
const LIMITED: Spending = { limitMicros: 5_000_000, limitTokens: 5_000_000, prices: {} };
const REFUSED: LeaseAnswer = {
  type: "refused",
  refusal: { scope: "user-day", of: "money", limit: 5_000_000, spent: 4_990_000, reserved: 5_000 },
};

interface Options {
  spending?: Spending;
  /** Providers that the local gateway names; absent: the cloud. `broken`: it does not answer. */
  providers?: { provider: string; local: boolean }[] | "broken";
  answers?: (LeaseAnswer | Promise<LeaseAnswer>)[];
}

function world({ spending = LIMITED, providers, answers = [] }: Options = {}) {
  const asked: LeaseRequest[] = [];
  const fetched: string[] = [];
  const it = {
    now: AT,
    purse: emptyPurse as Purse,
    seq: 7,
    asked,
    fetched,
    providers,
    commit: (entry: Entry | null) => {
      if (entry) it.purse = foldPurse(it.purse, entry);
    },
    reserve: (quote: Quote = QUOTE) => port.reserve(it.purse, quote, it.now),
    lease: (quote: Quote = QUOTE) => port.lease(quote),
    price: (...args: Parameters<ConversationPurse["price"]>) => port.price(...args),
  };
  const port = new ConversationPurse({
    thread: "main",
    spending: () => spending,
    providers: new ProviderCache({
      gatewayUrl: () => (providers ? "http://127.0.0.1:9" : ""),
      fetch: async (url) => {
        fetched.push(url);
        if (it.providers === "broken") return new Response("no", { status: 404 });
        return Response.json({ providers: it.providers });
      },
      now: () => it.now,
      ttlMs: limits.providersTtlMs,
    }),
    purse: () => ({ purse: it.purse, seq: it.seq }),
    now: () => it.now,
    ask: async (request) => {
      asked.push(request);
      const answer = answers.shift();
      if (!answer) throw new Error("nobody answers");
      return answer;
    },
  });
  return it;
}

const grant = (micros: number, tokens = 20_000, more: Partial<LeaseAnswer> = {}): LeaseAnswer =>
  ({ type: "granted", number: 1, micros, tokens, short: false, ...more }) as LeaseAnswer; // of one shape

describe("a call that costs something", () => {
  it("asks for its worst case, and is made once that is leased", async () => {
    const it = world({ answers: [grant(WORST)] });
    expect(it.reserve()).toEqual({ ok: false, needs: "lease" });
    it.commit(await it.lease());
    expect(it.reserve()).toEqual({ ok: true, micros: WORST, tokens: 17_000, maxOutputTokens: 16_000 });
    expect(it.asked).toEqual([
      {
        thread: "main",
        day: "2026-11-23",
        number: 1,
        micros: WORST,
        tokens: 17_000,
        leastMicros: 1_000 * 3.75 + 1_000 * 15,
        leastTokens: 2_000,
        statement: { seq: 7, lease: 0, days: [] },
      },
    ]);
  });

  it("asks only for what is missing", async () => {
    const it = world({ answers: [grant(100_000), grant(WORST - 100_000, 0, { number: 2 } as object)] });
    it.commit(await it.lease());
    expect(it.reserve()).toEqual({ ok: false, needs: "lease" });
    it.commit(await it.lease());
    expect(it.asked[1]).toMatchObject({ number: 2, micros: WORST - 100_000, tokens: 0, leastMicros: 0 });
    expect(it.reserve().ok).toBe(true);
  });

  it("is given a shorter answer when that is all that can be paid", async () => {
    const it = world({ answers: [grant(60_000, 20_000, { short: true } as object)] });
    it.commit(await it.lease());
    expect(it.reserve()).toEqual({ ok: true, micros: 60_000, tokens: 4_750, maxOutputTokens: 3_750 });
  });

  it("asks again soon after: others may have given something back", async () => {
    const it = world({ answers: [grant(60_000, 20_000, { short: true } as object)] });
    it.commit(await it.lease());
    it.now += limits.purseAnswerMs + 1;
    expect(it.reserve()).toEqual({ ok: false, needs: "lease" });
  });

  it("is refused with the limit, when it starts anew and who can raise it", async () => {
    const it = world({ answers: [REFUSED] });
    expect(await it.lease()).toBeNull();
    const refused = it.reserve();
    expect(refused).toMatchObject({ ok: false, needs: "refusal", error: { code: "budget_exceeded" } });
    const message = "error" in refused ? refused.error.message : "";
    for (const word of [
      "$5.00",
      "$4.99 spent",
      "$0.005 set aside",
      "00:00 UTC",
      "administrator",
      "DAILY_LIMIT_USD",
    ])
      expect(message).toContain(word);
  });

  it("goes on with what it holds when the purse refuses more", async () => {
    const it = world({ answers: [grant(60_000), REFUSED] });
    it.commit(await it.lease());
    expect(await it.lease()).toBeNull();
    expect(it.reserve()).toMatchObject({ ok: true, maxOutputTokens: 3_750 });
  });

  it("needs a new lease after midnight", async () => {
    const it = world({ answers: [grant(WORST)] });
    it.commit(await it.lease());
    it.now = Date.UTC(2026, 10, 24);
    expect(it.reserve()).toEqual({ ok: false, needs: "lease" });
  });

  it("fails when the purse cannot be reached, and says nothing of a limit", async () => {
    const it = world();
    await expect(it.lease()).rejects.toThrow("nobody answers");
    expect(it.reserve()).toEqual({ ok: false, needs: "lease" });
  });

  it("asks again behind a restored journal's number, once", async () => {
    const it = world({
      answers: [{ type: "stale", number: 9, seq: 40 }, grant(WORST, 20_000, { number: 9 } as object)],
    });
    it.commit(await it.lease());
    expect(it.asked[1]).toMatchObject({ number: 9, after: 40, statement: { lease: 8 } });
    expect(it.reserve().ok).toBe(true);
    const endless = world({
      answers: [
        { type: "stale", number: 9, seq: 40 },
        { type: "stale", number: 10, seq: 41 },
      ],
    });
    await expect(endless.lease()).rejects.toThrow("do not agree");
  });

  it("is asked about once in a life that begins with money from an earlier one", async () => {
    const it = world({ answers: [grant(0, 0, { number: 2 } as object)] });
    it.commit({ kind: "lease", at: AT, day: "2026-11-23", number: 1, micros: WORST, tokens: 20_000 });
    expect(it.reserve()).toEqual({ ok: false, needs: "lease" });
    expect(await it.lease()).toBeNull();
    expect(it.asked).toMatchObject([{ number: 2, micros: 0, tokens: 0, statement: { lease: 1 } }]);
    expect(it.reserve()).toMatchObject({ ok: true, micros: WORST });
    expect(await it.lease()).toBeNull();
    expect(it.asked).toHaveLength(1);
  });

  it("is not paid out of what a restored journal has left: that goes back first", async () => {
    const it = world({
      answers: [
        { type: "stale", number: 9, seq: 40 },
        { type: "stale", number: 9, seq: 40 },
        grant(WORST, 20_000, { number: 9 } as object),
      ],
    });
    it.commit({ kind: "lease", at: AT, day: "2026-11-23", number: 1, micros: WORST, tokens: 20_000 });
    const release = await it.lease();
    expect(release).toEqual({ kind: "release", at: AT, number: 2 });
    it.commit(release);
    expect(it.reserve()).toEqual({ ok: false, needs: "lease" });
    it.commit(await it.lease());
    expect(it.asked.map(({ micros, after }) => [micros, after])).toEqual([
      [0, undefined],
      [WORST, undefined],
      [WORST, 40],
    ]);
    expect(it.reserve()).toMatchObject({ ok: true, micros: WORST });
  });

  it("does not ask again for a turn that ended while it asked", async () => {
    const it = world({ answers: [{ type: "stale", number: 9, seq: 40 }] });
    const asking = it.lease();
    it.commit({ kind: "end", at: AT, turn: "t", outcome: "cancelled" });
    expect(await asking).toBeNull();
    expect(it.asked).toHaveLength(1);
  });

  it("takes no grant of a turn that was stopped, once a later request has given it up", async () => {
    const late = Promise.withResolvers<LeaseAnswer>();
    const it = world({
      answers: [
        { type: "stale", number: 6, seq: 18 },
        late.promise,
        { type: "stale", number: 7, seq: 5 },
        grant(WORST, 20_000, { number: 7 }),
      ],
    });
    const stopped = it.lease();
    await vi.waitFor(() => expect(it.asked).toHaveLength(2));
    it.commit({ kind: "end", at: AT, turn: "t", outcome: "cancelled" });
    const next = it.lease();
    await vi.waitFor(() => expect(it.asked).toHaveLength(4));
    expect(it.asked[3]).toMatchObject({ number: 7, statement: { lease: 6 } });
    late.resolve(grant(50_000, 20_000, { number: 6 }));
    it.commit(await stopped);
    it.commit(await next);
    expect(it.purse).toMatchObject({ lease: 7, left: { micros: WORST, tokens: 20_000 } });
  });

  it("needs no lease where there is no limit, and is reserved all the same", () => {
    const it = world({ spending: { limitMicros: null, limitTokens: null, prices: {} } });
    expect(it.reserve()).toEqual({ ok: true, micros: WORST, tokens: 17_000, maxOutputTokens: 16_000 });
  });
});

describe("a model without a price", () => {
  const quote = { ...QUOTE, model: "router/new-model" };

  it("is refused while money has a limit, with words that say how to price it", async () => {
    const it = world();
    const refused = it.reserve(quote);
    expect(refused).toMatchObject({ ok: false, needs: "refusal", error: { code: "model_unpriced" } });
    const message = "error" in refused ? refused.error.message : "";
    const example = /PRICES.*?(\{.*\})\.$/.exec(message)?.[1] ?? "";
    expect(Object.keys(JSON.parse(example))).toEqual(["router/new-model"]);
    expect(await it.lease(quote)).toBeNull();
    expect(it.asked).toEqual([]);
  });

  it("is answered by its tokens alone where money has none", async () => {
    const it = world({ spending: { ...LIMITED, limitMicros: null }, answers: [grant(0)] });
    it.commit(await it.lease(quote));
    expect(it.asked[0]).toMatchObject({ micros: 0, tokens: 17_000 });
    expect(it.reserve(quote)).toMatchObject({ ok: true, micros: 0, tokens: 17_000 });
  });

  it("is answered where the deployment prices it", () => {
    const prices = {
      "router/*": [{ since: "", inputMicros: 1, cachedInputMicros: 1, cacheWriteMicros: 1, outputMicros: 1 }],
    };
    const it = world({ spending: { ...LIMITED, prices } });
    expect(it.reserve(quote)).toEqual({ ok: false, needs: "lease" });
  });
});

describe("on one machine", () => {
  it("a first-time user without a key never asks for money", async () => {
    const it = world({ providers: [] });
    expect(it.reserve()).toEqual({ ok: false, needs: "lease" });
    expect(await it.lease()).toBeNull();
    expect(it.reserve()).toEqual({ ok: true, micros: 0, tokens: 0, maxOutputTokens: 16_000 });
    expect(it.asked).toEqual([]);
    expect(it.fetched).toEqual(["http://127.0.0.1:9/v1/providers"]);
    expect(it.price(SONNET, { inputTokens: 10, outputTokens: 10 }, "holdfast-demo")).toBe(0);
  });

  it("the demo model is not even asked about", () => {
    const it = world({ providers: [] });
    expect(it.reserve({ ...QUOTE, model: "demo/holdfast-demo" }).ok).toBe(true);
    expect(it.fetched).toEqual([]);
  });

  it("a key that is connected puts the limit on, within a minute", async () => {
    const it = world({ providers: [], answers: [grant(WORST)] });
    await it.lease();
    it.providers = [{ provider: "anthropic", local: false }];
    it.now += limits.providersTtlMs;
    expect(it.reserve()).toEqual({ ok: false, needs: "lease" });
    it.commit(await it.lease());
    expect(it.reserve()).toMatchObject({ ok: true, micros: WORST });
  });

  it("an answer by somebody else than the demo model is counted, and looked into at once", async () => {
    const it = world({ providers: [] });
    await it.lease();
    expect(it.price(SONNET, { inputTokens: 10, outputTokens: 10 }, "claude-sonnet-4-6")).toBe(180);
    expect(it.reserve()).toEqual({ ok: false, needs: "lease" });
  });

  it("the demo model in a connected model's place costs nothing", async () => {
    const it = world({ providers: [{ provider: "anthropic", local: false }], answers: [grant(WORST)] });
    await it.lease();
    expect(it.price(SONNET, { inputTokens: 10, outputTokens: 10 }, "holdfast-demo")).toBe(0);
    expect(it.price(SONNET, { inputTokens: 10, outputTokens: 10 }, "claude-sonnet-4-6")).toBe(180);
  });

  it("a gateway that does not say who answers is not taken for free", async () => {
    const it = world({ providers: "broken", answers: [grant(WORST)] });
    it.commit(await it.lease());
    expect(it.reserve()).toMatchObject({ ok: true, micros: WORST });
  });
});

describe("what a request weighs", () => {
  const request = (messages: ModelRequest["messages"]): ModelRequest => ({
    model: SONNET,
    system: "system",
    messages,
    tools: [],
    maxOutputTokens: 5,
    metadata: { user: "", thread: "", turn: "" },
  });
  const said = (text: string) =>
    quoteOf(request([{ role: "user", content: [{ type: "text", text }] }])).promptChars;

  it("grows with its text, in bytes: dense scripts have more tokens a character", () => {
    expect(said("a".repeat(300)) - said("")).toBe(300);
    expect(said("潮".repeat(300)) - said("")).toBe(900);
  });

  it("counts files as a provider may see them, not by their bytes", () => {
    const data = { type: "url" as const, url: new URL("workspace:a") };
    const file = (mediaType: string) =>
      quoteOf(request([{ role: "user", content: [{ type: "file", data, mediaType }] }])).promptChars;
    expect(Math.floor(file("image/png") / 3)).toBeGreaterThanOrEqual(limits.imagePromptTokens);
    expect(Math.floor(file("application/pdf") / 3)).toBeGreaterThanOrEqual(limits.filePromptTokens);
  });
});
