import { describe, expect, it } from "vitest";
import { parseCsv } from "../../../src/console/files/csv.ts";
import { isEditable, kindOf, languageOf, textFrom } from "../../../src/console/files/kinds.ts";
import { freeName, safeName } from "../../../src/console/files/names.ts";

describe("names of uploads", () => {
  it("keeps ordinary names, and takes out what paths and terminals stumble over", () => {
    expect(safeName("Report 2026.pdf")).toBe("Report 2026.pdf");
    expect(safeName("../../etc/passwd")).toBe("passwd");
    expect(safeName("C:\\Users\\a\\b.txt")).toBe("b.txt");
    expect(safeName(".htaccess")).toBe("htaccess");
    expect(safeName("a\u0000b\n.txt")).toBe("ab.txt");
    expect(safeName("...")).toBe("file");
    expect(safeName("")).toBe("file");
  });

  it("shortens long names without losing what they are", () => {
    const name = safeName(`${"x".repeat(300)}.png`);
    expect(name).toHaveLength(120);
    expect(name.endsWith(".png")).toBe(true);
  });

  it("counts up in front of the extension", () => {
    expect([0, 1, 2].map((attempt) => freeName("uploads/a.tar", attempt))).toEqual([
      "uploads/a.tar",
      "uploads/a-2.tar",
      "uploads/a-3.tar",
    ]);
    expect(freeName("README", 1)).toBe("README-2");
  });
});

describe("kinds of files", () => {
  it("knows them by name and by media type", () => {
    expect(kindOf("a/notes.md", "application/octet-stream")).toBe("markdown");
    expect(kindOf("x", "image/png")).toBe("image");
    expect(kindOf("x.svg", "image/svg+xml")).toBe("image");
    expect(kindOf("a.csv", "")).toBe("csv");
    expect(kindOf("a.json", "")).toBe("json");
    expect(kindOf("a.html", "text/html")).toBe("html");
    expect(kindOf("a.py", "text/x-python")).toBe("code");
    expect(kindOf("log", "text/plain")).toBe("text");
    expect(kindOf("a.bin", "application/octet-stream")).toBe("binary");
    expect(kindOf("a.pdf", "application/pdf")).toBe("binary");
  });

  it("offers to change text only", () => {
    expect(isEditable("markdown")).toBe(true);
    expect(isEditable("image")).toBe(false);
    expect(isEditable("binary")).toBe(false);
  });

  it("colours by extension", () => {
    expect(languageOf("src/a.tsx")).toBe("typescript");
    expect(languageOf("a.txt")).toBe("");
  });

  it("tells text from bytes", () => {
    expect(textFrom(new TextEncoder().encode("Grüße, 世界"))).toBe("Grüße, 世界");
    expect(textFrom(new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0, 1]))).toBeNull();
    expect(textFrom(new Uint8Array([0xff, 0xfe, 0x41]))).toBeNull();
    // Cut in the middle of a character: what is whole is shown.
    expect(textFrom(new TextEncoder().encode("aü").slice(0, 2))).toBe("a");
  });
});

describe("comma-separated values", () => {
  it("reads quotes, separators and line breaks inside of them", () => {
    expect(parseCsv('a,b\r\n"x, ""y""","two\nlines"\n')).toEqual([
      ["a", "b"],
      ['x, "y"', "two\nlines"],
    ]);
  });

  it("finds the separator", () => {
    expect(parseCsv("a;b;c\n1;2,5;3")).toEqual([
      ["a", "b", "c"],
      ["1", "2,5", "3"],
    ]);
    expect(parseCsv("a\tb\n1\t2")).toEqual([
      ["a", "b"],
      ["1", "2"],
    ]);
  });

  it("keeps empty cells, leaves out empty lines, and ends an open quote with the text", () => {
    expect(parseCsv('a,,c\n\n,,\n"open')).toEqual([["a", "", "c"], ["", "", ""], ["open"]]);
    expect(parseCsv("")).toEqual([]);
  });
});
