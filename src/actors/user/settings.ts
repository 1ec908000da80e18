/** What a user has set for their agent: one row, validated, with a version that only grows. */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { AgentSettings } from "../../protocol/rpc.ts";
import { isTimeZone } from "../../schedule/zone.ts";
import { toolByName } from "../../tools/registry.ts";

/** Longest model name. Gateways name models `provider/model`, some with a second slash and a tag. */
export const MODEL_CHARS = 200;

/** What an agent is until its owner says otherwise. */
export const DEFAULT_SETTINGS: AgentSettings = {
  name: "Holdfast",
  instructions: "",
  model: "",
  timeZone: "UTC",
  toolRisks: {},
  version: 0,
};

const MODEL = /^[\w.@-]+(\/[\w.:@-]+)+$/;

const toolRisks = z.record(z.string(), z.enum(["auto", "ask", "deny"]));

const settingsChange = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1, "An agent needs a name.")
    .max(limits.agentNameChars, `A name has at most ${limits.agentNameChars} characters.`)
    .optional(),
  instructions: z
    .string()
    .max(limits.instructionsChars, `Instructions have at most ${limits.instructionsChars} characters.`)
    .optional(),
  model: z
    .string()
    .max(MODEL_CHARS)
    .refine(
      (text) => text === "" || MODEL.test(text),
      "A model is named provider/model, or is empty for the default.",
    )
    .optional(),
  timeZone: z
    .string()
    .refine(isTimeZone, "A time zone is named as in the IANA database, for example Europe/Berlin.")
    .optional(),
  toolRisks: toolRisks
    .superRefine((risks, context) => {
      const unknown = Object.keys(risks).find((name) => !toolByName(name));
      if (unknown === undefined) return;
      context.addIssue({ code: "custom", message: `There is no tool named ${unknown.slice(0, 60)}.` });
    })
    .optional(),
});

const settingsRow = z.object({
  name: z.string(),
  instructions: z.string(),
  model: z.string(),
  time_zone: z.string(),
  tool_risks: z.string(),
  version: z.number(),
});

export function readSettings(sql: SqlStorage): AgentSettings {
  const [raw] = sql
    .exec("SELECT name, instructions, model, time_zone, tool_risks, version FROM settings")
    .toArray();
  if (!raw) return DEFAULT_SETTINGS;
  const { time_zone: timeZone, tool_risks, ...row } = settingsRow.parse(raw);
  // A tool that this build does not have is left out: written back by a client, its name would be refused.
  const known = Object.entries(toolRisks.parse(JSON.parse(tool_risks))).filter(([name]) => toolByName(name));
  return { ...row, timeZone, toolRisks: Object.fromEntries(known) };
}

/**
 * Applies a change and returns the settings as they are now. A field is replaced as a whole, `toolRisks` too. A change
 * that changes nothing keeps the version.
 * Throws `bad_request` that names the field.
 */
export function changeSettings(sql: SqlStorage, change: unknown): AgentSettings {
  const parsed = settingsChange.safeParse(change);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = issue?.path.join(".") ?? "";
    throw new AppError(
      "bad_request",
      `The settings were not changed. ${field ? `${field}: ` : ""}${issue?.message ?? ""}`,
    );
  }
  const before = readSettings(sql);
  const after: AgentSettings = {
    name: parsed.data.name ?? before.name,
    instructions: parsed.data.instructions ?? before.instructions,
    model: parsed.data.model ?? before.model,
    timeZone: parsed.data.timeZone ?? before.timeZone,
    toolRisks: parsed.data.toolRisks ? sorted(parsed.data.toolRisks) : before.toolRisks,
    version: before.version + 1,
  };
  const same =
    after.name === before.name &&
    after.instructions === before.instructions &&
    after.model === before.model &&
    after.timeZone === before.timeZone &&
    JSON.stringify(after.toolRisks) === JSON.stringify(before.toolRisks);
  if (same) return before;
  sql.exec(
    `INSERT OR REPLACE INTO settings (id, name, instructions, model, time_zone, tool_risks, version)
     VALUES (1, ?, ?, ?, ?, ?, ?)`,
    after.name,
    after.instructions,
    after.model,
    after.timeZone,
    JSON.stringify(after.toolRisks),
    after.version,
  );
  return after;
}

/** What changed, for the log: new values, but of free text only that it changed. */
export function settingsDetail(before: AgentSettings, after: AgentSettings): Record<string, unknown> {
  const { name, model, timeZone, toolRisks } = after;
  return {
    ...(name !== before.name && { name }),
    ...(model !== before.model && { model }),
    ...(timeZone !== before.timeZone && { timeZone }),
    ...(JSON.stringify(toolRisks) !== JSON.stringify(before.toolRisks) && { toolRisks }),
    ...(after.instructions !== before.instructions && { instructions: "changed" }),
  };
}

/** In one order, so that the same risks are the same text. */
const sorted = (risks: AgentSettings["toolRisks"]): AgentSettings["toolRisks"] =>
  Object.fromEntries(Object.entries(risks).sort(([a], [b]) => (a < b ? -1 : 1)));
