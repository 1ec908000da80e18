import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { readExport, verifyChain } from "../../../src/actors/conversation/export.ts";
import { replay } from "../../../src/actors/conversation/replay.ts";
import { ALICE, BY, connect, isDone, isText, scriptModel, stubOf, textOf } from "../../support/chat.ts";
import {
  alice,
  entriesOf,
  exchange,
  holdings,
  importInto,
  journalOf,
  messagesIn,
  nameOf,
  rpcOf,
} from "../../support/journal.ts";
import { migrateCatalog } from "../router/support/app.ts";

beforeAll(() => migrateCatalog(env.CATALOG));

/** What a call threw. Awaited here: a rejected RPC promise that is only looked at counts as unhandled. */
async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return String(error);
  }
  throw new Error("it was not refused");
}

const texts = async (thread: string) => (await messagesIn(thread)).map(textOf);

/** Three exchanges, the second one with a tool. */
async function source(thread: string) {
  const chat = await connect(thread);
  await exchange(chat, `${thread}1`, `${thread} first`, "one");
  await scriptModel([
    {
      match: `${thread} second`,
      steps: [
        { tools: [{ name: "write", input: { path: `${thread}.txt`, text: "kept" } }] },
        { text: "two" },
      ],
    },
  ]);
  chat.ask(`r_${thread}2`, `${thread}2`, `${thread} second`);
  await chat.until(isDone(`r_${thread}2`));
  await exchange(chat, `${thread}3`, `${thread} third`, "three");
  return chat;
}

describe("a fork", () => {
  it("without a message has all ended turns: the same entries byte for byte, and one more", async () => {
    await source("fa");
    expect(await rpcOf("fa").fork(ALICE, "fa-all")).toEqual({});
    const before = (await journalOf("fa")).trimEnd().split("\n").slice(1, -1);
    const after = (await journalOf("fa-all")).trimEnd().split("\n").slice(1, -1);
    expect(after.slice(0, -1)).toEqual(before);
    expect(JSON.parse(JSON.parse(after.at(-1) ?? "").payload)).toMatchObject({
      from: nameOf("fa"),
      seq: before.length,
      by: { id: ALICE.userId },
    });
    const file = readExport(await journalOf("fa-all"));
    expect(verifyChain(file)).toEqual([]);
    expect(replay(file).differences).toEqual([]);
    expect(await texts("fa-all")).toEqual(await texts("fa"));
  });

  it("at an answer ends with it; at a question ends before it, and gives its text back", async () => {
    await source("fb");
    const answer = (await messagesIn("fb"))[3]?.id;
    expect(await rpcOf("fb").fork(ALICE, "fb-answer", answer)).toEqual({});
    expect(await texts("fb-answer")).toEqual(["fb first", "one", "fb second", "two"]);
    expect(await rpcOf("fb").fork(ALICE, "fb-question", "fb2")).toEqual({ draft: "fb second" });
    expect(await texts("fb-question")).toEqual(["fb first", "one"]);
    expect(await rpcOf("fb").fork(ALICE, "fb-first", "fb1")).toEqual({ draft: "fb first" });
    expect(await texts("fb-first")).toEqual([]);
  });

  it("keeps the rows of its source", async () => {
    await source("fc");
    await rpcOf("fc").fork(ALICE, "fc-rows");
    const rows = (thread: string) =>
      runInDurableObject(stubOf(thread), (_instance, state) =>
        state.storage.sql.exec("SELECT seq, progress, heads, bodies FROM journal ORDER BY seq").toArray(),
      );
    expect((await rows("fc-rows")).slice(0, -1)).toEqual(await rows("fc"));
  });

  it("goes on by itself: its calls have keys of their own, and the source does not hear of it", async () => {
    await source("fd");
    await rpcOf("fd").fork(ALICE, "fd-on");
    await scriptModel([
      {
        match: "in the fork",
        steps: [{ tools: [{ name: "write", input: { path: "fd2.txt", text: "x" } }] }, { text: "forked" }],
      },
    ]);
    const chat = await connect("fd-on");
    chat.ask("r1", "fd-new", "in the fork");
    await chat.until(isDone("r1"));
    expect((await texts("fd-on")).slice(-2)).toEqual(["in the fork", "forked"]);
    expect((await texts("fd")).at(-1)).toBe("three");
    const keys = entriesOf(await journalOf("fd-on"))
      .filter((entry) => entry.kind === "intent")
      .map((entry) => JSON.parse(entry.payload ?? "").key.split(":")[0]);
    expect(keys).toEqual([nameOf("fd"), nameOf("fd-on")]);
  });

  it("while a turn runs has neither it nor what waits behind it", async () => {
    const chat = await source("fe");
    await scriptModel([{ match: "never ends", steps: [{ stallAfterTokens: 3, text: "word ".repeat(50) }] }]);
    chat.ask("r4", "fe4", "never ends");
    await chat.until(isText("r4"));
    chat.ask("r5", "fe5", "waits behind it");
    await vi.waitFor(async () => expect((await texts("fe")).at(-1)).toBe("waits behind it"));
    await rpcOf("fe").fork(ALICE, "fe-all");
    expect(await texts("fe-all")).toHaveLength(6);
    expect(await rpcOf("fe").fork(ALICE, "fe-waiting", "fe5")).toEqual({ draft: "waits behind it" });
    expect(await texts("fe-waiting")).toHaveLength(6);
    const turn = (await messagesIn("fe")).find((message) => message.id === "fe4")?.metadata.turn;
    expect(await refusal(rpcOf("fe").fork(ALICE, "fe-running", `a_${turn}`))).toMatch(/not finished/);
    expect(await rpcOf("fe").stop()).toBe(true);
  });

  it("is listed under its source's title, and counts its forks", async () => {
    await source("ff");
    await alice().renameThread("ff", "The plan", BY);
    await rpcOf("ff").fork(ALICE, "ff2");
    await rpcOf("ff2").fork(ALICE, "ff3");
    const titles = new Map((await alice().threads({})).map((thread) => [thread.id, thread.title]));
    expect([titles.get("ff2"), titles.get("ff3")]).toEqual(["The plan (fork)", "The plan (fork 2)"]);
  });

  it("of a message that is not there, of an empty chat, or into a chat in use is refused, and nothing is left", async () => {
    await source("fg");
    expect(await refusal(rpcOf("fg").fork(ALICE, "fg-none", "no-such-message"))).toMatch(/not in this chat/);
    expect(await refusal(rpcOf("fg-empty").fork(ALICE, "fg-none"))).toMatch(/nothing in this chat/);
    await source("fg-used");
    expect(await refusal(rpcOf("fg").fork(ALICE, "fg-used"))).toMatch(/There is a chat of that name/);
    expect(await texts("fg-used")).toHaveLength(6);
    expect(await texts("fg-none")).toEqual([]);
  });
});

