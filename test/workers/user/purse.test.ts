import { env, evictDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { userStub } from "../../../src/env.ts";
import { limits } from "../../../src/limits.ts";
import { dayEnd, dayOf } from "../../../src/model/prices.ts";
import type { LeaseRequest, PurseDay } from "../../../src/protocol/rpc.ts";
import { migrateCatalog } from "../router/support/app.ts";
import { newUser, objectOf, update } from "./support.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

const today = (): string => dayOf(Date.now());
const ask = (thread: string, micros: number, more: Partial<LeaseRequest> = {}): LeaseRequest => ({
  thread,
  day: today(),
  number: 1,
  micros,
  tokens: 1_000,
  leastMicros: micros,
  leastTokens: 1_000,
  statement: { seq: 1, lease: 0, days: [] },
  ...more,
});
const spent = (micros: number, more: Partial<PurseDay> = {}): PurseDay => ({
  day: today(),
  spentMicros: micros,
  spentTokens: 10,
  heldMicros: 0,
  heldTokens: 0,
  ...more,
});

describe("a user's purse", () => {
  it("has the deployment's limits, and nothing spent", async () => {
    const report = await userStub(env, newUser()).usage();
    expect(report).toEqual({
      day: today(),
      limitMicros: limits.dailyLimitMicros,
      limitTokens: limits.dailyLimitTokens,
      spentMicros: 0,
      reservedMicros: 0,
      tokens: 0,
      // The tests' deployment prices a model of its own; without one, and without a key, there is no limit to see.
      on: true,
      resetsAt: dayEnd(today()),
      days: [],
    });
  });

  it("survives an eviction, grants included: asked again, the same one comes back", async () => {
    const userId = newUser();
    const first = await userStub(env, userId).lease(ask("a", 400_000));
    expect(first).toMatchObject({ type: "granted", micros: 800_000 });
    await evictDurableObject(objectOf(userId));
    expect(await userStub(env, userId).lease(ask("a", 400_000))).toEqual(first);
    expect((await userStub(env, userId).usage()).reservedMicros).toBe(800_000);
  });

  it("lets two chats race for the last cents, and one of them win", async () => {
    const user = userStub(env, newUser());
    const purse = { seq: 1, lease: 0, days: [spent(limits.dailyLimitMicros - 60_000)] };
    await user.threadChanged(update("big", 1, { purse }));
    const answers = await Promise.all([user.lease(ask("a", 60_000)), user.lease(ask("b", 60_000))]);
    expect(answers.map(({ type }) => type).sort()).toEqual(["granted", "refused"]);
    // The winner's chat never was: asked for the money, it is nowhere to be found.
    expect(await user.usage()).toMatchObject({ spentMicros: limits.dailyLimitMicros, reservedMicros: 0 });
  });

  it("learns with the end of a turn what it cost; what was not spent is free again", async () => {
    const user = userStub(env, newUser());
    await user.lease(ask("a", 400_000));
    const purse = { seq: 9, lease: 2, days: [spent(7_000), spent(3_000, { day: "2026-11-01" })] };
    await user.threadChanged(update("a", 9, { purse }));
    await user.threadChanged(update("a", 9, { purse }));
    const report = await user.usage();
    expect(report).toMatchObject({ spentMicros: 7_000, reservedMicros: 0, tokens: 10 });
    expect(report.days[0]).toEqual({ day: today(), micros: 7_000, tokens: 10 });
  });

  it("hears of money also from a chat whose news is otherwise old", async () => {
    const user = userStub(env, newUser());
    await user.threadChanged(update("a", 12));
    await user.threadChanged(update("a", 12, { purse: { seq: 13, lease: 1, days: [spent(5)] } }));
    expect((await user.usage()).spentMicros).toBe(5);
  });
});
