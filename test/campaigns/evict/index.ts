/**
 * `evict`: objects of the real Worker leave memory while workerd lives. In turn: evictions between, behind and in the
 * middle of turns with sockets open; resets of every object at once, in the middle of whatever they do; deployments in
 * quick succession, each of which ends the version before. Then what all other kills are judged by is judged here.
 */
import { setTimeout as delay } from "node:timers/promises";
import { build } from "../../../local/lib/build.ts";
import { Chance } from "../random.ts";
import { type Report, spreadOf, spreadText } from "../report.ts";
import { ThreadClient } from "../sigkill/client.ts";
import type { Life } from "../sigkill/lives.ts";
import { judge } from "../sigkill/oracle.ts";
import { nobodyThere, settle, shown } from "../sigkill/settle.ts";
import { World } from "../sigkill/world.ts";
import { resetAll } from "./reach.ts";
import { type Figures, hibernate, longQuestion, noFigures, reset, type Stage } from "./stories.ts";

/** Chats that live at once. */
const SIDE_BY_SIDE = 12;
/** Shares of the chats; the rest are reset. */
const HIBERNATE = 0.5;
const DEPLOY = 0.15;
/** Every so many of the chats that hibernate wait until workerd evicts them by itself. */
const IDLE_EVERY = 6;
/** Deployments in one loop: more than the wakes without progress that end a turn. */
const DEPLOYMENTS = 8;
/** Chats that live through one loop. */
const CHATS_PER_LOOP = 10;
/** P4: stalled work is noticed within this time, whatever died. */
const NOTICED_WITHIN_MS = 150_000;
const MAX_VIOLATIONS = 20;

class Campaign {
  readonly figures: Figures = noFigures();
  readonly clients: ThreadClient[] = [];
  readonly violations: string[] = [];
  readonly #world: World;
  readonly #chance: Chance;
  #tags = 0;
  #threads = 0;
  resets = 0;
  deployments = 0;

  constructor(world: World, chance: Chance) {
    this.#world = world;
    this.#chance = chance;
  }

  note(problems: readonly string[]): void {
    for (const problem of problems) {
      if (this.violations.length < MAX_VIOLATIONS && !this.violations.includes(problem))
        this.violations.push(problem);
    }
  }

  get #stage(): Stage {
    return {
      world: this.#world,
      // Each story draws for itself: they run side by side, in an order that nobody knows.
      chance: new Chance(this.#chance.below(2 ** 31)),
      figures: this.figures,
      tag: () => `q${this.#tags++}`,
      say: (problem) => this.note([problem]),
    };
  }

