/** `/cdn-cgi/access/*`: signing in and out, the key set, and who one is. The local stand-in for Access itself. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { groupsOf } from "../issuer/identities.ts";
import { ACCESS_PATHS, type AccessClaims, type Issuer } from "../issuer/index.ts";
import { emailFlag, groupsFlag } from "../lib/flags.ts";
import { EdgeError } from "./errors.ts";
import { isForeign, safeReturn, TOKEN_COOKIE } from "./guard.ts";
import { signInPage } from "./pages.ts";
import { readBody, sendJson, sendPage, sendRedirect } from "./respond.ts";

/** Life of a sign-in, as an Access application has it by default. */
const SESSION_SECONDS = 24 * 60 * 60;
/** Clients may keep the key set this long; a rotated key stays listed, so nothing breaks meanwhile. */
const KEY_SET_MAX_AGE_SECONDS = 60;

const form = z.object({ as: z.string(), groups: z.string(), redirect: z.string() });

export interface SignIn {
  /** Answers a request under `/cdn-cgi/`. `holder`: who asks, if they hold a valid token. */
  handle(req: IncomingMessage, res: ServerResponse, url: URL, holder: AccessClaims | null): Promise<void>;
}

export function createSignIn(options: { issuer: Issuer; now(): number }): SignIn {
  const { issuer, now } = options;

  async function login(req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> {
    if (req.method === "GET" || req.method === "HEAD") {
      const note = url.searchParams.has("signed-out") ? "You are signed out." : undefined;
      // `redirect_url` is what Access itself calls it, and the Worker with it.
      const wanted = url.searchParams.get("redirect") ?? url.searchParams.get("redirect_url");
      const redirect = returnPath(wanted, issuer.origin);
      sendPage(res, 200, signInPage({ redirect, ...(note ? { note } : {}) }));
      return;
    }
    if (req.method !== "POST") throw wrongMethod("GET or POST");
    // Another site may not sign a person in as somebody of its choice.
    if (isForeign(req.headers, issuer.origin, true)) {
      throw new EdgeError(
        "origin_refused",
        "Only the sign-in page itself may sign you in. Open it and choose there.",
      );
    }
    const fields = new URLSearchParams(await readBody(req));
    const given = form.parse({
      as: fields.get("as") ?? "",
      groups: fields.get("groups") ?? "",
      redirect: fields.get("redirect") ?? "",
    });
    const email = emailFlag.safeParse(given.as);
    if (!email.success) {
      const redirect = returnPath(given.redirect, issuer.origin);
      const typed = { email: given.as, groups: given.groups };
      sendPage(res, 400, signInPage({ redirect, note: "That is not an e-mail address.", typed }));
      return;
    }
    const typedGroups = groupsFlag.parse(given.groups);
    const token = await issuer.issue({
      email: email.data,
      groups: typedGroups.length > 0 ? typedGroups : groupsOf(email.data),
      ttlSeconds: SESSION_SECONDS,
      now: now(),
    });
    const cookie = `${TOKEN_COOKIE}=${token}; Path=/; Max-Age=${SESSION_SECONDS}; HttpOnly; SameSite=Lax`;
    sendRedirect(res, safeReturn(given.redirect, issuer.origin), { "set-cookie": cookie });
  }

  return {
    async handle(req, res, url, holder) {
      switch (url.pathname) {
        case ACCESS_PATHS.login:
        // As Access has it on the team's domain: the host that one signs in to is part of the path.
        case `${ACCESS_PATHS.login}/${new URL(issuer.origin).hostname}`:
          return login(req, res, url);
        case ACCESS_PATHS.logout:
          onlyGet(req);
          return sendRedirect(res, `${issuer.origin}${ACCESS_PATHS.login}?signed-out`, {
            "set-cookie": `${TOKEN_COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax`,
          });
        case ACCESS_PATHS.certs:
          onlyGet(req);
          return sendJson(res, 200, await issuer.keySet(), {
            "cache-control": `public, max-age=${KEY_SET_MAX_AGE_SECONDS}`,
          });
        case ACCESS_PATHS.identity:
          onlyGet(req);
          if (!holder) throw new EdgeError("unauthenticated", `Sign in first, at ${ACCESS_PATHS.login}.`);
          return sendJson(res, 200, issuer.identity(holder));
        default:
          throw new EdgeError(
            "not_found",
            "There is nothing here. The local Access has login, logout, certs and get-identity.",
          );
      }
    },
  };
}

/** A safe return address as a path, for the form's hidden field; empty for the start page. */
function returnPath(wanted: string | null, origin: string): string {
  const path = safeReturn(wanted, origin).slice(origin.length);
  return path === "/" ? "" : path;
}

function onlyGet(req: IncomingMessage): void {
  if (req.method !== "GET" && req.method !== "HEAD") throw wrongMethod("GET");
}

const wrongMethod = (allowed: string): EdgeError =>
  new EdgeError("method_not_allowed", `This address takes ${allowed} only.`);
