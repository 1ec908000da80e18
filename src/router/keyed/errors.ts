/**
 * Errors in the words of OpenAI's API, so that its clients raise their own classes:
 * https://platform.openai.com/docs/guides/error-codes.
 */
import { AppError, ERROR_STATUS, type ErrorCode } from "../../errors.ts";
import { RATE_PERIOD_SECONDS } from "../rate.ts";

/** Something is wrong with one parameter. */
export class ParamError extends AppError {
  readonly param: string;
  /** In OpenAI's words, where it has one. */
  readonly openaiCode: string | null;

  constructor(param: string, message: string, options: { code?: ErrorCode; openaiCode?: string } = {}) {
    super(options.code ?? "bad_request", message);
    this.param = param;
    this.openaiCode = options.openaiCode ?? null;
  }
}

/** A turn that was accepted and did not end with an answer: asking again would be another turn. */
export class TurnError extends AppError {}

export interface OpenAIError {
  message: string;
  type: string;
  param: string | null;
  code: string | null;
}

/** A client waits this long before it fills a queue again. */
const QUEUE_SECONDS = 5;

export function openaiError(error: AppError): OpenAIError {
  const { message } = error;
  const param = error instanceof ParamError ? error.param : null;
  const [type, code] = kindOf(error);
  return { message, type, param, code: error instanceof ParamError ? error.openaiCode : code };
}

function kindOf({ code, status }: AppError): [type: string, code: string] {
  switch (code) {
    case "key_invalid":
      return ["invalid_request_error", "invalid_api_key"];
    case "budget_exceeded":
      return ["insufficient_quota", "insufficient_quota"];
    case "rate_limited":
    case "queue_full":
      return ["requests", "rate_limit_exceeded"];
    default:
      if (status === 403) return ["permission_error", code];
      return [status >= 500 ? "server_error" : "invalid_request_error", code];
  }
}

/** The answer to a request that did not work. */
export function openaiFailure(error: AppError): Response {
  const headers = new Headers();
  const status = error.code === "budget_exceeded" ? 429 : error.status;
  if (error.code === "rate_limited") headers.set("retry-after", String(RATE_PERIOD_SECONDS));
  if (error.code === "queue_full") headers.set("retry-after", String(QUEUE_SECONDS));
  // OpenAI's clients ask again after 409, 429 and 5xx, unless they are told that it is of no use.
  if (error instanceof TurnError || status === 409) headers.set("x-should-retry", "false");
  return Response.json({ error: openaiError(error) }, { status, headers });
}

/** Why a turn failed, as an error. */
export function turnError(failure: { code: string; message: string } | null): TurnError {
  const { code, message } = failure ?? { code: "internal", message: "The answer failed." };
  return new TurnError(isCode(code) ? code : "internal", message);
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_STATUS, code);
