import { describe, expect, it } from "vitest";
import { Ledger } from "../../../src/actors/user/purse-ledger.ts";
import { purse, purseReport } from "../../campaigns/purse/index.ts";
import type { LedgerMaker } from "../../campaigns/purse/user.ts";

describe("a bounded share of the purse campaign", () => {
  it("spends within the limit, forgets nothing and counts every call once", async () => {
    const report = await purseReport(1, 300);
    expect(report.violations).toEqual([]);
    const rows = new Map(report.rows);
    for (const what of [
      "leases granted",
      "leases refused",
      "deaths of a conversation or of the purse",
      "messages that came twice",
      "recalls of money that lies idle",
      "chats deleted",
    ])
      expect(rows.get(what), what).toBeGreaterThan(100);
    expect(rows.get("... or short, and no chat at rest held enough")).toBeGreaterThan(10);
  }, 30_000);

  /** A ledger that does as the real one, but for what a test changes. */
  const like = (real: Ledger): ReturnType<LedgerMaker> => ({
    lease: (...args) => real.lease(...args),
    tell: (...args) => real.tell(...args),
    totals: (day) => real.totals(day),
    missing: (...args) => real.missing(...args),
    holders: (...args) => real.holders(...args),
    bury: (...args) => real.bury(...args),
  });

  /** Purses that are wrong in one way each. The campaign is worth something only if it finds them. */
  const BROKEN: Record<string, LedgerMaker> = {
    "grants what is asked for, whatever the limit": (accounts) => {
      const real = new Ledger(accounts);
      return { ...like(real), lease: (request) => real.lease(request, { micros: null, tokens: null }) };
    },
    "forgets a grant that is on its way": (accounts) => {
      const real = new Ledger(accounts);
      return {
        ...like(real),
        lease: (request, ...rest) => {
          const answer = real.lease(request, ...rest);
          const known = accounts.get(request.day, request.thread);
          if (known) accounts.put({ ...known, told: known.lease });
          return answer;
        },
      };
    },
    "believes late statements": (accounts) => {
      const real = new Ledger(accounts);
      return {
        ...like(real),
        tell: (thread, statement, today) => {
          const known = accounts.get(today, thread);
          if (known) accounts.put({ ...known, seq: 0 });
          real.tell(thread, statement, today);
        },
      };
    },
    "keeps what was given back": (accounts) => {
      const real = new Ledger(accounts);
      return {
        ...like(real),
        tell: (thread, statement, today) => real.tell(thread, { ...statement, lease: 0, days: [] }, today),
      };
    },
    "asks nobody before it refuses": (accounts) => ({ ...like(new Ledger(accounts)), holders: () => [] }),
    "takes a deleted chat's money for unspent": (accounts) => {
      const real = new Ledger(accounts);
      return {
        ...like(real),
        bury: (thread, day) => {
          const known = accounts.get(day, thread);
          if (known) accounts.put({ ...known, told: known.lease, heldMicros: 0, heldTokens: 0 });
        },
      };
    },
  };

  it.each(Object.keys(BROKEN))(
    "finds a purse that %s",
    async (name) => {
      const make = BROKEN[name];
      if (!make) throw new Error(name);
      const { violations } = await purse({ seed: 1, count: 60, make });
      expect(violations.length).toBeGreaterThan(0);
    },
    30_000,
  );
});
