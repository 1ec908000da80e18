/**
 * One error type with a stable `code`. Inside, an error is rich (cause, details for the log); on the wire it is
 * only `{ code, message }`, and the message says what to do next.
 */

/** Every code that can reach a client, with the HTTP status it travels under. */
export const ERROR_STATUS = {
  bad_request: 400,
  frame_invalid: 400,
  thread_invalid: 400,
  path_invalid: 400,
  message_empty: 400,
  message_too_large: 413,
  body_too_large: 413,
  unauthenticated: 401,
  forbidden: 403,
  origin_refused: 403,
  not_admitted: 403,
  account_disabled: 403,
  agent_missing: 403,
  agent_unknown: 404,
  person_unknown: 404,
  member_unknown: 404,
  invitation_unknown: 404,
  thread_unknown: 404,
  file_unknown: 404,
  version_unknown: 404,
  approval_unknown: 404,
  nothing_to_undo: 409,
  message_begun: 409,
  not_found: 404,
  method_not_allowed: 405,
  file_conflict: 409,
  queue_full: 429,
  upgrade_refused: 426,
  model_failed: 502,
  model_garbage: 502,
  model_unreachable: 502,
  model_rate_limited: 502,
  model_unknown: 400,
  key_unknown: 404,
  key_over: 409,
  keys_full: 409,
  key_invalid: 401,
  key_scope: 403,
  hook_unknown: 404,
  hooks_full: 409,
  signature_invalid: 401,
  answer_unknown: 404,
  answer_superseded: 409,
  answer_stopped: 409,
  rate_limited: 429,
  storage_failed: 503,
  config_missing: 503,
  secret_unreadable: 503,
  credential_unknown: 404,
  vault_full: 409,
  share_unknown: 404,
  share_over: 410,
  shares_full: 409,
  link_invalid: 403,
  range_invalid: 416,
  requirement_unmet: 403,
  turn_stalled: 500,
  budget_exceeded: 402,
  model_unpriced: 402,
  schedule_unknown: 404,
  schedule_invalid: 400,
  delivery_failed: 502,
  delivery_unknown: 404,
  thread_exists: 409,
  handle_invalid: 400,
  handle_taken: 409,
  last_owner: 409,
  last_admin: 409,
  team_full: 409,
  invitation_used: 410,
  thread_deleted: 410,
  agent_erased: 410,
  internal: 500,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** What a client may see of an error. */
export interface WireError {
  code: ErrorCode;
  message: string;
}

/** The one error class of Holdfast. `message` is written for the person who has to act on it. */
export class AppError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "AppError";
    this.code = code;
  }
  get status(): number {
    return ERROR_STATUS[this.code];
  }
}

/**
 * What the wire says of any thrown value: an `AppError` keeps its code and message, anything else becomes a
 * generic `internal`, so that no stack, path or secret leaves. Callers log the original.
 */
export function toWire(error: unknown): WireError {
  if (error instanceof AppError) return { code: error.code, message: error.message };
  return {
    code: "internal",
    message: "Something went wrong on our side. Nothing you sent was lost; try again.",
  };
}
