/**
 * What a payload of each kind has to look like, for journals that come from outside. Keys that are not named here are
 * kept: a later version may have added them. Pure.
 */
import { z } from "zod";
import { ENTRY_VERSION, type EntryKind } from "./entries.ts";

const sender = z.looseObject({
  id: z.string(),
  name: z.string(),
  kind: z.string().optional(),
  request: z.string().optional(),
});
const usage = z.looseObject({ inputTokens: z.number().min(0), outputTokens: z.number().min(0) });
const failure = z.looseObject({ code: z.string(), message: z.string() });
const index = z.number().int().min(0);
const micros = z.number().int().min(0);

/** A part of a kind that this version does not know is carried; the known ones are read by their fields. */
function partsOf(known: Record<string, z.ZodType>) {
  return z.array(
    z.looseObject({ type: z.string() }).superRefine((part, context) => {
      const read = known[part.type]?.safeParse(part);
      if (read && !read.success) context.addIssue({ code: "custom", message: `a broken ${part.type} part` });
    }),
  );
}

const chatParts = partsOf({
  text: z.looseObject({ text: z.string() }),
  file: z.looseObject({
    mediaType: z.string(),
    // The model is shown images by URL, and one that does not parse would break every later turn.
    url: z.string().refine((text) => URL.canParse(text), "not a URL"),
  }),
});
const answerPart = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("text"), text: z.string() }),
  z.looseObject({
    type: z.literal("reasoning"),
    text: z.string(),
    providerMetadata: z.record(z.string(), z.unknown()).optional(),
  }),
  z.looseObject({ type: z.literal("tool"), id: z.string(), name: z.string(), input: z.string() }),
]);
const message = z.looseObject({
  id: z.string(),
  parts: chatParts,
  from: z.string().optional(),
  erased: z.enum(["alone", "whole"]).optional(),
});

const PAYLOADS: Record<EntryKind, z.ZodType> = {
  input: z.looseObject({
    turn: z.string(),
    request: z.string(),
    keys: z.array(z.string()),
    source: z.string(),
    sender,
    messages: z.array(message),
    regenerate: z.string().optional(),
    replaces: z.string().optional(),
    joins: z.enum(["burst", "steer"]).optional(),
    holdUntil: z.number().optional(),
    reply: z.looseObject({ channel: z.string(), to: z.record(z.string(), z.string()) }).optional(),
    history: z.array(z.looseObject({ role: z.enum(["user", "assistant"]), parts: chatParts })).optional(),
    instructions: z.string().optional(),
    maxOutputTokens: index.optional(),
    erased: z.literal(true).optional(),
  }),
  call: z.looseObject({
    turn: z.string(),
    round: index,
    attempt: index,
    model: z.string(),
    fingerprint: z.string(),
    prompt: z.string(),
    tools: z.string(),
    maxOutputTokens: z.number(),
    windowTokens: z.number(),
    reservationMicros: micros,
    reservationTokens: index.optional(),
  }),
  began: z.looseObject({ turn: z.string(), round: index, attempt: index, run: z.string() }),
  answer: z.looseObject({
    turn: z.string(),
    round: index,
    attempt: index,
    parts: z.array(answerPart),
    usage,
    finish: z.string(),
    model: z.string(),
    priceMicros: micros,
    partial: z.literal(true).optional(),
  }),
  fault: z.looseObject({
    turn: z.string(),
    round: index,
    attempt: index,
    code: z.string(),
    message: z.string(),
    retryAt: z.number().optional(),
    unbilled: z.literal(true).optional(),
  }),
  intent: z.looseObject({
    turn: z.string(),
    round: index,
    id: z.string(),
    name: z.string(),
    input: z.string(),
    replay: z.enum(["safe", "unsafe"]),
    key: z.string(),
  }),
  result: z.looseObject({
    turn: z.string(),
    id: z.string(),
    error: failure.optional(),
    interrupted: z.literal(true).optional(),
    late: z.literal(true).optional(),
  }),
  ask: z.looseObject({
    turn: z.string(),
    round: index,
    id: z.string(),
    name: z.string(),
    input: z.string(),
    expiresAt: z.number(),
  }),
  decide: z.looseObject({
    turn: z.string(),
    id: z.string(),
    approved: z.boolean(),
    by: sender,
    source: z.string(),
    comment: z.string().optional(),
  }),
  expire: z.looseObject({ turn: z.string(), id: z.string() }),
  amend: z.looseObject({
    turn: z.string(),
    by: sender,
    change: z.discriminatedUnion("action", [
      z.looseObject({ action: z.literal("edit"), message: z.string(), parts: chatParts }),
      z.looseObject({ action: z.literal("delete"), message: z.string() }),
      z.looseObject({ action: z.literal("steer"), into: z.string() }),
    ]),
  }),
  compact: z.looseObject({
    call: z.looseObject({ turn: z.string(), round: index, attempt: index }),
    covered: index,
    summary: z.string(),
    model: z.string(),
    usage,
    priceMicros: micros,
    keeps: z.literal(true).optional(),
  }),
  lease: z.looseObject({ day: z.string(), number: index, micros, tokens: index }),
  release: z.looseObject({ number: index }),
  end: z.looseObject({
    turn: z.string(),
    outcome: z.enum(["completed", "failed", "cancelled"]),
    error: failure.optional(),
    keeps: z.literal(true).optional(),
    by: sender.optional(),
  }),
  undo: z.looseObject({ scope: z.enum(["all", "last"]), by: sender }),
  fork: z.looseObject({ from: z.string(), seq: index, by: sender }),
  erase: z.looseObject({ entries: z.array(index), by: sender, hashes: z.array(z.string()).optional() }),
  note: z.looseObject({
    topic: z.string(),
    hash: z.string().optional(),
    text: z.string(),
    keeps: z.literal(true).optional(),
  }),
};

/** The last moment that a `Date` can hold: what is written as one must be one. */
const LATEST = 8.64e15;
const base = z.looseObject({ at: z.number().min(-LATEST).max(LATEST) });
const anything = z.looseObject({});

/** Whether this code can fold an entry: it knows the kind, and its version is not of a later release. */
export const isKnown = (kind: string, version: number): kind is EntryKind =>
  Object.hasOwn(ENTRY_VERSION, kind) && version <= ENTRY_VERSION[kind as EntryKind]; // `hasOwn` has just said so

/** What is wrong with a payload, in words; null for one that can be kept. Unknown kinds have to be objects only. */
export function payloadProblem(kind: string, version: number, payload: unknown): string | null {
  const schemas = isKnown(kind, version) ? [base, PAYLOADS[kind]] : [anything];
  for (const schema of schemas) {
    const issue = schema.safeParse(payload).error?.issues[0];
    if (issue) return `${issue.path.length > 0 ? `${issue.path.join(".")}: ` : ""}${issue.message}`;
  }
  return null;
}
