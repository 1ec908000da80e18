/** A line diff, as people know it from their version control. Pure. */

export type DiffLine = { mark: " " | "-" | "+"; text: string } | { mark: "…"; text: "" };

/** Lines around a change that are shown with it. */
const CONTEXT = 3;
/** Above this the middle of two texts is shown as removed and added: finding more in common would take too long. */
const MOST_CELLS = 4_000_000;

/** What changed from one text to the other, with some lines around. Empty when nothing did. */
export function lineDiff(before: readonly string[], after: readonly string[]): DiffLine[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  while (
    tail < before.length - head &&
    tail < after.length - head &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  ) {
    tail++;
  }
  const removed = before.slice(head, before.length - tail);
  const added = after.slice(head, after.length - tail);
  if (removed.length === 0 && added.length === 0) return [];
  const same = (text: string): DiffLine => ({ mark: " ", text });
  return shortened([
    ...before.slice(0, head).map(same),
    ...middle(removed, added),
    ...before.slice(before.length - tail).map(same),
  ]);
}

/** By the longest common subsequence. */
function middle(removed: readonly string[], added: readonly string[]): DiffLine[] {
  const width = added.length + 1;
  const minus = (text: string): DiffLine => ({ mark: "-", text });
  const plus = (text: string): DiffLine => ({ mark: "+", text });
  if ((removed.length + 1) * width > MOST_CELLS) return [...removed.map(minus), ...added.map(plus)];
  const common = new Uint32Array((removed.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = removed.length - 1; i >= 0; i--) {
    for (let j = added.length - 1; j >= 0; j--) {
      common[i * width + j] =
        removed[i] === added[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const out: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < removed.length || j < added.length) {
    const before = removed[i];
    const after = added[j];
    if (before !== undefined && before === after) {
      out.push({ mark: " ", text: before });
      i++;
      j++;
    } else if (before !== undefined && (after === undefined || at(i + 1, j) >= at(i, j + 1))) {
      out.push(minus(before));
      i++;
    } else {
      out.push(plus(after ?? ""));
      j++;
    }
  }
  return out;
}

function shortened(lines: readonly DiffLine[]): DiffLine[] {
  const near = new Set<number>();
  for (const [i, line] of lines.entries()) {
    if (line.mark === " ") continue;
    for (let k = i - CONTEXT; k <= i + CONTEXT; k++) near.add(k);
  }
  const out: DiffLine[] = [];
  for (const [i, line] of lines.entries()) {
    if (near.has(i)) out.push(line);
    else if (out.at(-1)?.mark !== "…") out.push({ mark: "…", text: "" });
  }
  return out;
}
