import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { SearchFeed } from "../../../src/actors/conversation/search-feed.ts";
import { userStub } from "../../../src/env.ts";
import { limits } from "../../../src/limits.ts";
import type { SearchHit, SearchUpdate, UserRpc } from "../../../src/protocol/rpc.ts";
import { countRows } from "../../support/rows.ts";
import { Told } from "../../support/told.ts";
import { migrateCatalog } from "../router/support/app.ts";
import { newUser, objectOf, refusal, update } from "./support.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

/** A snippet with its marks in brackets. */
const shown = ({ snippet }: SearchHit) =>
  snippet.map((piece) => (piece.mark ? `[${piece.text}]` : piece.text)).join("");

/** One user, with what is sent to their search on the way. */
function world(userId = newUser()) {
  const user = userStub(env, userId);
  const sent: SearchUpdate[] = [];
  const recorded: Pick<UserRpc, "indexThread" | "forgetThread"> = {
    indexThread: (given) => {
      sent.push(given);
      return user.indexThread(given);
    },
    forgetThread: (thread) => user.forgetThread(thread),
  };
  return {
    userId,
    user,
    sent,
    messagesSent: () => sent.flatMap(({ exchanges }) => exchanges.flat()).length,
    /** A conversation's side; a second of the same thread is one that lost its memory. */
    feed: (thread: string) => new SearchFeed(thread, () => recorded),
    async found(text: string, options: { thread?: string; limit?: number; before?: number } = {}) {
      return (await user.search({ text, ...options })).hits;
    },
    async texts(text: string, thread?: string) {
      return (await user.search({ text, ...(thread !== undefined && { thread }) })).hits.map(shown);
    },
  };
}

