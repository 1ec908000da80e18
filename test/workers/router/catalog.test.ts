import { env } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { isHandle, isUserId } from "../../../src/names.ts";
import type { Identity } from "../../../src/router/access.ts";
import { createCatalog } from "../../../src/router/catalog.ts";
import { migrateCatalog } from "./support/app.ts";

const clock = { now: 1_000_000 };
const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
const fresh = () => createCatalog({ now: () => clock.now, random });
const identity = (name: string, more: Partial<Identity> = {}): Identity => ({
  kind: "person",
  issuer: "https://team.example",
  subject: `sub-${name}`,
  name: `${name}@example.com`,
  groups: [],
  posture: [],
  ...more,
});

beforeAll(async () => {
  await migrateCatalog(env.CATALOG);
  await migrateCatalog(env.CATALOG); // safe to run twice
});

describe("a user", () => {
  it("is made at first sight, once, however many requests see them first", async () => {
    const seen = await Promise.all(
      Array.from({ length: 30 }, () => fresh().userOf(env.CATALOG, identity("carol"))),
    );
    expect(new Set(seen.map(({ userId }) => userId)).size).toBe(1);
    expect(isUserId(seen[0]?.userId ?? "")).toBe(true);
    expect(seen[0]?.handle).toBe("carol");
    const rows = await env.CATALOG.prepare(
      "SELECT COUNT(*) AS n FROM users WHERE subject = 'sub-carol'",
    ).first("n");
    expect(rows).toBe(1);
  });

  it("gets a number behind a handle that is taken, also when many come at once", async () => {
    const people = Array.from({ length: 25 }, (_, n) => identity("dora", { subject: `dora-${n}` }));
    const users = await Promise.all(people.map((one) => fresh().userOf(env.CATALOG, one)));
    const handles = users.map(({ handle }) => handle);
    expect(new Set(handles).size).toBe(25);
    expect(handles).toContain("dora");
    expect(handles).toContain("dora-2");
    expect(handles.every(isHandle)).toBe(true);
    expect(await Promise.all(people.map((one) => fresh().userOf(env.CATALOG, one)))).toEqual(users);
  });

  it("has a handle that stays within its length", async () => {
    const name = "abcdefghijklmnopqrstuvwxyz-abcdefgh";
    const users = [];
    for (const subject of ["l-1", "l-2", "l-3"]) {
      users.push(await fresh().userOf(env.CATALOG, identity(name, { subject })));
    }
    expect(users.every(({ handle }) => isHandle(handle))).toBe(true);
    expect(new Set(users.map(({ handle }) => handle)).size).toBe(3);
  });

  it("is not the service, the issuer or the person of the same subject", async () => {
    const subject = "shared";
    const all = await Promise.all([
      fresh().userOf(env.CATALOG, identity("eve", { subject })),
      fresh().userOf(env.CATALOG, identity("eve", { subject, kind: "service" })),
      fresh().userOf(env.CATALOG, identity("eve", { subject, issuer: "https://other.example" })),
    ]);
    expect(new Set(all.map(({ userId }) => userId)).size).toBe(3);
  });

  it("keeps id and handle when the e-mail address changes", async () => {
    const catalog = fresh();
    const before = await catalog.userOf(env.CATALOG, identity("frank"));
    const after = await catalog.userOf(env.CATALOG, identity("frank", { name: "franklin@example.com" }));
    expect(after).toEqual(before);
    const name = await env.CATALOG.prepare("SELECT name FROM users WHERE id = ?")
      .bind(before.userId)
      .first("name");
    expect(name).toBe("franklin@example.com");
  });

  it("is looked up again after twenty seconds, and not before", async () => {
    const { db, counted } = counting(env.CATALOG);
    const catalog = fresh();
    await catalog.userOf(db, identity("gina"));
    const first = counted.statements;
    await catalog.userOf(db, identity("gina"));
    clock.now += 19_000;
    await catalog.userOf(db, identity("gina"));
    expect(counted.statements).toBe(first);
    clock.now += 2_000;
    await catalog.userOf(db, identity("gina"));
    expect(counted.statements).toBe(first + 1);
  });
});

describe("a handle", () => {
  it("names an agent, or nobody's, and nobody's is asked for again", async () => {
    const catalog = fresh();
    await expect(catalog.agentOf(env.CATALOG, "hana")).rejects.toMatchObject({ code: "agent_unknown" });
    const user = await catalog.userOf(env.CATALOG, identity("hana"));
    const agent = { ownerId: user.userId, handle: "hana" };
    expect(await catalog.agentOf(env.CATALOG, "hana")).toEqual(agent);
    expect(await catalog.agentById(env.CATALOG, user.userId)).toEqual(agent);
    expect(await catalog.agentById(env.CATALOG, "uaaaaaaaaaaaaaaaaaaaa")).toBeNull();
  });

  it("is not given to somebody whose name only looks like another's", async () => {
    const catalog = fresh();
    const first = await catalog.userOf(env.CATALOG, identity("milo"));
    const second = await catalog.userOf(env.CATALOG, identity("m1lo"));
    const third = await catalog.userOf(env.CATALOG, identity("mi-lo"));
    expect([first.handle, second.handle, third.handle]).toEqual(["milo", "m1lo-2", "mi-lo-3"]);
  });
});

it("says that storage failed, without the statement, when D1 does not answer", async () => {
  const broken = {
    prepare: () => ({ bind: () => ({ first: () => Promise.reject(new Error("D1_ERROR: secret")) }) }),
  };
  const failing = fresh().userOf(broken as unknown as D1Database, identity("ida")); // the query is all that is used
  const error: unknown = await failing.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "storage_failed" });
  expect(String(error)).not.toContain("secret");
});

function counting(db: D1Database): { db: D1Database; counted: { statements: number } } {
  const counted = { statements: 0 };
  const proxy = new Proxy(db, {
    get(target, key) {
      if (key === "prepare") counted.statements += 1;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { db: proxy, counted };
}
