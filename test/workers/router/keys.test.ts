/** Keys of an agent: their life, and who may use one. Over real user actors and the real catalog. */
import { runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { keyListSchema, madeKeySchema } from "../../../src/protocol/keys.ts";
import { objectOf } from "../user/support.ts";
import { createWorld, signIn, type World } from "./support/app.ts";

const DAY = 24 * 60 * 60 * 1000;
let world: World;
let alice: { token: string; id: string; handle: string };

beforeAll(async () => {
  world = await createWorld();
  alice = await signIn(world, "keys-alice");
});

const keys = (path = "", init: RequestInit = {}, who = alice): Promise<Response> =>
  world.ask(`/api/agents/${alice.handle}/keys${path}`, { ...init, token: who.token });
const post = (body: unknown): RequestInit => ({ method: "POST", body: JSON.stringify(body) });
const make = async (more: object = {}) => {
  const response = await keys("", post({ name: "CI", scopes: ["read"], ...more }));
  expect(response.status).toBe(201);
  return madeKeySchema.parse(await response.json());
};
/** The status and code that a key is answered with. */
async function used(
  secret: string,
  handle = alice.handle,
  path = "/models",
): Promise<[number, string | null]> {
  const response = await world.ask(`/keyed/${handle}/v1${path}`, {
    headers: { Authorization: `Bearer ${secret}`, Origin: "none" },
  });
  const { error } = await response.json<{ error?: { code: string } }>();
  return [response.status, error?.code ?? null];
}
const change = (sql: string, ...values: (string | number | null)[]): Promise<void> =>
  runInDurableObject(objectOf(alice.id), (_, state) => {
    state.storage.sql.exec(sql, ...values);
  });

describe("a key", () => {
  it("is shown once, and nowhere kept", async () => {
    const { key, secret } = await make({ name: "Shown once" });
    expect(key).toMatchObject({ name: "Shown once", scopes: ["read"], state: "active", usedAt: null });
    expect(key.expiresAt - key.createdAt).toBe(90 * DAY);
    const list = await (await keys()).text();
    expect(list).toContain(key.id);
    expect(list).not.toContain(secret.slice(20));
    const kept = await runInDurableObject(objectOf(alice.id), (_, state) =>
      ["api_keys", "changes"].map((table) =>
        JSON.stringify(state.storage.sql.exec(`SELECT * FROM ${table}`).toArray()),
      ),
    );
    const catalog = await world.env.CATALOG.prepare("SELECT * FROM api_keys").all();
    expect([...kept, JSON.stringify(catalog.results)].join()).not.toContain(secret.slice(20));
  });

  it("works, and it is noted that it does", async () => {
    const { key, secret } = await make();
    expect(await used(secret)).toEqual([200, null]);
    const { keys: list } = keyListSchema.parse(await (await keys()).json());
    expect(list.find(({ id }) => id === key.id)?.usedAt).toBeGreaterThan(0);
  });

  it.each([
    [{ name: "" }],
    [{ scopes: [] }],
    [{ scopes: ["everything"] }],
    [{ expiresInDays: 0 }],
    [{ expiresInDays: 367 }],
    [{ thread: "Not A Thread" }],
    [{ more: 1 }],
  ])("is not made with %j", async (body) => {
    expect((await keys("", post({ name: "CI", scopes: ["read"], ...body }))).status).toBe(400);
  });

  it("has its uses logged by no one's name but its maker's", async () => {
    const { key } = await make({ name: "Traced" });
    await keys(`/${key.id}`, { method: "PATCH", body: JSON.stringify({ name: "Renamed" }) });
    await keys(`/${key.id}`, { method: "DELETE" });
    const rows = await runInDurableObject(objectOf(alice.id), (_, state) =>
      state.storage.sql
        .exec<{ kind: string; payload: string }>("SELECT kind, payload FROM changes ORDER BY seq")
        .toArray()
        .filter(({ payload }) => payload.includes(key.id)),
    );
    expect(rows.map(({ kind }) => kind)).toEqual(["key-created", "key-renamed", "key-revoked"]);
    expect(rows.every(({ payload }) => JSON.parse(payload).by.id === alice.id)).toBe(true);
  });
});

describe("a key is refused", () => {
  it("that has expired", async () => {
    const { key, secret } = await make();
    await change("UPDATE api_keys SET expires_at = ? WHERE id = ?", Date.now() - 1, key.id);
    expect(await used(secret)).toEqual([401, "invalid_api_key"]);
    expect((await keys(`/${key.id}/rotate`, post({}))).status).toBe(409);
  });

  it("that was revoked, when the answer to that is out", async () => {
    const { key, secret } = await make();
    await keys(`/${key.id}`, { method: "DELETE" });
    expect(await used(secret)).toEqual([401, "invalid_api_key"]);
  });

  it("by the actor, also when the catalog has not heard of it", async () => {
    const { key, secret } = await make();
    await change("UPDATE api_keys SET revoked_at = ? WHERE id = ?", Date.now(), key.id);
    expect(await used(secret)).toEqual([401, "invalid_api_key"]);
  });

  it("whose overlap is over", async () => {
    const { key, secret } = await make();
    expect((await keys(`/${key.id}/rotate`, post({ overlapHours: 1 }))).status).toBe(200);
    expect(await used(secret)).toEqual([200, null]);
    await change("UPDATE api_keys SET old_until = ? WHERE id = ?", Date.now() - 1, key.id);
    expect(await used(secret)).toEqual([401, "invalid_api_key"]);
  });

  it("whose maker is disabled", async () => {
    const { secret } = await make();
    const state = (at: number | null) =>
      world.env.CATALOG.prepare(
        "INSERT OR REPLACE INTO user_state (user_id, disabled_at, seq) VALUES (?, ?, 1)",
      )
        .bind(alice.id, at)
        .run();
    await state(Date.now());
    expect(await used(secret)).toEqual([401, "invalid_api_key"]);
    await state(null);
    expect(await used(secret)).toEqual([200, null]);
  });

  it("that only the catalog knows", async () => {
    const { key, secret } = await make();
    await change("DELETE FROM api_keys WHERE id = ?", key.id);
    expect(await used(secret)).toEqual([401, "invalid_api_key"]);
  });

  it("at another's agent, and for what its scopes do not say", async () => {
    const bob = await signIn(world, "keys-bob");
    const { secret } = await make({ scopes: ["chat"] });
    expect(await used(secret, bob.handle)).toEqual([403, "forbidden"]);
    expect(await used(secret)).toEqual([403, "key_scope"]);
  });

  it("in a query, in another header, or as a cookie", async () => {
    const { secret } = await make();
    for (const init of [
      { headers: { "x-api-key": secret } },
      { headers: { Cookie: `key=${secret}` } },
      { headers: { Authorization: `Basic ${btoa(`:${secret}`)}` } },
    ]) {
      const response = await world.ask(`/keyed/${alice.handle}/v1/models?key=${secret}`, init);
      expect(response.status).toBe(401);
    }
  });
});

describe("what is below /keyed", () => {
  it("answers unknown addresses as the API does, and says nothing of who exists", async () => {
    expect(await used("hf_nothing", "nobody")).toEqual([401, "invalid_api_key"]);
    const { secret } = await make();
    expect(await used(secret, alice.handle, "/embeddings")).toEqual([404, "not_found"]);
  });

  it("gives guarded paths nothing", async () => {
    const { secret } = await make({ scopes: ["chat", "read"] });
    const response = await world.ask("/api/me", { headers: { Authorization: `Bearer ${secret}` } });
    expect(response.status).toBe(401);
  });
});

describe("a team's key", () => {
  it("ends when its maker is not one of its owners any more", async () => {
    const [maker, other] = [await signIn(world, "keys-maker"), await signIn(world, "keys-owner")];
    const team = `team-${maker.handle}`.slice(0, 30);
    const made = await world.ask("/api/teams", {
      ...post({ name: "Kelp", handle: team }),
      token: maker.token,
    });
    expect(made.status).toBe(201);
    const { team: info } = await made.json<{ team: { id: string } }>();
    const response = await world.ask(`/api/agents/${team}/keys`, {
      ...post({ name: "CI", scopes: ["read"] }),
      token: maker.token,
    });
    const { secret } = madeKeySchema.parse(await response.json());
    expect(await used(secret, team)).toEqual([200, null]);
    await runInDurableObject(objectOf(info.id), (_, state) => {
      const put = "INSERT OR REPLACE INTO members (user_id, name, role, since) VALUES (?, ?, ?, 1)";
      state.storage.sql.exec(put, other.id, "owner", "owner");
      state.storage.sql.exec(put, maker.id, "maker", "writer");
    });
    expect(await used(secret, team)).toEqual([401, "invalid_api_key"]);
    const list = await world.ask(`/api/agents/${team}/keys`, { token: other.token });
    expect(keyListSchema.parse(await list.json()).keys[0]?.state).toBe("orphaned");
  });
});
