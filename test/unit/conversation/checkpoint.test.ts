import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  loadState,
  piecesOf,
  REDUCER_VERSION,
  readSaved,
  type SavedState,
  saveState,
} from "../../../src/actors/conversation/checkpoint.ts";
import type { BlobRef, Blobs } from "../../../src/actors/conversation/checkpoint-blobs.ts";
import { loadKeys, saveKeys } from "../../../src/actors/conversation/checkpoint-keys.ts";
import type { Entry } from "../../../src/actors/conversation/entries.ts";
import { Keys, Log } from "../../../src/actors/conversation/persistent.ts";
import { findTurnItem, findUserMessage } from "../../../src/actors/conversation/places.ts";
import { emptyState, reduce, reduceAll, type State } from "../../../src/actors/conversation/state.ts";
import { Chance } from "../../campaigns/random.ts";
import { RandomJournal } from "../../support/random-journal.ts";

/** Pieces in memory, as bytes: what is read is decoded anew, unless it is what was read just before. */
class Shelf implements Blobs {
  readonly pieces = new Map<number, Uint8Array>();
  reads = 0;
  #next = 1;
  #last: { row: number; value: unknown } | null = null;

  write(bytes: Uint8Array): BlobRef {
    const row = this.#next++;
    this.pieces.set(row, bytes.slice());
    return [row, 1, bytes.length, ""];
  }

