/** What must hold of schedules: each occurrence once, none lost, none after a pause, and what was missed is said. */
import type { Entry } from "../../../src/actors/conversation/entries.ts";
import type { Asked } from "./client.ts";
import { type Change, type Clock, standing } from "./clocks.ts";
import type { JournalCopy, ScheduleRow } from "./journals.ts";
import { answerOf, questionIn, reminderOf } from "./questions.ts";
import { SHORT } from "./worker/shape.ts";

export interface ClockVerdict {
  /** Schedules that somebody was told are kept. */
  made: number;
  /** Inputs that they made, ... */
  occurrences: number;
  answered: number;
  /** ... those that came late and said so, and occurrences that did not run and were told of. */
  late: number;
  missed: number;
  lost: number;
  doubled: number;
  open: number;
  violations: string[];
}

interface Run {
  /** When it was due, and when its input was written. */
  at: number;
  ranAt: number;
  text: string;
  turn: string;
}

const MINUTE_MS = 60_000;
/** From the look at what is due to the input: a few runs at one full minute. */
const WRITTEN_WITHIN_MS = 1_000;
/** How late an alarm of a server that lives may be, with everything else that is due at a full minute. */
const ALARM_WITHIN_MS = 10_000;
const KEY = /^schedule:(\w+):(\d+)$/;

export function judgeClocks(
  journals: readonly JournalCopy[],
  clocks: readonly Clock[],
  asked: readonly Asked[],
  options: { settled: boolean },
): ClockVerdict {
  const verdict: ClockVerdict = {
    ...{ made: 0, occurrences: 0, answered: 0, late: 0, missed: 0, lost: 0, doubled: 0, open: 0 },
    violations: [],
  };
  const byId = new Map(clocks.flatMap((clock) => (clock.id === null ? [] : [[clock.id, clock] as const])));
  const rows = journals.flatMap(({ schedules }) => schedules);
  for (const journal of journals) {
    const runs = runsOf(journal, verdict);
    for (const row of journal.schedules) {
      judgeRow(row, runs.get(row.id) ?? [], byId.get(row.id), verdict, options.settled);
      runs.delete(row.id);
    }
    for (const id of runs.keys()) verdict.violations.push(`schedule ${id} ran, and is not kept anywhere`);
    judgeTurns(journal.entries, verdict, options.settled);
    judgeReminders(journal, asked, verdict);
  }
  for (const clock of clocks) judgeClock(clock, rows, verdict);
  return verdict;
}

/** Inputs of schedules, by the schedule, in the order in which they were due. */
function runsOf({ entries }: JournalCopy, verdict: ClockVerdict): Map<string, Run[]> {
  const runs = new Map<string, Run[]>();
  const seen = new Set<string>();
  for (const entry of entries) {
    if (entry.kind !== "input" || entry.source !== "schedule") continue;
    const [key = ""] = entry.keys;
    const [, id = "", at = ""] = KEY.exec(key) ?? [];
    verdict.occurrences++;
    if (seen.has(key)) {
      verdict.doubled++;
      verdict.violations.push(`the occurrence ${key} came twice`);
    }
    seen.add(key);
    const text =
      entry.messages[0]?.parts.map((part) => (part.type === "text" ? part.text : "")).join("") ?? "";
    const run = { at: Number(at), ranAt: entry.at, text, turn: entry.turn };
    runs.set(id, [...(runs.get(id) ?? []), run]);
  }
  for (const list of runs.values()) list.sort((a, b) => a.at - b.at);
  return runs;
}

function judgeRow(
  row: ScheduleRow,
  runs: readonly Run[],
  clock: Clock | undefined,
  verdict: ClockVerdict,
  settled: boolean,
): void {
  const say = (text: string): void => void verdict.violations.push(`schedule ${row.id}: ${text}`);
  for (const { at, ranAt, text } of runs) {
    // It was looked at a little before it was written.
    const said = text.includes(" late, at ");
    const late = ranAt - at > SHORT.scheduleLateMs + WRITTEN_WITHIN_MS;
    if (said) verdict.late++;
    if (ranAt < at) say(`ran ${at - ranAt} ms before it was due`);
    if (said ? ranAt - at <= SHORT.scheduleLateMs : late)
      say(`says wrongly whether it is late: ${text.slice(0, 300)}`);
    if ((late || said) && row.cron !== null && clock?.catchUp === "skip")
      say("was made up for, which nobody wanted");
  }
  judgeChanges(row, runs, clock?.changes ?? [], say);
  if (row.cron === null) {
    if (runs.length > 1) say(`came ${runs.length} times instead of once`);
    if (runs[0] && runs[0].at !== row.due_at) say("ran for another moment than its own");
    if (row.status === "done" && runs.length === 0) {
      verdict.lost++;
      say("is over, and never came");
    }
    if (settled && row.status === "active") {
      verdict.lost++;
      say("was due, and never came");
    }
  } else judgeMinutes(row, runs, clock, verdict, settled);
}

/** Nothing comes between the answer that it is paused, or deleted, and the wish that it goes on. */
function judgeChanges(
  row: ScheduleRow,
  runs: readonly Run[],
  changes: readonly Change[],
  say: (text: string) => void,
): void {
  changes.forEach(({ to, ackAt }, i) => {
    if (to === "active" || ackAt === 0) return;
    const until = changes[i + 1]?.sentAt ?? Number.POSITIVE_INFINITY;
    const run = runs.find(({ ranAt }) => ranAt > ackAt && ranAt < until);
    if (run) say(`came ${run.ranAt - ackAt} ms after somebody was told that it is ${to}`);
  });
  const last = changes.at(-1);
  if (!last || last.ackAt === 0) return;
  const over = row.cron === null && row.status === "done";
  if (row.status !== last.to && !over) say(`is ${row.status}, and somebody was told that it is ${last.to}`);
}

