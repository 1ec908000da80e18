/** The performance table: what was measured, for whom, and whether it reaches the goal. Pure. */

import type { PeerName } from "./peers.ts";
import { ACTORS, type Report } from "./report.ts";
import type { Figure } from "./stats.ts";

export interface Line {
  metric: string;
  unit: string;
  values: Partial<Record<PeerName, Figure>>;
  /** What is to be reached, and whether it was; null where a peer that it needs was not measured. */
  goal: string;
  met: boolean | null;
}

type Figures = Partial<Record<PeerName, Figure>>;
type Test = (values: Record<"ours" | "raw" | "aichat", number>) => boolean;

/** Throws nothing; lines of what was not measured are left out. */
export function linesOf(report: Report): Line[] {
  const lines = [
    line(
      "First text, 200 tokens unpaced",
      "ms",
      pick(report.unpaced200, (t) => t.first),
      {
        text: "raw + 2.0 ms, 0.3 × AIChatAgent",
        test: ({ ours, raw, aichat }) => ours - raw <= 2 && ours <= 0.3 * aichat,
      },
    ),
    line(
      "Whole turn, 200 tokens unpaced",
      "ms",
      pick(report.unpaced200, (t) => t.whole),
      {
        text: "0.08 × AIChatAgent",
        test: ({ ours, aichat }) => ours <= 0.08 * aichat,
      },
    ),
    line(
      "Whole turn, 2,000 tokens unpaced",
      "ms",
      pick(report.unpaced2000, (t) => t.whole),
    ),
    line(
      "CPU a turn, 200 tokens unpaced",
      "ms",
      pick(report.unpaced200, (t) => t.cpu),
    ),
    line(
      "CPU a turn, 2,000 tokens unpaced",
      "ms",
      pick(report.unpaced2000, (t) => t.cpu),
    ),
    line(
      "First text, 10 ms a token",
      "ms",
      pick(report.paced200, (t) => t.first),
    ),
    line(
      "CPU a turn, 200 tokens at 10 ms",
      "ms",
      pick(report.paced200, (t) => t.cpu),
    ),
    line(
      "CPU a turn, 2,000 tokens at 10 ms",
      "ms",
      pick(report.paced2000, (t) => t.cpu),
    ),
    line(
      "Rows a turn, 200 tokens unpaced",
      "rows",
      exact(report.rows200, (r) => r.conversation),
      atMost(5),
    ),
    line(
      "Rows a turn, 2,000 tokens unpaced",
      "rows",
      exact(report.rows2000, (r) => r.conversation),
      atMost(5),
    ),
    line(
      "Rows a turn, 2,000 tokens over 20 s",
      "rows",
      exact(report.rowsPaced, (r) => r.conversation),
      atMost(8),
    ),
    line(
      "… and in the user actor, 200 tokens",
      "rows",
      exact(report.rows200, (r) => r.user),
    ),
    line(
      "SQL statements a turn, 200 tokens",
      "",
      exact(report.rows200, (r) => r.statements),
    ),
    line(
      "SQL statements a turn, 2,000 tokens",
      "",
      exact(report.rows2000, (r) => r.statements),
    ),
    line(`Turns a second over ${ACTORS} actors`, "/s", report.throughput, {
      text: "0.3 × raw, 10 × AIChatAgent",
      test: ({ ours, raw, aichat }) => ours >= 0.3 * raw && ours >= 10 * aichat,
    }),
    line("Cold actor to first text", "ms", report.coldThread, {
      text: "1.8 × raw, 0.4 × AIChatAgent",
      test: ({ ours, raw, aichat }) => ours <= 1.8 * raw && ours <= 0.4 * aichat,
    }),
    line("… the user's actor cold as well", "ms", report.coldUser),
    line(
      "Bundle, gzipped",
      "KB",
      exact(report.bundle, (bytes) => bytes / 1024),
      atMost(300, " KB"),
    ),
    line("Start-up over an empty Worker", "ms", report.startUp, atMost(60, " ms")),
  ];
  return [
    ...lines.filter((one) => Object.keys(one.values).length > 0),
    ...lengthLines(report),
    containerLine(report),
  ];
}

function line(metric: string, unit: string, values: Figures, goal?: { text: string; test: Test }): Line {
  return { metric, unit, values, goal: goal?.text ?? "", met: goal ? reached(values, goal) : null };
}

function reached(values: Figures, goal: { text: string; test: Test }): boolean | null {
  const { ours, raw, aichat } = values;
  if (!ours || (goal.text.includes("raw") && !raw) || (goal.text.includes("AIChatAgent") && !aichat))
    return null;
  return goal.test({ ours: ours.value, raw: raw?.value ?? 0, aichat: aichat?.value ?? 0 });
}

const atMost = (limit: number, unit = "") => ({
  text: `at most ${limit}${unit}`,
  test: ({ ours }: { ours: number }) => ours <= limit,
});

/** Long conversations against the shortest one that was measured. */
function lengthLines(report: Report): Line[] {
  const [first, ...rest] = report.lengths;
  if (!first) return [];
  return [first, ...rest].flatMap((one) => {
    const newest = one === report.lengths.at(-1) && one !== first;
    const name = one.turns.toLocaleString("en");
    return [
      {
        ...line(`First text at turn ${name}, warm`, "ms", { ours: one.warm }),
        goal: newest ? `1.1 × turn ${first.turns}` : "",
        met: newest ? one.warm.value <= 1.1 * first.warm.value : null,
      },
      {
        ...line(`Cold wake at turn ${name}, to the transcript`, "ms", { ours: one.coldTranscript }),
        goal: newest ? `2 × turn ${first.turns}` : "",
        met: newest ? one.coldTranscript.value <= 2 * first.coldTranscript.value : null,
      },
      line(`Cold wake at turn ${name}, to first text`, "ms", { ours: one.coldFirst }),
    ];
  });
}

function containerLine(report: Report): Line {
  const value = report.containers;
  return line(
    "Containers bound to the deployment (none: no turn wakes one)",
    "",
    { ours: { value, low: value, high: value } },
    atMost(0),
  );
}

function pick<T>(results: Partial<Record<PeerName, T>>, of: (value: T) => Figure): Figures {
  return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, of(value)]));
}

const exact = <T>(results: Partial<Record<PeerName, T>>, of: (value: T) => number): Figures =>
  pick(results, (value) => ({ value: of(value), low: of(value), high: of(value) }));
