/** What a call leaves behind in the world, in a line for a person who takes its turn back. */
import { toolByName } from "./registry.ts";

const INPUT_CHARS = 120;

/** Null for a tool that only looks. `input` is the raw JSON of the call. */
export function effectOf(name: string, input: string): { what: string; remedy?: string } | null {
  const tool = toolByName(name);
  if (!tool || tool.effects === "none") return null;
  const what = `${name} ${subjectOf(input)}`.trim();
  if (tool.effects === "outside") return { what };
  return {
    what,
    remedy: "The file's earlier versions are kept for 30 days: open it in the files panel to go back.",
  };
}

/** The path of the call, or the beginning of its arguments. */
function subjectOf(input: string): string {
  try {
    const parsed: unknown = JSON.parse(input);
    if (parsed && typeof parsed === "object" && "path" in parsed && typeof parsed.path === "string") {
      return parsed.path;
    }
  } catch {
    // Then the text as the model wrote it says the most.
  }
  return input.length > INPUT_CHARS ? `${input.slice(0, INPUT_CHARS)}…` : input;
}
