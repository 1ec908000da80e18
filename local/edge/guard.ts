/**
 * The decisions of the edge, without any I/O: where a request goes, which credential it carries, whether another site
 * sent it, and where a person may be taken after signing in.
 */
import type { IncomingHttpHeaders } from "node:http";
import { ACCESS_PATHS } from "../issuer/index.ts";

/** Cookie that Access keeps a person's token in. */
export const TOKEN_COOKIE = "CF_Authorization";
/** Header that programs send a token in; Access takes it at the edge. */
export const TOKEN_HEADER = "cf-access-token";
/** Longest token worth a signature check; Access tokens are 1 to 4 KB. */
export const TOKEN_CHARS = 16 * 1024;
/** Longest path that is remembered across a sign-in. */
const RETURN_CHARS = 2048;

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Whether a request could change something: a method that is not safe, or a socket. */
export const canMutate = (method: string, upgrade: boolean): boolean => upgrade || !SAFE_METHODS.has(method);

/**
 * The URL that a request line names, normalised exactly as the Worker will see it (`/keyed/../api` is `/api`), or
 * `null` for anything but a path: `CONNECT`, `*` and absolute forms are for proxies.
 */
export function targetOf(requestTarget: string, origin: string): URL | null {
  if (!requestTarget.startsWith("/")) return null;
  // Not `new URL(target, origin)`: there `//host/` names another host.
  return URL.canParse(origin + requestTarget) ? new URL(origin + requestTarget) : null;
}

/** Name of the second host, for files of users and agents: browsers take it to this machine by themselves (RFC 6761). */
export const CONTENT_HOST = "content.localhost";

/** Whose host a request names: the one we serve, the one for files, a name for the same machine, or somebody else's. */
export function hostOf(host: string | undefined, port: number): "ours" | "content" | "alias" | "foreign" {
  if (host === `${CONTENT_HOST}:${port}` || (port === 80 && host === CONTENT_HOST)) return "content";
  if (host === `127.0.0.1:${port}`) return "ours";
  // Port 80 is left out of `Host` by browsers.
  if (port === 80 && host === "127.0.0.1") return "ours";
  return host === `localhost:${port}` || (port === 80 && host === "localhost") ? "alias" : "foreign";
}

export type Credential =
  | { kind: "token"; token: string; from: "header" | "cookie" }
  | { kind: "service"; clientId: string; clientSecret: string };

/**
 * What a request offers: the token header, else a service's id and secret, else the cookie. A header comes before
 * the cookie because somebody put it there on purpose.
 */
export function credentialOf(headers: IncomingHttpHeaders): Credential | null {
  const token = single(headers[TOKEN_HEADER]);
  if (token) return { kind: "token", token, from: "header" };
  const clientId = single(headers["cf-access-client-id"]);
  const clientSecret = single(headers["cf-access-client-secret"]);
  if (clientId && clientSecret) return { kind: "service", clientId, clientSecret };
  const cookie = cookieOf(headers.cookie ?? "", TOKEN_COOKIE);
  return cookie ? { kind: "token", token: cookie, from: "cookie" } : null;
}

const single = (value: string | string[] | undefined): string | undefined =>
  typeof value === "string" ? value : undefined;

/** The first cookie of that name. */
export function cookieOf(header: string, name: string): string | null {
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return null;
}

/**
 * Whether a request that could change something was sent by a page of another site, or by one that we cannot tell.
 * Other ports of this machine are "same-site" to a browser and get the cookie, so only `same-origin` is ours. A
 * request with a header credential and no sign of a browser is a program's own.
 */
export function isForeign(headers: IncomingHttpHeaders, origin: string, fromCookie: boolean): boolean {
  if (headers.origin !== undefined) return headers.origin !== origin;
  const site = single(headers["sec-fetch-site"]);
  if (site !== undefined) return site !== "same-origin";
  return fromCookie;
}

/** A path as it may stand in a log: where a link's address is its credential, without it. */
export const loggable = (pathname: string): string => pathname.replace(/^\/(s|f)\/.*/, "/$1/…");

/** Whether a person in front of a browser is waiting for a page. */
export function wantsPage(method: string, headers: IncomingHttpHeaders): boolean {
  return (method === "GET" || method === "HEAD") && /\btext\/html\b/i.test(headers.accept ?? "");
}

/**
 * Where a person goes after signing in, as an absolute URL of our own origin. Whatever else is asked for (another
 * host in any spelling, the sign-in page itself) becomes the start page.
 */
export function safeReturn(wanted: string | null | undefined, origin: string): string {
  const home = `${origin}/`;
  if (!wanted || wanted.length > RETURN_CHARS || !wanted.startsWith("/")) return home;
  const url = targetOf(wanted, origin);
  if (!url || url.origin !== origin || url.pathname.startsWith("/cdn-cgi/")) return home;
  // Absolute, because a normalised path may begin with two slashes, which as a location would be another host.
  return url.href;
}

/** The sign-in page for somebody on their way to `url`. */
export function loginPath(url: URL): string {
  const there = url.pathname + url.search;
  return there === "/" || there.length > RETURN_CHARS
    ? ACCESS_PATHS.login
    : `${ACCESS_PATHS.login}?redirect=${encodeURIComponent(there)}`;
}
