/** Restarts in quick succession do not use up a reply's attempts. */
import { describe, expect, it } from "vitest";
import { Deliverer, type OutboxStore } from "../../../src/actors/conversation/outbox.ts";
import type { Change, OutboxRow } from "../../../src/actors/conversation/outbox-plan.ts";
import { limits } from "../../../src/limits.ts";
import type { ChannelDriver } from "../../../src/protocol/channel.ts";

const owed: OutboxRow = {
  id: "d1.0",
  delivery: "d1",
  turn: "t1",
  place: "room c1",
  channel: "room",
  to: { chat: "c1" },
  part: 0,
  parts: 1,
  phase: "owed",
  text: "the answer",
  due: 2,
  key: "u.main:t1-0.0",
  placed: null,
  unsure: false,
  renewed: 0,
  attempts: 0,
  nextAt: 0,
  error: "",
  at: 0,
};

/** A disk that outlives every life of the process, and a channel at which each life ends. */
function deploymentLoop() {
  const clock = { now: 1_700_000_000_000 };
  const rows = new Map([[owed.id, owed]]);
  const sent: string[] = [];
  let told = 0;
  const store: OutboxStore = {
    pending: () => [...rows.values()].filter((row) => row.phase !== "dead"),
    waitOf: () => 0,
    deadCount: () => [...rows.values()].filter((row) => row.phase === "dead").length,
    told: () => told,
    write(changes: readonly Change[]) {
      for (const change of changes) {
        if ("put" in change) rows.set(change.put.id, change.put);
        if ("remove" in change) rows.delete(change.remove);
        if ("told" in change) told = change.told;
      }
    },
  };
  const life = (send: () => Promise<{ id: string }>): void => {
    const driver: ChannelDriver = {
      name: "room",
      maxChars: 1_000,
      canEdit: false,
      idempotent: true,
      send(_to, _text, { key }) {
        sent.push(key);
        return send();
      },
      edit: async () => {},
    };
    new Deliverer({
      store,
      now: () => clock.now,
      random: () => 0.5,
      after: () => () => {},
      driver: () => driver,
      said: () => null,
      tell: async () => {},
      rest: () => {},
      broke: (error) => {
        throw error;
      },
    }).kick();
  };
  return { clock, rows, sent, life };
}

describe("a process that is started again and again in the middle of a delivery", () => {
  const dies = () => new Promise<never>(() => {});

  it("tries once, and not again before the pause is over", () => {
    const { clock, rows, sent, life } = deploymentLoop();
    for (let start = 0; start < limits.deliveryAttempts * 3; start++) {
      life(dies);
      clock.now += 10;
    }
    expect(sent).toEqual([owed.key]);
    expect(rows.get(owed.id)).toMatchObject({ phase: "owed", attempts: 1 });
  });

  it("still delivers when a life lasts, with the key of its first attempt", async () => {
    const { clock, rows, sent, life } = deploymentLoop();
    for (let start = 0; start < 100; start++) {
      life(dies);
      clock.now += 100; // ten seconds of restarts
    }
    expect(rows.get(owed.id)?.phase).toBe("owed");
    clock.now += limits.deliveryBackoffMaxMs;
    life(async () => ({ id: "p1" }));
    await new Promise(setImmediate);
    expect(rows.size).toBe(0);
    expect(new Set(sent)).toEqual(new Set([owed.key]));
    expect(sent.length).toBeLessThan(limits.deliveryAttempts);
  });
});
