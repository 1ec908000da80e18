/** A long chat is summed up while nobody waits, and goes on with the summary. */
import { env, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { limits } from "../../../src/limits.ts";
import { connect, isDone, messagesOf, scriptModel, stubOf, textOf } from "../../support/chat.ts";
import { migrateCatalog } from "../router/support/app.ts";
import { PATIENCE } from "../user/support.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

/** Three of these outweigh what may stand without a summary. */
const LONG = Math.ceil((limits.windowTokens * 4 * limits.compactAtShare) / 3);
const SUM_UP = "Write the summary.";

interface Asked {
  system: string;
  messages: unknown[];
}

const requestsOf = async (thread: string): Promise<Asked[]> => {
  const response = await fetch("http://127.0.0.1:9/_test/requests");
  const { requests } = (await response.json()) as { requests: (Asked & { metadata: { thread?: string } })[] }; // the gateway's log
  return requests.filter((request) => request.metadata.thread === thread);
};
const summaryRequests = async (thread: string): Promise<string[]> =>
  (await requestsOf(thread))
    .map(({ messages }) => JSON.stringify(messages))
    .filter((text) => text.includes(SUM_UP));

const kindsOf = (thread: string) =>
  runInDurableObject(stubOf(thread), (_instance, { storage: { sql } }) =>
    sql
      .exec<{ heads: string }>("SELECT heads FROM journal ORDER BY seq")
      .toArray()
      .flatMap(({ heads }) => (JSON.parse(heads) as [number, string][]).map(([, kind]) => kind)),
  );

const chatIn = (thread: string) => connect(thread, { console: true });

async function say(chat: Awaited<ReturnType<typeof connect>>, text: string): Promise<string> {
  const request = crypto.randomUUID();
  chat.ask(request, `m-${request}`, text);
  await chat.until(isDone(request));
  return chat.text(request);
}

/** A chat that is due for a summary once its third answer is given. */
async function longChat(thread: string) {
  const chat = await chatIn(thread);
  const texts = [1, 2, 3].map((n) =>
    `${thread} ${n}: my daughter is called Maia-${n}. `.padEnd(LONG, "lorem "),
  );
  for (const [i, text] of texts.entries()) {
    await scriptModel([{ match: `${thread} ${i + 1}:`, steps: [{ text: `noted ${i + 1}` }] }]);
    await say(chat, text);
  }
  return chat;
}

// Messages of 100 KB and a log of all that was asked: on a busy machine that takes more than the usual five seconds.
describe("a long chat", { timeout: 40_000 }, () => {
  it("is summed up when its turn is over, and the next question is asked with the summary", async () => {
    const thread = "compact-sums";
    await scriptModel([{ match: SUM_UP, steps: [{ text: "Their daughter is Maia-1." }] }]);
    const chat = await longChat(thread);
    await vi.waitFor(async () => expect(await kindsOf(thread)).toContain("compact"), PATIENCE);
    const [asked, ...more] = await summaryRequests(thread);
    expect(more).toEqual([]);
    expect(asked).toContain("my daughter is called Maia-1.");
    expect(asked).toContain("Agent: noted 1");
    expect(asked).not.toContain("Maia-3");
    expect(asked?.length).toBeLessThan(limits.windowTokens * 4);

    const before = await messagesOf(thread, chat);
    expect(before).toHaveLength(6);
    expect(textOf(before[0])).toHaveLength(LONG);

    await scriptModel([{ match: "what is her name", steps: [{ text: "Maia-1" }] }]);
    expect(await say(chat, "what is her name")).toBe("Maia-1");
    const question = JSON.stringify((await requestsOf(thread)).at(-1)?.messages);
    expect(question).toContain("Their daughter is Maia-1.");
    expect(question).not.toContain("my daughter is called Maia-1.");
    expect(question).toContain("my daughter is called Maia-3.");
    expect((await messagesOf(thread, chat)).slice(0, 6)).toEqual(before);
    chat.close();
  });

  it("goes on as before when it cannot be summed up, and does not try again at once", async () => {
    const thread = "compact-fails";
    await scriptModel([{ match: SUM_UP, steps: [{ status: 400, body: { error: { message: "no" } } }] }]);
    const chat = await longChat(thread);
    await vi.waitFor(
      async () => expect((await kindsOf(thread)).filter((kind) => kind === "note").length).toBeGreaterThan(2),
      PATIENCE,
    );
    await scriptModel([{ match: "and after that", steps: [{ text: "we go on" }] }]);
    expect(await say(chat, "and after that")).toBe("we go on");
    expect(await summaryRequests(thread)).toHaveLength(1);
    expect(await kindsOf(thread)).not.toContain("compact");
    const question = JSON.stringify((await requestsOf(thread)).at(-1)?.messages);
    expect(question).toContain("my daughter is called Maia-1.");
    chat.close();
  });

  it("answers at once while it is being summed up, and is summed up later", async () => {
    const thread = "compact-waits";
    await scriptModel([
      {
        match: SUM_UP,
        steps: [{ stallAfterTokens: 1, text: "so far" }, { text: "Maia-1 is their daughter." }],
      },
    ]);
    const chat = await longChat(thread);
    await vi.waitFor(async () => expect(await summaryRequests(thread)).toHaveLength(1), PATIENCE);
    await scriptModel([{ match: "are you busy", steps: [{ text: "not for you" }] }]);
    expect(await say(chat, "are you busy")).toBe("not for you");
    await vi.waitFor(async () => expect(await kindsOf(thread)).toContain("compact"), PATIENCE);
    expect(await summaryRequests(thread)).toHaveLength(2);
    chat.close();
  });
});
