/** Links to read a chat: made by its owner, followed by anybody, refused as soon as they do not stand. */
import { beforeEach, describe, expect, it } from "vitest";
import { settingsOf, userStub } from "../../../src/env.ts";
import type { SharedPage, ShareInfo } from "../../../src/protocol/shares.ts";
import { shareToken } from "../../../src/router/share/token.ts";
import { createWorld, signIn, type World } from "./support/app.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
let world: World;
let alice: { token: string; id: string; handle: string };

/** What the conversation stands in with. */
const said = (id: string, role: "user" | "assistant", text: string, more: Record<string, unknown> = {}) => ({
  id,
  role,
  parts: [{ type: "text", text }],
  metadata: {
    createdAt: 1_000,
    turn: "t1",
    ...(role === "user"
      ? { sender: { id: alice.id, name: "alice@example.com", request: "req-1" } }
      : {
          outcome: "completed",
          model: "demo/one",
          usage: { inputTokens: 7, outputTokens: 8 },
          priceMicros: 9,
        }),
  },
  ...more,
});

beforeEach(async () => {
  world = await createWorld();
  alice = await signIn(world, "alice");
  await userStub(world.env, alice.id).threadChanged({
    thread: "plans",
    seq: 1,
    status: "idle",
    suggestedTitle: "Plans for May",
    preview: "",
    at: 1_000,
    inputTokens: 0,
    outputTokens: 0,
    transient: false,
  });
  world.answer = () => Response.json([said("m1", "user", "Hello"), said("a_1", "assistant", "Good day")]);
  world.reached.length = 0;
});

