/** What the actor says of errors: what was not foreseen is logged, and leaves as a generic one. */
import { AppError, toWire } from "../../errors.ts";

/** Logs what was not foreseen, and gives back an error that may leave the actor. */
export function loggedFailure(user: string, where: string, error: unknown): AppError {
  if (error instanceof AppError && error.status < 500) return error;
  console.error(JSON.stringify({ event: "user_actor_failed", user, where, error: describe(error) }));
  const { code, message } = toWire(error);
  return error instanceof AppError ? error : new AppError(code, message);
}

const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