  #thread(): string {
    return `chat-${this.#threads++}`;
  }

  async hibernations(life: Life, count: number, done: () => void): Promise<void> {
    await this.#sideBySide(count, async (i) => {
      const idle = i % IDLE_EVERY === IDLE_EVERY - 1;
      this.clients.push(await hibernate(this.#stage, life, this.#thread(), idle));
      done();
    });
  }

  /** Chats live while every object dies again and again: up to three times in a row, then there is some peace. */
  async resetting(life: Life, count: number, done: () => void): Promise<void> {
    let living = true;
    const reaper = async (): Promise<void> => {
      while (living) {
        for (let i = 1 + this.#chance.below(3); i > 0 && living; i--) {
          await delay(60 + this.#chance.below(400));
          await resetAll(life.reachUrl);
          this.resets++;
        }
        await delay(200 + this.#chance.below(800));
      }
    };
    const reaping = reaper();
    try {
      await this.#sideBySide(count, async () => {
        this.clients.push(await reset(this.#stage, life, this.#thread()));
        done();
      });
    } finally {
      living = false;
      await reaping;
    }
  }

  /** One loop: long turns, and a new version of the Worker before any of them can have ended. */
  async deploying(first: Life, count: number, done: () => void): Promise<Life> {
    const chance = this.#chance;
    let life = first;
    const chats = Array.from({ length: count }, () => {
      const client = new ThreadClient(this.#thread());
      this.clients.push(client);
      return { client, back: chance.chance(0.6), question: longQuestion(this.#stage.tag(), chance) };
    });
    const connect = (client: ThreadClient): Promise<boolean> =>
      client.connect(this.#world.chatUrl(life, client.thread), this.#world.headers);
    await Promise.all(
      chats.map(async ({ client, question }) => {
        if (await connect(client)) client.ask(question);
      }),
    );
    for (let n = 0; n < DEPLOYMENTS; n++) {
      await delay(200 + chance.below(700));
      for (const { client } of chats) client.leave();
      await life.kill();
      life = await this.#world.begin({ DEPLOYED_VERSION: `v${++this.deployments}` });
      const { readyAt } = life;
      await Promise.all(
        chats.map(async ({ client, back }) => {
          if (!back) return;
          if (client.open) client.onSign((at) => this.figures.signs.push(at - readyAt));
          await connect(client);
        }),
      );
    }
    for (const { client } of chats) {
      client.leave();
      done();
    }
    return life;
  }

  async #sideBySide(count: number, run: (i: number) => Promise<void>): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let i = next++; i < count; i = next++) await run(i);
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  }
}

/** For the table of `npm run campaign`. */
export async function evictReport(
  seed: number,
  chats: number,
  progress: (done: number) => void,
): Promise<Report> {
  await build({ progress: () => {} });
  const world = await World.open({ reach: true });
  try {
    return await inWorld(world, seed, chats, progress);
  } finally {
    await world.close();
  }
}

async function inWorld(
  world: World,
  seed: number,
  chats: number,
  progress: (done: number) => void,
): Promise<Report> {
  const campaign = new Campaign(world, new Chance(seed));
  let count = 0;
  const done = (): void => progress(++count);
  let life = await world.begin();
  const sleeping = Math.ceil(chats * HIBERNATE);
  const deployed = Math.ceil(chats * DEPLOY);
  await campaign.hibernations(life, sleeping, done);
  await campaign.resetting(life, Math.max(0, chats - sleeping - deployed), done);
  for (let left = deployed; left > 0; left -= CHATS_PER_LOOP)
    life = await campaign.deploying(life, Math.min(left, CHATS_PER_LOOP), done);

  const { clients, figures } = campaign;
  const asked = clients.flatMap((client) => client.asked);
  const cut = nobodyThere(world.journals.read({ live: true }), asked);
  const { news, nudged, problems } = await settle({
    ...{ world, life, cut, clients },
    aloneMs: NOTICED_WITHIN_MS,
  });
  campaign.note(problems);
  if (nudged > 0)
    campaign.note([`${nudged} turns were not gone on with for ${NOTICED_WITHIN_MS} ms, until somebody came`]);
  const { files, wrong } = await shown(world, life, clients);
  campaign.note(wrong);
  await life.kill();
  const verdict = judge(world.journals.read({ live: false }), asked, { settled: true });
  campaign.note(verdict.violations);
  // Every deployment ends the one before: that is no reason to give an answer up.
  if (verdict.givenUp > 0)
    campaign.note([`${verdict.givenUp} turns were given up, though nothing but evictions had cut them`]);
  if (campaign.violations.length > 0)
    campaign.note(world.lines.slice(-5).map((line) => `worker said: ${line}`));
  return {
    rows: [
      [
        "chats that hibernate / are reset / are deployed",
        `${sleeping} / ${chats - sleeping - deployed} / ${deployed}`,
      ],
      ["evictions with sockets open / by workerd's own clock", `${figures.evicted} / ${figures.idle}`],
      [
        "evictions asked for in the middle of a turn: behind it / none in 30 s",
        `${figures.during.evicted + figures.during.absent} / ${figures.during.busy}`,
      ],
      ["answers that a socket saw whole, with evictions around them", figures.watched],
      ["resets of every object", campaign.resets],
      ["deployments in the middle of turns", campaign.deployments],
      ["inputs accepted", verdict.accepted],
      ["answered / failed / cancelled", `${verdict.answered} / ${verdict.failed} / ${verdict.cancelled}`],
      ["lost / doubled / without an end", `${verdict.lost} / ${verdict.doubled} / ${verdict.open}`],
      ["given up", verdict.givenUp],
      ["files with the content and versions expected", files],
      ["deployment to first frame, for who is back, p50 / p99", spreadText(figures.signs)],
      ["end to news on the feed, nobody there, p50 / p99", spreadText(news)],
    ],
    violations: campaign.violations,
    accepted: verdict.accepted,
    answered: verdict.answered,
    lost: verdict.lost,
    doubled: verdict.doubled,
    unended: verdict.open,
    signMs: spreadOf(figures.signs),
  };
}
