/** The schedules of an agent, over all its chats. */
import { z } from "zod";
import { type ScheduleInfo as Schedule, scheduleInfo } from "../../protocol/schedules.ts";
import type { Api } from "../app/api.ts";
import type { When } from "./when.ts";

export type { Schedule };

const listSchema = z.object({ schedules: z.array(scheduleInfo) });

export interface ScheduleStore {
  /** Of all chats, the next first. Throws `ApiError`. */
  list(): Promise<Schedule[]>;
  /** Throws `ApiError` with `schedule_invalid` and a sentence that says what does not fit. */
  create(thread: string, text: string, when: When): Promise<void>;
  pause(schedule: Schedule, paused: boolean): Promise<void>;
  delete(schedule: Schedule): Promise<void>;
}

// What is paused is last.
const order = (schedule: Schedule): number => schedule.nextAt ?? Number.MAX_SAFE_INTEGER;

export function scheduleStore(api: Api, handle: string): ScheduleStore {
  const agent = `/api/agents/${encodeURIComponent(handle)}`;
  const of = (thread: string): string => `${agent}/threads/${encodeURIComponent(thread)}/schedules`;
  const one = ({ thread, id }: Schedule): string => `${of(thread)}/${encodeURIComponent(id)}`;
  return {
    list: async () => {
      const { schedules } = await api.get(`${agent}/schedules`, listSchema);
      return schedules.sort((a, b) => order(a) - order(b));
    },
    create: async (thread, text, when) => {
      await api.send("POST", of(thread), { text, ...when }, z.unknown());
    },
    pause: async (schedule, paused) => {
      await api.send("PATCH", one(schedule), { paused }, z.unknown());
    },
    delete: async (schedule) => {
      await api.call(one(schedule), { method: "DELETE" });
    },
  };
}
