/** Tokens with key ids that nobody knows: how often the key set is fetched for them. */
import type { Chance } from "../random.ts";
import { type Keys, part } from "./forge.ts";
import { createWorld, type Mint } from "./world.ts";

/** A storm of one second's length in this many tokens, on the virtual clock. */
const PER_SECOND = 100;

export interface Storm {
  tokens: number;
  refused: number;
  /** Times at which the key set was fetched, in milliseconds, after the first token. */
  fetches: number[];
  violations: string[];
}

/** As Access names its keys: 64 hexadecimal digits. */
const randomKid = (chance: Chance): string =>
  Array.from({ length: 8 }, () =>
    chance
      .below(2 ** 32)
      .toString(16)
      .padStart(8, "0"),
  ).join("");

/** A token whose key id nobody knows. Its signature is never looked at. */
export function unknownToken({ token, header }: Mint, chance: Chance): string {
  const kid = randomKid(chance);
  const [, ...rest] = token().split(".");
  return [part(header({ kid })), ...rest].join(".");
}

/** So many tokens, a hundred a second. */
export async function storm(keys: Keys, count: number, chance: Chance): Promise<Storm> {
  const world = createWorld(keys);
  const result: Storm = { tokens: count, refused: 0, fetches: [], violations: [] };
  if ((await world.askToken(world.mint.token())) !== "person")
    result.violations.push("the storm began with nobody in");
  const from = world.clock.now;
  const head = unknownToken(world.mint, chance).split(".").slice(1);
  for (let n = 0; n < count; n++) {
    const kid = randomKid(chance);
    const outcome = await world.askToken([part(world.mint.header({ kid })), ...head].join("."));
    if (outcome === "unauthenticated") result.refused += 1;
    else result.violations.push(`key id ${kid} came out as ${outcome}`);
    if (n % PER_SECOND === PER_SECOND - 1) world.clock.now += 1_000;
  }
  if ((await world.askToken(world.mint.token({ after: true }))) !== "person")
    result.violations.push("a right token after the storm was refused");
  result.fetches = world.fetched.map((at) => at - from);
  for (const [n, at] of world.fetched.entries()) {
    const before = world.fetched[n - 1];
    if (before !== undefined && at - before < 30_000)
      result.violations.push(`two fetches lie ${at - before} ms apart`);
  }
  const most = 1 + Math.floor((world.clock.now - from) / 30_000);
  if (world.fetched.length > most) result.violations.push(`${world.fetched.length} fetches, ${most} at most`);
  return result;
}
