/** What programs ask of a conversation: the journal that it leaves, and its end. */
import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { readExport } from "../../../src/actors/conversation/export.ts";
import { replay } from "../../../src/actors/conversation/replay.ts";
import { programThreadFrom } from "../../../src/names.ts";
import { type AskRequest, askEventSchema } from "../../../src/protocol/ask.ts";
import { forwardedHeaders } from "../../../src/protocol/forwarded.ts";
import type { Principal } from "../../../src/protocol/rpc.ts";
import { ALICE, AS_ALICE, BY, scriptModel, stubOf, textOf } from "../../support/chat.ts";
import { alice, holdings, journalOf, messagesIn, rpcOf } from "../../support/journal.ts";
import { migrateCatalog } from "../router/support/app.ts";
import { objectOf } from "../user/support.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

const KEY: Principal = {
  ...ALICE,
  kind: "key",
  role: "key",
  name: "CI",
  scopes: ["chat", "read"],
  of: { id: "k1", ownerId: ALICE.userId },
};
const fresh = (stored = false): string =>
  programThreadFrom(crypto.getRandomValues(new Uint8Array(20)), stored);

const asked = (text: string, more: Partial<AskRequest> = {}): AskRequest => ({
  key: crypto.randomUUID(),
  parts: [{ type: "text", text }],
  history: [],
  instructions: "",
  maxOutputTokens: null,
  after: null,
  tell: "stream",
  ...more,
});
const post = (thread: string, body: AskRequest): Promise<Response> =>
  stubOf(thread).fetch("https://actor.internal/ask", {
    method: "POST",
    headers: forwardedHeaders({ ...AS_ALICE, principal: KEY }),
    body: JSON.stringify(body),
  });
async function ask(thread: string, body: AskRequest) {
  const response = await post(thread, body);
  const lines = (await response.text()).trimEnd().split("\n");
  if (response.status !== 200) throw new Error(`${response.status} ${lines.join()}`);
  return lines.map((line) => askEventSchema.parse(JSON.parse(line)));
}
const says = (match: string, text: string): Promise<void> => scriptModel([{ match, steps: [{ text }] }]);

describe("a question with its history", () => {
  it("leaves a journal that replays, and a transcript with all of it", async () => {
    const thread = fresh();
    await says("the third", "Gamma.");
    const said = (role: "user" | "assistant", text: string) => ({
      role,
      parts: [{ type: "text" as const, text }],
    });
    const history = [
      said("user", "first?"),
      said("assistant", "Alpha."),
      said("user", "second?"),
      said("assistant", "Beta."),
    ];
    const events = await ask(
      thread,
      asked("and the third?", { history, instructions: "In Greek.", maxOutputTokens: 200 }),
    );
    expect(events[0]).toMatchObject({ type: "accepted", fresh: true });
    expect(events.at(-1)).toMatchObject({ type: "done", report: { status: "completed", text: "Gamma." } });
    const transcript = ["first?", "Alpha.", "second?", "Beta.", "and the third?", "Gamma."];
    expect((await messagesIn(thread)).map(textOf)).toEqual(transcript);
    const file = readExport(await journalOf(thread));
    expect(replay(file).differences).toEqual([]);
    const call = file.entries.map(({ entry }) => entry).find(({ kind }) => kind === "call");
    expect(call).toMatchObject({ maxOutputTokens: 200 });
    const notes = JSON.stringify(file.entries.map(({ entry }) => entry));
    expect(notes).toContain("In Greek.");
  });

  it("is told the same whoever asks again with its key, and runs once", async () => {
    const thread = fresh();
    await says("only once", "Once.");
    const question = asked("only once");
    const [first, second] = [await ask(thread, question), await ask(thread, question)];
    expect(second.at(-1)).toEqual(first.at(-1));
    expect(second[0]).toMatchObject({ type: "accepted", fresh: false });
    expect(await messagesIn(thread)).toHaveLength(2);
  });

  it("is refused in a chat that has one, and behind what is not the newest", async () => {
    const thread = fresh();
    await says("one", "1");
    await says("two", "2");
    const first = await ask(thread, asked("one"));
    const turn = first[0]?.type === "accepted" ? first[0].turn : "";
    await ask(thread, asked("two", { after: turn }));
    expect((await post(thread, asked("three", { after: turn }))).status).toBe(409);
    const history = [{ role: "user" as const, parts: [{ type: "text" as const, text: "before" }] }];
    expect((await post(thread, asked("three", { history }))).status).toBe(400);
    expect(await messagesIn(thread)).toHaveLength(4);
  });
});

