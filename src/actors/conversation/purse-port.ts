/** A conversation's dealings with its user's purse: what a call costs, leases, and why there is no more. */
import { limits } from "../../limits.ts";
import type { ModelRequest } from "../../model/port.ts";
import {
  costMicros,
  dayOf,
  outputThatFits,
  type Price,
  type PriceTable,
  worstMicros,
} from "../../model/prices.ts";
import type { ProviderCache } from "../../model/providers.ts";
import { stoodIn, type Tariff, tariffOf } from "../../model/tariff.ts";
import type { Usage } from "../../protocol/message.ts";
import type { BudgetRefusal, LeaseAnswer, LeaseRequest } from "../../protocol/rpc.ts";
import type { Spending } from "../../spending.ts";
import type { LeaseEntry, ReleaseEntry } from "./entries.ts";
import {
  type Amount,
  leftOn,
  type Purse,
  type PursePort,
  type Quote,
  type Reserve,
  releaseOf,
  reserve,
  statementOf,
} from "./purse.ts";
import { budgetText, unpricedText } from "./purse-words.ts";

export interface PurseOptions {
  thread: string;
  spending(): Spending;
  providers: ProviderCache;
  /** The fold as it is now, and the journal's newest entry. */
  purse(): { purse: Purse; seq: number };
  now(): number;
  /** The user's purse. */
  ask(request: LeaseRequest): Promise<LeaseAnswer>;
}

/** The purse had less than was asked for. Believed for `limits.purseAnswerMs`. */
interface Shortage {
  day: string;
  at: number;
  refusal: BudgetRefusal | null;
}

/** A model without a price, where money has no limit: only its tokens count. */
const UNPRICED: Price = {
  since: "",
  inputMicros: 0,
  cachedInputMicros: 0,
  cacheWriteMicros: 0,
  outputMicros: 0,
};

export class ConversationPurse implements PursePort {
  readonly #options: PurseOptions;
  #shortage: Shortage | null = null;
  /**
   * Whether the user's purse has agreed, in this life, with what the journal holds. A life may begin with a journal
   * that was restored to an earlier state, in which money is left that was spent since.
   */
  #agreed = false;
  /** The number of the newest request, whose statement gave up all before it. */
  #asked = 0;

  constructor(options: PurseOptions) {
    this.#options = options;
  }

  reserve(purse: Purse, quote: Quote, now: number): Reserve {
    const { maxOutputTokens } = quote;
    const day = dayOf(now);
    const spending = this.#options.spending();
    const tariff = this.#tariff(quote.model, day, spending.prices);
    if (tariff.type === "free") return { ok: true, micros: 0, tokens: 0, maxOutputTokens };
    if (tariff.type === "unknown") return { ok: false, needs: "lease" };
    if (tariff.type === "unpriced" && spending.limitMicros !== null) {
      const error = { code: "model_unpriced" as const, message: unpricedText(quote.model) };
      return { ok: false, needs: "refusal", error };
    }
    const call = costOf(tariff, quote);
    const worst = call.with(maxOutputTokens);
    const unlimited = spending.limitMicros === null && spending.limitTokens === null;
    const covered = this.#agreed && reserve(purse, day, worst.micros, worst.tokens) === "ok";
    if (unlimited || covered) {
      return { ok: true, ...worst, maxOutputTokens };
    }
    const shortage = this.#shortage;
    if (!this.#agreed || !shortage || shortage.day !== day || now - shortage.at > limits.purseAnswerMs) {
      return { ok: false, needs: "lease" };
    }
    const shorter = call.outputFor(leftOn(purse, day));
    if (shorter >= leastOutput(quote)) return { ok: true, ...call.with(shorter), maxOutputTokens: shorter };
    if (!shortage.refusal) return { ok: false, needs: "lease" };
    const error = { code: "budget_exceeded" as const, message: budgetText(shortage.refusal) };
    return { ok: false, needs: "refusal", error };
  }

