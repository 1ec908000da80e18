/** `npm run chat` as a process: approvals without a terminal, and what the prompt's commands do. */
import { beforeAll, describe, expect, it } from "vitest";
import { eventsIn, startChat } from "../support/e2e-chat.ts";
import { type Person, personAt, scriptModel } from "../support/e2e-server.ts";
import { startServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let alice: Person;

beforeAll(async () => {
  server = await startServer({ scriptable: true, paceMs: 1 });
  alice = await personAt(server, "alice@example.com");
  const changed = await alice.fetch(`/api/agents/${alice.handle}/settings`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ toolRisks: { write: "ask" } }),
  });
  expect(changed.status).toBe(200);
  return () => server.stop();
});

const writes = (match: string, path: string) => ({
  match,
  steps: [
    { text: "I write. ", tools: [{ name: "write", input: { path, text: "hello" } }] },
    { text: "All done." },
  ],
});

describe("a call that waits for approval", () => {
  it("ends the command with 4 and the commands that decide; one of them goes on where it stopped", async () => {
    await scriptModel(server, [writes("the first", "first.txt")]);
    const asked = await startChat(server, "--thread", "one", "the first").ended;
    expect([asked.code, asked.out]).toEqual([4, "I write. \n"]);
    expect(asked.err).toContain("? write first.txt … waits for approval");
    const [, flags] = /npm run chat -- (.* --approve \S+)/.exec(asked.err) ?? [];
    expect(flags).toContain("--thread one");
    expect(await alice.file("first.txt")).toBeNull();

    const decided = await startChat(server, ...(flags ?? "").split(" ")).ended;
    expect(decided).toMatchObject({ code: 0, out: "All done.\n" });
    expect(decided.err).toContain("← 5 bytes, created");
    expect(await alice.file("first.txt")).toBe("hello");

    const again = await startChat(server, ...(flags ?? "").split(" ")).ended;
    expect(again.code).toBe(1);
    expect(again.err).toContain("approved already, by alice@example.com");
  });

  it("is denied with --deny, and the model goes on without it", async () => {
    await scriptModel(server, [writes("the second", "second.txt")]);
    const asked = await startChat(server, "--thread", "two", "--json", "the second").ended;
    expect(asked.code).toBe(4);
    const events = eventsIn(asked.out);
    const waits = events.find(({ event }) => event === "approval");
    expect(waits).toMatchObject({ name: "write", input: { path: "second.txt" } });
    expect(events.at(-1)).toEqual({ event: "done", outcome: "waiting" });
    const denied = await startChat(server, "--thread", "two", "--deny", String(waits?.id)).ended;
    expect(denied).toMatchObject({ code: 0, out: "All done.\n" });
    expect(denied.err).toContain("✗");
    expect(await alice.file("second.txt")).toBeNull();
  });

  it("is approved by --yes in the same run", async () => {
    await scriptModel(server, [writes("the third", "third.txt")]);
    const { code, out } = await startChat(server, "--thread", "three", "--yes", "the third").ended;
    expect([code, out]).toEqual([0, "I write. \nAll done.\n"]);
    expect(await alice.file("third.txt")).toBe("hello");
  });
});

describe("flags that contradict each other", () => {
  it.each([[["--approve", "a", "--deny", "b"]], [["--approve", "a", "some text"]], [["--deny", ""]]])(
    "%j are a mistake",
    async (flags) => {
      expect((await startChat(server, ...flags).ended).code).toBe(2);
    },
  );
});

describe("the prompt", () => {
  it("takes back, looks up, copies and goes on in the copy", async () => {
    await scriptModel(server, [
      writes("the fourth", "fourth.txt"),
      { match: "in the copy", steps: [{ text: "Here too." }] },
    ]);
    const flags = ["--thread", "four", "--yes"];
    expect((await startChat(server, ...flags, "the fourth").ended).code).toBe(0);
    const { code, out } = await startChat(server, {
      input: "/usage\n/fork\nin the copy\n",
      args: flags,
    }).ended;
    expect(code).toBe(0);
    expect(out).toContain("Today: $0.0000");
    expect(out).toMatch(/This is a copy of the chat: t\w+/);
    expect(out).toContain("Here too.");
    const undone = await startChat(server, { input: "/undo\n/undo\n", args: flags }).ended;
    expect(undone.out).toContain("Taken back: the fourth\nWhat it did remains:\n  write fourth.txt.");
    expect(undone.out).toContain("There is nothing in this chat that could be undone.");
    expect(await alice.messages("four")).toEqual([]);
  });
});
