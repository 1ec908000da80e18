/** Nothing looks busy for ever, and whoever is stuck is stuck alone. */
import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { User } from "../../../src/actors/user/actor.ts";
import { userStub } from "../../../src/env.ts";
import { limits } from "../../../src/limits.ts";
import { countOf, crash, deliver, fellSilent, kept, send, settled } from "../../campaigns/alarms/story.ts";
import {
  ALICE,
  connect,
  isDone,
  isText,
  messagesOf,
  scriptModel,
  stubOf,
  textOf,
} from "../../support/chat.ts";
import { PATIENCE, WITHIN_MS } from "../../support/schedules.ts";
import { migrateCatalog } from "../router/support/app.ts";

beforeAll(() => migrateCatalog(env.CATALOG));
afterEach(() => vi.restoreAllMocks());

const user = () => userStub(env, ALICE.userId);
const listed = async (thread: string) => (await user().threads({})).find(({ id }) => id === thread);
const silent = { stallAfterTokens: 3, text: "word ".repeat(50) };

describe("the list of chats", { timeout: WITHIN_MS * 2 }, () => {
  it("says that a chat works, and no longer once it was finished after a crash", async () => {
    await scriptModel([{ match: "list-crash", steps: [silent, { text: "whole" }] }]);
    await send("list-crash", "list-crash");
    await fellSilent("list-crash");
    await vi.waitFor(
      async () => expect(await listed("list-crash")).toMatchObject({ status: "working" }),
      PATIENCE,
    );
    await crash("list-crash");
    await deliver("list-crash");
    await settled("list-crash");
    expect(await listed("list-crash")).toMatchObject({ status: "idle", preview: "whole" });
  });

  it("says that a chat failed when it was given up with nobody there", async () => {
    const steps = Array.from({ length: limits.wakesWithoutProgress + 4 }, () => silent);
    await scriptModel([{ match: "list-hopeless", steps }]);
    await send("list-hopeless", "list-hopeless");
    await fellSilent("list-hopeless");
    for (let wake = 0; wake <= limits.wakesWithoutProgress; wake++) {
      await crash("list-hopeless");
      await deliver("list-hopeless");
    }
    expect(countOf(await kept("list-hopeless"), "end")).toBe(0);
    await runInDurableObject(stubOf("list-hopeless"), (_instance, state) => {
      state.storage.sql.exec("UPDATE wakes SET since = since - ?", limits.stalledMs);
    });
    await crash("list-hopeless");
    await deliver("list-hopeless");
    const end = await settled("list-hopeless");
    expect(countOf(end, "end")).toBe(1);
    const row = await listed("list-hopeless");
    expect(row).toMatchObject({ status: "failed" });
    expect(row?.preview).toContain("given up");
  });
});

describe("chats whose model hangs", { timeout: WITHIN_MS }, () => {
  /** More than a Worker has connections to the outside at a time. */
  const HUNG = 8;

  it("hold up no other chat, and nothing else of their owner", async () => {
    await scriptModel([
      { match: "never answered", steps: Array.from({ length: HUNG }, () => ({ ...silent })) },
      { match: "a quick one", steps: [{ text: "quick" }] },
    ]);
    const hung = Array.from({ length: HUNG }, (_, i) => `lane-${i}`);
    for (const thread of hung) {
      const chat = await connect(thread);
      chat.ask(`r-${thread}`, `m-${thread}`, "never answered");
      await chat.until(isText(`r-${thread}`));
    }
    const chat = await connect("lane-free");
    chat.ask("r1", "m1", "a quick one");
    await chat.until(isDone("r1"));
    expect(chat.text("r1")).toBe("quick");
    await vi.waitFor(
      async () => expect((await user().search({ text: "quick one" })).hits).toHaveLength(1),
      PATIENCE,
    );
    await vi.waitFor(async () => {
      const working = (await user().threads({})).filter(({ status }) => status === "working");
      expect(working.map(({ id }) => id).sort()).toEqual(hung);
    }, PATIENCE);
    expect(await user().settings()).toMatchObject({ version: expect.any(Number) });
    for (const thread of hung) {
      const { kinds } = await kept(thread);
      expect(kinds).toEqual(["input", "call"]);
    }
  });
});

describe("a conversation whose owner's actor hangs", { timeout: WITHIN_MS }, () => {
  it("starts, shows its messages and accepts new ones: start-up waits for nobody", async () => {
    await scriptModel([
      { match: "before it hung", steps: [{ text: "said before" }] },
      { match: "while it hangs", steps: [{ text: "said after" }] },
    ]);
    const before = await connect("hung-owner");
    before.ask("r1", "m1", "before it hung");
    await before.until(isDone("r1"));
    await settled("hung-owner");
    await evictDurableObject(stubOf("hung-owner"));

    const calls = ["settings", "threadChanged", "threadDeleted", "indexThread", "lease"] as const;
    const asked: string[] = [];
    for (const call of calls) {
      vi.spyOn(User.prototype, call).mockImplementation(() => {
        asked.push(call);
        return new Promise<never>((resolve) => setTimeout(resolve, 10 * WITHIN_MS));
      });
    }
    const chat = await connect("hung-owner", { console: true });
    expect((await messagesOf("hung-owner", chat)).map(textOf)).toEqual(["before it hung", "said before"]);
    chat.ask("r2", "m2", "while it hangs");
    await chat.until((frame) => frame.type === "holdfast_accepted" && frame.id === "r2");
    await vi.waitFor(() => expect(asked).toContain("settings"), PATIENCE);
    expect((await kept("hung-owner")).alarm).not.toBeNull();

    // It answers again: nothing of what was accepted is lost.
    vi.restoreAllMocks();
    await crash("hung-owner");
    await deliver("hung-owner");
    await settled("hung-owner");
    expect((await messagesOf("hung-owner", chat)).map(textOf)).toEqual([
      "before it hung",
      "said before",
      "while it hangs",
      "said after",
    ]);
  });
});
