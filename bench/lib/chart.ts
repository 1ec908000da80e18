/** A bar chart as SVG: each metric as a multiple of the raw object, on a logarithmic scale. Pure. */
import type { Line } from "./goals.ts";
import { PEERS, type PeerName } from "./peers.ts";
import { number } from "./table.ts";

const COLOURS: Record<PeerName, string> = {
  raw: "#9ca3af",
  ours: "#0f766e",
  aichat: "#d97706",
  think: "#7c3aed",
};
const WIDTH = 860;
const LEFT = 250;
const RIGHT = 80;
const BAR = 14;
const GAP = 18;
const TOP = 48;

/** Metrics without a figure for the raw object are left out. */
export function chart(lines: readonly Line[], peers: readonly PeerName[]): string {
  const shown = peers.filter((name) => name !== "raw");
  const groups = lines.flatMap((line) => {
    const raw = line.values.raw?.value;
    if (!raw || raw <= 0) return [];
    const bars = shown.flatMap((name) => {
      const value = line.values[name]?.value;
      return value && value > 0 ? [{ name, ratio: value / raw }] : [];
    });
    return bars.length > 0 ? [{ title: line.metric, bars }] : [];
  });
  const most = Math.max(10, ...groups.flatMap((group) => group.bars.map((bar) => bar.ratio)));
  const decades = Math.ceil(Math.log10(most));
  const x = (ratio: number): number => (Math.log10(Math.max(ratio, 1)) / decades) * (WIDTH - LEFT - RIGHT);
  const groupHeight = shown.length * BAR + GAP;
  const height = TOP + groups.length * groupHeight + 12;
  const grid = Array.from({ length: decades + 1 }, (_, i) => {
    const at = LEFT + x(10 ** i);
    return `<line x1="${at}" y1="${TOP - 6}" x2="${at}" y2="${height - 12}" stroke="#d1d5db"/><text x="${at}" y="${TOP - 12}" text-anchor="middle">${10 ** i} ×</text>`;
  });
  const bars = groups.map(({ title, bars: group }, i) => {
    const top = TOP + i * groupHeight;
    const rects = group.map(({ name, ratio }, j) => {
      const y = top + j * BAR;
      const width = Math.max(2, x(ratio)).toFixed(1);
      return `<rect x="${LEFT}" y="${y}" width="${width}" height="${BAR - 2}" fill="${COLOURS[name]}"/><text x="${LEFT + Number(width) + 6}" y="${y + BAR - 4}">${number(ratio)}</text>`;
    });
    return `<text x="${LEFT - 10}" y="${top + (group.length * BAR) / 2 + 3}" text-anchor="end">${title}</text>${rects.join("")}`;
  });
  const legend = shown.map(
    (name, i) =>
      `<rect x="${LEFT + i * 130}" y="8" width="12" height="12" fill="${COLOURS[name]}"/><text x="${LEFT + i * 130 + 18}" y="18">${PEERS[name].title}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12" fill="#374151" role="img" aria-label="Cost of a turn as a multiple of the raw Durable Object">
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${[...legend, ...grid, ...bars].join("\n")}
</svg>
`;
}
