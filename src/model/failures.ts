/** From whatever a provider package throws to a `ModelError`: a stable code, and whether to ask again. */
import { ModelError } from "./errors.ts";

/** Reads the fields that provider errors have in common, without importing a provider package for its classes. */
function fieldsOf(error: unknown): {
  name: string;
  status: number | undefined;
  headers: Record<string, string>;
  message: string;
} {
  const source = (typeof error === "object" && error !== null ? error : {}) as Record<string, unknown>; // each field is checked
  const status = source.statusCode ?? source.status;
  const headers = source.responseHeaders;
  return {
    name: typeof source.name === "string" ? source.name : "",
    status: typeof status === "number" ? status : undefined,
    headers: typeof headers === "object" && headers !== null ? (headers as Record<string, string>) : {}, // a record of strings by the packages' types
    message: typeof source.message === "string" ? source.message : String(error),
  };
}

/**
 * Milliseconds that a `retry-after` header asks for: seconds or a date are both allowed (RFC 9110, 10.2.3). A date
 * counts from the answer's own, so that no two clocks are compared; without one it is ignored.
 */
export function retryAfterMs(headers: Record<string, string>): number {
  const ms = Number(headers["retry-after-ms"]);
  if (Number.isFinite(ms) && ms > 0) return ms;
  const value = headers["retry-after"];
  if (!value) return 0;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const wait = Date.parse(value) - Date.parse(headers.date ?? "");
  return Number.isFinite(wait) ? Math.max(0, wait) : 0;
}

/** Statuses of a gateway or a proxy that gave up waiting: the provider may have gone on, and may charge for it. */
const GAVE_UP = new Set([408, 499, 502, 504, 520, 522, 524]);

/** Whether a status says that the provider did not begin to answer. */
const isRefusal = (status: number | undefined): boolean =>
  status !== undefined && status >= 400 && !GAVE_UP.has(status);

const GARBAGE = new Set([
  "AI_JSONParseError",
  "AI_TypeValidationError",
  "AI_InvalidResponseDataError",
  "AI_EmptyResponseBodyError",
  "AI_NoContentGeneratedError",
]);

export function failureOf(error: unknown): ModelError {
  if (error instanceof ModelError) return error;
  const { name, status, headers, message } = fieldsOf(error);
  const make = (
    code: "model_failed" | "model_garbage" | "model_unreachable" | "model_rate_limited" | "model_unknown",
  ) => ({
    because: (text: string, retryable: boolean) =>
      new ModelError(code, text, {
        retryable,
        retryAfterMs: retryAfterMs(headers),
        unbilled: isRefusal(status),
        cause: error,
      }),
  });
  if (status === 401 || status === 403) {
    return make("model_failed").because(
      "The model's provider refused the key. Check it under Settings → Model.",
      false,
    );
  }
  if (status === 404) {
    return make("model_unknown").because(
      "The provider does not know this model. Choose another under Settings → Model.",
      false,
    );
  }
  if (status === 429) {
    return make("model_rate_limited").because(
      "The model's provider is limiting requests. It was asked again, without success; try later.",
      true,
    );
  }
  if (status !== undefined && status >= 500) {
    return make("model_failed").because(
      "The model's provider has a problem. It was asked again, without success; try later.",
      true,
    );
  }
  if (GARBAGE.has(name) || status === 200) {
    return make("model_garbage").because(
      "The model's provider answered something that is not an answer. Try again, or choose another model.",
      true,
    );
  }
  if (status !== undefined && status >= 400) {
    return make("model_failed").because(
      "The model's provider refused the request. Try again, or choose another model.",
      false,
    );
  }
  if (/overloaded|rate.?limit|try again|timeout|temporar/i.test(message)) {
    return make("model_failed").because(
      "The model's provider is overloaded. It was asked again, without success; try later.",
      true,
    );
  }
  return make("model_unreachable").because(
    "The model could not be reached. It was tried again, without success.",
    true,
  );
}
