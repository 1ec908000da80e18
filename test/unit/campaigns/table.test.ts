import { describe, expect, it } from "vitest";
import { CAMPAIGNS, type Campaign, isCampaign } from "../../campaigns/campaigns.ts";
import { percentile, spreadOf, spreadText } from "../../campaigns/report.ts";
import { type Done, figures, table } from "../../campaigns/table.ts";

const done = (report: Partial<Done["report"]>): Done => ({
  name: "sigkill",
  seed: 1,
  count: 500,
  of: "kills",
  seconds: 12.34,
  report: { rows: [["kills", 500]], violations: [], ...report },
});

describe("the table of all campaigns", () => {
  it("has a line for each, under its columns", () => {
    const whole = { accepted: 5816, answered: 5300, lost: 0, doubled: 0, unended: 0 };
    const lines = table([
      done({ ...whole, signMs: { p50: 45, p99: 210 } }),
      { ...done({ violations: ["a", "b"] }), name: "stream" },
    ]).split("\n");
    expect(lines).toHaveLength(3);
    const cells = lines.map((line) => line.trim().split(/\s{2,}/));
    expect(cells[1]).toEqual([
      ...["sigkill", "500 kills", "5,816", "5,300", "0", "0", "0", "45 / 210", "0", "12.3"],
    ]);
    expect(cells[2]).toEqual(["stream", "500 kills", "–", "–", "–", "–", "–", "–", "2", "12.3"]);
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
  });

  it("shows what a campaign says of itself, and every violation", () => {
    const text = figures(done({ violations: ["seed 3: lost"], notes: ["how to read it"] }));
    expect(text).toMatch(/^campaign +sigkill$/m);
    expect(text).toMatch(/^kills +500$/m);
    expect(text).toMatch(/^violations +1$/m);
    expect(text).toContain("  how to read it");
    expect(text).toContain("  ✗ seed 3: lost");
  });
});

describe("figures of times", () => {
  it("are the median and the 99th of 100", () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(percentile(values, 0.5)).toBe(51);
    expect(spreadOf(values)).toEqual({ p50: 51, p99: 100 });
    expect(spreadText([])).toBe("0 / 0 ms of 0");
  });
});

describe("the list of campaigns", () => {
  it("takes no more for a change than for a proof, and knows its names", () => {
    for (const [name, campaign] of Object.entries<Campaign>(CAMPAIGNS)) {
      expect(campaign.quick, name).toBeLessThanOrEqual(campaign.count);
      expect(isCampaign(name)).toBe(true);
    }
    expect(isCampaign("toString")).toBe(false);
  });
});
