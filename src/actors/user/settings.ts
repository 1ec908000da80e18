/** What a user has set for their agent: one row, validated, with a version that only grows. */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { AgentSettings } from "../../protocol/rpc.ts";

/** Longest model name. Gateways name models `provider/model`, some with a second slash and a tag. */
export const MODEL_CHARS = 200;

/** What an agent is until its owner says otherwise. */
export const DEFAULT_SETTINGS: AgentSettings = { name: "Holdfast", instructions: "", model: "", version: 0 };

const MODEL = /^[\w.@-]+(\/[\w.:@-]+)+$/;

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
});

const settingsRow = z.object({
  name: z.string(),
  instructions: z.string(),
  model: z.string(),
  version: z.number(),
});

export function readSettings(sql: SqlStorage): AgentSettings {
  const [row] = sql.exec("SELECT name, instructions, model, version FROM settings").toArray();
  return row ? settingsRow.parse(row) : DEFAULT_SETTINGS;
}

/**
 * Applies a change and returns the settings as they are now. A change that changes nothing keeps the version.
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
    version: before.version + 1,
  };
  const same =
    after.name === before.name && after.instructions === before.instructions && after.model === before.model;
  if (same) return before;
  sql.exec(
    "INSERT OR REPLACE INTO settings (id, name, instructions, model, version) VALUES (1, ?, ?, ?, ?)",
    after.name,
    after.instructions,
    after.model,
    after.version,
  );
  return after;
}
