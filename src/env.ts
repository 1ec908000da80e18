/** Bindings and settings, parsed once per isolate, with an error that names what is missing. */
import { type Channels, parseChannels } from "./channels.ts";
import { AppError } from "./errors.ts";
import type { ConversationRpc, UserRpc } from "./protocol/rpc.ts";
import { parseSpending, type Spending } from "./spending.ts";

/** What the platform hands us. Names are those of `wrangler.toml`. */
export interface Env {
  CONVERSATION: DurableObjectNamespace;
  USER: DurableObjectNamespace;
  CATALOG: D1Database;
  FILES: R2Bucket;
  ASSETS: Fetcher;
  /** In production the AI binding; absent on one machine, where `AI_GATEWAY_URL` is set. */
  AI?: Ai;
  ACCESS_TEAM_DOMAIN?: string;
  ACCESS_AUD?: string;
  PUBLIC_ORIGIN?: string;
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
}

export interface Settings {
  /** Issuer of Access tokens, without a trailing slash. */
  accessTeamDomain: string;
  accessAudience: string;
  /** Origin that browsers use, exactly as in their `Origin` header. */
  publicOrigin: string;
  gatewayId: string;
  /** Base URL of the local gateway; empty in production. */
  gatewayUrl: string;
  defaultModel: string;
  /** `provider/model` that sums up long chats; empty for the model that the agent uses. */
  compactModel: string;
  spending: Spending;
  /** Where replies may be owed, by name. */
  channels: Channels;
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
  const settings: Settings = {
    spending,
    channels,
    accessTeamDomain: text("ACCESS_TEAM_DOMAIN", env.ACCESS_TEAM_DOMAIN).replace(/\/$/, ""),
    accessAudience: text("ACCESS_AUD", env.ACCESS_AUD),
    publicOrigin: text("PUBLIC_ORIGIN", env.PUBLIC_ORIGIN).replace(/\/$/, ""),
    gatewayId: env.AI_GATEWAY_ID || "default",
    gatewayUrl: (env.AI_GATEWAY_URL ?? "").replace(/\/$/, ""),
    compactModel: env.COMPACT_MODEL ?? "",
    defaultModel: env.DEFAULT_MODEL || "anthropic/claude-sonnet-4-6",
  };
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
  parsed.set(env, settings);
  return settings;
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
