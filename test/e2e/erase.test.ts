/**
 * What was erased is looked for byte by byte in everything that a server keeps, after it has stopped: databases, their
 * write-ahead logs, objects. What was not erased has to be found the same way, or the search itself proves nothing.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EXIT } from "../../local/lib/command.ts";
import { runCommandLine } from "../support/command-line.ts";
import { eventually, type Person, personAt, scriptModel, textOf } from "../support/e2e-server.ts";
import { startServer, type TestServer } from "../support/server.ts";

/** Words that stand nowhere else. The first of each pair is erased, the second stays. */
const SECRET = {
  message: "quillwort-one",
  answer: "quillwort-two",
  file: "quillwort-three",
  thread: "quillwort-four",
  title: "quillwort-five",
  reply: "quillwort-six",
} as const;
const PERSON = { said: "mandrake-one", file: "mandrake-two", email: "mandrake@example.com" } as const;
const KEPT = { said: "stonecrop-one", answered: "stonecrop-two", file: "stonecrop-three" } as const;

const data = mkdtempSync(join(tmpdir(), "holdfast-erase-"));
let server: TestServer;
let alice: Person;
let files: { name: string; bytes: Buffer }[] = [];
let journal = "";

const AGENT = "/api/agents/alice";

async function ask(person: Person, method: string, path: string, body?: unknown): Promise<string> {
  const headers = { "content-type": "application/json" };
  const init = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) };
  const response = await person.fetch(path, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text;
}

/** Says something in one of their chats and waits for the answer. */
async function say(person: Person, thread: string, text: string, answer: string): Promise<void> {
  await scriptModel(server, [{ match: text, steps: [{ text: answer }] }]);
  await ask(person, "POST", `/api/agents/${person.handle}/threads/${thread}/messages`, { text });
  await eventually(`the answer to ${text}`, async () =>
    (await person.messages(thread)).some((message) => textOf(message).includes(answer)),
  );
}

/**
 * Leaves in every database what a query can find, with what its indexes hold, and nothing else. SQLite frees pages
 * without overwriting them, and neither an actor nor D1 may tell it otherwise: such pages are the platform's.
 */
function vacuum(): void {
  for (const entry of readdirSync(data, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith(".sqlite")) continue;
    const database = new DatabaseSync(join(entry.parentPath, entry.name));
    database.exec("PRAGMA wal_checkpoint(TRUNCATE); VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    database.close();
  }
}

beforeAll(async () => {
  server = await startServer({ scriptable: true, paceMs: 0, data });
  alice = await personAt(server, "alice@example.com");
  const gone = await personAt(server, PERSON.email);
  await ask(gone, "PATCH", "/api/me", { handle: "mandrake" }).catch(() => "");
  const leaving = await personAt(server, PERSON.email);

  // A message with its answer and the file that it made, between others that stay.
  await say(alice, "plans", KEPT.said, KEPT.answered);
  await scriptModel(server, [
    {
      match: SECRET.message,
      steps: [
        { tools: [{ name: "write", input: { path: "notes/secret.txt", content: SECRET.file } }] },
        { text: `It is ${SECRET.answer}.` },
      ],
    },
  ]);
  await ask(alice, "POST", `${AGENT}/threads/plans/messages`, { text: `Remember ${SECRET.message}` });
  const erased = await eventually("the message that will be erased", async () => {
    const messages = await alice.messages("plans");
    if (!messages.some((message) => textOf(message).includes(SECRET.answer))) return null;
    return messages.find((message) => textOf(message).includes(SECRET.message));
  });
  await alice.fetch(`${AGENT}/files/content?path=kept.txt`, { method: "PUT", body: KEPT.file });

  // A chat of its own, with a title; and somebody who leaves altogether.
  await say(alice, "other", `Keep ${SECRET.thread}`, SECRET.reply);
  await ask(alice, "PATCH", `${AGENT}/threads/other`, { title: `About ${SECRET.title}` });
  await say(leaving, "home", `I am ${PERSON.said}`, "Welcome.");
  await leaving.fetch(`/api/agents/${leaving.handle}/files/content?path=mine.txt`, {
    method: "PUT",
    body: PERSON.file,
  });

  const message = { message: erased.id, answer: true, files: true };
  await ask(alice, "POST", `${AGENT}/threads/plans/erase`, message);
  await ask(alice, "DELETE", `${AGENT}/threads/other?forever=true`);
  await ask(leaving, "DELETE", `/api/agents/${leaving.handle}`, { confirm: leaving.handle });
  journal = join(data, "exported.jsonl");
  writeFileSync(journal, await ask(alice, "GET", `${AGENT}/threads/plans/journal`));
});
afterAll(async () => {
  await server.stop();
  rmSync(data, { recursive: true, force: true });
});

it("the chains of who erased something still hold", async () => {
  const done = await runCommandLine("audit", ["verify", "--as", "alice@example.com", "--data", data]);
  expect(done).toMatchObject({ code: EXIT.ok });
  expect(done.stdout).toMatch(/erased/);
});

it("an exported journal is replayed, and the replay says what was erased", async () => {
  const done = await runCommandLine("replay", [journal, "--verify"]);
  expect(done).toMatchObject({ code: EXIT.ok });
  expect(done.stdout).toMatch(/erased/);
});

it("nothing of it is left in any file, and what was not erased is", async () => {
  await server.stop();
  vacuum();
  files = readdirSync(data, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => ({
      name: join(parentPath, name).slice(data.length),
      bytes: readFileSync(join(parentPath, name)),
    }));
  const where = (word: string): string[] =>
    files.filter(({ bytes }) => bytes.includes(word)).map(({ name }) => `${word} is in ${name}`);
  for (const word of Object.values(KEPT)) expect(where(word)).not.toEqual([]);
  const found = [...Object.values(SECRET), ...Object.values(PERSON)].flatMap(where);
  expect(found).toEqual([]);
});
