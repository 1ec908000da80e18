/**
 * A journal's inputs once more, against a model, with effects stubbed: the real drive over ports on which nothing can
 * be changed. A call that was made before gets the answer that it got then; another one is told that it was not made.
 */
import type { InputEntry } from "../../src/actors/conversation/entries.ts";
import type { ExportedJournal } from "../../src/actors/conversation/export.ts";
import type { ToolAnswer, TurnPorts } from "../../src/actors/conversation/ports.ts";
import { emptyState, reduceAll, type Turn } from "../../src/actors/conversation/state.ts";
import { LiveStream } from "../../src/actors/conversation/stream.ts";
import { Drive } from "../../src/actors/conversation/turn.ts";
import { limits } from "../../src/limits.ts";
import type { ModelPort } from "../../src/model/port.ts";
import type { Outcome } from "../../src/protocol/message.ts";
import { type Call, canonical, keyOf, type RecordedTurn, type Recording, recordingOf } from "./recorded.ts";

export interface WhatIf {
  /** `provider/model` for all turns; else each has the one that it had. */
  model?: string;
  /** Takes the place of the owner's instructions in every prompt. */
  instructions?: string;
}

export interface Compared {
  turn: string;
  /** The question's beginning. */
  asked: string;
  recorded: Side;
  now: Side;
  /** The same tools were chosen, with the same arguments, in the same order. */
  same: boolean;
  /** Calls of now that were not made before: their answers were stubs. */
  stubbed: number;
}

export interface Side {
  calls: Call[];
  inputTokens: number;
  outputTokens: number;
  /** Null where a call has no price. */
  micros: number | null;
  outcome: Outcome | null;
  /** Why it failed. */
  error?: string;
}

export interface WhatIfPorts {
  model: ModelPort;
  /** Price of a call in micro-dollars; null when the model has none. */
  price(model: string, usage: { inputTokens: number; outputTokens: number }): number | null;
  now(): number;
  random(): number;
  after(ms: number, run: () => void): () => void;
  /** One turn is done. */
  progress(compared: Compared): void;
}

/** Runs every turn that was begun, one after the other. Rejects when the drive breaks off. */
export async function whatIf(
  journal: ExportedJournal,
  change: WhatIf,
  ports: WhatIfPorts,
): Promise<Compared[]> {
  const run = new Run(recordingOf(journal), change, ports);
  return run.all();
}

class Run {
  readonly #recording: Recording;
  readonly #change: WhatIf;
  readonly #ports: WhatIfPorts;
  readonly #drive: Drive;
  #state = emptyState;
  #current: RecordedTurn | null = null;
  #micros: number | null = 0;
  #stubbed = 0;
  /** Which of the messages that joined the turn are in. */
  #joined = new Set<number>();
  #offset = 0;
  #ended: PromiseWithResolvers<Turn> = Promise.withResolvers();

  constructor(recording: Recording, change: WhatIf, ports: WhatIfPorts) {
    this.#recording = recording;
    this.#change = change;
    this.#ports = ports;
    this.#drive = new Drive(this.#turnPorts());
  }

  async all(): Promise<Compared[]> {
    const compared: Compared[] = [];
    for (const act of this.#recording.acts) {
      if (act.type === "undo") this.#state = reduceAll(this.#state, [act.entry]);
      else compared.push(await this.#turn(act.turn));
    }
    return compared;
  }

  async #turn(recorded: RecordedTurn): Promise<Compared> {
    this.#current = recorded;
    this.#micros = 0;
    this.#stubbed = 0;
    this.#joined = new Set();
    // The day in the prompt is that of the question.
    this.#offset = recorded.input.at - this.#ports.now();
    this.#ended = Promise.withResolvers();
    // What a burst waited for has come, and nobody but us is owed a reply.
    const { holdUntil: _held, joins: _joins, reply: _reply, ...input } = recorded.input;
    this.#drive.accept(input satisfies InputEntry);
    const turn = await this.#ended.promise;
    const calls = turn.rounds.flatMap((round) =>
      round.parts.flatMap((part) =>
        part.type === "tool" ? [{ name: part.name, input: canonical(part.input) }] : [],
      ),
    );
    const { inputTokens, outputTokens, micros, outcome } = recorded;
    const compared: Compared = {
      turn: recorded.id,
      asked: recorded.input.messages
        .flatMap((message) => message.parts.flatMap((part) => (part.type === "text" ? [part.text] : [])))
        .join(" "),
      recorded: { calls: recorded.calls, inputTokens, outputTokens, micros, outcome },
      now: {
        calls,
        inputTokens: turn.usage.inputTokens,
        outputTokens: turn.usage.outputTokens,
        micros: this.#micros,
        outcome: turn.outcome,
        ...(turn.error && { error: turn.error.message }),
      },
      same: recorded.calls.map(keyOf).join("\n") === calls.map(keyOf).join("\n"),
      stubbed: this.#stubbed,
    };
    this.#ports.progress(compared);
    return compared;
  }

