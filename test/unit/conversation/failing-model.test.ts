import { describe, expect, it } from "vitest";
import { limits } from "../../../src/limits.ts";
import { ModelError } from "../../../src/model/errors.ts";
import { hangs, type ModelScript, plain, says, World } from "../../support/world.ts";

const fails = (retryable: boolean, text = ""): ModelScript => {
  return async (_request, emit) => {
    if (text) emit({ type: "text", id: "t", delta: text });
    throw new ModelError("model_failed", "The model broke.", { retryable });
  };
};

describe("a failing model", () => {
  it("is asked again after a pause, and the turn succeeds", async () => {
    const world = new World({ models: [fails(true), fails(true), says("at last")] });
    const before = world.now;
    await world.say("hi");
    expect(plain(world.messages()[1])).toBe("at last");
    expect(world.now - before).toBeGreaterThanOrEqual(limits.callBackoffMs * 3);
    expect(world.entries.filter((entry) => entry.kind === "fault")).toHaveLength(2);
  });

  it("fails the turn visibly after the last attempt", async () => {
    const world = new World({ models: Array.from({ length: limits.callAttempts }, () => fails(true)) });
    await world.say("hi");
    expect(world.ended[0]).toMatchObject({ outcome: "failed", error: { message: "The model broke." } });
    expect(world.requests).toHaveLength(limits.callAttempts);
    expect(world.messages()[1]?.metadata?.error?.code).toBe("model_failed");
  });

  it("is not asked again when that cannot help", async () => {
    const world = new World({ models: [fails(false)] });
    await world.say("hi");
    expect(world.requests).toHaveLength(1);
    expect(world.ended[0]?.outcome).toBe("failed");
  });

  it("that asks for a long pause is not waited for in silence", async () => {
    const busy: ModelScript = async () => {
      throw new ModelError("model_rate_limited", "Come back later.", {
        retryable: true,
        retryAfterMs: 3_600_000,
      });
    };
    const world = new World({ models: [busy] });
    const before = world.now;
    await world.say("hi");
    expect(world.ended[0]).toMatchObject({ outcome: "failed", error: { code: "model_rate_limited" } });
    expect(world.now - before).toBeLessThan(limits.retryWaitMs);
  });

  it("that breaks off after readers saw text: the stream is replaced, nothing is spliced", async () => {
    const world = new World({ models: [fails(true, "half an "), says("a whole answer")] });
    await world.say("hi");
    expect(world.replaced).toEqual(["req1 → req1~0.2"]);
    expect(plain(world.messages()[1])).toBe("a whole answer");
  });

  it("that goes silent counts as cut", async () => {
    const world = new World({ models: [hangs(), says("back")] });
    const before = world.now;
    await world.say("hi");
    expect(plain(world.messages()[1])).toBe("back");
    expect(world.now - before).toBeGreaterThanOrEqual(limits.modelSilenceMs);
  });

  it("that is cut after its attempts failed is still asked again after a crash", async () => {
    const world = new World({ models: [fails(true), hangs(), says("fine")] });
    world.drive.accept(world.input("hi"));
    await world.breathe();
    // The pause before the second attempt passes, then the second call hangs.
    for (let i = 0; i < 3 && world.requests.length < 2; i++) await world.settleOnce();
    expect(world.requests).toHaveLength(2);
    world.crash();
    world.drive.kick();
    await world.settle();
    expect(plain(world.messages()[1])).toBe("fine");
  });
});
