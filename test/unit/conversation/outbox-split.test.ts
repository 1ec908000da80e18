import { describe, expect, it } from "vitest";
import { splitText } from "../../../src/actors/conversation/outbox-split.ts";
import { Chance } from "../../campaigns/random.ts";

const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const fences = (part: string) => part.split("\n").filter((line) => /^ {0,3}(```|~~~)/.test(line)).length;

describe("a text that is longer than a platform takes", () => {
  it("stays whole when it fits, also when it is empty", () => {
    expect(splitText("short", 5)).toEqual(["short"]);
    expect(splitText("", 5)).toEqual([""]);
  });

  it("is cut between paragraphs, and the gap is left out", () => {
    expect(splitText("one two three\n\n\nfour five six", 20)).toEqual(["one two three", "four five six"]);
  });

  it("is cut between lines when no paragraph ends in time, else between words, else anywhere", () => {
    expect(splitText("one two three\nfour five six", 20)).toEqual(["one two three", "four five six"]);
    expect(splitText("one two three four", 10)).toEqual(["one two", "three four"]);
    expect(splitText("abcdefghij", 4)).toEqual(["abcd", "efgh", "ij"]);
  });

  it("does not make a tiny part for the sake of a nice cut", () => {
    const parts = splitText(`a\n\n${"b".repeat(30)}`, 20);
    expect(parts[0]?.length).toBe(20);
  });

  it("closes a code block that is cut, and opens it again in its language", () => {
    const parts = splitText("```ts\nconst a = 1;\nconst b = 2;\nconst c = 3;\n```\ndone", 40);
    expect(parts[0]).toBe("```ts\nconst a = 1;\nconst b = 2;\n```");
    expect(parts[1]).toBe("```ts\nconst c = 3;\n```\ndone");
  });

  it("does not open a block again that ends at the cut", () => {
    const parts = splitText(`\`\`\`\n${"x".repeat(24)}\n\`\`\`\nbehind the block`, 34);
    expect(parts).toEqual([`\`\`\`\n${"x".repeat(24)}\n\`\`\``, "behind the block"]);
  });

  it("keeps indentation and blank lines of code", () => {
    const code = "if (x) {\n    deep();\n\n    deeper();\n}";
    const joined = splitText(`\`\`\`\n${code}\n\`\`\``, 30)
      .map((part) => part.replace(/^```\n/, "").replace(/\n```$/, ""))
      .join("\n");
    expect(joined).toBe(code);
  });

  it("tears no surrogate pair and no joined character", () => {
    const family = "👩‍👩‍👧";
    expect(splitText("😀".repeat(5), 3).every((part) => !LONE.test(part))).toBe(true);
    expect(splitText(`${"a".repeat(7)}${family}`, 10)).toEqual(["a".repeat(7), family]);
    expect(splitText("ae\u0301bcd", 2)[0]).toBe("a");
  });
});

describe("10,000 texts of chance", () => {
  const pieces = [
    "word ",
    "longerword",
    "\n",
    "\n\n",
    "\n```\n",
    "\n```ts\n",
    "\n~~~\n",
    "    x = 1;\n",
    "😀",
    "e\u0301",
    "`x` ",
  ];

  it("keep within the limit, lose no letter, and leave no block open that was closed", () => {
    const chance = new Chance(7);
    for (let run = 0; run < 10_000; run++) {
      const text = Array.from({ length: chance.below(60) }, () => chance.pick(pieces)).join("");
      const max = 20 + chance.below(60);
      const parts = splitText(text, max);
      const where = JSON.stringify({ text, max, parts });
      expect(
        parts.every((part) => part.length <= max),
        where,
      ).toBe(true);
      expect(
        parts.some((part) => LONE.test(part)),
        where,
      ).toBe(false);
      // Fences are repeated at cuts, white space is left out there; everything else is there once and in order.
      const letters = (whole: string) => whole.replace(/[`~\s]|ts/g, "");
      expect(letters(parts.join("\n")), where).toBe(letters(text));
    }
  });

  it("have balanced fences in every part of a text whose fences are", () => {
    const chance = new Chance(8);
    for (let run = 0; run < 2_000; run++) {
      const block = () => `\`\`\`ts\n${"let x = 1;\n".repeat(1 + chance.below(12))}\`\`\`\n`;
      const prose = () => `${"some words here ".repeat(1 + chance.below(8))}\n\n`;
      const text = Array.from({ length: 4 }, () => (chance.chance(0.5) ? block() : prose())).join("");
      const parts = splitText(text, 50 + chance.below(60));
      for (const part of parts) expect(fences(part) % 2, JSON.stringify({ text, parts })).toBe(0);
    }
  });
});