  #turnPorts(): TurnPorts {
    const { now, random, after } = this.#ports;
    let ids = 0;
    return {
      now: () => now() + this.#offset,
      id: () => `w${++ids}`,
      random,
      after,
      state: () => this.#state,
      commit: (entries) => {
        this.#state = reduceAll(this.#state, entries);
      },
      settings: () => ({
        // The prompt is the recorded one: see `call`.
        agent: { name: "", instructions: "", model: "", timeZone: "UTC", toolRisks: {}, version: 0 },
        model: this.#change.model ?? this.#current?.model ?? "",
        compactModel: "",
        userId: "replay",
        thread: "replay",
      }),
      loadSettings: async () => {},
      model: { call: (request, emit, signal) => this.#call(request, emit, signal) },
      tools: {
        definitions: () => this.#current?.tools ?? [],
        risk: () => "auto",
        replay: () => "safe",
        run: async (call) => this.#answer({ name: call.name, input: canonical(call.input) }),
      },
      toolKey: (call) => `replay:${call}`,
      reserve: (_state, request) => ({ ok: true, micros: 0, maxOutputTokens: request.maxOutputTokens }),
      lease: async () => null,
      price: () => 0,
      openStream: (id, turn) =>
        new LiveStream(id, turn, {
          windowMs: limits.frameWindowMs,
          windowBytes: limits.frameWindowBytes,
          after,
          sink: () => {},
        }),
      streamReplaced: () => {},
      savePartial: () => {},
      ended: (turn) => {
        if (turn.id === this.#current?.id) this.#ended.resolve(turn);
      },
      rested: () => {},
      parked: () => this.#ended.reject(new Error("A turn waits for a person, though nothing is asked here.")),
      settled: () => {},
      broke: (error) => this.#ended.reject(error),
    };
  }

  #call: ModelPort["call"] = async (request, emit, signal) => {
    const turn = this.#current;
    if (request.metadata.turn !== turn?.id) return this.#ports.model.call(request, emit, signal); // a summary
    this.#joinIn(turn);
    const system = promptWith(turn.prompt, this.#change.instructions) || request.system;
    const answer = await this.#ports.model.call({ ...request, system }, emit, signal);
    const price = this.#ports.price(
      answer.model.startsWith("demo") ? answer.model : request.model,
      answer.usage,
    );
    this.#micros = price === null || this.#micros === null ? null : this.#micros + price;
    return answer;
  };

  /** What joined the turn after as many rounds as there are now is read before the next call. */
  #joinIn(turn: RecordedTurn): void {
    const rounds = this.#state.active?.rounds.length ?? 0;
    for (const [i, { afterRound, messages }] of turn.joined.entries()) {
      if (this.#joined.has(i) || Math.max(0, afterRound - 1) > rounds) continue;
      this.#joined.add(i);
      const { input } = turn;
      this.#drive.accept({
        kind: "input",
        at: input.at,
        turn: turn.id,
        request: `${input.request}-joined-${i}`,
        keys: messages.map((message) => `message:${message.id}`),
        source: input.source,
        sender: input.sender,
        messages,
        joins: "steer",
      });
    }
  }

  /** The recorded answer; of several for the same call one after the other, and the last again and again. */
  #answer(call: Call): ToolAnswer {
    const known = this.#recording.results.get(keyOf(call)) ?? [];
    const first = known[0];
    if (!first) {
      this.#stubbed++;
      return {
        output: { notRun: "This is a rehearsal: the call was not made. Go on as if it had succeeded." },
      };
    }
    if (known.length > 1) known.shift();
    return first;
  }
}

const OWN = /\n\nInstructions from ([^\n]*):\n[\s\S]*$/;

/** The recorded prompt, with other instructions of the owner. */
export function promptWith(prompt: string, instructions: string | undefined): string {
  if (instructions === undefined || prompt === "") return prompt;
  const owner = OWN.exec(prompt)?.[1] ?? "the user";
  const own = instructions.trim();
  return prompt.replace(OWN, "") + (own ? `\n\nInstructions from ${owner}:\n${own}` : "");
}
