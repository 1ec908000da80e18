import { z } from "zod";
import { AppError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { ScheduleInfo } from "../protocol/schedules.ts";
import type { SchedulesPort } from "../schedule/port.ts";
import { sayWall } from "../schedule/zone.ts";
import type { Tool } from "./tool.ts";

const input = z.strictObject({
  action: z.enum(["create", "list", "pause", "resume", "delete"]).describe("What to do."),
  text: z
    .string()
    .optional()
    .describe(
      "With create: what you will be told when it is due, in words that make sense then, for example " +
        '"Remind the user to stretch." or "Read notes/plan.md and say what is open."',
    ),
  in: z.string().optional().describe('With create: how long from now, for example "20 minutes" or "2 days".'),
  at: z
    .string()
    .optional()
    .describe(
      'With create: a moment in the user\'s time zone, "2026-11-24 09:00", or "09:00" for the next one.',
    ),
  cron: z
    .string()
    .optional()
    .describe('With create: five fields for one that recurs, for example "0 9 * * 1-5".'),
  timeZone: z
    .string()
    .optional()
    .describe("With create: an IANA name, when another zone than the user's own is meant."),
  catchUp: z
    .enum(["latest", "skip"])
    .optional()
    .describe(
      "With create and cron: whether the newest of missed runs is made up for (latest, the default) or none.",
    ),
  id: z
    .string()
    .optional()
    .describe("With pause, resume and delete: the schedule's id, from create or list."),
});
type Input = z.infer<typeof input>;

/** What a model reads of a schedule: times as the user's wall shows them. */
function told(info: ScheduleInfo, zone: string) {
  const { id, text, cron, status, timeZone, note, failures, missed } = info;
  return {
    id,
    text,
    ...(cron !== null && { cron }),
    next: info.nextAt === null ? null : sayWall(info.nextAt, timeZone),
    timeZone,
    status,
    ...(timeZone !== zone && info.nextAt !== null && { nextForUser: sayWall(info.nextAt, zone) }),
    ...(note !== "" && { note }),
    ...(failures > 0 && { failures }),
    ...(missed && { missed: missed.count }),
  };
}

/** Reminders, one-off prompts and recurring ones. A second run of a call has the outcome of the first. */
export const schedule: Tool<Input> = {
  name: "schedule",
  description:
    "Have yourself told something later in this chat: once (`in` or `at`) or again and again (`cron`). When it is due " +
    "you get the text as a message and act on it; the user sees your answer. Times are in the user's time zone. " +
    "Actions: create, list, pause, resume, delete. Reminders are made with create. Returns {schedule} or {schedules}, " +
    `each with id, next and status. At most ${limits.schedulesPerThread} a chat, and recurring ones every ` +
    `${limits.cronSpacingMs / 60_000} minutes or less often.`,
  input,
  risk: "auto",
  replay: "safe",
  effects: "outside",
  timeoutMs: limits.toolTimeoutMs,
  async run(asked, { call, ports }) {
    const { schedules } = ports;
    if (!schedules) throw new AppError("not_found", "There are no schedules outside a chat.");
    return { output: await answer(asked, schedules, call.idempotencyKey) };
  },
};

async function answer(asked: Input, schedules: SchedulesPort, key: string): Promise<unknown> {
  const zone = await schedules.timeZone();
  switch (asked.action) {
    case "list":
      return { schedules: (await schedules.list()).map((info) => told(info, zone)), timeZone: zone };
    case "create": {
      const { action: _, id: __, text = "", ...when } = asked;
      const made = await schedules.create({ text, ...when }, key);
      return made
        ? { schedule: told(made, zone) }
        : { schedule: null, note: "This call made it before, and it is over." };
    }
    case "pause":
    case "resume": {
      const changed = await schedules.change(idOf(asked), { paused: asked.action === "pause" });
      return { schedule: told(changed, zone) };
    }
    case "delete": {
      const id = idOf(asked);
      await schedules.remove(id);
      return { id, deleted: true };
    }
  }
}

function idOf({ id, action }: Input): string {
  if (id !== undefined && id !== "") return id;
  throw new AppError("schedule_invalid", `Say which one: ${action} takes the \`id\` that list gives.`);
}
