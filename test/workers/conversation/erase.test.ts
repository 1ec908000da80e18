/** Erasing a message: what is gone, what is left, and that the journal still folds to the same places. */
import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { readExport, verifyChain } from "../../../src/actors/conversation/export.ts";
import { replay } from "../../../src/actors/conversation/replay.ts";
import { filesPrefix, versionsPrefix } from "../../../src/names.ts";
import { ALICE, BY, connect, isDone, messagesOf, scriptModel, stubOf, textOf } from "../../support/chat.ts";
import { alice, exchange, importInto, journalOf, rpcOf } from "../../support/journal.ts";
import { migrateCatalog } from "../router/support/app.ts";

const SECRET = "zwetschgenkuchen";

/** Where a database holds a text: names of tables. */
const tablesWith = (stub: DurableObjectStub, text: string): Promise<string[]> =>
  runInDurableObject(stub, (_instance, { storage }) => {
    const decoder = new TextDecoder();
    const holds = (value: SqlStorageValue) =>
      (value instanceof ArrayBuffer ? decoder.decode(value) : String(value)).includes(text);
    return storage.sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
      )
      .toArray()
      .map(({ name }) => name)
      .filter((name) => [...storage.sql.exec(`SELECT * FROM ${name}`).raw()].some((row) => row.some(holds)));
  });

const userObject = () => env.USER.get(env.USER.idFromName(ALICE.userId));

/** Every place where a text of a chat can still be found. */
async function placesOf(thread: string, text: string): Promise<string[]> {
  const places = [
    ...(await tablesWith(stubOf(thread), text)).map((table) => `conversation.${table}`),
    ...(await tablesWith(userObject(), text)).map((table) => `user.${table}`),
  ];
  const titles = await env.CATALOG.prepare("SELECT title FROM threads").all();
  if (JSON.stringify(titles.results).includes(text)) places.push("catalog.threads");
  for (const prefix of [filesPrefix(ALICE.userId), versionsPrefix(ALICE.userId)]) {
    for (const { key } of (await env.FILES.list({ prefix })).objects) {
      const content = (await (await env.FILES.get(key))?.text()) ?? "";
      if (key.includes(text) || content.includes(text)) places.push(key);
    }
  }
  if ((await journalOf(thread)).includes(text)) places.push("export");
  return places;
}

const erase = (thread: string, message: string, more: { answer?: boolean; files?: boolean } = {}) =>
  rpcOf(thread).erase(ALICE, { message, answer: true, files: false, ...more });

const transcriptOf = async (thread: string) => {
  const chat = await connect(thread);
  const messages = await messagesOf(thread, chat);
  chat.close();
  return messages.map((message) => [message.id, textOf(message)]);
};

beforeAll(() => migrateCatalog(env.CATALOG));
afterEach(() => scriptModel([]));