describe("an answer", () => {
  it("is shown to the key that asked, and to no other", async () => {
    const thread = fresh(true);
    await says("secretly", "Hidden.");
    const events = await ask(thread, asked("secretly"));
    const turn = events[0]?.type === "accepted" ? events[0].turn : "";
    expect(await rpcOf(thread).answer(KEY, turn)).toMatchObject({ text: "Hidden." });
    const other = { ...KEY, of: { id: "k2", ownerId: ALICE.userId } };
    expect(await rpcOf(thread).answer(other, turn)).toBeNull();
    expect(await rpcOf(thread).answer(ALICE, turn)).toBeNull();
  });

  it("that is asked for where there is no chat makes none", async () => {
    const thread = fresh(true);
    expect(await rpcOf(thread).answer(KEY, "t0123456789abcdef")).toBeNull();
    expect(await holdings(thread)).toEqual({});
  });
});

describe("a chat of a program", () => {
  it("is neither listed nor searched, and is deleted for good when its time has come", async () => {
    const thread = fresh();
    await alice().keys.openThread(thread, 60_000);
    await says("about narwhals", "They have a tusk.");
    await ask(thread, asked("about narwhals"));
    const user = objectOf(ALICE.userId);
    const rows = (table: string): Promise<number> =>
      runInDurableObject(
        user,
        (_, { storage: { sql } }) =>
          sql.exec(`SELECT 1 FROM ${table} WHERE thread = ?`, thread).toArray().length,
      );
    const told = () =>
      runInDurableObject(
        user,
        (_, { storage: { sql } }) => sql.exec("SELECT 1 FROM threads WHERE id = ?", thread).toArray().length,
      );
    await vi.waitFor(async () => expect(await told()).toBe(1));
    expect((await alice().threads({})).map(({ id }) => id)).not.toContain(thread);
    expect((await alice().search({ text: "narwhals" })).hits).toEqual([]);
    expect(
      await env.CATALOG.prepare("SELECT 1 FROM threads WHERE thread = ?").bind(thread).first(),
    ).toBeNull();

    await runInDurableObject(user, (_, { storage }) => {
      storage.sql.exec("UPDATE program_threads SET delete_at = 1 WHERE thread = ?", thread);
    });
    await runDurableObjectAlarm(user);
    expect(await holdings(thread)).toEqual({});
    expect([await rows("program_threads"), await rows("deletions"), await told()]).toEqual([0, 0, 0]);
  });

  it("lives as long as whoever asked for the most said", async () => {
    const thread = fresh(true);
    await alice().keys.openThread(thread, 60_000);
    await alice().keys.openThread(thread, 1_000);
    const at = await runInDurableObject(objectOf(ALICE.userId), (_, { storage: { sql } }) =>
      Number(sql.exec("SELECT delete_at FROM program_threads WHERE thread = ?", thread).one().delete_at),
    );
    expect(at).toBeGreaterThan(Date.now() + 30_000);
    await expect(alice().keys.openThread("main", 1_000)).rejects.toThrow();
  });

  it("is listed while a person has to decide, and not any more when they did", async () => {
    const thread = fresh();
    await alice().changeSettings({ toolRisks: { delete: "ask" } }, BY);
    await scriptModel([
      {
        match: "remove it",
        steps: [{ tools: [{ name: "delete", input: { path: "none" } }] }, { text: "Tried." }],
      },
    ]);
    const events = await ask(thread, asked("remove it"));
    const done = events.at(-1);
    const call = done?.type === "done" ? done.report.waits[0]?.id : undefined;
    expect(done).toMatchObject({ type: "done", report: { status: "waiting", waits: [{ tool: "delete" }] } });
    const shown = async () => (await alice().threads({})).find(({ id }) => id === thread)?.status;
    await vi.waitFor(async () => expect(await shown()).toBe("asking"));
    await rpcOf(thread).decide(ALICE, call ?? "", { approved: false, source: "http" });
    await vi.waitFor(async () => expect(await shown()).toBeUndefined());
  });

  it("holds no money when its turn is over", async () => {
    const thread = fresh();
    await alice().changeSettings({ model: "demo/priced" }, BY);
    await says("what it costs", "A little.");
    await ask(thread, asked("what it costs"));
    await alice().changeSettings({ model: "" }, BY);
    const held = () =>
      runInDurableObject(objectOf(ALICE.userId), (_, { storage: { sql } }) =>
        sql.exec("SELECT spent_micros, held_micros FROM purse WHERE thread = ?", thread).toArray(),
      );
    await vi.waitFor(async () => expect(await held()).toMatchObject([{ held_micros: 0 }]));
    expect(Number((await held())[0]?.spent_micros)).toBeGreaterThan(0);
  });
});
