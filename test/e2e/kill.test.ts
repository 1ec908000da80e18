/**
 * Real kills: `kill -9` in the middle of the work, a start on the same data, and no client. What was accepted is
 * answered once, by itself. One kill catches several conversations, because a wake is due 20 s after its input.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { eventsIn, startChat } from "../support/e2e-chat.ts";
import { type JournalCopy, journalHolding } from "../support/e2e-journal.ts";
import {
  eventually,
  modelRequests,
  type Person,
  personAt,
  scriptModel,
  textOf,
} from "../support/e2e-server.ts";
import { chatRequest, type Frame, openSocket, type TestSocket } from "../support/e2e-socket.ts";
import { startServer, type TestServer } from "../support/server.ts";

/** Wakes are due 20 s after the input; the start and the answers come on top. */
const WITHIN_MS = 90_000;

const summary = z.object({ id: z.string(), status: z.string() });
const news = z.object({ thread: summary.optional(), threads: z.array(summary).default([]) });
/** The feed says that a chat's first turn has ended: an event, or a row of the list that it begins with. */
const isIdle = (thread: string) => (frame: Frame) => {
  const told = news.parse(frame);
  return [...told.threads, ...(told.thread ? [told.thread] : [])].some(
    ({ id, status }) => id === thread && status !== "working",
  );
};

