/** What campaigns print: a list of figures each, and one table of all of them. */
import type { Report } from "./report.ts";

/** One campaign that has run. */
export interface Done {
  name: string;
  seed: number;
  count: number;
  /** What is counted. */
  of: string;
  seconds: number;
  report: Report;
}

/** The figures of one campaign, a line each, and its violations. */
export function figures({ name, seed, seconds, report }: Done): string {
  const rows: Report["rows"] = [
    ["campaign", name],
    ["first seed", seed],
    ...report.rows,
    ["violations", report.violations.length],
    ["seconds", seconds.toFixed(1)],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return [
    ...rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`.trimEnd()),
    ...(report.notes ?? []).map((note) => `  ${note}`),
    ...report.violations.map((violation) => `  ✗ ${violation}`),
  ].join("\n");
}

const COLUMNS: readonly [title: string, of: (done: Done) => string][] = [
  ["campaign", ({ name }) => name],
  ["run", ({ count, of }) => `${count} ${of}`],
  ["accepted", ({ report }) => figure(report.accepted)],
  ["answered", ({ report }) => figure(report.answered)],
  ["lost", ({ report }) => figure(report.lost)],
  ["doubled", ({ report }) => figure(report.doubled)],
  ["without end", ({ report }) => figure(report.unended)],
  [
    "sign p50 / p99 ms",
    ({ report: { signMs } }) => (signMs ? `${figure(signMs.p50)} / ${figure(signMs.p99)}` : "–"),
  ],
  ["violations", ({ report }) => figure(report.violations.length)],
  ["seconds", ({ seconds }) => seconds.toFixed(1)],
];

/** One line a campaign. What a campaign has no figure for is a dash. */
export function table(all: readonly Done[]): string {
  const rows = [COLUMNS.map(([title]) => title), ...all.map((done) => COLUMNS.map(([, of]) => of(done)))];
  const widths = COLUMNS.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const figure = (value: number | undefined): string =>
  value === undefined ? "–" : value.toLocaleString("en");
