/** What a tool call did, as a sentence a person would say. Pure. */
import { z } from "zod";
import { texts } from "../texts.ts";
import { sizeText } from "../ui/format.ts";
import type { ToolPart, ToolState } from "./message.ts";

export interface ToolSentence {
  /** Before the object: "Wrote", "Searching". */
  verb: string;
  /** The file, directory or words that it is about; may be empty. */
  object: string;
  /** Set when the object is a file that the files panel can show. */
  path: string | null;
  /** After the object: " in notes". */
  rest: string;
  /** What came of it, in a word or two: "3 matches". Empty when there is nothing to add. */
  outcome: string;
}

/** `ask`: what it wants to do, after "wants to". */
type Tense = "now" | "past" | "failed" | "ask";
const VERBS: Readonly<Record<string, Readonly<Record<Tense, string>>>> = texts.tools.verbs;

const FILE_TOOLS = new Set(["read", "write", "edit"]);
/** Objects longer than this are cut in the sentence; the details have them whole. */
const OBJECT_CHARS = 90;

const inputSchema = z.object({
  path: z.string().optional().catch(undefined),
  directory: z.string().optional().catch(undefined),
  query: z.string().optional().catch(undefined),
  pattern: z.string().optional().catch(undefined),
  url: z.string().optional().catch(undefined),
  command: z.string().optional().catch(undefined),
});

/** The input as far as it is known: whole, or what of a streamed path can be read already. */
function inputOf(part: ToolPart): z.infer<typeof inputSchema> {
  const parsed = inputSchema.safeParse(part.input);
  if (parsed.success) return parsed.data;
  const path = part.inputText.match(/"path"\s*:\s*("(?:[^"\\]|\\.)*")/)?.[1];
  if (!path) return {};
  try {
    return inputSchema.parse({ path: JSON.parse(path) });
  } catch {
    return {}; // an escape that is still being written
  }
}

const outputSchema = z.object({
  lines: z.number().optional().catch(undefined),
  sizeBytes: z.number().optional().catch(undefined),
  created: z.boolean().optional().catch(undefined),
  conflict: z.object({ keptAs: z.string() }).optional().catch(undefined),
  restorableUntil: z.string().optional().catch(undefined),
  replacements: z.number().optional().catch(undefined),
  matches: z.array(z.unknown()).optional().catch(undefined),
  entries: z.array(z.unknown()).optional().catch(undefined),
  truncated: z.boolean().optional().catch(undefined),
});

function outcomeOf(part: ToolPart): string {
  const parsed = outputSchema.safeParse(part.output);
  if (part.state !== "done" || !parsed.success) return "";
  const known = parsed.data;
  const more = known.truncated === true;
  switch (part.name) {
    case "read":
      return known.lines === undefined ? "" : texts.tools.lines(known.lines);
    case "write":
      if (known.conflict) return texts.tools.keptAs(known.conflict.keptAs);
      if (known.sizeBytes === undefined) return "";
      return texts.tools.wrote(sizeText(known.sizeBytes), known.created === true);
    case "edit":
      return known.replacements === undefined ? "" : texts.tools.changes(known.replacements);
    case "delete":
      return known.restorableUntil === undefined ? "" : texts.tools.restorable;
    case "search":
      return known.matches ? texts.tools.matches(known.matches.length, more) : "";
    case "list":
      return known.entries ? texts.tools.entries(known.entries.length, more) : "";
    default:
      return "";
  }
}

const GONE_WRONG: ReadonlySet<ToolState> = new Set(["failed", "denied", "stopped"]);

const tenseOf = (state: ToolState): Tense =>
  state === "done" ? "past" : state === "asking" ? "ask" : GONE_WRONG.has(state) ? "failed" : "now";

/** "some_tool-name" as "some tool name". */
const plainName = (name: string): string => name.replace(/[_-]+/g, " ").trim();

/** A tool's arguments one by one, for reading: text as it is, everything else as JSON. Empty for none. */
export function argumentsOf(input: unknown): { name: string; text: string }[] {
  if (input === undefined || input === null) return [];
  const parsed = z.record(z.string(), z.unknown()).safeParse(input);
  if (!parsed.success) return [{ name: "", text: readable(input).text }];
  return Object.entries(parsed.data)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => ({ name: plainName(name), text: readable(value).text }));
}

export function toolSentence(part: ToolPart): ToolSentence {
  const tense = tenseOf(part.state);
  const verbs = VERBS[part.name];
  const input = inputOf(part);
  const path = input.path?.replace(/^\/+/, "");
  const directory = part.name === "list" ? (path ?? input.directory ?? "") : input.directory;
  const words = input.query ?? input.pattern;
  let object = path || input.url || input.command || "";
  if (part.name === "list") object = directory || texts.tools.root;
  if (part.name === "search") object = words ? `“${words}”` : object;
  const short = object.length > OBJECT_CHARS ? `${object.slice(0, OBJECT_CHARS)}…` : object;
  return {
    verb: verbs?.[tense] ?? `${texts.tools.anyTool[tense]} ${plainName(part.name)}`,
    object: short.replace(/\s+/g, " "),
    path:
      FILE_TOOLS.has(part.name) && path && part.state !== "failed" && part.state !== "denied" ? path : null,
    rest: part.name === "search" && words && path ? texts.tools.within(path) : "",
    outcome: outcomeOf(part),
  };
}

/** A tool's input or output for reading: text as it is, everything else as indented JSON. */
export function readable(value: unknown): { text: string; language: string } {
  if (typeof value === "string") return { text: value, language: "" };
  return { text: JSON.stringify(value, null, 2) ?? "", language: "json" };
}
