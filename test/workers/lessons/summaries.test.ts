/** What a summary stands for is still there to be read and found, and an undo while it is made wins. */
import { env } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { limits } from "../../../src/limits.ts";
import { countOf, kept } from "../../campaigns/alarms/story.ts";
import { ALICE, connect, isDone, messagesOf, scriptModel, textOf } from "../../support/chat.ts";
import { chatOf, PATIENCE, user } from "../../support/schedules.ts";
import { migrateCatalog } from "../router/support/app.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

/** Three of these outweigh what may stand without a summary. */
const LONG = Math.ceil((limits.windowTokens * 4 * limits.compactAtShare) / 3);
const SUM_UP = "Write the summary.";
const said = (thread: string, n: number): string =>
  `${thread} ${n}: the word is marmalade-${n}. `.padEnd(LONG, "lorem ");

async function longChat(thread: string) {
  const chat = await connect(thread, { console: true });
  for (const n of [1, 2, 3]) {
    await scriptModel([{ match: `${thread} ${n}:`, steps: [{ text: `noted ${n}` }] }]);
    chat.ask(`r${n}`, `m${n}`, said(thread, n));
    await chat.until(isDone(`r${n}`));
  }
  return chat;
}

/** How often a summary of a chat was asked for. */
async function summaries(thread: string): Promise<number> {
  const response = await fetch("http://127.0.0.1:9/_test/requests");
  const { requests } = (await response.json()) as {
    requests: { metadata: { thread?: string }; messages: unknown[] }[];
  }; // the gateway's log
  return requests.filter(
    ({ metadata, messages }) => metadata.thread === thread && JSON.stringify(messages).includes(SUM_UP),
  ).length;
}

/** Whether the journal says that the call for a summary ended without one. */
const brokenOff = async (thread: string): Promise<boolean> =>
  (await kept(thread)).entries.some(
    ({ kind, topic, turn, text }) =>
      (kind === "fault" || (kind === "note" && topic === "late")) && `${turn} ${text}`.includes("compact-"),
  );

// Messages of 100 KB: on a busy machine that takes more than the usual five seconds.
describe("a chat that was summed up", { timeout: 40_000 }, () => {
  it("has every message in its transcript, in search and in its journal as before", async () => {
    const thread = "lesson-sums";
    await scriptModel([{ match: SUM_UP, steps: [{ text: "There was a word." }] }]);
    const chat = await longChat(thread);
    await vi.waitFor(async () => expect(countOf(await kept(thread), "compact")).toBe(1), PATIENCE);
    expect((await messagesOf(thread, chat)).map(textOf)).toEqual(
      [1, 2, 3].flatMap((n) => [said(thread, n), `noted ${n}`]),
    );
    await vi.waitFor(async () => {
      for (const n of [1, 2, 3])
        expect((await user().search({ text: `marmalade-${n}`, thread })).hits).toHaveLength(1);
    }, PATIENCE);
    const inputs = (await kept(thread)).entries.filter(({ kind }) => kind === "input");
    expect(inputs.map((entry) => JSON.stringify(entry.messages).includes("marmalade"))).toEqual([
      true,
      true,
      true,
    ]);
    chat.close();
  });
});

describe("an undo while a chat is being summed up", { timeout: 40_000 }, () => {
  it("breaks the summary off, and the chat goes on at once", async () => {
    const thread = "lesson-undo";
    await scriptModel([{ match: SUM_UP, steps: [{ stallAfterTokens: 1, text: "never said" }] }]);
    const chat = await longChat(thread);
    await vi.waitFor(async () => expect(await summaries(thread)).toBe(1), PATIENCE);
    expect(await brokenOff(thread)).toBe(false);
    await chatOf(thread).undo(ALICE);
    await vi.waitFor(async () => expect(await brokenOff(thread)).toBe(true), PATIENCE);
    await scriptModel([{ match: "what was the word", steps: [{ text: "marmalade-2" }] }]);
    chat.ask("r9", "m9", "what was the word");
    await chat.until(isDone("r9"));
    expect((await messagesOf(thread, chat)).map(textOf)).toEqual([
      said(thread, 1),
      "noted 1",
      said(thread, 2),
      "noted 2",
      "what was the word",
      "marmalade-2",
    ]);
    expect(countOf(await kept(thread), "compact")).toBe(0);
    expect(await summaries(thread)).toBe(1);
    chat.close();
  });
});
