/** What happened, as the API tells it: requests, changes, what is exported; and the end of an owner. */
import { env, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { check } from "../../../local/lib/audit.ts";
import { userStub } from "../../../src/env.ts";
import { filesPrefix } from "../../../src/names.ts";
import { changePageSchema, requestPageSchema } from "../../../src/protocol/log.ts";
import { purgeAudit } from "../../../src/router/audit-purge.ts";
import { createWorld, signIn, type World } from "./support/app.ts";
import { person } from "./support/tokens.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
let world: World;
let alice: { token: string; id: string; handle: string };
let admin: string;

beforeAll(async () => {
  world = await createWorld();
  alice = await signIn(world, "alice");
  admin = await world.issuer.token(person("root-of-all", { custom: { groups: ["admins"] } }));
});

const json = async (path: string, token: string): Promise<unknown> => {
  const response = await world.ask(path, { token });
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
};
const requests = async (query: string) =>
  requestPageSchema.parse(await json(`/api/audit/requests?${query}`, admin)).requests;
const change = (body: unknown) =>
  world.ask("/api/agents/alice/settings", {
    method: "PATCH",
    token: alice.token,
    body: JSON.stringify(body),
  });
/** The index is told a moment later. */
const changes = (query: string, test: (kinds: string[]) => boolean) =>
  vi.waitFor(
    async () => {
      const page = changePageSchema.parse(await json(`/api/agents/alice/log?${query}`, alice.token));
      expect(test(page.changes.map(({ kind }) => kind))).toBe(true);
      return page;
    },
    { timeout: 10_000, interval: 50 },
  );

describe("the log of requests", () => {
  it("knows who was let in to what, by the route's pattern and never by the address", async () => {
    await world.ask("/api/agents/alice/threads?query=geheim", { token: alice.token });
    const [row] = await requests("person=alice@example.com&route=/api/agents/:handle/threads");
    expect(row).toMatchObject({
      principalId: alice.id,
      kind: "person",
      method: "GET",
      ownerId: alice.id,
      resource: "threads",
      action: "read",
      verdict: "allow",
      status: 200,
    });
    const all = await env.CATALOG.prepare("SELECT * FROM requests").all();
    expect(JSON.stringify(all.results)).not.toContain("geheim");
  });

  it("knows who was refused, and that nobody knows who asked", async () => {
    await world.ask("/api/agents/alice/files", { token: await world.tokenOf("bob") });
    await world.ask("/api/agents/alice/files", { token: null });
    const denied = await requests("verdict=deny&limit=20");
    expect(denied).toContainEqual(
      expect.objectContaining({
        principal: "bob@example.com",
        ownerId: alice.id,
        resource: "files",
        status: 403,
      }),
    );
    expect(denied).toContainEqual(expect.objectContaining({ principalId: "", principal: "", status: 401 }));
  });

  it("leaves out what every page loads, and pages through the rest", async () => {
    const before = await env.CATALOG.prepare("SELECT count(*) AS n FROM requests").first<{ n: number }>();
    await world.ask("/favicon.svg", { token: alice.token });
    await world.ask("/healthz");
    const after = await env.CATALOG.prepare("SELECT count(*) AS n FROM requests").first<{ n: number }>();
    expect(after?.n).toBe(before?.n);

    const first = requestPageSchema.parse(await json("/api/audit/requests?limit=2", admin));
    const next = `/api/audit/requests?limit=2&before=${encodeURIComponent(first.next ?? "")}`;
    const second = requestPageSchema.parse(await json(next, admin));
    expect(first.requests).toHaveLength(2);
    expect(second.requests).toHaveLength(2);
    expect(new Set([...first.requests, ...second.requests].map(({ id }) => id)).size).toBe(4);
  });

  it("writes what the catalog did not take with the next request", async () => {
    const broken = await createWorld();
    const token = await broken.tokenOf("carol");
    await broken.ask("/api/me", { token });
    const real = broken.env.CATALOG;
    broken.env.CATALOG = new Proxy(real, {
      get: (target, key) => {
        if (key !== "prepare") return Reflect.get(target, key);
        return (sql: string) => {
          if (sql.startsWith("INSERT OR IGNORE INTO requests")) throw new Error("D1 is away");
          return target.prepare(sql);
        };
      },
    });
    await broken.ask("/api/agents/carol/usage", { token });
    broken.env.CATALOG = real;
    await broken.ask("/api/me", { token });
    expect(await requests("person=carol@example.com&route=/api/agents/:handle/usage")).toHaveLength(1);
  });

  it("is for administrators", async () => {
    for (const path of ["requests", "changes", "usage"]) {
      expect((await world.ask(`/api/audit/${path}`, { token: alice.token })).status).toBe(403);
      expect((await world.ask(`/api/audit/${path}`, { token: admin })).status).toBe(200);
    }
  });

  it("is kept for a set time", async () => {
    const now = Date.now();
    const insert = (at: number, id: string) =>
      env.CATALOG.prepare(
        "INSERT INTO requests VALUES (?, ?, '', '', '', 'GET', '/old', '', '', '', 'allow', 200)",
      )
        .bind(id, at)
        .run();
    await insert(now - 11 * DAY_MS, "old");
    await insert(now - 9 * DAY_MS, "young");
    expect(await purgeAudit(env.CATALOG, 10, now)).toBe(1);
    expect((await requests("route=/old")).map(({ id }) => id)).toEqual(["young"]);
  });

  it("loses the names of people who are gone", async () => {
    await env.CATALOG.prepare(
      "INSERT INTO requests VALUES ('late', ?, 'ugone', 'gone@example.com', 'person', 'GET', '/late', '', '', '', 'allow', 200)",
    )
      .bind(Date.now())
      .run();
    await purgeAudit(env.CATALOG, 10, Date.now());
    expect(await requests("route=/late")).toEqual([
      expect.objectContaining({ principalId: "ugone", principal: "" }),
    ]);
    expect(await requests("person=alice@example.com&limit=1")).toHaveLength(1);
  });
});

describe("an agent's own log", () => {
  it("says who changed what, and why", async () => {
    await change({ name: "Ada", instructions: "Never mention the war." });
    const { changes: found } = await changes("kind=settings-changed", (kinds) => kinds.length > 0);
    expect(found[0]).toMatchObject({
      ownerId: alice.id,
      thread: "",
      byId: alice.id,
      byName: "alice@example.com",
      byKind: "person",
      detail: { name: "Ada", instructions: "changed" },
    });
    expect(found[0]?.request).not.toBe("");
  });

  it("has a file's change before the file has", async () => {
    const put = await world.ask("/api/agents/alice/files/content?path=plan.md", {
      method: "PUT",
      token: alice.token,
      body: "one",
    });
    expect(put.status).toBe(201);
    const { changes: found } = await changes("kind=file-write", (kinds) => kinds.length > 0);
    expect(found[0]?.detail).toMatchObject({ path: "plan.md" });
  });

  it("is exported with its chain, in which one changed byte is found", async () => {
    await change({ name: "Grace" });
    const response = await world.ask("/api/agents/alice/log.jsonl", { token: alice.token });
    const text = new TextDecoder().decode(await response.arrayBuffer());
    expect(check(text)).toMatchObject({ of: "log", name: alice.id, problems: [] });
    const forged = text.replace("Grace", "Gracf");
    expect(check(forged).problems).toHaveLength(1);
    const lines = text.trimEnd().split("\n");
    const without = [...lines.slice(0, 1), ...lines.slice(2)].join("\n");
    expect(check(without).problems.length).toBeGreaterThan(0);
  });

  it("is its owner's", async () => {
    const bob = await world.tokenOf("bob");
    expect((await world.ask("/api/agents/alice/log", { token: bob })).status).toBe(403);
    expect((await world.ask("/api/agents/alice/log.jsonl", { token: bob })).status).toBe(403);
  });

  it("refuses what is no question", async () => {
    for (const query of ["from=yesterday", "limit=0", "before=nonsense", "limit=1000"]) {
      expect((await world.ask(`/api/agents/alice/log?${query}`, { token: alice.token })).status).toBe(400);
    }
  });
});

describe("erasing an owner", () => {
  it("asks for the handle, and leaves ids alone behind", async () => {
    const eve = await signIn(world, "eve");
    const forgotten = "quittenmarmelade";
    await world.ask(`/api/agents/eve/files/content?path=${forgotten}.md`, {
      method: "PUT",
      token: eve.token,
      body: forgotten,
    });
    await world.ask("/api/agents/eve/settings", {
      method: "PATCH",
      token: eve.token,
      body: JSON.stringify({ instructions: forgotten }),
    });
    const erase = (confirm: string) =>
      world.ask("/api/agents/eve", { method: "DELETE", token: eve.token, body: JSON.stringify({ confirm }) });
    expect((await erase("alice")).status).toBe(400);
    expect((await erase("eve")).status).toBe(204);

    expect((await env.FILES.list({ prefix: filesPrefix(eve.id) })).objects).toEqual([]);
    const dump: string[] = [];
    const { results: tables } = await env.CATALOG.prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'",
    ).all<{ name: string }>();
    for (const { name } of tables) {
      const { results } = await env.CATALOG.prepare(`SELECT * FROM ${name}`).all();
      dump.push(JSON.stringify(results));
    }
    expect(dump.join()).not.toContain(forgotten);
    expect(dump.join()).not.toContain("eve@example.com");
    const inside = await runInDurableObject(
      env.USER.get(env.USER.idFromName(eve.id)),
      (_instance, { storage }) => ({
        changes: storage.sql.exec("SELECT * FROM changes").toArray(),
        settings: storage.sql.exec("SELECT * FROM settings").toArray(),
        erasure: storage.sql.exec<{ done: number }>("SELECT done FROM owner_erasure").one().done,
      }),
    );
    expect(inside).toEqual({ changes: [], settings: [], erasure: 1 });
    const { results: left } = await env.CATALOG.prepare(
      "SELECT kind, by_id, by_name FROM changes WHERE owner_id = ? AND kind = 'owner-erased'",
    )
      .bind(eve.id)
      .all();
    expect(left).toEqual([{ kind: "owner-erased", by_id: eve.id, by_name: "" }]);
  });

  it("is final: a router that still knows the owner begins nothing anew", async () => {
    const mallory = await signIn(world, "mallory");
    const body = JSON.stringify({ confirm: "mallory" });
    await world.ask("/api/agents/mallory", { method: "DELETE", token: mallory.token, body });
    const error = await userStub(env, mallory.id)
      .settings()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "agent_erased" });
  });

  it("goes on after a crash, wherever that was", async () => {
    const trent = await signIn(world, "trent");
    await world.ask("/api/agents/trent/files/content?path=a.md", {
      method: "PUT",
      token: trent.token,
      body: "a",
    });
    const stub = env.USER.get(env.USER.idFromName(trent.id));
    // As a life leaves it that ends right behind the first step.
    await runInDurableObject(stub, (_instance, { storage }) => {
      storage.sql.exec(
        "INSERT INTO owner_erasure (id, at, by, seq, done) VALUES (1, 1, ?, 1, 0)",
        JSON.stringify({ id: trent.id, name: "" }),
      );
    });
    await runInDurableObject(stub, (instance) => Reflect.get(instance, "onAlarm").call(instance));
    expect((await env.FILES.list({ prefix: filesPrefix(trent.id) })).objects).toEqual([]);
    const row = await env.CATALOG.prepare("SELECT 1 FROM users WHERE id = ?").bind(trent.id).first();
    expect(row).toBeNull();
  });
});
