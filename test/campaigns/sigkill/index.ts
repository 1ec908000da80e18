/**
 * `sigkill`: the real Worker in workerd is killed with SIGKILL, again and again, while turns run and while it goes on
 * with those that an earlier kill cut off, while they wait for a person and that person decides, and around the moments
 * when schedules are due. Afterwards the journals on the disk, the transcripts, the files and the effects outside are
 * judged. The seed fixes what is asked, what people decide and when kills are due; what they hit depends on the machine.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { build, bundleWorker } from "../../../local/lib/build.ts";
import { Chance } from "../random.ts";
import { type Report, spreadOf, spreadText } from "../report.ts";
import { Approvals } from "./approvals.ts";
import { type Asked, ThreadClient } from "./client.ts";
import { type ClockVerdict, judgeClocks } from "./clock-oracle.ts";
import { Clocks } from "./clocks.ts";
import { type GateVerdict, judgeGates } from "./gate-oracle.ts";
import type { Life } from "./lives.ts";
import { judge } from "./oracle.ts";
import { drawQuestion, drawSlowQuestion, type Question } from "./questions.ts";
import { NOTICED_WITHIN_MS, nobodyThere, settle, shown } from "./settle.ts";
import { World } from "./world.ts";

export interface SigkillOptions {
  seed: number;
  kills: number;
  /** How long the cut work is left to itself in the end, before people come back to what is still open. */
  aloneMs?: number;
  progress?: (done: number) => void;
}

export interface SigkillResult {
  kills: number;
  doubleKills: number;
  lives: number;
  /** Turns that were open when a kill came, summed over kills at which the disk was looked at. */
  accepted: number;
  answered: number;
  failed: number;
  givenUp: number;
  cancelled: number;
  lost: number;
  doubled: number;
  open: number;
  /** Turns that were still open when people came back. */
  nudged: number;
  /** Calls that reached the model, and the answers that they would have been without kills and faults. */
  calls: number;
  files: number;
  entries: number;
  /** Calls that waited for a person: what became of them, and of the effects that they are for. */
  gates: Figures<GateVerdict>;
  decisions: number;
  effects: number;
  clocks: Figures<ClockVerdict>;
  /** Milliseconds from a restart to the first frame about an open turn, for people who came back. */
  signs: number[];
  /** ... and to the news on the feed, for chats that nobody came back to. */
  news: number[];
  seconds: number;
  violations: string[];
}

/** The numbers of a verdict. */
type Figures<Verdict extends { violations: string[] }> = Omit<Verdict, "violations">;

/** P4: a visible sign within this time of an input; here, for somebody who is back. */
const SIGN_WITHIN_MS = 5_000;
/** Share of the questions that wait for a person, or plan ahead. */
const SLOW = 0.12;
/** Chats that are spoken to in one life. */
const CHATS_PER_LIFE = 12;
/** A chat is left alone after so many questions, so that a transcript stays one page. */
const QUESTIONS_PER_CHAT = 45;
/** Every so many kills the disk is judged in between. */
const LOOK_EVERY = 50;
const MAX_VIOLATIONS = 20;

const ENTRY = join(import.meta.dirname, "worker/worker.ts");
/** Worlds that live side by side. More than the processors, because a life is mostly waited for. */
const SIDE_BY_SIDE = Math.min(4, availableParallelism() + 1);
/** Fewer kills than this in one world hardly hit what an earlier kill left. */
const KILLS_PER_WORLD = 20;

export async function sigkill(options: SigkillOptions): Promise<SigkillResult> {
  const started = performance.now();
  await build({ progress: () => {} });
  const workerDir = mkdtempSync(join(tmpdir(), "holdfast-sigkill-worker-"));
  try {
    await bundleWorker(workerDir, { entry: ENTRY });
    return await inWorlds(options, workerDir, started);
  } finally {
    rmSync(workerDir, { recursive: true, force: true });
  }
}

