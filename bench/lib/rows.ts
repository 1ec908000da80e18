/** Rows and statements of a turn: what every actor that it touches writes, until nothing more comes. */
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { Host } from "./host.ts";
import { freshThread, question } from "./suite.ts";
import type { Client } from "./workers.ts";

/** Nothing written for this long: the turn is over for the database too. */
const QUIET_MS = 1500;
const POLL_MS = 100;

export interface RowFigures {
  /** A turn's rows by `actor/table`; `alarm` and `kv` are tables here. */
  byTable: Record<string, number>;
  /** Rows of the conversation actor, alarms included. */
  conversation: number;
  /** Rows of the user actor; 0 for peers that have none. */
  user: number;
  /** SQL statements of all of them. */
  statements: number;
}

const counts = z.object({
  rows: z.record(z.string(), z.number()),
  statements: z.record(z.string(), z.number()),
});
type Counts = z.infer<typeof counts>;

/** Counts `turns` warm turns one by one, each until it is quiet. The hosts were started with `count`. */
export async function countRows(
  host: Host,
  client: Client,
  options: { tokens: number; paceMs: number; turns: number },
): Promise<RowFigures> {
  const url = host.chatUrl(1, freshThread());
  const turn = (text: string) =>
    client.run({ type: "turns", urls: [url], raw: host.peer.raw, turns: 1, text, window: false });
  // The first turn makes tables, and titles the chat.
  await turn(question(20, 0));
  const before = await quiet(host);
  for (let i = 0; i < options.turns; i++) {
    await turn(question(options.tokens, options.paceMs));
    await quiet(host);
  }
  const after = await quiet(host);
  await client.run({ type: "close" });
  await quiet(host);
  const byTable = difference(before.rows, after.rows, options.turns);
  const sum = (actor: string): number =>
    Object.entries(byTable).reduce(
      (rows, [key, value]) => rows + (key.startsWith(`${actor}/`) ? value : 0),
      0,
    );
  const statements = difference(before.statements, after.statements, options.turns);
  if (sum("other") > 0)
    throw new Error(`rows of an actor that the bench does not know: ${JSON.stringify(byTable)}`);
  return {
    byTable,
    conversation: sum("conversation"),
    user: sum("user"),
    statements: Object.values(statements).reduce((total, value) => total + value, 0),
  };
}

/** The counts, once they have stood still. */
async function quiet(host: Host): Promise<Counts> {
  let last = await read(host);
  let since = performance.now();
  while (performance.now() - since < QUIET_MS) {
    await pause(POLL_MS);
    const next = await read(host);
    if (JSON.stringify(next) !== JSON.stringify(last)) since = performance.now();
    last = next;
  }
  return last;
}

const read = async (host: Host): Promise<Counts> =>
  counts.parse(await (await fetch(`${host.origin}/bench/counts`)).json());

function difference(
  before: Record<string, number>,
  after: Record<string, number>,
  turns: number,
): Record<string, number> {
  const out: Record<string, number> = {};
  for (const [key, value] of Object.entries(after)) {
    const change = (value - (before[key] ?? 0)) / turns;
    if (change !== 0) out[key] = change;
  }
  return out;
}
