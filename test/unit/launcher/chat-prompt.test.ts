import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Outcome } from "../../../local/lib/chat/events.ts";
import { runPrompt } from "../../../local/lib/chat/prompt.ts";

/** A prompt whose answers are finished by the test. */
function setUp() {
  const input = new PassThrough();
  const output = new PassThrough();
  const asked: string[] = [];
  const answers: PromiseWithResolvers<Outcome>[] = [];
  const calls: string[] = [];
  const done = runPrompt({
    // The prompt uses them as plain streams; a terminal's extras are readline's business.
    input: input as unknown as NodeJS.ReadStream,
    output: output as unknown as NodeJS.WriteStream,
    handle: "alice",
    thread: "main",
    ask: (text) => {
      asked.push(text);
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
  return { input, asked, calls, done, type, answer, answers, seen };
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

  it("ends with the error when the chat is lost", async () => {
    const { type, answers, done } = setUp();
    await type("hello\n");
    answers[0]?.reject(new Error("lost"));
    await expect(done).rejects.toThrow("lost");
  });
});
