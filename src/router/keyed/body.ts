/** A request's body as JSON, in OpenAI's words when it is not. */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { readBytes } from "../body.ts";
import type { Params } from "./params.ts";

const object = z.record(z.string(), z.unknown());

/** Throws `body_too_large`, `bad_request`. */
export async function readParams(request: Request): Promise<Params> {
  const text = new TextDecoder().decode(await readBytes(request, limits.programBodyBytes));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError("bad_request", "We could not parse the JSON body of your request.", { cause });
  }
  const parsed = object.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AppError("bad_request", "The body has to be a JSON object.");
}
