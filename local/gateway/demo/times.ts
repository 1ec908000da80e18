/** Reminders and schedules in plain words: "remind me in 2 minutes to stretch", "every weekday at 9 say good morning". */
import type { Before } from "./context.ts";
import type { ScheduleAct, Understanding } from "./steps.ts";

/** As much of a request as is read. What is to be said later is short. */
const READ_CHARS = 2_000;

const POLITE =
  /^(?:(?:hi|hello|hey|ok(?:ay)?|now|and|then|also|please|thanks)[\s,!.]+|(?:can|could|would|will)\s+you\s+(?:please\s+)?|i(?:['’]d|\s+would)\s+like\s+(?:you\s+)?to\s+|i\s+want\s+(?:you\s+)?to\s+)+/i;
const END = /[\s,]*(?:please|thanks|thank\s+you)?[\s.!?]*$/i;

const COUNT = String.raw`(?:\d+(?:\.\d+)?|an?|one|two|three|four|five|ten|half\s+an?)`;
const UNIT = "(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?)";
const IN = `in\\s+${COUNT}\\s+${UNIT}(?:\\s+and\\s+${COUNT}\\s+${UNIT})?`;
const CLOCK = String.raw`\d{1,2}(?::\d{2})?\s*(?:am|pm|a\.m\.|p\.m\.|o['’]clock)?`;
const DATE = String.raw`\d{4}-\d{2}-\d{2}`;
const AT = `(?:(?:on\\s+)?(?:${DATE}|today|tomorrow)\\s+(?:at\\s+)?${CLOCK}|at\\s+(?:${DATE}\\s+)?${CLOCK}(?:\\s+(?:today|tomorrow))?)`;
const DAYS = "(?:mon|tues|wednes|thurs|fri|satur|sun)days?";
const EVERY = `(?:(?:every|each)\\s+(?:${COUNT}\\s+)?(?:day|weekday|working\\s+day|weekend|morning|evening|hour|minutes?|hours?|days|${DAYS})|daily|hourly|on\\s+weekdays)(?:\\s+(?:at\\s+)?(?<=at\\s)${CLOCK})?`;
const WHEN = `(?<when>${IN}|${AT}|${EVERY})`;

const REMIND = "(?:remind|nudge|ping|alert)\\s+(?:me|us)";
const ABOUT = "(?:(?<link>to|that|about|of)\\s+)?(?<what>.+)";
const FORMS = [
  new RegExp(`^${REMIND}\\s+${WHEN},?\\s+${ABOUT}$`, "is"),
  new RegExp(`^${REMIND}\\s+${ABOUT.replace(".+", ".+?")},?\\s+${WHEN}$`, "is"),
  new RegExp(
    `^(?:set|make|create|add)\\s+(?:me\\s+)?an?\\s+reminder\\s+${WHEN},?\\s+(?:for\\s+me\\s+)?${ABOUT}$`,
    "is",
  ),
  new RegExp(`^${WHEN},?\\s+${REMIND}\\s+${ABOUT}$`, "is"),
];
const PROMPTS = [
  new RegExp(`^${WHEN},?\\s+(?<what>.+)$`, "is"),
  new RegExp(
    `^(?<what>(?:say|tell\\s+me|list|show|read|write|search)\\b.+?),?\\s+(?<when>${IN}|${EVERY})$`,
    "is",
  ),
];

/** Not as a part of a path. */
const THING = "(?<![\\w./-])(?:schedules?|reminders?|scheduled\\s+\\w+|recurring\\s+\\w+)(?![\\w/-]|\\.\\w)";
const LIST = new RegExp(
  `^(?:list|show|display|give|tell|what(?:['’]s|\\s+are|\\s+is)?|which|do\\s+i\\s+have|are\\s+there)\\b(?!.*\\bfiles?\\b).*${THING}`,
  "i",
);
const CHANGE = new RegExp(
  `^(?<verb>delete|remove|cancel|drop|stop|pause|suspend|resume|continue|restart|unpause)\\b(?!.*\\bfiles?\\b).*?(?:${THING}|\\bs[0-9a-f]{12}\\b)`,
  "i",
);
const ID = /\bs[0-9a-f]{12}\b/;

/** What a request about time asks for; `null` when it is about something else. */
export function times(request: string, before: Before): Understanding | null {
  const text = request.slice(0, READ_CHARS).trim().replace(POLITE, "").replace(END, "");
  if (LIST.test(text)) return act({ action: "list" });
  const change = CHANGE.exec(text)?.groups?.verb?.toLowerCase();
  if (change !== undefined) return changed(change, text, before);
  for (const form of FORMS) {
    const found = form.exec(text)?.groups;
    if (found?.when && found.what) return created(found.when, reminder(found.what));
  }
  for (const form of PROMPTS) {
    const found = form.exec(text)?.groups;
    if (found?.when && found.what && !/^(?:is|are|was|do|does|did)\b/i.test(found.what))
      return created(found.when, found.what);
  }
  return null;
}

const act = (input: ScheduleAct): Understanding => ({ steps: [{ tool: "schedule", input }], question: "" });

/** In words that make sense when they are read later. */
const reminder = (what: string): string => `Say “Reminder: ${what.replace(/[“”]/g, '"')}.”`;

function created(when: string, text: string): Understanding {
  const said = when.toLowerCase().replace(/\s+/g, " ").trim();
  if (said.startsWith("in ")) return act({ action: "create", text, in: pauseOf(said.slice(3)) });
  const cron = cronOf(said);
  if (cron !== null) return act({ action: "create", text, cron });
  const day = /\d{4}-\d{2}-\d{2}|today|tomorrow/.exec(said)?.[0] ?? "";
  const clock = clockIn(said.replace(day, "")) ?? { hour: 9, minute: 0 };
  return act({ action: "create", text, at: `${day} ${two(clock.hour)}:${two(clock.minute)}`.trim() });
}

const NUMBERS: Record<string, string> = { one: "1", two: "2", three: "3", four: "4", five: "5", ten: "10" };
const pauseOf = (words: string): string =>
  words
    .replace(/\bhalf an?\b/g, "0.5")
    .replace(/\ban?\b/g, "1")
    .replace(/\b(?:one|two|three|four|five|ten)\b/g, (word) => NUMBERS[word] ?? word);

const WEEK: [name: RegExp, days: string][] = [
  [/weekday|working day/, "1-5"],
  [/weekend/, "0,6"],
  [/monday/, "1"],
  [/tuesday/, "2"],
  [/wednesday/, "3"],
  [/thursday/, "4"],
  [/friday/, "5"],
  [/saturday/, "6"],
  [/sunday/, "0"],
];

/** Five fields for "every weekday at 9"; `null` for what comes once. Without a time it is nine in the morning. */
function cronOf(said: string): string | null {
  if (!/^(?:every|each|daily|hourly|on weekdays)/.test(said)) return null;
  const often = /^(?:every|each) ([\w.]+) (minutes?|hours?)/.exec(said);
  const count = Number(pauseOf(often?.[1] ?? ""));
  if (often && Number.isInteger(count) && count > 0)
    return often[2]?.startsWith("minute") ? `*/${count} * * * *` : `0 */${count} * * *`;
  if (/hour/.test(said)) return "0 * * * *";
  if (/minute/.test(said)) return "* * * * *";
  const { hour, minute } = clockIn(said) ?? { hour: /evening/.test(said) ? 18 : 9, minute: 0 };
  const days = WEEK.find(([name]) => name.test(said))?.[1] ?? "*";
  return `${minute} ${hour} * * ${days}`;
}

/** "9", "9:30 pm": the clock's hour and minute, where a time is named. */
function clockIn(said: string): { hour: number; minute: number } | null {
  const match = /(?:\bat |^|\s)(\d{1,2})(?::(\d{2}))?\s*(am|pm|a\.m\.|p\.m\.)?(?:\s|$|o)/.exec(said);
  if (!match) return null;
  const half = match[3]?.[0];
  const hour = half === undefined ? Number(match[1]) : (Number(match[1]) % 12) + (half === "p" ? 12 : 0);
  return { hour, minute: Number(match[2] ?? 0) };
}

const two = (value: number): string => String(value).padStart(2, "0");

function changed(verb: string, text: string, before: Before): Understanding | null {
  const id = ID.exec(text)?.[0] ?? before.schedules.at(-1);
  if (id === undefined) {
    return { steps: [], question: "Which one? Say “list my schedules”, and then name it by its id." };
  }
  if (/^(?:pause|suspend)/.test(verb)) return act({ action: "pause", id });
  if (/^(?:resume|continue|restart|unpause)/.test(verb)) return act({ action: "resume", id });
  return act({ action: "delete", id });
}
