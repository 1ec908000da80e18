/** The body of a delivery as a value: JSON, or a form. Pure. */
import { AppError } from "../../errors.ts";
import type { HookScheme, RawDelivery } from "../../protocol/hooks.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** Throws `bad_request`. */
export function payloadOf(scheme: HookScheme, { headers, body }: RawDelivery): unknown {
  const type = (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  const text = textOf(body);
  if (type === "application/x-www-form-urlencoded") {
    const form = Object.fromEntries(new URLSearchParams(text));
    // GitHub puts its JSON into a field of a form, unless it is told to send JSON.
    return scheme.type === "github" && form.payload !== undefined ? jsonOf(form.payload) : form;
  }
  if (type === "application/json" || type.endsWith("+json")) return jsonOf(text);
  throw new AppError("bad_request", "A delivery is JSON or a form: set Content-Type to application/json.");
}

function textOf(body: Uint8Array): string {
  try {
    return decoder.decode(body);
  } catch (cause) {
    throw new AppError("bad_request", "The body is not UTF-8.", { cause });
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("bad_request", "The body is not valid JSON.", { cause });
  }
}
