/// <reference path="./html.d.ts" />
/** What leaves: security headers, and errors that are rich in the log and generic on the wire. */
import { routePath } from "hono/route";
import { z } from "zod";
import { type Settings, settingsOf } from "../env.ts";
import { AppError, ERROR_STATUS, type ErrorCode, toWire, type WireError } from "../errors.ts";
import type { RouterContext } from "./context.ts";
import errorPage from "./error.html";
import { RATE_PERIOD_SECONDS } from "./rate.ts";
import { SIGN_OUT_PATH, signInUrl } from "./sign-in.ts";
import { pathOf } from "./unguarded.ts";

/** SHA-256 of the style in `error.html`, for its policy. A test computes it again. */
export const ERROR_STYLE_HASH = "sha256-YwAZqG+lqpMiCsBWMeRGy8Rv0ACazL8fIQbUmRSX2Lk=";

const PERMISSIONS = [
  "accelerometer",
  "camera",
  "geolocation",
  "gyroscope",
  "magnetometer",
  "microphone",
  "payment",
  "usb",
];

const BASE_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
  "permissions-policy": PERMISSIONS.map((feature) => `${feature}=()`).join(", "),
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** What a JSON answer, a file or an error may do when a browser shows it after all: nothing. */
const CLOSED_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Puts the headers on that a response does not carry yet. A socket's handshake is left alone. */
export function secured(response: Response, { https }: { https: boolean }): Response {
  if (response.webSocket || response.status === 101) return response;
  const missing = https ? BASE_HTTPS : BASE;
  try {
    withHeaders(response.headers, missing);
    return response;
  } catch {
    // What another Worker or a binding answered is sealed: then it is made anew.
    const headers = new Headers(response.headers);
    withHeaders(headers, missing);
    return new Response(response.body, { status: response.status, headers });
  }
}

const BASE = Object.entries(BASE_HEADERS);
/** A year, for this host alone: what else is on the domain is not ours to decide on. */
const BASE_HTTPS = [...BASE, ["strict-transport-security", "max-age=31536000"] as const];

function withHeaders(headers: Headers, missing: readonly (readonly [string, string])[]): void {
  for (const [name, value] of missing) if (!headers.has(name)) headers.set(name, value);
  if (!headers.has("content-security-policy")) headers.set("content-security-policy", CLOSED_POLICY);
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
}