  read<T>(ref: BlobRef, decode: (bytes: Uint8Array) => T): T {
    const row = ref[0];
    if (this.#last?.row === row) return this.#last.value as T; // a piece is always read as the same thing
    this.reads++;
    const bytes = this.pieces.get(row);
    if (!bytes) throw new Error(`piece ${row} is not there`);
    const value = decode(bytes);
    this.#last = { row, value };
    return value;
  }
}

/** A state as plain data: logs and keys written out. `known`: the keys to look up. */
const plain = (state: State, known: readonly string[] = []) =>
  Object.fromEntries(
    (Object.entries(state) as [string, unknown][]).map(([name, value]) => [
      name,
      value instanceof Log
        ? value.slice(0)
        : value instanceof Keys
          ? known.map((key) => value.get(key))
          : value,
    ]),
  );

/** Written down and read by another life of the object. */
function woken(state: State, shelf: Shelf): { saved: SavedState; state: State } {
  const { saved } = saveState(state, "hash", shelf);
  const read = readSaved(JSON.parse(JSON.stringify(saved)));
  if (!read) throw new Error("a checkpoint of this version is refused");
  return { saved, state: loadState(read, shelf) };
}

/** As the journal gives it back. */
const stored = <T>(entry: T): T => JSON.parse(JSON.stringify(entry)) as T;

describe("a fold that begins at a checkpoint", () => {
  it.each(Array.from({ length: 20 }, (_, i) => i + 1))("is the fold of everything: seed %i", (seed) => {
    const chance = new Chance(seed);
    const journal = new RandomJournal(chance);
    const shelf = new Shelf();
    let folded = emptyState;
    let kept = emptyState; // lives on after each checkpoint, as a warm object does
    let cold = emptyState; // starts anew from each, as a cold one does
    let checkpoints = 0;
    for (let n = 0; n < 1500; n++) {
      const entry = stored(journal.next(folded));
      folded = reduce(folded, entry);
      kept = reduce(kept, entry);
      cold = reduce(cold, entry);
      if (!chance.chance(0.01)) continue;
      checkpoints++;
      kept = saveState(kept, "hash", shelf).state;
      cold = woken(cold, shelf).state;
      expect(cold.items.length).toBe(folded.items.length);
    }
    const strangers = ["message:nobody", "request:nobody"];
    const whole = plain(folded, [...journal.keys, ...strangers]);
    expect(plain(kept, [...journal.keys, ...strangers])).toEqual(whole);
    expect(plain(cold, [...journal.keys, ...strangers])).toEqual(whole);
    for (const id of [...journal.messages, "nobody"]) {
      expect(findUserMessage(cold.items, id)).toBe(findUserMessage(folded.items, id));
    }
    for (const id of [...journal.turns, "nobody"]) {
      expect(findTurnItem(cold.items, id)).toBe(findTurnItem(folded.items, id));
    }
    expect(checkpoints).toBeGreaterThan(3);
  });

  it("reaches items that were kept, cuts into them, and undoes them: the seeds above do it", () => {
    let stored = 0;
    let cuts = 0;
    for (let seed = 1; seed <= 10; seed++) {
      const chance = new Chance(seed);
      const journal = new RandomJournal(chance);
      const shelf = new Shelf();
      let state = emptyState;
      for (let n = 0; n < 1500; n++) {
        const before = state.items.storedLength;
        state = reduce(state, journal.next(state));
        if (state.items.storedLength < before) cuts++;
        if (chance.chance(0.01)) state = saveState(state, "hash", shelf).state;
        stored = Math.max(stored, state.items.storedLength);
      }
    }
    expect(stored).toBeGreaterThan(128);
    expect(cuts).toBeGreaterThan(5);
  });
});

/** A plain chat of `turns` turns, folded, with a checkpoint every `every` entries. */
function chat(turns: number, every: number, shelf: Shelf) {
  let state = emptyState;
  let last: SavedState | null = null;
  for (let n = 0; n < turns; n++) {
    state = reduceAll(state, turnOf(n));
    if (state.seq % every >= 4) continue;
    const saved = saveState(state, "hash", shelf);
    last = saved.saved;
    state = saved.state;
  }
  return { state, last };
}

function turnOf(n: number): Entry[] {
  const turn = `t${n}`;
  const at = 1_700_000_000_000 + n;
  const call = { turn, round: 0, attempt: 1, at };
  return [
    {
      kind: "input",
      at,
      turn,
      request: `r${n}`,
      keys: [`message:m${n}`, `request:r${n}`],
      source: "chat",
      sender: { id: "alice", name: "Alice" },
      messages: [{ id: `m${n}`, parts: [{ type: "text", text: `question ${n}` }] }],
    },
    {
      kind: "call",
      ...call,
      model: "m",
      fingerprint: "f",
      prompt: "p",
      tools: "t",
      maxOutputTokens: 1,
      windowTokens: 1,
      reservationMicros: 0,
    },
    {
      kind: "answer",
      ...call,
      parts: [{ type: "text", text: `answer ${n}` }],
      usage: { inputTokens: 1, outputTokens: 1 },
      finish: "stop",
      model: "m",
      priceMicros: 0,
    },
    { kind: "end", at, turn, outcome: "completed" },
  ];
}

describe("what a wake loads", () => {
  const shelf = new Shelf();
  const { state, last } = chat(10_000, 1_000, shelf);
  if (!last) throw new Error("there was no checkpoint");
  const wake = () => {
    const read = readSaved(JSON.parse(JSON.stringify(last)));
    if (!read) throw new Error("a checkpoint of this version is refused");
    shelf.reads = 0;
    return loadState(read, shelf);
  };

  it("is the checkpoint, and of its pieces none", () => {
    const woken = wake();
    expect(woken.seq).toBe(40_000);
    expect(woken.items.length).toBe(20_000);
    expect(shelf.reads).toBe(0);
    // It grows by a line for 128 items, not with what they say.
    expect(JSON.stringify(last).length).toBeLessThan(100_000);
  });

  it("for a new message is the filters; for one that was seen a page besides, however old it is", () => {
    const woken = wake();
    expect(woken.seen.get("message:new")).toBeUndefined();
    expect(woken.seen.get("request:new")).toBeUndefined();
    expect(shelf.reads).toBeLessThanOrEqual(8);
    const filters = shelf.reads;
    expect(woken.seen.get("message:m3")).toBe("t3");
    expect(shelf.reads - filters).toBeLessThanOrEqual(2); // a filter may be wrong once
  });

  it("for an old item is one chunk, and for its place the filters, a page and that chunk", () => {
    const woken = wake();
    expect(woken.items.at(5_000)).toMatchObject({ type: "user", message: { id: "m2500" } });
    expect(shelf.reads).toBe(1);
    const other = wake();
    expect(findUserMessage(other.items, "m2500")).toBe(5_000);
    expect(findTurnItem(other.items, "nobody")).toBe(-1);
    expect(shelf.reads).toBeLessThanOrEqual(12);
  });

  it("for the place where a window begins is one chunk", () => {
    const woken = wake();
    const middle = state.items.at(9_999);
    expect(woken.items.search(middle?.before ?? 0)).toBe(9_999);
    expect(shelf.reads).toBe(1);
  });

  it("pieces are written once: what a checkpoint writes does not grow with what is kept", () => {
    const own = new Shelf();
    const writes: number[] = [];
    let now = emptyState;
    for (let n = 0; n < 5_000; n++) {
      now = reduceAll(now, turnOf(n));
      if (now.seq % 1_000 !== 0) continue;
      const before = own.pieces.size;
      now = saveState(now, "hash", own).state;
      writes.push(own.pieces.size - before);
    }
    expect(writes).toHaveLength(20);
    // 500 items and 500 keys at a time; now and then runs of keys are merged.
    const average = writes.reduce((sum, count) => sum + count, 0) / writes.length;
    expect(average).toBeLessThan(20);
  });
});

describe("a checkpoint is left aside", () => {
  const { last } = chat(300, 400, new Shelf());
  const saved = stored(last) as SavedState;

  it("when another version of the fold, or of the format, wrote it", () => {
    expect(readSaved(saved)).not.toBeNull();
    expect(readSaved({ ...saved, reducer: REDUCER_VERSION + 1 })).toBeNull();
    expect(readSaved({ ...saved, format: 0 })).toBeNull();
  });

  it("when it lacks what the state has by now", () => {
    for (const part of ["plain", "logs", "keys"] as const) {
      for (const name of Object.keys(saved[part])) {
        const { [name]: _gone, ...rest } = saved[part];
        expect(readSaved({ ...saved, [part]: rest }), name).toBeNull();
      }
    }
  });

  it("when it is something else", () => {
    for (const other of [null, 7, "text", [], {}, { ...saved, logs: { items: 1 } }]) {
      expect(readSaved(other)).toBeNull();
    }
  });

  it("names every piece that it needs", () => {
    const shelf = new Shelf();
    const named = chat(2_000, 1_000, shelf).last;
    if (!named) throw new Error("there was no checkpoint");
    const rows = new Set(piecesOf(named).map(([row]) => row));
    for (const row of [...shelf.pieces.keys()]) if (!rows.has(row)) shelf.pieces.delete(row);
    const state = loadState(named, shelf);
    expect(state.items.slice(0)).toHaveLength(4_000);
    expect(state.seen.get("message:m0")).toBe("t0");
    expect(findTurnItem(state.items, "t7")).toBe(15);
  });
});

describe("keys that are kept", () => {
  it("stay exact over many checkpoints, in runs that are merged until they are large", () => {
    const shelf = new Shelf();
    let keys = Keys.empty;
    let runs = 0;
    for (let n = 0; n < 100_000; n += 400) {
      for (let i = n; i < n + 400; i++) keys = keys.set([`k${i}`], `v${i}`);
      const saved = saveKeys(keys, shelf);
      keys = loadKeys(saved, shelf);
      runs = Math.max(runs, saved.runs.length);
    }
    expect(runs).toBeLessThanOrEqual(11);
    for (let i = 0; i < 100_000; i += 997) expect(keys.get(`k${i}`)).toBe(`v${i}`);
    expect(keys.get("k100000")).toBeUndefined();
  });

  it("know the newest value of a key, wherever the older one is", () => {
    const shelf = new Shelf();
    let keys = Keys.empty;
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 600; i++) keys = keys.set([`k${i}`], `v${round}`);
      keys = loadKeys(saveKeys(keys, shelf), shelf);
      expect(keys.get("k5")).toBe(`v${round}`);
    }
  });
});

