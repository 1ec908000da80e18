/** Guards of the purse: spent and reserved together stay below the limit. */
import type { Guard } from "../guard.ts";

const ledger = "src/actors/user/purse-ledger.ts";
const purse = "src/actors/conversation/purse.ts";

export const GUARDS: readonly Guard[] = [
  {
    name: "the purse takes nothing that is older than what it knows",
    file: ledger,
    from: "if (statement.seq < base.seq && !back) continue;",
    to: "",
    by: "purse",
  },
  {
    name: "the purse grants no more than the day's limit leaves",
    file: ledger,
    from: "Math.max(0, Math.min(left, Math.max(wanted, least)))",
    to: "Math.max(wanted, least)",
    by: "purse",
  },
  {
    name: "one lease is granted once, however often it is asked for",
    file: ledger,
    from: "if (number <= newest) {",
    to: "if (number < 0) {",
    by: "purse",
  },
  {
    name: "a call holds its worst case until it is settled",
    file: purse,
    from: "left: minus(paid.left, worst)",
    to: "left: paid.left",
    by: "purse",
  },
  {
    name: "a lease is of no use on another day",
    file: purse,
    from: "return { ...purse, day, left: NOTHING, spent: NOTHING, before };",
    to: "return { ...purse, day, spent: NOTHING, before };",
    by: "purse",
  },
];
