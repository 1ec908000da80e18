/** One whole run: builds, servers, every measurement. Gives back plain data. */
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { type Bundle, buildEntry, buildProduct, deployment } from "./build.ts";
import { type Host, startHost } from "./host.ts";
import { measureLengths } from "./length.ts";
import { PEERS, type PeerName } from "./peers.ts";
import { profile } from "./profile.ts";
import { ACTORS, type By, type Report } from "./report.ts";
import { countRows } from "./rows.ts";
import { startupMs } from "./startup.ts";
import { type Figure, figure } from "./stats.ts";
import {
  coldActors,
  freshThread,
  question,
  type Results,
  type Scenario,
  type Timing,
  throughput,
  timeTurns,
} from "./suite.ts";
import { Client, startUpstream } from "./workers.ts";

export interface MeasureOptions {
  peers: readonly PeerName[];
  reps: number;
  quick: boolean;
  /** Below which bundles and databases are kept while the bench runs. */
  directory: string;
}

const say = (line: string): void => console.error(line);

export async function measure(options: MeasureOptions): Promise<Report> {
  const work = mkdtempSync(join(options.directory, "holdfast-bench-"));
  const remove = (): void => rmSync(work, { recursive: true, force: true });
  // Miniflare ends the process at the first signal: then nothing below runs.
  process.once("exit", remove);
  const closers: (() => Promise<void>)[] = [];
  try {
    return await measureIn(work, options, closers);
  } finally {
    const closed = await Promise.allSettled(closers.reverse().map((close) => close()));
    for (const one of closed) if (one.status === "rejected") console.error("closing failed", one.reason);
    process.removeListener("exit", remove);
    remove();
  }
}

async function measureIn(
  work: string,
  { peers, reps, quick }: MeasureOptions,
  closers: (() => Promise<void>)[],
): Promise<Report> {
  const load = loadavg()[0] ?? 0;
  const few = Math.max(1, Math.ceil(reps * 0.6));
  const upstream = await startUpstream();
  closers.push(upstream.close);
  const client = await Client.start();
  closers.push(() => client.close());

  say("Building and starting the peers");
  const left: Report["left"] = [];
  const bundles = new Map<PeerName, Bundle>();
  const hosts: Host[] = [];
  for (const name of peers) {
    try {
      const bundle = await buildEntry(work, name, PEERS[name].entry);
      const host = await startHost({
        peer: PEERS[name],
        bundle,
        upstream: upstream.url,
        stateDir: join(work, "state", name),
        count: false,
      });
      closers.push(host.close);
      await firstTurns(host, client);
      bundles.set(name, bundle);
      hosts.push(host);
    } catch (error) {
      // A peer of others may fail and be left out; without ours there is nothing to compare.
      if (name === "ours") throw error;
      const reason = error instanceof Error ? error.message : String(error);
      say(`  ${PEERS[name].title} cannot run and is left out: ${reason}`);
      left.push({ peer: name, reason });
    }
  }

  const stage = <T>(title: string, run: () => Promise<T>): Promise<T> => {
    say(title);
    return run();
  };
  const turns = (scenario: Scenario, times: number): Promise<By<Timing>> =>
    stage(
      `Turns of ${scenario.tokens} tokens, ${scenario.paceMs === 0 ? "unpaced" : `${scenario.paceMs} ms apart`}`,
      async () => Object.fromEntries(await timeTurns(hosts, client, scenario, times)),
    );
  const unpaced200 = await turns({ tokens: 200, paceMs: 0, warmup: 3, turns: 12, parallel: 1 }, reps);
  const unpaced2000 = await turns({ tokens: 2000, paceMs: 0, warmup: 1, turns: 4, parallel: 1 }, reps);
  const paced200 = await turns({ tokens: 200, paceMs: 10, warmup: 1, turns: 1, parallel: 4 }, few);
  const paced2000 = quick
    ? {}
    : await turns({ tokens: 2000, paceMs: 10, warmup: 0, turns: 1, parallel: 1 }, 1);
  const coldThread = await stage("Cold actors", () =>
    coldActors(hosts, client, { actors: 10, newUsers: false }, reps).then(plain),
  );
  const coldUser = await stage("Cold actors of users that are cold too", () =>
    coldActors(hosts, client, { actors: 10, newUsers: true }, few).then(plain),
  );
  const rates = await stage(`Turns a second over ${ACTORS} actors`, () =>
    throughput(hosts, client, { actors: ACTORS, turns: 3 }, few).then(plain),
  );
  const lengths = await stage("Long conversations", async () => {
    const ours = hosts.find((host) => host.peer.name === "ours");
    const sizes = quick ? [10, 1000] : [10, 500, 1000, 10_000];
    return ours
      ? measureLengths(ours, client, upstream.url, sizes, { tokens: 200, samples: 6, reps: few })
      : [];
  });
  for (const host of hosts) await host.close();

  const product = await stage("Building the deployed Worker", () => buildProduct(work));
  const startUp = await stage("Start-up", () => startUps(work, bundles, product, reps + 2));
  const counted = await stage("Rows", () => rowsOf(work, bundles, upstream.url, quick));
  const profiled = await stage("Profile", () => profileOurs(work, upstream.url, client));
  return {
    peers: hosts.map((host) => host.peer.name),
    left,
    reps,
    load,
    unpaced200,
    unpaced2000,
    paced200,
    paced2000,
    throughput: rates,
    coldThread,
    coldUser,
    lengths,
    ...counted,
    bundle: Object.fromEntries(
      [...bundles].map(([name, bundle]) => [name, name === "ours" ? product.gzipBytes : bundle.gzipBytes]),
    ),
    startUp,
    ...profiled,
    containers: deployment.containers?.length ?? 0,
  };
}