describe("what cannot be kept", () => {
  it.each([
    ["a Map", new Map([["a", 1]])],
    ["a class", new Chance(1)],
    ["not a number", Number.NaN],
    ["a big number", 1n],
  ])("is refused rather than lost: %s", (_name, value) => {
    const state = { ...emptyState, seq: 1, somewhere: { deep: [value] } };
    expect(() => saveState(state, "hash", new Shelf())).toThrow(/JSON cannot/);
  });
});

describe("the version of the fold", () => {
  it("is raised with it: a journal that holds every kind of entry folds to the same state as ever", () => {
    const journal = new RandomJournal(new Chance(20261123));
    let state = emptyState;
    const kinds = new Set<string>();
    for (let n = 0; n < 800; n++) {
      const entry = stored(journal.next(state));
      kinds.add(entry.kind);
      state = reduce(state, entry);
    }
    expect([...kinds]).toEqual(
      expect.arrayContaining(["amend", "ask", "compact", "decide", "expire", "undo"]),
    );
    const digest = createHash("sha256")
      .update(JSON.stringify(plain(state, journal.keys)))
      .digest("base64url");
    // If this fails, `reduce` or the shape of the state has changed: raise REDUCER_VERSION, then copy both here.
    expect({ version: REDUCER_VERSION, digest }).toEqual({
      version: 1,
      digest: "_W557Tqnb9FGkBz02anpuNHD3iYHven9Mbl_qGrroNU",
    });
  });
});