describe("a message that is erased with its answer", () => {
  it("leaves no trace in the journal, the transcript, search, the list of chats and files", async () => {
    const chat = await connect("er-trace", { console: true });
    await scriptModel([
      {
        match: SECRET,
        steps: [
          {
            text: `I write ${SECRET} down.`,
            tools: [{ name: "write", input: { path: `${SECRET}.txt`, text: `baked ${SECRET}` } }],
          },
          { text: `Here is your ${SECRET}.` },
        ],
      },
    ]);
    chat.ask("r1", "m1", `Tell me of ${SECRET}`);
    await chat.until(isDone("r1"));
    await exchange(chat, "m2", "Another thing", "Of course.");
    expect(await placesOf("er-trace", SECRET)).toEqual(
      expect.arrayContaining(["conversation.journal", "user.threads", "user.search_exchanges", "export"]),
    );
    expect((await alice().search({ text: SECRET })).hits).toHaveLength(1);

    const erased = await erase("er-trace", "m1", { files: true });

    expect(erased).toMatchObject({ files: [], copies: [], channels: [], pending: false });
    expect(erased.messages).toContain("m1");
    expect(erased.entries).toBeGreaterThan(3);
    expect(await placesOf("er-trace", SECRET)).toEqual([]);
    expect(await transcriptOf("er-trace")).toEqual([
      ["m2", "Another thing"],
      [expect.stringMatching(/^a_/), "Of course."],
    ]);
    expect((await alice().search({ text: SECRET })).hits).toEqual([]);
    expect((await alice().search({ text: "Another" })).hits).toHaveLength(1);
    expect(await alice().threads({})).toContainEqual(
      expect.objectContaining({ id: "er-trace", title: "Another thing", preview: "Of course." }),
    );
    const removed = await chat.until((frame) => frame.type === "holdfast_removed");
    expect(removed.messageIds).toContain("m1");
    chat.close();
  });

  it("leaves a chain that verifies, money that was spent, and an entry that says who and which", async () => {
    const chat = await connect("er-chain");
    await exchange(chat, "m1", "One", "First.");
    await exchange(chat, "m2", "Two", "Second.");
    const before = readExport(await journalOf("er-chain"));
    await erase("er-chain", "m1");
    const after = readExport(await journalOf("er-chain"));

    expect(verifyChain(after)).toEqual([]);
    expect(after.entries.map(({ hash }) => hash).slice(0, before.entries.length)).toEqual(
      before.entries.map(({ hash }) => hash),
    );
    const result = replay(after);
    expect(result.differences).toEqual([]);
    expect(result.erased.length).toBeGreaterThan(2);
    const last = after.entries.at(-1);
    expect(last?.entry).toMatchObject({ kind: "erase", by: { id: ALICE.userId }, entries: result.erased });
    expect(JSON.stringify(last)).not.toContain("One");
    chat.close();
  });

  it("is found by what stands in for it when somebody changes that", async () => {
    const chat = await connect("er-forged");
    await exchange(chat, "m1", "One", "First.");
    await erase("er-forged", "m1");
    const file = await journalOf("er-forged");
    const changed = file.replace('"left":"{\\"at\\":', '"left":"{\\"at\\":1');
    expect(changed).not.toBe(file);
    expect(verifyChain(readExport(changed)).length).toBeGreaterThan(0);
    const response = await importInto("er-forged-copy", changed);
    expect(response.status).toBe(400);
    const fine = await importInto("er-fine-copy", file);
    expect(fine.status).toBe(200);
    chat.close();
  });

  it("stays erased when an old client sends it again, and in a fork", async () => {
    const chat = await connect("er-again");
    await exchange(chat, "m1", "One secret", "First.");
    await exchange(chat, "m2", "Two", "Second.");
    await erase("er-again", "m1");
    chat.ask("r_m1b", "m1", "One secret");
    await chat.until(
      (frame) => frame.type === "cf_agent_use_chat_response" && frame.id === "r_m1b" && frame.done,
    );
    expect(await journalOf("er-again")).not.toContain("One secret");

    await rpcOf("er-again").fork(ALICE, "er-again-fork");
    const forked = readExport(await journalOf("er-again-fork"));
    expect(verifyChain(forked)).toEqual([]);
    expect((await transcriptOf("er-again-fork")).map(([, text]) => text)).toEqual(["Two", "Second."]);
    const again = await erase("er-again", "m2");
    expect(again.copies).toEqual(["er-again-fork"]);
    chat.close();
  });

  it("stops a turn that runs on it, and what comes late says nothing", async () => {
    const chat = await connect("er-running");
    await scriptModel([
      { match: SECRET, steps: [{ stallAfterTokens: 20, text: `so ${SECRET} much `.repeat(40) }] },
    ]);
    chat.ask("r1", "m1", `Go on about ${SECRET}`);
    await chat.until((frame) => String(frame.body).includes("text-delta"));
    await erase("er-running", "m1");
    expect(await placesOf("er-running", SECRET)).toEqual([]);
    expect(await transcriptOf("er-running")).toEqual([]);
    await exchange(chat, "m2", "Still here?", "Yes.");
    expect((await transcriptOf("er-running")).map(([, text]) => text)).toEqual(["Still here?", "Yes."]);
    chat.close();
  });

  it("is not told to the model again", async () => {
    const chat = await connect("er-window");
    await exchange(chat, "m1", `Remember ${SECRET}`, `I will remember ${SECRET}.`);
    await erase("er-window", "m1");
    await scriptModel([{ match: SECRET, steps: [{ text: "leaked" }] }, { steps: [{ text: "clean" }] }]);
    chat.ask("r2", "m2", "What did I say?");
    await chat.until(isDone("r2"));
    expect((await transcriptOf("er-window")).at(-1)?.[1]).toBe("clean");
    chat.close();
  });
});

