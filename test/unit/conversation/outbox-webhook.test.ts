/** The channel driver over real HTTP: against the stand-in platform, and against servers that misbehave. */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { type ChannelsServer, startChannels } from "../../../local/channels/index.ts";
import {
  channelDrivers,
  retryAfterMs,
  webhookDriver,
} from "../../../src/actors/conversation/outbox-webhook.ts";
import { type ChannelConfig, parseChannels } from "../../../src/channels.ts";
import { type ChannelDriver, DeliveryError } from "../../../src/protocol/channel.ts";

const SECRET = "a secret of this test";
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const ports = { fetch: (request: Request) => fetch(request), now: () => Date.now() };
const options = (key = "k1") => ({ key, signal: AbortSignal.timeout(10_000) });
const failure = (work: Promise<unknown>): Promise<DeliveryError> =>
  work.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: unknown) => {
      if (error instanceof DeliveryError) return error;
      throw error;
    },
  );

async function platform(): Promise<{ channels: ChannelsServer; driver: (name: string) => ChannelDriver }> {
  const channels = await startChannels({ secret: SECRET });
  closing.push(() => channels.close());
  const { channels: config, problems } = parseChannels(channels.config);
  expect(problems).toEqual([]);
  const drivers = channelDrivers(() => config, ports);
  const driver = (name: string): ChannelDriver => {
    const found = drivers(name);
    if (!found) throw new Error(`${name} is not configured`);
    return found;
  };
  return { channels, driver };
}

/** A server that answers as it is told, and its channel. */
async function server(
  listener: RequestListener,
  change: Partial<ChannelConfig> = {},
): Promise<ChannelDriver> {
  const http = createServer(listener);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  closing.push(async () => {
    http.closeAllConnections();
    http.close();
    await once(http, "close");
  });
  const address = http.address();
  const port = typeof address === "object" ? address?.port : 0;
  return webhookDriver(
    "test",
    {
      type: "webhook",
      url: `http://127.0.0.1:${port}/in/`,
      secret: SECRET,
      maxChars: 100,
      edit: true,
      idempotent: true,
      ...change,
    },
    ports,
  );
}

describe("the stand-in platform and the driver", () => {
  it("agree on the wire: a message is sent, changed, and seen", async () => {
    const { channels, driver } = await platform();
    const { id } = await driver("both").send({ chat: "c1" }, "…", options());
    await driver("both").edit({ chat: "c1" }, id, "hello", options());
    expect(channels.rooms.get("both")?.messages).toEqual([
      { id, key: "k1", to: { chat: "c1" }, texts: ["…", "hello"] },
    ]);
    const page = await (await fetch(`${channels.url}/both`)).json();
    expect(page).toEqual({ messages: [{ id, to: { chat: "c1" }, text: "hello" }] });
  });

  it("count a key once where the platform knows keys, and each time where it does not", async () => {
    const { channels, driver } = await platform();
    for (const room of ["keys", "plain"]) {
      const first = await driver(room).send({}, "once?", options());
      const second = await driver(room).send({}, "once?", options());
      expect(second.id === first.id).toBe(room === "keys");
    }
    expect(channels.rooms.get("keys")?.messages).toHaveLength(1);
    expect(channels.rooms.get("plain")?.messages).toHaveLength(2);
  });

  it("refuse a signature that is not right", async () => {
    const { channels } = await platform();
    const config = Object.values(parseChannels(channels.config).channels)[0];
    if (!config) throw new Error("there is no channel");
    const forger = webhookDriver("both", { ...config, secret: "another secret, guessed" }, ports);
    expect(await failure(forger.send({}, "x", options()))).toMatchObject({ kind: "refused" });
    const stale = webhookDriver("both", config, { ...ports, now: () => Date.now() - 3_600_000 });
    expect(await failure(stale.send({}, "x", options()))).toMatchObject({ kind: "refused" });
    const unsigned = await fetch(`${channels.url}/both/messages`, { method: "POST", body: "{}" });
    expect(unsigned.status).toBe(401);
    expect(channels.rooms.get("both")?.messages).toEqual([]);
  });

  it("say apart what is for now, what is for ever, and what nobody knows", async () => {
    const { channels, driver } = await platform();
    const room = channels.rooms.get("both");
    room?.script([
      { status: 429, retryAfter: 90, effect: false },
      { status: 403, effect: false },
      { status: 500, effect: false },
      { cut: true },
    ]);
    const tries = [];
    for (let i = 0; i < 4; i++) tries.push(await failure(driver("both").send({}, "x", options())));
    expect(tries.map((error) => [error.kind, error.retryAfterMs])).toEqual([
      ["limited", 90_000],
      ["refused", null],
      ["failed", null],
      ["failed", null],
    ]);
    // The last one was cut after its effect: the same key finds it.
    expect(room?.messages).toHaveLength(1);
    await driver("both").send({}, "x", options());
    expect(room?.messages).toHaveLength(1);
    expect(await failure(driver("both").edit({}, "no-such", "x", options()))).toMatchObject({ kind: "gone" });
  });

  it("give up when whoever waits has stopped waiting", async () => {
    const { channels, driver } = await platform();
    channels.rooms.get("both")?.script([{ hang: true, effect: false }]);
    const abort = new AbortController();
    const sending = failure(driver("both").send({}, "x", { key: "k", signal: abort.signal }));
    await channels.rooms.get("both")?.until((room) => room.asked.length === 1);
    abort.abort();
    expect((await sending).kind).toBe("failed");
  });
});

