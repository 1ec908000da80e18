/** The judges of the `sigkill` campaign see what they are for: each is shown a sound story, and ones that are not. */
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../src/actors/conversation/entries.ts";
import type { Decision } from "../../campaigns/sigkill/approvals.ts";
import type { Asked } from "../../campaigns/sigkill/client.ts";
import { judgeClocks } from "../../campaigns/sigkill/clock-oracle.ts";
import type { Change, Clock } from "../../campaigns/sigkill/clocks.ts";
import { judgeGates } from "../../campaigns/sigkill/gate-oracle.ts";
import type { JournalCopy, ScheduleRow } from "../../campaigns/sigkill/journals.ts";
import { answerOf, type Question, reminderOf, textOfQuestion } from "../../campaigns/sigkill/questions.ts";
import { GATED_TOOL, SHORT } from "../../campaigns/sigkill/worker/shape.ts";
import { chatRequest } from "../../support/e2e-socket.ts";

const journal = (entries: readonly Entry[], schedules: readonly ScheduleRow[] = []): JournalCopy => ({
  ...{ file: "f", entries, broken: null, jobs: 0, schedules },
});
const inputOf = (turn: string, text: string, key: string, at: number, source: string): Entry => ({
  ...{ kind: "input", at, turn, request: `r-${turn}`, keys: [key], source },
  sender: { id: "u", name: "U" },
  messages: [{ id: `m-${turn}`, parts: [{ type: "text", text }] }],
});
const endOf = (turn: string): Entry => ({ kind: "end", at: 90, turn, outcome: "completed" });

describe("calls that wait for a person", () => {
  const turn = "t1";
  const id = "c1";
  const ask: Entry = {
    ...{ kind: "ask", at: 1, turn, round: 0, id, name: GATED_TOOL },
    input: JSON.stringify({ path: "q1/0" }),
    expiresAt: 50,
  };
  const decide = (approved: boolean, comment = "q1/0 by device 0", at = 2): Entry => ({
    ...{ kind: "decide", at, turn, id, approved, comment },
    by: { id: "u", name: "U" },
    source: "http",
  });
  const intent: Entry = {
    ...{ kind: "intent", at: 3, turn, round: 0, id, name: GATED_TOOL, input: "{}" },
    replay: "unsafe",
    key: "k",
  };
  const result: Entry = { kind: "result", at: 4, turn, id, output: { status: 200 } };
  const cut: Entry = { kind: "result", at: 4, turn, id, interrupted: true };
  const denied: Entry = { kind: "result", at: 4, turn, id, error: { code: "denied", message: "no" } };
  const expire = (at: number): Entry => ({ kind: "expire", at, turn, id });
  const said = (more: Partial<Decision> = {}): Decision => ({
    ...{ call: id, thread: "chat", approved: true, comment: "q1/0 by device 0" },
    answer: { counted: true, approved: true },
    ...{ socket: null, spoken: true, lives: 0, dueAt: 0 },
    ...more,
  });
  const judged = (entries: readonly Entry[], times: number, decisions: readonly Decision[] = []) =>
    judgeGates([journal(entries)], decisions, () => times, { settled: true });
  const sound = [ask, decide(true), intent, result, endOf(turn)];

  it.each<[string, readonly Entry[], number, readonly Decision[]]>([
    ["approved, and done once", sound, 1, [said()]],
    ["approved, and cut off before its effect", [ask, decide(true), intent, cut, endOf(turn)], 0, [said()]],
    ["approved, and cut off behind its effect", [ask, decide(true), intent, cut, endOf(turn)], 1, []],
    ["refused", [ask, decide(false), denied, endOf(turn)], 0, []],
    ["expired", [ask, expire(50), denied, endOf(turn)], 0, []],
    [
      "decided twice, of which one counts",
      sound,
      1,
      [said(), said({ approved: false, comment: "other", answer: { counted: false, approved: true } })],
    ],
  ])("are sound when %s", (_name, entries, times, decisions) => {
    expect(judged(entries, times, decisions).violations).toEqual([]);
  });

  it.each<[string, readonly Entry[], number, readonly Decision[], string]>([
    ["an effect that happened twice", sound, 2, [], "happened 2 times"],
    [
      "an effect that nobody approved",
      [ask, decide(false), denied, endOf(turn)],
      1,
      [],
      "without an approval",
    ],
    [
      "a tool that runs before the decision",
      [ask, intent, decide(true), result, endOf(turn)],
      1,
      [],
      "nobody had",
    ],
    [
      "a tool that runs after a refusal",
      [ask, decide(false), intent, result, endOf(turn)],
      1,
      [],
      "nobody had",
    ],
    ["a second decision", [ask, decide(true), decide(false), endOf(turn)], 0, [], "comes after decide"],
    [
      "an expiry behind a decision",
      [ask, decide(true), expire(60), endOf(turn)],
      0,
      [],
      "comes after decide",
    ],
    ["an expiry that comes too soon", [ask, expire(49), denied, endOf(turn)], 0, [], "expired too soon"],
    ["a decision that comes too late", [ask, decide(true, "x", 50), endOf(turn)], 0, [], "decided too late"],
    ["a result without its effect", sound, 0, [], "it did not"],
    ["a turn that stays parked", [ask, decide(true)], 0, [], "did not end"],
    ["a lost decision", [ask, expire(50), denied, endOf(turn)], 0, [said()], "counts"],
    ["a decision that is in no journal", [ask, endOf(turn)], 0, [said()], "in no journal"],
    [
      "two that were told that they count",
      sound,
      1,
      [said(), said({ comment: "other" })],
      "another one does",
    ],
    [
      "a decider who was told another outcome",
      sound,
      1,
      [said({ comment: "other", answer: { counted: false, approved: false } })],
      "another outcome",
    ],
  ])("%s is seen", (_name, entries, times, decisions, expected) => {
    expect(judged(entries, times, decisions).violations.join("; ")).toContain(expected);
  });

  it("what is lost and doubled is counted", () => {
    expect(judged(sound, 2)).toMatchObject({ asked: 1, approved: 1, doubled: 1 });
    expect(judged([ask, endOf(turn)], 0, [said()])).toMatchObject({ lost: 1 });
  });
});

