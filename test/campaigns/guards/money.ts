/** Guards of the purse: spent and reserved together stay below the limit. */
import type { Guard } from "../guard.ts";

const ledger = "src/actors/user/purse-ledger.ts";
const purse = "src/actors/conversation/purse.ts";
const port = "src/actors/conversation/purse-port.ts";
const recall = "src/actors/user/recall.ts";

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
    from: "return Math.max(0, Math.min(left, Math.max(wanted + Math.max(0, more), least)));",
    to: "return Math.max(wanted + Math.max(0, more), least);",
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
  {
    name: "a life that begins asks before it spends what its journal has left",
    file: port,
    from: "const covered = this.#agreed && reserve(",
    to: "const covered = reserve(",
    by: "purse",
  },
  {
    name: "a chat holds no more than the books reserve for it",
    file: ledger,
    from: "...heldAtMost(base, told, statement.lease, back),",
    to: "",
    by: "unit:purse/ledger",
  },
  {
    name: "a restored journal is found out however far it has come since",
    file: ledger,
    from: "if (!behind && holdsMore(statement, day, known)) return stale;",
    to: "",
    by: "unit:purse/ledger",
  },
  {
    name: "nothing is written for a short grant before the chats at rest were asked",
    file: ledger,
    from: "if (!whole || !isLess(answer)) draft.write();",
    to: "draft.write();",
    by: "unit:purse/recall",
  },
  {
    name: "a chat is refused only after those at rest were asked",
    file: recall,
    from: "if (holders.length === 0) break;",
    to: "break;",
    by: "purse",
  },
  {
    name: "what a chat gave back it does not spend",
    file: purse,
    from: "return { ...purse, left: NOTHING, lease: Math.max(purse.lease, known.number) };",
    to: "return { ...purse, lease: Math.max(purse.lease, known.number) };",
    by: "purse",
  },
  {
    name: "a lease that is on its way when the chat gives back counts for nothing",
    file: purse,
    from: "number: Math.max(purse.lease + 1, newest)",
    to: "number: purse.lease",
    by: "purse",
  },
  {
    name: "a lease whose answer was lost comes back when it is needed",
    file: purse,
    from: "if (!hasMore(purse) && purse.lease >= newest) return null;",
    to: "if (!hasMore(purse)) return null;",
    by: "unit:purse/fold",
  },
  {
    name: "what a chat said before it was deleted changes nothing afterwards",
    file: ledger,
    from: "seq: Number.MAX_SAFE_INTEGER,",
    to: "",
    by: "unit:purse/recall",
  },
  {
    name: "the end of an earlier journal gives back what is left",
    file: purse,
    from: "if (!keeps) return { ...purse, left: NOTHING, lease: purse.lease + 1 };",
    to: "",
    by: "unit:purse/fold",
  },
  {
    name: "a lease outlives its turn",
    file: purse,
    from: "const written = hasMore(after) ? kept : entry;",
    to: "const written = entry;",
    by: "unit:purse/fold",
  },
  {
    name: "a chat that was just asked in vain is left in peace",
    file: recall,
    from: "&& !this.#isKnown(holder)",
    to: "",
    by: "unit:purse/recall",
  },
  {
    name: "a grant that a later request gave up is not spent",
    file: port,
    from: 'if (answer.type === "granted" && answer.number < this.#asked) return null;',
    to: "",
    by: "unit:purse/port",
  },
];