describe("a copy that is cut off", () => {
  async function begun(from: string, into: string) {
    const chat = await connect(from);
    await exchange(chat, `${from}1`, `${from} first`, "one");
    await exchange(chat, `${from}2`, `${from} second`, "two");
    const lines = entriesOf(await journalOf(from));
    const rows = lines.map((line) => [line]) as unknown as Parameters<typeof page>[1]; // a file's lines are journal lines
    const page = (after: number, some: { seq: number }[][]) =>
      rpcOf(into).copy({ type: "page", source: nameOf(from), after, rows: some as never });
    await page(0, rows.slice(0, 3));
    return { rows, page, end: lines.length };
  }
  const end = (from: string, into: string, seq: number) =>
    rpcOf(into).copy({
      type: "end",
      source: nameOf(from),
      seq,
      by: { id: ALICE.userId, name: ALICE.name },
      from,
    });

  it("is never half readable, and begins no turn of what it has so far", async () => {
    await begun("ca", "ca-half");
    expect(await refusal(messagesIn("ca-half"))).toMatch(/thread_unknown/);
    await evictDurableObject(stubOf("ca-half"));
    expect(await refusal(messagesIn("ca-half"))).toMatch(/thread_unknown/);
    const sent = rpcOf("ca-half").send(ALICE, { key: "k", source: "http", text: "hello" });
    expect(await refusal(sent)).toMatch(/being copied/);
    expect((await holdings("ca-half")).journal).toBe(3);
  });

  it("can be gone on with after the death of both, and a page that comes twice counts once", async () => {
    const { rows, page, end: seq } = await begun("cb", "cb-half");
    await evictDurableObject(stubOf("cb-half"));
    await page(0, rows.slice(0, 3));
    await page(3, rows.slice(3));
    await end("cb", "cb-half", seq);
    expect(await texts("cb-half")).toEqual(["cb first", "one", "cb second", "two"]);
    await evictDurableObject(stubOf("cb-half"));
    expect(await texts("cb-half")).toEqual(["cb first", "one", "cb second", "two"]);
    expect((await holdings("cb-half")).copies).toBe(0);
  });

  it("takes no page out of order, and does not end before it is whole", async () => {
    const { rows, page, end: seq } = await begun("cd", "cd-half");
    expect(await refusal(page(5, rows.slice(5)))).toMatch(/does not go on behind entry 3/);
    expect(await refusal(end("cd", "cd-half", seq))).toMatch(/not whole/);
    expect(await refusal(end("ca", "cd-half", 3))).toMatch(/not whole/);
    expect((await holdings("cd-half")).journal).toBe(3);
  });

  it("is taken away when nobody goes on with it", async () => {
    await begun("cc", "cc-half");
    await runInDurableObject(stubOf("cc-half"), (_instance, state) => {
      state.storage.sql.exec("UPDATE cf_agents_jobs SET time = 1 WHERE id = 'copy'");
      return state.storage.setAlarm(Date.now());
    });
    await evictDurableObject(stubOf("cc-half"));
    await runDurableObjectAlarm(stubOf("cc-half"));
    await vi.waitFor(async () => expect((await holdings("cc-half")).journal ?? 0).toBe(0));
    await evictDurableObject(stubOf("cc-half"));
    expect(await texts("cc-half")).toEqual([]);
  });
});

