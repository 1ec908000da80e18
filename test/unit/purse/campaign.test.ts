import { describe, expect, it } from "vitest";
import { Ledger } from "../../../src/actors/user/purse-ledger.ts";
import { purse, purseReport } from "../../campaigns/purse/index.ts";
import type { LedgerMaker } from "../../campaigns/purse/story.ts";

describe("a bounded share of the purse campaign", () => {
  it("spends within the limit, forgets nothing and counts every call once", async () => {
    const report = await purseReport(1, 300);
    expect(report.violations).toEqual([]);
    const rows = new Map(report.rows);
    for (const what of [
      "leases granted",
      "leases refused",
      "deaths of a conversation",
      "messages that came twice",
    ])
      expect(rows.get(what), what).toBeGreaterThan(100);
  }, 30_000);

  /** Purses that are wrong in one way each. The campaign is worth something only if it finds them. */
  const BROKEN: Record<string, LedgerMaker> = {
    "grants what is asked for, whatever the limit": (accounts) => {
      const real = new Ledger(accounts);
      return {
        lease: (request) => real.lease(request, { micros: null, tokens: null }),
        tell: (...args) => real.tell(...args),
        totals: (day) => real.totals(day),
      };
    },
    "forgets a grant that is on its way": (accounts) => {
      const real = new Ledger(accounts);
      return {
        lease: (request, dayLimits) => {
          const answer = real.lease(request, dayLimits);
          const known = accounts.get(request.day, request.thread);
          if (known) accounts.put({ ...known, told: known.lease });
          return answer;
        },
        tell: (...args) => real.tell(...args),
        totals: (day) => real.totals(day),
      };
    },
    "believes late statements": (accounts) => {
      const real = new Ledger(accounts);
      return {
        lease: (request, dayLimits) => real.lease(request, dayLimits),
        tell: (thread, statement, today) => {
          const known = accounts.get(today, thread);
          if (known) accounts.put({ ...known, seq: 0 });
          real.tell(thread, statement, today);
        },
        totals: (day) => real.totals(day),
      };
    },
    "keeps what was given back": (accounts) => {
      const real = new Ledger(accounts);
      return {
        lease: (request, dayLimits) => real.lease(request, dayLimits),
        tell: (thread, statement, today) => real.tell(thread, { ...statement, lease: 0, days: [] }, today),
        totals: (day) => real.totals(day),
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
