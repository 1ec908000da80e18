/**
 * People who decide on calls that wait, from two devices: over the socket on which they were asked, and over HTTP. Some
 * decide at once, some when the server has died a few times, some twice, some against one another, some never. What got
 * no answer is said again until it gets one.
 */
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { Chance } from "../random.ts";
import type { ThreadClient } from "./client.ts";
import type { Life } from "./lives.ts";
import { effectsOf } from "./questions.ts";
import { SHORT } from "./worker/shape.ts";
import type { World } from "./world.ts";

/** One person's decision on one call, however often it had to be said. */
export interface Decision {
  call: string;
  thread: string;
  approved: boolean;
  /** Unique in the campaign: the journal keeps the words of the decision that counts. */
  comment: string;
  /** What the server answered: `null` while it answered nothing, `unknown` when the call waits for nobody. */
  answer: { counted: boolean; approved: boolean } | "unknown" | null;
  /** Over the socket once, if that is open; whatever comes after that over HTTP. */
  socket: ThreadClient | null;
  spoken: boolean;
  /** How many more lives it waits for, and until when. */
  lives: number;
  dueAt: number;
}

const answer = z.object({ counted: z.boolean(), approved: z.boolean() });

/** Shares of calls on which nobody ever decides, and on which two devices do. */
const NOBODY = 0.12;
const TWO = 0.5;
/** Chats that are opened in one life to see whether they wait. */
const LOOKS = 4;
/** Share of the calls on which somebody decides about when the question expires. */
const AT_EXPIRY = 0.1;

export class Approvals {
  readonly decisions: Decision[] = [];
  readonly #world: World;
  readonly #seed: number;
  readonly #known = new Set<string>();
  /** What the known calls are for. */
  readonly #seen = new Set<string>();
  #now: { life: Life; over: AbortController } | null = null;
  #running: Promise<void>[] = [];

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#seed = seed;
  }

  /** Listens to a client for calls that wait. */
  watch(client: ThreadClient): void {
    client.onAsk = (call, path) => this.#learn(client, call, path);
    client.onDecided = ({ toolCallId, counted, approved }) => {
      const said = this.decisions.find((one) => one.call === toolCallId && one.socket === client);
      if (said) said.answer ??= { counted, approved };
    };
  }

  /** A life begins: what waited for it, and what got no answer, is said. */
  begin(life: Life): void {
    this.#now = { life, over: new AbortController() };
    for (const decision of this.decisions) {
      if (decision.answer !== null) continue;
      decision.lives--;
      if (decision.lives <= 0) this.#say(decision);
    }
  }

  /** Somebody's other device opens chats that seem to wait, and learns of the calls there. */
  look(life: Life, clients: readonly ThreadClient[]): void {
    const waiting = clients.filter((client) =>
      client.asked.some(
        ({ question, accepted, outcome }) =>
          effectsOf(question).some((path) => !this.#seen.has(path)) && accepted && outcome === null,
      ),
    );
    for (const client of waiting.slice(-LOOKS)) this.#running.push(this.#lookAt(life, client));
  }

  async #lookAt(life: Life, client: ThreadClient): Promise<void> {
    const path = `/@${this.#world.handle}/${client.thread}/get-messages?limit=20`;
    let messages: unknown;
    try {
      messages = await this.#world.json(life, path);
    } catch {
      return; // the server died over it
    }
    for (const { id, input } of waitingCalls(messages)) this.#learn(client, id, input);
  }

  /** Nothing more is begun in this life. What is on its way meets the kill. */
  stop(): void {
    this.#now?.over.abort();
    this.#now = null;
  }

  /** Resolves when nothing is on its way. */
  async quiet(): Promise<void> {
    while (this.#running.length > 0) await Promise.all(this.#running.splice(0));
  }

  /** What people will decide follows from what is asked, not from when they see it: that depends on the machine. */
  #learn(client: ThreadClient, call: string, path: string): void {
    if (this.#known.has(call)) return;
    this.#known.add(call);
    this.#seen.add(path);
    const chance = new Chance(this.#seed ^ numberOf(path));
    if (chance.chance(NOBODY)) return;
    const many = chance.chance(TWO) ? 2 : 1;
    const late = chance.chance(AT_EXPIRY);
    const lives = chance.pick([0, 0, 0, 1, 1, 2, 4]);
    for (let i = 0; i < many; i++) {
      const afterMs = late ? SHORT.approvalMs - 400 + chance.below(800) : chance.pick([0, 0, 20, 100, 250]);
      // The second comes with the first, or a life later.
      const more = i > 0 && chance.chance(0.4) ? 1 : 0;
      const decision: Decision = {
        call,
        thread: client.thread,
        approved: chance.chance(0.7),
        comment: `${path} by device ${i}`,
        answer: null,
        spoken: false,
        socket: i === 0 && chance.chance(0.5) ? client : null,
        lives: late ? 0 : lives + more,
        dueAt: Date.now() + afterMs,
      };
      this.decisions.push(decision);
      if (decision.lives === 0 && this.#now) this.#say(decision);
    }
  }

  #say(decision: Decision): void {
    this.#running.push(this.#said(decision));
  }

  async #said(decision: Decision): Promise<void> {
    const now = this.#now;
    if (!now) return;
    const { call, thread, approved, comment } = decision;
    try {
      const { signal } = now.over;
      await delay(Math.max(0, decision.dueAt - Date.now()), undefined, { signal });
    } catch {
      return; // the life is over: it is said in a later one
    }
    if (decision.answer !== null) return;
    const { socket, spoken } = decision;
    decision.spoken = true;
    if (socket && !spoken && socket.decide(call, approved, comment)) return;
    const path = this.#world.threadUrl(thread, `approvals/${encodeURIComponent(call)}`);
    try {
      const response = await this.#world.send(now.life, "POST", path, { approved, comment });
      if (response.ok) decision.answer = answer.parse(await response.json());
      else if (response.status < 500) decision.answer = "unknown";
    } catch (error) {
      // The server died over it, perhaps in the middle of its answer: it is said again in the next life.
      if (error instanceof z.ZodError) throw error;
    }
  }
}

const transcript = z.array(
  z.looseObject({
    parts: z.array(
      z.looseObject({
        state: z.string().optional(),
        toolCallId: z.string().optional(),
        input: z.looseObject({ path: z.string().optional() }).optional().catch(undefined),
      }),
    ),
  }),
);

/** Calls that wait, on a transcript. */
const waitingCalls = (messages: unknown): { id: string; input: string }[] =>
  transcript
    .parse(messages)
    .flatMap(({ parts }) => parts)
    .flatMap(({ state, toolCallId, input }) =>
      state === "approval-requested" && toolCallId !== undefined && input?.path !== undefined
        ? [{ id: toolCallId, input: input.path }]
        : [],
    );

/** A number that follows from a text (FNV-1a). */
const numberOf = (text: string): number =>
  [...text].reduce((sum, letter) => Math.imul(sum ^ letter.charCodeAt(0), 0x01000193), 0x811c9dc5) >>> 0;
