/** The list of campaigns: what each is, how much of it is run, and where it begins. */
import type { Report, Shared } from "./report.ts";
import type { Tally } from "./simulate.ts";

export type Run = (seed: number, count: number, progress: (done: number) => void) => Promise<Report>;

export interface Campaign {
  /** For `--help`. */
  about: string;
  /** What is counted: stories, kills, ... */
  of: string;
  /** How many, unless `--count` says otherwise. */
  count: number;
  /** How many with `--quick`: what every change is judged by. */
  quick: number;
  /** Nothing has to be started for it: it can be run in small parts. */
  light?: true;
  /** Compares and does not prove: `all` leaves it out. */
  apart?: true;
  /** Loaded when asked for: some bring the runtime and the provider packages along. */
  load(): Promise<Run>;
}

export const CAMPAIGNS = {
  simulate: {
    about: `messages sent, sent twice and stopped, models and tools that fail, hang and answer late, the process
dying before and after every port call, on a virtual clock`,
    of: "stories",
    count: 100_000,
    quick: 100_000,
    light: true,
    load: async () => told((await import("./simulate.ts")).simulate),
  },
  "crash-points": {
    about: `each story is run again for every point of it: the process dies there once, and once more while it
recovers`,
    of: "stories",
    count: 150,
    quick: 150,
    light: true,
    load: async () => told((await import("./simulate.ts")).crashPoints),
  },
  sigkill: {
    about: `the real Worker in workerd is killed in the middle of turns and of going on with them, while a person is
asked or decides, and when schedules are due; then journals, transcripts, files and effects are judged. What a kill
hits depends on the machine`,
    of: "kills",
    count: 500,
    quick: 500,
    load: async () => (await import("./sigkill/index.ts")).sigkillReport,
  },
  evict: {
    about: `objects in workerd are evicted with their sockets open, reset in the middle of whatever they do, and
replaced by deployments in quick succession; sockets and journals are judged`,
    of: "chats",
    count: 300,
    quick: 60,
    load: async () => (await import("./evict/index.ts")).evictReport,
  },
  stream: {
    about: `the model port with the real provider packages: streams cut and split at every byte, then random mixtures
of refusals, silence, errors and garbage`,
    of: "mixtures",
    count: 20_000,
    quick: 4_000,
    load: async () => (await import("./stream/index.ts")).streamReport,
  },
  alarms: {
    about: "inside workerd: alarms twice, late, with an input, with a stop, failing",
    of: "stories",
    count: 200,
    quick: 40,
    load: async () => {
      const { alarmsReport } = await import("./alarms/index.ts");
      return (seed, count) => alarmsReport(seed, count);
    },
  },
  outbox: {
    about: `replies owed to a messaging platform that limits, refuses, cuts and forgets, the process dying at any
point: each is seen once, or said to have failed`,
    of: "stories",
    count: 20_000,
    quick: 4_000,
    light: true,
    load: async () => (await import("./outbox/index.ts")).outboxReport,
  },
  schedules: {
    about:
      "reminders and repeated work, clocks that change, and processes that sleep or die when they are due",
    of: "stories",
    count: 300,
    quick: 40,
    light: true,
    load: async () => (await import("./schedules/index.ts")).schedulesReport,
  },
  purse: {
    about: "chats that spend from one budget, their reservations, and objects that die between two entries",
    of: "stories",
    count: 20_000,
    quick: 4_000,
    light: true,
    load: async () => (await import("./purse/index.ts")).purseReport,
  },
  access: {
    about: `tokens of every kind, right and wrong, in header and cookie, key sets that fail in every way, rotations, and
a storm of key ids that nobody knows; from 10,000 on all of it against the built Worker too`,
    of: "key ids",
    count: 10_000,
    quick: 10_000,
    load: async () => (await import("./access/index.ts")).accessReport,
  },
  policy: {
    about: `who may do what at which address, over HTTP and WebSocket handshakes through the local edge, against a table
written by hand; and stories of people, teams, handles and invitations`,
    of: "cells",
    count: 25_000,
    quick: 6_000,
    load: async () => (await import("./policy/index.ts")).policyReport,
  },
  peers: {
    about: `this project, AIChatAgent and Think, killed on one schedule with one model behind; not part of "all",
because it compares and does not prove`,
    of: "kills",
    count: 60,
    quick: 0,
    apart: true,
    load: async () => (await import("./peers/index.ts")).peersReport,
  },
} satisfies Record<string, Campaign>;

export type CampaignName = keyof typeof CAMPAIGNS;

export const isCampaign = (name: string): name is CampaignName => Object.hasOwn(CAMPAIGNS, name);

/** A campaign on the virtual clock, with its tally put into words. */
function told(
  campaign: (seed: number, count: number, progress: (done: number) => void) => Promise<Tally>,
): Run {
  return async (...args) => {
    const tally = await campaign(...args);
    // The oracle names what is lost, doubled or without an end; with nothing named there is none of it.
    const none: Shared = tally.violations.length === 0 ? { lost: 0, doubled: 0, unended: 0 } : {};
    return {
      rows: [
        ["stories", tally.runs],
        ["points where a process could die", tally.points],
        ["times that it died", tally.crashes],
        ["inputs accepted", tally.inputs],
        ["turns completed / failed / cancelled", `${tally.completed} / ${tally.failed} / ${tally.cancelled}`],
        ["effects of tools", tally.effects],
      ],
      violations: tally.violations,
      accepted: tally.inputs,
      answered: tally.completed,
      ...none,
    };
  };
}