describe("an import", () => {
  it("brings an exported chat back: transcript, chain and all", async () => {
    await source("ia");
    const file = await journalOf("ia");
    for (const [thread, chunk] of [
      ["ia-bytes", 7],
      ["ia-whole", 1e6],
    ] as const) {
      const response = await importInto(thread, file, chunk);
      expect(response.status).toBe(200);
      expect(await texts(thread)).toEqual(await texts("ia"));
      const again = readExport(await journalOf(thread));
      expect(replay(again).differences).toEqual([]);
      expect(again.entries.slice(0, -1).map((entry) => entry.hash)).toEqual(
        entriesOf(file).map((entry) => entry.hash),
      );
      expect(again.entries.at(-1)?.entry).toMatchObject({ kind: "fork", from: "file" });
    }
    const listed = (await alice().threads({})).find((thread) => thread.id === "ia-whole");
    expect(listed).toMatchObject({ title: "ia first", preview: "three", status: "idle" });
  });

  it("does not go on with what ran when the file was written", async () => {
    const chat = await connect("ib");
    await exchange(chat, "ib1", "ib first", "one");
    await scriptModel([{ match: "ib hangs", steps: [{ stallAfterTokens: 3, text: "word ".repeat(50) }] }]);
    chat.ask("r2", "ib2", "ib hangs");
    await chat.until(isText("r2"));
    const file = await journalOf("ib");
    expect((await importInto("ib-in", file)).status).toBe(200);
    expect(await texts("ib-in")).toEqual(["ib first", "one"]);
    expect((await holdings("ib-in")).alarm ?? 0).toBe(0);
    await rpcOf("ib").stop();
  });

  it("goes on like any chat", async () => {
    const chat = await connect("ic");
    await exchange(chat, "ic1", "ic first", "one");
    await importInto("ic-in", await journalOf("ic"));
    const copy = await connect("ic-in");
    await exchange(copy, "ic2", "ic second", "two");
    expect(await texts("ic-in")).toEqual(["ic first", "one", "ic second", "two"]);
  });

  it("of a broken file names the line and what is wrong with it, and leaves nothing", async () => {
    const chat = await connect("id");
    await exchange(chat, "id1", "id first", "one");
    const lines = (await journalOf("id")).trimEnd().split("\n");
    const input = JSON.parse(lines[1] ?? "");
    const broken: [string, string[], RegExp][] = [
      [
        "changed",
        lines.with(2, (lines[2] ?? "").replace('payload":"{', 'payload":"{ ')),
        /Line 3 does not fit/,
      ],
      ["gap", lines.toSpliced(2, 1), /Line 3 does not fit/],
      ["cut", lines.slice(0, -1), /not the end of a journal: the file was cut off/],
      ["not-json", lines.with(2, "hello"), /Line 3 is not JSON/],
      ["longer", [...lines, "more"], new RegExp(`Line ${lines.length + 1} comes behind the end`)],
      ["header", ["{}", ...lines.slice(1)], /Line 1 is not what it should be/],
      ["format", [(lines[0] ?? "").replace('"format":1', '"format":2'), ...lines.slice(1)], /has format 2/],
      ["half", lines.with(1, JSON.stringify({ ...input, salt: null })), /Line 2 has half a payload/],
    ];
    for (const [name, file, message] of broken) {
      const response = await importInto(`id-${name}`, file.join("\n"));
      const { error } = await response.json<{ error: { code: string; message: string } }>();
      expect([name, response.status, error.code]).toEqual([name, 400, "bad_request"]);
      expect(error.message).toMatch(message);
      await vi.waitFor(async () => expect((await holdings(`id-${name}`)).journal ?? 0).toBe(0));
    }
    expect((await alice().threads({})).filter((thread) => thread.id.startsWith("id-"))).toEqual([]);
  });
});
