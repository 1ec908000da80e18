/** What people read when money is the reason. Pure. */
import type { BudgetRefusal } from "../../protocol/rpc.ts";

/** Says the limit, how it stands, when it starts anew and who can raise it. */
export function budgetText({ of, limit, spent, reserved }: BudgetRefusal): string {
  const [amount, setting] = of === "money" ? [dollars, "DAILY_LIMIT_USD"] : [tokens, "DAILY_LIMIT_TOKENS"];
  const aside = reserved > 0 ? ` and ${amount(reserved)} set aside for other answers` : "";
  return (
    `Today's limit of ${amount(limit)} does not cover this answer: ${amount(spent)} spent${aside}. ` +
    "It starts anew at 00:00 UTC. An administrator of this deployment can raise it by the setting " +
    `${setting}; a cheaper model, or one on a local server, may still answer.`
  );
}

export const unpricedText = (model: string): string =>
  `The model ${model} has no price, and spending is limited here. Choose another model. An administrator of this ` +
  "deployment can price it by the setting PRICES, in dollars per million tokens: " +
  `{"${model}": {"input": 3, "cachedInput": 0.3, "output": 15}}.`;

const tokens = (count: number): string => `${count.toLocaleString("en-US")} tokens`;

/** `$5.00`; as many places as it takes where that would read as nothing. */
function dollars(micros: number): string {
  const usd = micros / 1_000_000;
  return usd === 0 || usd >= 0.01 ? `$${usd.toFixed(2)}` : `$${usd.toFixed(6).replace(/0+$/, "")}`;
}
