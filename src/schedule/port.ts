/** What the tool sees of a conversation's schedules. */
import type { ScheduleChange, ScheduleInfo, ScheduleInput } from "../protocol/schedules.ts";

export interface SchedulesPort {
  /** In the order in which they come; paused ones last. */
  list(): Promise<ScheduleInfo[]>;
  /** With a key that was used before, the first schedule comes back (null when that is over). Throws `schedule_invalid`. */
  create(input: ScheduleInput, key: string): Promise<ScheduleInfo | null>;
  /** Throws `schedule_unknown`, `schedule_invalid`. */
  change(id: string, change: ScheduleChange): Promise<ScheduleInfo>;
  /** What was deleted before is deleted. Throws `schedule_unknown`. */
  remove(id: string): Promise<void>;
  /** The user's time zone. */
  timeZone(): Promise<string>;
}
