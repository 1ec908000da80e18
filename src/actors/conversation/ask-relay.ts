/**
 * One answer as a program is told it: from its beginning, as it comes, each character once. What was sent cannot be
 * taken back, so an answer that is asked for again after a failure goes on only where it says the same. Pure.
 */
import type { AnswerReport, AskEvent } from "../../protocol/ask.ts";
import { requestOfStream } from "../../protocol/frames.ts";
import type { ChatChunk } from "../../protocol/message.ts";
import type { Turn } from "./state.ts";
import type { LiveStream } from "./stream.ts";
import type { Watcher } from "./watchers.ts";

/** Between two texts of one answer, where a tool ran. */
const BETWEEN = "\n\n";

export interface RelayOptions {
  /** The turn as it stands; another one when its message was moved into that. Null when it is gone. */
  turn(): Turn | null;
  live(): LiveStream | null;
  /** Only how it ended, and nothing on the way. */
  whole: boolean;
  push(event: AskEvent): void;
  /** Nothing more follows. */
  close(): void;
}

export class Relay implements Watcher {
  readonly #options: RelayOptions;
  readonly #text = new Sent();
  readonly #reasoning = new Sent();
  #stream = "";
  #over = false;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /** Says what there is so far. Whatever follows comes by `chunk`, `rested` and `ended`. */
  start(): void {
    const turn = this.#options.turn();
    const live = this.#options.live();
    if (!turn) return this.#break();
    if (turn.outcome !== null) return this.ended(turn);
    if (live?.turn === turn.id) for (const body of live.bodies(0)) this.chunk(live.id, body);
    else if (waitsOf(turn).length > 0) this.rested(turn);
  }

  chunk(stream: string, body: string): void {
    if (this.#over || requestOfStream(stream) !== this.#options.turn()?.request) return;
    if (stream !== this.#stream) {
      this.#stream = stream;
      this.#text.restart();
      this.#reasoning.restart();
    }
    const chunk = JSON.parse(body) as ChatChunk; // written by `stream.ts`
    if (chunk.type === "text-start") this.#text.block();
    if (chunk.type === "reasoning-start") this.#reasoning.block();
    if (chunk.type === "text-delta") this.#say("text", this.#text.take(chunk.delta));
    if (chunk.type === "reasoning-delta") this.#say("reasoning", this.#reasoning.take(chunk.delta));
  }

  rested(turn: Turn): void {
    this.#done(turn);
  }

  ended(turn: Turn): void {
    this.#done(turn);
  }

  #done(turn: Turn): void {
    if (this.#over || turn.id !== this.#options.turn()?.id) return;
    const report = reportOf(turn);
    this.#say("reasoning", this.#reasoning.rest(report.reasoning));
    this.#say("text", this.#text.rest(report.text));
    if (this.#over) return;
    this.#options.push({ type: "done", report });
    this.#end();
  }

  #say(type: "text" | "reasoning", delta: string | null): void {
    if (this.#over || this.#options.whole || delta === "") return;
    if (delta === null) this.#break();
    else this.#options.push({ type, delta });
  }

  #break(): void {
    this.#options.push({ type: "broken" });
    this.#end();
  }

  #end(): void {
    this.#over = true;
    this.#options.close();
  }
}

/** What was sent of one kind of text, and how much of it a stream that begins anew has said again. */
class Sent {
  #sent = "";
  #at = 0;
  #between = false;

  restart(): void {
    this.#at = 0;
    this.#between = false;
  }

  block(): void {
    this.#between = this.#at > 0;
  }

  /** What of a delta is new; null when it is not what was sent. */
  take(delta: string): string | null {
    const text = this.#between ? BETWEEN + delta : delta;
    this.#between = false;
    const known = this.#sent.slice(this.#at, this.#at + text.length);
    if (!text.startsWith(known)) return null;
    this.#at += text.length;
    const fresh = text.slice(known.length);
    this.#sent += fresh;
    return fresh;
  }

  /** What is missing of the whole; null when that begins in another way. */
  rest(whole: string): string | null {
    if (!whole.startsWith(this.#sent)) return null;
    const fresh = whole.slice(this.#sent.length);
    this.#sent = whole;
    return fresh;
  }
}

/** How a turn stands, without what is just being said. */
export function reportOf(turn: Turn): AnswerReport {
  const waits = turn.outcome === null ? waitsOf(turn) : [];
  return {
    turn: turn.id,
    at: turn.acceptedAt,
    status: turn.outcome ?? (waits.length > 0 ? "waiting" : "running"),
    text: saidBy(turn, "text"),
    reasoning: saidBy(turn, "reasoning"),
    usage: turn.usage,
    finish: turn.rounds.at(-1)?.finish ?? "stop",
    error: turn.error,
    waits,
  };
}

const saidBy = (turn: Turn, type: "text" | "reasoning"): string =>
  turn.rounds
    .flatMap((round) => round.parts)
    .flatMap((part) => (part.type === type && part.text !== "" ? [part.text] : []))
    .join(BETWEEN);

const waitsOf = (turn: Turn): AnswerReport["waits"] =>
  (turn.rounds.at(-1)?.asks ?? []).flatMap(({ id, name, decision }) =>
    decision === null ? [{ id, tool: name }] : [],
  );
