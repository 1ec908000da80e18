/** What stands in for erased entries: random journals, with any of their turns erased, fold to the same places. */
import { describe, expect, it } from "vitest";
import { GENESIS } from "../../../src/actors/chain.ts";
import type { Entry } from "../../../src/actors/conversation/entries.ts";
import { planErase } from "../../../src/actors/conversation/erase-plan.ts";
import { type ExportLine, parseEntry, verifyChain } from "../../../src/actors/conversation/export.ts";
import { windowOf } from "../../../src/actors/conversation/memory.ts";
import { isStandIn } from "../../../src/actors/conversation/stand-in.ts";
import { emptyState, reduce, type State } from "../../../src/actors/conversation/state.ts";
import { eachMessage } from "../../../src/actors/conversation/walk.ts";
import { Chance } from "../../campaigns/random.ts";
import { chained } from "../../support/journal-file.ts";

const ALICE = { id: "ualice", name: "alice@example.com" };
const SECRET = "quittengelee";

/** A conversation of a few turns, some with tools, some undone, asked again or said anew; every text says who it is of. */
function story(chance: Chance): Entry[] {
  const entries: Entry[] = [];
  const asked: string[] = [];
  let at = 1_000;
  const turns = 3 + chance.below(5);
  for (let n = 0; n < turns; n++) {
    const turn = `t${n}`;
    const message = `m${n}`;
    const again = asked.length > 0 && chance.chance(0.25) ? chance.pick(asked) : null;
    const regenerates = again !== null && chance.chance(0.5);
    at += 10;
    entries.push({
      ...{
        kind: "input",
        at,
        turn,
        request: `r${n}`,
        keys: [`message:${message}`],
        source: "chat",
        sender: ALICE,
      },
      messages: regenerates ? [] : [{ id: message, parts: [{ type: "text", text: `${SECRET} ${message}` }] }],
      ...(again !== null && (regenerates ? { regenerate: again } : { replaces: again })),
    });
    if (!regenerates) asked.push(message);
    const call = { turn, round: 0, attempt: 1 };
    entries.push({
      ...{ kind: "call", at, ...call, model: "m", fingerprint: "f", prompt: "p", tools: "t" },
      ...{ maxOutputTokens: 10, windowTokens: 1_000, reservationMicros: 50, reservationTokens: 20 },
    });
    const tool = chance.chance(0.4);
    const usage = { inputTokens: 5, outputTokens: 5 };
    const say = (round: number, calls: boolean): Entry => ({
      ...{ kind: "answer", at, turn, round, attempt: 1, usage, finish: "stop", model: "m", priceMicros: 7 },
      parts: [
        { type: "text", text: `${SECRET} answers ${message}` },
        ...(calls
          ? [{ type: "tool" as const, id: `c${n}`, name: "write", input: `{"path":"${SECRET}"}` }]
          : []),
      ],
    });
    entries.push(say(0, tool));
    if (tool) {
      const id = `c${n}`;
      entries.push(
        {
          kind: "intent",
          at,
          turn,
          round: 0,
          id,
          name: "write",
          input: `{"path":"${SECRET}"}`,
          replay: "safe",
          key: id,
        },
        { kind: "result", at, turn, id, output: { text: SECRET } },
      );
    }
    entries.push({
      kind: "end",
      at,
      turn,
      outcome: chance.pick(["completed", "failed", "cancelled"]),
      keeps: true,
    });
    if (chance.chance(0.15)) entries.push({ kind: "undo", at, scope: "last", by: ALICE });
    if (chance.chance(0.2)) {
      const covered = 1 + chance.below(2 * n + 2);
      const of = { turn: `compact-${covered}`, round: 0, attempt: entries.length + 1 };
      entries.push({
        kind: "compact",
        at,
        call: of,
        covered,
        summary: SECRET,
        model: "m",
        usage,
        priceMicros: 1,
      });
    }
  }
  return entries;
}

const fold = (lines: readonly ExportLine[]): State =>
  lines.reduce((state, line) => reduce(state, parseEntry(line)), emptyState);

