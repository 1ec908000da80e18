/** A chat as a whole over the real router and the real actors. */
import { env } from "cloudflare:test";
import { beforeAll, expect, it, vi } from "vitest";
import { limits } from "../../../src/limits.ts";
import { scriptModel } from "../../support/chat.ts";
import { createWorld, signIn, type World } from "./support/app.ts";

let world: World;
let token = "";
const AGENT = "/api/agents/alice";

beforeAll(async () => {
  world = await createWorld({ CONVERSATION: env.CONVERSATION });
  token = (await signIn(world, "alice")).token;
});

const ask = (path: string, init: RequestInit = {}) => world.ask(`${AGENT}${path}`, { ...init, token });
const post = (path: string, body: unknown) => ask(path, { method: "POST", body: JSON.stringify(body) });
const textIn = async (response: Response) => new TextDecoder().decode(await response.arrayBuffer());
const document = async (thread: string) => textIn(await ask(`/threads/${thread}/transcript.md`));

async function answered(thread: string, text: string, answer: string): Promise<void> {
  await scriptModel([{ match: text, steps: [{ text: answer }] }]);
  expect((await post(`/threads/${thread}/messages`, { text })).status).toBe(202);
  await vi.waitFor(async () => expect(await document(thread)).toContain(`> ${answer}`));
}

it("is read as a document, forked, brought in again, and deleted for good", async () => {
  await answered("whole", "router hello", "the answer of one");
  const markdown = await ask("/threads/whole/transcript.md");
  expect(markdown.headers.get("content-type")).toBe("text/markdown; charset=utf-8");
  expect(markdown.headers.get("content-disposition")).toBe('attachment; filename="whole.md"');
  await markdown.body?.cancel();

  const forked = await post("/threads/whole/fork", {});
  expect(forked.status).toBe(201);
  const { thread } = await forked.json<{ thread: string }>();
  expect(await document(thread)).toContain("> the answer of one");

  const file = await textIn(await ask("/threads/whole/journal"));
  const imported = await ask("/import", { method: "POST", body: file });
  expect(imported.status).toBe(201);
  const copy = (await imported.json<{ thread: string }>()).thread;
  expect(await document(copy)).toContain("> router hello");

  expect((await ask("/threads/whole?forever=true", { method: "DELETE" })).status).toBe(204);
  const gone = await ask("/threads/whole/transcript.md");
  expect([gone.status, (await gone.json<{ error: { code: string } }>()).error.code]).toEqual([
    410,
    "thread_deleted",
  ]);
  expect((await post("/threads/whole/messages", { text: "are you there?" })).status).toBe(410);
  const listed = await (await ask("/threads")).json<{ threads: { id: string }[] }>();
  expect(listed.threads.map((one) => one.id).toSorted()).toEqual([thread, copy].toSorted());
});

it("refuses a body that is no journal, too large, or no fork", async () => {
  const broken = await ask("/import", { method: "POST", body: "hello" });
  expect([broken.status, await textIn(broken)]).toEqual([400, expect.stringContaining("Line 1 is not JSON")]);
  const empty = await ask("/import", { method: "POST" });
  expect([empty.status, await textIn(empty)]).toEqual([400, expect.stringContaining("the file is empty")]);
  const large = await ask("/import", {
    method: "POST",
    body: "x",
    headers: { "content-length": String(limits.importBytes + 1) },
  });
  expect(large.status).toBe(413);
  expect((await post("/threads/nothing-here/fork", {})).status).toBe(404);
  expect((await post("/threads/nothing-here/fork", { message: "" })).status).toBe(400);
});
