/** A connection that looks open and delivers nothing, at the terminal. */
import { describe, expect, it } from "vitest";
import { ANSWER_WITHIN_MS, OPEN_WITHIN_MS, QUIET_MS } from "../../../local/lib/chat/pulse.ts";
import { PING, PONG } from "../../../src/protocol/frames.ts";
import { chunk, end, setUp, textOf } from "../../support/chat-session.ts";

const ping = JSON.parse(PING);

describe("a connection that died without either side knowing", () => {
  it("is asked when it has been quiet, given up when it does not answer, and the question asked again", async () => {
    const { session, socket, sockets, wait, events, emit } = setUp();
    const asked = session.ask("hello", emit);
    socket(0).open();
    socket(0).say(chunk("id1", 0, { type: "start", messageId: "a" }));
    socket(0).say(chunk("id1", 1, { type: "text-delta", delta: "Hel" }));
    expect(await wait()).toBe(QUIET_MS);
    expect(socket(0).sent.at(-1)).toEqual(ping);
    expect(await wait()).toBe(ANSWER_WITHIN_MS);
    expect(socket(0).closedWith).not.toBe(1000);
    expect(events.at(-1)).toEqual({ event: "reconnecting" });
    await wait();
    expect(sockets).toHaveLength(2);
    socket(1).open();
    expect(socket(1).sent).toEqual([socket(0).sent[0]]);
    // What the dead one still says is not heard.
    socket(0).say(chunk("id1", 2, { type: "text-delta", delta: " from the grave" }));
    socket(0).drop();
    socket(1).say(chunk("id1", 0, { type: "start", messageId: "a" }, { replay: true }));
    socket(1).say(chunk("id1", 1, { type: "text-delta", delta: "Hello" }, { replay: true }));
    socket(1).say(end("id1", { outcome: "completed" }));
    expect(await asked).toBe("completed");
    expect(textOf(events)).toBe("Hello");
  });

  it("that never opens is given up as well", async () => {
    const { session, socket, sockets, wait, emit } = setUp();
    const asked = session.ask("hello", emit);
    expect(await wait()).toBe(OPEN_WITHIN_MS);
    await wait();
    expect(sockets).toHaveLength(2);
    // It opens after all, but nobody is there any more: the question is asked once.
    socket(0).open();
    expect(socket(0).sent).toEqual([]);
    socket(1).open();
    socket(1).say(end("id1", { outcome: "completed" }));
    expect(await asked).toBe("completed");
  });
});

describe("a connection that is only quiet", () => {
  it("answers, and stays for as long as the answer takes", async () => {
    const { session, socket, sockets, wait, events, emit } = setUp();
    const asked = session.ask("take your time", emit);
    socket(0).open();
    for (let minutes = 0; minutes < 60; minutes++) {
      expect(await wait()).toBe(QUIET_MS);
      expect(socket(0).sent.at(-1)).toEqual(ping);
      socket(0).say(PONG);
    }
    socket(0).say(end("id1", { outcome: "completed" }));
    expect(await asked).toBe("completed");
    expect(sockets).toHaveLength(1);
    expect(events).toEqual([{ event: "done", outcome: "completed" }]);
  });

  it("is left with nothing that waits when the session is closed", async () => {
    const { session, socket, timers, emit } = setUp();
    const asked = session.ask("hello", emit);
    socket(0).open();
    socket(0).say(end("id1", { outcome: "completed" }));
    await asked;
    session.close();
    // Frames may still come before the socket has closed.
    socket(0).say(PONG);
    expect(timers).toEqual([]);
  });
});
