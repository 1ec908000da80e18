/** What is said at the end: for every step what really came back, or why it did not. */
import type { Outcome, Scheduled } from "./results.ts";
import { describe, type Step } from "./steps.ts";

/** Rows of a table or a list that are shown; the rest is counted. */
const SHOWN_ROWS = 50;

export interface Done {
  step: Step;
  outcome: Outcome;
}

/** The report on finished steps, and on those that were left because one failed. */
export function report(done: Done[], left: Step[], reason: string): string {
  const parts = done.flatMap(({ step, outcome }) =>
    isSilent(step) && outcome.ok ? [] : [lineOf(step, outcome)],
  );
  if (reason !== "") parts.push(reason);
  const visible = left.filter((step) => !isSilent(step));
  if (visible.length > 0) parts.push(`So I did not ${visible.map(describe).join(", nor did I ")}.`);
  return parts.join("\n\n");
}

const isSilent = (step: Step): boolean => step.tool === "read" && step.silent === true;

function lineOf(step: Step, outcome: Outcome): string {
  if (!outcome.ok) return `I could not ${describe(step)}: ${outcome.error}`;
  switch (outcome.tool) {
    case "read":
      return readText(outcome.value, step.tool === "read" ? step : undefined);
    case "write": {
      const { path, sizeBytes, created, conflict } = outcome.value;
      if (conflict) {
        return `Somebody else had changed \`${path}\` meanwhile. Their version stayed, and mine is in \`${conflict.keptAs}\`.`;
      }
      const size = sizeBytes === undefined ? "" : ` (${bytes(sizeBytes)})`;
      if (step.tool === "write" && "source" in step && step.append !== undefined && created !== true) {
        return `Added a line to \`${path}\`${size}.`;
      }
      return `${created === false ? "Wrote" : "Created"} \`${path}\`${size}.`;
    }
    case "edit": {
      const { path, replacements } = outcome.value;
      return replacements === 0
        ? `Nothing to replace in \`${path}\`.`
        : `Replaced ${places(replacements)} in \`${path}\`.`;
    }
    case "list":
      return listText(outcome.value, step.tool === "list" ? step.path : "");
    case "search":
      return searchText(outcome.value, step.tool === "search" ? step.query : "");
    case "delete":
      return `Deleted \`${outcome.value.path}\`.`;
    case "schedule":
      return scheduleText(outcome.value);
    case "binary": {
      const { path, mediaType, sizeBytes } = outcome.value;
      return `\`${path}\` is not text: ${mediaType}, ${bytes(sizeBytes)}.`;
    }
    case "long": {
      const { head, path } = outcome.value;
      const rest = path === undefined ? "It goes on." : `All of it is in \`${path}\`.`;
      return `This is the beginning of what came back when I tried to ${describe(step)}:\n\n${fenced(head)}\n\n${rest}`;
    }
    case "other":
      return `This came back when I tried to ${describe(step)}:\n\n${fenced(outcome.text)}`;
  }
}

function scheduleText(value: Extract<Outcome, { tool: "schedule" }>["value"]): string {
  if ("deleted" in value) return `Deleted the schedule \`${value.id}\`.`;
  if ("schedules" in value) {
    if (value.schedules.length === 0) return "Nothing is scheduled in this chat.";
    const rows = value.schedules.slice(0, SHOWN_ROWS).map((one) => `- ${scheduleLine(one)}`);
    return `Scheduled in this chat:\n\n${rows.join("\n")}${more(value.schedules.length - rows.length, false)}`;
  }
  if (value.schedule === null) return "That was scheduled before, and it is over.";
  return `Scheduled: ${scheduleLine(value.schedule)}`;
}

function scheduleLine({ id, text, cron, next, timeZone, status }: Scheduled): string {
  const when = next === null ? status : `${next} ${timeZone}`;
  return `\`${id}\`, ${when}${cron === undefined ? "" : ` (\`${cron}\`)`}: ${cell(text)}`;
}

function readText(
  value: { path: string; text: string; truncated?: boolean | undefined },
  step: Step | undefined,
): string {
  const lines =
    step?.tool === "read" && (step.from !== undefined || step.lines !== undefined) ? "Those lines of " : "";
  if (value.text === "") return `${lines}\`${value.path}\` ${lines === "" ? "is" : "are"} empty.`;
  const cut = value.truncated === true ? "\n\nThe file goes on; ask for more lines to see the rest." : "";
  return `${lines}\`${value.path}\` ${lines === "" ? "says" : "say"}:\n\n${fenced(value.text)}${cut}`;
}

function listText(
  value: {
    entries: { name: string; kind: string; sizeBytes?: number | undefined }[];
    truncated?: boolean | undefined;
  },
  path: string,
): string {
  const place = path === "" ? "Your workspace" : `\`${path}\``;
  if (value.entries.length === 0) return `${place} is empty.`;
  const rows = value.entries.slice(0, SHOWN_ROWS).map(({ name, kind, sizeBytes }) => {
    if (kind === "directory") return `- \`${name.replace(/\/$/, "")}/\``;
    return `- \`${name}\`${sizeBytes === undefined ? "" : ` (${bytes(sizeBytes)})`}`;
  });
  return `${place} holds:\n\n${rows.join("\n")}${more(value.entries.length - rows.length, value.truncated)}`;
}

function searchText(
  value: { matches: { path: string; line: number; text: string }[]; truncated?: boolean | undefined },
  query: string,
): string {
  if (value.matches.length === 0) return `No file mentions “${query}”.`;
  const rows = value.matches
    .slice(0, SHOWN_ROWS)
    .map(({ path, line, text }) => `| \`${path}\` | ${line === 0 ? "name" : line} | ${cell(text)} |`);
  const found = `“${query}” is in ${places(value.matches.length)}`;
  return `${found}:\n\n| File | Line | Text |\n| :--- | ---: | :--- |\n${rows.join("\n")}${more(value.matches.length - rows.length, value.truncated)}`;
}

function more(hidden: number, truncated: boolean | undefined): string {
  if (truncated === true) return "\n\nThere is more than this.";
  return hidden > 0 ? `\n\n… and ${hidden} more.` : "";
}

/** Text as a code block whose fence is longer than any in it. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((match) => match[0].length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text.replace(/\n$/, "")}\n${fence}`;
}

const cell = (text: string): string =>
  text
    .trim()
    .replace(/\\/g, "\\\\")
    .replace(/\|/g, "\\|")
    .replace(/\s*\n\s*/g, " ");
const places = (count: number): string => (count === 1 ? "one place" : `${count} places`);

function bytes(size: number): string {
  if (size === 1) return "1 byte";
  if (size < 1024) return `${size} bytes`;
  return size < 1024 * 1024 ? `${(size / 1024).toFixed(1)} KB` : `${(size / 1024 / 1024).toFixed(1)} MB`;
}
