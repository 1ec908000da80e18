/** What must hold when a story has ended, told from what readers see, what platforms were asked, and the dead letters. */
import { limits } from "../../../src/limits.ts";
import type { Message, Platform } from "./platform.ts";
import type { Story, Told } from "./story.ts";
import { deliveryOf, partOf } from "./world.ts";

export interface Verdict {
  deliveries: number;
  delivered: number;
  /** Deliveries that wait for a person. */
  dead: number;
  /** Given up by a person, or taken away by a reader: nothing is promised of those. */
  meddled: number;
  /** Placeholders whose sending was cut off, where nothing lets them be found again. */
  orphans: number;
  /** Answers seen twice where the platform has neither keys nor edits. */
  doubled: number;
  /** Replies that were owed and that no reader has whole, though none is a dead letter; those seen twice that must not be. */
  lost: number;
  twice: number;
  /** Replies that are neither delivered nor dead letters when everything has come to rest. */
  stuck: number;
  violations: string[];
}

const WORD = /t\d+w\d+/g;
const wordsOf = (messages: readonly Message[]): string[] =>
  messages.flatMap((message) => message.text.match(WORD) ?? []);

export function judge(story: Story): Verdict {
  const { world } = story;
  const verdict: Verdict = {
    deliveries: 0,
    delivered: 0,
    dead: 0,
    meddled: 0,
    orphans: 0,
    doubled: 0,
    lost: 0,
    twice: 0,
    stuck: 0,
    violations: [...world.seen],
  };
  const complain = (text: string) => void verdict.violations.push(text);
  for (const platform of world.platforms.values()) platform.seen.forEach(complain);
  for (const row of world.rows.values()) {
    if (row.phase !== "dead") {
      verdict.stuck++;
      complain(`${row.id} is ${row.phase}, and nothing will ever wake it`);
    } else if (!deserved(row, story)) complain(`${row.id} is dead without reason: ${row.error}`);
  }
  if (world.shown !== world.deadCount) {
    complain(`${world.deadCount} answers are undelivered; the list of chats says ${world.shown}`);
  }
  for (const [turn, told] of story.turns) {
    for (const reply of told.replies) {
      const place = `${reply.channel} ${reply.to.chat}`;
      judgeReply(story, turn, told, place, verdict);
    }
  }
  for (const platform of world.platforms.values()) judgeParts(platform, story, complain);
  judgeAnswers(story, complain);
  return verdict;
}

function judgeReply(story: Story, turn: string, told: Told, place: string, verdict: Verdict): void {
  const { world } = story;
  verdict.deliveries++;
  const complain = (text: string) => void verdict.violations.push(`${turn} at ${place}: ${text}`);
  const [delivery] =
    [...world.deliveries].find(([, where]) => where.turn === turn && where.place === place) ?? [];
  if (delivery === undefined) {
    verdict.lost++;
    return complain("nobody noted that it is owed");
  }
  if (story.dropped.has(delivery) || story.removed.has(delivery)) return void verdict.meddled++;
  // A dead letter is visible, and judged as one.
  if ([...world.rows.values()].some((row) => row.delivery === delivery)) return void verdict.dead++;
  verdict.delivered++;
  const platform = world.platforms.get(place.split(" ")[0] ?? "");
  if (!platform) return complain("there is no such platform");
  const shown = platform.messages.filter((message) => deliveryOf(message.key) === delivery);
  const said = wordsOf(shown);
  const once = [...new Set(said)];
  if (told.words.some((word) => !once.includes(word))) verdict.lost++;
  if (once.join() !== told.words.join())
    complain(`readers see "${once.join(" ")}" of "${told.words.join(" ")}"`);
  if (said.length > once.length) {
    if (platform.traits.canEdit || platform.traits.idempotent) {
      verdict.twice++;
      complain(`words twice: ${said.join(" ")}`);
    } else verdict.doubled++;
  }
  const bare = shown.filter((message) => message.text === "…");
  verdict.orphans += bare.length;
  if (bare.length > 0 && platform.traits.idempotent) complain("a placeholder was left behind");
  if (shown.length === bare.length) complain("readers see no text");
  if (shown.some((message) => message.text.endsWith(" …"))) complain("the answer looks unfinished");
}

/** A part is not sent before the one in front of it stands as it will stay. */
function judgeParts(platform: Platform, story: Story, complain: (text: string) => void): void {
  const groups = Map.groupBy(platform.messages, (message) => deliveryOf(message.key));
  for (const [delivery, messages] of groups) {
    if (story.removed.has(delivery)) continue;
    for (const later of messages) {
      const early = messages.find(
        (other) =>
          partOf(other.key) === partOf(later.key) - 1 && other.text !== "…" && other.changedAt > later.at,
      );
      if (early) complain(`part ${later.key} came before the one in front of it was done`);
    }
  }
}

/** Answers at one place come in the order in which their turns ended. Dead letters come when a person says so. */
function judgeAnswers(story: Story, complain: (text: string) => void): void {
  const { world } = story;
  const ends = world.journal.flatMap((entry) => (entry.kind === "end" ? [entry.turn] : []));
  const lastAt = new Map<string, number>();
  for (const turn of ends) {
    for (const [delivery, where] of world.deliveries) {
      if (where.turn !== turn || world.everDead.has(delivery) || story.removed.has(delivery)) continue;
      const platform = world.platforms.get(where.place.split(" ")[0] ?? "");
      const done = (platform?.messages ?? [])
        .filter((message) => deliveryOf(message.key) === delivery && !message.text.endsWith("…"))
        .map((message) => message.changedAt);
      if (done.length === 0) continue;
      if (Math.min(...done) < (lastAt.get(where.place) ?? 0))
        complain(`${delivery} came before an older answer`);
      lastAt.set(where.place, Math.max(...done));
    }
  }
}

/** A dead letter has a refusal for a reason, or as many failures as it takes, or an earlier part that is dead. */
function deserved(row: { key: string; error: string; delivery: string }, story: Story): boolean {
  const { world } = story;
  if (row.error.startsWith("An earlier part")) return true;
  if (story.removed.has(row.delivery)) return true;
  const asked = [...world.platforms.values()]
    .flatMap((platform) => platform.asked)
    .filter((one) => one.key.split("~")[0] === row.key);
  if (asked.some((one) => one.outcome === "refused")) return true;
  const waits = asked.filter((one) => one.outcome === "waits").length;
  return (world.tries.get(row.key) ?? 0) - waits + world.crashes >= limits.deliveryAttempts;
}
