/** `npm run token`: a token for programs, on the last line of stdout. */
import { z } from "zod";
import { isServiceName } from "./issuer/services.ts";
import { EXIT, readFlags, runCommand, UsageError } from "./lib/command.ts";
import { openDataDir } from "./lib/data-dir.ts";
import {
  DEFAULT_DATA,
  DEFAULT_TOKEN_TTL_SECONDS,
  dataFlag,
  emailFlag,
  groupsFlag,
  ttlFlag,
} from "./lib/flags.ts";
import { personToken, serviceToken } from "./lib/token.ts";

const USAGE = `Usage: npm run token -- --as EMAIL [flags]
       npm run token -- --service NAME [flags]

Prints a token of the local Access, alone on the last line. Send it as the header cf-access-token:

  curl -H "cf-access-token: $(npm run -s token -- --as alice@example.com)" http://127.0.0.1:8787/api/me

  --as EMAIL      a person
  --groups A,B    their groups (default: what the sign-in page gives them; "admins" administers)
  --service NAME  a program instead of a person. The first time, a client id and a secret are made and printed
                  above the token, to be sent as CF-Access-Client-Id and CF-Access-Client-Secret instead of it;
                  they do not expire. Only a hash of the secret is kept.
  --new-secret    make a new secret for the service; the old one stops working
  --ttl SECONDS   how long the token is valid (default ${DEFAULT_TOKEN_TTL_SECONDS})
  --data DIR      the server's data directory (default ${DEFAULT_DATA}); the server need not be running
  --help          show this text

A token is for one address: the port that the data directory was last served on.
`;

const schema = z.object({
  as: emailFlag.optional(),
  groups: groupsFlag.optional(),
  service: z
    .string()
    .refine(isServiceName, "A service's name has lower-case letters, digits and hyphens.")
    .optional(),
  "new-secret": z.boolean().default(false),
  ttl: ttlFlag.default(DEFAULT_TOKEN_TTL_SECONDS),
  data: dataFlag.default(DEFAULT_DATA),
  help: z.boolean().default(false),
  positionals: z.array(z.string()),
});

async function main(argv: readonly string[]): Promise<number> {
  const flags = readFlags(
    argv,
    {
      as: { type: "string" },
      groups: { type: "string" },
      service: { type: "string" },
      "new-secret": { type: "boolean" },
      ttl: { type: "string" },
      data: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
    schema,
  );
  if (flags.positionals.length > 0) throw new UsageError(`Unexpected argument "${flags.positionals[0]}".`);
  if (flags.help) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  if ((flags.as === undefined) === (flags.service === undefined)) {
    throw new UsageError("Say whom the token is for: either --as EMAIL or --service NAME.");
  }
  const now = Date.now();
  const common = { ttlSeconds: flags.ttl, now };
  if (flags.as !== undefined) {
    if (flags["new-secret"]) throw new UsageError("--new-secret goes with --service.");
    const dir = openDataDir(flags.data);
    process.stdout.write(`${await personToken(dir, { email: flags.as, groups: flags.groups, ...common })}\n`);
    return EXIT.ok;
  }
  if (flags.groups !== undefined)
    throw new UsageError("--groups goes with --as: Access gives services no groups.");
  // The check above leaves a name here.
  const name = flags.service ?? "";
  const { token, credential } = await serviceToken(openDataDir(flags.data), {
    name,
    newSecret: flags["new-secret"],
    ...common,
  });
  if (credential) {
    process.stdout.write(`CF-Access-Client-Id: ${credential.clientId}\n`);
    process.stdout.write(`CF-Access-Client-Secret: ${credential.clientSecret}\n`);
  }
  process.stdout.write(`${token}\n`);
  return EXIT.ok;
}

await runCommand(USAGE, () => main(process.argv.slice(2)));
