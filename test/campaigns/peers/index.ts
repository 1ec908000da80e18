/**
 * `peers`: one schedule of SIGKILLs against this project, AIChatAgent and Think, one after the other, with one scripted
 * model behind them. It compares; what this project promises is proven by `sigkill`.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startGateway } from "../../../local/gateway/index.ts";
import { Chance } from "../random.ts";
import { type Report, spreadOf, spreadText } from "../report.ts";
import { type Built, buildAll } from "./builds.ts";
import { contest, type Score } from "./contest.ts";
import { writeSurvival } from "./docs.ts";
import { startProxy } from "./proxy.ts";
import { drawSchedule, stepFor } from "./schedule.ts";

/** How long a payment takes: long enough for a kill to come between it and its receipt. */
const PAYMENT_MS = 120;
/** A column of the table. */
const WIDTH = 20;

const NOTES = [
  "Each question has a chat of its own; half of them call a tool that posts to an address that counts.",
  "Accepted: the question's first frame came, or it is in the stored messages. Lost: accepted, and not in them.",
  "Answered: the stored messages hold the answer to its last word, whatever else they hold.",
  "Paid twice: one question made its tool post more than once. Ours declares the tool unsafe to repeat; the others",
  "have no such word, and their documents leave it to the tool's author to make it safe.",
  "Without an end: no answer and no error that anybody was shown, after 45 s alone and 45 s with its asker there.",
  "Sign: from ready to the first frame about the cut answer, for half of those whose answer was cut.",
  "Clients are stock ones: they ask to resume when they connect, and send nothing twice.",
  "AIChatAgent and Think are as their read-me files set them up; no option of theirs is changed. The model takes a",
  "conversation that ends with its own words, by which both recover; new Claude models refuse that.",
];

/** For the table of `npm run campaign`. */
export async function peersReport(
  seed: number,
  kills: number,
  progress: (done: number) => void,
): Promise<Report> {
  const work = mkdtempSync(join(tmpdir(), "holdfast-peers-"));
  try {
    const built = await buildAll(work);
    const scores: Score[] = [];
    let killed = 0;
    for (const one of built) {
      scores.push(
        await alone(one, { work, seed, kills, killed: () => progress(Math.floor(++killed / built.length)) }),
      );
    }
    return told(scores);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Each contestant has a model and a bank of its own, and nobody else runs meanwhile. */
async function alone(
  { peer, bundle }: Built,
  options: { work: string; seed: number; kills: number; killed(): void },
): Promise<Score> {
  const payments = new Map<string, number>();
  const bank = createServer(async (request, response) => {
    const tag = request.url?.split("/").at(-1) ?? "";
    payments.set(tag, (payments.get(tag) ?? 0) + 1);
    await delay(PAYMENT_MS);
    response.end(`receipt for ${tag}`);
  });
  bank.listen(0, "127.0.0.1");
  await once(bank, "listening");
  const address = bank.address();
  if (typeof address !== "object" || address === null) throw new Error("The bank has no port.");
  const dataDir = join(options.work, `gateway-${peer.name}`);
  const gateway = await startGateway({ dataDir, scriptable: true, paceMs: 0, env: {} });
  gateway.script.take = (call) => stepFor(call, `http://127.0.0.1:${address.port}/pay`);
  const model = await startProxy(gateway.url);
  try {
    const upstream = peer.name === "ours" ? model.url : `${model.url}/v1/local/campaign/anthropic`;
    return await contest({ peer, bundle, upstream }, drawSchedule(options.kills, new Chance(options.seed)), {
      stateDir: join(options.work, `state-${peer.name}`),
      payments,
      killed: options.killed,
    });
  } finally {
    await model.close();
    await gateway.close();
    bank.closeAllConnections();
    await new Promise((resolve) => bank.close(resolve));
  }
}

/** What is compared, a line each. */
const LINES: readonly [label: string, of: (score: Score) => string | number][] = [
  ["questions that left a client", ({ asked }) => asked],
  ["inputs accepted", ({ accepted }) => accepted],
  ["answered", ({ answered }) => answered],
  ["failed, and said so", ({ failed }) => failed],
  ["lost", ({ lost }) => lost],
  ["turns without an end", ({ unended }) => unended],
  ["payments made", ({ paid }) => paid],
  ["... twice or more", ({ paidTwice }) => paidTwice],
  ["restart to a sign, p50 / p99", ({ signs }) => spreadText(signs)],
  ["back at once, and saw nothing before the next kill", ({ unseen }) => unseen],
];

function told(scores: readonly Score[]): Report {
  const [ours] = scores;
  if (!ours) throw new Error("Nobody was compared.");
  const row = (label: string, of: (score: Score) => string | number): [string, string] => [
    label,
    scores.map((score) => String(of(score)).padEnd(WIDTH)).join(""),
  ];
  return {
    rows: [row("", ({ title }) => title), ...LINES.map(([label, of]) => row(label, of))],
    notes: NOTES,
    document: ({ seed, count }) =>
      writeSurvival(NOTES, {
        seed,
        kills: count,
        columns: scores.map(({ title }) => title),
        rows: LINES.map(([label, of]) => [label, ...scores.map((score) => String(of(score)))]),
      }),
    violations: [
      ...(ours.lost > 0 ? [`${ours.title} lost ${ours.lost} inputs`] : []),
      ...(ours.paidTwice > 0 ? [`${ours.title} paid twice, ${ours.paidTwice} times`] : []),
      ...(ours.unended > 0 ? [`${ours.title} left ${ours.unended} turns without an end`] : []),
    ],
    accepted: ours.accepted,
    answered: ours.answered,
    lost: ours.lost,
    doubled: ours.paidTwice,
    unended: ours.unended,
    signMs: spreadOf(ours.signs),
  };
}
