/**
 * What a person types into `npm run chat`: 21 ways to have a file written and read back. Each time the terminal shows
 * both tool calls and prints the text, and the file is really there.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventsIn, startChat } from "../support/e2e-chat.ts";
import { type Person, personAt } from "../support/e2e-server.ts";
import { startServer, type TestServer } from "../support/server.ts";

/** `PATH` and `TEXT` stand for a path and a text of the wording's own. */
const WORDINGS = [
  "write TEXT to PATH, then read it back",
  "create a file called PATH containing TEXT and show me what's in it",
  "put the words 'TEXT' into PATH; afterwards open it",
  "save “TEXT” as PATH and then print it",
  "please jot down TEXT in PATH. What does it say?",
  'Write "TEXT" to `PATH` and read it back to me',
  'Could you please create PATH with the text "TEXT" and then display its contents?',
  "Make a new file PATH that says TEXT, then show it to me.",
  "In PATH, write TEXT. Then tell me what the file says.",
  "write to PATH: TEXT\nthen read it",
  'Store the sentence "TEXT" in PATH, and cat it.',
  "I want you to write TEXT into PATH and after that read it again",
  "add a file PATH with TEXT in it and open it",
  "1. Write TEXT to PATH\n2. Read it back",
  "Would you mind writing 'TEXT' to **PATH** and reading it back?",
  "PATH should say TEXT. Show me.",
  "hey, can you type TEXT into PATH for me and then let me see it?",
  "First write TEXT to PATH. Once that's done, read PATH.",
  "Fill PATH with TEXT. What's in there?",
  "Create a file with TEXT. Call it PATH. Then read it.",
  "write the following to PATH:\n```\nTEXT\n```\nand show me the result",
];
/** Plain words and odd places: depth, dots, digits, hyphens, capitals. */
const PLACES = [
  "notes/a.txt",
  "todo.md",
  "log-2026/day.1.txt",
  "Deep/er/still/b.md",
  "data/c_3.csv",
  "x/y.json",
];
const SAYINGS = ["hello tide", "the boats are in", "blue kelp holds fast", "low water at noon", "nine gulls"];

const CASES = WORDINGS.map((wording, i) => {
  const path = `w${i}/${PLACES[i % PLACES.length]}`;
  const text = `${SAYINGS[i % SAYINGS.length]}`;
  return {
    said: wording.replaceAll("PATH", path).replaceAll("TEXT", text),
    path,
    text,
    thread: `words-${i}`,
  };
});

let server: TestServer;
let alice: Person;
beforeAll(async () => {
  server = await startServer({ paceMs: 0 });
  alice = await personAt(server, "alice@example.com");
});
afterAll(async () => {
  await server.stop();
});

const chat = (...args: string[]) => startChat(server, ...args).ended;

it("has 21 wordings, each with a path of its own", () => {
  expect(new Set(CASES.map(({ path }) => path)).size).toBe(21);
});

it.each(CASES)("$said", async ({ said, path, text, thread }) => {
  const { code, out, err } = await chat("--thread", thread, "--json", said);
  expect(err).toBe("");
  const events = eventsIn(out);
  const kinds = events.map((one) => one.event);
  const tools = events.filter((one) => one.event === "tool");
  expect(tools.map(({ name, input }) => [name, input?.path])).toEqual([
    ["write", path],
    ["read", path],
  ]);
  expect(kinds.filter((kind) => kind === "result")).toHaveLength(2);
  const spoken = events.map(({ event: kind, delta }) => (kind === "text" ? delta : "")).join("");
  expect(spoken).toContain(text);
  expect(events.at(-1)).toMatchObject({ event: "done", outcome: "completed" });
  expect(code).toBe(0);
  expect(await alice.file(path)).toBe(text);
});

it("shows a person the calls and the text, and gives a pipe the answer alone", async () => {
  const { code, out, err } = await chat(
    "--thread",
    "plain",
    "write low tide to plain/a.txt and read it back",
  );
  expect(code).toBe(0);
  expect(out).toContain("low tide");
  expect(err).toMatch(/write.*plain\/a\.txt[\s\S]*read.*plain\/a\.txt/);
});
