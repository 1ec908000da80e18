/** `npm run deploy`: everything that stands between a checkout and a deployment that Access guards. */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { z } from "zod";
import { UNGUARDED } from "../src/router/unguarded.ts";
import { carryOut, describePlan, planAccess } from "./deploy/access.ts";
import { createApi } from "./deploy/api.ts";
import { type Configuration, checkSettings, type Deployable, rulesOf } from "./deploy/settings.ts";
import { build } from "./lib/build.ts";
import { CommandError, EXIT, readFlags, runCommand, UsageError } from "./lib/command.ts";
import { projectPaths } from "./lib/paths.ts";

const USAGE = `Usage: npm run deploy -- [flags]

Deploys Holdfast to Cloudflare: checks the configuration, builds, brings the catalog's schema up to date, sets Access
up so that the host is guarded and only the paths that check their callers themselves are let through, and uploads the
Worker. Running it again changes what has changed.

  --dry-run     print what would be done, and change nothing
  --allow LIST  who may sign in: e-mail addresses and domains, separated by commas. Needed the first time; later on it
                replaces the policies of the application, which are left alone otherwise
  --help        show this text

Environment: CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID; PUBLIC_ORIGIN and the other variables of wrangler.toml win
over what stands there. The team domain and the audience tag are looked up.

Exit codes: 0 done, 1 refused or failed, 2 wrong flags or settings.
`;

/** Secrets without which a deployment answers 503. */
const SECRETS = ["MASTER_KEYS"];

const schema = z.object({
  "dry-run": z.boolean().default(false),
  allow: z.string().optional(),
  help: z.boolean().default(false),
  positionals: z.array(z.string()),
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(argv: readonly string[]): Promise<number> {
  const flags = readFlags(
    argv,
    { "dry-run": { type: "boolean" }, allow: { type: "string" }, help: { type: "boolean", short: "h" } },
    schema,
  );
  if (flags.positionals.length > 0) throw new UsageError(`Unexpected argument "${flags.positionals[0]}".`);
  if (flags.help) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const allow = flags.allow === undefined ? null : allowed(flags.allow);
  const { deployable, problems } = checkSettings(await configuration(), process.env);
  if (!deployable) {
    const list = problems.map((problem) => `  - ${problem}`).join("\n");
    throw new CommandError(`This cannot be deployed yet:\n${list}\nSee docs/operations.md.`, EXIT.usage);
  }

  const { apiBase: base, accountId, token, host, script } = deployable;
  const api = createApi({ base, accountId, token, fetch });
  const [teamDomain, existing, secrets] = await Promise.all([
    api.teamDomain(),
    api.applications(),
    api.secrets(script),
  ]);
  if (deployable.teamDomain !== "" && deployable.teamDomain !== teamDomain) {
    throw new CommandError(
      `ACCESS_TEAM_DOMAIN is ${deployable.teamDomain}, but the account's team is ${teamDomain}. Correct it, or leave it empty.`,
      EXIT.usage,
    );
  }
  const steps = planAccess(existing, { host, unguarded: UNGUARDED, allow });
  say(`Access of ${teamDomain}:`);
  for (const line of describePlan(steps)) say(`  ${line}`);
  say(`Catalog: migrations of ${deployable.database} that are missing are applied.`);
  say(`Worker: ${script} is uploaded for https://${host}.`);
  const missing = SECRETS.filter((name) => !secrets.includes(name));
  if (missing.length > 0) {
    throw new CommandError(
      `The Worker has no secret ${missing.join(", ")}, and would answer 503. Put it in first: npx wrangler secret put ${missing[0]}\nSee docs/operations.md.`,
      EXIT.usage,
    );
  }
  if (flags["dry-run"]) {
    say("Nothing was changed.");
    return EXIT.ok;
  }

  for (const { line } of await build({ progress: say })) say(line);
  await wrangler(["d1", "migrations", "apply", deployable.database, "--remote"]);
  // Before the upload: there is no moment in which the Worker is there and Access is not.
  const audience = await carryOut(api, steps);
  if (deployable.audience !== "" && deployable.audience !== audience) {
    throw new CommandError(
      "ACCESS_AUD is the tag of another application than the one that guards this host. Correct it, or leave it empty.",
      EXIT.usage,
    );
  }
  // With a domain of its own the Worker is served there only, and not on workers.dev beside Access.
  const domain = deployable.needsDomain ? ["--domain", host, "--domain", deployable.contentHost] : [];
  await wrangler(["deploy", ...domain, ...variables(deployable, teamDomain, audience)]);
  say(`Holdfast is deployed at https://${host}.`);
  return EXIT.ok;
}

function allowed(text: string): Record<string, unknown>[] {
  let rules: Record<string, unknown>[];
  try {
    rules = rulesOf(text);
  } catch (error) {
    throw new UsageError(`--allow: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (rules.length === 0) throw new UsageError("--allow: name at least one e-mail address or domain.");
  return rules;
}

/** Only what differs from `wrangler.toml`: the rest is read from there. */
function variables({ overrides }: Deployable, teamDomain: string, audience: string): string[] {
  const all = { ...overrides, ACCESS_TEAM_DOMAIN: teamDomain, ACCESS_AUD: audience };
  return Object.entries(all).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
}

/** Wrangler takes a second to load, which `--help` need not wait for. */
async function configuration(): Promise<Configuration> {
  const { unstable_readConfig } = await import("wrangler");
  const { name, vars, d1_databases, route, routes } = unstable_readConfig(
    { config: projectPaths.wranglerConfig },
    { hideWarnings: true },
  );
  if (!name) throw new CommandError("wrangler.toml has no name.", EXIT.usage);
  const databases = d1_databases.map(({ database_name = "", database_id = "" }) => ({
    name: database_name,
    id: database_id,
  }));
  const routed = (routes?.length ?? 0) > 0 || route !== undefined;
  return { name, vars, databases, routed };
}

/** Runs wrangler on this terminal. The token reaches it by the environment only. */
function wrangler(args: readonly string[]): Promise<void> {
  const program = join(
    dirname(createRequire(import.meta.url).resolve("wrangler/package.json")),
    "bin/wrangler.js",
  );
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args, "--config", projectPaths.wranglerConfig], {
      cwd: projectPaths.root,
      stdio: "inherit",
      // Nobody is there to be asked.
      env: { ...process.env, CI: "true", WRANGLER_SEND_METRICS: "false" },
    });
    child.once("error", reject);
    child.once("close", (code, signal) =>
      code === 0
        ? resolve()
        : reject(new CommandError(`wrangler ${args[0]} failed (${signal ?? `exit code ${code}`}).`)),
    );
  });
}

await runCommand(USAGE, () => main(process.argv.slice(2)));
