/** Credentials at the actor that keeps them: what goes in, what comes out for whom, and what is left behind. */
import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { settingsOf, userStub } from "../../../src/env.ts";
import { Keyring } from "../../../src/keyring.ts";
import { teamIdFrom } from "../../../src/names.ts";
import type { PutCredential } from "../../../src/protocol/vault.ts";
import { newUser, objectOf } from "./support.ts";

const SECRET = "ghp_THE-VALUE-THAT-NOBODY-SEES-0123456789";
const by = { id: "u1", name: "alice@example.com", request: "req-1" };
const github = (more: Partial<PutCredential> = {}): PutCredential => ({
  value: SECRET,
  hosts: ["api.github.com"],
  as: { type: "bearer" },
  note: "",
  ...more,
});
const vaultOf = (owner: string) => userStub(env, owner).vault;
const HOUR_MS = 60 * 60 * 1000;

/** Everything in the actor's database, as text. */
const databaseOf = (owner: string): Promise<string> =>
  runInDurableObject(objectOf(owner), (_instance, { storage: { sql } }) => {
    const tables = sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '_cf%'")
      .toArray();
    return JSON.stringify(
      tables.map(({ name }) => [
        name,
        sql
          .exec(`SELECT * FROM "${name}"`)
          .toArray()
          .map((row) => Object.values(row).map(String)),
      ]),
    );
  });

describe("a credential", () => {
  it("is kept and told of without its value", async () => {
    const owner = newUser();
    const made = await vaultOf(owner).put(by, "github", github({ note: "for issues" }));
    expect(made).toMatchObject({
      name: "github",
      hosts: ["api.github.com"],
      as: { type: "bearer" },
      note: "for issues",
      createdBy: "alice@example.com",
      usedAt: null,
      stale: false,
    });
    expect(made.fingerprint).toMatch(/^[\w-]{4}$/);
    expect(await vaultOf(owner).list()).toEqual([made]);
    const all = JSON.stringify(made) + (await databaseOf(owner));
    expect(all).toContain("credential-added");
    expect(all).not.toContain(SECRET);
    expect(all).not.toContain(btoa(SECRET));
  });

  it.each([
    [{ type: "bearer" }, SECRET, "Authorization", `Bearer ${SECRET}`],
    [
      { type: "basic" },
      "alice:päss",
      "Authorization",
      `Basic ${Buffer.from("alice:päss").toString("base64")}`,
    ],
    [{ type: "header", name: "X-Api-Key" }, SECRET, "X-Api-Key", SECRET],
  ] as const)("goes out as %j", async (as, value, name, header) => {
    const owner = newUser();
    await vaultOf(owner).put(by, "one", github({ as, value }));
    expect(await vaultOf(owner).use("https://api.github.com/user")).toEqual({
      credential: "one",
      name,
      value: header,
    });
  });

  it("goes to its hosts and nowhere else, whoever names it", async () => {
    const owner = newUser();
    await vaultOf(owner).put(by, "github", github());
    for (const url of [
      "https://github.com/",
      "http://api.github.com/",
      "https://api.github.com.evil.example/",
    ]) {
      expect([url, await vaultOf(owner).use(url)]).toEqual([url, null]);
      expect([url, await vaultOf(owner).use(url, "github")]).toEqual([url, null]);
    }
    expect(await vaultOf(owner).use("https://api.github.com/", "gitlab")).toBeNull();
  });

  it("is its owner's alone: a team has only what was given to the team", async () => {
    const [user, other] = [newUser(), newUser()];
    const team = teamIdFrom(crypto.getRandomValues(new Uint8Array(20)));
    await vaultOf(user).put(by, "github", github());
    await vaultOf(team).put(by, "github", github({ value: "the-teams-own" }));
    expect(await vaultOf(other).use("https://api.github.com/")).toBeNull();
    expect((await vaultOf(team).use("https://api.github.com/"))?.value).toBe("Bearer the-teams-own");
  });

  it("is chosen by the narrowest host, and not at all when two are equally right", async () => {
    const owner = newUser();
    await vaultOf(owner).put(by, "wide", github({ hosts: ["*.example.com"], value: "wide" }));
    await vaultOf(owner).put(by, "narrower", github({ hosts: ["*.api.example.com"], value: "narrower" }));
    await vaultOf(owner).put(by, "exact", github({ hosts: ["eu.api.example.com"], value: "exact" }));
    const used = async (url: string, name?: string) =>
      (await vaultOf(owner).use(url, name))?.credential ?? null;
    expect(await used("https://www.example.com/")).toBe("wide");
    expect(await used("https://us.api.example.com/")).toBe("narrower");
    expect(await used("https://eu.api.example.com/")).toBe("exact");
    expect(await used("https://eu.api.example.com/", "wide")).toBe("wide");
    await vaultOf(owner).put(by, "other", github({ hosts: ["eu.api.example.com"] }));
    expect(await used("https://eu.api.example.com/")).toBeNull();
    expect(await used("https://eu.api.example.com/", "other")).toBe("other");
  });

  it("is rotated in place", async () => {
    const owner = newUser();
    const first = await vaultOf(owner).put(by, "github", github());
    await vaultOf(owner).use("https://api.github.com/");
    const second = await vaultOf(owner).put(
      { ...by, name: "bob@example.com" },
      "github",
      github({ value: "new" }),
    );
    expect(second).toMatchObject({ createdBy: "alice@example.com", createdAt: first.createdAt });
    expect(second.usedAt).not.toBeNull();
    expect(second.fingerprint).not.toBe(first.fingerprint);
    expect((await vaultOf(owner).use("https://api.github.com/"))?.value).toBe("Bearer new");
  });

  it("is gone when it is revoked", async () => {
    const owner = newUser();
    await vaultOf(owner).put(by, "github", github());
    await vaultOf(owner).revoke(by, "github");
    expect(await vaultOf(owner).use("https://api.github.com/")).toBeNull();
    expect(await vaultOf(owner).list()).toEqual([]);
    await expect(vaultOf(owner).revoke(by, "github")).rejects.toMatchObject({ code: "credential_unknown" });
    expect(await databaseOf(owner)).toContain("credential-revoked");
  });
});

