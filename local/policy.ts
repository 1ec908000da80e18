/** `npm run policy`: prints who may do what, or writes it into the documents. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectPaths } from "./lib/paths.ts";
import { policyTable, withPolicy } from "./lib/policy-docs.ts";

const USAGE = `Usage: npm run policy [-- --write-docs]

Prints the table of src/router/policy.ts: who may do what with whose.

  --write-docs   puts it into docs/security.md
  --help         show this text
`;

const { values } = parseArgs({
  options: { "write-docs": { type: "boolean", default: false }, help: { type: "boolean", default: false } },
});
if (values.help) process.stdout.write(USAGE);
else if (values["write-docs"]) {
  const path = join(projectPaths.root, "docs/security.md");
  const page = withPolicy(readFileSync(path, "utf8"));
  if (page === null) {
    process.stderr.write(`${path} has lost the markers between which the policy stands. Put them back.\n`);
    process.exitCode = 1;
  } else writeFileSync(path, page);
} else process.stdout.write(`${policyTable()}\n`);
