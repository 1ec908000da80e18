/** The report as Markdown. Pure. */
import type { Line } from "./goals.ts";
import { PEERS, type PeerName } from "./peers.ts";
import type { Figure } from "./stats.ts";

/** One table: a row a metric, a column a peer, ratios against the floor and against AIChatAgent. */
export function markdownTable(lines: readonly Line[], peers: readonly PeerName[]): string {
  const others = peers.filter((name) => name !== "ours");
  const head = [
    "Metric",
    ...peers.map((name) => PEERS[name].title),
    ...others.map((name) => `Holdfast / ${PEERS[name].title}`),
    "Goal",
    "Reached",
  ];
  const rows = lines.map((line) => [
    line.unit ? `${line.metric} (${line.unit})` : line.metric,
    ...peers.map((name) => figureText(line.values[name])),
    ...others.map((name) => ratioText(line.values.ours, line.values[name])),
    line.goal,
    line.met === null ? "" : line.met ? "yes" : "**no**",
  ]);
  const align = head.map((_, i) => (i === 0 || i >= head.length - 2 ? "---" : "---:"));
  return [head, align, ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

export function figureText(figure: Figure | undefined): string {
  if (!figure) return "–";
  const value = number(figure.value);
  return figure.low === figure.high ? value : `${value} [${number(figure.low)}–${number(figure.high)}]`;
}

function ratioText(ours: Figure | undefined, other: Figure | undefined): string {
  // A difference that the noise takes through zero is nothing to divide by.
  if (!ours || !other || other.low <= 0) return "";
  return `${number(ours.value / other.value)} ×`;
}

/** Three significant digits or so: more would be noise. */
export function number(value: number): string {
  const size = Math.abs(value);
  const digits = Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