describe("who may manage credentials may not read them", () => {
  it("a further host takes the value again; fewer and narrower ones do not", async () => {
    const owner = newUser();
    await vaultOf(owner).put(by, "one", github({ hosts: ["*.example.com", "api.github.com"] }));
    for (const host of ["evil.example.net", "*.github.com", "api.github.com:8443"])
      await expect(vaultOf(owner).change(by, "one", { hosts: [host] })).rejects.toMatchObject({
        code: "bad_request",
      });
    const changed = await vaultOf(owner).change(by, "one", { hosts: ["a.example.com"], note: "narrow" });
    expect(changed).toMatchObject({ hosts: ["a.example.com"], note: "narrow" });
    expect((await vaultOf(owner).use("https://a.example.com/"))?.value).toBe(`Bearer ${SECRET}`);
    expect(await vaultOf(owner).use("https://api.github.com/")).toBeNull();
    await expect(vaultOf(owner).change(by, "one", { hosts: ["b.example.com"] })).rejects.toThrow(
      /value again/,
    );
  });

  it("a row that is given other hosts in the database cannot be opened", async () => {
    const owner = newUser();
    await vaultOf(owner).put(by, "one", github());
    await runInDurableObject(objectOf(owner), (_instance, { storage: { sql } }) => {
      sql.exec(`UPDATE vault SET hosts = '["evil.example.net"]'`);
    });
    await expect(vaultOf(owner).use("https://evil.example.net/")).rejects.toMatchObject({
      code: "secret_unreadable",
    });
  });

  it("nor one that is moved to another owner", async () => {
    const [owner, thief] = [newUser(), newUser()];
    await vaultOf(owner).put(by, "one", github());
    await vaultOf(thief).put(by, "one", github({ value: "mine" }));
    const sealed = await runInDurableObject(objectOf(owner), (_instance, { storage: { sql } }) =>
      String(sql.exec("SELECT sealed FROM vault").one().sealed),
    );
    await runInDurableObject(objectOf(thief), (_instance, { storage: { sql } }) => {
      sql.exec("UPDATE vault SET sealed = ?", sealed);
    });
    await expect(vaultOf(thief).use("https://api.github.com/")).rejects.toMatchObject({
      code: "secret_unreadable",
    });
  });
});

