import { env } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { userStub } from "../../../src/env.ts";
import { limits } from "../../../src/limits.ts";
import { isThread } from "../../../src/names.ts";
import type { FeedEvent, ThreadUpdate } from "../../../src/protocol/rpc.ts";
import { createWorld, type MeBody, signIn, type World } from "./support/app.ts";
import { service } from "./support/tokens.ts";

let world: World;
let alice: { token: string; id: string; handle: string };

beforeAll(async () => {
  world = await createWorld();
  alice = await signIn(world, "alice");
});

const api = (path: string, init: RequestInit = {}): Promise<Response> =>
  world.ask(`/api/agents/alice${path}`, { token: alice.token, ...init });
const json = (method: string, body: unknown): RequestInit => ({ method, body: JSON.stringify(body) });
const refusal = async (response: Response): Promise<[number, string]> => [
  response.status,
  (await response.json<{ error: { code: string } }>()).error.code,
];
const update = (thread: string, seq: number, more: Partial<ThreadUpdate> = {}): ThreadUpdate => ({
  thread,
  seq,
  status: "idle",
  suggestedTitle: `About ${thread}`,
  preview: "Hello",
  at: 1_000 + seq,
  inputTokens: 0,
  outputTokens: 0,
  transient: false,
  ...more,
});

/** The feed as a console sees it: `next` waits for the next event. */
async function openFeed(): Promise<{ next(): Promise<FeedEvent>; close(): void }> {
  const response = await api("/feed", { headers: { Upgrade: "websocket" } });
  const socket = response.webSocket;
  if (!socket) throw new Error(`The feed answered ${response.status}.`);
  const events: FeedEvent[] = [];
  const waiting: ((event: FeedEvent) => void)[] = [];
  socket.addEventListener("message", ({ data }) => {
    const event: FeedEvent = JSON.parse(String(data));
    const first = waiting.shift();
    if (first) first(event);
    else events.push(event);
  });
  socket.accept();
  return {
    next: async () => events.shift() ?? (await new Promise<FeedEvent>((resolve) => waiting.push(resolve))),
    close: () => socket.close(),
  };
}

describe("me", () => {
  it("says who is asking, what their agent is, and where it runs", async () => {
    const me = await (await world.ask("/api/me", { token: alice.token })).json<MeBody>();
    expect(me).toEqual({
      user: { id: alice.id, handle: "alice", name: "alice@example.com", role: "member", kind: "person" },
      agent: {
        name: "Holdfast",
        instructions: "",
        model: "",
        timeZone: "UTC",
        toolRisks: {},
        version: 0,
      },
      deployment: "local",
      defaultModel: "anthropic/claude-sonnet-4-6",
    });
  });

  it("knows a service by its common name", async () => {
    const token = await world.issuer.token(service("nightly-build.example"));
    const { user } = await (await world.ask("/api/me", { token })).json<MeBody>();
    expect(user).toMatchObject({ kind: "service", role: "service", name: "nightly-build.example" });
    expect(user.handle).toBe("nightly-build-example");
  });
});

describe("settings", () => {
  it("are changed, kept and told to open consoles", async () => {
    const feed = await openFeed();
    expect((await feed.next()).type).toBe("threads");
    const changed = await api("/settings", json("PATCH", { name: " Ada ", model: "openai/gpt-5" }));
    const settings = {
      name: "Ada",
      instructions: "",
      model: "openai/gpt-5",
      timeZone: "UTC",
      toolRisks: {},
      version: 1,
    };
    expect(await changed.json()).toEqual(settings);
    expect(await feed.next()).toEqual({ type: "settings", settings });
    expect(await (await api("/settings")).json()).toEqual(settings);
    feed.close();
  });

  it.each([
    { name: "" },
    { name: "a".repeat(limits.agentNameChars + 1) },
    { instructions: "a".repeat(limits.instructionsChars + 1) },
    { model: "no-provider" },
    { model: "openai/<script>" },
    { timeZone: "Mars/Olympus" },
    { timeZone: "" },
    { toolRisks: { teleport: "auto" } },
    { toolRisks: { write: "perhaps" } },
    { version: 7 },
    { name: 3 },
    [],
    null,
  ])("refuse %j and stay", async (body) => {
    const before = await (await api("/settings")).json();
    expect(await refusal(await api("/settings", json("PATCH", body)))).toEqual([400, "bad_request"]);
    expect(await (await api("/settings")).json()).toEqual(before);
  });
});

describe("bodies", () => {
  it.each(["", "{", "not json"])("that are no JSON (%j) are refused with a reason", async (body) => {
    const response = await api("/settings", { method: "PATCH", body });
    const { error } = await response.json<{ error: { code: string; message: string } }>();
    expect([response.status, error.code]).toEqual([400, "bad_request"]);
    expect(error.message).toMatch(/JSON/);
  });

  it("end at their limit, whether or not they say their length", async () => {
    const big = "x".repeat(limits.jsonBodyBytes + 1);
    expect(await refusal(await api("/settings", { method: "PATCH", body: big }))).toEqual([
      413,
      "body_too_large",
    ]);
    const said = {
      method: "PATCH",
      body: "{}",
      headers: { "Content-Length": String(limits.jsonBodyBytes + 1) },
    };
    expect(await refusal(await api("/settings", said))).toEqual([413, "body_too_large"]);
  });
});

