/**
 * A messaging platform in a world of chance: it takes messages, loses answers, asks to wait, refuses and forgets. What
 * it shows is what readers see; what it was asked is kept, and judged as it comes.
 */
import { limits } from "../../../src/limits.ts";
import { type ChannelTraits, DeliveryError } from "../../../src/protocol/channel.ts";
import type { Chance } from "../random.ts";

export interface Message {
  id: string;
  place: string;
  key: string;
  text: string;
  /** Milliseconds: when it came, and when its text last changed. */
  at: number;
  changedAt: number;
}

export interface Asked {
  at: number;
  type: "send" | "edit";
  place: string;
  /** The key of the message that is sent or changed. */
  key: string;
  text: string;
  /** `refused`: for ever. `waits`: it was told to come again after so long that it is no failure; shorter pauses are. */
  outcome: "refused" | "waits" | "other";
}

/** What becomes of one request. */
type Fate =
  | "done"
  | "answer lost"
  | "hangs"
  | "hangs after its effect"
  | "fails"
  | "limited"
  | "limited for long"
  | "limited without a time"
  | "refused"
  | "breaks";

export class Platform {
  readonly messages: Message[] = [];
  readonly asked: Asked[] = [];
  /** What went wrong while it happened. */
  readonly seen: string[] = [];
  readonly traits: ChannelTraits;
  /** How often something goes wrong; 0 from when the story has to end. */
  trouble: number;
  /** All requests fail until then. */
  downUntil = 0;
  readonly #chance: Chance;
  readonly #now: () => number;
  readonly #blocked = new Set<string>();
  readonly #waits = new Map<string, number>();
  /** Waits that were answered and may not have been heard. */
  readonly #told = new Map<string, number>();
  #ids = 0;

  constructor(traits: ChannelTraits, chance: Chance, now: () => number, trouble: number) {
    this.traits = traits;
    this.#chance = chance;
    this.#now = now;
    this.trouble = trouble;
  }

  /** Whoever reads there has thrown the sender out. */
  block(place: string): void {
    this.#blocked.add(place);
  }

  /** A reader takes a message away. */
  forget(message: Message): void {
    this.messages.splice(this.messages.indexOf(message), 1);
  }

  /** Whoever asked at that place lived long enough to write down what it was told. */
  heard(place: string): void {
    const until = this.#told.get(place);
    if (until !== undefined) this.#waits.set(place, until);
    this.#told.delete(place);
  }

  /** Whoever asked died before it could write anything down. */
  unheard(): void {
    this.#told.clear();
  }

  /** One request. Resolves with the message's id, throws, or returns `null` for one that is never answered. */
  send(place: string, text: string, key: string): string | null {
    const asked = this.#ask("send", place, key, text);
    const fate = this.#fate(asked);
    if (fate === "hangs") return null;
    const known = this.traits.idempotent ? this.messages.find((message) => message.key === key) : undefined;
    const message = known ?? this.#take(place, text, key);
    return this.#answer(fate, message.id);
  }

  edit(place: string, id: string, text: string): string | null {
    const message = this.messages.find((candidate) => candidate.id === id);
    if (!this.traits.canEdit) this.seen.push(`message ${id} is changed where nothing can be`);
    const asked = this.#ask("edit", place, message?.key ?? "", text);
    const fate = this.#fate(asked);
    if (fate === "hangs") return null;
    if (!message) throw new DeliveryError("gone", "no such message");
    message.text = text;
    message.changedAt = this.#now();
    return this.#answer(fate, id);
  }

  #take(place: string, text: string, key: string): Message {
    const at = this.#now();
    const message: Message = { id: `m${++this.#ids}`, place, key, text, at, changedAt: at };
    this.messages.push(message);
    return message;
  }

  #answer(fate: Fate, id: string): string | null {
    if (fate === "hangs after its effect") return null;
    if (fate === "answer lost") throw new DeliveryError("failed", "the answer was lost");
    return id;
  }

  #ask(type: Asked["type"], place: string, key: string, text: string): Asked {
    const at = this.#now();
    const until = this.#waits.get(place) ?? 0;
    if (at < until) this.seen.push(`${place} is asked ${until - at} ms before it may be, at ${at}`);
    if (text.length > this.traits.maxChars) this.seen.push(`a text of ${text.length} is sent to ${place}`);
    const asked: Asked = { at, type, place, key, text, outcome: "other" };
    this.asked.push(asked);
    return asked;
  }

  /** Decides; throws for what has no effect and is answered. */
  #fate(asked: Asked): Fate {
    if (this.#blocked.has(asked.place)) return this.#refuse(asked);
    if (this.#now() < this.downUntil) throw new DeliveryError("failed", "the platform is down");
    if (!this.#chance.chance(this.trouble)) return "done";
    const fate = this.#chance.pick<Fate>([
      "answer lost",
      "answer lost",
      "hangs",
      "hangs after its effect",
      "fails",
      "limited",
      "limited for long",
      "limited without a time",
      "refused",
      "breaks",
    ]);
    if (fate === "refused") return this.#refuse(asked);
    if (fate === "fails") throw new DeliveryError("failed", "the platform failed");
    if (fate === "breaks") throw new TypeError("a driver has a mistake");
    if (fate === "limited without a time") throw new DeliveryError("limited", "not now");
    if (fate !== "limited" && fate !== "limited for long") return fate;
    const wait = this.#chance.below(fate === "limited" ? 30_000 : 40 * 24 * 3_600_000);
    this.#told.set(asked.place, this.#now() + wait);
    if (wait >= limits.deliveryBackoffMaxMs) asked.outcome = "waits";
    throw new DeliveryError("limited", "not now", { retryAfterMs: wait });
  }

  #refuse(asked: Asked): never {
    asked.outcome = "refused";
    throw new DeliveryError("refused", "never");
  }
}