  async lease(quote: Quote): Promise<LeaseEntry | ReleaseEntry | null> {
    const { spending, providers, now } = this.#options;
    if (providers.current() === "unknown") await providers.load();
    const day = dayOf(now());
    const tariff = this.#tariff(quote.model, day, spending().prices);
    if (tariff.type === "free" || (tariff.type === "unpriced" && spending().limitMicros !== null))
      return null;
    const call = costOf(tariff, quote);
    const asked = { most: call.with(quote.maxOutputTokens), least: call.with(leastOutput(quote)) };
    const before = this.#options.purse().purse.lease;
    let answer = await this.#ask(day, asked, null);
    if (answer?.type === "stale") {
      const { purse } = this.#options.purse();
      // The turn has ended meanwhile, or the purse wanted it back: the lease was given up.
      if (purse.lease !== before) return null;
      // The purse remembers what this journal does not: it was restored to an earlier state. What is left in it is not
      // to be spent twice.
      const release = releaseOf(purse, 0, now());
      if (release) return release;
      answer = await this.#ask(day, asked, answer);
    }
    if (answer === null) return null;
    if (answer.type === "stale") throw new Error("The purse and the journal do not agree on a lease.");
    // A turn that was stopped asked, and a later one has told the purse that it does without: the money is not its own.
    if (answer.type === "granted" && answer.number < this.#asked) return null;
    this.#agreed = true;
    if (answer.type === "refused") {
      this.#shortage = { day, at: now(), refusal: answer.refusal };
      return null;
    }
    this.#shortage = answer.short ? { day, at: now(), refusal: null } : null;
    const { number, micros, tokens } = answer;
    return micros === 0 && tokens === 0 ? null : { kind: "lease", at: now(), day, number, micros, tokens };
  }

  price(model: string, usage: Usage, answeredBy = ""): number {
    const { providers, spending, now } = this.#options;
    if (stoodIn(model, answeredBy)) return 0;
    const day = dayOf(now());
    const own = spending().prices;
    let tariff = tariffOf(model, day, own, providers.last());
    // Somebody else answered where the demo model was to stand in: a key was connected meanwhile.
    const came = tariff.type === "free" && tariff.because === "stand-in" && answeredBy !== "";
    if (came || tariff.type === "unknown") {
      providers.forget();
      tariff = tariffOf(model, day, own, "cloud");
    }
    return tariff.type === "priced" ? costMicros(tariff.price, usage) : 0;
  }

  #tariff(model: string, day: string, own: PriceTable): Tariff {
    return tariffOf(model, day, own, this.#options.providers.current());
  }

  /** Null when what the conversation holds is enough, and known to be its own. `stale`: what the purse said to an earlier try. */
  async #ask(
    day: string,
    { most, least }: { most: Amount; least: Amount },
    stale: { number: number; seq: number } | null,
  ): Promise<LeaseAnswer | null> {
    const { purse, seq } = this.#options.purse();
    const left = leftOn(purse, day);
    const missing = ({ micros, tokens }: Amount): Amount => ({
      micros: Math.max(0, micros - left.micros),
      tokens: Math.max(0, tokens - left.tokens),
    });
    const wanted = missing(most);
    if (this.#agreed && wanted.micros === 0 && wanted.tokens === 0) return null;
    const number = Math.max(stale?.number ?? 0, purse.lease + 1);
    this.#asked = number;
    return this.#options.ask({
      thread: this.#options.thread,
      day,
      number,
      ...wanted,
      leastMicros: missing(least).micros,
      leastTokens: missing(least).tokens,
      statement: { ...statementOf(purse, seq), lease: number - 1 },
      ...(stale && { after: stale.seq }),
    });
  }
}

const leastOutput = (quote: Quote): number => Math.min(limits.leastOutputTokens, quote.maxOutputTokens);

/** The call's worst case by the length of its answer. */
function costOf(tariff: Exclude<Tariff, { type: "free" }>, quote: Quote) {
  const price = tariff.type === "priced" ? tariff.price : UNPRICED;
  const prompt = Math.ceil(quote.promptChars / limits.promptBytesPerToken);
  return {
    with: (output: number): Amount => ({
      micros: worstMicros(price, prompt, output),
      tokens: prompt + output,
    }),
    /** The longest answer that an amount pays for. */
    outputFor: (left: Amount): number =>
      Math.min(quote.maxOutputTokens, left.tokens - prompt, outputThatFits(price, prompt, left.micros)),
  };
}

/** What a request will take at most. The prompt is measured when somebody asks: a free model's need not be. */
export function quoteOf(request: ModelRequest): Quote {
  return {
    model: request.model,
    maxOutputTokens: request.maxOutputTokens,
    get promptChars() {
      return promptBytes(request);
    },
  };
}

const encoder = new TextEncoder();
const bytes = (value: unknown): number =>
  encoder.encode(typeof value === "string" ? value : (JSON.stringify(value) ?? "")).length;

/** Messages are rendered once and never changed: a window that grew by two is not encoded from its beginning again. */
const weighed = new WeakMap<object, number>();

function promptBytes({ system, messages, tools }: ModelRequest): number {
  let sum = bytes(system) + Math.max(2, tools.length + 1); // the list's brackets and commas
  for (const tool of tools) sum += weightOf(tool, () => bytes(tool));
  for (const message of messages) sum += weightOf(message, () => messageBytes(message));
  return sum;
}

function weightOf(part: object, weigh: () => number): number {
  const known = weighed.get(part);
  if (known !== undefined) return known;
  const weight = weigh();
  weighed.set(part, weight);
  return weight;
}

function messageBytes(message: ModelRequest["messages"][number]): number {
  if (message.role === "system") return bytes(message.content);
  return message.content.reduce(
    (sum, part) => sum + (part.type === "file" ? fileBytes(part.mediaType) : bytes(part)),
    0,
  );
}

/** A file is not weighed by its bytes: a provider makes tokens of pictures and pages. */
function fileBytes(mediaType: string): number {
  const tokens = mediaType.startsWith("image/") ? limits.imagePromptTokens : limits.filePromptTokens;
  return tokens * limits.promptBytesPerToken;
}
