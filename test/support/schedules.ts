/** Schedules of chats in workerd: made, brought to their time, and looked at. Expects `afterEach(realTime)`. */
import { env, runInDurableObject } from "cloudflare:test";
import { expect, vi } from "vitest";
import { conversationStub, userStub } from "../../src/env.ts";
import { conversationName } from "../../src/names.ts";
import type { ScheduleInfo, ScheduleInput } from "../../src/protocol/schedules.ts";
import { countOf, deliver, kept } from "../campaigns/alarms/story.ts";
import { ALICE, stubOf } from "./chat.ts";

export const WITHIN_MS = 30_000;
export const PATIENCE = { timeout: 15_000, interval: 20 };
export const MINUTE_MS = 60_000;

export const chatOf = (thread: string) => conversationStub(env, conversationName(ALICE.userId, thread));
export const user = () => userStub(env, ALICE.userId);
export const list = (thread: string): Promise<ScheduleInfo[]> =>
  chatOf(thread).schedules(ALICE, { type: "list" });
export const change = (thread: string, id: string, to: { paused?: boolean; text?: string }) =>
  chatOf(thread).schedules(ALICE, { type: "change", id, change: to });
export const remove = (thread: string, id: string) => chatOf(thread).schedules(ALICE, { type: "remove", id });

export async function add(thread: string, input: ScheduleInput, key = "k1"): Promise<ScheduleInfo> {
  const [made] = await chatOf(thread).schedules(ALICE, { type: "add", input, key });
  if (!made) throw new Error("The schedule is over.");
  return made;
}

export async function refusal(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return { answered: await call() };
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error;
  }
}

export const sql = <T>(thread: string, run: (sql: SqlStorage) => T): Promise<T> =>
  runInDurableObject(stubOf(thread), (_instance, state) => run(state.storage.sql));

/** Time passes for one schedule: its next occurrence lies `ms` back. */
export const passed = (thread: string, id: string, ms: number): Promise<number> =>
  sql(thread, (db) => {
    const minute = Math.floor((Date.now() - ms) / (5 * MINUTE_MS)) * 5 * MINUTE_MS;
    db.exec("UPDATE schedules SET due_at = ?, wake_at = ? WHERE id = ?", minute, minute, id);
    return minute;
  });

export const inputsOf = async (thread: string) =>
  (await kept(thread)).entries.filter((entry) => entry.kind === "input");
export const textsOf = async (thread: string): Promise<string[]> =>
  (await inputsOf(thread)).map((entry) => JSON.stringify(entry.messages));
/** The clock goes to the chat's next occurrence, and its alarm comes. Returns the occurrence. */
export async function comes(thread: string): Promise<number> {
  const at = (await list(thread))[0]?.nextAt ?? 0;
  vi.useFakeTimers({ toFake: ["Date"], now: at + 1_000 });
  await deliver(thread);
  return at;
}

/** Waits until every input has its end. */
export const ended = (thread: string, count: number) =>
  vi.waitFor(async () => expect(countOf(await kept(thread), "end")).toBe(count), PATIENCE);

export const EVERY_FIVE = { text: "look again", cron: "*/5 * * * *" };
export const silent = { stallAfterTokens: 3, text: "word ".repeat(50) };

/** What a test changed of the clock and of classes. */
export function realTime(): void {
  vi.restoreAllMocks();
  vi.useRealTimers();
}
