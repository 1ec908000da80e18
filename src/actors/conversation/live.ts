/** The answer that is being streamed, and its flush to storage. One at a time. */
import { limits } from "../../limits.ts";
import type { TurnPorts } from "./ports.ts";
import type { Turn } from "./state.ts";
import type { LiveStream } from "./stream.ts";
import { joinedAt } from "./transcript.ts";

type LivePorts = Pick<TurnPorts, "openStream" | "streamReplaced" | "savePartial" | "after">;

export class Live {
  readonly #ports: LivePorts;
  #stream: LiveStream | null = null;
  #cancelFlush: (() => void) | null = null;

  constructor(ports: LivePorts) {
    this.#ports = ports;
  }

  get stream(): LiveStream | null {
    return this.#stream;
  }

  /** The stream of a turn, if it is the one that is open. */
  of(turn: string): LiveStream | null {
    return this.#stream?.turn === turn ? this.#stream : null;
  }

  /**
   * Makes sure that a call can be read. A call that is made again after readers saw the beginning of its answer gets
   * a stream of its own: what they saw is replaced, never spliced.
   */
  startCall(turn: Turn, call: { round: number; attempt: number }): void {
    const old = this.#stream;
    if (!old) {
      // A turn that began in an earlier life of the object streams anew: its chunks have other numbers.
      const first = call.round === 0 && call.attempt === 1;
      this.#open(first ? turn.request : streamId(turn, call.round, call.attempt), turn);
    } else if (old.hasPartial && call.attempt > 1) {
      const next = streamId(turn, call.round, call.attempt);
      old.close();
      this.#ports.streamReplaced(old.id, next);
      this.#stream = this.#ports.openStream(next, turn, false);
    } else if (call.attempt > 1) return;
    this.#stream?.startRound(call.round, joinedAt(turn, call.round));
  }

  /** Tools go on in a turn whose stream is gone. `seq` is the journal's: no call of the round has that number. */
  startTools(turn: Turn, round: number, seq: number): void {
    if (!this.#stream) this.#open(streamId(turn, round, seq), turn);
  }

  #open(id: string, turn: Turn): void {
    this.#stream = this.#ports.openStream(id, turn, id !== turn.request);
    this.#scheduleFlush(limits.flushAfterMs);
  }

  drop(): void {
    this.#stream?.close();
    this.#stream = null;
    this.#cancelFlush?.();
    this.#cancelFlush = null;
  }

  #scheduleFlush(waitMs: number): void {
    this.#cancelFlush = this.#ports.after(waitMs, () => {
      const stream = this.#stream;
      if (!stream) return;
      if (stream.hasPartial) this.#ports.savePartial(stream.turn, stream.partial());
      this.#scheduleFlush(limits.flushEveryMs);
    });
  }
}

/** The name of a stream that takes another's place. No two streams of a turn share one. */
const streamId = (turn: Turn, round: number, number: number): string => `${turn.request}~${round}.${number}`;