const plain = <T>(results: Results<T>): By<T> => Object.fromEntries(results);

/** Compiles what is compiled late, and shows early that a peer answers at all. */
async function firstTurns(host: Host, client: Client): Promise<void> {
  await client.run({
    type: "turns",
    urls: [host.chatUrl(1, freshThread())],
    raw: host.peer.raw,
    turns: 20,
    text: question(200, 0),
    window: false,
  });
  await client.run({ type: "close" });
}

async function startUps(
  work: string,
  bundles: ReadonlyMap<PeerName, Bundle>,
  product: Bundle,
  reps: number,
): Promise<By<Figure>> {
  const empty = await buildEntry(work, "empty", "peers/empty.ts");
  const over = new Map<PeerName, number[]>([...bundles.keys()].map((name) => [name, []]));
  for (let rep = 0; rep < reps; rep++) {
    const floor = await startupMs(empty);
    for (const [name, bundle] of bundles) {
      over.get(name)?.push((await startupMs(name === "ours" ? product : bundle)) - floor);
    }
  }
  return Object.fromEntries([...over].map(([name, samples]) => [name, figure(samples)]));
}

/** Peers side by side: nothing is timed here. */
async function rowsOf(
  work: string,
  bundles: ReadonlyMap<PeerName, Bundle>,
  upstream: string,
  quick: boolean,
): Promise<Pick<Report, "rows200" | "rows2000" | "rowsPaced">> {
  const counted: Pick<Report, "rows200" | "rows2000" | "rowsPaced"> = {
    rows200: {},
    rows2000: {},
    rowsPaced: {},
  };
  const hosts: Host[] = [];
  try {
    for (const [name, bundle] of bundles) {
      const stateDir = join(work, "counted", name);
      hosts.push(await startHost({ peer: PEERS[name], bundle, upstream, stateDir, count: true }));
    }
    await Promise.all(
      hosts.map(async (host) => {
        const client = await Client.start();
        try {
          const { name } = host.peer;
          counted.rows200[name] = await countRows(host, client, { tokens: 200, paceMs: 0, turns: 3 });
          counted.rows2000[name] = await countRows(host, client, { tokens: 2000, paceMs: 0, turns: 2 });
          if (!quick)
            counted.rowsPaced[name] = await countRows(host, client, { tokens: 2000, paceMs: 10, turns: 1 });
        } finally {
          await client.close();
        }
      }),
    );
  } finally {
    for (const host of hosts) await host.close();
  }
  return counted;
}

/** Where our actor spends its time. A runtime without an inspector costs this section only. */
async function profileOurs(
  work: string,
  upstream: string,
  client: Client,
): Promise<Pick<Report, "profile" | "profileProblem">> {
  const bundle = await buildEntry(work, "profiled", PEERS.ours.entry, false);
  const stateDir = join(work, "profiled-state");
  const host = await startHost({ peer: PEERS.ours, bundle, upstream, stateDir, count: false, inspect: true });
  try {
    await firstTurns(host, client);
    const command = {
      type: "turns" as const,
      urls: [host.chatUrl(1, freshThread())],
      raw: false,
      turns: 60,
      text: question(2000, 0),
      window: true,
    };
    const shares = await profile(host.inspectorPort, PEERS.ours.name, bundle, () => client.run(command));
    await client.run({ type: "close" });
    return { profile: shares, profileProblem: null };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    say(`  no profile: ${reason}`);
    return { profile: [], profileProblem: reason };
  } finally {
    await host.close();
  }
}
