import { describe, expect, it } from "vitest";
import { beginningOf, isBinary, readLines } from "../../../src/tools/files/lines.ts";
import { jsonBytes } from "../../../src/tools/size.ts";

const never = new AbortController().signal;
const streamOf = (bytes: Uint8Array, chunk: number): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += chunk) controller.enqueue(bytes.slice(at, at + chunk));
      controller.close();
    },
  });
const linesOf = (text: string, from = 1, lines = 1_000, maxBytes = 10_000, chunk = 7) =>
  readLines(streamOf(new TextEncoder().encode(text), chunk), { from, lines, maxBytes }, never);

describe("reading lines", () => {
  it.each([
    ["", 0],
    ["a", 1],
    ["a\n", 1],
    ["a\nb", 2],
    ["a\r\nb\r\n", 2],
    ["\n\n\n", 3],
    ["日本\nü\n", 2],
  ])("gives back %j exactly and counts %i lines", async (text, count) => {
    for (const chunk of [1, 2, 3, 1_000]) {
      expect(await linesOf(text, 1, 1_000, 10_000, chunk)).toEqual({
        text,
        lines: count,
        totalLines: count,
        cut: false,
      });
    }
  });
  it("reads a range, and counts all lines all the same", async () => {
    const text = Array.from({ length: 100 }, (_, i) => `line ${i + 1}\n`).join("");
    expect(await linesOf(text, 41, 2)).toEqual({
      text: "line 41\nline 42\n",
      lines: 2,
      totalLines: 100,
      cut: false,
    });
    expect(await linesOf(text, 100, 9)).toMatchObject({ text: "line 100\n", lines: 1 });
    expect(await linesOf(text, 101, 1)).toMatchObject({ text: "", lines: 0, totalLines: 100 });
  });
  it("stops at whole lines when the room is used up", async () => {
    const text = '"quoted"\n'.repeat(50);
    const range = await linesOf(text, 1, 50, 100);
    expect(range).toMatchObject({ lines: 7, totalLines: 50, cut: false, text: '"quoted"\n'.repeat(7) });
    expect(jsonBytes(range?.text)).toBeLessThanOrEqual(102);
  });
  it("gives the beginning of a line that is too long by itself", async () => {
    const range = await linesOf(`${"👩".repeat(500)}\nnext\n`, 1, 10, 101, 13);
    expect(range).toMatchObject({ lines: 1, totalLines: 2, cut: true });
    expect(range?.text).toMatch(/^👩+$/u);
    expect(jsonBytes(range?.text)).toBeLessThanOrEqual(101);
  });
  it("gives up when it is told to", async () => {
    const stop = new AbortController();
    stop.abort(new Error("enough"));
    const body = streamOf(new Uint8Array(10), 1);
    await expect(readLines(body, { from: 1, lines: 1, maxBytes: 10 }, stop.signal)).rejects.toThrow("enough");
  });
});

describe("what is text", () => {
  it("knows binary content by its beginning, in chunks of any size", async () => {
    const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    expect(isBinary(png)).toBe(true);
    expect(isBinary(new Uint8Array([65, 0, 66]))).toBe(true);
    expect(isBinary(new TextEncoder().encode("héllo"))).toBe(false);
    expect(isBinary(new Uint8Array())).toBe(false);
    for (const chunk of [1, 3, 100]) {
      expect(await readLines(streamOf(png, chunk), { from: 1, lines: 1, maxBytes: 100 }, never)).toBeNull();
    }
  });
  it("is not misled by a character on the edge of the sample", () => {
    expect(isBinary(new TextEncoder().encode(`${"a".repeat(7_999)}é`))).toBe(false);
  });
  it("cuts no character in two", () => {
    for (let room = 2; room < 30; room++) {
      const text = beginningOf('👩"é\n👩', room);
      expect('👩"é\n👩'.startsWith(text)).toBe(true);
      expect(text.isWellFormed()).toBe(true);
      expect(jsonBytes(text)).toBeLessThanOrEqual(room);
    }
  });
});
