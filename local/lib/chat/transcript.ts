/**
 * Turns the chunks of an answer into events, each thing once. A stream may be replayed after a reconnect, begin again
 * after a crash, or be known only by its final message: what was printed already is never printed twice, and what
 * turns out differently is announced as a new beginning.
 */
import type { Asked, ChatEvent } from "./events.ts";
import { type Chunk, joinedIds, type Message, type MessagePart } from "./frames.ts";

const NOT_APPROVED = "This call was not approved, so it was not made.";

type Channel = "text" | "reasoning";

export class Transcript {
  readonly #emit: (event: ChatEvent) => void;
  /** Printed so far, and said so far by the stream that is being read: during a replay the second catches up. */
  readonly #printed: Record<Channel, string> = { text: "", reasoning: "" };
  readonly #current: Record<Channel, string> = { text: "", reasoning: "" };
  readonly #names = new Map<string, string>();
  /** Tool calls whose input, and whose outcome, have been shown. */
  readonly #asked = new Set<string>();
  readonly #settled = new Set<string>();
  /** Messages that were shown to have joined. */
  readonly #joined = new Set<string>();
  readonly #inputs = new Map<string, unknown>();
  /** Calls that were shown to wait for a decision, and those that still do. */
  readonly #questioned = new Set<string>();
  readonly #open = new Set<string>();
  #messageId: string | null = null;

  constructor(emit: (event: ChatEvent) => void) {
    this.#emit = emit;
  }

  /** The answer's message id, once it has begun. */
  get messageId(): string | null {
    return this.#messageId;
  }

  /** Calls that wait for a person's decision. */
  get asked(): Asked[] {
    return [...this.#open].map((id) => ({ id, name: this.#nameOf(id), input: this.#inputs.get(id) }));
  }

  /** A decision was sent. */
  decided(id: string): void {
    this.#open.delete(id);
  }

  chunk(chunk: Chunk): void {
    const id = chunk.toolCallId ?? "";
    switch (chunk.type) {
      case "start":
        this.#messageId = chunk.messageId ?? this.#messageId;
        this.#current.text = "";
        this.#current.reasoning = "";
        return;
      case "text-delta":
        return this.#say("text", chunk.delta ?? "");
      case "reasoning-delta":
        return this.#say("reasoning", chunk.delta ?? "");
      case "tool-input-start":
        if (chunk.toolName) this.#names.set(id, chunk.toolName);
        return;
      case "tool-input-available":
        return this.#ask(id, chunk.toolName, chunk.input);
      case "data-joined":
        return this.#join(joinedIds(chunk.data));
      case "tool-approval-request":
        return this.#question(id);
      case "tool-output-denied":
        return this.#settle(id, { error: NOT_APPROVED });
      case "tool-output-available":
        return chunk.preliminary
          ? this.#progress(id, chunk.output)
          : this.#settle(id, { output: chunk.output });
      case "tool-input-error":
      case "tool-output-error":
        return this.#settle(id, { error: chunk.errorText ?? "The tool failed." });
    }
  }

  /** The whole message, as the journal has it: whatever of it was not shown yet is shown now. */
  message(message: Message): void {
    this.chunk({ type: "start", messageId: message.id });
    for (const part of message.parts) this.#part(part);
  }

  #part(part: MessagePart): void {
    if (part.type === "text" || part.type === "reasoning") return this.#say(part.type, part.text ?? "");
    if (part.type === "data-joined") return this.#join(joinedIds(part.data));
    if (part.toolCallId === undefined) return;
    const name = part.toolName ?? part.type.replace(/^tool-/, "");
    this.#ask(part.toolCallId, name, part.input);
    if (part.state === "approval-requested") this.#question(part.toolCallId);
    else this.#open.delete(part.toolCallId);
    if (part.state === "output-denied")
      this.#settle(part.toolCallId, { error: part.approval?.reason || NOT_APPROVED });
    if (part.state === "output-available") this.#settle(part.toolCallId, { output: part.output });
    if (part.state === "output-error")
      this.#settle(part.toolCallId, { error: part.errorText ?? "The tool failed." });
  }

  #say(channel: Channel, delta: string): void {
    if (delta === "") return;
    const printed = this.#printed[channel];
    const current = this.#current[channel] + delta;
    this.#current[channel] = current;
    if (printed.startsWith(current)) return;
    let rest = current.slice(printed.length);
    if (!current.startsWith(printed)) {
      this.#emit({ event: "restarted" });
      rest = current;
    }
    this.#printed[channel] = current;
    this.#emit({ event: channel, delta: rest });
  }

  #ask(id: string, name: string | undefined, input: unknown): void {
    if (name) this.#names.set(id, name);
    this.#inputs.set(id, input);
    if (this.#asked.has(id)) return;
    this.#asked.add(id);
    this.#emit({ event: "tool", id, name: this.#nameOf(id), input });
  }

  #join(messages: string[]): void {
    const fresh = messages.filter((id) => !this.#joined.has(id));
    if (fresh.length === 0) return;
    for (const id of fresh) this.#joined.add(id);
    this.#emit({ event: "joined", messages: fresh });
  }

  #question(id: string): void {
    if (this.#settled.has(id)) return;
    this.#open.add(id);
    if (this.#questioned.has(id)) return;
    this.#questioned.add(id);
    this.#emit({ event: "approval", id, name: this.#nameOf(id), input: this.#inputs.get(id) });
  }

  #progress(id: string, output: unknown): void {
    if (!this.#settled.has(id)) this.#emit({ event: "progress", id, name: this.#nameOf(id), output });
  }

  #settle(id: string, outcome: { output: unknown } | { error: string }): void {
    this.#open.delete(id);
    if (this.#settled.has(id)) return;
    this.#settled.add(id);
    const name = this.#nameOf(id);
    if ("error" in outcome) this.#emit({ event: "tool-error", id, name, error: outcome.error });
    else this.#emit({ event: "result", id, name, output: outcome.output });
  }

  #nameOf(id: string): string {
    return this.#names.get(id) ?? "tool";
  }
}
