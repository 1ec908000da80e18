/** No route reads more than it may, whatever is said of the length. Walked over all of them. */
import { beforeAll, describe, expect, it } from "vitest";
import { limits } from "../../../src/limits.ts";
import { GUARDED_ROUTES } from "../../../src/router/app.ts";
import { createWorld, type World } from "./support/app.ts";
import { person } from "./support/tokens.ts";

/** Routes that look at no body: what is sent along is never read. By hand, so that a new one is thought about. */
const NO_BODY = new Set([
  "DELETE /api/teams/:handle/invitations/:id",
  "DELETE /api/teams/:handle/members/:userId",
  "POST /api/teams/:handle/leave",
  "DELETE /api/agents/:handle/files/content",
  "DELETE /api/agents/:handle/hooks/:hook",
  "DELETE /api/agents/:handle/keys/:key",
  "DELETE /api/agents/:handle/shares/:share",
  "DELETE /api/agents/:handle/threads/:thread",
  "DELETE /api/agents/:handle/threads/:thread/outbox/:delivery",
  "DELETE /api/agents/:handle/threads/:thread/schedules/:id",
  "DELETE /api/agents/:handle/vault/:credential",
  "POST /api/agents/:handle/hooks/:hook/rotate",
  "POST /api/agents/:handle/threads",
  "POST /api/agents/:handle/threads/:thread/outbox/:delivery/resend",
  "POST /api/agents/:handle/threads/:thread/stop",
  "POST /api/agents/:handle/threads/:thread/undo",
  "POST /api/agents/:handle/vault-reseal",
]);
/** Whole files, with limits of their own. */
const FILES: Readonly<Record<string, number>> = {
  "PUT /api/agents/:handle/files/content": limits.uploadBytes,
  "POST /api/agents/:handle/import": limits.importBytes,
};

const WRITES = GUARDED_ROUTES.flatMap(({ path, methods }) =>
  Object.keys(methods)
    .filter((method) => !["GET", "UPGRADE"].includes(method))
    .map((method) => ({ name: `${method} ${path}`, method, path })),
);

let world: World;
let token: string;

beforeAll(async () => {
  const unlimited = { limit: async () => ({ success: true }) };
  world = await createWorld({ RATE_PRINCIPAL: unlimited, RATE_ADDRESS: unlimited, RATE_FAILURE: unlimited });
  // An administrator with an agent and a team: nobody else gets to every handler.
  token = await world.issuer.token(person("alice", { custom: { groups: ["admins"] } }));
  await world.ask("/api/me", { token });
  const crew = { name: "Crew", handle: "crew" };
  expect((await world.ask("/api/teams", { method: "POST", token, body: JSON.stringify(crew) })).status).toBe(
    201,
  );
});

const addressOf = (path: string): string =>
  path
    .replace(":handle", path.startsWith("/api/teams") ? "crew" : "alice")
    .replace(":thread", "plans")
    .replace(/:\w+/g, "x");
const send = (
  { method, path }: { method: string; path: string },
  body: BodyInit,
  headers: Record<string, string> = {},
): Promise<Response> =>
  world.ask(`${addressOf(path)}${path.endsWith("/content") ? "?path=big.bin" : ""}`, {
    method,
    token,
    body,
    headers,
  });

/** In pieces, without a length in front. */
function streamed(bytes: number): ReadableStream<Uint8Array> {
  const piece = new Uint8Array(64 * 1024).fill(32);
  let left = bytes;
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close();
      controller.enqueue(piece.subarray(0, Math.min(left, piece.byteLength)));
      left -= piece.byteLength;
    },
  });
}

const JSON_WRITES = WRITES.filter(({ name }) => !NO_BODY.has(name) && !(name in FILES));

it("knows every route that changes something", () => {
  const names = new Set(WRITES.map(({ name }) => name));
  expect([...NO_BODY, ...Object.keys(FILES)].filter((name) => !names.has(name))).toEqual([]);
  expect(JSON_WRITES.length).toBeGreaterThan(15);
});

describe.each(JSON_WRITES)("$name", (route) => {
  it("takes no body above the limit, with or without its length in front", async () => {
    const most = limits.jsonBodyBytes;
    const whole = await send(route, " ".repeat(most + 1));
    expect([whole.status, await whole.json()]).toEqual([
      413,
      { error: expect.objectContaining({ code: "body_too_large" }) },
    ]);
    expect((await send(route, streamed(most + 1))).status).toBe(413);
    const claimed = await send(route, "{}", { "Content-Length": String(most + 1) });
    expect(claimed.status).toBe(413);
  });
});

describe.each(Object.entries(FILES))("%s", (name, most) => {
  it("takes no file that says that it is larger than allowed", async () => {
    const [method = "", path = ""] = name.split(" ");
    const response = await send({ method, path }, "x", { "Content-Length": String(most + 1) });
    expect(response.status).toBe(413);
  });
});

describe.each([...NO_BODY])("%s", (name) => {
  it("reads no body", async () => {
    const [method = "", path = ""] = name.split(" ");
    let read = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        read += 1;
        controller.enqueue(new Uint8Array(1024));
        if (read > 64) controller.close();
      },
    });
    const response = await send({ method, path }, body);
    expect([413, 500]).not.toContain(response.status);
    // A stream is asked for its first piece before anybody reads it.
    expect(read).toBeLessThan(3);
  });
});
