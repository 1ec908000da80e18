/**
 * One conversation of the purse campaign: the real fold and the real port over a journal in memory. It does at random
 * what a drive does in order: asks for money, calls, settles, ends, and dies in between.
 */
import type { Entry } from "../../../src/actors/conversation/entries.ts";
import {
  type Amount,
  emptyPurse,
  foldPurse,
  keeping,
  leftOn,
  type Purse,
  type Quote,
  releaseOf,
  statementOf,
} from "../../../src/actors/conversation/purse.ts";
import { ConversationPurse } from "../../../src/actors/conversation/purse-port.ts";
import { dayOf } from "../../../src/model/prices.ts";
import { ProviderCache } from "../../../src/model/providers.ts";
import type { Usage } from "../../../src/protocol/message.ts";
import type { LeaseAnswer, LeaseRequest, PurseStatement } from "../../../src/protocol/rpc.ts";
import type { Spending } from "../../../src/spending.ts";

export interface SimWorld {
  now(): number;
  spending: Spending;
  /** Sends a lease request; whether and when it is answered is the network's. */
  ask(request: LeaseRequest): Promise<LeaseAnswer>;
  /** A call begins, or a turn ends. */
  moved(): void;
}

/** A call as the outside knows it: what it may cost at most, and what it counts for in the end. */
export interface Call {
  day: string;
  worst: Amount;
  /** Null while it runs. */
  counted: Amount | null;
}

type Phase = "idle" | "deciding" | "leasing" | "calling";

const CLOUD = new ProviderCache({
  gatewayUrl: () => "",
  fetch: () => Promise.reject(new Error("there is no gateway in the cloud")),
  now: () => 0,
  ttlMs: 1,
});

export class SimConversation {
  readonly thread: string;
  readonly #world: SimWorld;
  journal: Entry[] = [];
  /** Lengths of the journal at which nothing ran: what it may be restored to. */
  readonly rests: number[] = [0];
  readonly calls: Call[] = [];
  phase: Phase = "idle";
  /** The end of a turn is owed to the user actor. */
  owes = false;
  restored = false;
  /** Deleted for good: nothing of it is left but what it cost. */
  deleted = false;
  refusals = 0;
  #purse: Purse = emptyPurse;
  #port: ConversationPurse;
  /** Grows with every death: what an earlier life awaited reaches nobody. */
  #life = 0;
  #turns = 0;
  #turn = "";
  #round = 0;
  #attempt = 0;
  #quote: Quote = { model: "", promptChars: 0, maxOutputTokens: 0 };
  #open: { call: Call; quote: Quote; maxOutputTokens: number } | null = null;

  constructor(thread: string, world: SimWorld) {
    this.thread = thread;
    this.#world = world;
    this.#port = this.#newPort();
  }

  get purse(): Purse {
    return this.#purse;
  }

