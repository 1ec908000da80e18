/** What messages are made of, in both of the API's spellings. */
import { z } from "zod";
import { limits } from "../../limits.ts";
import type { AskPart } from "../../protocol/ask.ts";
import { ParamError } from "./errors.ts";

const textPart = z.object({ type: z.enum(["text", "input_text", "output_text"]), text: z.string() });
const refusalPart = z.object({ type: z.literal("refusal"), refusal: z.string() });
const chatImage = z.object({ type: z.literal("image_url"), image_url: z.object({ url: z.string() }) });
const responseImage = z.object({ type: z.literal("input_image"), image_url: z.string() });
const anyPart = z.object({ type: z.string() });

const DATA_URL = /^data:(image\/[a-z0-9.+-]+);base64,/i;

/** Parts of a message's content. `at` names it in errors: `messages[2].content`. Throws `ParamError`. */
export function partsOf(content: unknown, at: string): AskPart[] {
  if (content === null || content === undefined) return [];
  if (typeof content === "string") return content.trim() === "" ? [] : [{ type: "text", text: content }];
  if (!Array.isArray(content)) throw new ParamError(at, `'${at}' is text or a list of parts.`);
  return content.flatMap((part: unknown, i) => partOf(part, `${at}[${i}]`));
}

function partOf(part: unknown, at: string): AskPart[] {
  const text = textPart.safeParse(part);
  if (text.success) return text.data.text.trim() === "" ? [] : [{ type: "text", text: text.data.text }];
  const refusal = refusalPart.safeParse(part);
  if (refusal.success) return [{ type: "text", text: refusal.data.refusal }];
  const image = chatImage.safeParse(part);
  if (image.success) return [imageOf(image.data.image_url.url, `${at}.image_url.url`)];
  const input = responseImage.safeParse(part);
  if (input.success) return [imageOf(input.data.image_url, `${at}.image_url`)];
  const type = anyPart.safeParse(part).data?.type ?? "a part without a type";
  throw new ParamError(`${at}.type`, `'${type}' is not supported here: send text and images as data URLs.`);
}

function imageOf(url: string, at: string): AskPart {
  const mediaType = DATA_URL.exec(url)?.[1];
  if (mediaType) return { type: "file", mediaType: mediaType.toLowerCase(), url };
  throw new ParamError(at, "Send an image as a data URL: the agent fetches nothing that a message names.");
}

/** The text of instructions. Throws `ParamError`. */
export function instructionText(content: unknown, at: string): string {
  const parts = partsOf(content, at);
  const text = parts.map((part) => (part.type === "text" ? part.text : "")).join("\n");
  if (parts.some((part) => part.type !== "text")) throw new ParamError(at, "Instructions are text.");
  return text;
}

/** Throws `ParamError` for instructions that are too long. */
export function joinInstructions(texts: readonly string[], param: string): string {
  const all = texts.filter((text) => text.trim() !== "").join("\n\n");
  if (all.length <= limits.programInstructionsChars) return all;
  const most = limits.programInstructionsChars.toLocaleString("en");
  throw new ParamError(param, `Instructions have at most ${most} characters.`);
}

export interface SaidMessage {
  role: "user" | "assistant";
  parts: AskPart[];
}

/**
 * The newest message, which has to be a user's, and what was said before it. Empty messages are left out. Throws
 * `ParamError`.
 */
export function questionOf(
  said: readonly SaidMessage[],
  param: string,
): { parts: AskPart[]; history: SaidMessage[] } {
  const spoken = said.filter(({ parts }) => parts.length > 0);
  const last = spoken.at(-1);
  if (last?.role !== "user") throw new ParamError(param, `'${param}' has to end with a message of the user.`);
  return { parts: last.parts, history: spoken.slice(0, -1) };
}