/** The console's policy: our own origin, its sockets, pictures that were read as files, and the content host. */
export function consolePolicy({ publicOrigin, contentOrigin }: Settings): string {
  const sockets = publicOrigin.replace(/^http/, "ws");
  return [
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    `connect-src 'self' ${sockets} ${contentOrigin}`,
    `frame-src ${contentOrigin}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; ");
}

/** The policy of a shared chat's page: its own files and pictures that are in the text. It talks to nobody else. */
export const sharePolicy = (): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "font-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");

// --- errors -------------------------------------------------------------------------------------------------

const isCode = (code: unknown): code is ErrorCode =>
  typeof code === "string" && Object.hasOwn(ERROR_STATUS, code);

const wireBody = z.object({ error: z.object({ code: z.custom<ErrorCode>(isCode), message: z.string() }) });

/** The error in an actor's JSON answer, or `null` if it is not one of ours. */
export function wireErrorFrom(body: unknown): WireError | null {
  const parsed = wireBody.safeParse(body);
  return parsed.success ? parsed.data.error : null;
}

const remoteError = z.object({
  name: z.literal("AppError"),
  code: z.custom<ErrorCode>(isCode),
  message: z.string(),
});
const unavailable = z.union([
  z.object({ retryable: z.literal(true) }),
  z.object({ overloaded: z.literal(true) }),
  z.object({ durableObjectReset: z.literal(true) }),
]);

/** The `AppError` in whatever was thrown. One that crossed an RPC is a plain `Error` with our name and code on it. */
export function appErrorOf(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof Error) {
    const remote = remoteError.safeParse({
      name: error.name,
      code: "code" in error && error.code,
      message: error.message,
    });
    if (remote.success) return new AppError(remote.data.code, remote.data.message, { cause: error });
    if (unavailable.safeParse({ ...error }).success) {
      return new AppError("storage_failed", "The agent is busy or restarting. Try again in a moment.", {
        cause: error,
      });
    }
  }
  const { code, message } = toWire(error);
  return new AppError(code, message, { cause: error });
}

/** Logs an error and answers it: a page for a browser that asked for one, JSON for everybody else. */
export async function failed(
  c: RouterContext,
  thrown: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  const error = appErrorOf(thrown);
  logFailure(c, error);
  const all = { ...headers };
  if (error.code === "upgrade_refused") all.upgrade = "websocket";
  if (error.code === "rate_limited") all["retry-after"] = String(RATE_PERIOD_SECONDS);
  const wire = toWire(error);
  if (!wantsPage(c.req.raw)) return Response.json({ error: wire }, { status: error.status, headers: all });
  return new Response(renderError(wire, error.status, waysOn(c, error.code)), {
    status: error.status,
    headers: {
      ...all,
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `${CLOSED_POLICY}; style-src '${ERROR_STYLE_HASH}'`,
    },
  });
}

/** The route's pattern and the user, never the path's or the query's own text: those may hold names and secrets. */
export function logFailure(c: RouterContext, error: AppError): void {
  const expected = error.status < 500;
  if (expected && error.status !== 401 && error.status !== 403) return;
  const entry = {
    event: "request_failed",
    code: error.code,
    method: c.req.method,
    route: c.get("route") ?? routePath(c, -1),
    user: c.get("principal")?.userId,
    ray: c.req.header("cf-ray"),
    error: expected
      ? brief(error.cause)
      : [describe(error), describe(error.cause)].filter(Boolean).join("\ncaused by "),
  };
  (expected ? console.info : console.error)(JSON.stringify(entry));
}

const brief = (cause: unknown): string | undefined => (cause === undefined ? undefined : String(cause));
const describe = (cause: unknown): string | undefined =>
  cause instanceof Error ? (cause.stack ?? brief(cause)) : brief(cause);

/** Navigations of a browser. Programs, fetches of the console and upgrades get JSON. */
function wantsPage(request: Request): boolean {
  return (
    (request.method === "GET" || request.method === "HEAD") &&
    !request.headers.has("Upgrade") &&
    !new URL(request.url).pathname.startsWith("/api/") &&
    (request.headers.get("Accept") ?? "").includes("text/html")
  );
}

const TITLES: Readonly<Record<number, string>> = {
  401: "You are not signed in",
  403: "This is not yours to open",
  404: "There is nothing here",
  503: "Not available right now",
};
/** Where the code says more than the status. */
const TITLES_BY_CODE: Partial<Record<ErrorCode, string>> = {
  requirement_unmet: "Something is missing for this",
  not_admitted: "You have no access yet",
  account_disabled: "Your access is switched off",
  agent_missing: "You are in no team yet",
  origin_refused: "Sent by another site",
  config_missing: "Not set up yet",
  share_over: "This link leads nowhere any more",
};

interface Link {
  href: string;
  label: string;
}
const HOME: Link = { href: "/", label: "Go to your own agent" };
// An empty address is the page itself: what was wanted is asked for again.
const AGAIN: Link = { href: "", label: "Try again" };
const SIGN_OUT: Link = { href: SIGN_OUT_PATH, label: "Sign in as somebody else" };

/** What a person can do next: the likeliest first. */
function waysOn(c: RouterContext, code: ErrorCode): readonly [Link, Link?] {
  const signIn = (label: string): Link => {
    const { url } = c.req.raw;
    return { href: signInUrl(settingsOf(c.env), pathOf(url) + new URL(url).search), label };
  };
  switch (code) {
    case "unauthenticated":
      return [signIn("Sign in")];
    case "requirement_unmet":
      return [AGAIN, signIn("Sign in again")];
    case "forbidden":
      return [HOME, SIGN_OUT];
    case "not_admitted":
    case "account_disabled":
    case "agent_missing":
      return [AGAIN, SIGN_OUT];
    case "config_missing":
    case "storage_failed":
    // Who follows a link need not have an agent here.
    case "share_over":
      return [AGAIN];
    default:
      return [HOME];
  }
}

/** The error as a page. Everything in it is escaped. */
export function renderError(wire: WireError, status: number, [first, other]: readonly [Link, Link?]): string {
  const values: Record<string, string> = {
    title: TITLES_BY_CODE[wire.code] ?? TITLES[status] ?? "That did not work",
    message: wire.message,
    status: String(status),
    code: wire.code,
    href: first.href,
    label: first.label,
    otherHref: other?.href ?? "",
    otherLabel: other?.label ?? "",
    otherShown: other ? "yes" : "",
  };
  return errorPage.replace(/\{\{(\w+)\}\}/g, (_, key: string) => escapeHtml(values[key] ?? ""));
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
