/**
 * What happens to one chat, its objects and its sockets. Evictions leave sockets open and may cost nobody anything;
 * resets and deployments close them, and people come back or do not.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Chance } from "../random.ts";
import { type Asked, ThreadClient } from "../sigkill/client.ts";
import type { Life } from "../sigkill/lives.ts";
import { answerOf, drawQuestion, type Question } from "../sigkill/questions.ts";
import type { World } from "../sigkill/world.ts";
import { type Evicted, evict } from "./reach.ts";

/** How long a turn may take with somebody watching: an eviction that finds an object at work holds it for 30 s. */
const ENDS_WITHIN_MS = 90_000;
/** workerd itself takes an object out of memory 10 s after its last work. */
const IDLE_MS = 13_000;
/** How often a person tries to come back to a server that is not there yet. */
const BACK_TRIES = 40;
const BACK_EVERY_MS = 100;

export interface Figures {
  /** Evictions of an object with sockets open, behind an answer. */
  evicted: number;
  /** The same by workerd's own clock. */
  idle: number;
  /** What came of those that were asked for in the middle of a turn: workerd waits for its end, up to 30 s. */
  during: Record<Evicted, number>;
  /** Answers that both sockets of a chat saw whole. */
  watched: number;
  /** Milliseconds from a deployment to the first frame about an open turn. */
  signs: number[];
}

export const noFigures = (): Figures => ({
  evicted: 0,
  idle: 0,
  during: { evicted: 0, busy: 0, absent: 0 },
  watched: 0,
  signs: [],
});

export interface Stage {
  world: World;
  chance: Chance;
  figures: Figures;
  /** Unique in the campaign. */
  tag(): string;
  /** Notes what must not be. */
  say(problem: string): void;
}

/**
 * Two people look at a chat, one asks. Between answers, right behind one, and now and then in the middle of one the
 * object is evicted: both sockets stay open and both people see every answer whole.
 */
export async function hibernate(
  stage: Stage,
  life: Life,
  thread: string,
  idle: boolean,
): Promise<ThreadClient> {
  const { world, chance, figures } = stage;
  const asker = new ThreadClient(thread);
  const onlooker = new ThreadClient(thread);
  const name = world.objectName(thread);
  // Drawn before anything is awaited: how quickly stories go on must not change what is drawn.
  const rounds = Array.from({ length: 2 + chance.below(3) }, () => ({
    questions: Array.from({ length: chance.pick([1, 1, 1, 2]) }, () => drawQuestion(stage.tag(), chance)),
    duringMs: chance.chance(0.04) ? chance.below(400) : null,
    afterMs: chance.pick([0, 0, 2, 10, 100, 400]),
  }));
  for (const client of [asker, onlooker]) {
    if (!(await client.connect(world.chatUrl(life, thread), world.headers)))
      stage.say(`${thread}: a socket could not be opened`);
  }
  for (const [i, { questions, duringMs, afterMs }] of rounds.entries()) {
    const asked = questions.map((question) => asker.ask(question));
    const followed = asked.map((one) => onlooker.follow(one));
    const during = duringMs === null ? null : delay(duringMs).then(() => evict(life.reachUrl, name));
    const ends = [...asked.map((one) => asker.ended(one)), ...followed.map((one) => onlooker.ended(one))];
    if (!(await within(Promise.all(ends), ENDS_WITHIN_MS))) {
      stage.say(`${thread}: a question had no end ${ENDS_WITHIN_MS} ms after it was asked`);
      break;
    }
    for (const one of [...asked, ...followed]) sawWhole(stage, one);
    if (during) figures.during[await during]++;
    const last = i === rounds.length - 1;
    await delay(idle && last ? IDLE_MS : afterMs);
    const fate = await evict(life.reachUrl, name);
    if (idle && last) {
      // It has gone already: workerd's own clock was faster.
      if (fate === "absent") figures.idle++;
      await oneMore(stage, asker, onlooker);
    } else if (fate === "evicted") figures.evicted++;
    else if (fate === "absent" && !during)
      stage.say(`${thread}: its object was not in memory right behind an answer`);
  }
  const drops = asker.drops + onlooker.drops;
  if (drops > 0) stage.say(`${thread}: ${drops} sockets closed, and nobody had closed them`);
  onlooker.leave();
  return asker;
}

/** Sockets of an object that left memory by itself see what comes next. */
async function oneMore(stage: Stage, asker: ThreadClient, onlooker: ThreadClient): Promise<void> {
  const one = asker.ask({ tag: stage.tag(), kind: "text", words: 12, paceMs: 2 });
  const other = onlooker.follow(one);
  const ends = Promise.all([asker.ended(one), onlooker.ended(other)]);
  if (!(await within(ends, ENDS_WITHIN_MS)))
    return stage.say(`${asker.thread}: nothing came over a socket that had hibernated`);
  sawWhole(stage, one);
  sawWhole(stage, other);
}

function sawWhole({ figures, say }: Stage, one: Asked): void {
  const { question, outcome, ends, seen } = one;
  const expected = question.kind === "refused" ? "failed" : "completed";
  if (outcome !== expected) return say(`question ${question.tag}: a socket saw ${outcome}`);
  if (ends !== 1) return say(`question ${question.tag}: a socket saw ${ends} ends`);
  if (outcome !== "completed") return;
  if (seen === answerOf(question)) figures.watched++;
  else say(`question ${question.tag}: a socket saw ${seen?.slice(0, 200)}`);
}

/** Somebody asks while objects are being reset, and comes back each time that the socket closes, or never. */
export async function reset(stage: Stage, life: Life, thread: string): Promise<ThreadClient> {
  const { chance } = stage;
  const client = new ThreadClient(thread);
  const rounds = Array.from({ length: 3 + chance.below(3) }, () =>
    Array.from({ length: chance.pick([1, 1, 2, 3]) }, () => drawQuestion(stage.tag(), chance)),
  );
  const loyal = chance.chance(0.7);
  const backAfterMs = chance.pick([0, 20, 200, 600]);
  if (!(await comeBack(stage, client, life))) return client;
  for (const questions of rounds) {
    const asked = questions.map((question) => client.ask(question));
    const over = Promise.all(asked.map((one) => client.ended(one))).then(() => true);
    while (!(await Promise.race([over, client.dropped().then(() => false)]))) {
      // What its end is, the end of the campaign judges: journals, transcripts, and what its asker was told.
      if (!loyal) return client;
      await delay(backAfterMs);
      if (!(await comeBack(stage, client, life))) return client;
    }
  }
  client.leave();
  return client;
}

async function comeBack(stage: Stage, client: ThreadClient, life: Life): Promise<boolean> {
  for (let tries = 0; tries < BACK_TRIES; tries++) {
    if (await client.connect(stage.world.chatUrl(life, client.thread), stage.world.headers)) return true;
    await delay(BACK_EVERY_MS);
  }
  stage.say(`${client.thread}: nobody could come back in ${(BACK_TRIES * BACK_EVERY_MS) / 1000} s`);
  return false;
}

/** A turn that lives through several deployments: long words, or tools with pauses. */
export const longQuestion = (tag: string, chance: Chance): Question => ({
  tag,
  kind: chance.pick(["text", "text", "files"]),
  words: 20 + chance.below(30),
  paceMs: chance.pick([40, 80, 120]),
});

/** Whether it resolved in time. */
async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  const late = new AbortController();
  try {
    return await Promise.race([work.then(() => true), delay(ms, false, { signal: late.signal })]);
  } finally {
    late.abort();
  }
}
