/** Bindings and settings, parsed once per isolate, with an error that names what is missing. */
import { type Channels, parseChannels } from "./channels.ts";
import { AppError } from "./errors.ts";
import { Keyring, parseMasterKeys } from "./keyring.ts";
import { limits } from "./limits.ts";
import type { ConversationRpc, UserRpc } from "./protocol/rpc.ts";
import { parseRequirements, type Requirement } from "./requirements.ts";
import { parseRoles, type RoleMapping } from "./roles.ts";
import { parseSpending, type Spending } from "./spending.ts";

/** What the platform hands us. Names are those of `wrangler.toml`. */
export interface Env {
  CONVERSATION: DurableObjectNamespace;
  USER: DurableObjectNamespace;
  CATALOG: D1Database;
  FILES: R2Bucket;
  ASSETS: Fetcher;
  /** See `router/rate.ts`. */
  RATE_PRINCIPAL: RateLimit;
  RATE_ADDRESS: RateLimit;
  RATE_FAILURE: RateLimit;
  /** In production the AI binding; absent on one machine, where `AI_GATEWAY_URL` is set. */
  AI?: Ai;
  ACCESS_TEAM_DOMAIN?: string;
  ACCESS_AUD?: string;
  PUBLIC_ORIGIN?: string;
  CONTENT_ORIGIN?: string;
  /** A secret. See `keyring.ts`. */
  MASTER_KEYS?: string;
  AI_GATEWAY_ID?: string;
  AI_GATEWAY_URL?: string;
  DEFAULT_MODEL?: string;
  COMPACT_MODEL?: string;
  /** See `spending.ts`. */
  PRICES?: string;
  DAILY_LIMIT_USD?: string;
  DAILY_LIMIT_TOKENS?: string;
  /** See `channels.ts`. */
  CHANNELS?: string;
  /** See `roles.ts`. */
  ROLES?: string;
  DEFAULT_ROLE?: string;
  /** See `requirements.ts`. */
  REQUIREMENTS?: string;
  /** Days for which the catalog knows who asked for what and who changed what. */
  AUDIT_DAYS?: string;
}

export interface Settings {
  /** Issuer of Access tokens, without a trailing slash. */
  accessTeamDomain: string;
  accessAudience: string;
  /** Origin that browsers use, exactly as in their `Origin` header. */
  publicOrigin: string;
  /** Origin that files of users and agents are served from: another host, where nobody is signed in. */
  contentOrigin: string;
  /** What is sealed and signed with the deployment's own secret. */
  keyring: Keyring;
  gatewayId: string;
  /** Base URL of the local gateway; empty in production. */
  gatewayUrl: string;
  defaultModel: string;
  /** `provider/model` that sums up long chats; empty for the model that the agent uses. */
  compactModel: string;
  spending: Spending;
  /** Where replies may be owed, by name. */
  channels: Channels;
  roles: RoleMapping;
  /** What has to hold beyond a sign-in, route by route. */
  requirements: readonly Requirement[];
  /** How long the index of changes and the log of requests are kept. */
  auditDays: number;
}

const parsed = new WeakMap<Env, Settings>();

/** The settings, or a `config_missing` error that lists every variable that is missing or wrong. */
export function settingsOf(env: Env): Settings {
  const known = parsed.get(env);
  if (known) return known;
  const problems: string[] = [];
  const text = (name: keyof Env, value: string | undefined): string => {
    if (!value) problems.push(`${name} is empty`);
    return value ?? "";
  };
  const { spending, problems: unread } = parseSpending(env);
  problems.push(...unread);
  const { channels, problems: unreadChannels } = parseChannels(env.CHANNELS);
  problems.push(...unreadChannels);
  const { roles, problems: unreadRoles } = parseRoles(env);
  problems.push(...unreadRoles);
  const { requirements, problems: unreadRequirements } = parseRequirements(env.REQUIREMENTS);
  problems.push(...unreadRequirements);
  const { keys, problems: unreadKeys } = parseMasterKeys(env.MASTER_KEYS);
  problems.push(...unreadKeys);
  const auditDays = Number(env.AUDIT_DAYS || limits.auditDays);
  if (!Number.isInteger(auditDays) || auditDays < 1)
    problems.push("AUDIT_DAYS is a number of days, 1 or more");
  const settings: Omit<Settings, "keyring"> = {
    auditDays,
    spending,
    channels,
    roles,
    requirements,
    accessTeamDomain: text("ACCESS_TEAM_DOMAIN", env.ACCESS_TEAM_DOMAIN).replace(/\/$/, ""),
    accessAudience: text("ACCESS_AUD", env.ACCESS_AUD),
    publicOrigin: text("PUBLIC_ORIGIN", env.PUBLIC_ORIGIN).replace(/\/$/, ""),
    contentOrigin: text("CONTENT_ORIGIN", env.CONTENT_ORIGIN).replace(/\/$/, ""),
    gatewayId: env.AI_GATEWAY_ID || "default",
    gatewayUrl: (env.AI_GATEWAY_URL ?? "").replace(/\/$/, ""),
    compactModel: env.COMPACT_MODEL ?? "",
    defaultModel: env.DEFAULT_MODEL || "anthropic/claude-sonnet-4-6",
  };
  problems.push(...contentProblems(settings));
  if (settings.gatewayUrl && !isLoopback(settings.gatewayUrl)) {
    problems.push("AI_GATEWAY_URL is for one machine only: it must be a loopback address");
  }
  if (!settings.gatewayUrl && !env.AI) problems.push("there is neither an AI binding nor AI_GATEWAY_URL");
  if (problems.length > 0) {
    throw new AppError(
      "config_missing",
      `Holdfast is not configured: ${problems.join("; ")}. See docs/operations.md.`,
    );
  }
  const whole = { ...settings, keyring: new Keyring(keys) };
  parsed.set(env, whole);
  return whole;
}

/** What is wrong with the second host. Anything that is served from our own could act for whoever looks at it. */
function contentProblems({
  publicOrigin,
  contentOrigin,
}: Pick<Settings, "publicOrigin" | "contentOrigin">): string[] {
  if (!publicOrigin || !contentOrigin) return [];
  if (!URL.canParse(contentOrigin) || new URL(contentOrigin).origin !== contentOrigin)
    return ["CONTENT_ORIGIN is not an origin, as in https://holdfast-content.example.net"];
  if (URL.canParse(publicOrigin) && new URL(publicOrigin).hostname === new URL(contentOrigin).hostname)
    return ["CONTENT_ORIGIN has to be another host than PUBLIC_ORIGIN"];
  if (!contentOrigin.startsWith("https:") && !isLoopback(contentOrigin))
    return ["CONTENT_ORIGIN has to be https"];
  return [];
}

/** Whether a URL's host is this machine. */
export function isLoopback(url: string): boolean {
  const host = URL.canParse(url) ? new URL(url).hostname : "";
  return (
    host === "localhost" ||
    host === "[::1]" ||
    /^127(\.\d{1,3}){3}$/.test(host) ||
    host.endsWith(".localhost")
  );
}

/** Stubs typed by what the other rooms may know of an actor. */
export const conversationStub = (env: Env, name: string) =>
  env.CONVERSATION.get(env.CONVERSATION.idFromName(name)) as unknown as ConversationRpc & Fetcher; // the class implements ConversationRpc
export const userStub = (env: Env, userId: string) =>
  env.USER.get(env.USER.idFromName(userId)) as unknown as UserRpc & Fetcher; // the class implements UserRpc