describe("what is refused", () => {
  it.each([
    ["a line break", { value: "a\r\nX-Evil: 1" }],
    ["a letter beyond ASCII", { value: "geheim-ü" }],
    ["a blank at the end", { value: "abc " }],
    ["a basic one without a colon", { as: { type: "basic" }, value: "alice" }],
    ["a basic one with a line break", { as: { type: "basic" }, value: "alice:a\nb" }],
    ["the header Host", { as: { type: "header", name: "Host" } }],
    ["the header Cookie", { as: { type: "header", name: "cookie" } }],
    ["a header of ours", { as: { type: "header", name: "X-Holdfast-Principal" } }],
    ["an address", { hosts: ["169.254.169.254"] }],
    ["all of a country", { hosts: ["*.co.uk"] }],
  ] as [string, Partial<PutCredential>][])("%s", async (_, more) => {
    const owner = newUser();
    const error = await vaultOf(owner)
      .put(by, "one", github(more))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "bad_request" });
    expect(String(error)).not.toContain(more.value ?? SECRET);
    expect(await vaultOf(owner).list()).toEqual([]);
  });

  it.each(["", "A", "a b", "-a", "a/b", "a".repeat(41)])("the name %j", async (name) => {
    await expect(vaultOf(newUser()).put(by, name, github())).rejects.toMatchObject({ code: "bad_request" });
  });
});

describe("a key of the deployment on its way out", () => {
  const older = (): Keyring => {
    // The pool's bindings have two keys; what was sealed before the newest came was sealed with the other.
    const both = String(env.MASTER_KEYS).split(",");
    const [id = "", encoded = ""] = (both[1] ?? "").split(":");
    return new Keyring([{ id, bytes: Buffer.from(encoded, "base64") }]);
  };
  const sealOld = (owner: string, name: string): Promise<void> =>
    runInDurableObject(objectOf(owner), (_instance, { storage: { sql } }) => {
      const context = JSON.stringify([name, { type: "bearer" }, ["api.github.com"]]);
      sql.exec(
        "UPDATE vault SET sealed = ? WHERE name = ?",
        older().seal("vault", owner, context, SECRET),
        name,
      );
    });

  it("is shown, and replaced when the credential is used", async () => {
    const owner = newUser();
    await vaultOf(owner).put(by, "github", github());
    await sealOld(owner, "github");
    expect((await vaultOf(owner).list())[0]?.stale).toBe(true);
    expect((await vaultOf(owner).use("https://api.github.com/"))?.value).toBe(`Bearer ${SECRET}`);
    expect((await vaultOf(owner).list())[0]?.stale).toBe(false);
    expect((await vaultOf(owner).use("https://api.github.com/"))?.value).toBe(`Bearer ${SECRET}`);
  });

  it("is replaced on demand, and what cannot be read is named", async () => {
    const owner = newUser();
    for (const name of ["a", "b", "lost"]) await vaultOf(owner).put(by, name, github());
    await sealOld(owner, "a");
    await runInDurableObject(objectOf(owner), (_instance, { storage: { sql } }) => {
      sql.exec("UPDATE vault SET sealed = '1.gone.AAAA.AAAA' WHERE name = 'lost'");
    });
    expect(await vaultOf(owner).reseal(by)).toEqual({ resealed: 1, unreadable: ["lost"] });
    expect((await vaultOf(owner).list()).map(({ name, stale }) => [name, stale])).toEqual([
      ["a", false],
      ["b", false],
      ["lost", true],
    ]);
    expect(settingsOf(env).keyring.current).toBe("test");
  });
});

it("notes a use at most once an hour", async () => {
  const owner = newUser();
  await vaultOf(owner).put(by, "github", github());
  await vaultOf(owner).use("https://api.github.com/");
  const set = (usedAt: number): Promise<void> =>
    runInDurableObject(objectOf(owner), (_instance, { storage: { sql } }) => {
      sql.exec("UPDATE vault SET used_at = ?", usedAt);
    });
  const usedAt = async () => (await vaultOf(owner).list())[0]?.usedAt ?? 0;
  const recently = Date.now() - HOUR_MS / 2;
  await set(recently);
  await vaultOf(owner).use("https://api.github.com/");
  expect(await usedAt()).toBe(recently);
  await set(Date.now() - HOUR_MS - 1);
  await vaultOf(owner).use("https://api.github.com/");
  expect(await usedAt()).toBeGreaterThan(recently);
});
