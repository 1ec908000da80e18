/** What owners spent over several days. Pure. */
import type { UsageDayRow } from "../../protocol/log.ts";
import { adminTexts } from "./texts.ts";

const texts = adminTexts.usagePage;

export interface OwnerUsage {
  ownerId: string;
  name: string;
  micros: number;
  tokens: number;
}

/** Days summed up by owner; who spent most is first. */
export function byOwner(days: readonly UsageDayRow[]): OwnerUsage[] {
  const owners = new Map<string, OwnerUsage>();
  for (const { ownerId, ownerHandle, micros, tokens } of days) {
    const known = owners.get(ownerId);
    owners.set(ownerId, {
      ownerId,
      name: ownerHandle === null ? texts.gone : `@${ownerHandle}`,
      micros: (known?.micros ?? 0) + micros,
      tokens: (known?.tokens ?? 0) + tokens,
    });
  }
  return [...owners.values()].sort((a, b) => b.micros - a.micros || b.tokens - a.tokens);
}

/** Of all owners. */
export const sum = (owners: readonly OwnerUsage[], of: "micros" | "tokens"): number =>
  owners.reduce((all, owner) => all + owner[of], 0);
