/**
 * Streaming Markdown without flicker. A text is cut into its top-level blocks, so that only the last one is rendered
 * again while it grows; and the end of a text that is still being written is completed the way it will most likely
 * go on. Pure.
 */
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown } from "mdast-util-gfm";
import { gfm } from "micromark-extension-gfm";
import remend from "remend";

export interface Blocks {
  /** The text that was cut. */
  text: string;
  /** The blocks' source, in order; together they are the text, but for blank lines between them. */
  blocks: readonly string[];
  /** Where the last but one block ends: what stands before is settled while the text only grows. */
  settledAt: number;
}

export const noBlocks: Blocks = { text: "", blocks: [], settledAt: 0 };

/** Footnotes and reference links tie blocks together: such a text stays in one piece. */
const TIES = /^ {0,3}\[[^\]]+\]:/m;

/** Cuts a text; `before` is the result for its beginning, if there is one, and saves reading that again. */
export function cutBlocks(text: string, before: Blocks = noBlocks): Blocks {
  if (TIES.test(text)) return { text, blocks: [text], settledAt: 0 };
  const grows = before.settledAt > 0 && text.startsWith(before.text.slice(0, before.settledAt));
  const from = grows ? before.settledAt : 0;
  const kept = grows ? before.blocks.slice(0, -1) : [];
  const tail = text.slice(from);
  const tree = fromMarkdown(tail, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
  const fresh: string[] = [];
  let lastStart = 0;
  let end = 0;
  for (const node of tree.children) {
    const start = lineStart(tail, node.position?.start.offset ?? 0);
    end = node.position?.end.offset ?? start;
    lastStart = start;
    fresh.push(tail.slice(start, end));
  }
  if (fresh.length === 0) return { text, blocks: kept, settledAt: from };
  // The last block keeps its trailing text: a fence's newline, or spaces that become something.
  fresh[fresh.length - 1] = tail.slice(lastStart).replace(/\n+$/, "");
  return { text, blocks: [...kept, ...fresh], settledAt: from + lastStart };
}

// An indented block's node begins behind its indentation, which is part of its meaning.
const lineStart = (text: string, offset: number): number => text.lastIndexOf("\n", offset - 1) + 1;

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const TABLE_ROW = /^\s*\|.*$/;
const TABLE_RULE = /^\s*\|?\s*:?-*:?\s*(\|\s*:?-*:?\s*)*\|?\s*$/;

/**
 * The last block of a text that is being written, made whole: open emphasis, code and links are closed, a table's
 * first line waits for its second, and a lone list marker or rule in the making is held back.
 */
export function completed(block: string): string {
  const lines = block.split("\n");
  if (FENCE.test(lines[0] ?? "")) return block; // an open fence runs to the end of the text by itself
  const last = lines.at(-1) ?? "";
  if (TABLE_ROW.test(lines[0] ?? "")) {
    if (lines.length === 1) return "";
    if (lines.length === 2 && TABLE_RULE.test(last)) return tableHead(lines[0] ?? "");
    return block;
  }
  // "- ", "1.", "##", "--": a line that shows only what it will be the beginning of.
  if (/^\s*(?:[-*+]|\d+[.)]|#{1,6}|-{2,}|={1,}|`{1,2}|>)\s*$/.test(last)) {
    return remend(lines.slice(0, -1).join("\n"));
  }
  return remend(block);
}

// The second line is still being written: as long as the first, so that the table appears once and stays.
function tableHead(head: string): string {
  const cells = head
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|").length;
  return `${head}\n|${" --- |".repeat(cells)}`;
}
