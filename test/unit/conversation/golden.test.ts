/** Journals of earlier releases, folded and replayed by this code. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseEntry, readExport, verifyChain } from "../../../src/actors/conversation/export.ts";
import { JournalReader } from "../../../src/actors/conversation/import.ts";
import { replay } from "../../../src/actors/conversation/replay.ts";
import { emptyState, hasWork, reduce } from "../../../src/actors/conversation/state.ts";
import { STORIES } from "../../golden/stories.ts";
import { chained, fileOf } from "../../support/journal-file.ts";

const FOLDER = join(import.meta.dirname, "../../golden");
const text = (name: string): string => readFileSync(join(FOLDER, name), "utf8");
const NAMES = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".jsonl") && !name.endsWith(".messages.jsonl"))
  .map((name) => name.slice(0, -".jsonl".length));

it("there is one for every story", () => {
  expect(NAMES.toSorted()).toEqual(Object.keys(STORIES).toSorted());
});

describe.each(NAMES)("%s", (name) => {
  const file = text(`${name}.jsonl`);

  it("replays to the same decisions, the same requests and the same transcript", () => {
    const result = replay(readExport(file));
    expect(result.differences).toEqual([]);
    expect([result.unverified, result.erased, result.unknown]).toEqual([[], [], []]);
    // Of the long one the file itself has the hashes, message by message; they are among the decisions.
    if (name === "compaction") return;
    expect(result.messages.map((message) => `${JSON.stringify(message)}\n`).join("")).toBe(
      text(`${name}.messages.jsonl`),
    );
  });

  it("can be imported", () => {
    const reader = new JournalReader();
    const lines = [...reader.push(file), ...reader.end()];
    expect(lines.length).toBe(readExport(file).entries.length);
    const state = [...lines.map(parseEntry), FORK].reduce(reduce, emptyState);
    expect(hasWork(state)).toBe(false);
  });

  it("is accepted with entries of kinds and versions that this code does not know", () => {
    const { entries, transcript } = readExport(file);
    const lines = entries.flatMap(({ entry, ...line }, i) => [
      { ...line, payload: line.payload },
      ...(i % 2 === 0 ? [{ ...line, kind: "dream", v: 7 }] : [{ ...line, kind: "end", v: 99 }]),
    ]);
    const state = lines.map(parseEntry).reduce(reduce, emptyState);
    expect(state.seq).toBe(lines.length);
    const known = lines.filter((line) => line.kind !== "dream" && line.v !== 99).map(parseEntry);
    expect({ ...state, seq: 0, items: null, seen: null, noted: null }).toEqual({
      ...known.reduce(reduce, emptyState),
      seq: 0,
      items: null,
      seen: null,
      noted: null,
    });
    expect(transcript).not.toBe("");
  });

  it("breaks its chain with any byte of any payload", () => {
    const { entries } = readExport(file);
    expect(verifyChain({ entries })).toEqual([]);
    for (const [i, entry] of entries.entries()) {
      const changed = entries.with(i, { ...entry, payload: `${entry.payload} ` });
      expect(verifyChain({ entries: changed }).map((broken) => broken.seq)).toEqual([i + 1]);
    }
  });
});

const FORK = { kind: "fork", at: 1, from: "file", seq: 1, by: { id: "a", name: "a" } } as const;

it("the stories are the same every time", async () => {
  for (const name of ["tools", "approvals"]) {
    const story = STORIES[name];
    if (!story) throw new Error(`there is no story ${name}`);
    const [one, two] = [await story(), await story()];
    const files = await Promise.all(
      [one, two].map((world) => fileOf(chained(world.entries), world.messages())),
    );
    expect(files[0]).toBe(files[1]);
  }
});
