/**
 * Schedules that people make, pause, let go on and delete over HTTP while the server dies: some come once, a few seconds
 * later, some every minute. What got no answer is asked for again, with the same key, until there is one.
 */
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { scheduleInfo } from "../../../src/protocol/schedules.ts";
import type { Chance } from "../random.ts";
import type { Life } from "./lives.ts";
import { type Question, textOfQuestion } from "./questions.ts";
import type { World } from "./world.ts";

/** What was done to a schedule: sent first at one moment, answered at another, which is 0 while nobody answered. */
export interface Change {
  to: "active" | "paused" | "deleted";
  sentAt: number;
  ackAt: number;
}

export interface Clock {
  question: Question;
  thread: string;
  /** `null` for one that comes once. */
  cron: string | null;
  catchUp: "latest" | "skip";
  /** How far ahead one lies that comes once. */
  seconds: number;
  /** Known once its making was answered. */
  id: string | null;
  sentAt: number;
  ackAt: number;
  /** In order; the newest may have no answer yet. */
  changes: Change[];
  /** Its newest change was asked for when nothing was killed any more. */
  last: boolean;
}

/** Recurring schedules of one world. They all come at full minutes: more would be a queue. */
const RECURRING = 10;
/** Recurring schedules of one chat, so that some wait behind others. */
const PER_CHAT = 2;
/** A chat for those that come once is left alone after so many. */
const ONCE_PER_CHAT = 40;

const made = z.object({ schedule: scheduleInfo });

export class Clocks {
  readonly all: Clock[] = [];
  readonly #world: World;
  readonly #chance: Chance;
  #once = 0;

  /** `chance`: its own, so that what it draws changes nothing for others. */
  constructor(world: World, chance: Chance) {
    this.#world = world;
    this.#chance = chance;
  }

  /**
   * What people do about schedules in one life. Resolves when everything was answered or the server has died. What is
   * drawn does not depend on what was answered.
   */
  async live(life: Life): Promise<void> {
    const chance = this.#chance;
    if (this.all.length < RECURRING) this.#add(true);
    if (chance.chance(0.6)) this.#add(false);
    const meddled = chance.pick(this.all);
    const how = chance.next();
    // Drawn before anything is awaited. Some are too late for this life: they get no answer.
    const afterMs = chance.below(600);
    await delay(afterMs);
    const unanswered = this.all.filter(
      (clock) => clock.ackAt === 0 || clock.changes.some(({ ackAt }) => ackAt === 0),
    );
    if (meddled.ackAt > 0 && !unanswered.includes(meddled)) change(meddled, how);
    await Promise.all([...new Set([...unanswered, meddled])].map((clock) => this.#goOn(clock, life)));
  }

  /** Everything that recurs is paused, and what got no answer before gets it now. */
  async pauseAll(life: Life): Promise<string[]> {
    await Promise.all(this.all.map((clock) => this.#goOn(clock, life)));
    const recurring = this.all.filter((clock) => clock.cron !== null && standing(clock) === "active");
    for (const clock of recurring) {
      clock.changes.push({ to: "paused", sentAt: Date.now(), ackAt: 0 });
      clock.last = true;
    }
    await Promise.all(recurring.map((clock) => this.#goOn(clock, life)));
    return this.all
      .filter((clock) => clock.ackAt === 0 || clock.changes.some(({ ackAt }) => ackAt === 0))
      .map(
        ({ question }) => `schedule ${question.tag}: what was asked of it got no answer, though nothing died`,
      );
  }

  #add(recurs: boolean): void {
    const chance = this.#chance;
    const number = this.all.length;
    const thread = recurs
      ? `minutes-${Math.floor(number / PER_CHAT)}`
      : `once-${Math.floor(this.#once++ / ONCE_PER_CHAT)}`;
    this.all.push({
      question: {
        tag: `s${number}`,
        kind: "text",
        words: 3 + chance.below(12),
        paceMs: chance.pick([0, 2, 5]),
      },
      thread,
      cron: recurs ? "* * * * *" : null,
      catchUp: chance.chance(0.5) ? "skip" : "latest",
      seconds: 1 + chance.below(4),
      id: null,
      sentAt: 0,
      ackAt: 0,
      changes: [],
      last: false,
    });
  }

  /** Asks for what was not answered so far, in order. */
  async #goOn(clock: Clock, life: Life): Promise<void> {
    try {
      if (clock.ackAt === 0) await this.#make(clock, life);
      for (const one of clock.changes) if (one.ackAt === 0) await this.#change(clock, one, life);
    } catch (error) {
      // The server died over it: it is asked for again in the next life.
      if (error instanceof z.ZodError) throw error;
    }
  }

  async #make(clock: Clock, life: Life): Promise<void> {
    const { question, cron, catchUp, seconds } = clock;
    clock.sentAt ||= Date.now();
    const when = cron === null ? { in: `${seconds} seconds` } : { cron, catchUp };
    const body = { text: textOfQuestion(question), key: question.tag, ...when };
    const response = await this.#world.send(
      life,
      "POST",
      this.#world.threadUrl(clock.thread, "schedules"),
      body,
    );
    const text = await response.text();
    if (response.ok) clock.id = made.parse(JSON.parse(text)).schedule.id;
    // One that was made by a request without an answer may be over by now.
    if (response.ok || response.status === 404) clock.ackAt = Date.now();
  }

  async #change(clock: Clock, one: Change, life: Life): Promise<void> {
    // Over before anybody learned its name.
    if (clock.id === null) {
      one.ackAt = Date.now();
      return;
    }
    const path = this.#world.threadUrl(clock.thread, `schedules/${clock.id}`);
    const { to } = one;
    const response =
      to === "deleted"
        ? await this.#world.send(life, "DELETE", path, undefined)
        : await this.#world.send(life, "PATCH", path, { paused: to === "paused" });
    await response.text();
    // One that came once may be over by now.
    if (response.ok || response.status === 404) one.ackAt = Date.now();
  }
}

/** What was last asked of it, answered or not. */
export const standing = (clock: Clock): Change["to"] => clock.changes.at(-1)?.to ?? "active";

/** Somebody changes their mind about a schedule; of what is deleted nobody thinks any more. */
function change(clock: Clock, how: number): void {
  const now = standing(clock);
  if (now === "deleted") return;
  const to = now === "paused" ? "active" : how < 0.7 ? "paused" : "deleted";
  // Most of those that recur go on: what they miss and make up for is worth watching.
  if (clock.cron !== null && to !== "active" && how > 0.25) return;
  clock.changes.push({ to, sentAt: Date.now(), ackAt: 0 });
}
