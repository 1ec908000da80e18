/** What came back from tools. On OpenAI's wire nothing says that a call failed, so the shape has to tell. */
import { z } from "zod";
import type { Step } from "./steps.ts";

const schedule = z.object({
  id: z.string(),
  text: z.string(),
  cron: z.string().optional(),
  next: z.string().nullable(),
  timeZone: z.string(),
  status: z.string(),
});
export type Scheduled = z.infer<typeof schedule>;

const shapes = {
  read: z.object({
    path: z.string(),
    text: z.string(),
    lines: z.number().optional(),
    truncated: z.boolean().optional(),
  }),
  write: z.object({
    path: z.string(),
    sizeBytes: z.number().optional(),
    created: z.boolean().optional(),
    conflict: z.object({ keptAs: z.string() }).optional(),
  }),
  edit: z.object({ path: z.string(), replacements: z.number() }),
  list: z.object({
    path: z.string().optional(),
    entries: z.array(z.object({ name: z.string(), kind: z.string(), sizeBytes: z.number().optional() })),
    truncated: z.boolean().optional(),
  }),
  search: z.object({
    matches: z.array(z.object({ path: z.string(), line: z.number(), text: z.string() })),
    truncated: z.boolean().optional(),
  }),
  delete: z.object({ path: z.string(), deleted: z.literal(true) }),
  schedule: z.union([
    z.object({ schedules: z.array(schedule), timeZone: z.string() }),
    z.object({ schedule: schedule.nullable() }),
    z.object({ id: z.string(), deleted: z.literal(true) }),
  ]),
};

const binary = z.object({
  path: z.string(),
  binary: z.literal(true),
  mediaType: z.string(),
  sizeBytes: z.number(),
});
const overflow = z.object({
  truncated: z.literal(true),
  head: z.string(),
  note: z.string(),
  path: z.string().optional(),
});

export type Outcome =
  | { tool: "read"; ok: true; value: z.infer<typeof shapes.read> }
  | { tool: "write"; ok: true; value: z.infer<typeof shapes.write> }
  | { tool: "edit"; ok: true; value: z.infer<typeof shapes.edit> }
  | { tool: "list"; ok: true; value: z.infer<typeof shapes.list> }
  | { tool: "search"; ok: true; value: z.infer<typeof shapes.search> }
  | { tool: "delete"; ok: true; value: z.infer<typeof shapes.delete> }
  | { tool: "schedule"; ok: true; value: z.infer<typeof shapes.schedule> }
  /** It worked, but what came back was cut or is of another shape: shown as it is. */
  | { tool: "other"; ok: true; text: string }
  /** A file that is not text. */
  | { tool: "binary"; ok: true; value: z.infer<typeof binary> }
  /** Too long for one answer: its beginning, and the file that holds all of it. */
  | { tool: "long"; ok: true; value: z.infer<typeof overflow> }
  /** `missing`: there is no such file, so that one may be made. */
  | { tool: "other"; ok: false; error: string; missing: boolean };

const failure = z.union([
  z.object({ error: z.union([z.string(), z.object({ message: z.string() })]) }),
  z.object({ code: z.string(), message: z.string() }),
]);

/** Reads one tool result. */
export function outcomeOf(tool: Step["tool"], text: string, failed: boolean): Outcome {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const said = failure.safeParse(json);
  if (failed || said.success) {
    if (!said.success) return failedWith(sentence(text) || "the tool gave no reason", text);
    const error = "error" in said.data ? said.data.error : said.data;
    return failedWith(typeof error === "string" ? error : error.message, text);
  }
  const aside = binary.safeParse(json);
  if (aside.success) return { tool: "binary", ok: true, value: aside.data };
  const cut = overflow.safeParse(json);
  if (cut.success) return { tool: "long", ok: true, value: cut.data };
  // The compiler cannot follow a schema that is chosen by a variable, hence one line a tool.
  if (tool === "read")
    return shaped(shapes.read.safeParse(json), text, (value) => ({ tool, ok: true, value }));
  if (tool === "write")
    return shaped(shapes.write.safeParse(json), text, (value) => ({ tool, ok: true, value }));
  if (tool === "edit")
    return shaped(shapes.edit.safeParse(json), text, (value) => ({ tool, ok: true, value }));
  if (tool === "list")
    return shaped(shapes.list.safeParse(json), text, (value) => ({ tool, ok: true, value }));
  if (tool === "search")
    return shaped(shapes.search.safeParse(json), text, (value) => ({ tool, ok: true, value }));
  if (tool === "schedule")
    return shaped(shapes.schedule.safeParse(json), text, (value) => ({ tool, ok: true, value }));
  return shaped(shapes.delete.safeParse(json), text, (value) => ({ tool: "delete", ok: true, value }));
}

function shaped<T>(parsed: z.ZodSafeParseResult<T>, text: string, make: (value: T) => Outcome): Outcome {
  if (parsed.success) return make(parsed.data);
  // A plain sentence where an object was due is a refusal; the beginning of an object was cut for its length.
  if (/^\s*[{[]/.test(text)) return { tool: "other", ok: true, text };
  return failedWith(sentence(text) || "the tool gave no answer", text);
}

/** An error as a person reads it, without the code that a runtime may put before it. */
const sentence = (text: string): string => text.trim().replace(/^[a-z]+(?:_[a-z]+)+: /, "");

const MISSING =
  /file_unknown|no such file|not (?:exist|found)|does(?:n['’]t| not) exist|there is no (?:such )?(?:file|[`"“'])/i;

function failedWith(error: string, whole: string): Outcome {
  return { tool: "other", ok: false, error, missing: MISSING.test(whole) };
}