describe("threads", () => {
  it("get a fresh name that nobody has, and are stored with their first message only", async () => {
    const made = await Promise.all(Array.from({ length: 50 }, () => api("/threads", { method: "POST" })));
    const ids = await Promise.all(
      made.map(async (one) => (await one.json<{ thread: { id: string } }>()).thread.id),
    );
    expect(new Set(ids).size).toBe(50);
    expect(ids.every((id) => /^t[a-z2-7]{12}$/.test(id) && isThread(id))).toBe(true);
    expect(await (await api("/threads")).json()).toEqual({ threads: [] });
  });

  it("are listed, searched, renamed and archived", async () => {
    const user = userStub(env, alice.id);
    await user.threadChanged(update("groceries", 1, { preview: "Milk and Äpfel" }));
    await user.threadChanged(update("taxes", 2));
    const ids = async (query: string) =>
      (await (await api(`/threads${query}`)).json<{ threads: { id: string }[] }>()).threads.map(
        ({ id }) => id,
      );
    expect(await ids("")).toEqual(["taxes", "groceries"]);
    expect(await ids("?limit=1")).toEqual(["taxes"]);
    expect(await ids(`?query=${encodeURIComponent("ÄPFEL")}`)).toEqual(["groceries"]);
    expect(await refusal(await api("/threads?limit=0"))).toEqual([400, "bad_request"]);
    expect(await refusal(await api("/threads?limit=x"))).toEqual([400, "bad_request"]);

    const renamed = await (await api("/threads/taxes", json("PATCH", { title: "  Taxes\n2026 " }))).json();
    expect(renamed).toMatchObject({ thread: { id: "taxes", title: "Taxes 2026" } });
    expect(await refusal(await api("/threads/taxes", json("PATCH", { title: " " })))).toEqual([
      400,
      "bad_request",
    ]);
    expect(await refusal(await api("/threads/none", json("PATCH", { title: "x" })))).toEqual([
      404,
      "thread_unknown",
    ]);
    expect(await refusal(await api("/threads/NONE", json("PATCH", { title: "x" })))).toEqual([
      400,
      "thread_invalid",
    ]);

    expect((await api("/threads/taxes", { method: "DELETE" })).status).toBe(204);
    expect(await ids("")).toEqual(["groceries"]);
    expect(await refusal(await api("/threads/taxes", { method: "DELETE" }))).toEqual([404, "thread_unknown"]);
  });
});

describe("messages", () => {
  it("are handed to the conversation with who sent them and a key of their own room", async () => {
    world.reached.length = 0;
    const response = await api("/threads/plans/messages", json("POST", { text: "Hello", key: "k1" }));
    expect([response.status, await response.json()]).toEqual([202, { turn: "turn-1", fresh: true }]);
    await api("/threads/plans/messages", json("POST", { text: "Hello" }));
    await api("/threads/plans/messages", json("POST", { text: "Hello" }));
    expect(world.reached[0]).toEqual({
      name: `${alice.id}.plans`,
      sent: {
        principal: {
          kind: "person",
          userId: alice.id,
          handle: "alice",
          name: "alice@example.com",
          role: "member",
          request: expect.any(String),
        },
        message: { key: "http:k1", source: "http", text: "Hello" },
      },
    });
    const keys = world.reached.map(({ sent }) => sent?.message.key);
    expect(new Set(keys).size).toBe(3);
  });

  it.each([
    [{ text: " \n" }, 400, "message_empty"],
    [{ text: "ä".repeat(limits.messageBytes / 2 + 1) }, 413, "message_too_large"],
    [{ text: "a", key: "" }, 400, "bad_request"],
    [{ text: "a", key: "k".repeat(201) }, 400, "bad_request"],
    [{ text: "a", source: "telegram" }, 400, "bad_request"],
    [{}, 400, "bad_request"],
  ])("%# of the wrong kind never reach it", async (body, status, code) => {
    world.reached.length = 0;
    expect(await refusal(await api("/threads/plans/messages", json("POST", body)))).toEqual([status, code]);
    expect(world.reached).toEqual([]);
  });
});

