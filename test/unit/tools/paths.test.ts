import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { limits } from "../../../src/limits.ts";
import {
  conflictPath,
  normaliseDirectory,
  normalisePath,
  SEGMENT_BYTES,
} from "../../../src/tools/files/paths.ts";

const refusal = (run: () => string): string => {
  try {
    return `accepted as ${JSON.stringify(run())}`;
  } catch (error) {
    if (error instanceof AppError && error.code === "path_invalid") return "refused";
    throw error;
  }
};

describe("a path that a person or a model wrote", () => {
  it.each([
    ["notes/a.txt", "notes/a.txt"],
    ["/notes/a.txt", "notes/a.txt"],
    ["./notes//a.txt", "notes/a.txt"],
    ["notes\\a.txt", "notes/a.txt"],
    ["\\\\notes\\.\\a.txt", "notes/a.txt"],
    ["///a", "a"],
    ["a/./b", "a/b"],
    [".env", ".env"],
    [".results/call-1.json", ".results/call-1.json"],
    ["a...b/c..txt", "a...b/c..txt"],
    ["...", "..."],
    ["..a/b..", "..a/b.."],
    ["100%.txt", "100%.txt"],
    ["./a%20b.txt", "a%20b.txt"],
    ["50%25 off.md", "50%25 off.md"],
    ["Über mich.md", "Über mich.md"],
    ["U\u0308ber.md", "Über.md"],
    ["日本語/ノート.md", "日本語/ノート.md"],
    ["👨‍👩‍👧/plan.md", "👨‍👩‍👧/plan.md"],
    ["~/a", "~/a"],
    ["C:\\temp\\a.txt", "C:/temp/a.txt"],
    ["workspace/a.txt", "workspace/a.txt"],
    ["a b/c d.txt", "a b/c d.txt"],
    ["$(rm -rf)/`x`;'\".txt", "$(rm -rf)/`x`;'\".txt"],
    [`${"a".repeat(SEGMENT_BYTES)}/b`, `${"a".repeat(SEGMENT_BYTES)}/b`],
  ])("%j becomes %j", (text, path) => {
    expect(normalisePath(text)).toBe(path);
    expect(normalisePath(path)).toBe(path);
  });

  const hostile = [
    // up, plainly
    "..",
    "../",
    "../a",
    "a/..",
    "a/../b",
    "a/../../b",
    "/..",
    "/../etc/passwd",
    "./../a",
    "..\\a",
    "a\\..\\b",
    "\\..\\",
    "..//a",
    "a/..//b",
    "././../x",
    // up, percent-encoded once, twice, more often, overlong, and in UTF-16
    "%2e%2e/a",
    "%2E%2E/a",
    ".%2e/a",
    "%2e./a",
    "..%2fa",
    "..%5ca",
    "%2e%2e%2fa",
    "%2e%2e%5ca",
    "a%2f..%2fb",
    "a/%2e%2e",
    "%252e%252e/a",
    "%25252e%25252e%25252fa",
    "..%252fa",
    "%%32%65%%32%65/a",
    "%c0%ae%c0%ae/a",
    "%c0%ae./a",
    "a%c0%af..%c0%afb",
    "..%c1%9cb",
    "%e0%80%ae%e0%80%ae/a",
    "%u002e%u002e/a",
    "%u002e%u002e%u2215a",
    "%uff0e%uff0e/a",
    "a/%2e/b",
    "%25%32%65%25%32%65/a",
    "..∕a",
    "..⁄..⧸a",
    `%${"25".repeat(30)}2e`,
    // up, in look-alikes and with invisible company
    "．．/a",
    "․․/a",
    "‥/a",
    "a／..／b",
    "a＼..＼b",
    ".\u200b./a",
    "\u200b../a",
    "..\u200d/a",
    "..\ufeff/a",
    ".. /a",
    " ../a",
    "..\u00a0/a",
    "a/ .. /b",
    ".\u00ad./a",
    ". /a",
    "a/．/b",
    "..\ufe0f/a",
    // control characters and marks that make a name lie
    "a\0b",
    "a%00b",
    "%2500",
    "a\nb",
    "a%0ab",
    "a\tb",
    "a\rb",
    "a\u007fb",
    "a\u0085b",
    "a\u001bb",
    "a\u2028b",
    "invoice\u202efdp.exe",
    "a\u2066b",
    "a%e2%80%aeb",
    // nothing where a file is meant
    "",
    "/",
    "//",
    ".",
    "./",
    "\\",
    "a/",
    "a//",
    "a/.",
    "a\\",
    " ",
    "a/ /b",
    "\u200b",
    "a/\u200d/b",
    "\u3000",
    // too long, or no text at all
    "a".repeat(SEGMENT_BYTES + 1),
    "é".repeat(128),
    `${"a/".repeat(400)}a`,
    "x".repeat(100_000),
    `${"日本/".repeat(101)}a`,
    "a\ud800b",
    "\udc00",
    "\ud83d/a",
  ];
  it.each(hostile.map((text) => [text.slice(0, 60), text]))("refuses %j", (_, text) => {
    expect(refusal(() => normalisePath(text))).toBe("refused");
  });
  it("has a hostile list worth its name", () => expect(new Set(hostile).size).toBeGreaterThanOrEqual(90));

  it("says what is allowed", () => {
    expect(() => normalisePath("../a")).toThrow(/"notes\/today\.md".*at most 700 bytes.*255 bytes/);
  });

  it("takes a directory with or without its slash, and the workspace itself", () => {
    for (const root of ["", "/", ".", "./", "\\"]) expect(normaliseDirectory(root)).toBe("");
    expect(normaliseDirectory("/a/b/")).toBe("a/b");
    expect(normaliseDirectory("a\\.\\")).toBe("a");
    expect(refusal(() => normaliseDirectory("a/../.."))).toBe("refused");
    expect(refusal(() => normaliseDirectory("%2e%2e"))).toBe("refused");
  });
});

