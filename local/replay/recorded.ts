/** What a journal says of each turn, for running its inputs once more. Pure. */

import type { LanguageModelV4FunctionTool } from "@ai-sdk/provider";
import { z } from "zod";
import type {
  AmendEntry,
  Entry,
  InputEntry,
  StoredMessage,
  UndoEntry,
} from "../../src/actors/conversation/entries.ts";
import type { ExportedJournal } from "../../src/actors/conversation/export.ts";
import type { ToolAnswer } from "../../src/actors/conversation/ports.ts";
import type { Outcome } from "../../src/protocol/message.ts";

/** One tool call, its arguments with keys in order so that two of the same are equal. */
export interface Call {
  name: string;
  input: string;
}

export interface RecordedTurn {
  id: string;
  input: InputEntry;
  /** Messages that joined while it ran, by the rounds that were over then. */
  joined: { afterRound: number; messages: StoredMessage[] }[];
  calls: Call[];
  inputTokens: number;
  outputTokens: number;
  micros: number;
  outcome: Outcome | null;
  model: string;
  /** The system prompt, and the tools that were offered. */
  prompt: string;
  tools: LanguageModelV4FunctionTool[];
  rounds: number;
}

export type Act = { type: "turn"; turn: RecordedTurn } | { type: "undo"; entry: UndoEntry };

export interface Recording {
  acts: Act[];
  /** What tools answered, by call, in the order in which they did. */
  results: Map<string, ToolAnswer[]>;
}

export const keyOf = (call: Call): string => `${call.name} ${call.input}`;

/** Arguments in one way of writing: two that say the same are the same text. */
export function canonical(input: string): string {
  try {
    return JSON.stringify(sorted(JSON.parse(input.trim() || "{}")));
  } catch {
    return input;
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, sorted(one)]),
  );
}

const toolList = z.array(z.looseObject({ type: z.literal("function"), name: z.string() }));

function toolsIn(text: string | undefined): LanguageModelV4FunctionTool[] {
  if (text === undefined) return [];
  return toolList.parse(JSON.parse(text)) as unknown as LanguageModelV4FunctionTool[]; // its hash names it: as it was offered
}

/** Turns that were begun, in their order, with what joined them; those that ended before are left out. */
export function recordingOf(journal: ExportedJournal): Recording {
  const reader = new Reader();
  for (const { entry } of journal.entries) reader.read(entry as Entry); // other kinds are passed over
  return reader.done();
}

class Reader {
  readonly #acts: Act[] = [];
  readonly #turns = new Map<string, RecordedTurn>();
  readonly #begun = new Set<string>();
  readonly #notes = new Map<string, string>();
  readonly #calls = new Map<string, Call>();
  readonly #results = new Map<string, ToolAnswer[]>();

  done(): Recording {
    const acts = this.#acts.filter((act) => act.type === "undo" || this.#begun.has(act.turn.id));
    return { acts, results: this.#results };
  }

  read(entry: Entry): void {
    if (entry.kind === "note") {
      if (entry.hash) this.#notes.set(entry.hash, entry.text);
      return;
    }
    if (entry.kind === "undo") return void this.#acts.push({ type: "undo", entry });
    if (entry.kind === "input") return this.#input(entry);
    if (entry.kind === "amend") return this.#amend(entry);
    const turn = "turn" in entry ? this.#turns.get(entry.turn) : undefined;
    if (!turn) return;
    if (entry.kind === "call" && !this.#begun.has(turn.id)) {
      this.#begun.add(turn.id);
      turn.model = entry.model;
      turn.prompt = this.#notes.get(entry.prompt) ?? "";
      turn.tools = toolsIn(this.#notes.get(entry.tools));
    }
    if (entry.kind === "answer") {
      turn.rounds++;
      turn.inputTokens += entry.usage.inputTokens;
      turn.outputTokens += entry.usage.outputTokens;
      turn.micros += entry.priceMicros;
      for (const part of entry.parts) {
        if (part.type !== "tool") continue;
        const call = { name: part.name, input: canonical(part.input) };
        this.#calls.set(part.id, call);
        turn.calls.push(call);
      }
    }
    if (entry.kind === "result" && !entry.interrupted) {
      const call = this.#calls.get(entry.id);
      const answer = entry.error ? { error: entry.error } : { output: entry.output ?? null };
      if (call) this.#results.set(keyOf(call), [...(this.#results.get(keyOf(call)) ?? []), answer]);
    }
    if (entry.kind === "end") turn.outcome = entry.outcome;
  }

  #input(entry: InputEntry): void {
    const target = entry.joins ? this.#turns.get(entry.turn) : undefined;
    if (target) return this.#join(target, entry.messages);
    const turn: RecordedTurn = {
      id: entry.turn,
      input: entry,
      joined: [],
      calls: [],
      inputTokens: 0,
      outputTokens: 0,
      micros: 0,
      outcome: null,
      model: "",
      prompt: "",
      tools: [],
      rounds: 0,
    };
    this.#turns.set(entry.turn, turn);
    this.#acts.push({ type: "turn", turn });
  }

  #join(turn: RecordedTurn, messages: StoredMessage[]): void {
    if (this.#begun.has(turn.id)) turn.joined.push({ afterRound: turn.rounds, messages });
    else turn.input = { ...turn.input, messages: [...turn.input.messages, ...messages] };
  }

  #amend({ turn: id, change }: AmendEntry): void {
    const turn = this.#turns.get(id);
    if (!turn) return;
    const { messages } = turn.input;
    if (change.action === "steer") {
      const into = this.#turns.get(change.into);
      if (into) this.#join(into, messages);
      return;
    }
    const changed =
      change.action === "delete"
        ? messages.filter((message) => message.id !== change.message)
        : messages.map((message) =>
            message.id === change.message ? { id: message.id, parts: change.parts } : message,
          );
    turn.input = { ...turn.input, messages: changed };
  }
}
