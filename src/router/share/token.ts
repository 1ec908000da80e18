/**
 * The secret part of a link's address: `id.until.signature`. What is forged or over is refused before anything is
 * looked up; the address itself is kept nowhere.
 */
import { AppError } from "../../errors.ts";
import type { Keyring } from "../../keyring.ts";

const ID = /^[a-z2-7]{20}$/;
/** Seconds since the epoch, to the base of 36. */
const UNTIL = /^[0-9a-z]{1,8}$/;

/** @param expiresAt milliseconds since the epoch; a part of a second is dropped */
export function shareToken(keyring: Keyring, id: string, expiresAt: number): string {
  const claims = `${id}.${Math.floor(expiresAt / 1000).toString(36)}`;
  return `${claims}.${keyring.sign("share", claims)}`;
}

/** The link's id. Throws `not_found` for what was not made here, and `share_over` for what has expired. */
export function readShareToken(keyring: Keyring, token: string, now: number): string {
  const [id = "", until = "", ...signature] = token.split(".");
  if (!ID.test(id) || !UNTIL.test(until) || !keyring.verify("share", `${id}.${until}`, signature.join(".")))
    throw new AppError("not_found", "There is no such link. Check that all of it was copied.");
  if (Number.parseInt(until, 36) * 1000 <= now)
    throw new AppError("share_over", "It has expired. Ask whoever sent it for a new one.");
  return id;
}
