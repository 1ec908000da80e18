import { describe, expect, it } from "vitest";
import { Keys, Log } from "../../../src/actors/conversation/persistent.ts";

describe("a log", () => {
  it("keeps what was pushed, in order, and older versions stay as they were", () => {
    let log: Log<number> = Log.empty;
    const versions: Log<number>[] = [];
    for (let i = 0; i < 1000; i++) {
      versions.push(log);
      log = log.push(i);
    }
    expect(log.length).toBe(1000);
    expect(log.slice(0)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(versions[500]?.length).toBe(500);
    expect(versions[500]?.at(500)).toBeUndefined();
    expect(log.at(-1)).toBeUndefined();
  });

  it("can be cut anywhere and grown again", () => {
    let log: Log<number> = Log.empty;
    for (let i = 0; i < 400; i++) log = log.push(i);
    for (const length of [0, 1, 127, 128, 129, 255, 256, 399, 400, 500]) {
      const cut = log.take(length);
      expect(cut.slice(0)).toEqual(Array.from({ length: Math.min(length, 400) }, (_, i) => i));
      expect(cut.push(-1).at(Math.min(length, 400))).toBe(-1);
    }
    expect(log.length).toBe(400);
  });
});

describe("keys", () => {
  it("find what was set, newest wins, older versions do not see it", () => {
    let keys = Keys.empty;
    for (let i = 0; i < 5000; i++) keys = keys.set([`k${i}`], `v${i}`);
    const older = keys;
    keys = keys.set(["k17", "extra"], "new");
    expect(keys.get("k17")).toBe("new");
    expect(keys.get("extra")).toBe("new");
    expect(older.get("extra")).toBeUndefined();
    expect(older.get("k17")).toBe("v17");
    for (const i of [0, 1, 2500, 4999]) expect(keys.get(`k${i}`)).toBe(`v${i}`);
    expect(keys.get("k5000")).toBeUndefined();
  });
});