describe("any text at all", () => {
  // mulberry32: the same texts in every run.
  const generator = (seed: number) => () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const pieces =
    ". .. ... / // \\ ./ ../ %2e %2E %2f %5c %252e %00 %c0%ae %u002e a b.txt é e\u0301 日 ． ․ ‥ ／ ＼ ~ % %% 25 2e \u200b \u202e \ud800 👩 \u0338 \0 \n : ? # & +"
      .split(" ")
      .concat(" ");

  it("never leaves the prefix, and what is accepted stays as it is", () => {
    const next = generator(20_261_123);
    const prefix = "s/uaaaaaaaaaaaaaaaaaaaa/";
    let accepted = 0;
    for (let run = 0; run < 30_000; run++) {
      const length = 1 + Math.floor(next() * 9);
      const text = Array.from({ length }, () => pieces[Math.floor(next() * pieces.length)] ?? "").join("");
      let path: string;
      try {
        path = normalisePath(text);
      } catch (error) {
        if (error instanceof AppError && error.code === "path_invalid") continue;
        throw new Error(`${JSON.stringify(text)} broke the check`, { cause: error });
      }
      accepted += 1;
      const shown = `${JSON.stringify(text)} → ${JSON.stringify(path)}`;
      // A URL is what a careless reader would make of it: dots resolved, encodings undone.
      let seen = path;
      for (let round = 0; round < 8; round++) {
        const resolved = new URL(
          `http://host/${prefix}${encodeURI(seen).replaceAll("%25", "%").replace(/[?#]/g, "_")}`,
        ).pathname;
        expect(resolved.startsWith(`/${prefix}`), shown).toBe(true);
        seen = seen.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        );
        expect(seen.split(/[/\\]/).includes(".."), shown).toBe(false);
      }
      expect(normalisePath(path), shown).toBe(path);
      expect(
        path.split("/").every((segment) => segment !== "" && segment !== "."),
        shown,
      ).toBe(true);
      expect(path.normalize("NFC"), shown).toBe(path);
      expect(Buffer.byteLength(path), shown).toBeLessThanOrEqual(limits.pathBytes);
    }
    expect(accepted).toBeGreaterThan(1_000);
  });
});

describe("the name of a conflict copy", () => {
  it.each([
    ["notes/plan.md", "notes/plan (conflict 1a2b).md"],
    ["a.tar.gz", "a.tar (conflict 1a2b).gz"],
    [".env", ".env (conflict 1a2b)"],
    ["d.ir/name", "d.ir/name (conflict 1a2b)"],
    ["a.this is a sentence and no extension", "a.this is a sentence and no extension (conflict 1a2b)"],
  ])("%j becomes %j", (path, name) => expect(conflictPath(path, "1a2b")).toBe(name));

  it("stays within the limits of names and paths", () => {
    const long = `${"日".repeat(84)}.md`;
    const copy = conflictPath(long, "1a2b");
    expect(copy).toMatch(/^日+ \(conflict 1a2b\)\.md$/);
    expect(normalisePath(copy)).toBe(copy);
    const deep = `${"a/".repeat(346)}bcd.md`;
    expect(normalisePath(deep)).toBe(deep);
    expect(conflictPath(deep, "1a2b")).toBe("bcd (conflict 1a2b).md");
  });
});