/** The index and the texts beside it say the same: FTS5's own check, and the rows of both. */
const consistent = (userId: string) =>
  runInDurableObject(objectOf(userId), (_instance, { storage: { sql } }) => {
    sql.exec("INSERT INTO search_index (search_index) VALUES ('integrity-check')");
    const count = (table: string) => sql.exec<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table}`).one().n;
    expect(count("search_index")).toBe(count("search_exchanges"));
    return count("search_exchanges");
  });

describe("search", () => {
  it("finds questions and answers over all chats, newest first, with title, message and marks", async () => {
    const { user, feed, found } = world();
    const tea = new Told();
    tea.exchange("Which tea is good in the morning?", "Assam. It is strong.");
    await user.threadChanged(update("tea", 4, { suggestedTitle: "About tea" }));
    await feed("tea").sync(tea.state);
    const trip = new Told();
    for (let i = 0; i < 5; i++) trip.exchange("Later", "Yes");
    trip.exchange("Pack the bags", "Take **Assam** along, and a kettle.");
    await feed("trip").sync(trip.state);
    const hits = await found("assam");
    expect(hits).toMatchObject([
      { thread: "trip", title: "", message: "a_t6", role: "assistant" },
      { thread: "tea", title: "About tea", message: "a_t1", role: "assistant" },
    ]);
    expect(hits.map(shown)).toEqual(["Take **[Assam]** along, and a kettle.", "[Assam]. It is strong."]);
    expect(hits[0]?.at).toBeGreaterThan(hits[1]?.at ?? Number.POSITIVE_INFINITY);
    expect(await found("morning")).toMatchObject([{ thread: "tea", message: "m1", role: "user" }]);
    expect(await found("assam", { thread: "tea" })).toMatchObject([{ thread: "tea" }]);
    expect(await found("kettle", { thread: "tea" })).toEqual([]);
  });

  it("keeps chats apart whose names begin alike", async () => {
    const { feed, found } = world();
    for (const name of ["a", "a-b", "a-b-c", "ab"]) {
      const story = new Told();
      story.exchange(`only in ${name}`, "needle");
      await feed(name).sync(story.state);
    }
    for (const name of ["a", "a-b", "a-b-c", "ab"]) {
      expect(await found("needle", { thread: name })).toMatchObject([{ thread: name }]);
    }
  });

  it("takes every word, phrases, beginnings of the last word, other cases and accents, and texts without spaces", async () => {
    const { feed, texts } = world();
    const story = new Told();
    story.exchange("Wie heißt die Straße am Café Zoé?", "Sie heißt Rosenstraße.");
    story.exchange("我明天去东京开会", "好的,已记下。");
    story.exchange("green tea cups", "tea for two");
    await feed("main").sync(story.state);
    expect(await texts("STRASSE cafe")).toEqual(["Wie heißt die [Straße] am [Café] Zoé?"]);
    expect(await texts("rosenst")).toEqual(["Sie heißt [Rosenstraße]."]);
    expect(await texts('"rosenst"')).toEqual([]);
    expect(await texts("东京")).toEqual(["我明天去[东京]开会"]);
    expect(await texts("京东")).toEqual([]);
    expect(await texts('"green tea"')).toHaveLength(1);
    expect(await texts('"tea green"')).toEqual([]);
    expect(await texts('"cups tea"')).toEqual([]);
    expect(await texts("green two")).toEqual(["[green] tea cups"]);
    expect(await texts("green coffee")).toEqual([]);
  });

  it("takes anything for a query and never fails on it", async () => {
    const { feed, user } = world();
    const story = new Told();
    story.exchange("NEAR and OR and NOT are words", "terms too: * ^ - + { }");
    await feed("main").sync(story.state);
    const signs = ['"', "'", "(", ")", "*", "^", ":", "-", "+", "{", "}", "\\", ";", "\u0000", "\ud800", ","];
    const nasty = [
      ...signs,
      ...signs.flatMap((sign) => [`a${sign}b`, `${sign}a`, `a${sign}`, `"a${sign}" b`]),
      "NEAR(a b, 2)",
      "terms : near",
      "{terms thread} : main",
      "a AND",
      "OR",
      "NOT a",
      'x" OR thread : "main',
      "DROP TABLE search_exchanges; --",
      "😀",
      "a".repeat(200),
      "\u241e",
    ];
    for (const text of nasty) await user.search({ text });
    expect((await user.search({ text: "near NOT or" })).hits).toHaveLength(1);
    expect((await user.search({ text: "" })).hits).toEqual([]);
    expect(await refusal(() => user.search({ text: "a", thread: 'x" OR "' }))).toBe("thread_invalid");
    expect(await refusal(() => user.indexThread({ thread: "No!", places: [], exchanges: [] }))).toBe(
      "thread_invalid",
    );
  });

  it("comes in pages that hold each exchange once", async () => {
    const { feed, user } = world();
    for (const name of ["one", "two"]) {
      const story = new Told();
      for (let i = 0; i < 40; i++) story.exchange(`needle ${name} ${i}`, "yes");
      await feed(name).sync(story.state);
    }
    const seen: string[] = [];
    let page = await user.search({ text: "needle", limit: 7 });
    expect(page.hits).toHaveLength(7);
    for (;;) {
      seen.push(...page.hits.map((hit) => `${hit.thread} ${hit.message}`));
      if (page.next === undefined) break;
      page = await user.search({ text: "needle", limit: 7, before: Number(page.next) });
    }
    expect(seen).toHaveLength(80);
    expect(new Set(seen).size).toBe(80);
    expect((await user.search({ text: "needle", limit: 1_000 })).hits).toHaveLength(limits.searchHits);
  });

  it("survives an eviction", async () => {
    const { userId, feed } = world();
    const story = new Told();
    story.exchange("needle", "in hay");
    await feed("main").sync(story.state);
    await evictDurableObject(objectOf(userId));
    expect((await userStub(env, userId).search({ text: "hay" })).hits).toHaveLength(1);
  });
});

describe("what search knows of a chat", () => {
  it("grows by what is new, in one call a turn", async () => {
    const { feed, sent, messagesSent, found } = world();
    const story = new Told();
    const conversation = feed("main");
    for (let i = 0; i < 4; i++) {
      story.exchange(`question ${i}`, `answer ${i}`);
      await conversation.sync(story.state);
    }
    await conversation.sync(story.state);
    expect(sent).toHaveLength(4);
    expect(messagesSent()).toBe(8);
    expect(await found("question")).toHaveLength(4);
  });

  it("grows in one call a turn also when the conversation wakes for each", async () => {
    const { feed, sent, messagesSent } = world();
    const story = new Told();
    for (let i = 0; i < 4; i++) {
      story.exchange(`question ${i}`, `answer ${i}`);
      await feed("main").sync(story.state);
    }
    expect(sent).toHaveLength(4);
    expect(messagesSent()).toBe(8);
  });

  it("is made up for where turns were never told, in pages when they are many", async () => {
    const { userId, feed, sent, found } = world();
    const story = new Told();
    for (let i = 0; i < 250; i++) story.exchange(`question ${i}`, `answer ${i}`);
    await feed("main").sync(story.state);
    expect(sent.length).toBeGreaterThanOrEqual(3);
    expect(sent.length).toBeLessThanOrEqual(5);
    for (const { exchanges } of sent)
      expect(exchanges.length).toBeLessThanOrEqual(limits.searchPageExchanges);
    expect(await consistent(userId)).toBe(250);
    expect(await found('"question 0"')).toHaveLength(1);
    expect(await found('"answer 249"')).toHaveLength(1);
  });

  it("is bounded by what a row and a call may carry", async () => {
    const { userId, feed, sent, found } = world();
    const story = new Told();
    for (let i = 0; i < 12; i++) story.exchange(`东 question ${i} `.repeat(9_000), `answer ${i}`);
    await feed("main").sync(story.state);
    for (const { exchanges } of sent) {
      const chars = exchanges.flat().reduce((sum, { text }) => sum + text.length, 0);
      expect(chars).toBeLessThan(limits.searchPageChars + 2 * limits.searchTextChars);
    }
    expect(await consistent(userId)).toBe(12);
    expect(await found('"question 11"')).toHaveLength(1);
  });

  it("loses what was undone, cleared, asked again or said anew", async () => {
    const { userId, feed, texts } = world();
    const story = new Told();
    for (const word of ["zero", "one", "two", "three"]) story.exchange(`ask ${word}`, `tell ${word}`);
    const conversation = feed("main");
    await conversation.sync(story.state);
    story.undo("last");
    await conversation.sync(story.state);
    expect(await texts("three")).toEqual([]);
    expect(await texts("two")).toHaveLength(1);

    const again = story.ask("", { messages: [], regenerate: "m3" });
    story.answer(again, 0, { type: "text", text: "tell otherwise" });
    story.end(again);
    await conversation.sync(story.state);
    expect(await texts('"tell two"')).toEqual([]);
    expect(await texts("otherwise")).toEqual(["tell [otherwise]"]);
    expect(await texts('"ask two"')).toHaveLength(1);

    const anew = story.ask("ask something else", { replaces: "m2" });
    story.answer(anew, 0, { type: "text", text: "told" });
    story.end(anew);
    await conversation.sync(story.state);
    expect(await texts("tell")).toEqual(["[tell] zero"]);
    expect(await texts("something")).toHaveLength(1);
    expect(await consistent(userId)).toBe(2);

    story.undo("all");
    await conversation.sync(story.state);
    expect(await texts("zero")).toEqual([]);
    expect(await consistent(userId)).toBe(0);
  });

  it("is set right by a conversation that woke up after an undo that was never told", async () => {
    for (const undone of [1, 2, 7, 40, 60]) {
      const { userId, feed, texts, found } = world();
      const story = new Told();
      for (let i = 0; i < 60; i++) story.exchange(`ask ${i}`, `tell ${i}`);
      await feed("main").sync(story.state);
      for (let i = 0; i < undone; i++) story.undo("last");
      for (let i = 0; i < 3; i++) story.exchange(`other ${i}`, `tell ${i}`);
      await feed("main").sync(story.state);
      expect(await consistent(userId)).toBe(63 - undone);
      expect(await texts('"ask 59"')).toEqual([]);
      expect(await found('"other 2"')).toHaveLength(1);
      if (undone < 60) expect(await found('"ask 0"')).toHaveLength(1);
    }
  });

  it("holds a question that still waits for its answer, and the answer once it came", async () => {
    const { userId, feed, texts } = world();
    const story = new Told();
    const turn = story.ask("may I?");
    await feed("main").sync(story.state);
    expect(await texts("may")).toHaveLength(1);
    story.answer(turn, 0, { type: "text", text: "you may" });
    story.end(turn);
    await feed("main").sync(story.state);
    expect(await texts("may")).toEqual(["[may] I?"]);
    expect(await texts("you")).toEqual(["[you] may"]);
    expect(await consistent(userId)).toBe(1);
  });

  it("is the same however often and in whatever cuts it is sent", async () => {
    const { user, userId, feed, sent, found } = world();
    const story = new Told();
    for (let i = 0; i < 6; i++) {
      story.exchange(`question ${i}`, `answer ${i}`);
      await feed("main").sync(story.state);
    }
    for (const again of [...sent].reverse()) await user.indexThread(again);
    await feed("main").sync(story.state);
    expect(await consistent(userId)).toBe(6);
    expect(await found("question")).toHaveLength(6);
    // A call that no place of is known, because it comes from a transcript that is not this one, changes nothing.
    const foreign = { thread: "main", places: [{ count: 3, last: "x" }], exchanges: [] };
    expect(await user.indexThread(foreign)).toEqual({ count: 12, last: "a_t6", matched: false });
    expect(await consistent(userId)).toBe(6);
  });

  it("is told again when the user actor was away, and of two tellings the later stays", async () => {
    const { userId, user, found } = world();
    const story = new Told();
    story.exchange("first", "one");
    let away = true;
    const conversation = new SearchFeed("main", () => ({
      indexThread: (given) => (away ? Promise.reject(new Error("away")) : user.indexThread(given)),
      forgetThread: (thread) => user.forgetThread(thread),
    }));
    await expect(conversation.sync(story.state)).rejects.toThrow("away");
    away = false;
    const earlier = conversation.sync(story.state);
    story.exchange("second", "two");
    await Promise.all([earlier, conversation.sync(story.state)]);
    expect(await consistent(userId)).toBe(2);
    expect(await found("second")).toHaveLength(1);
  });
});

describe("a chat that is forgotten", () => {
  const holds = (userId: string, word: string) =>
    runInDurableObject(objectOf(userId), (_instance, { storage: { sql } }) =>
      ["search_index_data", "search_exchanges"].some((table) =>
        sql
          .exec(`SELECT * FROM ${table}`)
          .toArray()
          .some((row) =>
            Object.values(row).some((value) =>
              (value instanceof ArrayBuffer
                ? new TextDecoder("latin1").decode(value)
                : String(value)
              ).includes(word),
            ),
          ),
      ),
    );

  it("leaves no word of it in the database, and others stay", async () => {
    const { userId, user, feed, found } = world();
    for (const [name, word] of [
      ["secret", "xylophone"],
      ["kept", "quartz"],
    ] as const) {
      const story = new Told();
      story.exchange(`about ${word}`, "yes");
      story.exchange("another", "no");
      await feed(name).sync(story.state);
    }
    expect(await holds(userId, "xylophone")).toBe(true);
    await user.forgetThread("secret");
    expect(await found("xylophone")).toEqual([]);
    expect(await holds(userId, "xylophone")).toBe(false);
    expect(await holds(userId, "quartz")).toBe(true);
    expect(await found("quartz")).toHaveLength(1);
    expect(await consistent(userId)).toBe(2);
    await user.forgetThread("secret");
    await user.forgetThread("never-seen");
  });

  it("is sent anew by a conversation whose texts were erased in place", async () => {
    const { userId, feed, found } = world();
    const story = new Told();
    story.exchange("xylophone", "yes");
    const conversation = feed("main");
    await conversation.sync(story.state);
    const erased = new Told();
    erased.exchange("gone", "yes");
    conversation.erased();
    await conversation.sync(erased.state);
    expect(await found("gone")).toHaveLength(1);
    expect(await holds(userId, "xylophone")).toBe(false);
  });
});

it("writes two rows for a text turn, however long the chats are", async () => {
  const { feed } = world();
  const story = new Told();
  const conversation = feed("main");
  for (let i = 0; i < 120; i++) story.exchange(`question ${i} about tea`, `answer ${i} about water`);
  await conversation.sync(story.state);
  const rows = await countRows();
  const turns = 20;
  for (let i = 0; i < turns; i++) {
    story.exchange(`next question ${i}`, "and its answer");
    await conversation.sync(story.state);
  }
  rows.stop();
  console.log(`search rows for ${turns} turns: ${JSON.stringify(rows.byTarget)}`);
  expect(rows.byTarget).toEqual({ search_exchanges: turns, search_index: turns });
});
