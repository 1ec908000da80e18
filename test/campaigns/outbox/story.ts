/** One story: messages from channels, turns that answer them, people who meddle, and a process that dies now and then. */
import type { Entry, ReplyAddress } from "../../../src/actors/conversation/entries.ts";
import type { ChannelTraits } from "../../../src/protocol/channel.ts";
import { Chance } from "../random.ts";
import { deliveryOf, type Strikes, World } from "./world.ts";

/** Small messages, so that most answers take several. */
const CHANNELS: Record<string, ChannelTraits> = {
  both: { maxChars: 60, canEdit: true, idempotent: true },
  keys: { maxChars: 40, canEdit: false, idempotent: true },
  edit: { maxChars: 50, canEdit: true, idempotent: false },
  plain: { maxChars: 45, canEdit: false, idempotent: false },
};
/** Steps after which a story counts as stuck. */
const STEPS = 6_000;
/** Steps in which people and platforms make trouble; then everything has to come to an end. */
const TROUBLED_STEPS = 150;

/** What a turn will say, and where its answer is owed. */
export interface Told {
  words: string[];
  replies: ReplyAddress[];
}

export interface Story {
  world: World;
  turns: Map<string, Told>;
  /** Deliveries that a person gave up. */
  dropped: Set<string>;
  /** Deliveries that a reader took a message of away. */
  removed: Set<string>;
}

export async function story(seed: number, strikes: Strikes): Promise<Story> {
  const chance = new Chance(seed);
  const trouble = chance.pick([0, 0.05, 0.2, 0.5]);
  const world = new World(chance, strikes, CHANNELS, trouble);
  const teller = new Teller(world, chance, 1 + chance.below(4));
  const outage = chance.chance(0.05);
  if (outage) {
    const platform = world.platforms.get(chance.pick(Object.keys(CHANNELS)));
    if (platform) platform.downUntil = world.now + chance.below(20 * 3_600_000);
  }
  for (let step = 0; step < STEPS; step++) {
    const troubled = step < TROUBLED_STEPS;
    if (!troubled) for (const platform of world.platforms.values()) platform.trouble = 0;
    if (!world.alive && chance.chance(0.3)) world.restart();
    if (world.alive && chance.chance(0.4)) teller.act(troubled);
    const went = await world.step();
    if (went || !world.alive) continue;
    if (!teller.done) teller.act(troubled);
    else if (!troubled) return teller.story;
  }
  world.seen.push(`the story did not end within ${STEPS} steps`);
  return teller.story;
}

class Teller {
  readonly story: Story;
  readonly #world: World;
  readonly #chance: Chance;
  #unsent: number;
  #turns = 0;
  #round: { turn: string; words: string[]; said: number } | null = null;

  constructor(world: World, chance: Chance, messages: number) {
    this.#world = world;
    this.#chance = chance;
    this.#unsent = messages;
    this.story = { world, turns: new Map(), dropped: new Set(), removed: new Set() };
  }

  get done(): boolean {
    const { active, waiting } = this.#world.state;
    return this.#unsent === 0 && active === null && waiting.every((turn) => turn.outcome !== null);
  }

  act(troubled: boolean): void {
    const whim = this.#chance.next();
    if (troubled && whim < 0.03) return this.#meddle();
    if (troubled && whim < 0.06) return this.#cancel();
    if (whim < 0.12) return this.#world.kick();
    if (this.#unsent > 0 && whim < 0.35) return this.#send();
    this.#goOn();
  }

  #commit(...entries: Entry[]): void {
    const before = this.#world.journal.length;
    this.#world.commit(entries);
    if (this.#world.journal.length === before) return; // it died before
    for (const entry of entries) this.#note(entry);
  }

  #note(entry: Entry): void {
    const told = "turn" in entry && this.story.turns.get(entry.turn);
    if (!told) return;
    if (entry.kind === "answer") told.words.push(...(this.#round?.words ?? []));
  }

  #send(): void {
    const { state, now } = this.#world;
    const id = `t${++this.#turns}`;
    const steer = state.active !== null && this.#chance.chance(0.3);
    const turn = steer ? (state.active?.id ?? id) : id;
    const reply: ReplyAddress = {
      channel: this.#chance.pick(Object.keys(CHANNELS)),
      to: { chat: this.#chance.pick(["a", "b"]) },
    };
    const told = this.story.turns.get(turn) ?? { words: [], replies: [] };
    const known = told.replies.some((r) => r.channel === reply.channel && r.to.chat === reply.to.chat);
    const before = this.#world.journal.length;
    this.#world.commit([
      {
        kind: "input",
        at: now,
        turn,
        request: `r${id}`,
        keys: [`message:${id}`],
        source: reply.channel,
        sender: { id: "alice", name: "Alice" },
        messages: [{ id: `m${id}`, parts: [{ type: "text", text: "hello" }] }],
        ...(steer && { joins: "steer" as const }),
        reply,
      },
    ]);
    if (this.#world.journal.length === before) return;
    this.#unsent--;
    if (!known) told.replies.push(reply);
    this.story.turns.set(turn, told);
  }

  /** The conversation goes on with its turn: begins it, says a word, finishes it. */
  #goOn(): void {
    const { state, now } = this.#world;
    const active = state.active;
    const next = active ?? state.waiting.find((turn) => turn.outcome === null);
    if (!next) return;
    const streams = this.#world.streaming?.turn === next.id ? this.#world.streaming : null;
    if (!active || !streams) return this.#call(next.id, active?.attempts ?? 0, active?.rounds.length ?? 0);
    const round = this.#round;
    if (!round || round.turn !== next.id) return;
    if (round.said < round.words.length) {
      round.said++;
      streams.text = round.words.slice(0, round.said).join(" ");
      return;
    }
    const at = now;
    const call = { at, turn: next.id, round: active.rounds.length, attempt: active.attempts };
    if (this.#chance.chance(0.1)) {
      return this.#end(next.id, "failed", { code: "model_failed", message: "It failed." });
    }
    const usage = { inputTokens: 1, outputTokens: 1 };
    const rest = { usage, finish: "stop", model: "sim", priceMicros: 0 };
    const text = round.words.join(" ");
    this.#commit(
      { kind: "answer", ...call, parts: [{ type: "text", text }], ...rest },
      { kind: "end", at, turn: next.id, outcome: "completed" },
    );
    if (this.#world.state.active?.id !== next.id) this.#world.streaming = null;
  }

