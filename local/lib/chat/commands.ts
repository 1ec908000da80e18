/** What the prompt's commands ask the server, and how they show what it says. */
import { z } from "zod";
import { usageReport } from "../../../src/protocol/usage.ts";
import { printable } from "../terminal.ts";
import type { ChatServer } from "./server.ts";

type Api = Pick<ChatServer, "api">;

const undone = z.object({
  text: z.string(),
  effects: z.array(z.object({ what: z.string(), certain: z.boolean(), remedy: z.string().optional() })),
});
const schedules = z.object({
  schedules: z.array(
    z.object({
      thread: z.string(),
      text: z.string(),
      cron: z.string().nullable(),
      timeZone: z.string(),
      nextAt: z.number().nullable(),
      note: z.string(),
    }),
  ),
});
const found = z.object({
  hits: z.array(
    z.object({
      thread: z.string(),
      title: z.string(),
      at: z.number(),
      snippet: z.array(z.object({ text: z.string(), mark: z.boolean() })),
    }),
  ),
  next: z.string().optional(),
});
const forked = z.object({ thread: z.string() });

const MICROS = 1_000_000;
const dollars = (micros: number): string => `$${(micros / MICROS).toFixed(micros < MICROS ? 4 : 2)}`;
const whole = new Intl.NumberFormat("en");
/** A moment in a zone, or in the terminal's own. */
const moment = (at: number, timeZone?: string): string =>
  new Intl.DateTimeFormat("en-GB", {
    dateStyle: "medium",
    timeStyle: "short",
    ...(timeZone && { timeZone }),
  }).format(at);
const inChat = (thread: string): string => `/threads/${encodeURIComponent(thread)}`;
const line = (text: string): string => printable(text.replace(/\s+/g, " ").trim());

/** Takes back the last exchange. Says what of it remains in the world. */
export async function undo({ api }: Api, thread: string): Promise<string> {
  const { text, effects } = undone.parse(await api("POST", `${inChat(thread)}/undo`));
  const lines = [`Taken back: ${line(text)}`];
  if (effects.length > 0) lines.push("What it did remains:");
  for (const { what, certain, remedy } of effects) {
    const doubt = certain ? "" : " (it was cut off: perhaps)";
    lines.push(`  ${line(what)}${doubt}${remedy ? `. ${line(remedy)}` : ""}`);
  }
  return lines.join("\n");
}

export async function listSchedules({ api }: Api): Promise<string> {
  const all = schedules.parse(await api("GET", "/schedules")).schedules;
  if (all.length === 0)
    return 'Nothing is scheduled. Say, for example, "remind me in 20 minutes to stretch".';
  return all
    .map(({ thread, text, cron, timeZone, nextAt, note }) => {
      const when = nextAt === null ? "paused" : `${moment(nextAt, timeZone)} ${timeZone}`;
      return `${when}${cron ? ` (${cron})` : ""} in ${thread}: ${line(text)}${note ? ` [${line(note)}]` : ""}`;
    })
    .join("\n");
}

/** Looks through all chats. */
export async function search({ api }: Api, words: string): Promise<string> {
  const { hits, next } = found.parse(await api("GET", `/search?q=${encodeURIComponent(words)}`));
  if (hits.length === 0) return `Nothing is found for "${line(words)}".`;
  const lines = hits.map(
    ({ thread, title, at, snippet }) =>
      `${moment(at)} ${thread}${title ? ` (${line(title)})` : ""}: ${line(snippet.map(({ text }) => text).join(""))}`,
  );
  return [...lines, ...(next === undefined ? [] : ["There is more: the console shows all of it."])].join(
    "\n",
  );
}

/** What was spent today, and what may be. */
export async function showUsage({ api }: Api): Promise<string> {
  const today = usageReport.parse(await api("GET", "/usage"));
  const { spentMicros, reservedMicros, limitMicros, tokens, limitTokens } = today;
  const lines = [`Today: ${dollars(spentMicros)}, ${whole.format(tokens)} tokens`];
  const limits = [
    ...(limitMicros === null ? [] : [dollars(limitMicros)]),
    ...(limitTokens === null ? [] : [`${whole.format(limitTokens)} tokens`]),
  ];
  if (reservedMicros > 0)
    lines.push(`Set aside for chats: ${dollars(reservedMicros)}, given back when another chat needs it`);
  if (today.on) lines.push(`Limit: ${limits.join(" or ")}, anew at ${moment(today.resetsAt)}`);
  else lines.push("No limit applies: no model that costs something is connected, or there is none.");
  return lines.join("\n");
}

/** Makes a new chat of everything so far and returns its name. */
export const fork = async ({ api }: Api, thread: string): Promise<string> =>
  forked.parse(await api("POST", `${inChat(thread)}/fork`)).thread;
