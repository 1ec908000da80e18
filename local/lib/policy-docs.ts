/** The policy's table as Markdown, for `docs/security.md`. Pure. */
import { RULES, type Rule } from "../../src/router/policy.ts";

const BEGIN = "<!-- written by `npm run policy -- --write-docs` from src/router/policy.ts -->";
const END = "<!-- end of the policy -->";

const EVERYBODY = ["admin", "member", "service", "guest"];
const OF: Readonly<Record<Rule["of"][number], string>> = {
  self: "one's own",
  owner: "a team one owns",
  writer: "a team one writes in",
  reader: "a team one reads in",
  stranger: "somebody else's",
  deployment: "nobody's",
};

/** What of the table there is, one line a rule, in the order of the code. */
export function policyTable(rules: readonly Rule[] = RULES): string {
  return [
    "| What | may be | of whom | by | |",
    "|---|---|---|---|---|",
    ...rules.map((rule) =>
      [
        "",
        rule.resources.map((resource) => `\`${resource}\``).join(", "),
        rule.actions.join(", "),
        rule.of.map((of) => OF[of]).join(", "),
        byWhom(rule),
        rule.why,
        "",
      ]
        .join(" | ")
        .trim(),
    ),
  ].join("\n");
}

function byWhom({ roles, scope, watched }: Rule): string {
  const all = EVERYBODY.every((name) => roles.some((role) => role === name));
  const who = all ? "everybody" : roles.join(", ");
  return [who, scope && `with the scope \`${scope}\``, watched && "**told to the owner**"]
    .filter(Boolean)
    .join(", ");
}

/** The page with the table between its markers, or `null` when they are not there. */
export function withPolicy(page: string, table = policyTable()): string | null {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) return null;
  return `${page.slice(0, from)}${BEGIN}\n\n${table}\n\n${page.slice(to)}`;
}