/** Every full minute since it was made, or goes on, ran or was told of as missed. */
function judgeMinutes(
  row: ScheduleRow,
  runs: readonly Run[],
  clock: Clock | undefined,
  verdict: ClockVerdict,
  settled: boolean,
): void {
  const say = (text: string): void => void verdict.violations.push(`schedule ${row.id}: ${text}`);
  const resumes = clock?.changes.filter(({ to }) => to === "active") ?? [];
  const check = (before: number, at: number, knownAt: number, told: number): void => {
    const [most, least] = [false, true].map((answered) => {
      const from = resumes
        .filter(({ sentAt }) => sentAt <= knownAt)
        .map(({ sentAt, ackAt }) => (answered ? Math.min(ackAt || knownAt, knownAt) : sentAt));
      return minutesBetween(Math.max(before, ...from), at);
    });
    if (told < (least ?? 0) || told > (most ?? 0))
      say(`tells of ${told} missed before ${new Date(at).toISOString()}, and there were ${least} to ${most}`);
  };
  runs.forEach((run, i) => {
    if (run.at % MINUTE_MS !== 0) say(`ran for ${run.at}, which is none of its minutes`);
    const told = missedIn(run.text);
    verdict.missed += told;
    check(runs[i - 1]?.at ?? row.created_at, run.at, run.ranAt, told);
  });
  if (row.status !== "paused") return;
  const pausedAt = clock?.changes.findLast(({ to }) => to === "paused")?.sentAt ?? 0;
  verdict.missed += row.missed;
  check(runs.at(-1)?.at ?? row.created_at, row.due_at, pausedAt, row.missed);
  // Paused in the end, by a server that nobody had killed for a while: nothing was overdue.
  const last = clock && standing(clock) === "paused" && clock.last;
  if (settled && last && row.due_at < pausedAt - ALARM_WITHIN_MS) {
    verdict.lost++;
    say(`was overdue by ${pausedAt - row.due_at} ms when everything was quiet`);
  }
}

/** Full minutes behind `after` and before `before`. */
const minutesBetween = (after: number, before: number): number =>
  Math.max(0, Math.ceil(before / MINUTE_MS) - Math.floor(after / MINUTE_MS) - 1);

function missedIn(text: string): number {
  if (text.includes("One run before it was missed")) return 1;
  return Number(/(\d+) runs before it were missed/.exec(text)?.[1] ?? 0);
}

/** An occurrence is a question like any other: it gets its answer, whole and once. */
function judgeTurns(entries: readonly Entry[], verdict: ClockVerdict, settled: boolean): void {
  for (const entry of entries) {
    if (entry.kind !== "input" || entry.source !== "schedule") continue;
    const say = (text: string): void => void verdict.violations.push(`occurrence ${entry.keys[0]}: ${text}`);
    const end = entries.find((other) => other.kind === "end" && other.turn === entry.turn);
    if (end?.kind !== "end") {
      if (!settled) continue;
      verdict.open++;
      say("has not ended");
      continue;
    }
    if (end.outcome !== "completed") {
      if (end.error?.code !== "turn_stalled") say(`is ${end.outcome} (${end.error?.code})`);
      continue;
    }
    verdict.answered++;
    const said = entries
      .flatMap((other) => (other.kind === "answer" && other.turn === entry.turn ? other.parts : []))
      .map((part) => (part.type === "text" ? part.text : ""))
      .join("");
    const text =
      entry.messages[0]?.parts.map((part) => (part.type === "text" ? part.text : "")).join("") ?? "";
    const question = questionIn(text);
    if (!question || said !== answerOf(question)) say(`its answer is not whole: ${said.slice(0, 200)}`);
  }
}

/** A turn that planned ahead made one schedule, however often its tool ran. */
function judgeReminders(journal: JournalCopy, asked: readonly Asked[], verdict: ClockVerdict): void {
  for (const { question, request } of asked) {
    if (question.kind !== "plan") continue;
    const input = journal.entries.find(
      (entry) => entry.kind === "input" && entry.messages.some(({ id }) => id === request.message),
    );
    if (input?.kind !== "input") continue;
    const say = (text: string): void => void verdict.violations.push(`question ${question.tag}: ${text}`);
    const made = journal.schedules.filter((row) => row.made_by === input.turn);
    if (made.length > 1) {
      verdict.doubled++;
      say(`its tool made ${made.length} schedules`);
    }
    const { tag } = reminderOf(question).question;
    if (made[0] && questionIn(made[0].text)?.tag !== tag) say("its schedule says something else");
    const calls = journal.entries.flatMap((entry) =>
      entry.kind === "intent" && entry.turn === input.turn ? [entry.id] : [],
    );
    const done = journal.entries.some(
      (entry) => entry.kind === "result" && calls.includes(entry.id) && entry.output !== undefined,
    );
    if (made.length > 0) verdict.made++;
    if (done && made.length === 0) {
      verdict.lost++;
      say("the model was told of a schedule, and it is not kept");
    }
  }
}

function judgeClock(clock: Clock, rows: readonly ScheduleRow[], verdict: ClockVerdict): void {
  const { question, id, ackAt } = clock;
  const say = (text: string): void => void verdict.violations.push(`schedule ${question.tag}: ${text}`);
  const named = rows.filter((row) => questionIn(row.text)?.tag === question.tag);
  if (named.length > 1) {
    verdict.doubled++;
    say(`was made ${named.length} times`);
  }
  if (ackAt === 0) return;
  verdict.made++;
  const found =
    id === null ? named.some(({ status }) => status === "done") : rows.some((row) => row.id === id);
  if (!found) {
    verdict.lost++;
    say("somebody was told that it is kept, and it is not");
  }
}
