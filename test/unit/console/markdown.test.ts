import { describe, expect, it } from "vitest";
import { completed, cutBlocks, noBlocks } from "../../../src/console/markdown/blocks.ts";
import { isInlineImage, targetOf, workspacePath } from "../../../src/console/markdown/urls.ts";

const SAMPLE = `# Title

A paragraph with **bold** text
over two lines.

- one
  - nested
- two

      indented

\`\`\`ts
const a = 1;

const b = 2;
\`\`\`

| a | b |
|---|---|
| 1 | 2 |

> quote
continued

1. first

   still first
2. second

***

Last words.`;

/** What the blocks say, without the blank lines between them. */
const squeezed = (text: string): string => text.replace(/\n\s*\n+/g, "\n").trim();

describe("blocks of a growing text", () => {
  it("loses nothing and doubles nothing, however the text arrives", () => {
    for (const step of [1, 2, 7, 31]) {
      let known = noBlocks;
      for (let end = 0; end <= SAMPLE.length + step; end += step) {
        const text = SAMPLE.slice(0, end);
        known = cutBlocks(text, known);
        expect(squeezed(known.blocks.join("\n\n"))).toBe(squeezed(text));
      }
      expect(known.blocks).toEqual(cutBlocks(SAMPLE).blocks);
    }
  });

  it("cuts where blocks end, and not inside of fences, lists and tables", () => {
    const { blocks } = cutBlocks(SAMPLE);
    expect(blocks[0]).toBe("# Title");
    expect(blocks.filter((block) => block.startsWith("```"))).toHaveLength(1);
    expect(blocks.find((block) => block.startsWith("| a"))).toBe("| a | b |\n|---|---|\n| 1 | 2 |");
    expect(blocks.find((block) => block.startsWith("1."))).toContain("2. second");
    expect(blocks.at(-1)).toBe("Last words.");
  });

  it("keeps settled blocks as they are while the text grows", () => {
    const before = cutBlocks("One.\n\nTwo.\n\nThr");
    const after = cutBlocks("One.\n\nTwo.\n\nThree.", before);
    expect(after.blocks).toEqual(["One.", "Two.", "Three."]);
  });

  it("starts over when the text is another one", () => {
    const before = cutBlocks("One.\n\nTwo.");
    expect(cutBlocks("Other.\n\nText.", before).blocks).toEqual(["Other.", "Text."]);
    expect(cutBlocks("", before).blocks).toEqual([]);
  });

  it("leaves a text with footnotes or reference links in one piece", () => {
    const text = "See [docs] and[^1].\n\n[docs]: https://example.com\n\n[^1]: note";
    expect(cutBlocks(text).blocks).toEqual([text]);
  });
});

describe("the end of a text that is being written", () => {
  it("closes what is open", () => {
    expect(completed("Some **bold")).toBe("Some **bold**");
    expect(completed("Some `code")).toBe("Some `code`");
  });

  it("shows no half of a link as a link", () => {
    expect(completed("See [the docs](https://exa")).not.toContain("](https://exa)");
  });

  it("leaves code alone, whatever is in it", () => {
    const code = "```md\n**not bold and `not code";
    expect(completed(code)).toBe(code);
  });

  it("holds a table back until its second line begins, and then shows it whole", () => {
    expect(completed("| a | b |")).toBe("");
    expect(completed("| a | b |\n|--")).toBe("| a | b |\n| --- | --- |");
    expect(completed("| a | b |\n|---|---|\n| 1 |")).toBe("| a | b |\n|---|---|\n| 1 |");
  });

  it("holds back a line that is only the mark of what comes", () => {
    for (const mark of ["-", "- ", "12.", "##", "--", "==", "`", ">"]) {
      expect(completed(`Text\n${mark}`)).toBe("Text");
    }
    expect(completed("- item")).toBe("- item");
    expect(completed("# Title")).toBe("# Title");
  });
});

describe("where links lead", () => {
  it("opens pages by the safe schemes only", () => {
    expect(targetOf("https://example.com/a?b#c")).toEqual({
      kind: "page",
      href: "https://example.com/a?b#c",
    });
    expect(targetOf("mailto:a@b.example")).toMatchObject({ kind: "page" });
    const bad = [
      "javascript:alert(1)",
      "JaVaScRiPt:alert(1)",
      " javascript:alert(1)",
      "java\nscript:alert(1)",
      "java\tscript:alert(1)",
      "\u0001javascript:alert(1)",
      "vbscript:x",
      "data:text/html,<script>alert(1)</script>",
      "blob:https://example.com/x",
      "file:///etc/passwd",
      "//evil.example/x",
      "\\\\evil.example",
      "../../etc/passwd",
      "notes/../../x",
      "",
      undefined,
    ];
    for (const href of bad) expect(targetOf(href), String(href)).toEqual({ kind: "none" });
  });

  it("takes relative addresses for files of the workspace", () => {
    expect(targetOf("notes/a%20b.md#top")).toEqual({ kind: "file", path: "notes/a b.md" });
    expect(targetOf("./a.txt")).toEqual({ kind: "file", path: "a.txt" });
    expect(targetOf("/a.txt")).toEqual({ kind: "file", path: "a.txt" });
    expect(targetOf("workspace:data/x.csv")).toEqual({ kind: "file", path: "data/x.csv" });
    expect(targetOf("#here")).toEqual({ kind: "anchor", href: "#here" });
  });

  it("reads workspace addresses, decoded, whatever is in them", () => {
    expect(workspacePath("workspace:/a/100%.txt")).toBe("a/100%.txt");
    expect(workspacePath("WORKSPACE:b.png")).toBe("b.png");
    expect(workspacePath("https://example.com")).toBeNull();
    expect(workspacePath("workspace:")).toBeNull();
  });

  it("draws only images that are in the text itself, and no SVG among them", () => {
    expect(isInlineImage("data:image/png;base64,AAAA")).toBe(true);
    expect(isInlineImage("data:image/svg+xml;base64,AAAA")).toBe(false);
    expect(isInlineImage("https://example.com/a.png")).toBe(false);
  });
});
