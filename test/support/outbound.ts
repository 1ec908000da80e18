/**
 * What the Worker under test reaches when it fetches: a scriptable local gateway, started when first needed. Tests
 * script it over `http://127.0.0.1:9/_test/...`, the address that the test configuration gives the Worker.
 */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChannelsServer } from "../../local/channels/index.ts";
import type { Gateway } from "../../local/gateway/index.ts";

const HELD: unique symbol = Symbol.for("holdfast.test.gateway") as never; // one symbol for every copy of this file

/** Kept on the process: the test configuration and its teardown load this file separately. */
const held = globalThis as { [HELD]?: Promise<Gateway> };

/** Forwards one request of the Worker. Installed as Miniflare's `outboundService`. */
export async function outbound(request: Request): Promise<Response> {
  held[HELD] ??= start();
  const url = new URL(request.url);
  if (url.pathname.startsWith("/channels/"))
    return toChannels(request, url.pathname.slice("/channels".length));
  if (!/^\/(v1|_test)\//.test(url.pathname)) return new Response("nothing answers here", { status: 404 });
  const target = (await held[HELD]).url + url.pathname + url.search;
  const headers = new Headers(request.headers);
  headers.delete("host");
  const body = request.body ? await request.arrayBuffer() : null;
  return fetch(target, { method: request.method, headers, body });
}

const CHANNELS: unique symbol = Symbol.for("holdfast.test.channels") as never; // likewise
const heldChannels = globalThis as { [CHANNELS]?: Promise<ChannelsServer> };
/** Key and longest message of the channels that the Worker under test has. */
export const CHANNELS_SECRET = "a secret of the test channels";
const CHANNELS_CHARS = 200;

/** Channels of the Worker under test: rooms of a stand-in platform, by what each can do. */
export const TEST_CHANNELS = JSON.stringify(
  Object.fromEntries(
    Object.entries({
      both: [true, true],
      keys: [false, true],
      edit: [true, false],
      plain: [false, false],
    }).map(([name, [edit, idempotent]]) => [
      name,
      {
        type: "webhook",
        url: `http://127.0.0.1:9/channels/${name}`,
        secret: CHANNELS_SECRET,
        maxChars: CHANNELS_CHARS,
        edit,
        idempotent,
      },
    ]),
  ),
);

async function toChannels(request: Request, path: string): Promise<Response> {
  heldChannels[CHANNELS] ??= startChannels();
  const target = `${(await heldChannels[CHANNELS]).url}${path}`;
  const headers = new Headers(request.headers);
  headers.delete("host");
  const body = request.body ? await request.arrayBuffer() : null;
  return fetch(target, { method: request.method, headers, body });
}

async function startChannels(): Promise<ChannelsServer> {
  const module = await import(new URL("../../local/channels/index.ts", import.meta.url).href);
  return module.startChannels({
    secret: CHANNELS_SECRET,
    maxChars: CHANNELS_CHARS,
    scriptable: true,
    prefix: "/channels",
  });
}

async function start(): Promise<Gateway> {
  // Loaded when first needed: this file is part of the test configuration, which all kinds of tests read.
  const { startGateway } = await import(new URL("../../local/gateway/index.ts", import.meta.url).href);
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-gateway-"));
  return startGateway({ dataDir, scriptable: true, paceMs: 0, env: {} });
}

/** Vitest's `globalSetup`: the gateway stops with the tests. */
export function setup(): () => Promise<void> {
  return async () => {
    const gateway = await held[HELD];
    delete held[HELD];
    await gateway?.close();
    const channels = await heldChannels[CHANNELS];
    delete heldChannels[CHANNELS];
    await channels?.close();
  };
}
