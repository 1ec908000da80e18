/** The stream of an answer to a program that is slow, or goes away. */
import { describe, expect, it } from "vitest";
import { Asks } from "../../../src/actors/conversation/ask.ts";
import { emptyState, reduceAll, type State } from "../../../src/actors/conversation/state.ts";
import { inputEntry } from "../../../src/actors/conversation/submit.ts";
import { Watchers } from "../../../src/actors/conversation/watchers.ts";
import { limits } from "../../../src/limits.ts";
import { forwardedHeaders } from "../../../src/protocol/forwarded.ts";
import type { Principal } from "../../../src/protocol/rpc.ts";

const KEY: Principal = {
  ...{ kind: "key", role: "key", userId: "u", handle: "alice", name: "CI", request: "r1" },
  of: { id: "k1", ownerId: "u" },
};

/** A conversation that takes questions and says what a test wants it to say. */
function world() {
  let state: State = emptyState;
  let ids = 0;
  const watchers = new Watchers();
  const counted = { watching: 0 };
  const add = watchers.add.bind(watchers);
  const remove = watchers.delete.bind(watchers);
  watchers.add = (watcher) => {
    counted.watching++;
    add(watcher);
  };
  watchers.delete = (watcher) => {
    counted.watching--;
    remove(watcher);
  };
  const asks = new Asks({
    state: () => state,
    live: () => null,
    id: () => String(++ids),
    submit: async (request, sender, from) => {
      const { entry } = inputEntry(state, request, sender, from, 1, "t1");
      state = reduceAll(state, [entry]);
      return { turn: entry.turn, fresh: true };
    },
    cancel: () => {},
    watchers,
  });
  const body = {
    ...{ key: "1", parts: [{ type: "text", text: "hi" }], history: [], instructions: "" },
    ...{ maxOutputTokens: null, after: null, tell: "stream" },
  };
  const ask = () =>
    asks.answer(
      new Request("https://actor.internal/ask", {
        method: "POST",
        headers: forwardedHeaders({
          principal: KEY,
          agent: { ownerId: "u", handle: "alice" },
          rights: { write: true, decide: false },
        }),
        body: JSON.stringify(body),
      }),
    );
  const say = (delta: string): void =>
    watchers.chunk(state.waiting[0]?.request ?? "", JSON.stringify({ type: "text-delta", id: "b", delta }));
  return { ask, say, counted };
}

describe("whoever asks", () => {
  it("and takes nothing is cut off before it holds much memory", async () => {
    const { ask, say, counted } = world();
    const response = await ask();
    const piece = "x".repeat(64 * 1024);
    let said = 0;
    while (counted.watching > 0 && said < 4 * limits.askBufferBytes) {
      say(piece);
      said += piece.length;
    }
    expect(said).toBeLessThanOrEqual(limits.askBufferBytes + piece.length);
    await expect(response.text()).rejects.toThrow("too slow");
  });

  it("and reads on gets all of it, however much that is", async () => {
    const { ask, say, counted } = world();
    const reader = (await ask()).body?.getReader();
    let got = 0;
    for (let i = 0; i < 100; i++) {
      say("y".repeat(32 * 1024));
      got += (await reader?.read())?.value?.byteLength ?? 0;
    }
    expect(got).toBeGreaterThan(3 * limits.askBufferBytes);
    expect(counted.watching).toBe(1);
  });

  it("and goes away is followed no more", async () => {
    const { ask, say, counted } = world();
    const response = await ask();
    await response.body?.cancel();
    expect(counted.watching).toBe(0);
    say("to nobody");
  });
});
