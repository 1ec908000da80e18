/** What the campaign `access` proves, without its storm over HTTP; and that it sees what is wrong. */
import { describe, expect, it, vi } from "vitest";
import { makeKeys } from "../../campaigns/access/forge.ts";
import { TABLE, walkKeySets, walkTable } from "../../campaigns/access/index.ts";
import { KEY_SETS } from "../../campaigns/access/keysets.ts";
import { storm } from "../../campaigns/access/storm.ts";
import { Chance } from "../../campaigns/random.ts";

describe("the access campaign", () => {
  const keys = makeKeys();

  it("has a table of at least 200 cases, of which many are let in", () => {
    expect(TABLE.length + KEY_SETS.length).toBeGreaterThanOrEqual(200);
    expect(TABLE.filter(({ expect: outcome }) => outcome !== "unauthenticated").length).toBeGreaterThan(40);
  });

  it("finds each case as it must be", async () => {
    const { violations, admitted, refused } = await walkTable(keys);
    expect(violations).toEqual([]);
    expect(admitted + refused).toBe(TABLE.length);
  });

  it("finds each key set and each rotation as it must be", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    try {
      expect(await walkKeySets(keys)).toEqual([]);
    } finally {
      log.mockRestore();
    }
  }, 20_000);

  it("finds few fetches in a storm of key ids that nobody knows", async () => {
    const { violations, refused, fetches } = await storm(keys, 4_000, new Chance(7));
    expect(violations).toEqual([]);
    expect(refused).toBe(4_000);
    // At the beginning, and once in the 40 s that it lasts.
    expect(fetches).toEqual([0, 30_000]);
  });
});