async function inWorlds(options: SigkillOptions, workerDir: string, started: number): Promise<SigkillResult> {
  const worlds = Math.max(1, Math.min(SIDE_BY_SIDE, Math.floor(options.kills / KILLS_PER_WORLD)));
  let done = 0;
  const results = await Promise.all(
    Array.from({ length: worlds }, (_, i) =>
      inOneWorld({
        workerDir,
        seed: options.seed + i,
        kills: Math.floor((options.kills + i) / worlds),
        aloneMs: options.aloneMs ?? NOTICED_WITHIN_MS,
        killed: () => options.progress?.(++done),
      }),
    ),
  );
  return { ...together(results), seconds: (performance.now() - started) / 1000 };
}

type WorldResult = Omit<SigkillResult, "seconds">;

async function inOneWorld(options: {
  workerDir: string;
  seed: number;
  kills: number;
  aloneMs: number;
  killed(): void;
}): Promise<WorldResult> {
  const world = await World.open({ reach: false, workerDir: options.workerDir });
  try {
    const campaign = new Campaign(world, options.seed);
    for (let kill = 0; kill < options.kills; kill++) {
      await campaign.live();
      if (kill % LOOK_EVERY === LOOK_EVERY - 1) campaign.look();
      options.killed();
    }
    return await campaign.end(options.aloneMs);
  } finally {
    await world.close();
  }
}

