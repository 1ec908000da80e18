import { describe, expect, it } from "vitest";
import { keyHash, makeFilter, mayHold } from "../../../src/actors/conversation/key-filter.ts";
import { Keys, Log, type Placed, type StoredChunk } from "../../../src/actors/conversation/persistent.ts";

interface Line extends Placed {
  n: number;
}

/** Values whose weights are 1, 2, 3, 1, 2, 3, ... */
function lines(count: number): Line[] {
  const out: Line[] = [];
  let before = 0;
  for (let n = 0; n < count; n++) {
    const weight = 1 + (n % 3);
    out.push({ n, weight, before });
    before += weight;
  }
  return out;
}

const grown = (values: readonly Line[], log: Log<Line> = Log.empty) =>
  values.reduce((sum, value) => sum.push(value), log);
const numbers = (log: Log<Line>) => log.slice(0).map((line) => line.n);
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

/** A log whose first values are in chunks of these sizes, and which chunks were loaded. */
function stored(values: readonly Line[], sizes: readonly number[]) {
  const loads: number[] = [];
  let at = 0;
  const chunks = sizes.map((size, chunk): StoredChunk<Line> => {
    const part = values.slice(at, at + size);
    at += size;
    return {
      size,
      before: part[0]?.before ?? 0,
      load: () => {
        loads.push(chunk);
        return part;
      },
    };
  });
  const index = values
    .slice(0, at)
    .reduce((keys, line, i) => keys.set([`n${line.n}`], String(i)), Keys.empty);
  return { log: Log.of(chunks, values.slice(at), index), loads };
}

describe("a log", () => {
  it("keeps what was pushed, in order, and older versions stay as they were", () => {
    const versions: Log<Line>[] = [];
    let log: Log<Line> = Log.empty;
    for (const line of lines(1000)) {
      versions.push(log);
      log = log.push(line);
    }
    expect(log.length).toBe(1000);
    expect(numbers(log)).toEqual(upTo(1000));
    expect(versions[500]?.length).toBe(500);
    expect(versions[500]?.at(500)).toBeUndefined();
    expect(log.at(-1)).toBeUndefined();
  });

  it.each([
    ["in memory", () => grown(lines(400))],
    ["partly stored", () => stored(lines(400), [128, 3, 40, 1]).log],
    ["wholly stored", () => stored(lines(400), [128, 128, 144]).log],
  ])("can be cut anywhere and grown again: %s", (_name, make) => {
    const log = make();
    for (const length of [0, 1, 127, 128, 129, 131, 132, 171, 172, 173, 255, 256, 399, 400, 500]) {
      const cut = log.take(length);
      const left = Math.min(length, 400);
      expect(numbers(cut)).toEqual(upTo(left));
      const again = grown(lines(600).slice(left), cut);
      expect(numbers(again)).toEqual(upTo(600));
    }
    expect(numbers(log)).toEqual(upTo(400));
  });

  it("finds where a weight is reached, as a search through all of it would, and loads one chunk for it", () => {
    const values = lines(700);
    const end = (values.at(-1)?.before ?? 0) + 5;
    for (const sizes of [[], [700], [128, 128, 3, 1, 200]]) {
      const { log, loads } = stored(values, sizes);
      for (let before = -1; before < end; before += 7) {
        loads.length = 0;
        const first = values.findIndex((line) => line.before >= before);
        expect(log.search(before)).toBe(first < 0 ? 700 : first);
        expect(new Set(loads).size).toBeLessThanOrEqual(1);
      }
    }
  });

  it("finds a value by its name, and none that was taken off", () => {
    const { log, loads } = stored(lines(300), [128, 100]);
    const find = (from: Log<Line>, n: number) => from.find(`n${n}`, (line) => line.n === n);
    expect(find(log, 299)).toBe(299); // in memory
    expect(loads).toEqual([]);
    expect(find(log, 130)).toBe(130);
    expect(loads).toEqual([1]);
    expect(find(log, 1000)).toBe(-1);
    expect(loads).toEqual([1]);
    const cut = log.take(100);
    expect(find(cut, 130)).toBe(-1);
    expect(find(cut, 99)).toBe(99); // of the chunk that was cut
    const other = grown(
      lines(200)
        .slice(100)
        .map((line) => ({ ...line, n: line.n + 5000 })),
      cut,
    );
    expect(find(other, 130)).toBe(-1); // something else stands in its place
    expect(find(other, 5130)).toBe(130);
  });

  it("loads nothing of what is stored to grow, to be measured, or to be cut between chunks", () => {
    const { log, loads } = stored(lines(300), [128, 128]);
    const more = log.push({ n: 300, weight: 1, before: 1000 });
    expect([more.length, more.storedLength, more.take(128).length]).toEqual([301, 256, 128]);
    expect(loads).toEqual([]);
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

  it("leave a run that is kept elsewhere as it is", () => {
    const kept = { size: 2, get: (key: string) => (key === "old" ? "kept" : undefined) };
    let keys = Keys.of([kept, new Map()]);
    expect(keys.runs).toEqual([kept]);
    for (let i = 0; i < 100; i++) keys = keys.set([`k${i}`], "new");
    expect(keys.runs[0]).toBe(kept);
    expect([keys.get("old"), keys.get("k99"), keys.get("k100")]).toEqual(["kept", "new", undefined]);
    expect(keys.set(["old"], "newer").get("old")).toBe("newer");
  });
});

describe("a filter of keys", () => {
  const members = Array.from(
    { length: 20_000 },
    (_, i) => `message:${keyHash(`m${i}`, 7).toString(36)}-${i}`,
  );
  const filter = makeFilter(members, members.length);

  it("knows every member", () => {
    expect(members.filter((key) => !mayHold(filter, key))).toEqual([]);
  });

  it("takes few strangers for members, and is small", () => {
    const strangers = Array.from({ length: 20_000 }, (_, i) => `request:${i}`);
    const taken = strangers.filter((key) => mayHold(filter, key)).length;
    expect(taken).toBeLessThan(200); // one in 100; what it is made for is one in 250
    expect(filter.length).toBe(30_000);
  });

  it("of nothing holds nothing", () => {
    expect(mayHold(makeFilter([], 0), "any")).toBe(false);
  });
});
