/**
 * The measurements. Peers take turns within a repetition, so that whatever else the machine does falls on all alike;
 * a figure is the median of the repetitions' medians.
 */

import type { Host } from "./host.ts";
import type { ClientResult } from "./messages.ts";
import type { PeerName } from "./peers.ts";
import { type Figure, figure, median } from "./stats.ts";
import type { Client } from "./workers.ts";

export interface Timing {
  first: Figure;
  whole: Figure;
  /** Processor time of workerd for a turn, in milliseconds. */
  cpu: Figure;
}
export type Results<T> = Map<PeerName, T>;

export interface Scenario {
  tokens: number;
  /** Milliseconds between tokens; 0 for unpaced. */
  paceMs: number;
  warmup: number;
  turns: number;
  /** Conversations side by side. */
  parallel: number;
}

export const question = (tokens: number, paceMs: number): string =>
  `bench:${tokens}:${paceMs} What happened in the harbour last night?`;

const progress = (line: string): void => console.error(line);

/** Counts up so that each repetition has conversations of its own, the same for each peer. */
let serial = 0;
export const freshThread = (): string => `t${(++serial).toString(36)}`;

/** Turns of one kind, interleaved over the peers. */
export async function timeTurns(
  hosts: readonly Host[],
  client: Client,
  scenario: Scenario,
  reps: number,
): Promise<Results<Timing>> {
  const medians = new Map(
    hosts.map((host) => [
      host.peer.name,
      { first: [] as number[], whole: [] as number[], cpu: [] as number[] },
    ]),
  );
  for (let rep = 0; rep < reps; rep++) {
    progress(`  repetition ${rep + 1} of ${reps}`);
    const threads = Array.from({ length: scenario.parallel }, freshThread);
    for (const host of hosts) {
      const batch = (turns: number): Promise<ClientResult> =>
        client.run({
          type: "turns",
          urls: threads.map((thread) => host.chatUrl(1, thread)),
          raw: host.peer.raw,
          turns,
          text: question(scenario.tokens, scenario.paceMs),
          window: false,
        });
      if (scenario.warmup > 0) await batch(scenario.warmup);
      const before = host.cpuMs();
      const { times } = await batch(scenario.turns);
      const cpu = (host.cpuMs() - before) / times.length;
      await client.run({ type: "close" });
      const kept = medians.get(host.peer.name);
      kept?.first.push(median(times.map((time) => time.first)));
      kept?.whole.push(median(times.map((time) => time.whole)));
      kept?.cpu.push(cpu);
    }
  }
  return new Map(
    [...medians].map(([name, kept]) => [
      name,
      { first: figure(kept.first), whole: figure(kept.whole), cpu: figure(kept.cpu) },
    ]),
  );
}

/** Turns a second over many actors at once, one client each, of as many users. */
export async function throughput(
  hosts: readonly Host[],
  client: Client,
  options: { actors: number; turns: number },
  reps: number,
): Promise<Results<Figure>> {
  const rates = new Map(hosts.map((host) => [host.peer.name, [] as number[]]));
  for (let rep = 0; rep < reps; rep++) {
    progress(`  repetition ${rep + 1} of ${reps}`);
    const thread = freshThread();
    for (const host of hosts) {
      const urls = Array.from({ length: options.actors }, (_, n) => host.chatUrl(100 + n, thread));
      const run = (turns: number): Promise<ClientResult> =>
        client.run({ type: "turns", urls, raw: host.peer.raw, turns, text: question(200, 0), window: false });
      await run(1);
      const { elapsedMs, times } = await run(options.turns);
      await client.run({ type: "close" });
      rates.get(host.peer.name)?.push((times.length / elapsedMs) * 1000);
    }
  }
  return new Map([...rates].map(([name, kept]) => [name, figure(kept)]));
}

/** From before the connection to the first text of an actor that never was: `users` says whose chats these are. */
export async function coldActors(
  hosts: readonly Host[],
  client: Client,
  options: { actors: number; newUsers: boolean },
  reps: number,
): Promise<Results<Figure>> {
  const medians = new Map(hosts.map((host) => [host.peer.name, [] as number[]]));
  let user = 10_000;
  for (let rep = 0; rep < reps; rep++) {
    progress(`  repetition ${rep + 1} of ${reps}`);
    const samples = new Map(hosts.map((host) => [host.peer.name, [] as number[]]));
    for (let i = 0; i < options.actors; i++) {
      const thread = freshThread();
      user++;
      for (const host of hosts) {
        const { times } = await client.run({
          type: "cold",
          url: host.chatUrl(options.newUsers ? user : 1, thread),
          raw: host.peer.raw,
          text: question(20, 0),
          transcript: false,
        });
        samples.get(host.peer.name)?.push(...times.map((time) => time.first));
      }
    }
    for (const [name, kept] of samples) medians.get(name)?.push(median(kept));
  }
  return new Map([...medians].map(([name, kept]) => [name, figure(kept)]));
}
