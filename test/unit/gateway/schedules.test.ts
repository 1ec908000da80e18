/** What people say of time, and which calls of the schedule tool the demo model makes of it. */
import { describe, expect, it } from "vitest";
import { answer } from "../../../local/gateway/demo/index.ts";
import type { Message } from "../../../local/gateway/wire/call.ts";
import { converse, FILE_TOOLS, MemoryWorkspace } from "./support.ts";

const ID = "s0123456789ab";

/** Gives what the real tool gives for one schedule. */
class Schedules extends MemoryWorkspace {
  override run(name: string, input: Record<string, unknown>): { output: unknown; failed: boolean } {
    if (name !== "schedule") return super.run(name, input);
    const schedule = {
      ...{ id: ID, text: String(input.text ?? "Say “hi”"), next: "2026-11-24 09:00" },
      ...{ timeZone: "Europe/Berlin", status: "active" },
      ...(input.cron !== undefined && { cron: input.cron }),
    };
    if (input.action === "list")
      return { output: { schedules: [schedule], timeZone: "Europe/Berlin" }, failed: false };
    if (input.action === "delete") return { output: { id: ID, deleted: true }, failed: false };
    return { output: { schedule }, failed: false };
  }
}

const say = (said: string, earlier: Message[] = []) =>
  converse(said, { workspace: new Schedules(), tools: [...FILE_TOOLS, "schedule"], earlier });
const callsOf = (said: string, earlier: Message[] = []) => say(said, earlier).rounds.flat();
const reminder = (what: string) => `Say “Reminder: ${what}.”`;

const CREATES: [said: string, input: Record<string, unknown>][] = [
  ["remind me in 2 minutes to stretch", { text: reminder("stretch"), in: "2 minutes" }],
  ["Remind me to stretch in 2 minutes, please.", { text: reminder("stretch"), in: "2 minutes" }],
  ["in half an hour remind me that the cake is done", { text: reminder("the cake is done"), in: "0.5 hour" }],
  [
    "could you remind me in an hour and 30 minutes about the call?",
    { text: reminder("the call"), in: "1 hour and 30 minutes" },
  ],
  ["Set a reminder in three days to pay the rent", { text: reminder("pay the rent"), in: "3 days" }],
  ["remind me tomorrow at 9 to call Bob", { text: reminder("call Bob"), at: "tomorrow 09:00" }],
  ["remind me to call Bob at 17:30", { text: reminder("call Bob"), at: "17:30" }],
  ["remind me at 5 pm to write hello to a.txt", { text: reminder("write hello to a.txt"), at: "17:00" }],
  ["remind me on 2026-11-24 at 9:15 to vote", { text: reminder("vote"), at: "2026-11-24 09:15" }],
  ["every weekday at 9 say good morning", { text: "say good morning", cron: "0 9 * * 1-5" }],
  ["say good morning every day at 7:30", { text: "say good morning", cron: "30 7 * * *" }],
  ["every monday at 8 am, list my files", { text: "list my files", cron: "0 8 * * 1" }],
  [
    "remind me every friday at 4pm to write the report",
    { text: reminder("write the report"), cron: "0 16 * * 5" },
  ],
  ["every 30 minutes remind me to drink water", { text: reminder("drink water"), cron: "*/30 * * * *" }],
  ["every hour say tick", { text: "say tick", cron: "0 * * * *" }],
  ["in 5 minutes, read notes/a.txt", { text: "read notes/a.txt", in: "5 minutes" }],
  ["daily at 18:00 list my files", { text: "list my files", cron: "0 18 * * *" }],
];

describe("something is to come later", () => {
  it.each(CREATES)("%s", (said, input) => {
    expect(callsOf(said)).toEqual([["schedule", { action: "create", ...input }]]);
  });

  it("is told with its id and its next time", () => {
    expect(say("every weekday at 9 say good morning").final).toContain(
      `Scheduled: \`${ID}\`, 2026-11-24 09:00 Europe/Berlin (\`0 9 * * 1-5\`): say good morning`,
    );
  });
});

describe("schedules that are there", () => {
  const earlier = say("remind me in 2 minutes to stretch").messages;

  it.each([
    "list my schedules",
    "what are my reminders?",
    "Show me all schedules please",
    "do I have any reminders?",
  ])("%s", (said) => {
    expect(callsOf(said)).toEqual([["schedule", { action: "list" }]]);
    expect(say(said).final).toContain(`- \`${ID}\`, 2026-11-24 09:00 Europe/Berlin: Say “hi”`);
  });

  it.each([
    ["delete that reminder", "delete"],
    ["cancel the reminder", "delete"],
    ["please remove my schedule", "delete"],
    ["pause the schedule", "pause"],
    ["resume that schedule", "resume"],
  ])("%s: the one that was spoken of", (said, action) => {
    expect(callsOf(said, earlier)).toEqual([["schedule", { action, id: ID }]]);
  });

  it("are named by their id too, and asked for when none is known", () => {
    expect(callsOf("delete sabcdef012345")).toEqual([
      ["schedule", { action: "delete", id: "sabcdef012345" }],
    ]);
    const asked = say("delete that reminder");
    expect(asked.rounds).toEqual([]);
    expect(asked.final).toContain("Which one?");
  });
});

describe("when it is due", () => {
  const occasion = `(Schedule ${ID}, due 2026-11-24 09:00 Europe/Berlin. Do it now; do not schedule it again.)`;

  it("a reminder is said", () => {
    expect(say(`${reminder("stretch")}\n\n${occasion}`).final).toBe("Reminder: stretch.");
  });

  it("a request is done", () => {
    expect(callsOf(`list my files\n\n${occasion}`)).toEqual([["list", {}]]);
  });
});

describe("words about time that ask for nothing later", () => {
  it.each<[string, [string, Record<string, unknown>][]]>([
    ["what happened in 5 minutes of silence?", []],
    ["write remind me in 2 minutes to a.txt", [["write", { path: "a.txt", text: "remind me in 2 minutes" }]]],
    ["read notes/schedule.md", [["read", { path: "notes/schedule.md" }]]],
    ["show me notes/reminders.md", [["read", { path: "notes/reminders.md" }]]],
    ["delete notes/reminder.txt", [["delete", { path: "notes/reminder.txt" }]]],
    ["which files mention schedules?", [["search", { query: "schedules" }]]],
  ])("%s", (said, calls) => {
    expect(callsOf(said)).toEqual(calls);
  });

  it.each([
    ["every", "every day at 9 "],
    ["minutes", "in 5 minutes and "],
    ["remind", "remind me to "],
    ["reminders", "list reminders "],
  ])("long runs of %s take no time", (_what, part) => {
    const from = performance.now();
    answer({
      system: "",
      messages: [{ role: "user", parts: [{ type: "text", text: part.repeat(60_000 / part.length) }] }],
      tools: ["schedule"],
    });
    expect(performance.now() - from).toBeLessThan(3_000);
  });
});
