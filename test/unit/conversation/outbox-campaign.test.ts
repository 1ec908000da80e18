import { describe, expect, it } from "vitest";
import type { ChannelTraits } from "../../../src/protocol/channel.ts";
import { outboxReport } from "../../campaigns/outbox/index.ts";
import { judge } from "../../campaigns/outbox/oracle.ts";
import { story } from "../../campaigns/outbox/story.ts";

describe("a bounded share of the outbox campaign", () => {
  it("every reply is delivered or a visible dead letter, once where that can be", async () => {
    const report = await outboxReport(1, 1_500, () => {});
    expect(report.violations).toEqual([]);
    const figures = new Map(report.rows);
    expect(figures.get("times that it died")).toBeGreaterThan(1_000);
    expect(figures.get("replies owed")).toBeGreaterThan(2_000);
  }, 120_000);
});

describe("the oracle would notice", () => {
  const calm = () => story(7, () => false);
  /** The first whole story with a message on a channel that fits. */
  async function shown(fits: (traits: ChannelTraits) => boolean) {
    for (let seed = 1; seed < 200; seed++) {
      const told = await story(seed, () => false);
      const verdict = judge(told);
      if (verdict.violations.length > 0 || verdict.meddled + verdict.dead > 0) continue;
      for (const platform of told.world.platforms.values()) {
        const message = platform.messages.find((candidate) => /w\d/.test(candidate.text));
        if (message && fits(platform.traits)) return { told, platform, message };
      }
    }
    throw new Error("no story fits");
  }

  it("nothing in a calm story", async () => {
    expect(judge(await calm()).violations).toEqual([]);
  });

  it("an answer that nobody delivered", async () => {
    const { told, platform, message } = await shown(() => true);
    platform.forget(message);
    expect(judge(told).violations.join()).toContain("readers see");
  });

  it("an answer that is seen twice where it need not be", async () => {
    const { told, platform, message } = await shown((traits) => traits.idempotent);
    platform.messages.push({ ...message, id: "again" });
    expect(judge(told).violations.join()).toContain("words twice");
  });

  it("a row that nothing will wake", async () => {
    const told = await calm();
    const row = { id: "ghost", phase: "owed", delivery: "ghost-0" };
    told.world.rows.set("ghost", row as never); // what the oracle looks at
    expect(judge(told).violations.join()).toContain("nothing will ever wake it");
  });

  it("a list of chats that was not told", async () => {
    const told = await calm();
    told.world.shown = told.world.deadCount + 1;
    expect(judge(told).violations.join()).toContain("the list of chats says");
  });
});
