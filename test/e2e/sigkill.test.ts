/**
 * A bounded share of `npm run campaign -- sigkill`: the real Worker in workerd, killed again and again in the middle of
 * turns, and of going on with them.
 */
import { beforeAll, describe, expect, it } from "vitest";
import type { Entry } from "../../src/actors/conversation/entries.ts";
import { emptyState, reduceAll } from "../../src/actors/conversation/state.ts";
import { transcript } from "../../src/actors/conversation/transcript.ts";
import type { Asked } from "../campaigns/sigkill/client.ts";
import { type SigkillResult, sigkill } from "../campaigns/sigkill/index.ts";
import type { JournalCopy } from "../campaigns/sigkill/journals.ts";
import { judge } from "../campaigns/sigkill/oracle.ts";
import { answerOf } from "../campaigns/sigkill/questions.ts";
import { chatRequest } from "../support/e2e-socket.ts";

const KILLS = 15;
/** A little more than the 20 s after which a wake is due. Wakes that were moved come later: for these people come back. */
const ALONE_MS = 22_000;
const WITHIN_MS = 180_000;

describe(`${KILLS} kills`, () => {
  let result: SigkillResult;
  beforeAll(async () => {
    result = await sigkill({ seed: 1, kills: KILLS, aloneMs: ALONE_MS });
  }, WITHIN_MS);

  it("lost nothing, doubled nothing, and every turn ended", () => {
    expect(result.violations).toEqual([]);
    expect(result).toMatchObject({ kills: KILLS, lost: 0, doubled: 0, open: 0 });
  });

  it("hit turns, and most went on with nobody there", () => {
    expect(result.doubleKills).toBeGreaterThan(0);
    expect(result.accepted).toBeGreaterThan(100);
    expect(result.answered).toBeGreaterThan(result.accepted / 2);
    // More calls than answered rounds: some were cut off and made again.
    expect(result.calls).toBeGreaterThan(result.answered);
    expect(result.files).toBeGreaterThan(20);
    expect(result.news.length).toBeGreaterThan(0);
  });

  it("hit turns that waited for a person, and schedules", () => {
    expect(result.gates.asked).toBeGreaterThan(5);
    expect(result.gates.approved).toBeGreaterThan(0);
    expect(result.gates.expired).toBeGreaterThan(0);
    expect(result.decisions).toBeGreaterThan(0);
    // One for each approval, or none where the server died before it.
    expect(result.effects).toBeGreaterThan(0);
    expect(result.effects).toBeLessThanOrEqual(result.gates.approved);
    expect(result.clocks.made).toBeGreaterThan(5);
    expect(result.clocks.occurrences).toBeGreaterThan(0);
  });
});

describe("what the campaign found", () => {
  it("a message that was stopped while it waited is shown as stopped to whoever connects before its turn", () => {
    const input = (n: number): Entry => ({
      kind: "input",
      at: n,
      turn: `t${n}`,
      request: `r${n}`,
      keys: [`message:m${n}`],
      source: "chat",
      sender: { id: "u", name: "U" },
      messages: [{ id: `m${n}`, parts: [{ type: "text", text: `question ${n}` }] }],
    });
    const stopped: Entry = { kind: "end", at: 3, turn: "t2", outcome: "cancelled" };
    const shown = transcript(reduceAll(emptyState, [input(1), input(2), stopped]), { limit: 10 });
    expect(shown.map(({ id }) => id)).toEqual(["m1", "m2", "a_t2"]);
    expect(shown.at(-1)?.metadata?.outcome).toBe("cancelled");
  });
});

describe("the oracle would notice", () => {
  const question = { tag: "q1", kind: "text", words: 3, paceMs: 0 } as const;
  const asked: Asked = {
    question,
    thread: "chat",
    request: chatRequest("question"),
    accepted: true,
    stopped: false,
    outcome: null,
    ends: 0,
    again: false,
    seen: null,
  };
  const at = 1;
  const input: JournalCopy["entries"][number] = {
    kind: "input",
    at,
    turn: "t1",
    request: "r1",
    keys: [],
    source: "chat",
    sender: { id: "u", name: "U" },
    messages: [{ id: asked.request.message, parts: [] }],
  };
  const answer = (text: string): JournalCopy["entries"][number] => ({
    kind: "answer",
    at,
    turn: "t1",
    round: 0,
    attempt: 1,
    parts: [{ type: "text", text }],
    usage: { inputTokens: 1, outputTokens: 1 },
    finish: "stop",
    model: "m",
    priceMicros: 0,
  });
  const end: JournalCopy["entries"][number] = { kind: "end", at, turn: "t1", outcome: "completed" };
  const verdict = (entries: JournalCopy["entries"], more: Partial<JournalCopy> = {}) =>
    judge([{ file: "f", entries, broken: null, jobs: 0, schedules: [], ...more }], [asked], {
      settled: true,
    });
  const whole = [input, answer(answerOf(question)), end];

  it("nothing in a whole journal", () => {
    expect(verdict(whole)).toMatchObject({
      accepted: 1,
      answered: 1,
      lost: 0,
      doubled: 0,
      open: 0,
      violations: [],
    });
  });

  it.each<[string, JournalCopy["entries"], string]>([
    ["a lost input", [], "accepted and lost"],
    ["a turn without an end", [input], "has not ended"],
    ["a second end", [...whole, end], "ended twice"],
    ["an input that is kept twice", [input, ...whole], "was accepted twice"],
    ["an answer that is given twice", [input, answer("a"), answer("b"), end], "was answered twice"],
    ["a spliced answer", [input, answer("q1-0 q1-0 q1-1 q1-2"), end], "is not whole"],
    ["an entry behind the end", [...whole, answer("more")], "comes after its end"],
  ])("%s", (_name, entries, expected) => {
    expect(verdict(entries).violations.join("; ")).toContain(expected);
  });

  it("a broken chain and a wake that is left", () => {
    const { violations } = verdict(whole, { broken: 3, jobs: 1 });
    expect(violations.join("; ")).toContain("the chain breaks at 3");
    expect(violations.join("; ")).toContain("a wake is left");
  });
});
