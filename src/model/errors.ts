/** Why a model call gave no answer, and whether asking again may help. */
import { AppError, type ErrorCode } from "../errors.ts";

export class ModelError extends AppError {
  readonly retryable: boolean;
  /** What the provider asked us to wait; 0 when it did not say. */
  readonly retryAfterMs: number;
  /** The call was refused before anything was generated: nobody charges for it. */
  readonly unbilled: boolean;
  constructor(
    code: Extract<ErrorCode, `model_${string}`>,
    message: string,
    options: { retryable: boolean; retryAfterMs?: number; unbilled?: boolean; cause?: unknown },
  ) {
    super(code, message, { cause: options.cause });
    this.name = "ModelError";
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs ?? 0;
    this.unbilled = options.unbilled ?? false;
  }
}
