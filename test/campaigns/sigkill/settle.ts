/** The end of a campaign: cut work is left to its wakes, then people come back, then everything that is shown is read. */
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { NodeWebSocket } from "../../support/e2e-socket.ts";
import type { Approvals } from "./approvals.ts";
import type { Asked, ThreadClient } from "./client.ts";
import type { Clocks } from "./clocks.ts";
import { type JournalCopy, openTurns } from "./journals.ts";
import type { Life } from "./lives.ts";
import { answerOf, filesOf } from "./questions.ts";
import type { World } from "./world.ts";

/** How often the disk is looked at: it gives no event, and watching the chats would wake them. */
const LOOK_EVERY_MS = 500;
/** ... and how much longer than a look takes: long journals are read whole. */
const LOOK_SHARE = 10;
/** How long what is left may take once people are back: a few answers, and faults that are tried again. */
const BACK_WITHIN_MS = 60_000;
/** P4: stalled work is noticed within this time, whatever died. */
export const NOTICED_WITHIN_MS = 150_000;
/** Requests that are under way at once when everything is read. */
const READERS = 8;

/** Chats with a turn that a kill cut off. */
export function nobodyThere(journals: readonly JournalCopy[], asked: readonly Asked[]): Set<string> {
  const threads = new Map<string, string>(asked.map((one) => [one.request.message, one.thread]));
  const cut = new Set<string>();
  for (const journal of journals) {
    if (openTurns(journal).length === 0) continue;
    for (const entry of journal.entries) {
      if (entry.kind !== "input") continue;
      const thread = threads.get(entry.messages[0]?.id ?? "");
      if (thread !== undefined) cut.add(thread);
    }
  }
  return cut;
}

const feedEvent = z.looseObject({
  type: z.string(),
  thread: z.looseObject({ id: z.string(), status: z.string() }).optional().catch(undefined),
});

/** Waits until every turn has ended and every wake is gone. */
export async function settle(options: {
  world: World;
  life: Life;
  /** Chats with work that an earlier life left. */
  cut: ReadonlySet<string>;
  clients: readonly ThreadClient[];
  aloneMs: number;
  /** People who still decide, over HTTP, and schedules that go on until everything else has ended. */
  slow?: { approvals: Approvals; clocks: Clocks };
}): Promise<{ news: number[]; nudged: number; problems: string[] }> {
  const { world, life, cut, clients, slow } = options;
  const told = new Map<string, number>();
  // The feed is the user actor's: it wakes no conversation.
  const feed = new NodeWebSocket(world.feedUrl(life), { headers: world.headers });
  feed.addEventListener("message", (event) => {
    const { data } = z.object({ data: z.string() }).parse(event);
    const { type, thread } = feedEvent.parse(JSON.parse(data));
    if (type !== "thread" || !thread || thread.status === "working" || !cut.has(thread.id)) return;
    if (!told.has(thread.id)) told.set(thread.id, performance.now() - life.readyAt);
  });
  // What comes every minute goes on until it is paused: its chats come to rest after that.
  const resting = (): JournalCopy[] => world.journals.read({ live: true }).filter((one) => !recurs(one));
  const left = (): number =>
    resting().reduce((sum, one) => sum + openTurns(one).length + one.jobs + comingOnce(one), 0);
  slow?.approvals.begin(life);
  await until(() => left() === 0, options.aloneMs);
  const nudged = resting().reduce((sum, one) => sum + openTurns(one).length, 0);
  const stalled = nudged > 0 ? standing(resting()) : [];
  const news = [...told.values()];

  const back = clients.filter((client) => client.unacknowledged || nudged > 0);
  await Promise.all(back.map((client) => client.connect(world.chatUrl(life, client.thread), world.headers)));
  const heard = (): boolean => back.every((client) => !client.unacknowledged && !client.open);
  const done = await until(() => heard() && left() === 0, BACK_WITHIN_MS);
  // Asked before they leave: who was told nothing, and what the disk says is left.
  const untold = back.flatMap(({ asked }) => asked.filter((one) => !one.accepted || one.outcome === null));
  const names = untold.map(
    ({ question, accepted, stopped }) =>
      `${question.tag}${accepted ? "" : " (unkept)"}${stopped ? " (stopped)" : ""}`,
  );
  for (const client of back) client.leave();
  feed.close();
  slow?.approvals.stop();
  await slow?.approvals.quiet();
  const problems = (await slow?.clocks.pauseAll(life)) ?? [];
  if (slow && !(await until(() => left() === 0, BACK_WITHIN_MS)))
    problems.push(`${BACK_WITHIN_MS} ms after all schedules were paused ${left()} turns and wakes were left`);
  if (options.aloneMs >= NOTICED_WITHIN_MS) problems.push(...stalled.slice(0, 3));
  if (!done)
    problems.push(
      ...standing(resting()).slice(0, 3),
      `${BACK_WITHIN_MS} ms after everybody had come back ${left()} turns and wakes were left, and nobody was told the end of: ${names.join(", ")}`,
    );
  return { news, nudged, problems };
}

