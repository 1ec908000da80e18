import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown } from "mdast-util-gfm";
import { gfm } from "micromark-extension-gfm";
import { describe, expect, it } from "vitest";
import { markdownOf } from "../../../src/actors/conversation/markdown.ts";
import { code, fenced, html, inline, quoted } from "../../../src/actors/conversation/markdown-text.ts";
import { emptyState, reduceAll, type State } from "../../../src/actors/conversation/state.ts";
import { ModelError } from "../../../src/model/errors.ts";
import { Chance } from "../../campaigns/random.ts";
import { says, World } from "../../support/world.ts";

interface Node {
  type: string;
  value?: string;
  depth?: number;
  children?: Node[];
}

/** A thousand a second; a hundred times as many find no more. */
const STORIES = 1_500;

const parsed = (text: string): Node =>
  fromMarkdown(text, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });

function* everyNode(node: Node): Generator<Node> {
  yield node;
  for (const child of node.children ?? []) yield* everyNode(child);
}

const types = (text: string): string[] => (parsed(text).children ?? []).map((node) => node.type);
const inside = (text: string, type: string): Node[] =>
  [...everyNode(parsed(text))].filter((node) => node.type === type);
const document = (state: State): string => [...markdownOf("ualice.plans", state)].join("");

describe("a text inside the document", () => {
  it("stays the Markdown that it is", () => {
    const text =
      "# Title\n\n- one\n- two `a < b`\n\n```ts\nconst a: Array<string> = [];\n```\n\n| a | b |\n| - | - |\n| 1 | 2 |";
    expect(quoted(text)).toContain("> const a: Array<string> = [];");
    expect(quoted(text)).toContain("`a < b`");
    const kinds = new Set([...everyNode(parsed(quoted(text)))].map((node) => node.type));
    for (const kind of ["heading", "list", "code", "inlineCode", "table"]) expect([...kinds]).toContain(kind);
  });

  it.each([
    ["a heading of ours", "### Agent\n\n> I agree to everything."],
    ["the end of a fold", "</details>\n\n</details>"],
    ["a comment that never ends", "<!-- and the rest is gone"],
    ["a script", "<script>alert(1)</script>"],
    ["a fence that never ends", "```\nopen"],
    ["a fence closed by a tab", "```\ncode\n\t```\n<b>"],
    ["a fence in a list that the next line leaves", "- a\n  ```\n  code\nout <script>"],
    ["a fence in a list, closed at the margin", "- a\n\n  ```\n  x\n```\n<script>\n```"],
    ["a span across lines", "a ` b\nc ` <script> ` d"],
    ["an escaped backtick", "\\` <b> `"],
    ["a span cut by a table", "| ` |\n| - |\n| a ` | <b> | ` |"],
    ["a backtick inside a link", "https://a.example/`<b>`"],
    ["carriage returns", "one\r### Agent\r\rtwo"],
    ["a rule and an underline", "===\n---\n***"],
    ["an HTML block with a backtick before it", "`\n<div>\n`"],
  ])("cannot write %s", (_name, text) => {
    const out = `${quoted(text)}\n\n### After\n\nEnd.\n`;
    expect(types(out)).toEqual(["blockquote", "heading", "paragraph"]);
    expect(inside(out, "html")).toEqual([]);
  });

  it("defines no link for another place", () => {
    const out = `${quoted("[Agent]: https://evil.example\n\n[^1]: note")}\n\n[Agent]\n`;
    expect(inside(out, "definition")).toEqual([]);
    expect(inside(out, "footnoteDefinition")).toEqual([]);
    expect(inside(out, "linkReference")).toEqual([]);
  });

  it("never leaves its quote, whatever it is made of", () => {
    const chance = new Chance(20_261_123);
    const pieces = [
      "`",
      "``",
      "```",
      "~~~",
      "\n",
      "\n\n",
      "\r",
      "\t",
      "  ",
      "    ",
      "- ",
      "1. ",
      "> ",
      "# ",
      "<b>",
      "</details>",
      "<!--",
      "<script>",
      "[a]: x",
      "[^1]: y",
      "|",
      "| - |",
      "\\",
      "\\`",
      "a",
      "*",
      "_",
      "http://a.b/",
      "www.a.b/",
      "a@b.c",
      "<?",
      "<![CDATA[",
      "$",
      "&lt;",
      "]",
      "(",
      "!",
      "=",
      "---",
      "\u2028",
      "\f",
    ];
    const wrong: string[] = [];
    for (let story = 0; story < STORIES; story++) {
      const text = Array.from({ length: 2 + chance.below(14) }, () => chance.pick(pieces)).join("");
      const root = parsed(`### One\n\n${quoted(text)}\n\n### Two\n\nEnd.\n`);
      const blocks = (root.children ?? []).map((node) => node.type).join(" ");
      const leaks = [...everyNode(root)].some((node) => /^html$|efinition$/.test(node.type));
      if (leaks || blocks !== "heading blockquote heading paragraph") wrong.push(text);
    }
    expect(wrong).toEqual([]);
  });

  it("is one literal where it stands in a line, in a fence, or in HTML", () => {
    const nasty = "a*b_c`d`[e](f)<g>&h;~i~|j|\\k # l ``m";
    const line = parsed(`x ${inline(nasty)} y`).children?.[0];
    expect(line?.children).toHaveLength(1);
    expect(line?.children?.[0]?.value).toBe(`x ${nasty} y`);
    expect(inside(`${code(nasty)}`, "inlineCode")[0]?.value).toBe(nasty);
    const block = "~~~\n~~~~~\n```\n</details>";
    expect(parsed(fenced(block)).children).toMatchObject([{ type: "code", value: block }]);
    expect(html("<b>&\"'")).toBe("&#60;b&#62;&#38;&#34;&#39;");
  });
});

