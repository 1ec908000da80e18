/** A conversation told by its entries: states of any length without a drive, a clock or a model. */
import type { Entry, StoredMessage } from "../../src/actors/conversation/entries.ts";
import { emptyState, reduceAll, type State } from "../../src/actors/conversation/state.ts";
import type { AnswerPart } from "../../src/model/port.ts";

const START = Date.UTC(2026, 0, 5, 9);
export const SENDER = { id: "alice", name: "alice@example.com" };

export const message = (id: string, text: string): StoredMessage => ({
  id,
  parts: [{ type: "text", text }],
});

export class Told {
  readonly entries: Entry[] = [];
  state: State = emptyState;
  #turns = 0;
  #at = START;

  add(...entries: Entry[]): this {
    this.entries.push(...entries);
    this.state = reduceAll(this.state, entries);
    return this;
  }

  at(): number {
    this.#at += 1_000;
    return this.#at;
  }

  /** A question that begins to be answered. Returns the turn's id. */
  ask(text: string, extra: Partial<Extract<Entry, { kind: "input" }>> = {}): string {
    const turn = `t${++this.#turns}`;
    const id = `m${this.#turns}`;
    this.add({
      kind: "input",
      at: this.at(),
      turn,
      request: `r${this.#turns}`,
      keys: [`message:${id}`],
      source: "chat",
      sender: SENDER,
      messages: [message(id, text)],
      ...extra,
    });
    this.call(turn, 0);
    return turn;
  }

  call(turn: string, round: number): void {
    this.add({
      kind: "call",
      at: this.at(),
      turn,
      round,
      attempt: 1,
      model: "fake/model",
      fingerprint: "",
      prompt: "p",
      tools: "t",
      maxOutputTokens: 100,
      windowTokens: 1_000,
      reservationMicros: 0,
    });
  }

  answer(turn: string, round: number, ...parts: AnswerPart[]): void {
    this.add({
      kind: "answer",
      at: this.at(),
      turn,
      round,
      attempt: 1,
      parts,
      usage: { inputTokens: 1, outputTokens: 1 },
      finish: "stop",
      model: "fake/model",
      priceMicros: 0,
    });
  }

  end(turn: string, outcome: "completed" | "cancelled" = "completed"): void {
    this.add({ kind: "end", at: this.at(), turn, outcome });
  }

  /** A whole exchange. Returns the turn's id. */
  exchange(question: string, reply: string): string {
    const turn = this.ask(question);
    this.answer(turn, 0, { type: "text", text: reply });
    this.end(turn);
    return turn;
  }

  /** A message that joins the running turn. */
  steer(turn: string, id: string, text: string): void {
    this.add({
      kind: "input",
      at: this.at(),
      turn,
      request: `r-${id}`,
      keys: [`message:${id}`],
      source: "chat",
      sender: SENDER,
      messages: [message(id, text)],
      joins: "steer",
    });
  }

  compact(covered: number, summary: string): void {
    this.add({
      kind: "compact",
      at: this.at(),
      call: { turn: `compact-${covered}`, round: 0, attempt: 1 },
      covered,
      summary,
      model: "fake/model",
      usage: { inputTokens: 1, outputTokens: 1 },
      priceMicros: 0,
    });
  }

  undo(scope: "all" | "last"): void {
    this.add({ kind: "undo", at: this.at(), scope, by: SENDER });
  }
}

/** `count` exchanges of about `chars` characters each. */
export function told(count: number, chars: number): Told {
  const story = new Told();
  const half = Math.floor(chars / 2);
  for (let i = 0; i < count; i++)
    story.exchange(`question ${i} `.padEnd(half, "q"), `answer ${i} `.padEnd(half, "a"));
  return story;
}
