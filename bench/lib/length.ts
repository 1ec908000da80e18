/** What a long conversation costs ours: a warm turn, and a cold wake, at several lengths of the journal. */
import { z } from "zod";
import type { Host } from "./host.ts";
import { conversationNameOf } from "./peers.ts";
import { type Figure, figure, median } from "./stats.ts";
import { freshThread, question } from "./suite.ts";
import type { Client } from "./workers.ts";

export interface LengthFigures {
  turns: number;
  journalRows: number;
  /** Bytes of the request that reaches the model's provider. */
  requestBytes: number;
  /** First frame of a warm turn, in milliseconds. */
  warm: Figure;
  /** A cold actor: from before the connection to the transcript, and to the first text of a turn. */
  coldTranscript: Figure;
  coldFirst: Figure;
}

const seeded = z.object({ rows: z.number() });
const stats = z.object({ requestBytes: z.number() });

/** Seeds one conversation for each length and measures them in turn. Clients post their newest message only. */
export async function measureLengths(
  host: Host,
  client: Client,
  upstream: string,
  lengths: readonly number[],
  options: { tokens: number; samples: number; reps: number },
): Promise<LengthFigures[]> {
  const text = question(options.tokens, 0);
  const chats = [];
  for (const turns of lengths) {
    console.error(`  a journal of ${turns} turns`);
    const thread = freshThread();
    const url = host.chatUrl(1, thread);
    await client.run({ type: "turns", urls: [url], raw: false, turns: 2, text, window: true });
    await client.run({ type: "close" });
    const rows = seeded.parse(await ask(host, "seed", thread, turns)).rows;
    await ask(host, "break-off", thread);
    chats.push({
      turns,
      thread,
      url,
      rows,
      requestBytes: 0,
      warm: [] as number[],
      transcript: [] as number[],
      first: [] as number[],
    });
  }
  for (let rep = 0; rep < options.reps; rep++) {
    console.error(`  repetition ${rep + 1} of ${options.reps}`);
    for (const chat of chats) {
      const cold = [];
      for (let i = 0; i < options.samples; i++) {
        await ask(host, "break-off", chat.thread);
        cold.push(
          await client.run({
            type: "cold",
            url: chat.url,
            raw: false,
            text: question(20, 0),
            transcript: true,
          }),
        );
      }
      chat.transcript.push(median(cold.map((one) => one.transcriptMs)));
      chat.first.push(median(cold.flatMap((one) => one.times.map((time) => time.first))));
      const run = (turns: number) =>
        client.run({ type: "turns", urls: [chat.url], raw: false, turns, text, window: true });
      await run(2);
      chat.warm.push(median((await run(options.samples * 2)).times.map((time) => time.first)));
      await client.run({ type: "close" });
      chat.requestBytes = stats.parse(await (await fetch(`${upstream}/stats`)).json()).requestBytes;
    }
  }
  return chats.map((chat) => ({
    turns: chat.turns,
    journalRows: chat.rows,
    requestBytes: chat.requestBytes,
    warm: figure(chat.warm),
    coldTranscript: figure(chat.transcript),
    coldFirst: figure(chat.first),
  }));
}

async function ask(host: Host, command: string, thread: string, turns = 0): Promise<unknown> {
  const query = new URLSearchParams({ name: conversationNameOf(1, thread), turns: String(turns) });
  const response = await fetch(`${host.origin}/bench/${command}?${query}`, { method: "POST" });
  if (!response.ok) throw new Error(`${command} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
