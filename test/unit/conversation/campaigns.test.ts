import { describe, expect, it } from "vitest";
import { violations } from "../../campaigns/oracle.ts";
import { crashPoints, simulate, story } from "../../campaigns/simulate.ts";

describe("a bounded share of the campaigns", () => {
  it("simulate: nothing lost, nothing doubled, every turn ends", async () => {
    const tally = await simulate(1, 10_000, () => {});
    expect(tally.violations).toEqual([]);
    expect(tally.crashes).toBeGreaterThan(5_000);
    expect(tally.inputs).toBeGreaterThan(10_000);
  }, 120_000);

  it("crash-points: every point of 30 stories, and again while recovering", async () => {
    const tally = await crashPoints(1, 30, () => {});
    expect(tally.violations).toEqual([]);
    expect(tally.runs).toBeGreaterThan(1_000);
  }, 120_000);
});

describe("the oracle would notice", () => {
  const calm = () => story(7, { strikes: () => false });

  it("a lost turn", async () => {
    const sim = await calm();
    sim.accepted.set("ghost", sim.now);
    expect(violations(sim).join()).toContain("message ghost has 0 outcomes");
  });

  it("a turn that ended twice", async () => {
    const sim = await calm();
    const end = sim.journal.find((entry) => entry.kind === "end");
    if (end?.kind !== "end") throw new Error("a story has an end");
    sim.watch.outcomes.set(end.turn, ["completed", "failed"]);
    expect(violations(sim).join()).toContain("2 outcomes");
  });

  it("an unsafe effect that happened twice", async () => {
    const sim = await calm();
    const effect = { call: "x", key: "k", name: "pay", replay: "unsafe" as const };
    sim.effects.push(effect, effect);
    expect(violations(sim).join()).toContain("unsafe call x ran 2 times");
  });
});