const words = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${name}-${i}`).join(" ");
/** Says the first twenty words and is then silent: a kill is always in the middle of it. */
const stalls = (match: string) => ({
  match,
  steps: [{ stallAfterTokens: 20, text: words("cut", 40), paceMs: 0 }],
});
/** What the demo model says when nothing is scripted for it: the script is lost with the server. */
const counted = (to: number): string => Array.from({ length: to }, (_, i) => i + 1).join(", ");
const says = (match: string, text: string) => ({ match, steps: [{ text, paceMs: 0 }] });

const data = mkdtempSync(join(tmpdir(), "holdfast-kill-"));
const ROUND = 60;
const paths = Array.from({ length: ROUND }, (_, i) => `round/${String(i).padStart(2, "0")}.txt`);
const asked = {
  text: chatRequest("tell the tide"),
  tools: chatRequest("write sixty files"),
  first: chatRequest("first in line"),
  second: chatRequest("second in line"),
  third: chatRequest("third in line"),
  twice: chatRequest("count to 50"),
};

let server: TestServer;
let alice: Person;

beforeAll(async () => {
  server = await startServer({ data, scriptable: true, paceMs: 0 });
  alice = await personAt(server, "alice@example.com");
});

afterAll(async () => {
  await server.stop();
  rmSync(data, { recursive: true, force: true });
});

const chatUrl = (thread: string): string => `${server.url}/@${alice.handle}/${thread}?client=holdfast`;
const restart = async (): Promise<void> => {
  const port = Number(new URL(server.url).port);
  await server.kill9();
  server = await startServer({ data, port, scriptable: true, paceMs: 0 });
};

/** Asks, and waits until the answer has got as far as the word given. */
async function askUntil(
  thread: string,
  request: ReturnType<typeof chatRequest>,
  word: string,
): Promise<TestSocket> {
  const socket = await openSocket(chatUrl(thread), alice.token);
  socket.send(request.frame);
  await socket.until((frame) => frame.body?.includes(word) === true);
  return socket;
}

const count = (journal: JournalCopy, kind: string): number =>
  journal.kinds.filter((one) => one === kind).length;

/** The kinds of the entries without remarks. */
const stepsOf = (journal: JournalCopy): string[] => journal.kinds.filter((kind) => kind !== "note");

describe("kill -9 in the middle of answers, and a start on the same data without any client", () => {
  /** What was on the disk at the moment of the kill. */
  let killed: { text: JournalCopy; tools: JournalCopy; line: JournalCopy };

  beforeAll(async () => {
    await scriptModel(server, [
      stalls("tell the tide"),
      {
        match: "write sixty files",
        steps: [
          { tools: paths.map((path) => ({ name: "write", input: { path, text: `in ${path}` } })), paceMs: 0 },
        ],
      },
      stalls("first in line"),
      stalls("count to 50"),
    ]);
    const text = await askUntil("text", asked.text, "cut-18");
    const twice = await askUntil("twice", asked.twice, "cut-18");
    const line = await askUntil("line", asked.first, "cut-18");
    for (const request of [asked.second, asked.third]) {
      line.send(request.frame);
      const accepted = await line.until(({ type, id }) => type === "holdfast_accepted" && id === request.id);
      expect(accepted.queued).toBe(true);
    }
    const tools = await askUntil("tools", asked.tools, "tool-output-available");
    const port = Number(new URL(server.url).port);
    await server.kill9();
    await Promise.all([text, twice, line, tools].map((socket) => socket.closed));
    killed = {
      text: journalHolding(data, asked.text.message),
      tools: journalHolding(data, asked.tools.message),
      line: journalHolding(data, asked.first.message),
    };
    server = await startServer({ data, port, scriptable: true, paceMs: 0 });
    await scriptModel(server, [
      says("tell the tide", words("tide", 50)),
      says("write sixty files", "All sixty are written."),
      says("first in line", "Answer one."),
      says("second in line", "Answer two."),
      says("third in line", "Answer three."),
      stalls("count to 50"),
    ]);
    const feed = await openSocket(`${server.url}/api/agents/${alice.handle}/feed`, alice.token);
    await Promise.all(["text", "tools", "line"].map((thread) => feed.until(isIdle(thread))));
    // Nothing but the model's own log tells how far an answer is that nobody looks at.
    await eventually("the second telling reaches its silence", async () =>
      (await modelRequests(server)).some(
        ({ outcome, tokensSent, messages }) =>
          outcome === "open" && tokensSent >= 20 && JSON.stringify(messages).includes("count to 50"),
      ),
    );
    await feed.close();
  }, WITHIN_MS);

  it("hit the answer, the tool round and the queue in the middle", () => {
    expect(stepsOf(killed.text)).toEqual(["input", "call"]);
    expect(count(killed.tools, "intent")).toBe(ROUND);
    expect(count(killed.tools, "result")).toBe(0);
    expect(stepsOf(killed.line)).toEqual(["input", "call", "input", "input"]);
  });

  it("finished the answer by itself: whole, once, and nothing spliced from the first telling", async () => {
    const transcript = await alice.messages("text");
    expect(transcript.map(({ role }) => role)).toEqual(["user", "assistant"]);
    expect(transcript[0]?.id).toBe(asked.text.message);
    expect(textOf(transcript[1])).toBe(words("tide", 50));
    expect(transcript[1]?.metadata?.outcome).toBe("completed");
    const journal = journalHolding(data, asked.text.message);
    expect(stepsOf(journal)).toEqual(["input", "call", "call", "began", "answer", "end"]);
  });

  it("ran the cut tool round again: every call has one result and every file is there once", async () => {
    const transcript = await alice.messages("tools");
    const part = z.looseObject({ toolCallId: z.string(), state: z.literal("output-available") });
    const tools = transcript.flatMap(({ parts }) => parts.filter(({ type }) => type === "tool-write"));
    expect(new Set(tools.map((tool) => part.parse(tool).toolCallId)).size).toBe(ROUND);
    expect(tools).toHaveLength(ROUND);
    expect(textOf(transcript.at(-1))).toBe("All sixty are written.");
    for (const path of [paths[0], paths[ROUND - 1]]) {
      expect(await alice.file(path ?? "")).toBe(`in ${path}`);
      const versions = await alice.fetch(
        `/api/agents/alice/files/versions?path=${encodeURIComponent(path ?? "")}`,
      );
      expect(await versions.json()).toEqual({ versions: [] });
    }
    const journal = journalHolding(data, asked.tools.message);
    expect(count(journal, "intent")).toBe(ROUND);
    expect(count(journal, "result")).toBe(ROUND);
    expect(count(journal, "end")).toBe(1);
  });

  it("answered everything that was accepted and waited, once and in order", async () => {
    const transcript = await alice.messages("line");
    expect(transcript.map((message) => textOf(message))).toEqual([
      "first in line",
      "Answer one.",
      "second in line",
      "Answer two.",
      "third in line",
      "Answer three.",
    ]);
    const journal = journalHolding(data, asked.first.message);
    expect(count(journal, "input")).toBe(3);
    expect(count(journal, "answer")).toBe(3);
    expect(count(journal, "end")).toBe(3);
  });

  it("survives a second kill during the recovery: for whoever comes back it goes on by itself", async () => {
    await restart();
    // Left alone, the second recovery would begin when the moved wake is due, 75 s after the first.
    const socket = await openSocket(`${server.url}/@${alice.handle}/twice`, alice.token);
    const done = await socket.until((frame) => frame.done === true && frame.outcome !== "recovering");
    expect(done.outcome).toBe("completed");
    await socket.close();
    const transcript = await alice.messages("twice");
    expect(transcript.map((message) => textOf(message))).toEqual(["count to 50", counted(50)]);
    const journal = journalHolding(data, asked.twice.message);
    expect(count(journal, "input")).toBe(1);
    expect(count(journal, "call")).toBe(3);
    expect(count(journal, "answer")).toBe(1);
    expect(count(journal, "end")).toBe(1);
  });

  it("goes on in a terminal that waited, which asks again after each reconnect and is counted once", async () => {
    await scriptModel(server, [stalls("count to 70")]);
    const chat = startChat(server, "--thread", "terminal", "--json", "count to 70");
    await chat.printed("cut-18");
    await restart();
    const { code, out } = await chat.ended;
    expect(code).toBe(0);
    const events = eventsIn(out);
    const again = events.findLastIndex(({ event }) => event === "restarted");
    expect(events.slice(0, again).some(({ event }) => event === "reconnecting")).toBe(true);
    const told = events.slice(again).map(({ event, delta }) => (event === "text" ? delta : ""));
    expect(told.join("")).toBe(counted(70));
    const transcript = await alice.messages("terminal");
    expect(transcript.map((message) => textOf(message))).toEqual(["count to 70", counted(70)]);
    const journal = journalHolding(data, transcript[0]?.id ?? "");
    expect(stepsOf(journal)).toEqual(["input", "call", "call", "began", "answer", "end"]);
    expect(journal.broken).toBeNull();
  });

  it("left chains that verify from the first entry to the last", () => {
    for (const request of [asked.text, asked.tools, asked.first, asked.twice]) {
      const journal = journalHolding(data, request.message);
      expect(journal.broken).toBeNull();
      expect(journal.kinds.at(-1)).toBe("end");
    }
  });
});
