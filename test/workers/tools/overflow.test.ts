import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { limits } from "../../../src/limits.ts";
import { type Overflow, RESULTS_DIRECTORY } from "../../../src/tools/overflow.ts";
import { runTool } from "../../../src/tools/run.ts";
import { jsonBytes, textBytes } from "../../../src/tools/size.ts";
import type { Tool } from "../../../src/tools/tool.ts";
import { call, type Desk, deskOf, tapped } from "./support.ts";

const giving = (output: unknown): Tool => ({
  name: "probe",
  description: "A tool of this test.",
  input: z.unknown(),
  risk: "auto",
  replay: "safe",
  effects: "none",
  timeoutMs: 10_000,
  run: async () => ({ output, changed: ["other.md"] }),
});
async function resultOf(desk: Desk, output: unknown, id = "toolu_01") {
  const result = await runTool(giving(output), "{}", {
    call: { id, idempotencyKey: `thread:${id}`, userId: desk.user, thread: "thread" },
    ports: { files: desk.files, now: desk.now },
    signal: new AbortController().signal,
    progress: () => {},
  });
  if ("error" in result) throw new Error(result.error.message);
  return result;
}
const cutOf = async (desk: Desk, output: unknown, id?: string) =>
  (await resultOf(desk, output, id)).output as Overflow; // the fields are looked at below

describe("a result that is too long", () => {
  it("up to the limit goes through as it is", async () => {
    const desk = deskOf();
    const text = "x".repeat(limits.toolResultBytes - 2); // and its quotes
    expect(await resultOf(desk, text)).toEqual({ output: text, changed: ["other.md"] });
    expect(await desk.keys()).toEqual([]);
  });
  it("goes to a file, and the model gets its beginning, its end and the path", async () => {
    const desk = deskOf();
    const text = Array.from({ length: 9_000 }, (_, i) => `line ${i}`).join("\n");
    const { output, changed } = await resultOf(desk, text);
    expect(output).toMatchObject({
      truncated: true,
      path: ".results/toolu_01.txt",
      sizeBytes: textBytes(text),
    });
    const { head, tail } = output as Overflow;
    expect(text.startsWith(head) && text.endsWith(tail)).toBe(true);
    expect(head.length).toBeGreaterThan(tail.length);
    expect(head.length + tail.length).toBeGreaterThan(limits.toolResultBytes / 2);
    expect(jsonBytes(output)).toBeLessThanOrEqual(limits.toolResultBytes);
    expect(changed).toEqual(["other.md", ".results/toolu_01.txt"]);
    expect(await desk.text(".results/toolu_01.txt")).toBe(text);
    const again = await call(desk, "read", { path: ".results/toolu_01.txt", from: 8_999, lines: 1 });
    expect(again.output).toMatchObject({ text: "line 8998\n" });
  });
  it("as JSON goes to a file that can be read by lines", async () => {
    const desk = deskOf();
    const value = { rows: Array.from({ length: 5_000 }, (_, i) => ({ id: i, name: `row ${i}` })) };
    expect(await cutOf(desk, value)).toMatchObject({ path: ".results/toolu_01.json" });
    expect(JSON.parse(await desk.text(".results/toolu_01.json"))).toEqual(value);
    expect((await call(desk, "read", { path: ".results/toolu_01.json", lines: 1 })).output).toMatchObject({
      text: "{\n",
    });
  });
  it("fits whatever it is made of, and no character is cut in two", async () => {
    const desk = deskOf();
    for (const [i, unit] of ["\u0000", '"', "\\", "日", "👩", "a👩"].entries()) {
      const output = await cutOf(desk, unit.repeat(60_000), `call-${i}`);
      expect(jsonBytes(output)).toBeLessThanOrEqual(limits.toolResultBytes);
      expect(output.head.isWellFormed() && output.tail.isWellFormed()).toBe(true);
      expect(output.head.length * output.tail.length).toBeGreaterThan(0);
    }
  });
  it("has a name that a provider's id cannot lead astray", async () => {
    const desk = deskOf();
    const long = "x".repeat(limits.toolResultBytes);
    const ids = ["../../../etc/passwd", "a/b", "ab", "a.b", "", "日本", "x".repeat(3_000)];
    const paths = new Set<string>();
    for (const id of ids) paths.add((await cutOf(desk, `${id}${long}`, id)).path ?? "");
    expect(paths.size).toBe(ids.length);
    for (const path of paths) expect(path).toMatch(/^\.results\/[A-Za-z0-9_-]+\.txt$/);
    expect((await desk.files.list(RESULTS_DIRECTORY)).entries).toHaveLength(ids.length);
  });
  it("run again, makes no second version of the file", async () => {
    const desk = deskOf();
    const text = "x".repeat(100_000);
    expect(await resultOf(desk, text)).toEqual(await resultOf(desk, text));
    expect(await desk.keys()).toHaveLength(1);
  });
  it("still gives its beginning and end when it cannot be kept", async () => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const bucket = tapped({
      before({ method }) {
        if (method === "put") throw new Error("put: internal error (10001)");
      },
    });
    const output = await cutOf(deskOf(undefined, bucket), "x".repeat(100_000));
    expect(output).toMatchObject({ truncated: true, note: expect.stringContaining("could not be kept") });
    expect(output.path).toBeUndefined();
    expect(output.head.length).toBeGreaterThan(10_000);
    expect(logged).toHaveBeenCalledOnce();
    logged.mockRestore();
  });
});
