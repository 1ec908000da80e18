import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { Journal } from "../../../src/actors/conversation/journal.ts";
import { windowOf } from "../../../src/actors/conversation/memory.ts";
import { transcript } from "../../../src/actors/conversation/transcript.ts";
import { limits } from "../../../src/limits.ts";
import { connect, isDone, messagesOf, scriptModel, stubOf, textOf } from "../../support/chat.ts";
import { onStorage, openStore } from "../../support/journal-storage.ts";
import { commitsOf } from "../../support/long-journal.ts";
import { countReads } from "../../support/reads.ts";
import { countRows } from "../../support/rows.ts";
import { migrateCatalog } from "../router/support/app.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

const ENTRIES_PER_TURN = 5;
/** What a cold wake may have to fold: two rows a turn, and a page more than is due before it is kept. */
const MOST_ROWS = (limits.checkpointEntries / ENTRIES_PER_TURN) * 2 + 100;

/** Writes the turns through the journal alone. */
const seed = (thread: string, turns: number): Promise<void> =>
  onStorage(thread, (storage) => {
    const journal = new Journal(storage.sql, () => "0123456789abcdef");
    let seq = journal.load().state.seq;
    storage.transactionSync(() => {
      for (let n = 0; n < turns; n++) {
        for (const commit of commitsOf(n)) {
          journal.append(commit, seq).commit();
          seq += commit.length;
        }
      }
    });
  });

/** Runs something, and says what it took from outside and which rows it read. */
async function measured<T>(thread: string, run: (storage: DurableObjectStorage) => T) {
  const reads = await countReads(stubOf(thread));
  const began = performance.now();
  const value = await onStorage(thread, run);
  const ms = performance.now() - began;
  const read = reads.byTable;
  reads.stop();
  return { value, ms, read };
}

const round = (ms: number): number => Number(ms.toFixed(1));
const median = (times: readonly number[]): number =>
  round([...times].sort((a, b) => a - b)[times.length >> 1] ?? 0);

const figures: Record<string, unknown>[] = [];

describe("a journal of any length", () => {
  it.each([10, 1_190, 10_190, 20_190])(
    "%i turns: a cold wake reads the newest entries only" /* 190 of them are behind the newest checkpoint */,
    async (turns) => {
      const thread = `long-${turns}`;
      await seed(thread, turns);
      // The first wake folds all of it, and keeps it on the way.
      const first = await measured(thread, (storage) => openStore(storage).state.items.length);
      expect(first.value).toBe(turns * 2);

      const wake = (storage: DurableObjectStorage) =>
        transcript(openStore(storage).state, { limit: limits.transcriptMessages });
      const cold = await measured(thread, wake);
      const times = [cold.ms];
      for (let i = 0; i < 6; i++) times.push((await measured(thread, wake)).ms);
      expect(cold.value).toHaveLength(Math.min(turns * 2, limits.transcriptMessages));
      expect(textOf(cold.value.at(-1))).toContain(`It is ${turns - 1}.`);
      expect(cold.read.journal ?? 0).toBeLessThanOrEqual(MOST_ROWS);
      expect(cold.read.checkpoint ?? 0).toBeLessThanOrEqual(1);
      expect(cold.read.checkpoint_pieces ?? 0).toBeLessThanOrEqual(2); // a hundred messages are in two chunks at most

      const known = await measured(thread, (storage) => {
        const { state } = openStore(storage);
        return [state.seen.get("message:m3"), state.seen.get("message:new"), state.seen.get("request:new")];
      });
      expect(known.value).toEqual(["t3", undefined, undefined]);
      // Its filters (one a run), a page, and a page for each time that a filter is wrong.
      expect(known.read.checkpoint_pieces ?? 0).toBeLessThanOrEqual(12);

      const window = await measured(thread, (storage) => {
        const { state } = openStore(storage);
        return windowOf(state, limits.windowTokens).messages.length;
      });
      expect(window.value).toBeGreaterThan(Math.min(turns, 500));
      // Half a million characters of short messages, in chunks of 128 items; the same for ten thousand turns and for twenty.
      expect(window.read.checkpoint_pieces ?? 0).toBeLessThanOrEqual(80);

      const commits = await measured(thread, (storage) => {
        const store = openStore(storage);
        for (let n = turns; n < turns + 50; n++) for (const commit of commitsOf(n)) store.commit(commit);
        return store.state.items.length;
      });
      expect(commits.value).toBe((turns + 50) * 2);

      figures.push({
        turns,
        entries: turns * ENTRIES_PER_TURN,
        "first fold (ms)": round(first.ms),
        "cold, to the transcript (ms)": median(times),
        "journal rows": cold.read.journal ?? 0,
        pieces: cold.read.checkpoint_pieces ?? 0,
        "pieces, dedupe": known.read.checkpoint_pieces ?? 0,
        "pieces, window": window.read.checkpoint_pieces ?? 0,
        "wake and 50 turns' commits (ms)": round(commits.ms),
        "database (MB)": await onStorage(thread, ({ sql }) => Number((sql.databaseSize / 1e6).toFixed(1))),
      });
      console.log(JSON.stringify(figures.at(-1)));
    },
    120_000,
  );
});

describe("a chat that goes on", () => {
  it("keeps its fold every so often, at a fraction of a row per turn, and holds the newest of it in memory", async () => {
    const thread = "long-lived";
    const turns = 4_000;
    const rows = await countRows();
    const told = await onStorage(thread, (storage) => {
      const store = openStore(storage);
      let inMemory = 0;
      for (let n = 0; n < turns; n++) {
        for (const commit of commitsOf(n)) store.commit(commit);
        store.checkpoint();
        inMemory = Math.max(inMemory, store.state.items.length - store.state.items.storedLength);
      }
      const again = openStore(storage);
      return {
        inMemory,
        same: JSON.stringify(again.state.items.slice(0)) === JSON.stringify(store.state.items.slice(0)),
        seen: again.state.seen.get("message:m7"),
        length: again.state.items.length,
      };
    });
    rows.stop();
    expect(told).toMatchObject({ same: true, seen: "t7", length: turns * 2 });
    expect(told.inMemory).toBeLessThanOrEqual((limits.checkpointEntries / ENTRIES_PER_TURN) * 2 + 128 + 2);
    const kept = Object.entries(rows.byTarget).filter(([target]) => target.startsWith("checkpoint"));
    const perTurn = kept.reduce((sum, [, count]) => sum + count, 0) / turns;
    console.log(`rows written for checkpoints: ${perTurn.toFixed(3)} a turn`, rows.byTarget);
    expect(rows.byTarget.journal).toBe(turns * 2);
    expect(perTurn).toBeLessThan(0.25);
  }, 30_000);

  it("keeps it by itself once its turns have ended", async () => {
    const thread = "long-real";
    await seed(thread, limits.checkpointEntries / ENTRIES_PER_TURN - 1);
    await scriptModel([{ match: "the last straw", steps: [{ text: "kept" }] }]);
    const chat = await connect(thread);
    const count = () =>
      runInDurableObject(
        stubOf(thread),
        (_instance, state) =>
          state.storage.sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM checkpoint").one().n,
      );
    expect(await count()).toBe(0);
    chat.ask("r", "m", "the last straw");
    await chat.until(isDone("r"));
    await vi.waitFor(async () => expect(await count()).toBe(1));
    await evictDurableObject(stubOf(thread));
    expect(textOf((await messagesOf(thread, chat)).at(-1))).toBe("kept");
  });
});