describe("schedules", () => {
  const MINUTE = 60_000;
  const T0 = 1_000 * MINUTE;
  const question: Question = { tag: "s1", kind: "text", words: 3, paceMs: 0 };
  const row = (more: Partial<ScheduleRow> = {}): ScheduleRow => ({
    ...{ id: "sabc", text: textOfQuestion(question), cron: "* * * * *", status: "paused" },
    ...{ made_by: null, created_at: T0 + 1, due_at: T0 + 3 * MINUTE, missed: 0 },
    ...more,
  });
  const once = (more: Partial<ScheduleRow> = {}): ScheduleRow =>
    row({ cron: null, status: "done", due_at: T0 + 5_000, ...more });
  const clock = (more: Partial<Clock> = {}): Clock => ({
    ...{ question, thread: "minutes-0", cron: "* * * * *", catchUp: "latest", seconds: 0, id: "sabc" },
    ...{ sentAt: T0, ackAt: T0 + 2, changes: [], last: false },
    ...more,
  });
  /** An occurrence with its answer. */
  const ran = (at: number, ranAt = at + 5, say = ""): Entry[] => {
    const turn = `t${at}`;
    const text = `${textOfQuestion(question)}\n\n(Schedule sabc.${say})`;
    return [
      inputOf(turn, text, `schedule:sabc:${at}`, ranAt, "schedule"),
      {
        ...{
          kind: "answer",
          at: ranAt,
          turn,
          round: 0,
          attempt: 1,
          finish: "stop",
          model: "m",
          priceMicros: 0,
        },
        parts: [{ type: "text", text: answerOf(question) }],
        usage: { inputTokens: 1, outputTokens: 1 },
      },
      endOf(turn),
    ];
  };
  const change = (to: Change["to"], sentAt: number, ackAt = sentAt + 10): Change => ({ to, sentAt, ackAt });
  const minute = (n: number): number => T0 + n * MINUTE;
  const paused = [change("paused", minute(2) + 100)];
  const judged = (entries: readonly Entry[], rows: readonly ScheduleRow[], clocks: readonly Clock[]) =>
    judgeClocks([journal(entries, rows)], clocks, [], { settled: true });
  const late = SHORT.scheduleLateMs + 1_001;
  const LATE = " It comes 0 minutes late, at 10:00.";

  it.each<[string, readonly Entry[], ScheduleRow, Clock]>([
    [
      "every minute ran",
      [...ran(minute(1)), ...ran(minute(2))],
      row(),
      clock({ changes: paused, last: true }),
    ],
    [
      "one was missed and told of",
      ran(minute(2), minute(2) + 5, " One run before it was missed: 9:00."),
      row(),
      clock({ changes: paused, last: true }),
    ],
    [
      "the newest was missed, and the row knows",
      ran(minute(1)),
      row({ missed: 1 }),
      clock({ changes: paused, last: true }),
    ],
    [
      "a pause is nothing missed",
      [...ran(minute(1)), ...ran(minute(6))],
      row({ due_at: minute(7) }),
      clock({
        changes: [
          change("paused", minute(2) - 500),
          change("active", minute(5) + 500),
          change("paused", minute(6) + 100),
        ],
        last: true,
      }),
    ],
    ["it was late and says so", ran(minute(1), minute(1) + late, LATE), row({ due_at: minute(2) }), clock()],
    ["it came once", ran(T0 + 5_000), once(), clock({ cron: null })],
    [
      "it was deleted before it came",
      [],
      once({ status: "deleted", text: "" }),
      clock({ cron: null, changes: [change("deleted", T0 + 50)] }),
    ],
  ])("are sound when %s", (_name, entries, kept, made) => {
    expect(judged(entries, [kept], [made]).violations).toEqual([]);
  });

  const both = [...ran(minute(1)), ...ran(minute(2))];
  const done = clock({ changes: paused, last: true });
  it.each<[string, readonly Entry[], readonly ScheduleRow[], Clock, string]>([
    ["an occurrence that comes twice", [...both, ...ran(minute(2))], [row()], done, "came twice"],
    ["a minute that nobody tells of", ran(minute(2)), [row()], done, "tells of 0 missed"],
    [
      "a miss that was none",
      [...ran(minute(1)), ...ran(minute(2), minute(2), " 3 runs before it were missed, x")],
      [row()],
      done,
      "tells of 3",
    ],
    ["a newest minute that the row forgot", ran(minute(1)), [row()], done, "tells of 0 missed"],
    [
      "what is overdue in the end",
      [],
      [row({ due_at: minute(1) })],
      clock({ changes: [change("paused", minute(9))], last: true }),
      "was overdue",
    ],
    [
      "a run before its time",
      [...ran(minute(1)), ...ran(minute(2), minute(2) - 9)],
      [row()],
      done,
      "before it was due",
    ],
    [
      "a run between two minutes",
      [...ran(minute(1)), ...ran(minute(2) + 7)],
      [row()],
      done,
      "none of its minutes",
    ],
    [
      "a run behind a pause",
      [...both, ...ran(minute(3))],
      [row({ due_at: minute(4) })],
      done,
      "told that it is paused",
    ],
    [
      "a run behind a deletion",
      ran(T0 + 5_000),
      [once({ status: "deleted", text: "" })],
      clock({ cron: null, changes: [change("deleted", T0 + 50)] }),
      "told that it is deleted",
    ],
    ["a pause that did not last", both, [row({ status: "active" })], done, "is active, and"],
    [
      "what is late and does not say so",
      ran(minute(1), minute(1) + late),
      [row({ due_at: minute(2) })],
      clock(),
      "says wrongly",
    ],
    [
      "what is made up for against its setting",
      ran(minute(1), minute(1) + late, LATE),
      [row({ due_at: minute(2) })],
      clock({ catchUp: "skip" }),
      "nobody wanted",
    ],
    ["a schedule that is gone", [], [], clock(), "it is not"],
    ["a schedule that was made twice", both, [row(), row({ id: "sdef" })], done, "made 2 times"],
    [
      "one that comes twice instead of once",
      [...ran(T0 + 5_000), ...ran(minute(1))],
      [once()],
      clock({ cron: null }),
      "instead of once",
    ],
    ["one that never came", [], [once()], clock({ cron: null }), "never came"],
    ["one that is still to come", [], [once({ status: "active" })], clock({ cron: null }), "never came"],
    ["an occurrence without an end", both.slice(0, -1), [row()], done, "has not ended"],
    [
      "an occurrence with half an answer",
      [both[0], endOf(`t${minute(1)}`)].flatMap((one) => one ?? []),
      [row({ due_at: minute(2) })],
      clock(),
      "not whole",
    ],
    ["an input of an unknown schedule", both, [], clock({ id: null, ackAt: 0 }), "not kept anywhere"],
  ])("%s is seen", (_name, entries, rows, made, expected) => {
    expect(judged(entries, rows, [made]).violations.join("; ")).toContain(expected);
  });

  describe("that a tool makes", () => {
    const plan: Question = { tag: "q1", kind: "plan", words: 4, paceMs: 0 };
    const request = chatRequest(textOfQuestion(plan));
    const asked: Asked = {
      ...{ question: plan, thread: "chat", request, accepted: true, stopped: false },
      ...{ outcome: null, ends: 0, again: false, seen: null },
    };
    const input: Entry = {
      ...inputOf("t1", textOfQuestion(plan), "k", 1, "chat"),
      messages: [{ id: request.message, parts: [] }],
    } as Entry; // an input with other messages
    const called: Entry[] = [
      {
        kind: "intent",
        at: 2,
        turn: "t1",
        round: 0,
        id: "c1",
        name: "schedule",
        input: "{}",
        replay: "safe",
        key: "k",
      },
      { kind: "result", at: 3, turn: "t1", id: "c1", output: {} },
    ];
    const text = textOfQuestion(reminderOf(plan).question);
    const kept = once({ made_by: "t1", text, status: "deleted" });
    const verdict = (rows: readonly ScheduleRow[]) =>
      judgeClocks([journal([input, ...called], rows)], [], [asked], { settled: false });

    it("are one for one call", () => {
      expect(verdict([kept])).toMatchObject({ made: 1, lost: 0, doubled: 0, violations: [] });
    });

    it("are missed when they are not kept, and seen when they are two", () => {
      expect(verdict([])).toMatchObject({ lost: 1 });
      expect(verdict([kept, { ...kept, id: "sdef" }])).toMatchObject({ doubled: 1 });
    });
  });
});
