import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import firstSchema from "../../../migrations/user/0001_user.sql";
import secondSchema from "../../../migrations/user/0002_settings.sql";
import { migrate } from "../../../src/actors/migrate.ts";
import { readSettings } from "../../../src/actors/user/settings.ts";
import { userStub } from "../../../src/env.ts";
import { BY } from "../../support/chat.ts";
import { migrateCatalog } from "../router/support/app.ts";
import { newUser, objectOf, refusal, update } from "./support.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

describe("the time zone", () => {
  it("is UTC until it is known, and kept", async () => {
    const userId = newUser();
    expect((await userStub(env, userId).settings()).timeZone).toBe("UTC");
    expect(await userStub(env, userId).changeSettings({ timeZone: "Europe/Berlin" }, BY)).toMatchObject({
      timeZone: "Europe/Berlin",
      version: 1,
    });
    expect((await userStub(env, userId).changeSettings({ timeZone: "Europe/Berlin" }, BY)).version).toBe(1);
    await evictDurableObject(objectOf(userId));
    expect((await userStub(env, userId).settings()).timeZone).toBe("Europe/Berlin");
  });

  it.each(["", "Berlin", "+01:00", "Mars/Olympus"])("%j is refused", async (timeZone) => {
    expect(await refusal(() => userStub(env, newUser()).changeSettings({ timeZone }, BY))).toBe(
      "bad_request",
    );
  });
});

describe("the risks of tools", () => {
  it("are replaced as a whole, in any order the same", async () => {
    const user = userStub(env, newUser());
    await user.changeSettings({ toolRisks: { write: "ask", delete: "deny" } }, BY);
    expect(await user.changeSettings({ toolRisks: { delete: "deny", write: "ask" } }, BY)).toMatchObject({
      toolRisks: { write: "ask", delete: "deny" },
      version: 1,
    });
    expect(await user.changeSettings({ toolRisks: { schedule: "auto" } }, BY)).toMatchObject({
      toolRisks: { schedule: "auto" },
      version: 2,
    });
    expect((await user.changeSettings({ toolRisks: {} }, BY)).toolRisks).toEqual({});
  });

  it("name tools that there are", async () => {
    const user = userStub(env, newUser());
    for (const name of ["teleport", "constructor", ""])
      expect([name, await refusal(() => user.changeSettings({ toolRisks: { [name]: "auto" } }, BY))]).toEqual(
        [name, "bad_request"],
      );
    expect((await user.settings()).toolRisks).toEqual({});
  });

  it("of a tool that is gone are left out", async () => {
    const userId = newUser();
    await userStub(env, userId).changeSettings({ toolRisks: { write: "ask" } }, BY);
    await runInDurableObject(objectOf(userId), (_, state) => {
      state.storage.sql.exec(`UPDATE settings SET tool_risks = '{"gone":"deny","write":"ask"}'`);
    });
    expect((await userStub(env, userId).settings()).toolRisks).toEqual({ write: "ask" });
  });
});

describe("a database of the first release", () => {
  it("keeps its settings and threads, and takes a thread that waits for a person", async () => {
    await runInDurableObject(objectOf(newUser()), async (_, { storage }) => {
      await storage.deleteAll();
      migrate(storage, [{ version: 1, sql: firstSchema }], 1);
      storage.sql.exec("INSERT INTO settings VALUES (1, 'Ada', 'Be brief.', 'a/b', 3)");
      storage.sql.exec("INSERT INTO threads VALUES ('a', 'T', 'P', 'failed', 1, 2, 3, 0, 4, 5, 6, 7)");
      const before = storage.sql.exec("SELECT * FROM threads").toArray();
      const both = [
        { version: 1, sql: firstSchema },
        { version: 2, sql: secondSchema },
      ];
      migrate(storage, both, 2);
      expect(readSettings(storage.sql)).toEqual({
        ...{ name: "Ada", instructions: "Be brief.", model: "a/b" },
        ...{ timeZone: "UTC", toolRisks: {}, version: 3 },
      });
      expect(storage.sql.exec("SELECT * FROM threads").toArray()).toMatchObject(before);
      storage.sql.exec("UPDATE threads SET status = 'asking'");
      expect(() => storage.sql.exec("UPDATE threads SET status = 'lost'")).toThrow(/CHECK/);
    });
  });

  it("shows that a thread asks, and that it does no more", async () => {
    const user = userStub(env, newUser());
    await user.threadChanged(update("a", 1, { status: "asking" }));
    expect(await user.threads({})).toMatchObject([{ id: "a", status: "asking" }]);
    await user.threadChanged(update("a", 2));
    expect(await user.threads({})).toMatchObject([{ id: "a", status: "idle" }]);
  });
});
