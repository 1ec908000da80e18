import { env, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { userStub } from "../../../src/env.ts";
import { ALICE, BY, connect, isDone, scriptModel, stubOf } from "../../support/chat.ts";
import { countRows } from "../../support/rows.ts";
import { migrateCatalog } from "../router/support/app.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

/** Rows of one turn in a chat that is already in use, once everybody has been told that it is over. */
async function rowsOfTurn(thread: string, tokens: number) {
  await scriptModel([
    { match: "warm up", steps: [{ text: "warm" }] },
    { match: "say much", steps: [{ text: "tide ", tokens, paceMs: 5 }] },
  ]);
  const chat = await connect(thread);
  chat.ask("r0", "m0", "warm up");
  await chat.until(isDone("r0"));
  await settled(thread);
  const rows = await countRows();
  chat.ask("r1", "m1", "say much");
  await chat.until(isDone("r1"));
  await settled(thread);
  rows.stop();
  expect(chat.text("r1").trim().split(" ")).toHaveLength(tokens);
  return rows;
}

/** The wake is let go when everybody has been told: its job is the last thing that a turn writes. */
const settled = (thread: string) =>
  vi.waitFor(async () => {
    const jobs = await runInDurableObject(
      stubOf(thread),
      (_instance, state) =>
        state.storage.sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM cf_agents_jobs").one().n,
    );
    expect(jobs).toBe(0);
  });

/** What the user actor writes for a turn: its row of the list of chats, and what is said for search. */
const OF_THE_USER = ["threads", "search_exchanges", "search_index"];

describe("rows written for a text turn", () => {
  it.each([
    [200, 5, "a free model"],
    [2_000, 8, "a free model"],
    [200, 5, "a model that costs something"],
  ])(
    "%i tokens at 5 ms: at most %i of the conversation, from %s",
    async (tokens, most, model) => {
      const costs = model !== "a free model";
      await userStub(env, ALICE.userId).changeSettings({ model: costs ? "demo/priced" : "" }, BY);
      const rows = await rowsOfTurn(`rows-${tokens}-${costs}`, tokens);
      console.log(`rows for ${tokens} tokens: ${rows.total} ${JSON.stringify(rows.byTarget)}`);
      // What it cost: the one row more that the user actor writes. A lease would be another.
      expect(rows.byTarget.purse ?? 0).toBe(costs ? 1 : 0);
      const users = [...OF_THE_USER, "purse"].reduce((sum, table) => sum + (rows.byTarget[table] ?? 0), 0);
      // What the catalog is told of changes: a row when it is owed and one when it is not any more, a moment later; so
      // those of what came just before may be among them.
      const told = rows.byTarget.log_owed ?? 0;
      expect(told).toBeGreaterThan(0);
      expect(told).toBeLessThanOrEqual(5);
      expect(rows.byTarget.journal).toBe(2);
      expect(rows.total - users - told).toBeGreaterThan(2);
      expect(rows.total - users - told).toBeLessThanOrEqual(most);
      expect(users).toBe(costs ? 4 : 3);
    },
    40_000,
  );
});
