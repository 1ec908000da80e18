/** What a deployment is made from: `wrangler.toml`, overridden by the terminal's environment. Checked before anything is done. */
import { z } from "zod";
import { parseChannels } from "../../src/channels.ts";
import { parseRequirements } from "../../src/requirements.ts";
import { parseRoles } from "../../src/roles.ts";
import { parseSpending } from "../../src/spending.ts";
import { API_BASE } from "./api.ts";

/** Variables of the Worker that the terminal may set for a deployment. Secrets are none of them: wrangler keeps those. */
export const VARIABLES = [
  "ACCESS_TEAM_DOMAIN",
  "ACCESS_AUD",
  "PUBLIC_ORIGIN",
  "CONTENT_ORIGIN",
  "AI_GATEWAY_ID",
  "DEFAULT_MODEL",
  "COMPACT_MODEL",
  "DAILY_LIMIT_USD",
  "DAILY_LIMIT_TOKENS",
  "PRICES",
  "ROLES",
  "DEFAULT_ROLE",
  "REQUIREMENTS",
] as const;

const NO_DATABASE = /^0{8}-0{4}-0{4}-0{4}-0{12}$/;

/** What is read of `wrangler.toml`. */
export interface Configuration {
  name: string;
  vars: Readonly<Record<string, unknown>>;
  databases: readonly { name: string; id: string }[];
  /** Whether it says itself where the Worker is served. */
  routed: boolean;
}

export interface Deployable {
  token: string;
  accountId: string;
  apiBase: string;
  script: string;
  database: string;
  host: string;
  /** Where files of users are shown from: the Worker checks a signature there, and Access guards nothing. */
  contentHost: string;
  /** The hosts are made domains of the Worker's, because `wrangler.toml` names none. */
  needsDomain: boolean;
  /** As set; empty to take what Access says. */
  teamDomain: string;
  audience: string;
  /** Variables that differ from `wrangler.toml`. */
  overrides: Readonly<Record<string, string>>;
}

/** The settings, or everything that is missing or wrong, a sentence each. Never a value that could be a secret. */
export function checkSettings(
  { name, vars, databases, routed }: Configuration,
  env: Readonly<Record<string, string | undefined>>,
): { deployable: Deployable | null; problems: string[] } {
  const problems: string[] = [];
  const overrides = Object.fromEntries(
    VARIABLES.flatMap((variable) => (env[variable] ? [[variable, env[variable]]] : [])),
  );
  const setTo = (variable: (typeof VARIABLES)[number]): string =>
    overrides[variable] ?? String(vars[variable] ?? "");

  const token = env.CLOUDFLARE_API_TOKEN?.trim() ?? "";
  if (token === "") problems.push("CLOUDFLARE_API_TOKEN is not set in the environment.");
  const accountId = env.CLOUDFLARE_ACCOUNT_ID?.trim() ?? "";
  if (!/^[0-9a-f]{32}$/.test(accountId)) {
    problems.push("CLOUDFLARE_ACCOUNT_ID is not set in the environment, or is not 32 hexadecimal digits.");
  }
  const apiBase = env.CLOUDFLARE_API_BASE_URL?.trim() || API_BASE;
  if (!isSafe(apiBase)) problems.push("CLOUDFLARE_API_BASE_URL is no https address.");

  const origin = setTo("PUBLIC_ORIGIN").replace(/\/$/, "");
  const url = URL.canParse(origin) ? new URL(origin) : null;
  if (!url || url.origin !== origin || url.protocol !== "https:" || isLoopback(origin)) {
    problems.push(
      "PUBLIC_ORIGIN is not the https address of the deployment, such as https://holdfast.example.com.",
    );
  } else if (url.port !== "") problems.push("PUBLIC_ORIGIN has a port, which Access does not guard.");
  const content = setTo("CONTENT_ORIGIN").replace(/\/$/, "");
  const contentUrl = URL.canParse(content) ? new URL(content) : null;
  if (
    !contentUrl ||
    contentUrl.origin !== content ||
    contentUrl.protocol !== "https:" ||
    isLoopback(content)
  ) {
    problems.push(
      "CONTENT_ORIGIN is not the https address that files are shown from, such as https://holdfast-content.example.net.",
    );
  } else if (contentUrl.hostname === url?.hostname) {
    problems.push("CONTENT_ORIGIN is the host of PUBLIC_ORIGIN; what users make needs another one.");
  }
  const teamDomain = setTo("ACCESS_TEAM_DOMAIN").replace(/\/$/, "");
  if (teamDomain !== "" && (!teamDomain.startsWith("https://") || isLoopback(teamDomain))) {
    problems.push("ACCESS_TEAM_DOMAIN is no https address. Leave it empty to have it looked up.");
  }
  const database = databases.find(({ id }) => !NO_DATABASE.test(id));
  if (!database) {
    problems.push(
      "wrangler.toml has no database_id for the catalog. Run `npx wrangler d1 create holdfast-catalog` and put the id in.",
    );
  }
  for (const { problems: found } of [
    parseRoles({ ROLES: setTo("ROLES"), DEFAULT_ROLE: setTo("DEFAULT_ROLE") }),
    parseRequirements(setTo("REQUIREMENTS")),
    parseSpending({
      PRICES: setTo("PRICES"),
      DAILY_LIMIT_USD: setTo("DAILY_LIMIT_USD"),
      DAILY_LIMIT_TOKENS: setTo("DAILY_LIMIT_TOKENS"),
    }),
    parseChannels(typeof vars.CHANNELS === "string" ? vars.CHANNELS : undefined),
  ]) {
    problems.push(...found.map((problem) => `${problem}.`));
  }
  if (problems.length > 0 || !database || !url || !contentUrl) return { deployable: null, problems };
  const deployable = {
    token,
    accountId,
    apiBase: apiBase.replace(/\/$/, ""),
    script: name,
    database: database.name,
    host: url.hostname,
    contentHost: contentUrl.hostname,
    needsDomain: !routed,
    teamDomain,
    audience: setTo("ACCESS_AUD"),
    overrides,
  };
  return { deployable, problems };
}

function isLoopback(address: string): boolean {
  const host = URL.canParse(address) ? new URL(address).hostname : "";
  return host === "localhost" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** A stand-in for the API may be on this machine; anywhere else the token travels encrypted. */
const isSafe = (address: string): boolean =>
  URL.canParse(address) && (new URL(address).protocol === "https:" || isLoopback(address));

const email = z.email();
const domain = z.hostname();

/** Rules of Access for `--allow`: e-mail addresses and domains, separated by commas. Throws the one that is neither. */
export function rulesOf(text: string): Record<string, unknown>[] {
  const names = text
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  return names.map((name) => {
    if (email.safeParse(name).success) return { email: { email: name } };
    const bare = name.replace(/^@/, "");
    if (bare.includes(".") && domain.safeParse(bare).success) return { email_domain: { domain: bare } };
    throw new Error(`"${name}" is neither an e-mail address nor a domain.`);
  });
}
