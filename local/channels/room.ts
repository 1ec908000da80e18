/** One room of the stand-in chat platform: what its readers see, and what goes wrong next. No I/O. */
import { z } from "zod";

/**
 * What the next request meets. `status`: that answer, without an effect unless `effect` says so; `retryAfter` in
 * seconds. `hang`: no answer at all. `cut`: the connection ends after the effect, before the answer.
 */
export const fateSchema = z.union([
  z.strictObject({
    status: z.int().min(200).max(599),
    retryAfter: z.number().min(0).optional(),
    effect: z.boolean().default(false),
  }),
  z.strictObject({ hang: z.literal(true), effect: z.boolean().default(false) }),
  z.strictObject({ cut: z.literal(true) }),
]);
export type Fate = z.output<typeof fateSchema>;

export interface RoomTraits {
  maxChars: number;
  edit: boolean;
  idempotent: boolean;
}

/** A message as a reader sees it. `texts` are all that it ever was, oldest first; the last is what stands there. */
export interface Message {
  id: string;
  key: string;
  to: Record<string, string>;
  texts: string[];
}

/** A request as it came, whatever became of it. */
export interface Asked {
  method: "POST" | "PATCH";
  key: string;
  to: Record<string, string>;
  text: string;
  status: number;
}

const words = z.record(z.string(), z.string());
const sendBody = z.strictObject({ key: z.string().min(1), to: words, text: z.string() });
const editBody = z.strictObject({ to: words, text: z.string() });

export interface Answer {
  status: number;
  body: unknown;
  retryAfter?: number;
  /** The answer does not reach whoever asked. */
  lost?: "hang" | "cut";
}

export class Room {
  readonly traits: RoomTraits;
  readonly messages: Message[] = [];
  readonly asked: Asked[] = [];
  #fates: Fate[] = [];
  #ids = 0;
  #watchers: (() => void)[] = [];

  constructor(traits: RoomTraits) {
    this.traits = traits;
  }

  script(fates: readonly Fate[]): void {
    this.#fates.push(...fates);
  }

  clear(): void {
    this.messages.length = 0;
    this.asked.length = 0;
    this.#fates = [];
  }

  /** Resolves as soon as what was asked and is seen fits, now or after a later request. */
  async until(fits: (room: Room) => boolean): Promise<void> {
    while (!fits(this)) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  /** `POST /messages`. */
  send(body: unknown): Answer {
    const parsed = sendBody.safeParse(body);
    if (!parsed.success) return refusal(400, "a message has a key, a place and a text");
    return this.#meet("POST", parsed.data, () => {
      if (parsed.data.text.length > this.traits.maxChars) return refusal(400, "the text is too long");
      const { key, to, text } = parsed.data;
      const known = this.traits.idempotent ? this.messages.find((message) => message.key === key) : undefined;
      const message = known ?? { id: `m${++this.#ids}`, key, to, texts: [text] };
      if (!known) this.messages.push(message);
      return { status: known ? 200 : 201, body: { id: message.id } };
    });
  }

  /** `PATCH /messages/{id}`. */
  edit(id: string, body: unknown): Answer {
    const parsed = editBody.safeParse(body);
    if (!parsed.success) return refusal(400, "a change has a place and a text");
    const message = this.messages.find((candidate) => candidate.id === id);
    return this.#meet("PATCH", { ...parsed.data, key: message?.key ?? "" }, () => {
      if (!this.traits.edit) return refusal(405, "messages cannot be changed here");
      if (!message) return refusal(404, "there is no such message");
      if (parsed.data.text.length > this.traits.maxChars) return refusal(400, "the text is too long");
      if (message.texts.at(-1) !== parsed.data.text) message.texts.push(parsed.data.text);
      return { status: 200, body: { id } };
    });
  }

  #meet(method: Asked["method"], request: Omit<Asked, "method" | "status">, effect: () => Answer): Answer {
    const answer = this.#answer(this.#fates.shift(), effect);
    const { key, to, text } = request;
    this.asked.push({ method, key, to, text, status: answer.lost ? 0 : answer.status });
    for (const wake of this.#watchers.splice(0)) wake();
    return answer;
  }

  #answer(fate: Fate | undefined, effect: () => Answer): Answer {
    if (!fate) return effect();
    if ("status" in fate) {
      const done = fate.effect ? effect() : null;
      if (fate.status < 300) return { ...(done ?? { body: {} }), status: fate.status };
      const { retryAfter } = fate;
      return { ...refusal(fate.status, "as scripted"), ...(retryAfter !== undefined && { retryAfter }) };
    }
    if ("cut" in fate) return { ...effect(), lost: "cut" };
    return { ...(fate.effect ? effect() : refusal(503, "")), lost: "hang" };
  }
}

const refusal = (status: number, message: string): Answer => ({ status, body: { error: message } });
