/** What the bench makes of its samples: medians, ratios, goals, and the profile by module. */
import { describe, expect, it } from "vitest";
import { chart } from "../../../bench/lib/chart.ts";
import { linesOf } from "../../../bench/lib/goals.ts";
import { summarise } from "../../../bench/lib/profile.ts";
import type { Report } from "../../../bench/lib/report.ts";
import { exactly, type Figure, figure, median } from "../../../bench/lib/stats.ts";
import { figureText, markdownTable, number } from "../../../bench/lib/table.ts";

const timing = (first: number, whole: number) => ({
  first: exactly(first),
  whole: exactly(whole),
  cpu: exactly(whole / 2),
});
const rows = (conversation: number) => ({ byTable: {}, conversation, user: 1, statements: 9 });
const length = (turns: number, ms: number) => ({
  turns,
  journalRows: turns * 2,
  requestBytes: 1,
  warm: exactly(ms),
  coldTranscript: exactly(ms),
  coldFirst: exactly(ms),
});

function report(change: Partial<Report> = {}): Report {
  return {
    peers: ["raw", "ours", "aichat"],
    left: [],
    reps: 1,
    load: 0,
    unpaced200: { raw: timing(1, 2), ours: timing(2, 4), aichat: timing(10, 80) },
    unpaced2000: {},
    paced200: {},
    paced2000: {},
    throughput: { raw: exactly(100), ours: exactly(50), aichat: exactly(4) },
    coldThread: {},
    coldUser: {},
    lengths: [length(10, 10), length(10_000, 11)],
    rows200: { ours: rows(5), aichat: rows(57) },
    rows2000: {},
    rowsPaced: { ours: rows(9) },
    bundle: { ours: 300 * 1024 },
    startUp: {},
    profile: [],
    profileProblem: null,
    containers: 0,
    ...change,
  };
}

const met = (of: Report, metric: string): boolean | null | undefined =>
  linesOf(of).find((line) => line.metric.startsWith(metric))?.met;

describe("figures", () => {
  it("takes the middle of an odd number of samples, and the mean of the two middle ones", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 9])).toBe(3);
    expect(() => median([])).toThrow("nothing to take the median of");
  });

  it("keeps how far the repetitions lie apart", () => {
    expect(figure([3, 1, 8])).toEqual({ value: 3, low: 1, high: 8 });
  });

  it("writes three digits or so, and the spread where there is one", () => {
    expect([number(1.234), number(12.34), number(1234.5), number(5)]).toEqual(["1.23", "12.3", "1,235", "5"]);
    expect(figureText({ value: 1.5, low: 1.25, high: 2 })).toBe("1.50 [1.25–2]");
    expect(figureText(undefined)).toBe("–");
  });
});

describe("goals", () => {
  it("are reached at their limit and not past it", () => {
    expect(met(report(), "Rows a turn, 200")).toBe(true);
    expect(met(report(), "Rows a turn, 2,000 tokens over")).toBe(false);
    expect(met(report(), "Bundle")).toBe(true);
    expect(met(report({ bundle: { ours: 300 * 1024 + 1 } }), "Bundle")).toBe(false);
    expect(met(report({ containers: 1 }), "Containers")).toBe(false);
  });

  it("ask for both of two ratios", () => {
    expect(met(report(), "First text, 200")).toBe(true);
    const slow = { raw: timing(1, 2), ours: timing(3.1, 4), aichat: timing(100, 80) };
    expect(met(report({ unpaced200: slow }), "First text, 200")).toBe(false);
    const near = { raw: timing(1, 2), ours: timing(2, 4), aichat: timing(5, 80) };
    expect(met(report({ unpaced200: near }), "First text, 200")).toBe(false);
  });

  it("stay open when a peer that they need was not measured", () => {
    const alone = report({ throughput: { raw: exactly(100), ours: exactly(50) } });
    expect(met(alone, "Turns a second")).toBeNull();
  });

  it("compare the longest conversation with the shortest", () => {
    expect(met(report(), "First text at turn 10,000")).toBe(true);
    expect(
      met(report({ lengths: [length(10, 10), length(10_000, 11.5)] }), "First text at turn 10,000"),
    ).toBe(false);
    expect(met(report(), "First text at turn 10, warm")).toBeNull();
  });

  it("leave out what was not measured", () => {
    expect(met(report(), "Start-up")).toBeUndefined();
  });
});

describe("the table and the chart", () => {
  it("has a column a peer and the ratio to each", () => {
    const [head, , first] = markdownTable(linesOf(report()), ["raw", "ours", "aichat"]).split("\n");
    expect(head).toContain("| Holdfast / Raw object | Holdfast / AIChatAgent |");
    expect(first).toContain("| 1 | 2 | 10 | 2 × | 0.20 × |");
  });

  it("draws a bar as long as its ratio's logarithm", () => {
    const value = (of: number): Figure => exactly(of);
    const line = { metric: "m", unit: "ms", goal: "", met: null };
    const svg = chart(
      [{ ...line, values: { raw: value(1), ours: value(10), aichat: value(100) } }],
      ["raw", "ours", "aichat"],
    );
    const widths = [...svg.matchAll(/width="([\d.]+)" height="12" fill="#(?:0f766e|d97706)"/g)]
      .map((match) => Number(match[1]))
      .slice(-2);
    expect(widths).toEqual([265, 530]);
  });
});

describe("the profile", () => {
  const frame = (id: number, functionName: string, lineNumber: number, url = "worker.js") => ({
    id,
    callFrame: { functionName, url, lineNumber },
  });

  it("sums busy time by the module that the bundler named above a line", () => {
    const shares = summarise(
      {
        nodes: [
          frame(1, "joined", 1),
          frame(2, "parse", 4),
          frame(3, "(idle)", -1, ""),
          frame(4, "exec", 2, "node-internal:sql"),
        ],
        samples: [1, 2, 3, 4, 1],
        timeDeltas: [100, 200, 5000, 600, 100],
      },
      {
        name: "worker.js",
        text: "// ../../src/model/merge.ts\na\nb\n// node_modules/@scope/name/dist/x.js\nc",
      },
    );
    expect(shares).toEqual([
      { module: "the platform's own code", share: 0.6, top: [{ name: "exec", share: 0.6 }] },
      { module: "src/model/merge.ts", share: 0.2, top: [{ name: "joined", share: 0.2 }] },
      { module: "@scope/name", share: 0.2, top: [{ name: "parse", share: 0.2 }] },
    ]);
  });

  it("does not pass an empty recording off as a result", () => {
    expect(() =>
      summarise({ nodes: [], samples: [], timeDeltas: [] }, { name: "worker.js", text: "" }),
    ).toThrow("no busy sample");
  });
});
