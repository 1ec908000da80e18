import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { policyTable, withPolicy } from "../../../local/lib/policy-docs.ts";

const page = readFileSync(join(import.meta.dirname, "../../../docs/security.md"), "utf8");

it("the documents say of the policy what the code does", () => {
  expect(withPolicy(page), "run npm run policy -- --write-docs").toBe(page);
});

it("a rule that is taken away, or widened, is seen", () => {
  const [first, ...rest] = policyTable().split("\n").slice(2);
  expect(withPolicy(page, rest.join("\n"))).not.toBe(page);
  expect(first).toContain("everyone but a guest has an agent");
});

it("a page without the place for it is not written to", () => {
  expect(withPolicy("# Security\n")).toBeNull();
});
