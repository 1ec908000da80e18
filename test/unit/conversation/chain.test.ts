/** The hash chain: what it notices, entry by entry. */
import { describe, expect, it } from "vitest";
import { entryHash, GENESIS, payloadHash } from "../../../src/actors/chain.ts";
import { type ExportedEntry, verifyChain } from "../../../src/actors/conversation/export.ts";

function chain(payloads: readonly string[]): ExportedEntry[] {
  let previous = GENESIS;
  return payloads.map((payload, i) => {
    const salt = `salt${i}`;
    const inner = payloadHash(salt, payload);
    const hash = entryHash(previous, i + 1, "note", 1, inner);
    previous = hash;
    return { seq: i + 1, kind: "note", v: 1, hash, inner, salt, payload, entry: { kind: "note" } };
  });
}

const broken = (entries: ExportedEntry[]) => verifyChain({ entries }).map(({ seq }) => seq);

describe("a journal's chain", () => {
  it("holds", () => {
    expect(broken(chain(["{}", "{}", "{}"]))).toEqual([]);
  });

  it("notices an entry that says it is of another kind or version", () => {
    const entries = chain(["{}", "{}", "{}"]);
    expect(broken(entries.map((entry, i) => (i === 1 ? { ...entry, kind: "end" } : entry)))).toEqual([2]);
    expect(broken(entries.map((entry, i) => (i === 1 ? { ...entry, v: 2 } : entry)))).toEqual([2]);
  });

  it("notices a changed payload, and one that was taken from another entry", () => {
    const entries = chain(['{"a":1}', '{"a":2}']);
    expect(broken(entries.map((entry, i) => (i === 0 ? { ...entry, payload: '{"a":9}' } : entry)))).toEqual([
      1,
    ]);
  });

  it("notices a chain whose beginning was written anew", () => {
    const entries = chain(["{}", "{}", "{}"]);
    const [, ...rest] = chain(['{"other":1}', "{}", "{}"]);
    expect(broken([...entries.slice(0, 1), ...rest])).toEqual([2]);
  });

  it("holds over an erased payload", () => {
    const entries = chain(["{}", "{}"]);
    expect(
      broken(entries.map((entry, i) => (i === 0 ? { ...entry, salt: null, payload: null } : entry))),
    ).toEqual([]);
  });
});
