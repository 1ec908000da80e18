import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lineDiff } from "../../../local/replay/diff.ts";
import { comparedText, differencesText, summaryText } from "../../../local/replay/report.ts";
import { type Compared, promptWith, type WhatIf, whatIf } from "../../../local/replay/what-if.ts";
import { readExport } from "../../../src/actors/conversation/export.ts";
import { replay } from "../../../src/actors/conversation/replay.ts";
import type { ModelRequest } from "../../../src/model/port.ts";
import { type ModelScript, says } from "../../support/world.ts";

const golden = (name: string) =>
  readExport(readFileSync(join(import.meta.dirname, `../../golden/${name}.jsonl`), "utf8"));

/** Runs a golden journal's inputs against scripted answers. */
async function run(name: string, scripts: ModelScript[], change: WhatIf = {}) {
  const requests: ModelRequest[] = [];
  const all = await whatIf(golden(name), change, {
    model: {
      async call(request, emit, signal) {
        requests.push(request);
        const script = scripts.shift();
        if (!script) throw new Error("the model's script is at its end");
        return script(request, emit, signal);
      },
    },
    price: (model, usage) => (model === "unpriced/model" ? null : usage.outputTokens * 10),
    now: () => 1_800_000_000_000,
    random: () => 0.5,
    after: () => () => {},
    progress: () => {},
  });
  return { all, requests };
}

const READS = [
  { name: "read", input: { path: "tides.txt" } },
  { name: "read", input: { path: "more.txt" } },
];
const WRITE = { name: "write", input: { text: "06:12", path: "notes.txt" } };

describe("what if", () => {
  it("the same choices get the recorded results, whatever the order of an argument's keys", async () => {
    const { all, requests } = await run("tools", [says("", READS), says("", [WRITE]), says("Done.")]);
    expect(all).toMatchObject([{ same: true, stubbed: 0, now: { outcome: "completed", micros: 150 } }]);
    expect(JSON.stringify(requests[1]?.messages)).toContain("high tide at 06:12");
    expect(JSON.stringify(requests[2]?.messages)).toContain("notes.txt");
  });

  it("another choice is not run, and is told so", async () => {
    const other = { name: "write", input: { path: "elsewhere.txt", text: "x" } };
    const { all, requests } = await run("tools", [says("", [other]), says("Done.")], {
      model: "other/model",
    });
    expect(all[0]).toMatchObject({ same: false, stubbed: 1 });
    expect(JSON.stringify(requests[1]?.messages)).toContain("the call was not made");
    expect(requests.map((request) => request.model)).toEqual(["other/model", "other/model"]);
  });

  it("asks with the recorded prompt and tools, or with other instructions", async () => {
    const answers = () => [says("One."), says("Two.")];
    const recorded = golden("plain").entries.flatMap(({ entry }) =>
      "topic" in entry && entry.topic === "prompt" ? [entry.text] : [],
    )[0];
    expect((await run("plain", answers())).requests[0]?.system).toBe(recorded);
    const changed = (await run("plain", answers(), { instructions: "Answer in Danish.\n" })).requests[0]
      ?.system;
    expect(changed).toBe(`${recorded}\n\nInstructions from the user:\nAnswer in Danish.`);
    expect(promptWith("You are T.\n\nInstructions from Bob:\nBe rude.\n\nVery.", "Be kind.")).toBe(
      "You are T.\n\nInstructions from Bob:\nBe kind.",
    );
    const tools = (await run("tools", [says("No tools.")])).requests[0]?.tools.map((tool) => tool.name);
    expect(tools).toEqual(["read", "write"]);
  });

  it("is told what was said in between, and leaves out what was never begun", async () => {
    const steered = await run("steer", [
      says("", [{ name: "read", input: { path: "flights" } }]),
      says("By train."),
    ]);
    expect(JSON.stringify(steered.requests[1]?.messages)).toContain("By train, please.");
    const { all } = await run("queue", [says("a"), says("b"), says("c")]);
    expect(all.map((one) => one.asked)).toEqual(["First.", "Second.", "Third."]);
  });

  it("goes through undo, approvals and forks without asking anybody", async () => {
    const approvals = await run("approvals", [
      says("", [{ name: "write", input: { path: "a" } }]),
      says("ok"),
    ]);
    expect(approvals.all[0]?.now.outcome).toBe("completed");
    const undone = await run("undo", [says("1"), says("2"), says("3")]);
    expect(JSON.stringify(undone.requests[2]?.messages)).not.toContain("Second?");
  });

  it("says that a model has no price rather than that it cost nothing", async () => {
    const { all } = await run("plain", [says("One."), says("Two.")], { model: "unpriced/model" });
    expect(all.map((one) => one.now.micros)).toEqual([null, null]);
    expect(summaryText(all, plain)).toContain("no price");
  });

  it("shows each turn and the sum side by side", async () => {
    const { all } = await run("tools", [says("", READS), says("Done.")]);
    const [turn] = all;
    if (!turn) throw new Error("there is one turn");
    const text = comparedText(turn, 1, plain);
    expect(text).toMatch(/^turn 1 different {2}Look up the tide/);
    expect(text).toMatch(/write \{"path":"notes.txt","text":"06:12"\} +–/);
    expect(summaryText(all satisfies Compared[], plain)).toContain("0 of 1 turns choose the same tools");
  });
});

const plain = (_style: string, text: string): string => text;

describe("the diff of a replay", () => {
  it("is empty when nothing differs, and shows what does with what is around it", () => {
    expect(lineDiff(["a", "b"], ["a", "b"])).toEqual([]);
    const before = Array.from({ length: 20 }, (_, i) => `line ${i}`);
    const after = before.with(10, "other").toSpliced(15, 1);
    expect(lineDiff(before, after).map(({ mark, text }) => `${mark}${text}`)).toEqual([
      "…",
      ...[
        " line 7",
        " line 8",
        " line 9",
        "-line 10",
        "+other",
        " line 11",
        " line 12",
        " line 13",
        " line 14",
      ],
      ...["-line 15", " line 16", " line 17", " line 18", "…"],
    ]);
  });

  it("names the entry, the message and both sides", () => {
    const journal = golden("plain");
    const messages = journal.messages?.map((one, i) => (i === 1 ? ([one[0], "other"] as const) : one)) ?? [];
    const entries = journal.entries.filter((line) => line.kind !== "end");
    const result = replay({ ...journal, entries, messages });
    const text = differencesText(result, plain);
    expect(text).toMatch(
      /entry 9: next step\n {2}- call turn2 round 0 attempt 1\n {2}\+ end turn1 completed/,
    );
    expect(text).toMatch(/^- file message 2: a_turn1 other$/m);
    expect(text).toMatch(/^\+ file message 2: a_turn1 \S{43}$/m);
  });
});

describe("an erased payload", () => {
  it("is reported, and what hangs on it is not held against the journal", () => {
    const journal = golden("tools");
    const entries = journal.entries.map((line) =>
      line.kind === "answer" && line.seq < 10
        ? { ...line, salt: null, payload: null, entry: { kind: "erased.answer" } }
        : line,
    );
    const erased = entries.filter((line) => line.payload === null).map((line) => line.seq);
    expect(erased).toHaveLength(1);
    const result = replay({ ...journal, entries, messages: null });
    expect(result.erased).toEqual(erased);
    expect(result.unverified.length).toBeGreaterThan(0);
    // The transcript is that of the file as it was written, before the payload went.
    expect(result.differences.map((one) => one.what)).toEqual(["transcript"]);
  });
});