/** The figures of all worlds: numbers are added, lists are joined. */
function together(results: readonly WorldResult[]): WorldResult {
  const sum = (of: (result: WorldResult) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  return {
    kills: sum(({ kills }) => kills),
    doubleKills: sum(({ doubleKills }) => doubleKills),
    lives: sum(({ lives }) => lives),
    accepted: sum(({ accepted }) => accepted),
    answered: sum(({ answered }) => answered),
    failed: sum(({ failed }) => failed),
    givenUp: sum(({ givenUp }) => givenUp),
    cancelled: sum(({ cancelled }) => cancelled),
    lost: sum(({ lost }) => lost),
    doubled: sum(({ doubled }) => doubled),
    open: sum(({ open }) => open),
    nudged: sum(({ nudged }) => nudged),
    calls: sum(({ calls }) => calls),
    files: sum(({ files }) => files),
    entries: sum(({ entries }) => entries),
    decisions: sum(({ decisions }) => decisions),
    effects: sum(({ effects }) => effects),
    gates: added(results.map(({ gates }) => gates)),
    clocks: added(results.map(({ clocks }) => clocks)),
    signs: results.flatMap(({ signs }) => signs),
    news: results.flatMap(({ news }) => news),
    violations: results.flatMap(({ violations }) => violations).slice(0, MAX_VIOLATIONS),
  };
}

/** Figures of the same names, added up. */
function added<Names extends string>(all: readonly Record<Names, number>[]): Record<Names, number> {
  const [first] = all;
  if (!first) throw new Error("A campaign has at least one world.");
  const names = Object.keys(first) as Names[]; // of a literal with these names
  const pairs = names.map((name) => [name, all.reduce((total, one) => total + one[name], 0)]);
  return Object.fromEntries(pairs) as Record<Names, number>; // the same names
}

class Campaign {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #approvals: Approvals;
  readonly #clocks: Clocks;
  readonly #clients: ThreadClient[] = [];
  readonly #signs: number[] = [];
  readonly #violations: string[] = [];
  #questions = 0;
  #kills = 0;
  #doubleKills = 0;

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#chance = new Chance(seed);
    this.#approvals = new Approvals(world, seed);
    // Chance of its own: how schedules are dealt with changes nothing for those who talk.
    this.#clocks = new Clocks(world, new Chance(seed ^ 0x5ced));
  }

  /** One life: people talk, and it is killed in the middle of it. */
  async live(): Promise<void> {
    const chance = this.#chance;
    const again = this.#kills > 0 && chance.chance(0.2);
    const lengthMs = again ? 50 + chance.below(350) : 200 + chance.below(700);
    // Mostly nobody comes back to what was cut off: its wake has to bring it on alone.
    const back = chance.chance(0.25);
    const life = await this.#world.begin();
    const clients = this.#pick(back);
    this.#approvals.begin(life);
    this.#approvals.look(life, this.#clients);
    const talking = clients.map((client) => this.#talk(client, life));
    talking.push(this.#clocks.live(life));
    await delay(Math.max(0, life.readyAt + lengthMs - performance.now()));
    this.#approvals.stop();
    await life.kill();
    for (const client of clients) client.leave();
    await Promise.all([...talking, this.#approvals.quiet()]);
    this.#kills++;
    if (again) this.#doubleKills++;
  }

  /** Judges what is on the disk so far: whatever is there must be right, though not all of it has ended. */
  look(): void {
    for (const { violations } of Object.values(this.#judge(false))) this.#note(violations);
  }

  #judge(settled: boolean) {
    const journals = this.#world.journals.read({ live: false });
    const { effects } = this.#world;
    return {
      turns: judge(journals, this.#asked, { settled }),
      gates: judgeGates(journals, this.#approvals.decisions, (path) => effects.of(path), { settled }),
      clocks: judgeClocks(journals, this.#clocks.all, this.#asked, { settled }),
    };
  }

  async end(aloneMs: number): Promise<WorldResult> {
    const world = this.#world;
    const cut = nobodyThere(world.journals.read({ live: false }), this.#asked);
    const life = await world.begin();
    const { news, nudged, problems } = await settle({
      ...{ world, life, cut, clients: this.#clients, aloneMs },
      slow: { approvals: this.#approvals, clocks: this.#clocks },
    });
    this.#note(problems);
    if (aloneMs >= NOTICED_WITHIN_MS && nudged > 0) {
      this.#note([`${nudged} turns were not gone on with for ${aloneMs} ms, until somebody came`]);
    }
    const { files, wrong } = await shown(world, life, this.#clients);
    this.#note(wrong);
    await life.kill();
    const { turns: verdict, gates, clocks } = this.#judge(true);
    for (const { violations } of [verdict, gates, clocks]) this.#note(violations);
    for (const sign of this.#signs) {
      if (sign > SIGN_WITHIN_MS) this.#note([`somebody who was back saw nothing for ${Math.round(sign)} ms`]);
    }
    if (this.#violations.length > 0) this.#note(world.lines.slice(-10).map((line) => `worker said: ${line}`));
    return {
      kills: this.#kills,
      doubleKills: this.#doubleKills,
      lives: this.#kills + 1,
      ...verdict,
      lost: verdict.lost + gates.lost + clocks.lost,
      doubled: verdict.doubled + gates.doubled + clocks.doubled,
      open: verdict.open + clocks.open,
      gates: figuresOf(gates),
      clocks: figuresOf(clocks),
      decisions: this.#approvals.decisions.filter(({ answer }) => answer !== null).length,
      effects: world.effects.total,
      nudged,
      calls: world.calls,
      files,
      signs: this.#signs,
      news,
      violations: this.#violations,
    };
  }

  get #asked(): Asked[] {
    return this.#clients.flatMap(({ asked }) => asked);
  }

  /** Whom the next life hears from: people with open questions when they come `back`, else others, and new ones. */
  #pick(back: boolean): ThreadClient[] {
    const waiting = this.#clients.filter((client) => client.open || client.unacknowledged);
    const free = this.#clients.filter(
      (client) => !client.open && !client.unacknowledged && client.asked.length < QUESTIONS_PER_CHAT,
    );
    const picked = [...(back ? waiting : []), ...free].slice(0, CHATS_PER_LIFE);
    while (picked.length < CHATS_PER_LIFE) {
      const client = new ThreadClient(`chat-${this.#clients.length}`);
      this.#approvals.watch(client);
      this.#clients.push(client);
      picked.push(client);
    }
    return picked;
  }

  #draw(): Question {
    const tag = `q${this.#questions++}`;
    return this.#chance.chance(SLOW) ? drawSlowQuestion(tag, this.#chance) : drawQuestion(tag, this.#chance);
  }

  /** One person in one life: connects, asks one to three things in a row, and stops some of them. */
  async #talk(client: ThreadClient, life: Life): Promise<void> {
    const chance = this.#chance;
    // Drawn before anything is awaited: the order in which sockets open must not change what is drawn.
    const questions = Array.from({ length: chance.pick([1, 1, 1, 2, 3]) }, () => ({
      question: this.#draw(),
      stopAfterMs: chance.chance(0.12) ? chance.below(400) : null,
    }));
    const waited = client.open;
    if (waited) client.onSign((at) => this.#signs.push(at - life.readyAt));
    if (!(await client.connect(this.#world.chatUrl(life, client.thread), this.#world.headers))) return;
    if (client.asked.length >= QUESTIONS_PER_CHAT) return;
    await Promise.all(
      questions.map(async ({ question, stopAfterMs }) => {
        // One that waits for a person holds up its chat until that is over: a second one behind it would take as long again.
        const asks = client.asked.some((one) => one.question.kind === "gated" && one.outcome === null);
        const one = client.ask(asks && question.kind === "gated" ? { ...question, kind: "text" } : question);
        if (stopAfterMs === null) return;
        await delay(stopAfterMs);
        client.stop(one);
      }),
    );
  }

  #note(problems: readonly string[]): void {
    for (const problem of problems) {
      if (this.#violations.length < MAX_VIOLATIONS && !this.#violations.includes(problem))
        this.#violations.push(problem);
    }
  }
}

function figuresOf<Verdict extends { violations: string[] }>(verdict: Verdict): Figures<Verdict> {
  const { violations: _, ...figures } = verdict;
  return figures;
}

/** For the table of `npm run campaign`. */
export async function sigkillReport(
  seed: number,
  kills: number,
  progress: (done: number) => void,
): Promise<Report> {
  const result = await sigkill({ seed, kills, progress });
  const { gates, clocks } = result;
  return {
    rows: [
      ["kills (of these a second one within 400 ms of ready)", `${result.kills} (${result.doubleKills})`],
      ["lives", result.lives],
      ["inputs accepted", result.accepted],
      ["answered / failed / cancelled", `${result.answered} / ${result.failed} / ${result.cancelled}`],
      ["of the failed, given up after too many cuts", result.givenUp],
      ["lost", result.lost],
      ["doubled", result.doubled],
      ["turns without an end", result.open],
      ["turns that only went on when somebody came", result.nudged],
      [
        "calls that waited for a person: approved / refused / expired",
        `${gates.asked}: ${gates.approved} / ${gates.refused} / ${gates.expired}`,
      ],
      ["decisions that were answered", result.decisions],
      [
        "effects that may not happen twice / cut off, and said so",
        `${result.effects} / ${gates.interrupted}`,
      ],
      ["schedules kept", clocks.made],
      [
        "their occurrences, each once / of these late / missed and told of",
        `${clocks.occurrences} / ${clocks.late} / ${clocks.missed}`,
      ],
      ["calls that reached the model", result.calls],
      ["files with the content and versions expected", result.files],
      ["journal entries in chains that verify", result.entries],
      ["restart to first frame, for who is back, p50 / p99", spreadText(result.signs)],
      ["restart to news on the feed, nobody there, p50 / p99", spreadText(result.news)],
    ],
    violations: result.violations,
    accepted: result.accepted,
    answered: result.answered,
    lost: result.lost,
    doubled: result.doubled,
    unended: result.open,
    signMs: spreadOf(result.signs),
  };
}
