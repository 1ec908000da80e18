/** The world outside: counts what was done to it, whether or not whoever did it lived to hear so. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { EFFECTS_PATH } from "./worker/shape.ts";

/** Long enough that kills come between an effect and the news of it. */
const ANSWERS_AFTER_MS = 150;

export class Effects {
  readonly #times = new Map<string, number>();

  /** How often an effect happened. */
  of(name: string): number {
    return this.#times.get(name) ?? 0;
  }

  get total(): number {
    return [...this.#times.values()].reduce((sum, times) => sum + times, 0);
  }

  /** Whether the request was for an effect; then it is answered. */
  async take(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const { url = "" } = request;
    if (!url.startsWith(EFFECTS_PATH)) return false;
    const name = decodeURIComponent(url.slice(EFFECTS_PATH.length));
    this.#times.set(name, this.of(name) + 1);
    await delay(ANSWERS_AFTER_MS);
    response.end("done");
    return true;
  }
}
