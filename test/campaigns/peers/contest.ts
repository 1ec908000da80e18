/** One contestant and the schedule: it is killed as planned, left alone, visited, and then judged. */
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { Bundle } from "../../../bench/lib/build.ts";
import { type Host, startHost } from "../../../bench/lib/host.ts";
import type { Peer } from "../../../bench/lib/peers.ts";
import { PeerClient } from "./client.ts";
import type { PlannedLife } from "./schedule.ts";

export interface Contestant {
  peer: Peer;
  bundle: Bundle;
  /** Base URL of the model, as this peer's provider wants it. */
  upstream: string;
}

export interface Score {
  title: string;
  asked: number;
  accepted: number;
  answered: number;
  failed: number;
  lost: number;
  unended: number;
  /** Payments that were made, and those of them that were made more than once. */
  paid: number;
  paidTwice: number;
  /** Milliseconds from a restart to the first frame about the cut answer, for those who came back at once. */
  signs: number[];
  /** Those who came back at once and saw nothing of their open question before the next kill. */
  unseen: number;
}

/** How long everything is left to itself in the end, and how long it may then take with everybody there. */
const ALONE_MS = 45_000;
const VISITED_MS = 45_000;
const READERS = 8;

export async function contest(
  contestant: Contestant,
  schedule: readonly PlannedLife[],
  options: { stateDir: string; payments: ReadonlyMap<string, number>; killed(): void },
): Promise<Score> {
  const { peer, bundle, upstream } = contestant;
  const start = (): Promise<Host> =>
    startHost({ peer, bundle, upstream, stateDir: options.stateDir, count: false });
  const all: PeerClient[] = [];
  const signs: number[] = [];
  let unseen = 0;
  for (const life of schedule) {
    const host = await start();
    const readyAt = performance.now();
    const back = life.back ? all.filter((client) => client.open) : [];
    let seen = 0;
    for (const client of back) {
      client.onSign((at) => {
        seen++;
        signs.push(at - readyAt);
      });
    }
    const talking = [
      ...back.map((client) => client.connect(urlIn(host, client))),
      ...life.questions.map(async (question) => {
        const client = new PeerClient(question, host.chatUrl(0, question.tag));
        all.push(client);
        await delay(question.atMs);
        if (await client.connect()) client.ask();
      }),
    ];
    await delay(Math.max(0, readyAt + life.lengthMs - performance.now()));
    await host.close(); // with SIGKILL, and nothing before it
    unseen += back.length - seen;
    for (const client of all) client.leave();
    await Promise.all(talking);
    options.killed();
  }
  const host = await start();
  try {
    await delay(ALONE_MS);
    const known = all.filter((client) => client.asked);
    await each(known, (client) => readTranscript(host, client));
    await visit(
      host,
      known.filter((client) => client.open),
    );
    await each(known, (client) => readTranscript(host, client));
    return judged(peer.title, known, { payments: options.payments, signs, unseen });
  } finally {
    await host.close();
  }
}

/** Everybody whose question is open comes back and waits. */
async function visit(host: Host, waiting: readonly PeerClient[]): Promise<void> {
  await Promise.all(waiting.map((client) => client.connect(urlIn(host, client))));
  const until = performance.now() + VISITED_MS;
  while (waiting.some((client) => client.open) && performance.now() < until) {
    await delay(1_000); // a transcript gives no event when it changes
    await each(
      waiting.filter((client) => client.open),
      (client) => readTranscript(host, client),
    );
  }
  for (const client of waiting) client.leave();
}

const urlIn = (host: Host, { question }: PeerClient): string => host.chatUrl(0, question.tag);

/** As each serves it: ours in the first frame of a socket, the others at `get-messages`. */
async function readTranscript(host: Host, client: PeerClient): Promise<void> {
  if (host.peer.name !== "ours") {
    const response = await fetch(`${urlIn(host, client).replace(/^ws/, "http")}/get-messages`);
    client.read({ messages: z.array(z.unknown()).parse(await response.json()) });
    return;
  }
  const reader = new PeerClient(client.question, urlIn(host, client));
  if (await reader.connect()) await reader.transcript;
  reader.leave();
  client.kept = reader.kept;
  client.accepted ||= reader.accepted;
  client.answered ||= reader.answered;
  client.failed ||= reader.failed;
}

function judged(
  title: string,
  all: readonly PeerClient[],
  seen: { payments: ReadonlyMap<string, number>; signs: number[]; unseen: number },
): Score {
  const accepted = all.filter((client) => client.accepted);
  const of = (fits: (client: PeerClient) => boolean): number => accepted.filter(fits).length;
  const payments = [...seen.payments.values()];
  return {
    title,
    asked: all.length,
    accepted: accepted.length,
    answered: of(({ answered }) => answered),
    failed: of(({ answered, failed }) => failed && !answered),
    lost: of(({ kept }) => !kept),
    unended: of(({ kept, open }) => kept && open),
    paid: payments.length,
    paidTwice: payments.filter((times) => times > 1).length,
    signs: seen.signs,
    unseen: seen.unseen,
  };
}

async function each<T>(values: readonly T[], run: (value: T) => Promise<void>): Promise<void> {
  const queue = [...values];
  const reader = async (): Promise<void> => {
    for (let value = queue.shift(); value !== undefined; value = queue.shift()) await run(value);
  };
  await Promise.all(Array.from({ length: READERS }, reader));
}
