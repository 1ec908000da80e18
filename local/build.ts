/** `npm run build`: the Worker and the console, if they changed. */
import { z } from "zod";
import { build } from "./lib/build.ts";
import { EXIT, readFlags, runCommand, UsageError } from "./lib/command.ts";

const USAGE = `Usage: npm run build -- [flags]

Builds the Worker into dist/worker and the console into dist/console. What has not changed is not built again.

  --force   build everything
  --help    show this text
`;

const schema = z.object({
  force: z.boolean().default(false),
  help: z.boolean().default(false),
  positionals: z.array(z.string()),
});

async function main(argv: readonly string[]): Promise<number> {
  const flags = readFlags(
    argv,
    { force: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    schema,
  );
  if (flags.positionals.length > 0) throw new UsageError(`Unexpected argument "${flags.positionals[0]}".`);
  if (flags.help) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const results = await build({ force: flags.force, progress: (line) => process.stderr.write(`${line}\n`) });
  for (const { line } of results) process.stdout.write(`${line}\n`);
  return EXIT.ok;
}

await runCommand(USAGE, () => main(process.argv.slice(2)));
