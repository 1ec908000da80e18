import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { substitute } from "../../../src/tools/substitute.ts";

const edit = (text: string, find: string, replace: string, all = false) =>
  substitute(text, { find, replace, all });
const message = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error.message;
    throw error;
  }
  throw new Error("nothing was thrown");
};

describe("replacing text", () => {
  it("replaces the one occurrence and leaves every other character alone", () => {
    expect(edit("a\r\nb\tc\n", "b\t", "B ")).toEqual({ text: "a\r\nB c\n", replacements: 1 });
  });
  it("takes both texts literally", () => {
    expect(edit("cost: $& .*", ".*", "$1$&$$").text).toBe("cost: $& $1$&$$");
  });
  it("replaces all when told to, without looking at what it put there", () => {
    expect(edit("a-a-a", "a", "aa", true)).toEqual({ text: "aa-aa-aa", replacements: 3 });
  });
  it("removes", () => expect(edit("one two", " two", "")).toEqual({ text: "one", replacements: 1 }));
});

describe("errors that help", () => {
  it("counts occurrences and says where they are", () => {
    const text = "x = 1\ny = 2\nx = 1\nx = 1\nx = 1\n";
    expect(message(() => edit(text, "x = 1", "x = 3"))).toMatch(/occurs 4 times \(lines 1, 3, 4, …\).*`all`/);
    expect(message(() => edit("a\nb\na\nb\n", "a\nb", "c"))).toMatch(/occurs 2 times \(lines 1, 3\)/);
  });
  it("shows lines that are like what was not found, with their numbers", () => {
    const text = "import a\n\nfunction  total(items) {\n  return 1;\n}\nconst z = 9;\n";
    const said = message(() => edit(text, "function total(items){\n  return 2;", "x"));
    expect(said).toContain("3: function  total(items) {");
    expect(said).not.toContain("const z");
    expect(said).toContain("Nothing was changed");
  });
  it("shows at most three lines and cuts long ones", () => {
    const text = Array.from({ length: 50 }, (_, i) => `const value${i} = "${"v".repeat(500)}";`).join("\n");
    const near = message(() => edit(text, `const valueX = "${"v".repeat(500)}";`, ""));
    expect(near.split("\n")).toHaveLength(1 + 3);
    expect(near.length).toBeLessThan(1_000);
  });
  it("sees that only the line ends differ", () => {
    expect(message(() => edit("one\r\ntwo\r\n", "one\ntwo", "x"))).toContain('"\\r\\n"');
  });
  it("says so when nothing is alike, when the file is empty, and when there is nothing to do", () => {
    expect(message(() => edit("alpha\nbeta\n", "zzzz qqqq", "x"))).toMatch(/No line of the file is like it/);
    expect(message(() => edit("", "a", "b"))).toMatch(/empty/);
    expect(message(() => edit("a", "a", "a"))).toMatch(/the same/);
  });
  it("answers fast for a large file", () => {
    const text = Array.from({ length: 60_000 }, (_, i) => `line ${i} of many`).join("\n");
    const began = performance.now();
    expect(message(() => edit(text, "line 7 of  many, or so", "x"))).toContain("8: line 7 of many");
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});