describe("what else can be erased", () => {
  it("the question alone: its answer keeps its place", async () => {
    const chat = await connect("er-alone");
    await exchange(chat, "m1", "A private question", "A plain answer.");
    await erase("er-alone", "m1", { answer: false });
    expect(await placesOf("er-alone", "A private question")).toEqual([]);
    expect((await transcriptOf("er-alone")).map(([, text]) => text)).toEqual(["A plain answer."]);
    await exchange(chat, "m2", "And now?", "Fine.");
    // The rest can go later.
    await erase("er-alone", "m1");
    expect(await journalOf("er-alone")).not.toContain("A plain answer.");
    expect(verifyChain(readExport(await journalOf("er-alone")))).toEqual([]);
    chat.close();
  });

  it("a message that was taken back before, with what was said in its place untouched", async () => {
    const chat = await connect("er-undone");
    await exchange(chat, "m1", "First words", "One.");
    await exchange(chat, "m2", "Regretted words", "Two.");
    await rpcOf("er-undone").undo(ALICE);
    expect(await journalOf("er-undone")).toContain("Regretted words");
    await erase("er-undone", "m2");
    expect(await journalOf("er-undone")).not.toContain("Regretted words");
    expect((await transcriptOf("er-undone")).map(([, text]) => text)).toEqual(["First words", "One."]);
    chat.close();
  });

  it("and undo goes on with what is seen", async () => {
    const chat = await connect("er-then-undo");
    await exchange(chat, "m1", "First", "One.");
    await exchange(chat, "m2", "Second", "Two.");
    await erase("er-then-undo", "m2");
    expect((await rpcOf("er-then-undo").undo(ALICE)).text).toBe("First");
    expect(await transcriptOf("er-then-undo")).toEqual([]);
    chat.close();
  });

  it("nothing, where there is no such message", async () => {
    const chat = await connect("er-none");
    await exchange(chat, "m1", "Hello", "Hi.");
    const refused = await erase("er-none", "m9").catch((error) => error.code);
    expect(refused).toBe("not_found");
    chat.close();
  });

  it("twice: the second time there is nothing left to do", async () => {
    const chat = await connect("er-twice");
    await exchange(chat, "m1", "Hello there", "Hi.");
    await erase("er-twice", "m1");
    const { entries } = readExport(await journalOf("er-twice"));
    expect(await erase("er-twice", "m1")).toMatchObject({ entries: 0, pending: false });
    expect(readExport(await journalOf("er-twice")).entries.length).toBe(entries.length);
    chat.close();
  });

  it("a chat's titles in the log, when the chat is deleted for good", async () => {
    const chat = await connect("er-title");
    await exchange(chat, "m1", "Hello", "Hi.");
    await alice().renameThread("er-title", `All about ${SECRET}`, BY);
    expect(await tablesWith(userObject(), SECRET)).toContain("changes");
    await alice().deleteThread("er-title", BY);
    expect(await tablesWith(userObject(), SECRET)).toEqual([]);
    chat.close();
  });
});