describe("files", () => {
  const content = (path: string) => `/files/content?path=${encodeURIComponent(path)}`;
  const put = (path: string, body: string, headers: Record<string, string> = {}) =>
    api(content(path), { method: "PUT", body, headers });
  /** The file itself, from the host that it is on. */
  async function kept(path: string, version?: string): Promise<Response> {
    const of = version === undefined ? "" : `&version=${encodeURIComponent(version)}`;
    const sent = await api(content(path) + of);
    expect(sent.status).toBe(302);
    return world.ask(sent.headers.get("Location") ?? "");
  }

  it("are uploaded, listed and downloaded, always as an attachment from another host", async () => {
    const feed = await openFeed();
    await feed.next();
    const name = "notes/Grüße 'n' (more).html";
    const written = await put(name, "<script>1</script>", { "Content-Type": "text/html" });
    expect(written.status).toBe(201);
    expect(await feed.next()).toEqual({ type: "files", paths: [name] });
    feed.close();

    const got = await kept(name);
    expect(await got.text()).toBe("<script>1</script>");
    expect(got.headers.get("Content-Type")).toBe("text/html");
    expect(got.headers.get("Content-Disposition")).toBe(
      "attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%27n%27%20%28more%29.html",
    );
    expect(got.headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(got.headers.get("ETag")).toMatch(/^"[^"]+"$/);

    expect(await (await api("/files")).json()).toMatchObject({
      entries: [{ name: "notes", kind: "directory" }],
    });
    expect(await (await api("/files?path=notes")).json()).toMatchObject({
      entries: [{ path: name, kind: "file" }],
    });
    expect(await (await api("/files/tree")).json()).toMatchObject({ files: [{ path: name }] });
    expect(await env.FILES.head(`s/${alice.id}/${name}`)).not.toBeNull();
  });

  it("that somebody changed meanwhile are both kept", async () => {
    const first = await put("a.txt", "one");
    const { file } = await first.json<{ file: { etag: string } }>();
    expect((await put("a.txt", "two", { "If-Match": `"${file.etag}"` })).status).toBe(200);
    const late = await (await put("a.txt", "three", { "If-Match": `"${file.etag}"` })).json<{
      conflict: { keptAs: string };
    }>();
    expect(await (await kept("a.txt")).text()).toBe("two");
    expect(await (await kept(late.conflict.keptAs)).text()).toBe("three");
    const exists = await (await put("a.txt", "four", { "If-None-Match": "*" })).json();
    expect(exists).toHaveProperty("conflict");
  });

  it.each([
    { "If-Match": "*" },
    { "If-Match": '"a", "b"' },
    { "If-None-Match": '"a"' },
    { "If-Match": '"a"', "If-None-Match": "*" },
  ])("take no condition that they cannot keep (%j)", async (headers) => {
    expect(await refusal(await put("b.txt", "x", headers as Record<string, string>))).toEqual([
      400,
      "bad_request",
    ]);
  });

  it("come back from their versions and from deletion", async () => {
    await put("c.txt", "old");
    await put("c.txt", "new");
    const { versions } = await (await api("/files/versions?path=c.txt")).json<{
      versions: { id: string }[];
    }>();
    expect(versions).toHaveLength(1);
    expect(await (await kept("c.txt", versions[0]?.id)).text()).toBe("old");
    for (const id of ["none", "../../x", `${versions[0]?.id}x`]) {
      const unknown = await kept("c.txt", id);
      expect(await refusal(unknown)).toEqual([404, "version_unknown"]);
    }
    const back = await api("/files/restore", json("POST", { path: "c.txt", version: versions[0]?.id }));
    expect(await back.json()).toMatchObject({ file: { path: "c.txt" } });
    expect(await (await kept("c.txt")).text()).toBe("old");

    expect((await api(content("c.txt"), { method: "DELETE" })).status).toBe(204);
    expect(await refusal(await api(content("c.txt")))).toEqual([404, "file_unknown"]);
    const deleted = await (await api("/files/deleted")).json<{ versions: { path: string; id: string }[] }>();
    const gone = deleted.versions.find(({ path }) => path === "c.txt");
    await api("/files/restore", json("POST", { path: "c.txt", version: gone?.id }));
    expect(await (await kept("c.txt")).text()).toBe("old");
    const wrong = json("POST", { path: "c.txt", version: "none" });
    expect(await refusal(await api("/files/restore", wrong))).toEqual([404, "version_unknown"]);
  });

  it("have a limit, which is checked before a byte is read", async () => {
    const headers = { "Content-Length": String(limits.uploadBytes + 1) };
    expect(await refusal(await put("big.bin", "x", headers))).toEqual([413, "body_too_large"]);
    expect(await refusal(await api(content("big.bin")))).toEqual([404, "file_unknown"]);
  });

  it("may be empty", async () => {
    expect((await api(content("empty"), { method: "PUT" })).status).toBe(201);
    expect(await (await kept("empty")).text()).toBe("");
  });

  it.each(["../bob/x", "a/../../x", "/../x", "..", "a\0b", `s/${"a".repeat(800)}`])(
    "%j is no path, and nothing is written",
    async (path) => {
      const response = await put(path, "x");
      expect(response.status).toBe(400);
      expect(
        (await env.FILES.list({ prefix: "s/" })).objects.every(({ key }) => key.startsWith(`s/${alice.id}/`)),
      ).toBe(true);
    },
  );

  it("need a name", async () => {
    expect(await refusal(await api("/files/content"))).toEqual([400, "bad_request"]);
  });
});