  statement(): PurseStatement {
    return statementOf(this.#purse, this.journal.length);
  }

  /** What it may spend on a day without asking anybody. */
  free(day: string): Amount {
    if (this.deleted) return { micros: 0, tokens: 0 };
    const left = leftOn(this.#purse, day);
    const nothing: Quote = { model: "anthropic/claude-haiku-4-5", promptChars: 0, maxOutputTokens: 0 };
    // A life that has not heard from the purse yet spends nothing of what it finds in the journal.
    if (this.#port.reserve(this.#purse, nothing, this.#world.now()).ok) return left;
    return { micros: Math.min(0, left.micros), tokens: Math.min(0, left.tokens) };
  }

  /** The user's purse asks for what is free. */
  returnLease(newest: number): PurseStatement | null {
    if (this.deleted) return null;
    const release = releaseOf(this.#purse, newest, this.#world.now());
    if (release) this.#commit(release);
    return this.statement();
  }

  /** It is deleted, whatever it is doing. */
  delete(): void {
    this.#life++;
    if (this.#open) this.#settle(null);
    this.deleted = true;
    this.phase = "idle";
    this.owes = false;
  }

  begin(quote: Quote): void {
    this.#turn = `turn${++this.#turns}`;
    this.#round = 0;
    this.#attempt = 0;
    this.#quote = quote;
    this.phase = "deciding";
  }

  /** Plans the next call: it is made, money is asked for, or the turn ends with a reason. */
  decide(late: boolean): void {
    const now = this.#world.now();
    const reserved = this.#port.reserve(this.#purse, this.#quote, now);
    if (reserved.ok) {
      const { micros, tokens, maxOutputTokens } = reserved;
      const call: Call = { day: dayOf(now), worst: { micros, tokens }, counted: null };
      this.calls.push(call);
      this.#world.moved();
      this.#open = { call, quote: this.#quote, maxOutputTokens };
      this.#commit({
        kind: "call",
        at: now,
        turn: this.#turn,
        round: this.#round,
        attempt: ++this.#attempt,
        model: this.#quote.model,
        fingerprint: "",
        prompt: "",
        tools: "",
        maxOutputTokens,
        windowTokens: 0,
        reservationMicros: micros,
        reservationTokens: tokens,
      });
      this.phase = "calling";
      return;
    }
    if (reserved.needs === "refusal") {
      this.refusals++;
      return this.end("failed");
    }
    this.phase = "leasing";
    const life = this.#life;
    const turn = this.#turn;
    this.#port.lease(this.#quote).then(
      (entry) => {
        if (life !== this.#life) return;
        const current = this.phase === "leasing" && turn === this.#turn;
        // A drive may or may not look whether its turn still runs before it commits what it awaited.
        if (entry && (current || late)) this.#commit(entry);
        if (current) this.phase = "deciding";
      },
      () => {
        if (life === this.#life && this.phase === "leasing" && turn === this.#turn) this.phase = "deciding";
      },
    );
  }

  /** The provider's answer with its usage, priced as the drive does it. */
  answer(share: { input: number; output: number; silent: boolean }): void {
    const open = this.#running();
    const prompt = Math.ceil(open.quote.promptChars / 3);
    const usage: Usage = share.silent
      ? { inputTokens: 0, outputTokens: 0 }
      : {
          inputTokens: Math.max(1, Math.floor(prompt * share.input)),
          outputTokens: Math.floor(open.maxOutputTokens * share.output),
        };
    const priceMicros = this.#port.price(open.quote.model, usage, "somebody");
    const tokens = usage.inputTokens + usage.outputTokens;
    this.#settle(share.silent ? null : { micros: priceMicros, tokens });
    this.#commit({
      kind: "answer",
      ...this.#where(),
      parts: [],
      usage,
      finish: "stop",
      model: "",
      priceMicros,
    });
    this.#round++;
    this.#attempt = 0;
    this.phase = "deciding";
  }

  fault(unbilled: boolean): void {
    this.#settle(unbilled ? { micros: 0, tokens: 0 } : null);
    const fault = { kind: "fault" as const, code: "model_failed" as const, message: "" };
    this.#commit({ ...fault, ...this.#where(), ...(unbilled && { unbilled: true as const }) });
    this.phase = "deciding";
  }

  /** Ends the turn, whatever it is at. A call that runs is cut off, with or without a partial answer. */
  end(outcome: "completed" | "failed" | "cancelled", partial = false): void {
    const at = this.#world.now();
    this.#world.moved();
    const end: Entry = { kind: "end", at, turn: this.#turn, outcome };
    const where = this.#where();
    if (this.phase === "calling") this.#settle(null);
    const usage = { inputTokens: 0, outputTokens: 0 };
    const cut = { parts: [], usage, finish: "cancelled", model: "", priceMicros: 0, partial: true as const };
    if (this.phase === "calling" && partial) this.#commit({ kind: "answer", ...where, ...cut });
    this.#commit(end);
    this.phase = "idle";
    this.owes = true;
    this.rests.push(this.journal.length);
  }

  /** A turn that waits is taken back beside the running one. */
  cancelWaiting(): void {
    const turn = `waiting${this.journal.length}`;
    this.#commit({ kind: "end", at: this.#world.now(), turn, outcome: "cancelled" });
  }

  /** Memory is gone, the journal stays. Returns false when the fold of the journal is not what memory held. */
  crash(): boolean {
    const before = JSON.stringify(this.#purse);
    this.#wake();
    if (this.phase !== "idle") this.phase = "deciding";
    this.owes = true; // the wake is not let go before everybody was told
    return JSON.stringify(this.#purse) === before;
  }

  /** The journal is set back to an earlier rest, as after a restore of the database. */
  restore(length: number): void {
    this.journal = this.journal.slice(0, length);
    while ((this.rests.at(-1) ?? 0) > length) this.rests.pop();
    this.#wake();
    this.restored = true;
    this.owes = true;
  }

  #wake(): void {
    this.#life++;
    if (this.#open) this.#settle(null);
    this.#purse = this.journal.reduce(foldPurse, emptyPurse);
    this.#port = this.#newPort();
  }

  #newPort(): ConversationPurse {
    return new ConversationPurse({
      thread: this.thread,
      spending: () => this.#world.spending,
      providers: CLOUD,
      purse: () => ({ purse: this.#purse, seq: this.journal.length }),
      now: () => this.#world.now(),
      ask: (request) => this.#world.ask(request),
    });
  }

  #commit(entry: Entry): void {
    const written = keeping(this.#purse, [entry]);
    this.journal.push(...written);
    this.#purse = written.reduce(foldPurse, this.#purse);
  }

  #settle(cost: Amount | null): void {
    const { call } = this.#running();
    call.counted = cost ?? call.worst;
    this.#open = null;
  }

  #running() {
    if (!this.#open) throw new Error("no call runs");
    return this.#open;
  }

  #where() {
    const at = this.#world.now();
    return { at, turn: this.#turn, round: this.#round, attempt: this.#attempt };
  }
}
