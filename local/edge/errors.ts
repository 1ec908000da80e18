/**
 * What the edge itself answers when it does not hand a request on. In production these answers are Cloudflare's own,
 * so their codes are not among those of `src/errors.ts`; the ones that are carry the same meaning.
 */
import { ERROR_STATUS, type ErrorCode } from "../../src/errors.ts";

/** Codes that only the edge gives, with their HTTP status. */
export const EDGE_ERROR_STATUS = {
  /** The request names another host than the one that is served here. */
  misdirected: 421,
  /** The Worker does not answer. */
  worker_unreachable: 502,
  /** The launcher has not finished starting. */
  starting: 503,
} as const;

export type EdgeErrorCode = ErrorCode | keyof typeof EDGE_ERROR_STATUS;

/** An answer of the edge. `message` is for the person who has to act on it. */
export class EdgeError extends Error {
  readonly code: EdgeErrorCode;
  readonly status: number;
  constructor(code: EdgeErrorCode, message: string) {
    super(message);
    this.name = "EdgeError";
    this.code = code;
    this.status = { ...ERROR_STATUS, ...EDGE_ERROR_STATUS }[code];
  }
}
