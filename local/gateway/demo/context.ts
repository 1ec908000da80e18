/** What is known while a request is being read, instruction by instruction. */
import { isDeepStrictEqual } from "node:util";
import { type Atom, atomsIn } from "./mask.ts";
import { isLook, type Step } from "./steps.ts";

/** What was spoken of before this request. */
export interface Before {
  /** Files of earlier calls and messages, the newest last. */
  paths: string[];
  /** Ids of schedules that were spoken of, the newest last. */
  schedules: string[];
  /** The newest answer of the model, for "save that". */
  answer: string;
}

/** What has been found so far in this request. */
export interface Context {
  atoms: Atom[];
  steps: Step[];
  /** Files of this request, the newest last. */
  paths: string[];
  before: Before;
  question: string;
  /** The instruction before this one, for "save it". */
  previous: string;
}

export const FILE_WORD = /\b(?:file|note|document|doc)\b/i;
export const BOTH =
  /\b(?:both|them|these|all\s+(?:of\s+)?(?:them|these|files)|each(?:\s+(?:one|of\s+them|file))?|all\s+(?:two|three|four))\b/i;

/** Reads one instruction; `false` when it is not of its kind. */
export type Reader = (clause: string, context: Context) => boolean;

export const last = (context: Context): string | undefined =>
  context.paths.at(-1) ?? context.before.paths.at(-1);
export const pathsIn = (text: string, context: Context): string[] =>
  atomsIn(text, context.atoms, "path").map((atom) => atom.value);

export function add(context: Context, ...steps: Step[]): void {
  for (const step of steps) {
    // "Open a.txt and tell me what it says" is one look.
    if (!isLook(step) || !isDeepStrictEqual(step, context.steps.at(-1))) context.steps.push(step);
  }
  for (const step of steps)
    if ("path" in step && step.tool !== "list" && step.tool !== "search") noteIn(context, step.path);
}

export function noteIn(context: Context, path: string): void {
  context.paths = [...context.paths.filter((known) => known !== path), path];
}

/** Asks back instead of guessing. */
export function ask(context: Context, question: string): true {
  context.question = question;
  return true;
}