  #call(turn: string, attempts: number, round: number): void {
    const words = Array.from({ length: this.#chance.below(26) }, (_, i) => `${turn}w${i}`);
    const at = this.#world.now;
    this.#commit({
      kind: "call",
      at,
      turn,
      round,
      attempt: attempts + 1,
      model: "sim",
      fingerprint: "",
      prompt: "",
      tools: "",
      maxOutputTokens: 1,
      windowTokens: 1,
      reservationMicros: 0,
    });
    if (!this.#world.alive) return;
    this.#round = { turn, words, said: 0 };
    this.#world.streaming = { turn, text: "" };
  }

  #end(turn: string, outcome: "failed" | "cancelled", error?: { code: string; message: string }): void {
    this.#commit({ kind: "end", at: this.#world.now, turn, outcome, ...(error && { error }) });
    if (this.#world.state.active?.id !== turn && this.#world.streaming?.turn === turn)
      this.#world.streaming = null;
  }

  /** Somebody stops a turn, running or waiting, or takes one that waits into the running one. */
  #cancel(): void {
    const { active, waiting } = this.#world.state;
    const open = [active, ...waiting].filter((turn) => turn?.outcome === null);
    const target = open.length > 0 ? this.#chance.pick(open) : null;
    if (!target) return;
    if (!active || target.id === active.id || this.#chance.chance(0.5))
      return this.#end(target.id, "cancelled");
    const before = this.#world.journal.length;
    const by = { id: "alice", name: "Alice" };
    const change = { action: "steer" as const, into: active.id };
    this.#world.commit([{ kind: "amend", at: this.#world.now, turn: target.id, by, change }]);
    if (this.#world.journal.length === before) return;
    const from = this.story.turns.get(target.id);
    const into = this.story.turns.get(active.id);
    this.story.turns.delete(target.id);
    for (const reply of from?.replies ?? []) {
      const known = into?.replies.some((r) => r.channel === reply.channel && r.to.chat === reply.to.chat);
      if (!known) into?.replies.push(reply);
    }
  }

  /** People send dead letters again, drop them, throw the agent out, and take its messages away. */
  #meddle(): void {
    const world = this.#world;
    const rows = [...world.rows.values()].filter((row) => row.phase === "dead" || row.phase === "owed");
    const whim = this.#chance.next();
    if (rows.length > 0 && whim < 0.5) {
      const row = this.#chance.pick(rows);
      if (whim < 0.4) return world.resend(row.delivery);
      world.drop(row.delivery);
      const left = [...world.rows.values()].some((other) => other.delivery === row.delivery);
      if (!left) this.story.dropped.add(row.delivery);
      return;
    }
    const platform = world.platforms.get(this.#chance.pick(Object.keys(CHANNELS)));
    if (!platform) return;
    if (whim > 0.9) {
      const message = platform.messages[0];
      if (!message) return;
      platform.forget(message);
      this.story.removed.add(deliveryOf(message.key));
    } else if (whim > 0.85) {
      const name = [...world.platforms].find(([, other]) => other === platform)?.[0] ?? "";
      platform.block(`${name} ${this.#chance.pick(["a", "b"])}`);
    }
  }
}
