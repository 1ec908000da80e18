/** What the demo model can do, as a list of steps; and what it makes of a whole request. */

/** A call of the schedule tool, as the tool takes it. */
export type ScheduleAct =
  | { action: "create"; text: string; in?: string; at?: string; cron?: string }
  | { action: "list" }
  | { action: "pause" | "resume" | "delete"; id: string };

export type Step =
  /** `silent`: the text is only needed for a later step and is not shown. */
  | { tool: "read"; path: string; from?: number; lines?: number; silent?: boolean }
  | {
      tool: "write";
      path: string;
      text: string /** No text was given: an empty file was asked for. */;
      bare?: boolean;
    }
  /** Writes what an earlier silent `read` brought (`source` counts steps), with a line added if there is one. */
  | { tool: "write"; path: string; source: number; append?: string }
  | { tool: "edit"; path: string; find: string; replace: string; all: boolean }
  | { tool: "list"; path: string }
  | { tool: "search"; query: string; path: string }
  | { tool: "delete"; path: string }
  | { tool: "schedule"; input: ScheduleAct };

export interface Understanding {
  steps: Step[];
  /** What has to be known before anything is done; empty when all is clear. */
  question: string;
}

/** Steps that change nothing, and so may run side by side. */
export function isLook(step: Step): boolean {
  return step.tool === "read" || step.tool === "list" || step.tool === "search";
}

/** The tool's input for a step; `sourceText` is what the step's silent read brought, `null` if there was no file. */
export function inputOf(step: Step, sourceText: string | null): Record<string, unknown> {
  switch (step.tool) {
    case "read": {
      const { path, from, lines } = step;
      return { path, ...(from === undefined ? {} : { from }), ...(lines === undefined ? {} : { lines }) };
    }
    case "write": {
      if ("text" in step) return { path: step.path, text: step.text };
      const old = sourceText ?? "";
      if (step.append === undefined) return { path: step.path, text: old };
      return { path: step.path, text: old + (old === "" || old.endsWith("\n") ? "" : "\n") + step.append };
    }
    case "edit": {
      const { path, find, replace, all } = step;
      return { path, find, replace, ...(all ? { all } : {}) };
    }
    case "list":
      return step.path === "" ? {} : { path: step.path };
    case "search":
      return { query: step.query, ...(step.path === "" ? {} : { path: step.path }) };
    case "delete":
      return { path: step.path };
    case "schedule":
      return { ...step.input };
  }
}

/** A step in a few words, for plans and for what was left undone. */
export function describe(step: Step): string {
  switch (step.tool) {
    case "read":
      return `read \`${step.path}\``;
    case "write":
      return `write \`${step.path}\``;
    case "edit":
      return `edit \`${step.path}\``;
    case "list":
      return step.path === "" ? "list your files" : `list \`${step.path}\``;
    case "search":
      return `search for “${step.query}”`;
    case "delete":
      return `delete \`${step.path}\``;
    case "schedule":
      return describeAct(step.input);
  }
}

function describeAct(act: ScheduleAct): string {
  switch (act.action) {
    case "list":
      return "look at your schedules";
    case "create":
      return "note that for later";
    default:
      return `${act.action} the schedule \`${act.id}\``;
  }
}
