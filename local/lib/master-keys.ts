/** The secret that a local deployment seals and signs with: made once, kept in the data directory, shown to nobody. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { createWhole, readIfThere } from "./files.ts";

const KEY_BYTES = 32;

/** One key, as `MASTER_KEYS` wants it. */
export const newMasterKey = (): string =>
  `k${randomBytes(4).toString("hex")}:${randomBytes(KEY_BYTES).toString("base64")}`;

/** The keys of a data directory's folder for Access. */
export function openMasterKeys(folder: string): string {
  const file = join(folder, "master-keys");
  if (readIfThere(file) === null) createWhole(file, `${newMasterKey()}\n`, 0o600);
  return (readIfThere(file) ?? "").trim();
}