/** Where each chat that is not done stands: the kinds of its newest entries. */
const standing = (journals: readonly JournalCopy[]): string[] =>
  journals
    .filter((one) => openTurns(one).length + one.jobs > 0)
    .map((one) => {
      const kinds = one.entries.slice(-4).map(({ kind }) => kind);
      return `${one.file.slice(0, 8)}: ${openTurns(one).length} turns and ${one.jobs} wakes, ${kinds.join(" ")}`;
    });

/** Whether a schedule of the chat comes again and again. */
const recurs = ({ schedules }: JournalCopy): boolean =>
  schedules.some(({ status, cron }) => status === "active" && cron !== null);

/** Schedules that come once and have not come yet: all of them are seconds ahead. */
const comingOnce = ({ schedules }: JournalCopy): number =>
  schedules.filter(({ status, cron }) => status === "active" && cron === null).length;

async function until(holds: () => boolean, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const looked = performance.now();
    if (holds()) return true;
    if (performance.now() > deadline) return false;
    // Looking is synchronous, and this process is also the model of every world: it has to get on with that.
    await delay(Math.max(LOOK_EVERY_MS, LOOK_SHARE * (performance.now() - looked)));
  }
}

const transcript = z.array(
  z.looseObject({
    id: z.string(),
    role: z.string(),
    parts: z.array(z.looseObject({ type: z.string(), text: z.string().optional() })),
    metadata: z.looseObject({ outcome: z.string().optional() }).optional(),
  }),
);
const versions = z.object({ versions: z.array(z.unknown()) });

/** How many inputs of schedules there are in each client's chat. */
function remindersIn(world: World, clients: readonly ThreadClient[]): Map<string, number> {
  const threads = new Map<string, string>(
    clients.flatMap(({ asked, thread }) => asked.map(({ request }) => [request.message, thread] as const)),
  );
  const counts = new Map<string, number>();
  for (const { entries } of world.journals.read({ live: true })) {
    const inputs = entries.filter((entry) => entry.kind === "input");
    const thread = inputs.map(({ messages }) => threads.get(messages[0]?.id ?? "")).find(Boolean);
    const came = inputs.filter(({ source }) => source === "schedule").length;
    if (thread !== undefined) counts.set(thread, came);
  }
  return counts;
}

/** Reads every transcript and every file as the server shows them. */
export async function shown(
  world: World,
  life: Life,
  clients: readonly ThreadClient[],
): Promise<{ files: number; wrong: string[] }> {
  const wrong: string[] = [];
  const completed: Asked[] = [];
  const reminders = remindersIn(world, clients);
  await each(clients, async (client) => {
    const path = `/@${world.handle}/${client.thread}/get-messages?limit=500`;
    const messages = transcript.parse(await world.json(life, path));
    for (const one of client.asked) {
      const at = messages.findIndex(({ id }) => id === one.request.message);
      const answer = messages[at + 1];
      const texts = answer?.parts.map((part) => (part.type === "text" ? (part.text ?? "") : "")).join("");
      if (at < 0 || answer?.role !== "assistant") {
        wrong.push(`question ${one.question.tag}: it is not on the transcript with an answer`);
      } else if (answer.metadata?.outcome === "completed") {
        completed.push(one);
        if (texts !== answerOf(one.question))
          wrong.push(`question ${one.question.tag}: the transcript shows ${texts?.slice(0, 200)}`);
      }
    }
    const ids = messages.map(({ id }) => id);
    if (new Set(ids).size !== ids.length) wrong.push(`${client.thread}: a message is shown twice`);
    const sent = client.asked.length + (reminders.get(client.thread) ?? 0);
    if (messages.length !== sent * 2)
      wrong.push(`${client.thread}: ${messages.length} messages are shown for ${sent} questions`);
  });
  const files = completed.flatMap(({ question }) => filesOf(question));
  let right = 0;
  await each(files, async ({ path, text, versions: expected }) => {
    const query = `?path=${encodeURIComponent(path)}`;
    const file = await world.file(life, world.filesUrl(`content${query}`));
    const content = file.status === 200 ? file.text : `status ${file.status}`;
    const kept = versions.parse(await world.json(life, world.filesUrl(`versions${query}`))).versions.length;
    if (content !== text) wrong.push(`${path} holds: ${content.slice(0, 100)}`);
    else if (kept !== expected) wrong.push(`${path} has ${kept} earlier versions instead of ${expected}`);
    else right++;
  });
  return { files: right, wrong };
}

async function each<T>(values: readonly T[], run: (value: T) => Promise<void>): Promise<void> {
  const queue = [...values];
  const reader = async (): Promise<void> => {
    for (let value = queue.shift(); value !== undefined; value = queue.shift()) await run(value);
  };
  await Promise.all(Array.from({ length: READERS }, reader));
}
