/** From what the form asks to what the server is told, and from what it keeps to words. Pure. */
import type { ScheduleInput } from "../../protocol/schedules.ts";
import { texts } from "../texts.ts";

export const KINDS = ["once", "after", "daily", "weekdays", "weekly", "monthly", "cron"] as const;
export type Kind = (typeof KINDS)[number];

export const UNITS = ["minutes", "hours", "days"] as const;
export type Unit = (typeof UNITS)[number];

/** What is in the form's fields; only those of its kind count. */
export interface WhenForm {
  kind: Kind;
  /** `2026-11-24T09:00`, as the browser's field has it. */
  date: string;
  /** `09:00`. */
  time: string;
  /** 1 is Monday, 7 Sunday. */
  weekday: number;
  /** 1 to 31. */
  monthday: number;
  amount: number;
  unit: Unit;
  cron: string;
}

/** Exactly one of the three; `at` and `cron` are read in the user's time zone. */
export type When = Pick<ScheduleInput, "at" | "in" | "cron">;

/** `null`: something is missing or cannot be. */
export function whenOf(form: WhenForm): When | null {
  const [hour, minute] = form.time.split(":").map(Number);
  const clock =
    hour !== undefined && minute !== undefined && Number.isInteger(hour) && Number.isInteger(minute)
      ? `${minute} ${hour}`
      : null;
  const cron = (rest: string): When | null => (clock ? { cron: `${clock} ${rest}` } : null);
  switch (form.kind) {
    case "once":
      return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(form.date) ? { at: form.date.replace("T", " ") } : null;
    case "after":
      return form.amount > 0 ? { in: `${form.amount} ${form.unit}` } : null;
    case "daily":
      return cron("* * *");
    case "weekdays":
      return cron("* * 1-5");
    case "weekly":
      return cron(`* * ${form.weekday % 7}`);
    case "monthly":
      return form.monthday >= 1 && form.monthday <= 31 ? cron(`${form.monthday} * *`) : null;
    case "cron": {
      const fields = form.cron.trim().replace(/\s+/g, " ");
      return fields.split(" ").length === 5 ? { cron: fields } : null;
    }
  }
}

/** A rule in words: the form's own ones as it says them, any other as the expression that it is. */
export function ruleText(cron: string | null): string {
  if (cron === null) return texts.schedules.rules.once;
  const [, minute, hour, monthday, weekday] = cron.match(/^(\d+) (\d+) (\d+|\*) \* ([0-7]|\*|1-5)$/) ?? [];
  if (minute === undefined || hour === undefined) return texts.schedules.rules.cron(cron);
  const time = `${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
  if (monthday !== "*") {
    return weekday === "*"
      ? texts.schedules.rules.monthly(Number(monthday), time)
      : texts.schedules.rules.cron(cron);
  }
  if (weekday === "*") return texts.schedules.rules.daily(time);
  if (weekday === "1-5") return texts.schedules.rules.weekdays(time);
  const day = texts.schedules.weekdays[(Number(weekday) + 6) % 7];
  return day ? texts.schedules.rules.weekly(day, time) : texts.schedules.rules.cron(cron);
}
