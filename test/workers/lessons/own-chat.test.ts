/** Everybody has a chat of their own, also where its name is the same for all. */
import { env } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { conversationName, userIdFrom } from "../../../src/names.ts";
import { scriptModel } from "../../support/chat.ts";
import { createWorld, signIn, type World } from "../router/support/app.ts";
import { PATIENCE } from "../user/support.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld({ CONVERSATION: env.CONVERSATION });
});

const WHO = ["ann", "ben", "cleo"] as const;

describe("three people who have never chosen a chat", () => {
  it("each talk to their own agent, and read nothing of the others", async () => {
    const people = await Promise.all(WHO.map((name) => signIn(world, name)));
    expect(new Set(people.map(({ id }) => id)).size).toBe(WHO.length);
    await scriptModel(WHO.map((name) => ({ match: `I am ${name}`, steps: [{ text: `Hello ${name}.` }] })));
    // All at once, to the address that everybody begins with.
    const said = await Promise.all(
      people.map(({ token, handle }) =>
        world.ask(`/api/agents/${handle}/threads/main/messages`, {
          method: "POST",
          token,
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ text: `I am ${handle}` }),
        }),
      ),
    );
    expect(said.map(({ status }) => status)).toEqual(WHO.map(() => 202));
    for (const { token, handle } of people) {
      for (const address of [`/@${handle}/get-messages`, `/@${handle}/main/get-messages`]) {
        await vi.waitFor(async () => {
          const answer = await world.ask(address, { token });
          const messages = await answer.json<{ parts: { text?: string }[] }[]>();
          const texts = messages.map(({ parts }) => parts.map(({ text }) => text ?? "").join(""));
          expect(texts).toEqual([`I am ${handle}`, `Hello ${handle}.`]);
        }, PATIENCE);
      }
      const listed = await world.ask(`/api/agents/${handle}/threads`, { token });
      const text = await listed.text();
      for (const other of WHO.filter((name) => name !== handle)) expect(text).not.toContain(`I am ${other}`);
    }
  });
});

describe("the name of a conversation's actor", () => {
  it("is another one for each owner and each chat, whatever the two are called", () => {
    const owners = Array.from({ length: 20 }, (_, i) => userIdFrom(new Uint8Array(20).fill(i)));
    const threads = ["main", "a", "aa", "a-a", "1", "11", "default", "undefined", "null"];
    const names = owners.flatMap((owner) => threads.map((thread) => conversationName(owner, thread)));
    expect(new Set(names).size).toBe(owners.length * threads.length);
  });

  it.each(["", "undefined", "alice", "u"])("is not made for %j, which is no owner", (owner) => {
    expect(() => conversationName(owner, "main")).toThrow();
  });
});
