/** The list of chats by age, as a person would sort it. Pure. */
import { texts } from "../texts.ts";
import { daysBetween } from "../ui/format.ts";
import type { ThreadItem } from "./threads.ts";

export interface ThreadGroup {
  label: string;
  threads: ThreadItem[];
}

function labelOf(days: number): string {
  if (days <= 0) return texts.sidebar.today;
  if (days === 1) return texts.sidebar.yesterday;
  if (days <= 7) return texts.sidebar.week;
  if (days <= 30) return texts.sidebar.month;
  return texts.sidebar.older;
}

/** `threads`: newest first; so are the groups. */
export function groupsOf(threads: readonly ThreadItem[], now: number): ThreadGroup[] {
  const groups: ThreadGroup[] = [];
  for (const thread of threads) {
    const label = labelOf(daysBetween(thread.updatedAt, now));
    const last = groups.at(-1);
    if (last?.label === label) last.threads.push(thread);
    else groups.push({ label, threads: [thread] });
  }
  return groups;
}
