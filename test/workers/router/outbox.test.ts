/** The outbox over HTTP, and where a message may say that its answer is owed. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Delivery } from "../../../src/protocol/rpc.ts";
import { createWorld, signIn, type World } from "./support/app.ts";

const OUTBOX = "/api/agents/alice/threads/plans/outbox";
const MESSAGES = "/api/agents/alice/threads/plans/messages";
const letter: Delivery = {
  id: "t1-0",
  turn: "t1",
  channel: "both",
  to: { chat: "c1" },
  state: "dead",
  text: "hello",
  parts: 1,
  left: 1,
  attempts: 3,
  error: "The address answered with status 403.",
  at: 1,
};
let world: World;
let token = "";

beforeAll(async () => {
  world = await createWorld();
  token = (await signIn(world, "alice")).token;
});

const post = (path: string, body: unknown) =>
  world.ask(path, { method: "POST", token, body: JSON.stringify(body) });

describe("the outbox", () => {
  it("tells dead letters from what is still being tried", async () => {
    const owed: Delivery = { ...letter, id: "t2-0", state: "owed", nextAt: 5 };
    world.deliveries = [letter, owed];
    const answer = await world.ask(OUTBOX, { token });
    expect(await answer.json()).toEqual({ letters: [letter], pending: [owed] });
  });

  it("sends again and drops what it names", async () => {
    expect((await post(`${OUTBOX}/t1-0/resend`, {})).status).toBe(202);
    expect(world.reached.at(-1)?.resent).toBe("t1-0");
    expect((await world.ask(`${OUTBOX}/t1-0`, { method: "DELETE", token })).status).toBe(204);
    expect(world.reached.at(-1)?.dropped).toBe("t1-0");
  });

  it("does not wake an actor for what cannot be a delivery", async () => {
    const before = world.reached.length;
    const answer = await post(`${OUTBOX}/${encodeURIComponent("t1 0")}/resend`, {});
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: { code: "delivery_unknown" } });
    expect(world.reached.length).toBe(before);
  });
});

describe("a message whose answer is owed to a channel", () => {
  it("hands the address on", async () => {
    const reply = { channel: "both", to: { chat: "c1" } };
    expect((await post(MESSAGES, { text: "hi", reply })).status).toBe(202);
    expect(world.reached.at(-1)?.sent?.message.reply).toEqual(reply);
  });

  it("is refused for a channel that nobody configured, and the refusal names those that are", async () => {
    const before = world.reached.length;
    for (const channel of ["pigeon", "toString", "__proto__"]) {
      const answer = await post(MESSAGES, { text: "hi", reply: { channel, to: {} } });
      expect([channel, answer.status]).toEqual([channel, 400]);
      expect(await answer.json()).toMatchObject({
        error: { code: "bad_request", message: expect.stringContaining("both, edit, keys, plain") },
      });
    }
    expect(world.reached.length).toBe(before);
  });

  it("is refused with an address that is none", async () => {
    const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`k${i}`, "v"]));
    for (const to of [many, { chat: "x".repeat(301) }, { chat: 7 }, "c1"]) {
      expect((await post(MESSAGES, { text: "hi", reply: { channel: "both", to } })).status).toBe(400);
    }
  });
});
