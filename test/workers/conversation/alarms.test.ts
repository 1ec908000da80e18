import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { User } from "../../../src/actors/user/actor.ts";
import { AppError } from "../../../src/errors.ts";
import type { ThreadUpdate } from "../../../src/protocol/rpc.ts";
import {
  breakStorage,
  countOf,
  crash,
  deliver,
  fellSilent,
  heal,
  kept,
  type StoryTally,
  send,
  settled,
  story,
  wasRefused,
} from "../../campaigns/alarms/story.ts";
import { Chance } from "../../campaigns/random.ts";
import { scriptModel } from "../../support/chat.ts";
import { migrateCatalog } from "../router/support/app.ts";

/** Stories and their first seed; `npm run campaign -- alarms` sets others. */
const given = (import.meta as unknown as { env: Record<string, string | undefined> }).env; // Vite's; it passes on what begins with VITE_
const STORIES = Number(given.VITE_ALARM_STORIES ?? 12);
const SEED = Number(given.VITE_ALARM_SEED ?? 1);
/** A busy machine may take its time; nothing here waits for a clock. */
const WITHIN_MS = 30_000;

beforeAll(() => migrateCatalog(env.CATALOG));
afterEach(() => vi.restoreAllMocks());

const silent = { stallAfterTokens: 3, text: "word ".repeat(50) };

/** A turn that was cut off in the middle of its first answer; the next one is whole, unless the model is silent again. */
async function cutOff(thread: string, next: object[] = [{ text: "the whole answer" }]): Promise<string> {
  await scriptModel([{ match: thread, steps: [silent, ...next] }]);
  const { turn } = await send(thread, thread);
  await fellSilent(thread);
  await crash(thread);
  expect((await kept(thread)).kinds).toEqual(["input", "call"]);
  return turn;
}

describe("an alarm", { timeout: WITHIN_MS }, () => {
  it("returns while the turn runs: the job itself never runs one", async () => {
    await cutOff("detached", [silent]);
    // The model says nothing more: a job that waited for the turn would never return.
    await deliver("detached");
    await vi.waitFor(async () => {
      expect((await kept("detached")).kinds).toEqual(["input", "call", "call"]);
    });
    await fellSilent("detached");
    const now = await kept("detached");
    expect(now.jobs).toBe(1);
    expect(now.alarm).toBeGreaterThan(Date.now());
    await scriptModel([{ match: "detached", steps: [{ text: "at last" }] }]);
    await crash("detached");
    await deliver("detached");
    expect(countOf(await settled("detached"), "end")).toBe(1);
  });

  it("that comes twice at once makes one call and one answer", async () => {
    await cutOff("twice");
    await deliver("twice", 2);
    const end = await settled("twice");
    expect(end.kinds).toEqual(["input", "call", "call", "began", "answer", "end"]);
  });

  it("that comes again when all is done writes nothing and leaves nothing", async () => {
    await cutOff("again");
    await deliver("again");
    const before = await settled("again");
    await deliver("again", 3);
    const after = await settled("again");
    expect(after.kinds).toEqual(before.kinds);
  });

  it("that comes together with an input answers both, each once", async () => {
    await cutOff("with-input");
    await scriptModel([{ match: "a second question", steps: [{ text: "the second answer" }] }]);
    await Promise.all([deliver("with-input"), send("with-input", "a second question")]);
    const end = await settled("with-input");
    expect(countOf(end, "input")).toBe(2);
    expect(countOf(end, "answer")).toBe(2);
    expect(countOf(end, "end")).toBe(2);
  });

  it("whose drive cannot write keeps its wake, and the next one goes on", async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    await cutOff("broken");
    await breakStorage("broken");
    await deliver("broken", 2);
    await wasRefused("broken");
    const broken = await kept("broken");
    expect(broken.kinds).toEqual(["input", "call"]);
    expect(broken.jobs).toBe(1);
    expect(broken.alarm).toBeGreaterThan(Date.now());
    expect(said.mock.calls.join()).toContain("the drive broke off");
    await heal("broken");
    await deliver("broken");
    const end = await settled("broken");
    expect(end.kinds).toEqual(["input", "call", "call", "began", "answer", "end"]);
  });
});

describe("a wake whose user actor cannot be told", { timeout: WITHIN_MS }, () => {
  it("stays, is tried again with each alarm, and goes when the news was taken", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const told: ThreadUpdate[] = [];
    let refuses = true;
    const prototype = await runInDurableObject(userOf(), (user) => Object.getPrototypeOf(user) as User); // its class
    const real = prototype.threadChanged;
    vi.spyOn(prototype, "threadChanged").mockImplementation(async function (this: User, update) {
      if (update.thread === "untold" && !update.transient) {
        told.push(update);
        if (refuses) throw new AppError("internal", "The user actor is not there.");
      }
      return real.call(this, update);
    });
    await scriptModel([{ match: "untold", steps: [{ text: "said" }] }]);
    await send("untold", "untold");
    await vi.waitFor(() => expect(told).toHaveLength(1), { timeout: 10_000 });
    const ended = await kept("untold");
    expect(countOf(ended, "end")).toBe(1);
    expect(ended.jobs).toBe(1);
    for (const times of [2, 3]) {
      await deliver("untold");
      await vi.waitFor(() => expect(told).toHaveLength(times));
      const still = await kept("untold");
      expect(still.jobs).toBe(1);
      expect(still.alarm).toBeGreaterThan(Date.now());
    }
    // Also in a new life of the object, which remembers nothing but its storage.
    await crash("untold");
    refuses = false;
    await deliver("untold");
    await settled("untold");
    expect(told.at(-1)).toMatchObject({ status: "idle", preview: "said" });
    const list = await runInDurableObject(userOf(), (user: User) => user.threads());
    expect(list.find(({ id }) => id === "untold")).toMatchObject({ status: "idle", preview: "said" });
  });
});

describe(`${STORIES} random stories of alarms, from seed ${SEED} on`, () => {
  it(
    "end with one outcome for each input, and without a job or an alarm",
    async () => {
      vi.spyOn(console, "error").mockImplementation(() => {});
      const sum: StoryTally = { inputs: 0, crashes: 0, deliveries: 0, cancels: 0, brokenKicks: 0 };
      for (let seed = SEED; seed < SEED + STORIES; seed++) {
        const one = await story(new Chance(seed), `alarms-${seed}`);
        sum.inputs += one.inputs;
        sum.crashes += one.crashes;
        sum.deliveries += one.deliveries;
        sum.cancels += one.cancels;
        sum.brokenKicks += one.brokenKicks;
      }
      console.log(`alarms ${JSON.stringify({ stories: STORIES, ...sum })}`);
      expect(sum.inputs).toBeGreaterThanOrEqual(STORIES);
      expect(sum.deliveries).toBeGreaterThan(STORIES);
    },
    STORIES * WITHIN_MS,
  );
});

const userOf = () => env.USER.get(env.USER.idFromName("ualice222222222222222")) as DurableObjectStub<User>; // the namespace holds this class