describe("an address that misbehaves", () => {
  it("is not followed elsewhere", async () => {
    const asked: string[] = [];
    const driver = await server((request, response) => {
      asked.push(request.url ?? "");
      response.writeHead(307, { location: "/elsewhere" }).end();
    });
    expect((await failure(driver.send({}, "x", options()))).kind).toBe("refused");
    expect(asked).toEqual(["/in/messages"]);
  });

  it("that gives no id is refused where the message has to be changed later, and taken where not", async () => {
    const listener: RequestListener = (_request, response) => void response.end("thanks");
    expect((await failure((await server(listener)).send({}, "x", options()))).kind).toBe("refused");
    expect(await (await server(listener, { edit: false })).send({}, "x", options())).toEqual({ id: "" });
  });

  it("is not read without end", async () => {
    const driver = await server((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(16_384)));
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    });
    expect((await failure(driver.send({}, "x", options()))).kind).toBe("refused");
  });

  it("that names its messages by number, or strangely, is understood", async () => {
    const paths: string[] = [];
    const driver = await server((request, response) => {
      paths.push(request.url ?? "");
      response.end(JSON.stringify({ id: 7 }));
    });
    expect(await driver.send({}, "x", options())).toEqual({ id: "7" });
    await driver.edit({}, "a/../b?c", "x", options());
    expect(paths[1]).toBe("/in/messages/a%2F..%2Fb%3Fc");
  });
});

describe("Retry-After", () => {
  const now = Date.UTC(2026, 10, 23, 12, 0, 0);
  it("is seconds or a date, and nothing when it is neither", () => {
    expect(retryAfterMs("3", now)).toBe(3_000);
    expect(retryAfterMs("0.5", now)).toBe(500);
    expect(retryAfterMs("Mon, 23 Nov 2026 12:01:00 GMT", now)).toBe(60_000);
    expect(retryAfterMs("Mon, 23 Nov 2026 11:00:00 GMT", now)).toBe(0);
    for (const nothing of [null, "", "soon", "9".repeat(30)]) expect(retryAfterMs(nothing, now)).toBeNull();
  });
});

describe("the variable CHANNELS", () => {
  const channel = { type: "webhook", url: "https://example.com/hook", secret: "sixteen letters!" };
  const read = (value: unknown) => parseChannels(JSON.stringify(value));

  it("may be empty, and fills in what is left out", () => {
    expect(parseChannels(undefined)).toEqual({ channels: {}, problems: [] });
    const filled = { ...channel, maxChars: 4_000, edit: false, idempotent: false };
    expect(read({ ops: channel })).toEqual({ channels: { ops: filled }, problems: [] });
  });

  it("says what is wrong without saying the secret", () => {
    const wrong = [
      { ops: { ...channel, url: "http://example.com" } },
      { ops: { ...channel, url: "https://user:pw@example.com" } },
      { ops: { ...channel, secret: "short secret" } },
      { ops: { ...channel, type: "pigeon" } },
      { ops: { ...channel, more: 1 } },
      { "Not a name": channel },
    ];
    for (const value of wrong) {
      const { channels, problems } = read(value);
      expect([value, channels, problems.length > 0]).toEqual([value, {}, true]);
      expect(problems.join()).not.toMatch(/short secret|sixteen letters|user:pw/);
    }
    expect(parseChannels("{").problems).toEqual(["CHANNELS is not JSON"]);
  });

  it("finds no channel by the name of something that every object has", () => {
    const { channels } = read({ ops: channel });
    const drivers = channelDrivers(() => channels, ports);
    expect(drivers("ops")?.name).toBe("ops");
    for (const name of ["toString", "constructor", "__proto__"]) expect(drivers(name)).toBeNull();
  });
});
