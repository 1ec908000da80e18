/**
 * Text of people and models inside a Markdown document of ours. It stays Markdown and stays inside: whatever it
 * contains, it can open no block of the document, write no HTML, and define no link for another place. Pure.
 *
 * The one thing that reaches out of a block quote is HTML, so every `<` becomes an entity, except where it is certain
 * that a reader shows it as it is: in code. Certain means that every reader of CommonMark 0.31 agrees; where lists and
 * quotes leave a doubt, the entity stands in the code too.
 */

/** A text as a block quote. */
export function quoted(text: string): string {
  return contained(linesOf(text))
    .map((line) => (line === "" ? ">" : `> ${line}`))
    .join("\n");
}

/** A text as it is, in a fence that nothing in it can close. */
export function fenced(text: string, language = ""): string {
  const lines = linesOf(text);
  const longest = Math.max(2, ...lines.map((line) => line.match(/^\s*(~*)/)?.[1]?.length ?? 0));
  const fence = "~".repeat(longest + 1);
  return [`${fence}${language}`, ...lines, fence].join("\n");
}

/** A text within a line: every character stands for itself. */
export const inline = (text: string): string =>
  oneLine(text).replace(/[!-/:-@[-`{-~]/g, (character) => `\\${character}`);

/** A text as code within a line. */
export function code(text: string): string {
  const line = oneLine(text);
  if (line === "") return "";
  const runs = [...line.matchAll(/`+/g)].map((run) => run[0].length);
  const fence = "`".repeat(Math.max(0, ...runs) + 1);
  // A space next to the fence is taken off by readers, and keeps a backtick in the text apart from it.
  return `${fence} ${line} ${fence}`;
}

/** A text inside HTML. */
export const html = (text: string): string =>
  oneLine(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const oneLine = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being removed
  text.replace(/[\s\u0000-\u001f\u007f]+/g, " ").trim();

/** Lines as CommonMark ends them. It replaces a NUL, so that we may. */
const linesOf = (text: string): string[] => text.replaceAll("\0", "\ufffd").split(/\r\n|\n|\r/);

interface Fence {
  mark: string;
  length: number;
}

function contained(lines: readonly string[]): string[] {
  let fence: Fence | null = null;
  /** A fence inside a list or a quote: whether it is still open depends on how a reader sees those. */
  let nested: Fence | null = null;
  let doubt = false;
  /** Backticks of the paragraph pair within their lines, so that no span goes from one line to the next. */
  let paired = true;
  return lines.map((line) => {
    if (doubt) return escaped(line);
    if (fence) {
      if (closes(line, fence, /^ {0,3}$/)) fence = null;
      else if (closes(line, fence, /^[ \t]+$/) && line.includes("\t")) doubt = true;
      return line;
    }
    if (line.trim() === "") {
      paired = true;
      return line;
    }
    if (nested) {
      if (!/^[ \t>]/.test(line)) doubt = true;
      else if (closes(line, nested, /^[ \t>]+$/)) nested = null;
      return escaped(line);
    }
    const opened = fenceOf(line, /^/);
    if (opened) {
      fence = opened;
      return line;
    }
    nested = fenceOf(line, /^[\s>*+\-.)\d]+/);
    if (nested) return escaped(line);
    const spans = paired ? spansOf(line) : null;
    if (!spans) paired = false;
    return spans ? escapedAround(line, spans) : escaped(line);
  });
}

function fenceOf(line: string, before: RegExp): Fence | null {
  const rest = line.replace(before, "");
  const mark = rest.match(/^(`{3,}(?=[^`]*$)|~{3,})/)?.[1];
  return mark ? { mark: mark.charAt(0), length: mark.length } : null;
}

function closes(line: string, fence: Fence, indent: RegExp): boolean {
  const found = line.match(/^([ \t>]*)(`+|~+)[ \t]*$/);
  if (!found?.[2]?.startsWith(fence.mark) || found[2].length < fence.length) return false;
  return found[1] === "" || indent.test(found[1] ?? "");
}

/** Where the code spans of a line are; null when that depends on other lines, or on what a reader takes for a link. */
function spansOf(line: string): [from: number, to: number][] | null {
  if (/\\`/.test(line) || /(:\/\/|www\.|@)\S*`/i.test(line)) return null;
  const runs = [...line.matchAll(/`+/g)].map((run) => ({ at: run.index, length: run[0].length }));
  const spans: [number, number][] = [];
  for (let i = 0; i < runs.length; i++) {
    const open = runs[i];
    const close = runs.findIndex((run, j) => j > i && run.length === open?.length);
    const end = runs[close];
    if (!open || !end) return null;
    spans.push([open.at, end.at + end.length]);
    i = close;
  }
  return spans;
}

function escapedAround(line: string, spans: readonly [from: number, to: number][]): string {
  let out = "";
  let at = 0;
  for (const [from, to] of spans) {
    const span = line.slice(from, to);
    // A table ends its cells at every bar, also at one between backticks.
    out += escaped(line.slice(at, from)) + (span.includes("|") ? escaped(span) : span);
    at = to;
  }
  return out + escaped(line.slice(at));
}

/** No HTML, and no definition of a link that would hold for the whole document. */
const escaped = (text: string): string => text.replaceAll("<", "&lt;").replaceAll("]:", "]\\:");
