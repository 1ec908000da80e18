/** The end of a campaign: cut work is left to its wakes, then people come back, then everything that is shown is read. */
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { NodeWebSocket } from "../../support/e2e-socket.ts";
import type { Asked, ThreadClient } from "./client.ts";
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
}): Promise<{ news: number[]; nudged: number; problems: string[] }> {
  const { world, life, cut, clients } = options;
  const told = new Map<string, number>();
  // The feed is the user actor's: it wakes no conversation.
  const feed = new NodeWebSocket(world.feedUrl(life), { headers: world.headers });
  feed.addEventListener("message", (event) => {
    const { data } = z.object({ data: z.string() }).parse(event);
    const { type, thread } = feedEvent.parse(JSON.parse(data));
    if (type !== "thread" || !thread || thread.status === "working" || !cut.has(thread.id)) return;
    if (!told.has(thread.id)) told.set(thread.id, performance.now() - life.readyAt);
  });
  const left = (): number =>
    world.journals.read({ live: true }).reduce((sum, one) => sum + openTurns(one).length + one.jobs, 0);
  await until(() => left() === 0, options.aloneMs);
  const nudged = world.journals.read({ live: true }).reduce((sum, one) => sum + openTurns(one).length, 0);
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
  // Where each chat that is not done stands: the kinds of its newest entries.
  const standing = world.journals
    .read({ live: true })
    .filter((one) => openTurns(one).length + one.jobs > 0)
    .map(
      (one) =>
        `${one.jobs} wakes, ${one.entries
          .slice(-4)
          .map(({ kind }) => kind)
          .join(" ")}`,
    );
  const problems = done
    ? []
    : [
        ...standing.slice(0, 3),
        `${BACK_WITHIN_MS} ms after everybody had come back ${left()} turns and wakes were left, and nobody was told the end of: ${names.join(", ")}`,
      ];
  return { news, nudged, problems };
}

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

/** Reads every transcript and every file as the server shows them. */
export async function shown(
  world: World,
  life: Life,
  clients: readonly ThreadClient[],
): Promise<{ files: number; wrong: string[] }> {
  const wrong: string[] = [];
  const completed: Asked[] = [];
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
    const sent = client.asked.length;
    if (messages.length !== sent * 2)
      wrong.push(`${client.thread}: ${messages.length} messages are shown for ${sent} questions`);
  });
  const files = completed.flatMap(({ question }) => filesOf(question));
  let right = 0;
  await each(files, async ({ path, text, versions: expected }) => {
    const query = `?path=${encodeURIComponent(path)}`;
    const response = await world.get(life, world.filesUrl(`content${query}`));
    const content = response.ok ? await response.text() : `status ${response.status}`;
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
