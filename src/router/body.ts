/** Reads request bodies within their limits, and parses them. */
import type { z } from "zod";
import { AppError } from "../errors.ts";
import { limits } from "../limits.ts";

/** The JSON body, parsed. Throws `body_too_large`, or `bad_request` that says what is wrong with which field. */
export async function readJson<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  const text = new TextDecoder().decode(await readBytes(request, limits.jsonBodyBytes));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const message = text.trim() === "" ? "The request needs a JSON body." : "The body is not valid JSON.";
    throw new AppError("bad_request", message, { cause });
  }
  return parsed(schema, value, "The body does not fit");
}

/** A value from outside, or `bad_request` with the first thing that is wrong. */
export function parsed<T>(schema: z.ZodType<T>, value: unknown, complaint: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.join(".");
  throw new AppError(
    "bad_request",
    `${complaint}: ${field ? `${field}: ` : ""}${issue?.message ?? "invalid"}.`,
  );
}

/**
 * An upload's body, of any length: the workspace counts what it reads and ends at `limits.uploadBytes`. One that says
 * beforehand that it is longer is refused before a byte is read: `body_too_large`.
 */
export function uploadOf(request: Request): ReadableStream<Uint8Array> | Uint8Array {
  if (Number(request.headers.get("Content-Length") ?? 0) > limits.uploadBytes)
    throw tooLarge(limits.uploadBytes);
  return request.body ?? new Uint8Array();
}

/** Throws `body_too_large`. */
export async function readBytes(request: Request, limit: number): Promise<Uint8Array> {
  if (Number(request.headers.get("Content-Length") ?? 0) > limit) throw tooLarge(limit);
  if (!request.body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.byteLength;
    if (size > limit) {
      await reader.cancel("too large");
      throw tooLarge(limit);
    }
    chunks.push(next.value);
  }
  const all = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return all;
}

const tooLarge = (limit: number): AppError =>
  new AppError("body_too_large", `The body is larger than the ${limit} bytes that are allowed here.`);
