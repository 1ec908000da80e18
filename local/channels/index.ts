/**
 * A stand-in chat platform on loopback, so that replies to channels can be seen and tried on one machine. Its rooms
 * differ in what their platform can do: `both` takes keys and edits, `keys` and `edit` one of them, `plain` neither.
 *
 *   POST  /{room}/messages, PATCH /{room}/messages/{id}   what the channel driver `webhook` calls
 *   GET   /{room}                                         what a reader of the room sees
 *   POST  /_test/{room}                                   what the next requests meet; only when scriptable
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { z } from "zod";
import { parseJson, readBody } from "../gateway/body.ts";
import { type Answer, fateSchema, Room, type RoomTraits } from "./room.ts";

export type { Fate } from "./room.ts";

/** Largest body that is read. */
const BODY_BYTES = 1024 * 1024;
/** How old a signature may be: about what clocks and retries need. */
const SIGNATURE_MS = 5 * 60 * 1000;

const ROOMS: Readonly<Record<string, RoomTraits>> = {
  both: { maxChars: 4_000, edit: true, idempotent: true },
  keys: { maxChars: 4_000, edit: false, idempotent: true },
  edit: { maxChars: 4_000, edit: true, idempotent: false },
  plain: { maxChars: 4_000, edit: false, idempotent: false },
};

export interface ChannelsOptions {
  /** 0 or absent: any free port. */
  port?: number;
  /** Key that requests are signed with. */
  secret: string;
  now?: () => number;
  /** Longest message of each room, for tests of long texts. */
  maxChars?: number;
  /** What a proxy took off the front of each path; signatures are for the whole of it. */
  prefix?: string;
  /** Serves `/_test/...` too. */
  scriptable?: boolean;
}

export interface ChannelsServer {
  /** `http://127.0.0.1:<port>`. */
  url: string;
  rooms: ReadonlyMap<string, Room>;
  /** Value of the Worker's variable `CHANNELS` that makes these rooms its channels. */
  config: string;
  close(): Promise<void>;
}

/** Starts the platform on 127.0.0.1. */
export async function startChannels(options: ChannelsOptions): Promise<ChannelsServer> {
  const now = options.now ?? Date.now;
  const rooms = new Map(
    Object.entries(ROOMS).map(([name, traits]) => [
      name,
      new Room({ ...traits, maxChars: options.maxChars ?? traits.maxChars }),
    ]),
  );
  const platform: Platform = {
    rooms,
    now,
    secret: options.secret,
    scriptable: options.scriptable ?? false,
    prefix: options.prefix ?? "",
  };
  const server = createServer((request, response) => {
    // A rejection: the client left in the middle of its request.
    serve(platform, request, response).catch(() => response.destroy());
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("The platform has no port.");
  const url = `http://127.0.0.1:${address.port}`;
  return {
    url,
    rooms,
    config: channelsConfig(url, options.secret, rooms),
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The rooms as the Worker's configuration names them. */
export function channelsConfig(
  url: string,
  secret: string,
  rooms: Iterable<[string, Pick<Room, "traits">]>,
): string {
  const entries = [...rooms].map(([name, { traits }]) => [
    name,
    { type: "webhook", url: `${url}/${name}`, secret, ...traits },
  ]);
  return JSON.stringify(Object.fromEntries(entries));
}

interface Platform {
  rooms: ReadonlyMap<string, Room>;
  now(): number;
  secret: string;
  scriptable: boolean;
  prefix: string;
}

async function serve(platform: Platform, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? "/").split("?")[0] ?? "/";
  const [, first = "", second = "", id] = path.split("/");
  if (platform.scriptable && first === "_test") return script(platform.rooms.get(second), request, response);
  const room = platform.rooms.get(first);
  if (request.method === "GET" && path === "/")
    return json(response, 200, { rooms: [...platform.rooms.keys()] });
  if (!room) return json(response, 404, { error: "There is no such room." });
  if (request.method === "GET" && second === "") return json(response, 200, seen(room));
  const body = String((await readBody(request, BODY_BYTES)) ?? "");
  if (!isSigned(platform, request, body))
    return json(response, 401, { error: "The signature is not right." });
  const { value } = parseJson(body);
  if (request.method === "POST" && second === "messages" && id === undefined) {
    return answer(response, room.send(value));
  }
  if (request.method === "PATCH" && second === "messages" && id !== undefined) {
    return answer(response, room.edit(decodeURIComponent(id), value));
  }
  json(response, 404, { error: "There is nothing at this address." });
}

const seen = (room: Room) => ({
  messages: room.messages.map(({ id, to, texts }) => ({ id, to, text: texts.at(-1) })),
});

/** As the driver signs: `v1=` and the hex of HMAC-SHA256 over time, method, path and body. */
function isSigned(platform: Platform, request: IncomingMessage, body: string): boolean {
  const timestamp = String(request.headers["holdfast-timestamp"] ?? "");
  if (Math.abs(platform.now() - Number(timestamp) * 1000) > SIGNATURE_MS) return false;
  const text = `${timestamp}.${request.method}.${platform.prefix}${request.url}.${body}`;
  const right = Buffer.from(`v1=${createHmac("sha256", platform.secret).update(text).digest("hex")}`);
  const given = Buffer.from(String(request.headers["holdfast-signature"] ?? ""));
  return given.length === right.length && timingSafeEqual(given, right);
}

function answer(response: ServerResponse, { status, body, retryAfter, lost }: Answer): void {
  if (lost === "cut") return void response.destroy();
  if (lost === "hang") return; // until whoever asked gives up
  if (retryAfter !== undefined) response.setHeader("retry-after", String(retryAfter));
  json(response, status, body);
}

/** `POST` adds fates, `DELETE` clears the room, `GET` tells everything that was asked and seen. */
async function script(
  room: Room | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!room) return json(response, 404, { error: "There is no such room." });
  if (request.method === "GET") return json(response, 200, { messages: room.messages, asked: room.asked });
  if (request.method === "DELETE") {
    room.clear();
    return json(response, 200, {});
  }
  const { value } = parseJson(String((await readBody(request, BODY_BYTES)) ?? ""));
  const parsed = z.array(fateSchema).safeParse(value);
  if (!parsed.success) return json(response, 400, { error: parsed.error.message });
  room.script(parsed.data);
  json(response, 200, {});
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
