import { describe, expect, it } from "vitest";
import type { ConnectionStatus } from "../../../src/console/app/connection.ts";
import {
  connect,
  LONGEST_BACKOFF_MS,
  OPEN_WITHIN_MS,
  PONG_WITHIN_MS,
} from "../../../src/console/app/connection.ts";
import { FakePlatform, settle } from "./fake-platform.ts";

const PING_MS = 20_000;

function connected(whyRefused?: () => Promise<{ code: number; reason: string } | null>) {
  const platform = new FakePlatform();
  const statuses: ConnectionStatus[] = [];
  const received: string[] = [];
  let opened = 0;
  const connection = connect({
    platform,
    path: "/feed",
    pingEveryMs: PING_MS,
    onStatus: (status) => statuses.push(status),
    onOpen: () => {
      opened += 1;
    },
    onText: (text) => received.push(text),
    ...(whyRefused && { whyRefused }),
  });
  return { platform, statuses, received, connection, opened: () => opened };
}

describe("connection", () => {
  it("opens, receives, and keeps pongs to itself", () => {
    const { platform, statuses, received, opened } = connected();
    platform.newest.open();
    platform.newest.onmessage?.({ data: "hello" });
    platform.newest.onmessage?.({ data: '{"type":"holdfast_pong"}' });
    expect(opened()).toBe(1);
    expect(received).toEqual(["hello"]);
    expect(statuses.map((status) => status.kind)).toEqual(["connecting", "open"]);
  });

  it("pings a quiet connection, and a busy one only when it has become quiet", async () => {
    const { platform } = connected();
    platform.newest.open();
    await platform.advance(PING_MS - 1);
    platform.newest.frame({ type: "x" });
    await platform.advance(PING_MS - 1);
    expect(platform.newest.pings).toBe(0);
    await platform.advance(1);
    expect(platform.newest.pings).toBe(1);
  });

  it("gives a connection up that does not answer a ping, and opens another", async () => {
    const { platform, statuses } = connected();
    const first = platform.newest;
    first.answersPings = false;
    first.open();
    await platform.advance(PING_MS + PONG_WITHIN_MS);
    expect(first.closedByClient).toBe(true);
    expect(statuses.at(-1)?.kind).toBe("waiting");
    await platform.advance(1_000);
    expect(platform.sockets).toHaveLength(2);
  });

  it("gives an attempt up that neither opens nor fails", async () => {
    const { platform } = connected();
    await platform.advance(OPEN_WITHIN_MS);
    expect(platform.newest.closedByClient).toBe(true);
    await platform.advance(1_000);
    expect(platform.sockets).toHaveLength(2);
  });

  it("waits longer after each failure, up to a limit, and starts over after a success", async () => {
    const { platform, statuses } = connected();
    const waits: number[] = [];
    for (let i = 0; i < 12; i++) {
      platform.newest.drop();
      await settle();
      const status = statuses.at(-1);
      if (status?.kind !== "waiting") throw new Error("expected to wait");
      waits.push(status.retryAt - platform.now());
      await platform.advance(status.retryAt - platform.now());
    }
    expect(waits.slice(0, 4)).toEqual([375, 750, 1_500, 3_000]);
    expect(waits.at(-1)).toBe(LONGEST_BACKOFF_MS * 0.75);
    platform.newest.open();
    platform.newest.drop();
    await settle();
    const status = statuses.at(-1);
    expect(status?.kind === "waiting" && status.retryAt - platform.now()).toBe(375);
  });

  it("tries at once when the network comes back, and never has two sockets", async () => {
    const { platform } = connected();
    platform.newest.drop();
    await settle();
    platform.wake();
    platform.wake();
    expect(platform.sockets).toHaveLength(2);
    await platform.advance(5_000);
    expect(platform.sockets).toHaveLength(2);
  });

  it("asks an open connection whether it lives when the page is looked at again", async () => {
    const { platform } = connected();
    platform.newest.open();
    platform.newest.answersPings = false;
    platform.wake();
    expect(platform.newest.pings).toBe(1);
    await platform.advance(PONG_WITHIN_MS + 1_000);
    expect(platform.sockets).toHaveLength(2);
  });

  it("doubts an open connection as soon as the network is gone, and asks it at once", async () => {
    const { platform, statuses } = connected();
    platform.newest.open();
    platform.newest.answersPings = false;
    platform.goOffline();
    expect(platform.newest.pings).toBe(1);
    expect(statuses.at(-1)).toEqual({ kind: "open", doubted: true });
    await platform.advance(PONG_WITHIN_MS - 1);
    expect(statuses.at(-1)).toEqual({ kind: "open", doubted: true });
    await platform.advance(1);
    expect(statuses.at(-1)?.kind).toBe("waiting");
    await platform.advance(1_000);
    platform.newest.open();
    expect(statuses.at(-1)).toEqual({ kind: "open" });
  });

  it("trusts a server that answers, whatever the browser believes of the network", () => {
    const { platform, statuses, received } = connected();
    platform.newest.open();
    platform.goOffline();
    expect(statuses.slice(-2)).toEqual([{ kind: "open", doubted: true }, { kind: "open" }]);
    expect(received).toEqual([]);
  });

  it("has nothing to ask while there is no connection", async () => {
    const { platform, statuses } = connected();
    platform.newest.drop();
    await settle();
    const before = statuses.length;
    platform.goOffline();
    expect(statuses).toHaveLength(before);
    expect(platform.newest.pings).toBe(0);
  });

  for (const code of [1008, 4000, 4403, 4999]) {
    it(`stops for good on close code ${code}`, async () => {
      const { platform, statuses, connection } = connected();
      platform.newest.open();
      platform.newest.drop(code, "Not yours.");
      expect(statuses.at(-1)).toEqual({ kind: "stopped", code, reason: "Not yours." });
      platform.wake();
      connection.retry();
      await platform.advance(120_000);
      expect(platform.sockets).toHaveLength(1);
      expect(platform.pending).toBe(0);
      expect(platform.listening).toBe(0);
    });
  }

  for (const code of [1000, 1001, 1006, 1011, 1012, 3999]) {
    it(`tries again after close code ${code}`, async () => {
      const { platform } = connected();
      platform.newest.open();
      platform.newest.drop(code);
      await platform.advance(1_000);
      expect(platform.sockets).toHaveLength(2);
    });
  }

  it("asks why an upgrade was refused, and stops when the answer is final", async () => {
    const { platform, statuses } = connected(async () => ({ code: 403, reason: "Not your agent." }));
    platform.newest.drop();
    await settle();
    expect(statuses.at(-1)).toEqual({ kind: "stopped", code: 403, reason: "Not your agent." });
  });

  it("goes on when the reason cannot be learned", async () => {
    const { platform } = connected(() => Promise.reject(new Error("unreachable")));
    platform.newest.drop();
    await settle();
    await platform.advance(1_000);
    expect(platform.sockets).toHaveLength(2);
  });

  it("does not ask for a connection that had been open", async () => {
    let asked = 0;
    const { platform } = connected(async () => {
      asked += 1;
      return null;
    });
    platform.newest.open();
    platform.newest.drop();
    await platform.advance(1_000);
    expect(asked).toBe(0);
    expect(platform.sockets).toHaveLength(2);
  });

  it("sends only while it is open, and leaves nothing behind when it is closed", async () => {
    const { platform, connection } = connected();
    expect(connection.send('{"a":1}')).toBe(false);
    platform.newest.open();
    expect(connection.send('{"a":1}')).toBe(true);
    expect(platform.newest.sent).toEqual([{ a: 1 }]);
    connection.close();
    expect(platform.newest.closedByClient).toBe(true);
    expect(connection.send('{"a":2}')).toBe(false);
    expect(platform.pending).toBe(0);
    expect(platform.listening).toBe(0);
  });
});
