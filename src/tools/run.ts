/** Runs one tool call as the model wrote it. Everything that may be expected to go wrong is an answer, not a throw. */
import type { z } from "zod";
import { AppError, type ErrorCode } from "../errors.ts";
import { limits } from "../limits.ts";
import { capped } from "./overflow.ts";
import type { Tool, ToolContext, ToolOutcome } from "./tool.ts";

/** `tool_input_invalid`: the model's arguments. `tool_timeout`, `tool_stopped`: it did not end by itself. `tool_failed`: a defect of ours. */
export type ToolErrorCode =
  | ErrorCode
  | "tool_input_invalid"
  | "tool_timeout"
  | "tool_stopped"
  | "tool_failed";

/** What a call came to. `changed` are workspace paths; `message` is written for the model. */
export type ToolResult =
  | { output: unknown; changed: string[] }
  | { error: { code: ToolErrorCode; message: string } };

/** Faults that a message lists; a model mends these first and asks again. */
const ISSUES = 5;
/** Characters on either side of a place in the model's JSON that a message quotes. */
const QUOTED = 30;

/**
 * Parses and validates the raw arguments, runs the tool within its time, and caps its result. Never throws. A tool
 * that was given up may still end later: its outcome is dropped.
 */
export async function runTool(tool: Tool, rawInput: string, context: ToolContext): Promise<ToolResult> {
  const parsed = parseInput(tool, rawInput);
  if ("error" in parsed) return parsed;
  const timeoutMs =
    Number.isFinite(tool.timeoutMs) && tool.timeoutMs > 0 ? tool.timeoutMs : limits.toolTimeoutMs;
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(timeIsOver(tool, timeoutMs)), timeoutMs);
  try {
    const signal = AbortSignal.any([context.signal, deadline.signal]);
    const run = { ...context, signal };
    const outcome = await untilAborted(signal, async () => {
      const done: ToolOutcome = await tool.run(parsed.input, run);
      const kept = await capped(done.output, run);
      return { output: kept.output, changed: [...new Set([...(done.changed ?? []), ...kept.changed])] };
    });
    return outcome;
  } catch (error) {
    return { error: toolError(tool, error, context.signal) };
  } finally {
    clearTimeout(timer);
  }
}

class Ended extends Error {
  readonly code: "tool_timeout" | "tool_stopped";
  constructor(code: "tool_timeout" | "tool_stopped", message: string) {
    super(message);
    this.code = code;
  }
}

const timeIsOver = (tool: Tool, timeoutMs: number): Ended =>
  new Ended(
    "tool_timeout",
    `${tool.name} took longer than ${timeoutMs / 1000} s and was given up. ` +
      "What it was doing may have happened or not: check before you do it again.",
  );

/** Settles with `work`, or rejects as soon as the signal is aborted, whichever is first. */
async function untilAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work(), aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function toolError(tool: Tool, error: unknown, stop: AbortSignal): { code: ToolErrorCode; message: string } {
  if (error instanceof Ended) return { code: error.code, message: error.message };
  if (error instanceof AppError) {
    if (error.cause !== undefined) console.error(`tools: ${tool.name} failed`, error.code, error.cause);
    return { code: error.code, message: error.message };
  }
  if (stop.aborted) {
    return {
      code: "tool_stopped",
      message: `${tool.name} was stopped. What it was doing may have happened or not.`,
    };
  }
  console.error(`tools: ${tool.name} failed`, error);
  return { code: "tool_failed", message: `${tool.name} failed on our side. Try again, or go on without it.` };
}

function parseInput(
  tool: Tool,
  raw: string,
): { input: unknown } | { error: { code: ToolErrorCode; message: string } } {
  const invalid = (message: string) => ({ error: { code: "tool_input_invalid" as const, message } });
  let value: unknown;
  try {
    value = raw.trim() === "" ? {} : JSON.parse(raw); // some models send nothing for a call without arguments
  } catch (error) {
    return invalid(
      `The arguments of ${tool.name} are not valid JSON: ${problemIn(raw, error)} Send one JSON object.`,
    );
  }
  const checked = tool.input.safeParse(value);
  if (checked.success) return { input: checked.data };
  const { issues } = checked.error;
  const more = issues.length > ISSUES ? ` And ${issues.length - ISSUES} more.` : "";
  return invalid(
    `The arguments of ${tool.name} are not right. ${issues.slice(0, ISSUES).map(say).join(" ")}${more}`,
  );
}

/** The parser's complaint, with the place in the text that it is about. */
function problemIn(raw: string, error: unknown): string {
  const complaint = error instanceof Error ? error.message : String(error);
  const [, position] = /at position (\d+)/.exec(complaint) ?? [];
  if (position === undefined) return `${complaint.slice(0, 200)}.`; // then the complaint itself quotes the place
  const at = Number(position);
  const before = raw.slice(Math.max(0, at - QUOTED), at);
  const after = raw.slice(at, at + QUOTED);
  const place =
    after === ""
      ? `after ${JSON.stringify(before)}`
      : `${JSON.stringify(before)} here→ ${JSON.stringify(after)}`;
  return `${complaint.slice(0, 200)}, ${place}.`;
}

/** One fault: which field, and what was expected. */
function say(issue: z.core.$ZodIssue): string {
  const field = issue.path.length === 0 ? "The arguments" : `\`${issue.path.map(String).join(".")}\``;
  if (issue.code === "unrecognized_keys") {
    return `There is no field ${issue.keys.map((key) => `\`${key.slice(0, 40)}\``).join(", ")}.`;
  }
  const message = issue.message.replace(/^Invalid input: /, "");
  return `${field}: ${message.endsWith("undefined") ? message.replace(/, received undefined$/, ", and it is missing") : message}.`;
}
