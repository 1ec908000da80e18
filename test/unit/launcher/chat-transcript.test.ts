import { describe, expect, it } from "vitest";
import type { ChatEvent } from "../../../local/lib/chat/events.ts";
import type { Chunk } from "../../../local/lib/chat/frames.ts";
import { inputLine, outputLine } from "../../../local/lib/chat/render.ts";
import { Transcript } from "../../../local/lib/chat/transcript.ts";

function reader() {
  const events: ChatEvent[] = [];
  const transcript = new Transcript((event) => events.push(event));
  const read = (...chunks: Chunk[]): void => {
    for (const chunk of chunks) transcript.chunk(chunk);
  };
  const text = (): string => events.map((event) => (event.event === "text" ? event.delta : "")).join("");
  return { events, transcript, read, text };
}

const start: Chunk = { type: "start", messageId: "a_1" };
const say = (delta: string): Chunk => ({ type: "text-delta", id: "0", delta });
const asked: Chunk = {
  type: "tool-input-available",
  toolCallId: "t",
  toolName: "write",
  input: { path: "a" },
};
const done: Chunk = { type: "tool-output-available", toolCallId: "t", output: { created: true } };

describe("an answer's chunks", () => {
  it("become text and tool events in order", () => {
    const { events, read } = reader();
    read(
      start,
      say("I "),
      say("write."),
      { type: "tool-input-start", toolCallId: "t", toolName: "write" },
      asked,
    );
    read(
      { type: "tool-output-available", toolCallId: "t", output: { progress: "half" }, preliminary: true },
      done,
    );
    read({ type: "tool-output-error", toolCallId: "u", errorText: "no" }, say(" Done."), { type: "finish" });
    expect(events).toEqual([
      { event: "text", delta: "I " },
      { event: "text", delta: "write." },
      { event: "tool", id: "t", name: "write", input: { path: "a" } },
      { event: "progress", id: "t", name: "write", output: { progress: "half" } },
      { event: "result", id: "t", name: "write", output: { created: true } },
      { event: "tool-error", id: "u", name: "tool", error: "no" },
      { event: "text", delta: " Done." },
    ]);
  });

  it("say once that a message was read, and that a call waits, until it is decided", () => {
    const { events, transcript, read } = reader();
    const waits: Chunk = { type: "tool-approval-request", toolCallId: "t" };
    const joined: Chunk = { type: "data-joined", data: { messageIds: ["m"] } };
    read(start, asked, joined, waits, joined, waits);
    expect(events.slice(1)).toEqual([
      { event: "joined", messages: ["m"] },
      { event: "approval", id: "t", name: "write", input: { path: "a" } },
    ]);
    expect(transcript.asked).toEqual([{ id: "t", name: "write", input: { path: "a" } }]);
    read({ type: "tool-output-denied", toolCallId: "t" }, waits);
    expect(transcript.asked).toEqual([]);
    expect(events.at(-1)).toMatchObject({ event: "tool-error", name: "write" });
  });

  it("that are replayed are not said twice, wherever the replay is cut differently", () => {
    const { events, read, text } = reader();
    read(start, say("Hello wor"), asked, done);
    const before = events.length;
    read(start, say("Hel"), say("lo w"), asked, done, say("orld"), say("!"));
    expect(text()).toBe("Hello world!");
    expect(events.slice(before)).toEqual([
      { event: "text", delta: "ld" },
      { event: "text", delta: "!" },
    ]);
  });

  it("of an answer that is made again differently are announced, and said whole", () => {
    const { events, read } = reader();
    read(start, say("The answer is 41"));
    read(start, say("The answer"), say(" is 42"), say("."));
    expect(events.slice(1)).toEqual([
      { event: "restarted" },
      { event: "text", delta: "The answer is 42" },
      { event: "text", delta: "." },
    ]);
  });

  it("are completed by the final message: only what is missing is said", () => {
    const { events, read, transcript, text } = reader();
    read(start, say("I write."), asked);
    transcript.message({
      id: "a_1",
      role: "assistant",
      parts: [
        { type: "text", text: "I write." },
        {
          type: "tool-write",
          toolCallId: "t",
          state: "output-available",
          input: {},
          output: { created: true },
        },
        { type: "text", text: " Done." },
      ],
    });
    expect(text()).toBe("I write. Done.");
    expect(events.slice(2)).toEqual([
      { event: "result", id: "t", name: "write", output: { created: true } },
      { event: "text", delta: " Done." },
    ]);
    expect(transcript.messageId).toBe("a_1");
  });

  it("of kinds that it does not know are passed over", () => {
    const { events, read } = reader();
    read({ type: "data-future", data: 1 }, { type: "start-step" }, say(""));
    expect(events).toEqual([]);
  });
});

describe("a tool's line", () => {
  it.each([
    [{ path: "notes/a.txt", text: "long" }, "notes/a.txt …"],
    [{ query: "x" }, "x"],
    [{}, ""],
    [{ a: 1 }, '{"a":1}'],
    ["text", "text"],
    [null, "null"],
  ])("%j is asked as %s", (input, line) => {
    expect(inputLine(input)).toBe(line);
  });

  it.each([
    [{ path: "a", sizeBytes: 10, created: true, etag: "x" }, "10 bytes, created"],
    [{ text: "first\nsecond", lines: 2, truncated: false }, "text: first, lines 2"],
    ["first\nsecond", "first"],
    [[1, 2], "[1,2]"],
    [{ entries: [] }, '{"entries":[]}'],
    [`\u001b[2J${"x".repeat(300)}`, `[2J${"x".repeat(96)}…`],
  ])("%j is answered as %s", (output, line) => {
    expect(outputLine(output)).toBe(line);
  });
});
