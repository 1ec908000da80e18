/**
 * The parameters of a request, one by one: those that are understood, those that change nothing here and may stand, and
 * those that cannot be done, which are refused by name. What nobody knows is refused as well: a wish that is left out
 * silently is worse than an error.
 */
import type { z } from "zod";
import { ParamError } from "./errors.ts";

export type Params = Record<string, unknown>;

export interface ParamRules {
  /** Taken, and read by the caller. */
  read: readonly string[];
  /** May stand, and changes nothing: the agent's own model and settings answer. */
  ignored: readonly string[];
  /** Refused, unless the value asks for nothing: why, and which values those are. */
  refused: Readonly<Record<string, { why: string; unless?: (value: unknown) => boolean }>>;
}

/** Throws `ParamError` that names the first parameter that cannot be taken. */
export function checkParams(params: Params, { read, ignored, refused }: ParamRules): void {
  for (const [name, value] of Object.entries(params)) {
    if (value === null || value === undefined || read.includes(name) || ignored.includes(name)) continue;
    const rule = Object.hasOwn(refused, name) ? refused[name] : undefined;
    if (!rule)
      throw new ParamError(name, `Unknown parameter: '${name}'.`, { openaiCode: "unknown_parameter" });
    if (!rule.unless?.(value))
      throw new ParamError(name, `'${name}' is not supported here: ${rule.why}`, {
        openaiCode: "unsupported_parameter",
      });
  }
}

/** A parameter's value; `undefined` for one that is absent or null. Throws `ParamError`. */
export function paramOf<T>(params: Params, name: string, schema: z.ZodType<T>): T | undefined {
  const value = params[name];
  if (value === undefined || value === null) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const at = [name, ...(issue?.path ?? [])].reduce(
    (path: string, part) =>
      typeof part === "number" ? `${path}[${part}]` : path === "" ? String(part) : `${path}.${String(part)}`,
    "",
  );
  throw new ParamError(at, `Invalid value for '${at}': ${issue?.message ?? "invalid"}.`, {
    openaiCode: "invalid_type",
  });
}

export const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
