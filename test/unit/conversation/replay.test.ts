import { describe, expect, it } from "vitest";
import { entryHash, GENESIS, payloadHash } from "../../../src/actors/chain.ts";
import type { Entry } from "../../../src/actors/conversation/entries.ts";
import { type ExportLine, exportStream, readExport } from "../../../src/actors/conversation/export.ts";
import { replay, transcriptHash } from "../../../src/actors/conversation/replay.ts";
import { ModelError } from "../../../src/model/errors.ts";
import { says, World } from "../../support/world.ts";

/** Entries as a file holds them, chained. */
function linesOf(entries: readonly Entry[]): ExportLine[] {
  let previous = GENESIS;
  return entries.map(({ kind, ...rest }, i) => {
    const payload = JSON.stringify(rest);
    const inner = payloadHash(`salt${i}`, payload);
    const hash = entryHash(previous, i + 1, kind, 1, inner);
    previous = hash;
    return { seq: i + 1, kind, v: 1, hash, inner, salt: `salt${i}`, payload };
  });
}

async function fileOf(world: World, entries: readonly Entry[] = world.entries): Promise<string> {
  const lines = linesOf(entries);
  const stream = exportStream({
    conversation: "alice.main",
    until: lines.length,
    page: (after) => lines.slice(after, after + 3),
    transcript: transcriptHash(world.messages()),
  });
  return new Response(stream).text();
}

/** A conversation with everything in it: tools, a fault, a stop, an answer made again, a crash. */
async function lived(): Promise<World> {
  const world = new World({
    models: [
      says("I look. ", [{ name: "read", input: { path: "a" } }]),
      says("It says tide."),
      async () => {
        throw new ModelError("model_failed", "down", { retryable: true });
      },
      says("Second answer."),
      says("Second answer, better."),
      (_request, emit, signal) =>
        new Promise((_resolve, reject) => {
          emit({ type: "text", id: "t", delta: "never whole " });
          signal.addEventListener("abort", () => reject(new Error("aborted")));
        }),
      says("After the crash."),
    ],
    tools: { read: { replay: "safe", run: async () => ({ text: "tide" }) } },
  });
  await world.say("What is in a?");
  await world.say("And again?");
  await world.say("", { messages: [], keys: ["request:again"], regenerate: "m2" });
  world.drive.accept(world.input("This will be cut off."));
  await world.breathe();
  world.crash();
  world.drive.kick();
  await world.settle();
  return world;
}

describe("replay", () => {
  it("plans the same decisions, builds the same requests, and folds the same transcript", async () => {
    const world = await lived();
    const result = replay(readExport(await fileOf(world)));
    expect(result.differences).toEqual([]);
    expect(result.calls).toBe(7);
    expect(result.messages).toEqual(world.messages());
    expect(JSON.stringify(result.messages)).toBe(JSON.stringify(world.messages()));
  });

  it("finds a changed byte in any payload", async () => {
    const world = await lived();
    const text = await fileOf(world);
    const lines = text.trimEnd().split("\n");
    for (let i = 1; i < lines.length - 1; i++) {
      const line: ExportLine = JSON.parse(lines[i] ?? "");
      const changed = {
        ...line,
        payload: line.payload?.replace(/\d(?=\D*$)/, (d) => String((Number(d) + 1) % 10)),
      };
      const file = lines.with(i, JSON.stringify(changed)).join("\n");
      const found = replay(readExport(file)).differences;
      expect(found.some((difference) => difference.seq === i && difference.what === "hash chain")).toBe(true);
    }
  });

  it("finds a forged answer even when the chain was made again around it", async () => {
    const world = await lived();
    const forged = world.entries.map((entry) =>
      entry.kind === "answer" && entry.round === 0 && entry.turn === "turn1"
        ? {
            ...entry,
            parts: entry.parts.map((part) => (part.type === "text" ? { ...part, text: "I lie. " } : part)),
          }
        : entry,
    );
    const what = replay(readExport(await fileOf(world, forged))).differences.map(
      (difference) => difference.what,
    );
    expect(what).toContain("fingerprint of the request");
    expect(what).toContain("transcript");
  });

  it("finds a decision that nobody would take: a call without a reason, a tool that was not asked for", async () => {
    const world = await lived();
    const call = world.entries.find((entry) => entry.kind === "call");
    const intent = world.entries.find((entry) => entry.kind === "intent");
    if (!call || !intent) throw new Error("the story has both");
    const forged = [...world.entries, { ...call, attempt: 9 }, { ...intent, id: "forged", name: "delete" }];
    const what = replay(readExport(await fileOf(world, forged))).differences.map(
      (difference) => difference.what,
    );
    expect(what).toContain("next step");
    expect(what).toContain("tool call");
  });

  it("carries erased entries, and the chain still holds over them", async () => {
    const world = await lived();
    const lines = linesOf(world.entries).map((line, i) =>
      i === 0 ? { ...line, salt: null, payload: null } : line,
    );
    const text = await fileOf(world);
    const parts = text.trimEnd().split("\n");
    const file = [parts[0], ...lines.map((line) => JSON.stringify(line)), parts.at(-1)].join("\n");
    const found = replay(readExport(file)).differences;
    expect(found.filter((difference) => difference.what === "hash chain")).toEqual([]);
  });

  it.each([
    ["not JSON", "hello"],
    ["another file", '{"a":1}\n{"b":2}'],
    [
      "a newer format",
      '{"holdfast":"journal","format":99,"conversation":"x"}\n{"transcript":"x","entries":0}',
    ],
    [
      "a missing line",
      '{"holdfast":"journal","format":1,"conversation":"x"}\n{"transcript":"x","entries":3}',
    ],
  ])("says what is wrong with %s", (_name, text) => {
    expect(() => readExport(text)).toThrow(/Line \d+|format 99|says that it has 3/);
  });
});
