/** Schedules as they cross a boundary: what a conversation is asked for, and what it tells of them. */
import { z } from "zod";

/** `latest`: of runs that were missed the newest is made up for, late. `skip`: none is. One-off ones always run. */
export type CatchUp = "latest" | "skip";

/** One schedule, as its list shows it. Times are milliseconds since the epoch. */
export interface ScheduleInfo {
  id: string;
  /** The chat that it belongs to, and in which it runs. */
  thread: string;
  /** What the agent is told when it is due. */
  text: string;
  /** Five fields, for one that recurs; null for one that comes once. */
  cron: string | null;
  /** IANA name of the zone that its times are in. */
  timeZone: string;
  catchUp: CatchUp;
  status: "active" | "paused";
  /** Why it is paused when nobody asked for that, or why it did not run lately. Empty when there is nothing to say. */
  note: string;
  createdAt: number;
  /** Null while it is paused. */
  nextAt: number | null;
  /** The occurrence that ran last. */
  lastAt: number | null;
  /** Runs in a row that failed. */
  failures: number;
  /** Occurrences that did not run since the last one that did. `more`: there were more than were counted. */
  missed: { count: number; more: boolean; firstAt: number; lastAt: number } | null;
}

export const scheduleInfo = z.object({
  id: z.string(),
  thread: z.string(),
  text: z.string(),
  cron: z.string().nullable(),
  timeZone: z.string(),
  catchUp: z.enum(["latest", "skip"]),
  status: z.enum(["active", "paused"]),
  note: z.string(),
  createdAt: z.number(),
  nextAt: z.number().nullable(),
  lastAt: z.number().nullable(),
  failures: z.number(),
  missed: z
    .object({ count: z.number(), more: z.boolean(), firstAt: z.number(), lastAt: z.number() })
    .nullable(),
}) satisfies z.ZodType<ScheduleInfo>;

/** What a new schedule is made of: exactly one of `cron`, `at` and `in`. */
export interface ScheduleInput {
  text: string;
  cron?: string | undefined;
  /** `2026-11-24 09:00`, with or without an offset; `09:00` for the next one. */
  at?: string | undefined;
  /** `20 minutes`, `2 days`, `PT20M`. */
  in?: string | undefined;
  /** The user's own unless given. */
  timeZone?: string | undefined;
  /** `latest` unless given. */
  catchUp?: CatchUp | undefined;
}

/** `paused: false` resumes: what would have come during the pause has not been missed. */
export interface ScheduleChange {
  paused?: boolean | undefined;
  text?: string | undefined;
}

/** What a conversation may be asked about its schedules, and which of them it answers with. */
export type ScheduleStep =
  /** All, in the order in which they come; paused ones last. */
  | { type: "list" }
  /** The new one. With a key that was used before, the first; none when that is over. */
  | { type: "add"; input: ScheduleInput; key: string }
  /** The one that changed. */
  | { type: "change"; id: string; change: ScheduleChange }
  /** None. A run that has begun goes on; one that was deleted before is deleted. */
  | { type: "remove"; id: string };

/** All schedules of one conversation, told to its user actor. A `seq` not above the known one is dropped. */
export interface SchedulesUpdate {
  thread: string;
  seq: number;
  schedules: ScheduleInfo[];
}