/** Puts the plan into the lines, as the journal does, and the entry behind them. */
function erased(lines: readonly ExportLine[], message: string, answer: boolean): ExportLine[] | null {
  const journal = { lines: () => lines };
  const plan = planErase(journal, fold(lines), { message, answer }, ALICE, 99_999);
  if (!plan || plan.lefts.size === 0) return null;
  const gone = lines.map((line): ExportLine => {
    const left = plan.lefts.get(line.seq);
    return left === undefined ? line : { ...line, salt: null, payload: null, left };
  });
  const { kind, ...payload } = plan.entry;
  // Chained by itself: only what it says counts here.
  const last = chained([...lines.map((): Entry => ({ kind: "release", at: 1, number: 0 })), plan.entry]).at(
    -1,
  );
  if (!last) throw new Error("nothing was chained");
  return [...gone, { ...last, kind, payload: JSON.stringify(payload) }];
}

const shape = (state: State) => ({
  items: state.items.slice(0).map((item) => (item.type === "user" ? item.message.id : item.turn.id)),
  waiting: state.waiting.map((turn) => turn.id),
  purse: state.purse,
  active: state.active?.id ?? null,
});

describe("a journal with an erased message", () => {
  it("folds to the same places, the same money, and nothing of what was said (500 journals)", () => {
    let erasures = 0;
    for (let seed = 1; seed <= 500; seed++) {
      const chance = new Chance(seed);
      const entries = story(chance);
      const lines = chained(entries);
      const before = fold(lines);
      const message = `m${chance.below(4)}`;
      const after = erased(lines, message, true);
      if (!after) continue;
      erasures++;
      const state = fold(after);
      expect([seed, shape(state)]).toEqual([seed, shape(before)]);
      expect([seed, state.seen.get(`message:${message}`)]).toEqual([
        seed,
        before.seen.get(`message:${message}`),
      ]);
      const said = JSON.stringify([...eachMessage(state)]) + JSON.stringify(windowOf(state, 1_000));
      expect([seed, said.includes(`${message}"`) || said.includes(`answers ${message}`)]).toEqual([
        seed,
        false,
      ]);
      for (const line of after) {
        if (line.payload !== null) continue;
        expect([seed, line.left?.includes(SECRET)]).toEqual([seed, false]);
        expect([seed, isStandIn(line.kind, line.v, line.left ?? "")]).toEqual([seed, true]);
      }
    }
    expect(erasures).toBeGreaterThan(300);
  });

  it("leaves everything else of the transcript as it was (500 journals)", () => {
    for (let seed = 1; seed <= 500; seed++) {
      const chance = new Chance(seed);
      const lines = chained(story(chance));
      const message = `m${chance.below(4)}`;
      const after = erased(lines, message, true);
      if (!after) continue;
      const gone = new Set(
        after.flatMap((line) => {
          const entry = line.payload === null ? (parseEntry(line) as Entry) : null; // a stand-in
          return entry?.kind === "input" ? [...entry.messages.map(({ id }) => id), `a_${entry.turn}`] : [];
        }),
      );
      const rest = [...eachMessage(fold(lines))].filter(({ id }) => !gone.has(id));
      expect([seed, [...eachMessage(fold(after))]]).toEqual([seed, rest]);
    }
  });

  it("is told apart from one in which somebody changed what is left", () => {
    const lines = chained(story(new Chance(7)));
    const after = erased(lines, "m0", true) ?? [];
    const gone = after.find((line) => line.payload === null && line.kind === "answer");
    expect(gone).toBeDefined();
    const forge = (left: string) => after.map((line) => (line === gone ? { ...line, left } : line));
    const text = gone?.left ?? "";
    // The last entry is not chained to these lines: that is one break, of the chain, in both.
    const breaks = (all: readonly ExportLine[]) =>
      verifyChain({ entries: all }).filter(({ seq }) => seq === gone?.seq).length;
    expect(breaks(after)).toBe(0);
    expect(breaks(forge(text.replace('"priceMicros":7', '"priceMicros":8')))).toBe(1);
    expect(isStandIn("answer", 1, text.replace('"parts":[]', '"parts":[{"type":"text","text":"x"}]'))).toBe(
      false,
    );
    expect(GENESIS).not.toBe("");
  });
});