describe("a conversation as a document", () => {
  it("says who, when, what, with which tools, at what price, and how it ended", async () => {
    const world = new World({
      models: [
        says("I look. ", [{ name: "read", input: { path: "a\n</details>" } }]),
        says("It says *tide*."),
        async () => {
          throw new ModelError("model_failed", "It is <down>.", { retryable: false });
        },
      ],
      tools: { read: { replay: "safe", run: async () => ({ text: "tide" }) } },
    });
    await world.say("What is in a?");
    await world.say("### Agent\n\nfake");
    const out = document(world.state);
    expect(types(out).filter((type) => type === "heading")).toHaveLength(5);
    expect(out).toContain("### alice\\@example\\.com · 2023-11-14 22:13:20 UTC");
    expect(out).toContain("<summary>Tool <code>read</code>: done</summary>");
    expect(out).toContain("> It says *tide*.");
    expect(out).toContain("**Failed:** It is \\<down\\>\\.");
    expect(out).toContain("> ### Agent");
    expect(out).toContain("20 tokens in, 10 out");
    // Our own folds are the only HTML.
    expect(inside(out, "html").map((node) => node.value)).toEqual([
      "<details>\n<summary>Tool <code>read</code>: done</summary>",
      "</details>",
    ]);
  });

  it("gives the price where there is one, and a sum at the end", async () => {
    const world = new World({ models: [says("one"), says("two")] });
    await world.say("a");
    await world.say("b");
    expect(document(world.state)).not.toContain("$");
    const priced = world.entries.map((entry) =>
      entry.kind === "answer" ? { ...entry, priceMicros: 1_234 } : entry,
    );
    const out = document(reduceAll(emptyState, priced));
    expect(out).toContain("` fake ` · 10 tokens in, 5 out · $0.001234");
    expect(out.trimEnd().endsWith("2 answers, 20 tokens in, 10 out, $0.002468.")).toBe(true);
  });
});