const api = (path: string): string => `/api/agents/${alice.handle}${path}`;
async function share(body: Record<string, unknown> = {}): Promise<{ share: ShareInfo; path: string }> {
  const response = await world.ask(api("/threads/plans/shares"), {
    method: "POST",
    token: alice.token,
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(201);
  const made = await response.json<{ share: ShareInfo; url: string }>();
  return { share: made.share, path: new URL(made.url).pathname };
}
/** As somebody who has nothing but the address. */
const follow = (path: string, headers: Record<string, string> = {}) => world.ask(path, { headers });
const pageAt = async (path: string): Promise<SharedPage> => {
  const response = await follow(`${path}/messages`);
  expect(response.status).toBe(200);
  return response.json<SharedPage>();
};

describe("a link", () => {
  it("shows the chat to whoever has it, and nothing of its people, its price or its names", async () => {
    const { path, share: made } = await share();
    expect(made).toMatchObject({
      thread: "plans",
      live: true,
      names: false,
      details: false,
      revokedAt: null,
    });
    const page = await pageAt(path);
    expect(page).toEqual({
      title: "Plans for May",
      agent: "",
      live: true,
      expiresAt: made.expiresAt,
      messages: [
        { id: "m1", role: "user", at: 1_000, parts: [{ type: "text", text: "Hello" }] },
        {
          id: "a_1",
          role: "assistant",
          at: 1_000,
          outcome: "completed",
          parts: [{ type: "text", text: "Good day" }],
        },
      ],
    });
  });

  it("names people by what stands before the @ when its maker wants that", async () => {
    const { path } = await share({ names: "show" });
    const page = await pageAt(path);
    expect(page.messages[0]?.by).toBe("alice");
    expect(page.agent).not.toBe("");
    expect(JSON.stringify(page)).not.toContain("example.com");
    expect(JSON.stringify(page)).not.toContain(alice.id);
  });

  it("asks the conversation as itself, without a right to write", async () => {
    const { path, share: made } = await share();
    await pageAt(path);
    const { request } = world.reached.at(-1) ?? {};
    expect(JSON.parse(request?.headers.get("x-holdfast-principal") ?? "{}")).toMatchObject({
      kind: "link",
      role: "link",
      of: { id: made.id, ownerId: alice.id },
    });
    expect(JSON.parse(request?.headers.get("x-holdfast-rights") ?? "{}")).toEqual({
      write: false,
      decide: false,
    });
  });

  it("has a page of its own, which no search engine keeps and which tells nobody its address", async () => {
    const { path } = await share();
    const response = await follow(path);
    expect(response.status).toBe(200);
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect(response.headers.get("x-robots-tag")).toContain("noindex");
    expect(response.headers.get("cache-control")).toBe("no-store");
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(await response.text()).toContain("shared chat");
  });

  it("says in a line that there is nothing new", async () => {
    const { path } = await share();
    const first = await follow(`${path}/messages`);
    const etag = first.headers.get("etag") ?? "";
    expect((await follow(`${path}/messages`, { "If-None-Match": etag })).status).toBe(304);
    world.answer = () => Response.json([said("m1", "user", "Hello again")]);
    expect((await follow(`${path}/messages`, { "If-None-Match": etag })).status).toBe(200);
  });

  it("opens nothing but its own page: not the chat's socket, not files, not another chat", async () => {
    const { path } = await share();
    const token = path.slice("/s/".length);
    for (const other of [`${path}/files`, `${path}/messages/x`, `/s/${token}/../../api/me`, "/s", "/s/"])
      expect([other, (await follow(other)).status]).not.toEqual([other, 200]);
    for (const method of ["POST", "PUT", "PATCH", "DELETE"])
      expect((await world.ask(`${path}/messages`, { method })).status).toBe(404);
    const socket = await world.ask(path, { headers: { Upgrade: "websocket", Connection: "Upgrade" } });
    expect(socket.webSocket).toBeFalsy();
  });
});

describe("what it leaves out", () => {
  const busy = () =>
    Response.json([
      said("m1", "user", "Look", {
        parts: [
          { type: "text", text: "Look" },
          {
            type: "file",
            url: "workspace:/private/plan.pdf",
            mediaType: "application/pdf",
            filename: "plan.pdf",
          },
        ],
      }),
      said("a_1", "assistant", "Done", {
        parts: [
          { type: "step-start" },
          { type: "reasoning", text: "thoughts" },
          {
            type: "tool-read",
            toolCallId: "c1",
            state: "output-available",
            input: { path: "in/secret.md" },
            output: { text: "inside" },
          },
          {
            type: "tool-shell",
            toolCallId: "c2",
            state: "output-error",
            input: { command: "x" },
            errorText: "went wrong",
          },
          {
            type: "tool-write",
            toolCallId: "c3",
            state: "approval-requested",
            input: { path: "out.md" },
            approval: { id: "c3" },
          },
          { type: "data-joined", data: { messageIds: ["m1"] } },
          { type: "text", text: "Done" },
        ],
      }),
      { ...said("m2", "user", "later"), metadata: { createdAt: 2, waiting: "queued" } },
    ]);

  it("arguments, results, thoughts, files and what waits", async () => {
    world.answer = busy;
    const { path } = await share();
    const page = await pageAt(path);
    expect(page.messages).toEqual([
      { id: "m1", role: "user", at: 1_000, parts: [{ type: "text", text: "Look" }], attachments: 1 },
      {
        id: "a_1",
        role: "assistant",
        at: 1_000,
        outcome: "completed",
        parts: [
          { type: "tool", name: "read", state: "done" },
          { type: "tool", name: "shell", state: "failed" },
          { type: "tool", name: "write", state: "asking" },
          { type: "text", text: "Done" },
        ],
      },
    ]);
  });

  it("but arguments, results and thoughts when its maker chose so", async () => {
    world.answer = busy;
    const { path } = await share({ details: "show" });
    const parts = (await pageAt(path)).messages[1]?.parts;
    expect(parts?.[0]).toEqual({ type: "reasoning", text: "thoughts" });
    expect(parts?.[1]).toEqual({
      type: "tool",
      name: "read",
      state: "done",
      input: { path: "in/secret.md" },
      output: { text: "inside" },
    });
    expect(JSON.stringify(parts)).not.toContain("plan.pdf");
  });
});

describe("where it ends", () => {
  it("follows the chat unless its maker says otherwise", async () => {
    const { path } = await share();
    await pageAt(path);
    expect(new URL(world.reached.at(-1)?.request?.url ?? "").searchParams.get("until")).toBeNull();
  });

  it("ends with what was said last, when it is fixed", async () => {
    world.answer = () =>
      Response.json([
        said("m1", "user", "Hello"),
        said("a_1", "assistant", "Good day"),
        { ...said("m2", "user", "waits"), metadata: { createdAt: 2, waiting: "queued" } },
      ]);
    const { path, share: made } = await share({ live: false });
    expect(made.live).toBe(false);
    await pageAt(path);
    expect(new URL(world.reached.at(-1)?.request?.url ?? "").searchParams.get("until")).toBe("a_1");
  });

  it("ends with the message that its maker chose, if there is one of that name", async () => {
    world.answer = (request) =>
      Response.json(
        new URL(request.url).searchParams.get("until") === "m1" ? [said("m1", "user", "Hello")] : [],
      );
    const { path, share: made } = await share({ upTo: "m1" });
    expect(made.live).toBe(false);
    expect((await pageAt(path)).messages).toHaveLength(1);
    const wrong = { method: "POST", token: alice.token, body: JSON.stringify({ upTo: "nothing" }) };
    expect((await world.ask(api("/threads/plans/shares"), wrong)).status).toBe(400);
  });

  it("older messages come page by page", async () => {
    const many = Array.from({ length: 101 }, (_, at) => said(`m${at}`, "user", String(at)));
    world.answer = () => Response.json(many);
    const { path } = await share();
    const page = await pageAt(path);
    expect([page.messages.length, page.older]).toEqual([100, "m1"]);
    await follow(`${path}/messages?before=m1`);
    expect(new URL(world.reached.at(-1)?.request?.url ?? "").searchParams.get("before")).toBe("m1");
  });
});

describe("a link that does not stand", () => {
  const codeAt = async (path: string): Promise<[number, string]> => {
    const response = await follow(`${path}/messages`);
    return [response.status, (await response.json<{ error: { code: string } }>()).error.code];
  };

  it("a forged one is refused without a look-up", async () => {
    const { path } = await share();
    const asked: string[] = [];
    world.env.CATALOG = new Proxy(world.env.CATALOG, {
      get(target, key) {
        const method: unknown = Reflect.get(target, key, target);
        if (typeof method !== "function") return method;
        return (...given: unknown[]) => {
          if (String(given[0]).includes("shares")) asked.push(String(given[0]));
          return Reflect.apply(method, target, given);
        };
      },
    });
    const before = world.reached.length;
    for (let at = 3; at < path.length; at++) {
      const forged = `${path.slice(0, at)}${path[at] === "a" ? "b" : "a"}${path.slice(at + 1)}`;
      expect([forged, await codeAt(forged)]).toEqual([forged, [404, "not_found"]]);
    }
    expect([world.reached.length, asked]).toEqual([before, []]);
    await follow(path);
    expect(asked).toHaveLength(1);
  });

  it("one that expired is refused without a look-up, to the second", async () => {
    const { path, share: made } = await share({ expiresInDays: 1 });
    world.clock.now = made.expiresAt - 1;
    expect((await follow(`${path}/messages`)).status).toBe(200);
    world.clock.now = made.expiresAt;
    expect(await codeAt(path)).toEqual([410, "share_over"]);
  });

  it("one that is signed and that nobody made wakes nothing", async () => {
    const { keyring } = settingsOf(world.env);
    const token = shareToken(keyring, "a".repeat(20), world.clock.now + DAY_MS);
    const before = world.reached.length;
    expect(await codeAt(`/s/${token}`)).toEqual([410, "share_over"]);
    expect(world.reached.length).toBe(before);
  });

  it("one that was withdrawn leads nowhere at once", async () => {
    const { path, share: made } = await share();
    expect((await follow(path)).status).toBe(200);
    const revoked = await world.ask(api(`/shares/${made.id}`), { method: "DELETE", token: alice.token });
    expect(revoked.status).toBe(204);
    expect(await codeAt(path)).toEqual([410, "share_over"]);
    expect((await follow(path)).status).toBe(410);
    const { shares } = await (await world.ask(api("/shares"), { token: alice.token })).json<{
      shares: ShareInfo[];
    }>();
    expect(shares[0]?.revokedAt).not.toBeNull();
  });

  it("not even when the catalog has not heard of it", async () => {
    const { path, share: made } = await share();
    await userStub(world.env, alice.id).shares.revoke({ id: alice.id, name: "alice" }, made.id);
    await world.env.CATALOG.prepare("UPDATE shares SET revoked_at = NULL WHERE id = ?").bind(made.id).run();
    expect(await codeAt(path)).toEqual([410, "share_over"]);
  });
});

describe("who may make one", () => {
  const make = (token: string, body: unknown = {}) =>
    world.ask(api("/threads/plans/shares"), { method: "POST", token, body: JSON.stringify(body) });

  it("not somebody else, and not of a chat that is not there", async () => {
    const bob = await signIn(world, "bob");
    expect((await make(bob.token)).status).toBe(403);
    const nothing = { method: "POST", token: alice.token, body: "{}" };
    expect((await world.ask(api("/threads/nothing/shares"), nothing)).status).toBe(404);
  });

  it.each([
    { expiresInDays: 0 },
    { expiresInDays: 91 },
    { expiresInDays: 1.5 },
    { live: true, upTo: "m1" },
    { names: "yes" },
    { other: 1 },
  ])("not with %j", async (body) => {
    expect((await make(alice.token, body)).status).toBe(400);
  });

  it("its address is shown once, and kept nowhere", async () => {
    const { path } = await share();
    const secret = path.split(".").at(-1) ?? "";
    const list = await (await world.ask(api("/shares"), { token: alice.token })).text();
    expect(list).toContain("plans");
    expect(list).not.toContain(secret);
    const rows = await world.env.CATALOG.prepare("SELECT * FROM shares").all();
    expect(JSON.stringify(rows.results)).not.toContain(secret);
  });
});
