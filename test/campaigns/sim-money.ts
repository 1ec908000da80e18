/** Money in the simulation: a purse that grants what a few calls take, and may want it back at any moment. */
import type { Entry } from "../../src/actors/conversation/entries.ts";
import type { TurnPorts } from "../../src/actors/conversation/ports.ts";
import { foldPurse, type Purse, reserve } from "../../src/actors/conversation/purse.ts";
import { dayOf } from "../../src/model/prices.ts";
import type { Life } from "./sim-outside.ts";

const CALL = { micros: 100, tokens: 10 };
/** A lease pays for so many calls. */
const CALLS = 3;

/** `life`: null for a model that costs nothing. */
export function simMoney(
  life: Life | null,
  purse: () => Purse,
  now: () => number,
): Pick<TurnPorts, "reserve" | "lease"> {
  return {
    reserve: (state, { maxOutputTokens }) => {
      if (!life) return { ok: true, micros: 0, maxOutputTokens };
      if (reserve(state.purse, dayOf(now()), CALL.micros, CALL.tokens) !== "ok")
        return { ok: false, needs: "lease" };
      return { ok: true, ...CALL, maxOutputTokens };
    },
    lease: async () => {
      if (!life) return null;
      const number = purse().lease + 1;
      life.point("before lease");
      await life.turnOf("lease");
      life.point("after lease");
      const block = { micros: CALL.micros * CALLS, tokens: CALL.tokens * CALLS };
      return { kind: "lease", at: now(), day: dayOf(now()), number, ...block };
    },
  };
}

/** What is wrong with the money of a commit; null when nothing is. */
export function moneyWrong(before: Purse, entries: readonly Entry[]): string | null {
  let purse = before;
  for (const entry of entries) {
    const after = foldPurse(purse, entry);
    const { micros, tokens } = after.left;
    if (micros < 0 || tokens < 0) return `a ${entry.kind} spends what was not leased`;
    if (entry.kind === "release" && micros + tokens > 0) return "what was given back can still be spent";
    // Nothing but a lease brings money: what is left, reserved and spent stays the same, or goes back.
    if (entry.kind !== "lease" && worth(after) > worth(purse)) return `a ${entry.kind} makes money`;
    if (entry.kind === "end" && micros < purse.left.micros) return "the end of a turn loses what was left";
    purse = after;
  }
  return null;
}

const worth = ({ day, left, open, spent }: Purse): number =>
  left.micros + spent.micros + (open?.day === day ? open.micros : 0);
