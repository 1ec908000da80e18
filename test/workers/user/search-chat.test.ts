/** Search from a chat's first message to the answer over HTTP. */
import { env } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { userStub } from "../../../src/env.ts";
import type { SearchPage } from "../../../src/protocol/rpc.ts";
import { ALICE, connect, isDone, scriptModel, stubOf } from "../../support/chat.ts";
import { createWorld, migrateCatalog, signIn } from "../router/support/app.ts";
import { PATIENCE } from "./support.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

const found = async (text: string, thread: string): Promise<string[]> =>
  (await userStub(env, ALICE.userId).search({ text, thread })).hits.map((hit) => hit.message);
/** Search is told when a turn is over and the asker has been answered. */
const eventually = (text: string, thread: string, count: number) =>
  vi.waitFor(async () => expect(await found(text, thread)).toHaveLength(count), PATIENCE);

async function said(thread: string, question: string, answer: string) {
  await scriptModel([{ match: question, steps: [{ text: answer }] }]);
  const chat = await connect(thread, { console: true });
  const request = crypto.randomUUID();
  chat.ask(request, `m-${request}`, question);
  await chat.until(isDone(request));
  return chat;
}

describe("a conversation", () => {
  it("is found by what was asked and what was answered, as soon as its turn is over", async () => {
    const chat = await said("find-me", "where is the marmalade", "In the pantry.");
    await eventually("marmalade", "find-me", 1);
    const [hit] = (await userStub(env, ALICE.userId).search({ text: "pantry", thread: "find-me" })).hits;
    expect(hit).toMatchObject({ title: "where is the marmalade", role: "assistant" });
    chat.close();
  });

  it("is found no more by what was undone or cleared", async () => {
    const first = await said("take-back", "first about plums", "Plums are blue.");
    const second = await said("take-back", "second about pears", "Pears are green.");
    await eventually("pears", "take-back", 1);
    await (stubOf("take-back") as unknown as { undo(who: unknown): Promise<unknown> }).undo(ALICE); // ConversationRpc
    await eventually("pears", "take-back", 0);
    expect(await found("plums", "take-back")).toHaveLength(1);
    second.send({ type: "cf_agent_chat_clear" });
    await eventually("plums", "take-back", 0);
    first.close();
    second.close();
  });
});

describe("GET /api/agents/:handle/search", () => {
  async function http() {
    const world = await createWorld();
    const { id, token } = await signIn(world, "alice");
    const user = userStub(world.env, id);
    await user.indexThread({
      thread: "plans",
      places: [{ count: 0, last: "" }],
      exchanges: ["one", "two", "three"].map((word, i) => [
        { id: `m${i}`, role: "user", at: 1_000 + i, text: `harbour ${word}` },
        { id: `a${i}`, role: "assistant", at: 1_001 + i, text: "yes" },
      ]),
    });
    const get = (query: string) => world.ask(`/api/agents/alice/search?${query}`, { token });
    return { get, page: async (query: string): Promise<SearchPage> => (await get(query)).json() };
  }

  it("answers with hits and the next page", async () => {
    const { page } = await http();
    const first = await page("q=harb&limit=2");
    expect(first.hits).toMatchObject([
      {
        thread: "plans",
        title: "",
        message: "m2",
        role: "user",
        at: 1_002,
        snippet: [
          { text: "harbour", mark: true },
          { text: " three", mark: false },
        ],
      },
      { message: "m1" },
    ]);
    const second = await page(`q=harb&limit=2&before=${first.next}`);
    expect(second.hits).toMatchObject([{ message: "m0" }]);
    expect(second.next).toBeUndefined();
    expect((await page("q=harbour&thread=plans")).hits).toHaveLength(3);
    expect((await page("q=harbour&thread=other")).hits).toEqual([]);
    expect(await page("q=%22%22")).toEqual({ hits: [] });
  });

  it("says what does not fit", async () => {
    const { get } = await http();
    const wrong = [
      "",
      `q=${"x".repeat(201)}`,
      "q=a&limit=0",
      "q=a&limit=51",
      "q=a&before=x",
      "q=a&thread=No!",
    ];
    for (const query of wrong) expect([query, (await get(query)).status]).toEqual([query, 400]);
  });
});
