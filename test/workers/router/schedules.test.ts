/** The API of schedules over the real app and real actors. */
import { env } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { ScheduleInfo } from "../../../src/protocol/schedules.ts";
import { createWorld, signIn, type World } from "./support/app.ts";

let world: World;
let token = "";

beforeAll(async () => {
  world = await createWorld({ CONVERSATION: env.CONVERSATION });
  token = (await signIn(world, "alice")).token;
});

async function api(method: string, path: string, body?: unknown) {
  const init = { method, token, ...(body !== undefined && { body: JSON.stringify(body) }) };
  const response = await world.ask(`/api/agents/alice${path}`, init);
  const text = await response.text();
  const json: { schedule?: ScheduleInfo; schedules?: ScheduleInfo[]; error?: { code: string } } = JSON.parse(
    text || "{}",
  );
  return { status: response.status, ...json };
}
const PLANS = "/threads/plans/schedules";

describe("schedules over HTTP", () => {
  it("are made, listed in their chat and over all chats, paused, changed and deleted", async () => {
    const made = await api("POST", PLANS, {
      text: "good morning",
      cron: "0 9 * * 1-5",
      timeZone: "Europe/Berlin",
    });
    expect(made.status).toBe(201);
    expect(made.schedule).toMatchObject({ thread: "plans", timeZone: "Europe/Berlin", status: "active" });
    expect((await api("GET", PLANS)).schedules).toEqual([made.schedule]);
    await vi.waitFor(async () => expect((await api("GET", "/schedules")).schedules).toEqual([made.schedule]));
    const one = `${PLANS}/${made.schedule?.id}`;
    const paused = await api("PATCH", one, { paused: true, text: "good night" });
    expect(paused.schedule).toMatchObject({ status: "paused", text: "good night", nextAt: null });
    expect((await api("PATCH", one, {})).schedule).toEqual(paused.schedule);
    expect((await api("PATCH", one, { paused: false })).schedule).toMatchObject({ status: "active" });
    expect((await api("DELETE", one)).status).toBe(204);
    expect((await api("DELETE", one)).status).toBe(204);
    expect((await api("GET", PLANS)).schedules).toEqual([]);
    await vi.waitFor(async () => expect((await api("GET", "/schedules")).schedules).toEqual([]));
  });

  it("with a key are made once; when that one is over the key is used up", async () => {
    const [one, two] = [
      await api("POST", PLANS, { text: "x", in: "1 hour", key: "k" }),
      await api("POST", PLANS, { text: "other", in: "2 hours", key: "k" }),
    ];
    expect(two.schedule).toEqual(one.schedule);
    await api("DELETE", `${PLANS}/${one.schedule?.id}`);
    const third = await api("POST", PLANS, { text: "x", in: "1 hour", key: "k" });
    expect([third.status, third.error?.code]).toEqual([404, "schedule_unknown"]);
    expect((await api("POST", PLANS, { text: "x", in: "1 hour" })).schedule?.id).not.toBe(one.schedule?.id);
  });

  it.each([
    [{ in: "1 hour" }, "bad_request"],
    [{ text: "x", in: "1 hour", colour: "red" }, "bad_request"],
    [{ text: "x", in: 5 }, "bad_request"],
    [{ text: "x" }, "schedule_invalid"],
    [{ text: "x", cron: "* * * * *" }, "schedule_invalid"],
    [{ text: "x", at: "yesterday" }, "schedule_invalid"],
  ])("%j is refused: %s", async (body, code) => {
    const refused = await api("POST", PLANS, body);
    expect([refused.status, refused.error?.code]).toEqual([400, code]);
  });

  it("that are not there are said to be", async () => {
    const unknown = await api("PATCH", `${PLANS}/s000000000000`, { paused: true });
    expect([unknown.status, unknown.error?.code]).toEqual([404, "schedule_unknown"]);
    expect((await api("DELETE", `${PLANS}/x`)).status).toBe(404);
    expect((await api("GET", "/threads/no%20name/schedules")).error?.code).toBe("thread_invalid");
  });
});
