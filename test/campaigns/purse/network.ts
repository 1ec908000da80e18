/** The network between the conversations and their user: it delays, doubles, loses and overtakes. */
import type { Chance } from "../random.ts";

export interface Message {
  /** The conversation that it comes from or goes to. */
  thread: string;
  carry(): void;
  /** It does not arrive, and who waits for it learns that some time. */
  lose(): void;
}

export class Network {
  readonly #chance: Chance;
  /** Where nothing is lost and nothing comes twice. */
  reliable = false;
  lost = 0;
  doubled = 0;
  #messages: Message[] = [];

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  get busy(): boolean {
    return this.#messages.length > 0;
  }

  send(message: Message): void {
    this.#messages.push(message);
  }

  /** Some message of those on their way arrives: not at all, once, or again later. */
  deliver(): void {
    const [message] = this.#messages.splice(this.#chance.below(this.#messages.length), 1);
    if (!message) return;
    const fate = this.reliable ? 9 : this.#chance.below(12);
    if (fate === 0) {
      this.lost++;
      return message.lose();
    }
    if (fate === 1) {
      this.doubled++;
      this.#messages.push(message);
    }
    message.carry();
  }

  /** Nothing of a conversation is under way any more. */
  drop(thread: string): void {
    const dropped = this.#messages.filter((message) => message.thread === thread);
    this.#messages = this.#messages.filter((message) => message.thread !== thread);
    for (const message of dropped) message.lose();
  }
}
