import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Outcome } from "../../../local/lib/chat/events.ts";
import { openPrompt } from "../../../local/lib/chat/prompt.ts";
import { CommandError } from "../../../local/lib/command.ts";

/** A prompt whose answers are finished by the test. */
function setUp() {
  const input = new PassThrough();
  const output = new PassThrough();
  const asked: string[] = [];
  const answers: PromiseWithResolvers<Outcome>[] = [];
  const calls: string[] = [];
  const replies: PromiseWithResolvers<string>[] = [];
  const reply = (call: string): Promise<string> => {
    calls.push(call);
    const said = Promise.withResolvers<string>();
    replies.push(said);
    return said.promise;
  };
  const { done, allow } = openPrompt({
    // The prompt uses them as plain streams; a terminal's extras are readline's business.
    input: input as unknown as NodeJS.ReadStream,
    output: output as unknown as NodeJS.WriteStream,
    handle: "alice",
    thread: "main",
    ask: (text, mode) => {
      asked.push(mode ? `${mode}: ${text}` : text);
      const answer = Promise.withResolvers<Outcome>();
      answers.push(answer);
      return answer.promise;
    },
    stop: () => {
      calls.push("stop");
      return false;
    },
    fresh: () => {
      calls.push("fresh");
      return "terminal-1";
    },
    fork: () => reply("fork"),
    undo: () => reply("undo"),
    schedules: () => reply("schedules"),
    search: (words) => reply(`search ${words}`),
    usage: () => reply("usage"),
  });
  const type = async (text: string): Promise<void> => {
    input.write(text);
    await new Promise(setImmediate);
  };
  const answer = async (): Promise<void> => {
    answers.shift()?.resolve("completed");
    await new Promise(setImmediate);
  };
  const seen = (): string => String(output.read() ?? "");
  return { input, asked, calls, done, allow, type, answer, answers, replies, seen };
}

describe("the prompt", () => {
  it("asks one line at a time, in order", async () => {
    const { asked, type, answer, done } = setUp();
    await type("one\ntwo\n\n");
    expect(asked).toEqual(["one"]);
    await answer();
    expect(asked).toEqual(["one", "two"]);
    await answer();
    await type("/quit\n");
    await done;
  });

  it("answers everything that was piped into it before it ends", async () => {
    const { asked, input, answer, done } = setUp();
    let ended = false;
    void done.then(() => {
      ended = true;
    });
    input.end("one\ntwo\n");
    await new Promise(setImmediate);
    await answer();
    expect([asked, ended]).toEqual([["one", "two"], false]);
    await answer();
    await done;
  });

  it("opens a new chat only between answers, and knows its commands", async () => {
    const { calls, type, answer, done, seen } = setUp();
    await type("hello\n/new\n/stop\n");
    expect(calls).toEqual(["stop"]);
    expect(seen()).toContain("Stop it first");
    await answer();
    await type("/new\n/nonsense\n");
    expect(calls).toEqual(["stop", "fresh"]);
    expect(seen()).toMatch(/terminal-1[\s\S]*no command \/nonsense/);
    await type("/quit\n");
    await done;
  });

  it("leaves at once on /quit, even while an answer is made", async () => {
    const { type, done } = setUp();
    await type("hello\n");
    await type("/quit\n");
    await done;
  });

  it("sends /queue and /steer at once, while an answer is made", async () => {
    const { asked, type, answer, done, seen } = setUp();
    await type("hello\n/queue and then\n/steer in euros\nlater\n/steer\n");
    expect(asked).toEqual(["hello", "and then", "steer: in euros"]);
    expect(seen()).toContain("Say what: /steer TEXT");
    await answer();
    await answer();
    expect(asked).not.toContain("later");
    await answer();
    expect(asked.at(-1)).toBe("later");
    await answer();
    await type("/quit\n");
    await done;
  });

  it("shows what its commands say, one after the other, and goes on after a refusal", async () => {
    const { calls, type, replies, done, seen } = setUp();
    await type("/undo\n/fork\n");
    expect(calls).toEqual(["undo"]);
    replies[0]?.resolve("Taken back: hello");
    await new Promise(setImmediate);
    expect(calls).toEqual(["undo", "fork"]);
    replies[1]?.reject(new CommandError("There is nothing to copy."));
    await new Promise(setImmediate);
    expect(seen()).toMatch(/Taken back: hello[\s\S]*There is nothing to copy\./);
    await type("/search low  tide\n/search\n/usage\n/schedules\n");
    expect(calls.slice(2)).toEqual(["search low  tide", "usage", "schedules"]);
    expect(seen()).toContain("/search WORDS");
    await type("/quit\n");
    await done;
  });

  it.each([
    ["y", true],
    ["Yes", true],
    ["n", false],
    ["", false],
    ["yesterday", false],
  ])("takes %j for %j when a call waits for approval", async (said, allowed) => {
    const { allow, asked, type, done, seen } = setUp();
    const call = { id: "c", name: "write", input: { path: "notes/a.txt" } };
    const decision = allow(call, new AbortController().signal);
    expect(seen()).toContain("Allow write notes/a.txt? [y/N]");
    await type(`${said}\n`);
    expect(await decision).toBe(allowed);
    expect(asked).toEqual([]);
    await type("/quit\n");
    await done;
  });

  it("has no decision when somebody else decided, or nobody is there any more", async () => {
    const { allow, asked, input, type, answer, done } = setUp();
    const call = { id: "c", name: "write", input: {} };
    const decided = new AbortController();
    const first = allow(call, decided.signal);
    decided.abort();
    expect(await first).toBeNull();
    await type("yes\n");
    expect(asked).toEqual(["yes"]);
    await answer();
    const second = allow(call, new AbortController().signal);
    input.end();
    expect(await second).toBeNull();
    await done;
  });

  it("ends with the error when the chat is lost", async () => {
    const { type, answers, done } = setUp();
    await type("hello\n");
    answers[0]?.reject(new Error("lost"));
    await expect(done).rejects.toThrow("lost");
  });
});
